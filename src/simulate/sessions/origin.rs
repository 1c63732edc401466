//! The origin of a session: playlists, segments and keys as its scenario lays them out, and what goes wrong there.

use core::time::Duration;
use std::collections::BTreeMap;

use aes::cipher::{BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7};

use super::door::Door;
use super::media::{Media, PIECE, Stream, WEIGHTS};
use super::network::Response;
use super::random::Random;
use super::scenario::{Layout, Live, Scenario, Target, Trouble};
use crate::engine::{NetFailure, Request};
use crate::time::Timestamp;

pub(super) const TOKEN: &str = "tok.en-0123456789";
pub(super) const SIGNATURE: &str = "5ec2e7a9";
pub(super) const KEY: [u8; 16] = *b"sixteen byte key";

/// Answers requests.
#[derive(Debug)]
pub(super) struct Origin<'a> {
    scenario: Scenario,
    media: &'a Media,
    random: Random,
    /// What went wrong with a resource in a row, and how often by each fault.
    in_a_row: BTreeMap<String, (bool, u32)>,
    counts: BTreeMap<(String, usize), u32>,
    /// Of each segment, pictures and sound: answers that were not it, some of them copies with something missing, and whether the
    /// last was whole.
    given: BTreeMap<(bool, usize), Given>,
    /// The first segment in the whole media playlists that were sent last, and in the first one that came.
    sent: BTreeMap<String, usize>,
    zero: Option<usize>,
    /// Requests that the door has refused, and those that were refused at an open door.
    pub(super) refused: u64,
    pub(super) turned_away: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Given {
    failures: u32,
    copies: u32,
    whole: bool,
    /// Something of it was given.
    came: bool,
}

/// A resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resource {
    Telemetry,
    Root,
    Key,
    Init,
    Playlist(Which),
    Segment(Which, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Rung(usize),
    Sound(usize),
}

impl<'a> Origin<'a> {
    pub(super) fn new(scenario: Scenario, media: &'a Media) -> Self {
        let random = Random::new(scenario.seed ^ 0x0419);
        Self {
            scenario,
            media,
            random,
            in_a_row: BTreeMap::new(),
            counts: BTreeMap::new(),
            given: BTreeMap::new(),
            sent: BTreeMap::new(),
            zero: None,
            refused: 0,
            turned_away: 0,
        }
    }

    /// What the page is given.
    pub(super) fn address(scenario: &Scenario) -> String {
        format!("http://origin.test/sim/{}.m3u8?expires=99&signature={SIGNATURE}", scenario.playlist())
    }

    /// Answers.
    pub(super) fn serve(&mut self, now: Timestamp, request: &Request) -> Response {
        let url = request.url.expose();
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let Some(resource) = resource(path) else { return Response::status(404) };
        if resource != Resource::Telemetry && !query.contains(SIGNATURE) && !query.contains(TOKEN) {
            return Response::status(403);
        }
        if self.scenario.door.is_some() && resource != Resource::Telemetry && !Door::opens(now, url) {
            self.refused += 1;
            return self.dated(now, Response::status(403));
        }
        let mut answer = self.answer(now, resource);
        if let Some(token) = Door::token_in(url).filter(|_| matches!(resource, Resource::Playlist(_))) {
            // Who comes with a token finds it in what is named.
            let text = String::from_utf8(answer.body).unwrap().replace(TOKEN, token);
            answer = Response::ok(text);
        }
        let answer = self.dated(now, answer);
        let whole = answer.body.clone();
        let answer = self.spoil(now, resource, answer);
        self.turned_away += u64::from(matches!(answer.head.status, 401 | 403));
        if let Resource::Playlist(_) = resource {
            self.sent.remove(path);
            if answer.body == whole {
                self.sent.insert(path.to_owned(), self.first(now));
            }
        }
        if let Resource::Segment(which, n) = resource {
            let given = self.given.entry((matches!(which, Which::Sound(_)), n)).or_default();
            let is_copy = answer.head.status == 200;
            given.came |= is_copy && !answer.refused && !answer.silent;
            if is_copy
                && answer.body == whole
                && answer.limit() == whole.len()
                && !answer.refused
                && !answer.silent
            {
                given.whole = true;
            } else {
                given.whole = false;
                given.failures += 1;
                given.copies += u32::from(is_copy && answer.body != whole);
            }
        }
        answer
    }

    /// Says what time it is, if that matters.
    fn dated(&self, now: Timestamp, mut answer: Response) -> Response {
        if self.scenario.door.is_some() {
            answer.head.date = i64::try_from(Door::server_ms(now) / 1000 * 1000).ok();
        }
        answer
    }

