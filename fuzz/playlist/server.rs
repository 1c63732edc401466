//! A live server that does all that the specification allows, one operation a byte.

use std::collections::VecDeque;
use std::fmt::Write;

/// What a server has to tell, before it becomes text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Server {
    segments: VecDeque<Segment>,
    first: u64,
    /// Discontinuities that left the window.
    discontinuity_sequence: u64,
    parts: u8,
    state: State,
    ended: bool,
    /// Counts the times that it began anew.
    epoch: u16,
    millis: u64,
}

/// What holds from one segment to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct State {
    key: u8,
    map: u8,
    bitrate: u8,
}

#[derive(Clone, Copy, Debug)]
struct Segment {
    number: u64,
    epoch: u16,
    begins: u64,
    millis: u64,
    discontinuity: bool,
    dated: bool,
    gap: bool,
    range: Option<(u64, u64)>,
    state: State,
    parts: u8,
}

const RESTART: u8 = 255;

impl Server {
    /// Whether an operation changes nothing, and may mean something else.
    pub(crate) fn is_idle(operation: u8) -> bool {
        operation % 8 == 7 && operation != RESTART
    }

    /// Changes what there is.
    pub(crate) fn operate(&mut self, operation: u8) {
        let argument = operation / 8;
        match operation % 8 {
            0..=2 => self.append(argument),
            3 => (0..=argument % 4).for_each(|_| self.remove()),
            4 => self.parts = (self.parts + 1).min(5),
            5 => match argument % 3 {
                0 => self.state.key = argument / 3,
                // Once there is an init section there is no way to have none again.
                1 => self.state.map = (argument / 3).max(1),
                _ => self.state.bitrate = argument / 3,
            },
            6 => self.ended |= argument == 31,
            _ if operation == RESTART => {
                *self = Self { epoch: self.epoch.wrapping_add(1), millis: self.millis, ..Self::default() };
            }
            _ => {}
        }
    }

    fn append(&mut self, argument: u8) {
        let last = self.segments.back();
        let number = last.map_or(self.first, |last| last.number + 1);
        let millis = 1000 + u64::from(argument) * 37;
        let range = (argument & 1 != 0).then(|| {
            let follows = last.and_then(|last| last.range).filter(|_| argument & 2 != 0);
            (follows.map_or(u64::from(argument), |(offset, length)| offset + length), 1000)
        });
        self.segments.push_back(Segment {
            number,
            epoch: self.epoch,
            begins: self.millis,
            millis,
            discontinuity: argument & 12 == 12,
            dated: argument & 4 != 0,
            gap: argument == 31,
            range,
            state: self.state,
            parts: core::mem::take(&mut self.parts),
        });
        self.millis += millis;
    }

    fn remove(&mut self) {
        // A live playlist is never empty again.
        if self.segments.len() > 1
            && let Some(gone) = self.segments.pop_front()
        {
            self.first = gone.number + 1;
            self.discontinuity_sequence += u64::from(gone.discontinuity);
        }
    }

    /// The playlist as it stands, with up to `skip` segments left out as a delta update.
    pub(crate) fn text(&self, skip: usize) -> String {
        let skip = skip.min(self.segments.len());
        let mut out = String::from("#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXT-X-PART-INF:PART-TARGET=0.5\n");
        out.push_str("#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=2,CAN-SKIP-UNTIL=18\n");
        writeln!(out, "#EXT-X-MEDIA-SEQUENCE:{}", self.first).unwrap();
        writeln!(out, "#EXT-X-DISCONTINUITY-SEQUENCE:{}", self.discontinuity_sequence).unwrap();
        if skip > 0 {
            writeln!(out, "#EXT-X-SKIP:SKIPPED-SEGMENTS={skip}").unwrap();
        }
        let mut before: Option<&Segment> = None;
        let mut state = State::default();
        for (at, segment) in self.segments.iter().enumerate() {
            if at >= skip {
                changed(&mut out, state, segment.state);
                segment.write(&mut out, before);
            }
            (before, state) = (Some(segment), segment.state);
        }
        changed(&mut out, state, self.state);
        let next = self.segments.back().map_or(self.first, |last| last.number + 1);
        write_parts(&mut out, next, self.parts);
        if self.ended {
            out.push_str("#EXT-X-ENDLIST\n");
        }
        out
    }

    /// Whether it has no segment yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// How many times it began anew.
    pub(crate) fn epoch(&self) -> u16 {
        self.epoch
    }
}

impl Segment {
    fn write(&self, out: &mut String, before: Option<&Self>) {
        if self.discontinuity {
            out.push_str("#EXT-X-DISCONTINUITY\n");
        }
        if self.dated {
            let (seconds, millis) = (self.begins / 1000 % 60, self.begins % 1000);
            let (hours, minutes) = (self.begins / 3_600_000 % 24, self.begins / 60_000 % 60);
            let time = format!("{hours:02}:{minutes:02}:{seconds:02}.{millis:03}");
            writeln!(out, "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T{time}Z").unwrap();
        }
        if self.gap {
            out.push_str("#EXT-X-GAP\n");
        }
        write_parts(out, self.number, self.parts);
        writeln!(out, "#EXTINF:{}.{:03},", self.millis / 1000, self.millis % 1000).unwrap();
        match (self.range, before.and_then(|b| b.range)) {
            // One resource: what goes on where the segment before it ended needs no offset.
            (Some((offset, length)), Some(b)) if b.0 + b.1 == offset => {
                writeln!(out, "#EXT-X-BYTERANGE:{length}").unwrap();
            }
            (Some((offset, length)), _) => writeln!(out, "#EXT-X-BYTERANGE:{length}@{offset}").unwrap(),
            (None, _) => {}
        }
        match self.range {
            Some(_) => writeln!(out, "all-{}.mp4", self.epoch).unwrap(),
            None => writeln!(out, "s{}-{}.mp4", self.number, self.epoch).unwrap(),
        }
    }
}

fn write_parts(out: &mut String, number: u64, parts: u8) {
    for part in 0..parts {
        writeln!(out, "#EXT-X-PART:DURATION=0.33,URI=\"p{number}.{part}.mp4\"").unwrap();
    }
}

fn changed(out: &mut String, from: State, to: State) {
    if to.key != from.key {
        match to.key {
            0 => out.push_str("#EXT-X-KEY:METHOD=NONE\n"),
            key => writeln!(out, "#EXT-X-KEY:METHOD=AES-128,URI=\"k{key}\"").unwrap(),
        }
    }
    if to.map > 0 && (to.map != from.map || to.key != from.key) {
        writeln!(out, "#EXT-X-MAP:URI=\"i{}.mp4\"", to.map).unwrap();
    }
    if to.bitrate != from.bitrate {
        writeln!(out, "#EXT-X-BITRATE:{}", to.bitrate).unwrap();
    }
}
