//! Cues on the presentation timeline (RFC 8216bis §3.1.4).
//!
//! A cue time is mapped to a time stamp by the segment's X-TIMESTAMP-MAP, without one 0 to 0, and the time stamp is
//! placed like that of any other segment of the discontinuity sequence. The 33 bits may have wrapped any number of
//! times; cue times do not wrap, so the first cue's place is that of all. This needs the offset that the sequence's
//! video or audio has ([`Anchor::Offset`](super::super::super::Anchor)). A text segment does not
//! have one to tell: its first cue may start before it.
//!
//! Where the offset is not known ([`Anchor::At`](super::super::super::Anchor)), cue times are taken for presentation
//! times, which is what they are in most streams; but a segment whose first cue would be over before the segment
//! starts counts from its own start.
//!
//! A cue that is shown over several segments is in each of them, the same in each.

use super::parser::{Item, NotWebVtt, Parser};
use super::time::TimestampMap;
use crate::media::event::{Cue, MediaEvent, SegmentFacts, SegmentStart, TextTrack};
use crate::media::reader::Reader;
use crate::media::timeline::Timeline;
use crate::media::{Found, Losses, MediaError};
use crate::time::{MediaTime, TimeRange};

/// Reads WebVTT segments.
#[derive(Debug, Default)]
pub(in crate::media) struct WebVttReader {
    /// The header that came before the segments (`EXT-X-MAP`), and its map.
    header: Option<TimestampMap>,
    parser: Parser,
    clock: Clock,
    length: u64,
    cues: u32,
}

/// Where cues go.
#[derive(Debug, Default)]
struct Clock {
    timeline: Option<Timeline>,
    map: TimestampMap,
    /// What is added to cue times; the first cue says it.
    origin: Option<i64>,
}

impl Reader for WebVttReader {
    fn init_section(&mut self, bytes: &[u8], _: &mut Vec<MediaEvent>) -> Result<(), MediaError> {
        let (mut parser, mut map) = (Parser::default(), TimestampMap::default());
        let mut sink = |item| {
            if let Item::Map(found) = item {
                map = found;
            }
        };
        parser.push(bytes, &mut sink).and_then(|()| parser.end(&mut sink)).map_err(not_webvtt)?;
        self.header = Some(map);
        Ok(())
    }

    fn begin_segment(&mut self, start: &SegmentStart, _: &mut Vec<MediaEvent>) {
        self.parser = if self.header.is_some() { Parser::headless() } else { Parser::default() };
        let timeline = Some(Timeline::new(start.anchor));
        self.clock = Clock { timeline, map: self.header.unwrap_or_default(), origin: None };
        (self.length, self.cues) = (0, 0);
    }

    fn push(&mut self, bytes: &[u8], out: &mut Vec<MediaEvent>) -> Result<(), MediaError> {
        self.length = self.length.saturating_add(bytes.len() as u64);
        let Self { parser, clock, cues, .. } = self;
        parser.push(bytes, &mut |item| clock.take(item, cues, out)).map_err(not_webvtt)
    }

    fn end_segment(&mut self, out: &mut Vec<MediaEvent>) -> Result<SegmentFacts, MediaError> {
        if self.length == 0 && self.header.is_none() {
            return Err(MediaError::Empty);
        }
        let Self { parser, clock, cues, .. } = self;
        parser.end(&mut |item| clock.take(item, cues, out)).map_err(not_webvtt)?;
        Ok(SegmentFacts {
            offset: self.clock.timeline.and_then(|timeline| timeline.offset()),
            cues: self.cues,
            length: self.length,
            losses: Losses { damaged_cues: self.parser.damaged, ..Losses::default() },
            ..SegmentFacts::default()
        })
    }

    fn abandon(&mut self) {}

    fn flush(&mut self, _: &mut Vec<MediaEvent>) {}
}

impl Clock {
    fn take(&mut self, item: Item, cues: &mut u32, out: &mut Vec<MediaEvent>) {
        match item {
            // A segment's own header replaces the one that came apart.
            Item::Header => self.map = TimestampMap::default(),
            Item::Map(map) => self.map = map,
            Item::Cue(cue) => {
                let start = self.place(cue.start, cue.end);
                let end = start.saturating_add(cue.end.saturating_sub(cue.start));
                if start < 0 && end <= 0 {
                    return; // over before the presentation starts
                }
                *cues = cues.saturating_add(1);
                let start = MediaTime::from_ticks(start.max(0));
                out.push(MediaEvent::Cue(Cue {
                    track: TextTrack::WebVtt,
                    range: TimeRange { start, end: MediaTime::from_ticks(end) },
                    id: cue.id,
                    settings: cue.settings,
                    text: cue.text,
                }));
            }
        }
    }

    /// Where a cue starts in the presentation. The first one, which is shown during the segment, says where all are.
    fn place(&mut self, start: i64, end: i64) -> i64 {
        let Self { timeline, map, origin } = self;
        let origin = *origin.get_or_insert_with(|| match timeline {
            Some(Timeline::Pending(at)) if end <= at.ticks() => at.ticks(),
            Some(timeline) => {
                let stamp = start.saturating_sub(map.local).saturating_add(map.mpegts);
                let stamp = u64::try_from(stamp.rem_euclid(STAMPS)).unwrap_or(0);
                timeline.place(stamp, None).map_or(0, |placed| placed.pts.saturating_sub(start))
            }
            None => 0,
        });
        start.saturating_add(origin)
    }
}

fn not_webvtt(NotWebVtt: NotWebVtt) -> MediaError {
    MediaError::NotMedia { found: Found::Text }
}

/// Time stamps have 33 bits.
const STAMPS: i64 = 1 << 33;
