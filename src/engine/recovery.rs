//! What is done about a failure, in one table.
//!
//! One layer owns each retry, and it is this one: hosts, pipelines and browsers' own retries do not multiply it.
//!
//! | fault | what it is | remedy |
//! |---|---|---|
//! | [`Fault::Network`] | no connection, a reset, an offline host | retry |
//! | [`Fault::Short`] | the body ended early | retry |
//! | [`Fault::Timeout`] | no first byte, or bytes stopped, for too long | retry |
//! | [`Fault::Server`] | 5xx, 408, 425, 429 | retry, not before `Retry-After` |
//! | [`Fault::Refused`] | 401, 403 | fatal: the right to watch is not a matter of patience |
//! | [`Fault::Gone`] | 404, 410 and every other 4xx | fatal |
//! | [`Fault::NotThere`] | 404 or 410 for a segment of a live stream | retry twice (it may be on its way to this server), then step over it |
//! | [`Fault::Corrupt`] | the body is not what it should be | retry once (a cache may have served a broken copy) |
//! | [`Fault::WrongKey`] | a new key opens nothing | ask for it, and for the segment, once more |
//!
//! Retries wait 0.5 s, 1 s, 2 s, ... up to 8 s, each shortened by up to a half at random, so that a server that
//! comes back is not met by every viewer at once. A playlist, key or play info is tried 4 times, a segment 6
//! times. Bodies that came whole and are not what they should be are counted apart from what the network broke. Beyond
//! that, what may pass ([`Fault::may_pass`]) is still retried as long as there is something buffered to
//! play, and as long as the host says that it has no network: neither ends a session that can go on. When nothing
//! answers any more ([`Fault::is_silence`]) although a picture was shown before, that is waited out for a minute.
//!
//! When a rung's playlist or segment is beyond retrying and that is the rung's own fault ([`Fault::is_of_the_rung`]),
//! the rung is taken out of use and another one goes on in its place; the last one's failure is the session's.

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

    /// Whether no server had a say in it.
    pub(crate) fn is_silence(self) -> bool {
        matches!(self, Self::Network(_) | Self::Short | Self::Timeout)
    }

    /// Whether another rung may be free of it.
    pub(crate) fn is_of_the_rung(self) -> bool {
        matches!(self, Self::Server { .. } | Self::Gone { .. } | Self::Corrupt)
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

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Ask again after this time.
    Retry(Duration),
    /// End the session.
    Fatal,
}

/// What to do about `fault`, when `failures` attempts (this one included) have failed; `jitter` is a random number.
pub(crate) fn remedy(kind: RequestKind, fault: Fault, failures: u32, jitter: u64) -> Remedy {
    let attempts = match (fault, kind) {
        (Fault::Refused { .. } | Fault::Gone { .. }, _) => 1,
        (Fault::Corrupt | Fault::WrongKey, _) => 2,
        (Fault::NotThere { .. }, _) => 3,
        (_, RequestKind::Segment) => 6,
        (_, RequestKind::PlayInfo | RequestKind::Playlist | RequestKind::Key | RequestKind::Telemetry) => 4,
    };
    if failures >= attempts {
        return Remedy::Fatal;
    }
    Remedy::Retry(delay(fault, failures, jitter))
}

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
/// A body of which nothing comes for this long has failed: a connection that was fast enough to begin and then fell
/// silent rarely recovers, and what is buffered plays out meanwhile.
pub(crate) const BODY_PATIENCE: Duration = Duration::from_secs(5);

/// An outage that is longer than this is an error. A tunnel, a lift, a router that starts anew take less.
pub(crate) const OUTAGE_PATIENCE: Duration = Duration::from_secs(60);

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
                let attempts = (1..100).find(|&n| remedy(kind, fault, n, 0) == Remedy::Fatal).unwrap();
                assert!(attempts <= 6, "{fault:?} {kind:?}");
            }
        }
    }

    #[test]
    fn delays_double_and_are_shortened_at_random_by_half_at_most() {
        let fault = Fault::Network(NetFailure::Network);
        for (failures, full) in [(1, 500), (2, 1000), (3, 2000), (4, 4000), (5, 8000)] {
            assert_eq!(
                remedy(RequestKind::Segment, fault, failures, 0),
                Remedy::Retry(Duration::from_millis(full))
            );
            let Remedy::Retry(shortest) = remedy(RequestKind::Segment, fault, failures, u64::MAX) else {
                panic!("retries")
            };
            assert!(shortest >= Duration::from_millis(full / 2) && shortest < Duration::from_millis(full));
        }
    }

    #[test]
    fn the_server_is_not_asked_before_it_wants_to_be() {
        let fault = Fault::Server { status: 503, retry_after: Some(Duration::from_secs(7)) };
        assert_eq!(remedy(RequestKind::Key, fault, 1, 0), Remedy::Retry(Duration::from_secs(7)));
    }

    #[test]
    fn a_refusal_is_not_retried_and_keeps_its_status() {
        let fault = Fault::of_status(403, None).unwrap();
        assert_eq!(remedy(RequestKind::Key, fault, 1, 0), Remedy::Fatal);
        assert_eq!((fault.code(), fault.status()), ("access_refused", Some(403)));
    }
}
