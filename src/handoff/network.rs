//! What the network carries, as far as can be known without seeing a byte of media: what kind it is, what the host's
//! stack says, and what played in earlier sessions on a network of this kind.

use core::fmt::Write;

use serde_json::Value;

/// What kind of network the host says that it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NetworkType {
    /// Wireless LAN.
    Wifi,
    /// A wire.
    Ethernet,
    /// Second generation mobile, and so on.
    G2,
    /// Third.
    G3,
    /// Fourth.
    G4,
    /// Fifth.
    G5,
    /// There is none.
    None,
    /// Nobody knows.
    #[default]
    Unknown,
}

impl NetworkType {
    const ALL: [Self; 8] =
        [Self::Wifi, Self::Ethernet, Self::G2, Self::G3, Self::G4, Self::G5, Self::None, Self::Unknown];

    /// By the name that hosts use; another name is [`NetworkType::Unknown`].
    pub fn of_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|kind| kind.name() == name).unwrap_or_default()
    }

    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wifi => "wifi",
            Self::Ethernet => "ethernet",
            Self::G2 => "2g",
            Self::G3 => "3g",
            Self::G4 => "4g",
            Self::G5 => "5g",
            Self::None => "none",
            Self::Unknown => "unknown",
        }
    }

    /// What such a network mostly carries, in bits per second: on the low side, for a start that stalls costs more than one
    /// that is not sharp.
    fn usual(self) -> u64 {
        match self {
            Self::G2 => 100_000,
            Self::G3 => 800_000,
            Self::None | Self::Unknown => 1_500_000,
            Self::G4 => 2_500_000,
            Self::Wifi => 4_000_000,
            Self::Ethernet | Self::G5 => 6_000_000,
        }
    }
}

/// What is known of the network.
#[derive(Debug)]
pub(super) struct Estimate {
    kind: NetworkType,
    /// What was learnt by playing, by kind of network.
    learnt: [Option<u64>; NetworkType::ALL.len()],
    /// What the host's stack said last.
    measured: Option<u64>,
}

impl Estimate {
    /// With the memory of earlier sessions, whatever stands in it.
    pub(super) fn new(kind: NetworkType, memory: Option<&str>) -> Self {
        let memory: Value = memory.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let of =
            |kind: NetworkType| memory.get("throughput")?.get(kind.name())?.as_u64().filter(|&rate| rate > 0);
        Self { kind, learnt: NetworkType::ALL.map(of), measured: None }
    }

    /// The memory for later sessions.
    pub(super) fn memory(&self) -> String {
        let mut text = String::from("{\"throughput\":{");
        let known =
            NetworkType::ALL.into_iter().zip(self.learnt).filter_map(|(kind, rate)| Some((kind, rate?)));
        for (i, (kind, rate)) in known.enumerate() {
            let comma = if i == 0 { "" } else { "," };
            // Writing to a string cannot fail.
            let _ = write!(text, "{comma}\"{}\":{rate}", kind.name());
        }
        text.push_str("}}");
        text
    }

    /// The network is another one.
    pub(super) fn changed(&mut self, kind: NetworkType) {
        if kind != self.kind {
            (self.kind, self.measured) = (kind, None);
        }
    }

    /// Whether there is a network, as far as the host knows.
    pub(super) fn is_online(&self) -> bool {
        self.kind != NetworkType::None
    }

    /// The host's stack says so, in bits per second.
    pub(super) fn measured(&mut self, rate: u64) {
        self.measured = Some(rate).filter(|&rate| rate > 0).or(self.measured);
    }

    /// What is reckoned with, in bits per second.
    pub(super) fn rate(&self) -> u64 {
        let known = self.learnt.get(self.kind as usize).copied().flatten();
        match (known, self.measured) {
            (Some(learnt), Some(measured)) => learnt.min(measured),
            (one, other) => one.or(other).unwrap_or_else(|| self.kind.usual()),
        }
    }

    /// A rung of this rate played without a stall for long enough. Says whether that is news.
    pub(super) fn carried(&mut self, bandwidth: u64) -> bool {
        let rate = over_share(bandwidth);
        self.learn(|known| known.is_none_or(|known| known < rate).then_some(rate))
    }

    /// A rung of this rate stalled. Says whether that is news.
    pub(super) fn failed(&mut self, bandwidth: u64) -> bool {
        self.learn(|known| {
            (bandwidth > 0 && known.is_none_or(|known| known > bandwidth)).then_some(bandwidth)
        })
    }

    fn learn(&mut self, new: impl Fn(Option<u64>) -> Option<u64>) -> bool {
        let Some(slot) = self.learnt.get_mut(self.kind as usize) else { return false };
        let new = new(*slot);
        *slot = new.or(*slot);
        new.is_some()
    }
}

/// The rate of which `bandwidth` is the share that a rung may take.
fn over_share(bandwidth: u64) -> u64 {
    bandwidth.saturating_mul(100).div_ceil(SHARE)
}

/// Whether a network of this rate carries a rung with something to spare.
pub(super) fn carries(rate: u64, bandwidth: u64) -> bool {
    over_share(bandwidth) <= rate
}

/// How much of the throughput a rung may take, in percent.
const SHARE: u64 = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_played_and_what_stalled_is_remembered_by_kind_of_network() {
        let mut estimate = Estimate::new(NetworkType::G4, None);
        assert_eq!(estimate.rate(), NetworkType::G4.usual());
        assert!(estimate.carried(4_000_000) && !estimate.carried(1_000_000));
        assert!(carries(estimate.rate(), 4_000_000) && !carries(estimate.rate(), 4_100_000));
        let memory = estimate.memory();
        assert_eq!(memory, r#"{"throughput":{"4g":5000000}}"#);
        let mut later = Estimate::new(NetworkType::G4, Some(&memory));
        assert_eq!(later.rate(), 5_000_000);
        assert!(later.failed(2_000_000) && !later.failed(3_000_000));
        assert_eq!(later.rate(), 2_000_000);
        later.changed(NetworkType::Wifi);
        assert_eq!(later.rate(), NetworkType::Wifi.usual());
    }

    #[test]
    fn of_memory_and_measurement_the_lower_counts_and_a_spoiled_memory_is_none() {
        let mut estimate = Estimate::new(NetworkType::Wifi, Some(r#"{"throughput":{"wifi":3000000}}"#));
        estimate.measured(1_000_000);
        assert_eq!(estimate.rate(), 1_000_000);
        estimate.measured(0);
        estimate.measured(9_000_000);
        assert_eq!(estimate.rate(), 3_000_000);
        for spoiled in ["", "{", "[]", r#"{"throughput":{"wifi":"x"}}"#, r#"{"throughput":{"wifi":-1}}"#] {
            assert_eq!(Estimate::new(NetworkType::Wifi, Some(spoiled)).rate(), NetworkType::Wifi.usual());
        }
    }

    #[test]
    fn names_are_read_back() {
        for kind in NetworkType::ALL {
            assert_eq!(NetworkType::of_name(kind.name()), kind);
        }
        assert_eq!(NetworkType::of_name("6g"), NetworkType::Unknown);
    }
}
