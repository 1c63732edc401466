//! The reader of packed audio: tags for times, frames for the track.
//!
//! **Time.** The private frame of a tag before the first audio frame says its 33-bit time stamp. Without one the
//! segment goes on where the one before ended, or starts where it is expected to.
//!
//! **Noise.** At a segment's start several frames have to follow each other before one is believed. Where none do, or
//! tags are followed by another container (an ID3 tag before MPEG-TS or MP4 is in no specification), that is an error.

use super::search::{Search, Verdict};
use crate::media::codec::frame::AudioKind;
use crate::media::event::{MediaEvent, SegmentFacts, SegmentStart};
use crate::media::id3::{self, Progress, Tag, TagReader};
use crate::media::reader::Reader;
use crate::media::timeline::{Anchor, Timeline};
use crate::media::track::audio::AudioTrack;
use crate::media::track::{Sink, lock};
use crate::media::{Found, Losses, MediaError, SampleKey};
use crate::time::MediaTime;

/// Reads segments of packed audio.
#[derive(Debug, Default)]
pub(crate) struct PackedReader {
    track: AudioTrack,
    has_key: bool,
    /// A tag of this segment described encrypted audio.
    encrypted: bool,
    phase: Phase,
    /// The tag at hand, and whether it is before the first frame.
    tag: TagReader,
    /// Whether frames were found.
    found: bool,
    told: bool,
    /// Where the segment belongs without a time stamp.
    expected: MediaTime,
    /// Where its first frame is.
    starts: Option<MediaTime>,
    timeline: Option<Timeline>,
    /// Where the next frame is, by a tag.
    pts: Option<i64>,
    /// Tags before the first frame: they get its time.
    waiting: Vec<Tag>,
    /// Bytes of the segment so far.
    length: u64,
    /// Where what is searched starts, and where the first frame or tag was.
    searched_from: u64,
    first: Option<u64>,
    losses: Losses,
}

#[derive(Debug)]
enum Phase {
    /// Before the first frame.
    Search(Search),
    Tag,
    Frames,
}

impl Default for Phase {
    fn default() -> Self {
        Self::Search(Search::default())
    }
}

impl Reader for PackedReader {
    /// With a key, all frames are encrypted.
    fn sample_key(&mut self, key: Option<SampleKey>) {
        let key = lock::ready(key);
        self.has_key = key.is_some();
        self.track.lock.set(key);
    }

    fn begin_segment(&mut self, start: &SegmentStart, out: &mut Vec<MediaEvent>) {
        if start.discontinuity {
            self.track.discontinue(&mut Sink { out, losses: &mut self.losses });
        }
        self.track.begin_segment(start.cut);
        self.phase = Phase::default();
        self.tag = TagReader::default();
        self.found = false;
        self.encrypted = false;
        self.expected = match start.anchor {
            Anchor::At(time) => time,
            Anchor::Offset { expected, .. } => expected,
        };
        self.timeline = Some(Timeline::new(start.anchor));
        self.pts = None;
        self.starts = None;
        self.waiting.clear();
        self.length = 0;
        self.searched_from = 0;
        self.first = None;
        self.losses = Losses::default();
    }

    fn push(&mut self, mut bytes: &[u8], out: &mut Vec<MediaEvent>) -> Result<(), MediaError> {
        self.length = self.length.saturating_add(bytes.len() as u64);
        while !bytes.is_empty() {
            if let Phase::Search(search) = &mut self.phase {
                bytes = search.take(bytes);
                self.search(false, out)?;
            } else {
                bytes = self.feed(bytes, out);
            }
        }
        Ok(())
    }

    fn end_segment(&mut self, out: &mut Vec<MediaEvent>) -> Result<SegmentFacts, MediaError> {
        if self.length == 0 {
            return Err(MediaError::Empty);
        }
        if let Phase::Search(_) = self.phase {
            self.search(true, out)?;
        }
        let begun = self.tag.held() as u64;
        self.losses.audio_garbage_bytes = self.losses.audio_garbage_bytes.saturating_add(begun);
        if !self.found {
            return Err(self.nothing(None, 0));
        }
        let sink = &mut Sink { out, losses: &mut self.losses };
        self.track.flush(sink);
        let share = self.track.end_segment(sink);
        Ok(SegmentFacts {
            offset: self.timeline.and_then(|timeline| timeline.offset()),
            start: self.starts,
            audio: share.range,
            length: self.length,
            first_packet: self.first.unwrap_or(0),
            losses: self.losses,
            ..SegmentFacts::default()
        })
    }

    fn abandon(&mut self) {
        self.track.abandon();
    }

    fn flush(&mut self, out: &mut Vec<MediaEvent>) {
        self.track.flush(&mut Sink { out, losses: &mut self.losses });
    }
}

