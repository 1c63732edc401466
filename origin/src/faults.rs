//! Faults that an administrator plants in a session: which requests go wrong, how, and how often.

use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::app::lock;

/// How a response goes wrong.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Fault {
    /// Answered with this status instead.
    Status {
        status: u16,
        #[serde(default)]
        retry_after_s: Option<u64>,
    },
    /// The connection closes after so many bytes of the body, short of its Content-Length.
    Cut { after_bytes: usize },
    /// Nothing more comes after so many bytes of the body, for a time or for ever.
    Stall {
        after_bytes: usize,
        #[serde(default)]
        for_ms: Option<u64>,
    },
    /// This response alone is slow.
    Slow { bits_per_second: u64 },
    /// Bytes are wrong, one in so many; the length is right. One wrong byte of an encrypted segment spoils 17 of the clear one.
    Corrupt {
        #[serde(default = "corrupt_every")]
        every: usize,
    },
    /// A key, or a segment's encryption, is of another key.
    WrongKey,
}

/// A planted fault, as it comes from the administrator.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    /// With a `*`: a glob over the whole path. Without: a part of the path.
    pattern: String,
    fault: Fault,
    /// How many requests are hit; `None`: all.
    #[serde(default)]
    times: Option<u64>,
    /// How many matching requests pass before the first is hit.
    #[serde(default)]
    skip: u64,
}

/// The faults of one session.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    planted: Mutex<Planted>,
}

#[derive(Debug, Default)]
struct Planted {
    last_id: u64,
    plans: Vec<Plan>,
}

impl Fault {
    /// Its kind, for the log.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Status { .. } => "status",
            Self::Cut { .. } => "cut",
            Self::Stall { .. } => "stall",
            Self::Slow { .. } => "slow",
            Self::Corrupt { .. } => "corrupt",
            Self::WrongKey => "wrong_key",
        }
    }
}

impl Plan {
    /// Why this plan cannot be.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        match self.fault {
            _ if self.pattern.is_empty() => Some("pattern must not be empty; * matches everything"),
            _ if self.pattern.len() > PATTERN_MAX => Some("pattern is too long"),
            Fault::Status { status, .. } if !(200..=599).contains(&status) => {
                Some("status must be in 200..=599")
            }
            Fault::Slow { bits_per_second } if bits_per_second < 8 => {
                Some("bits_per_second must be at least 8")
            }
            Fault::Corrupt { every: 0 } => Some("every must be at least 1"),
            _ => None,
        }
    }
}

impl Faults {
    /// Plants a fault and names it; `None` when there are too many already.
    pub(crate) fn plant(&self, plan: Plan) -> Option<u64> {
        let mut planted = lock(&self.planted);
        if planted.plans.len() >= PLANS_MAX {
            return None;
        }
        planted.last_id += 1;
        planted.plans.push(plan);
        Some(planted.last_id)
    }

    /// Removes all, and says how many there were.
    pub(crate) fn clear(&self) -> usize {
        std::mem::take(&mut lock(&self.planted).plans).len()
    }

    /// The fault for a request, counting it: the first planted one that matches, has been skipped often enough and
    /// is not used up.
    pub(crate) fn strike(&self, path: &str) -> Option<Fault> {
        let mut planted = lock(&self.planted);
        for plan in planted.plans.iter_mut().filter(|plan| matches(&plan.pattern, path)) {
            if plan.skip > 0 {
                plan.skip -= 1;
            } else if plan.times != Some(0) {
                plan.times = plan.times.map(|left| left - 1);
                return Some(plan.fault.clone());
            }
        }
        None
    }
}

/// A path matches a glob when the pieces between the stars follow one another in it; each piece is taken at its
/// first place, so the time is linear in the path for each piece.
fn matches(pattern: &str, path: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return path.contains(pattern) };
    let Some(mut path) = path.strip_prefix(first) else { return false };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for piece in middle.split('*') {
        let Some((_, after)) = path.split_once(piece) else { return false };
        path = after;
    }
    path.ends_with(last)
}

fn corrupt_every() -> usize {
    512
}

const PATTERN_MAX: usize = 256;
const PLANS_MAX: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_part_or_a_glob() {
        for (pattern, path, expected) in [
            (".ts", "/media/a/360p/000.ts", true),
            ("360p", "/media/a/360p/000.ts", true),
            ("720p", "/media/a/360p/000.ts", false),
            ("*", "/x", true),
            ("*.ts", "/media/a/360p/000.ts", true),
            ("*.ts", "/media/a/000.ts/x", false),
            ("/media/*/360p/*.ts", "/media/a/360p/000.ts", true),
            ("/media/*/360p/*.ts", "/media/a/480p/000.ts", false),
            ("/media/*", "/keys/a/0", false),
            ("a*a", "a", false),
            ("/a*b*b", "/ab", false),
            ("/a*b*b", "/abb", true),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} on {path}");
        }
    }

    #[test]
    fn skip_and_times_count_requests() {
        let faults = Faults::default();
        let plan = serde_json::json!({"pattern": "x", "fault": {"kind": "corrupt"}, "times": 2, "skip": 1});
        faults.plant(serde_json::from_value(plan).unwrap()).unwrap();
        let hits: Vec<bool> = (0..5).map(|_| faults.strike("/x").is_some()).collect();
        assert_eq!(hits, [false, true, true, false, false]);
        assert!(faults.strike("/y").is_none());
    }
}