    /// An answer came to its end.
    pub(super) fn came(&mut self, request: &Request) {
        let path = request.url.expose().split('?').next().unwrap_or_default();
        self.zero = self.zero.or_else(|| self.sent.get(path).copied());
    }

    /// Segments of a live stream that had left the window when a player first saw it: its timeline begins behind them.
    pub(super) fn before_zero(&self) -> usize {
        self.zero.unwrap_or(0)
    }

    /// Whether something of a segment's pictures was given before.
    pub(super) fn has_given(&self, n: usize) -> bool {
        self.given.get(&(false, n)).is_some_and(|given| given.came)
    }

    /// Whether two copies of a segment's pictures lacked something, and no whole one came since.
    pub(super) fn came_short_twice(&self, n: usize) -> bool {
        self.given.get(&(false, n)).is_some_and(|given| given.copies > 1 && !given.whole)
    }

    /// How much earlier than its end the stream may end: what a copy of its last segment lacks, less than a player can tell from a
    /// duration that was rounded, and what copies of the first segments of its parts lack at their beginning, for a part
    /// begins with what is there of it.
    pub(super) fn end_slack(&self) -> f64 {
        let stream = &self.scenario.stream;
        let parts = stream.sections.iter().map(|(from, _)| *from).chain([stream.segments - 1]);
        let is_copied = |n: &usize| {
            [false, true]
                .iter()
                .any(|sound| self.given.get(&(*sound, *n)).is_some_and(|given| given.copies > 0))
        };
        // A part begins where the one before ends, which may be where a copy does that came short twice, or a little short once.
        let length = (PIECE * stream.pieces as u64) as f64;
        let copies = |n: usize, sound| self.given.get(&(sound, n)).map_or(0, |given| given.copies);
        let last_before = |from: &usize| (0..*from).rev().find(|n| !stream.gaps.contains(n)).unwrap_or(0);
        let last_copies = |n: usize| copies(n, false).max(copies(n, true));
        let short = |from: &usize| match last_copies(last_before(from)) {
            0 => 0.0,
            1 => (length / 4.0).max(1.0),
            _ => length,
        };
        let shorter: f64 = stream.sections.iter().skip(1).map(|(from, _)| short(from)).sum();
        0.5 + 0.6 * parts.filter(is_copied).count() as f64 + shorter
    }

    /// Segments at the end that the stream may end without: of those that nobody was given, the recovery table leaves two in a
    /// row out, unless what goes wrong is mild.
    pub(super) fn missing_at_the_end(&self) -> usize {
        let missing = |sound: bool| {
            let is_missing = |n: &usize| {
                self.given
                    .get(&(sound, *n))
                    .is_some_and(|given| !given.whole && given.failures > u32::from(self.scenario.mild))
            };
            (0..self.scenario.stream.segments).rev().take(2).take_while(is_missing).count()
        };
        missing(false).max(missing(true))
    }

    fn answer(&self, now: Timestamp, resource: Resource) -> Response {
        let layout = &self.scenario.stream;
        match resource {
            Resource::Telemetry => Response::status(204),
            Resource::Root => Response::ok(master(layout)),
            Resource::Key => Response::ok(KEY),
            Resource::Init => Response::ok(self.media.init.clone()),
            Resource::Playlist(which) => Response::ok(self.playlist(now, which)),
            Resource::Segment(which, n) => {
                if n > self.newest(now) || layout.lacks(n, matches!(which, Which::Sound(_))) {
                    return Response::status(404);
                }
                let (stream, rung) = match which {
                    Which::Sound(_) => (Stream::Sound, 0),
                    Which::Rung(rung) if layout.sounds > 0 => (Stream::Pictures, rung),
                    Which::Rung(rung) if layout.fragmented => (Stream::Fragmented, rung),
                    Which::Rung(rung) => (Stream::Muxed, rung),
                };
                let bytes = self.media.segment(stream, rung, layout.piece(n), layout.pieces);
                let sequence = n - self.renumbered(now).filter(|zero| *zero <= n).unwrap_or(0);
                Response::ok(if layout.encrypted && !layout.fragmented {
                    encrypt(&bytes, sequence)
                } else {
                    bytes
                })
            }
        }
    }

    /// The newest segment there is.
    fn newest(&self, now: Timestamp) -> usize {
        let last = self.scenario.stream.segments - 1;
        let Some(live) = &self.scenario.live else { return last };
        self.newest_at(live, now.as_micros() / 1_000_000).min(last)
    }

    fn newest_at(&self, live: &Live, seconds: u64) -> usize {
        let seconds = if live.stalls.contains(&seconds) { live.stalls.start } else { seconds };
        let made = usize::try_from(seconds / (PIECE * self.scenario.stream.pieces as u64)).unwrap();
        live.window - 1 + made
    }