impl PackedReader {
    /// Looks at the bytes before the first frame.
    fn search(&mut self, at_end: bool, out: &mut Vec<MediaEvent>) -> Result<(), MediaError> {
        while let Phase::Search(search) = &mut self.phase {
            let (held, at) = match search.verdict(at_end) {
                Verdict::Open => return Ok(()),
                Verdict::Nothing(found) => {
                    let searched = search.searched();
                    return Err(self.nothing(found, searched));
                }
                Verdict::Tag(at) => {
                    let held = core::mem::take(search).into_held();
                    self.begins_at(at);
                    self.phase = Phase::Tag;
                    (held, at)
                }
                Verdict::Frames(at, kind) => {
                    let held = core::mem::take(search).into_held();
                    self.begins_at(at);
                    if self.encrypted && !self.has_key {
                        return Err(MediaError::SampleKeyMissing { position: self.searched_from });
                    }
                    self.start(kind, out);
                    (held, at)
                }
            };
            let rest = self.feed(held.get(at..).unwrap_or_default(), out);
            if let Phase::Search(search) = &mut self.phase {
                search.take(rest);
            }
        }
        Ok(())
    }

    /// Takes bytes of tags and frames; returns those behind a tag that is before the first frame.
    fn feed<'a>(&mut self, mut bytes: &'a [u8], out: &mut Vec<MediaEvent>) -> &'a [u8] {
        while !bytes.is_empty() {
            match self.phase {
                Phase::Search(_) => break,
                Phase::Tag => bytes = self.tag(bytes, out),
                Phase::Frames => {
                    let sink = &mut Sink { out, losses: &mut self.losses };
                    let Some((start, rest)) = self.track.push_to_tag(bytes, sink) else { return &[] };
                    self.phase = Phase::Tag;
                    // A few bytes, which may be a whole tag without frames.
                    self.feed(&start, out);
                    bytes = rest;
                }
            }
        }
        bytes
    }

    /// A tag or a frame is at this place of what was searched.
    fn begins_at(&mut self, at: usize) {
        let garbage = at as u64;
        self.losses.audio_garbage_bytes = self.losses.audio_garbage_bytes.saturating_add(garbage);
        let place = self.searched_from.saturating_add(garbage);
        self.searched_from = place;
        self.first.get_or_insert(place);
    }

    /// The first frame comes.
    fn start(&mut self, kind: AudioKind, out: &mut Vec<MediaEvent>) {
        self.found = true;
        self.phase = Phase::Frames;
        if !core::mem::replace(&mut self.told, true) {
            out.push(MediaEvent::Tracks { video: false, audio: true });
        }
        self.track.set_kind(Some(kind), &mut Sink { out, losses: &mut self.losses });
        let place = self.pts.take().or_else(|| match self.track.next_ticks() {
            // The count goes on.
            Some(_) => None,
            None => Some(self.expected.ticks()),
        });
        self.track.begin_pes(place);
        let time = place.or(self.track.next_ticks()).unwrap_or(0);
        self.starts = Some(MediaTime::from_ticks(time));
        for tag in core::mem::take(&mut self.waiting) {
            out.push(tag.at(time));
        }
    }

    /// Takes bytes of a tag; returns those behind it.
    fn tag<'a>(&mut self, bytes: &'a [u8], out: &mut Vec<MediaEvent>) -> &'a [u8] {
        let (progress, rest) = self.tag.push(bytes);
        let length = match &progress {
            Progress::More => return rest,
            Progress::NoTag => id3::HEADER,
            Progress::Done(tag) => tag.length,
        };
        self.searched_from = self.searched_from.saturating_add(length as u64);
        if let Progress::Done(tag) = progress {
            self.take_tag(tag, out);
            self.track.begin_pes(self.pts.filter(|_| self.found));
        } else {
            self.losses.audio_garbage_bytes = self.losses.audio_garbage_bytes.saturating_add(length as u64);
        }
        if self.found {
            self.pts = None;
            self.phase = Phase::Frames;
        } else {
            self.phase = Phase::default();
        }
        rest
    }

    fn take_tag(&mut self, tag: Tag, out: &mut Vec<MediaEvent>) {
        let contents = tag.contents();
        self.encrypted |= tag.data.windows(AUDIO_SETUP.len()).any(|bytes| bytes == AUDIO_SETUP);
        if let (Some(pts), Some(timeline)) = (contents.timestamp, &mut self.timeline) {
            if let Some(offset) = timeline.start(pts) {
                out.push(MediaEvent::Timeline { offset });
            }
            self.pts = timeline.place(pts, None).map(|stamp| stamp.pts);
        }
        if !contents.more {
            return;
        }
        let held: usize = self.waiting.iter().map(|tag| tag.data.len()).sum();
        if !tag.is_whole() || held.saturating_add(tag.data.len()) > id3::MAX_TAG {
            self.losses.lost_tags = self.losses.lost_tags.saturating_add(1);
        } else if self.found {
            let time = self.pts.or(self.track.next_ticks()).unwrap_or(0);
            out.push(tag.at(time));
        } else {
            self.waiting.push(tag);
        }
    }

    fn nothing(&self, found: Option<Found>, searched: u64) -> MediaError {
        match found {
            Some(found @ Found::Mp4) => MediaError::UnsupportedContainer { found },
            Some(found) if self.first.is_none() => MediaError::NotMedia { found },
            _ => MediaError::NoAudioFrames { position: self.searched_from, searched },
        }
    }
}

/// Owner of the private frame with the setup information that encrypted audio has in the clear (Apple, "MPEG-2 Stream
/// Encryption Format for HTTP Live Streaming" §2.3.4). It repeats what frame headers say.
const AUDIO_SETUP: &[u8] = b"com.apple.streaming.audioDescription\0";
