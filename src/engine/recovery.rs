//! What is done about a failure, in one table.
//!
//! One layer owns each retry, and it is this one: hosts, pipelines and browsers' own retries do not multiply it. Each row
//! has a test of its name in `tests/native/recovery.rs`.
//!
//! | row | what fails | attempts | and then |
//! |---|---|---|---|
//! | `offline` | the host says that it has no network ([`Fault::Network`]) | until it is back | |
//! | `network` | no connection, a reset one, a refused CORS check ([`Fault::Network`]) | many | address, source |
//! | `timeout_head` | no first byte for 10 s, or not all of play info within 3 s ([`Fault::Timeout`]) | many | address, source |
//! | `timeout_body` | no further byte for 5 s ([`Fault::Timeout`]) | many | address, source |
//! | `short` | the body ends early ([`Fault::Short`]) | many | address, source |
//! | `server` | 5xx, 408, 425 ([`Fault::Server`]) | many | address, rung, skip, source |
//! | `too_many` | 429, and whatever has `Retry-After` ([`Fault::Server`]) | many, none before that time (60 s at most) | address, rung, skip, source |
//! | `refused` | 401, 403 ([`Fault::Refused`]) | 1: the right to watch is not a matter of patience | source |
//! | `gone` | 404, 410, 416 and every other 4xx ([`Fault::Gone`]) | 1 | address, rung, skip, source |
//! | `not_there` | 404 or 410 for a segment of a live stream ([`Fault::NotThere`]) | 3: it may be on its way to this server | skip, source |
//! | `corrupt` | the body is not what it should be, or only a part of it was asked for and all of it comes ([`Fault::Corrupt`]) | 2: a cache may have a broken copy | address, rung, skip, source |
//! | `wrong_key` | a new key opens nothing ([`Fault::WrongKey`]) | 2, key and segment | source |
//! | `append`, `decode` | the browser takes the media no longer, or has no source buffer for a kind of track that comes late | once a minute anew in the same place | rung or skip, source |
//! | `unsupported` | the browser does not take the codec | 1 | rung, source |
//! | `quota` | the source buffer has no room | what is behind goes, then what seeks left ahead; a smaller goal for a minute; for 10 s while nothing can play | source |
//! | `standstill` | the element does not move with media at hand | see `standstill` | rung or skip, source |
//!
//! *Many* is 6 for a segment and 4 for anything else; 15, which is about a minute, once something has played: then there is a viewer
//! in the middle of something who loses their place; 3 if something can take the place of what fails. Beyond that, what may pass
//! ([`Fault::may_pass`]) is still retried as long as there is something buffered to play. Retries wait 0.5 s, 1 s, 2 s,
//! ... up to 8 s, each shortened by up to a half at random, so that a server that comes back is not met by every
//! viewer at once. Bodies that came whole and are not what they should be are counted apart from what the network broke.
//!
//! What takes the place of what fails is the first there is of:
//! - *address*: the same variant elsewhere (RFC 8216bis §4.4.6.2 has it listed twice);
//! - *rung*: another rung, or another rendition of the group;
//! - *skip*: a segment that nobody has is left out, once something has played, two in a row at most, or any number of a live
//!   stream that has no other source;
//! - *source*: the next source of the page's list, at the same place.
//!
//! Without any of them the session ends. An address, rung or rendition that was left is left alone for 30 s, then for
//! twice as long each time, ten minutes at most; a segment that it fails to give then is not asked for again, until one
//! comes through ([`Standing`](super::standing::Standing)).

use core::time::Duration;

use super::io::{NetFailure, RequestKind};

/// A failure, by what can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Network(NetFailure),
    Short,
    Timeout,
    Server { status: u16, retry_after: Option<Duration> },
    Refused { status: u16 },
    Gone { status: u16 },
    NotThere { status: u16 },
    Corrupt,
    WrongKey,
}

impl Fault {
    /// The fault that an HTTP status means; none for success.
    pub(crate) fn of_status(status: u16, retry_after: Option<Duration>) -> Option<Self> {
        match status {
            200..=299 => None,
            401 | 403 => Some(Self::Refused { status }),
            408 | 425 | 429 => Some(Self::Server { status, retry_after }),
            400..=499 => Some(Self::Gone { status }),
            _ => Some(Self::Server { status, retry_after }),
        }
    }