    /// The segment that has the number zero, if the server has begun anew: the first that it made then.
    fn renumbered(&self, now: Timestamp) -> Option<usize> {
        let live = self.scenario.live.as_ref()?;
        let at = live.restart.filter(|at| now.as_micros() / 1_000_000 >= *at)?;
        Some(self.newest_at(live, at) + 1).filter(|zero| *zero < self.scenario.stream.segments)
    }

    /// The first segment in the playlists.
    fn first(&self, now: Timestamp) -> usize {
        let first = self.scenario.live.as_ref().map_or(0, |live| self.newest(now) + 1 - live.window);
        first.max(self.renumbered(now).unwrap_or(0))
    }

    fn playlist(&self, now: Timestamp, which: Which) -> String {
        let layout = &self.scenario.stream;
        let (newest, length) = (self.newest(now), PIECE * layout.pieces as u64);
        let first = self.first(now);
        // Who begins anew knows nothing of before, and gives its first segment the number zero.
        let zero = self.renumbered(now);
        let sequence = first - zero.unwrap_or(0);
        let before = |n: usize| layout.sections.iter().skip(1).filter(|(from, _)| *from < n).count();
        let discontinuities = before(first) - zero.map_or(0, before);
        let millis = length * layout.told;
        let target = millis.div_ceil(1000);
        let mut out = format!(
            "#EXTM3U\n#EXT-X-VERSION:8\n#EXT-X-TARGETDURATION:{target}\n#EXT-X-MEDIA-SEQUENCE:{sequence}\n"
        );
        if discontinuities > 0 {
            out += &format!("#EXT-X-DISCONTINUITY-SEQUENCE:{discontinuities}\n");
        }
        if layout.encrypted && !layout.fragmented {
            out += &format!("#EXT-X-KEY:METHOD=AES-128,URI=\"key.bin?token={TOKEN}\"\n");
        }
        if layout.fragmented {
            out += "#EXT-X-MAP:URI=\"init.mp4\"\n";
        }
        let name = match which {
            Which::Rung(rung) => format!("r{rung}"),
            Which::Sound(sound) => format!("a{sound}"),
        };
        let silent = if matches!(which, Which::Sound(_)) { layout.silent } else { 0 };
        for n in first..=newest.saturating_sub(silent) {
            if self.scenario.live.as_ref().is_some_and(|live| live.dated) {
                let seconds = n as u64 * length;
                out += &format!(
                    "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:{:02}:{:02}.000Z\n",
                    seconds / 60,
                    seconds % 60
                );
            }
            if layout.sections.iter().skip(1).any(|(from, _)| *from == n) {
                out += "#EXT-X-DISCONTINUITY\n";
            }
            if layout.lacks(n, matches!(which, Which::Sound(_))) {
                out += "#EXT-X-GAP\n";
            }
            out += &format!("#EXTINF:{}.{:03},\n{name}-{n}.ts\n", millis / 1000, millis % 1000);
        }
        if newest == layout.segments - 1 {
            out += "#EXT-X-ENDLIST\n";
        }
        out
    }

