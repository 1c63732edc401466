//! What a session is told once, at its start. It never changes; a change is an `Input`.

use core::time::Duration;

use crate::secret::Url;
use crate::time::MediaTime;

/// Settings of a session. `Config::default()` suits a course video on a page.
#[derive(Clone, Debug)]
pub struct Config {
    /// Names the session in reports. The host makes it (the core has no randomness); a UUID is good.
    pub session_id: String,
    /// Seed of the session's own pseudo-random numbers (retry jitter).
    pub seed: u64,
    /// Unix time in milliseconds at `Timestamp::ZERO`, as far as the host knows it.
    pub wall_clock: Option<i64>,
    /// Where reports go; none: nothing is reported.
    pub report_url: Option<Url>,
    /// Time between two reports while the session lives.
    pub report_interval: Duration,
    /// How far ahead of the playhead is loaded.
    pub buffer_goal: MediaTime,
    /// How much behind the playhead is kept.
    pub back_buffer: MediaTime,
    /// Throughput in bits per second that earlier sessions saw, for the choice of the first rung.
    pub stored_throughput: Option<u64>,
    /// Start at this place instead of the beginning.
    pub start: MediaTime,
    /// Hold this rung from the start instead of choosing.
    pub start_rung: Option<usize>,
    /// Choose no rung with more pixels than the element can show.
    pub cap_to_viewport: bool,
    /// The most that is to be loaded, in bytes an hour: rungs that take more on average are not chosen.
    pub data_budget: Option<u64>,
    /// Replace what is buffered by a better rung once the network turns out to carry far more.
    pub replace_buffered: bool,
    /// Languages that the sound should be in, as RFC 5646 tags, best first. None: the author's default.
    pub audio_languages: Vec<String>,
    /// Languages that text should be shown in, best first. None: what the author wants shown.
    pub text_languages: Vec<String>,
    /// The host can be asked for a new token or signature ([`Event::AccessWanted`](super::Event::AccessWanted)).
    pub renews: bool,
    /// Hosts that tokens may go to, `host` or `host:port`, beside the origin of the source that they came with.
    pub token_hosts: Vec<String>,
    /// Codecs that the sink does not take, by the first part of their RFC 6381 names: `hvc1`, `ac-3`. Variants that
    /// need one are left out, unless nothing else is left.
    pub unsupported_codecs: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            session_id: String::new(),
            seed: 0,
            wall_clock: None,
            report_url: None,
            report_interval: Duration::from_secs(10),
            buffer_goal: MediaTime::from_millis(30_000),
            back_buffer: MediaTime::from_millis(30_000),
            stored_throughput: None,
            start: MediaTime::ZERO,
            start_rung: None,
            cap_to_viewport: true,
            data_budget: None,
            replace_buffered: true,
            audio_languages: Vec::new(),
            text_languages: Vec::new(),
            renews: false,
            token_hosts: Vec::new(),
            unsupported_codecs: Vec::new(),
        }
    }
}