    /// Whether waiting can help.
    pub(crate) fn may_pass(self) -> bool {
        matches!(self, Self::Network(_) | Self::Short | Self::Timeout | Self::Server { .. })
    }

    /// Whether another rung may be free of it.
    pub(crate) fn is_of_the_rung(self) -> bool {
        matches!(self, Self::Server { .. } | Self::Gone { .. } | Self::Corrupt)
    }

    /// Whether another address may be free of it.
    pub(crate) fn is_of_the_server(self) -> bool {
        self.is_of_the_rung() || self.is_of_the_whole_server() || self == Self::Short
    }

    /// Whether whatever else is at the same server may have it too.
    pub(crate) fn is_of_the_whole_server(self) -> bool {
        matches!(self, Self::Network(NetFailure::Network) | Self::Timeout | Self::Server { .. })
    }

    /// The stable code a page sees.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Network(NetFailure::Offline) => "offline",
            Self::Network(_) => "network",
            Self::Short => "short_body",
            Self::Timeout => "timeout",
            Self::Server { .. } => "server_error",
            Self::Refused { .. } => "access_refused",
            Self::Gone { status: 404 | 410 } | Self::NotThere { .. } => "not_found",
            Self::Gone { .. } => "http_status",
            Self::Corrupt => "corrupt",
            Self::WrongKey => "wrong_key",
        }
    }

    /// The HTTP status behind it, if one is.
    pub(crate) fn status(self) -> Option<u16> {
        match self {
            Self::Server { status, .. }
            | Self::Refused { status }
            | Self::Gone { status }
            | Self::NotThere { status } => Some(status),
            _ => None,
        }
    }

    /// One sentence for a developer.
    pub(crate) fn message(self) -> String {
        match self {
            Self::Network(NetFailure::Offline) => "there is no network".into(),
            Self::Network(_) => "no response: no connection, a reset one, or a refused CORS check".into(),
            Self::Short => "the body ended before its announced length".into(),
            Self::Timeout => "no bytes came for too long".into(),
            Self::Server { status, .. } => format!("the server answered {status}"),
            Self::Refused { status } => {
                format!(
                    "the server answered {status}: the token or signature is missing, expired or not for this"
                )
            }
            Self::Gone { status } | Self::NotThere { status } => format!("the server answered {status}"),
            Self::Corrupt => "the body is not what it should be".into(),
            Self::WrongKey => "the key does not decrypt this segment".into(),
        }
    }
}

/// What could take the place of what fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Instead {
    /// The same at another address.
    pub(crate) elsewhere: bool,
    /// Another rung or rendition.
    pub(crate) another: bool,
    /// What fails has failed before, and nothing of it came through since.
    pub(crate) probation: bool,
    /// Nothing could, and something has played.
    pub(crate) played: bool,
}

impl Instead {
    /// Whether anything could.
    pub(crate) fn any(self) -> bool {
        self.elsewhere || self.another
    }
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Ask again after this time.
    Retry(Duration),
    /// Go on without it, or end.
    GiveUp,
}

/// What to do about `fault`, when `failures` attempts (this one included) have failed; `jitter` is a random number.
pub(crate) fn remedy(
    kind: RequestKind,
    fault: Fault,
    failures: u32,
    instead: Instead,
    jitter: u64,
) -> Remedy {
    let attempts = match (fault, kind) {
        _ if instead.any() && instead.probation => 1,
        (Fault::Refused { .. } | Fault::Gone { .. }, _) => 1,
        (Fault::Corrupt | Fault::WrongKey, _) => 2,
        (Fault::NotThere { .. }, _) => 3,
        _ if instead.any() => 3,
        (_, RequestKind::Telemetry) => 4,
        _ if instead.played => 15,
        (_, RequestKind::Segment) => 6,
        (_, RequestKind::PlayInfo | RequestKind::Playlist | RequestKind::Key) => 4,
    };
    if failures >= attempts {
        return Remedy::GiveUp;
    }
    Remedy::Retry(delay(fault, failures, jitter))
}

/// What to do about the browser's refusal of media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mend {
    /// Begin anew in the same place.
    Anew,
    /// The same without what it may be the fault of: on another rung, or behind the segment.
    Without,
    /// Go on with another source, or end.
    GiveUp,
}