    /// Lets something go wrong.
    fn spoil(&mut self, now: Timestamp, resource: Resource, mut answer: Response) -> Response {
        // A token may stand in its path.
        let name = format!("{resource:?}");
        let path = name.as_str();
        for (index, fault) in self.scenario.faults.iter().enumerate() {
            let (bad_for_good, row) = self.in_a_row.get(path).copied().unwrap_or_default();
            let count = self.counts.entry((path.to_owned(), index)).or_default();
            let passes = fault.what.passes();
            let there = fault.on.is(resource) && now < fault.until && *count < fault.times;
            // What is mild is over before patience is: fewer attempts than the table grants, resets by the
            // network counted in, one of what does not pass, not mixed.
            let whole = fault.times == 9999;
            let row_limit = match fault.what {
                Trouble::Status(404) => 3,
                _ if passes => 2_u32.saturating_sub(self.scenario.resets()),
                _ => 1,
            };
            let too_much =
                self.scenario.mild && !whole && (row >= row_limit || row > 0 && bad_for_good == passes);
            let fits = match fault.what {
                Trouble::WrongKey => resource == Resource::Key,
                Trouble::Corrupt => !matches!(resource, Resource::Key | Resource::Telemetry),
                // A playlist without its end is a live one.
                Trouble::Truncated => matches!(resource, Resource::Segment(..)),
                _ => true,
            };
            if !there || too_much || !fits || !self.random.percent(fault.percent) {
                continue;
            }
            *count += 1;
            self.in_a_row.insert(path.to_owned(), (!passes, row + 1));
            let some = usize::try_from(self.random.within(0, answer.body.len() as u64)).unwrap();
            // A playlist that only loses its end is a live one.
            let is_text = matches!(resource, Resource::Root | Resource::Playlist(_));
            match fault.what {
                Trouble::Refused => answer.refused = true,
                Trouble::Silent => answer.silent = true,
                Trouble::Cut => (answer.cut_after, answer.breaks) = (Some(some), Some(NetFailure::Network)),
                Trouble::Short => answer.cut_after = Some(some),
                Trouble::Stall => answer.stall_after = Some(some),
                Trouble::Status(status) => answer = Response::status(status),
                Trouble::Busy(status, seconds) => {
                    answer = Response::status(status);
                    answer.head.retry_after = Some(Duration::from_secs(seconds));
                }
                Trouble::WrongKey => answer.body = b"another key, no?".to_vec(),
                Trouble::Corrupt => {
                    let some = if is_text { 0 } else { some };
                    let end = (some + 4000).min(answer.body.len());
                    answer.body[some..end].iter_mut().for_each(|byte| *byte ^= 0x5a);
                }
                Trouble::Truncated => {
                    // Nothing says so: a length that is longer than the body would.
                    answer.body.truncate(some);
                    answer.head.content_length = Some(some as u64);
                }
                Trouble::Html => answer = Response::ok("<!DOCTYPE html><p>please log in</p>".repeat(99)),
            }
            return answer;
        }
        self.in_a_row.remove(path);
        answer
    }
}

impl Target {
    fn is(self, resource: Resource) -> bool {
        match (self, resource) {
            (_, Resource::Telemetry) => false,
            (Self::Any, _) | (Self::Root, Resource::Root) => true,
            (Self::Playlist, Resource::Playlist(_)) => true,
            (Self::Segment, Resource::Segment(..)) => true,
            (Self::Rung(rung), Resource::Playlist(Which::Rung(r)) | Resource::Segment(Which::Rung(r), _)) => {
                r == rung
            }
            (Self::Sound, Resource::Playlist(Which::Sound(_)) | Resource::Segment(Which::Sound(_), _)) => {
                true
            }
            (Self::Key, Resource::Key) | (Self::Init, Resource::Init) => true,
            _ => false,
        }
    }
}

fn resource(path: &str) -> Option<Resource> {
    if path.ends_with("/telemetry") {
        return Some(Resource::Telemetry);
    }
    let name = path.rsplit('/').next()?;
    let name = name
        .strip_prefix("voddrm.token.")
        .and_then(|n| Some(n.strip_prefix(TOKEN)?.split_once('.')?.1))
        .unwrap_or(name);
    let which = |name: &str| {
        let n = name.get(1..)?.parse().ok()?;
        if name.starts_with('r') {
            Some(Which::Rung(n))
        } else {
            name.starts_with('a').then_some(Which::Sound(n))
        }
    };
    match name {
        "master.m3u8" => Some(Resource::Root),
        "key.bin" => Some(Resource::Key),
        "init.mp4" => Some(Resource::Init),
        _ => match name.strip_suffix(".ts") {
            Some(segment) => {
                let (of, n) = segment.split_once('-')?;
                Some(Resource::Segment(which(of)?, n.parse().ok()?))
            }
            None => Some(Resource::Playlist(which(name.strip_suffix(".m3u8")?)?)),
        },
    }
}

fn master(layout: &Layout) -> String {
    let mut out = "#EXTM3U\n".to_owned();
    for sound in 0..layout.sounds {
        out += &format!(
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"{sound}\",LANGUAGE=\"en\",AUTOSELECT=YES,URI=\"a{sound}.m3u8\"\n"
        );
    }
    let group = if layout.sounds > 0 { ",AUDIO=\"a\"" } else { "" };
    for (rung, weight) in WEIGHTS.iter().enumerate().take(layout.rungs) {
        let bandwidth = *weight as u64 * 8 / PIECE + 16_000;
        let (width, height) = (320 * (rung + 1), 180 * (rung + 1));
        out += &format!(
            "#EXT-X-STREAM-INF:BANDWIDTH={bandwidth},RESOLUTION={width}x{height}{group}\nr{rung}.m3u8\n"
        );
    }
    out
}

fn encrypt(bytes: &[u8], sequence: usize) -> Vec<u8> {
    let iv = (sequence as u128).to_be_bytes();
    cbc::Encryptor::<aes::Aes128>::new(&KEY.into(), &iv.into()).encrypt_padded_vec::<Pkcs7>(bytes)
}