/// What to do about the n-th refusal within [`BREAKDOWNS_COUNT_FOR`]; not for want of a codec.
pub(crate) fn mend(breakdowns: u32) -> Mend {
    match breakdowns {
        0 | 1 => Mend::Anew,
        2 => Mend::Without,
        _ => Mend::GiveUp,
    }
}

/// A refusal that long ago does not count any more.
pub(crate) const BREAKDOWNS_COUNT_FOR: Duration = Duration::from_secs(60);

/// How long to wait before the next attempt.
pub(crate) fn delay(fault: Fault, failures: u32, jitter: u64) -> Duration {
    let full = FIRST_DELAY.saturating_mul(1 << failures.saturating_sub(1).min(8)).min(MAX_DELAY);
    let cut = full.mul_f64(0.5 * (jitter >> 11) as f64 / (1u64 << 53) as f64);
    let delay = full - cut;
    match fault {
        Fault::Server { retry_after: Some(after), .. } => delay.max(after.min(MAX_RETRY_AFTER)),
        _ => delay,
    }
}

/// A request whose head does not come for this long has failed.
pub(crate) const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// Play info is a small answer, and nothing can begin without it.
pub(crate) const PLAY_INFO_PATIENCE: Duration = Duration::from_secs(3);
/// A body of which nothing comes for this long has failed: a connection that was fast enough to begin and then fell
/// silent rarely recovers, and what is buffered plays out meanwhile.
pub(crate) const BODY_PATIENCE: Duration = Duration::from_secs(5);

const FIRST_DELAY: Duration = Duration::from_millis(500);
const MAX_DELAY: Duration = Duration::from_secs(8);
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_ends() {
        for fault in [
            Fault::Network(NetFailure::Network),
            Fault::Short,
            Fault::Timeout,
            Fault::Server { status: 503, retry_after: None },
            Fault::Refused { status: 403 },
            Fault::Gone { status: 404 },
            Fault::NotThere { status: 404 },
            Fault::Corrupt,
            Fault::WrongKey,
        ] {
            for kind in [RequestKind::Playlist, RequestKind::Key, RequestKind::Segment] {
                for instead in [
                    Instead::default(),
                    Instead { played: true, ..Instead::default() },
                    Instead { another: true, ..Instead::default() },
                    Instead { another: true, probation: true, ..Instead::default() },
                ] {
                    let gives_up = |n: &u32| remedy(kind, fault, *n, instead, 0) == Remedy::GiveUp;
                    let attempts = (1..100).find(gives_up).unwrap();
                    let most = if instead.probation {
                        1
                    } else if instead.any() {
                        3
                    } else {
                        15
                    };
                    assert!(attempts <= most, "{fault:?} {kind:?} {instead:?}: {attempts}");
                }
            }
        }
    }

    #[test]
    fn delays_double_and_are_shortened_at_random_by_half_at_most() {
        let fault = Fault::Network(NetFailure::Network);
        for (failures, full) in [(1, 500), (2, 1000), (3, 2000), (4, 4000), (5, 8000)] {
            assert_eq!(
                remedy(RequestKind::Segment, fault, failures, Instead::default(), 0),
                Remedy::Retry(Duration::from_millis(full))
            );
            let Remedy::Retry(shortest) =
                remedy(RequestKind::Segment, fault, failures, Instead::default(), u64::MAX)
            else {
                panic!("retries")
            };
            assert!(shortest >= Duration::from_millis(full / 2) && shortest < Duration::from_millis(full));
        }
    }

    #[test]
    fn the_server_is_not_asked_before_it_wants_to_be() {
        let fault = Fault::Server { status: 503, retry_after: Some(Duration::from_secs(7)) };
        assert_eq!(
            remedy(RequestKind::Key, fault, 1, Instead::default(), 0),
            Remedy::Retry(Duration::from_secs(7))
        );
    }

    #[test]
    fn a_refusal_is_not_retried_and_keeps_its_status() {
        let fault = Fault::of_status(403, None).unwrap();
        assert_eq!(remedy(RequestKind::Key, fault, 1, Instead::default(), 0), Remedy::GiveUp);
        assert_eq!((fault.code(), fault.status()), ("access_refused", Some(403)));
    }
}
