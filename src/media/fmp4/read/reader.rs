//! The reader of fragmented MP4: boxes in, init sections and fragments out, as soon as their last byte is here.

use super::clock::Clock;
use super::emsg::Emsg;
use super::fragment::Gathered;
use super::framer::{Framer, Head, Token};
use super::movie::Movie;
use super::segment::{MAX_EVENTS, Segment};
use crate::crypto::SampleCipher;
use crate::media::event::{MediaEvent, SegmentFacts, SegmentStart};
use crate::media::reader::Reader;
use crate::media::{MediaError, SampleKey, TrackKind};

/// Reads segments of fragmented MP4.
#[derive(Default)]
pub(in crate::media) struct Fmp4Reader {
    framer: Framer,
    movie: Option<Movie>,
    key: Option<(SampleKey, SampleCipher)>,
    /// Video and audio, as they were told.
    told: Option<(bool, bool)>,
    segment: Segment,
    /// What the box at hand is for.
    target: Target,
    /// `ftyp`, `moov`, `moof` or `emsg` on its way in.
    held: Vec<u8>,
    /// `ftyp` of an init section inside a segment.
    ftyp: Vec<u8>,
    /// The fragment on its way in.
    gathered: Option<Gathered>,
    /// The header before spoke of tracks that do not go on, and so of data that do not.
    ignores_data: bool,
    /// Whole fragments that have no place on the timeline yet.
    waiting: Vec<Gathered>,
    /// Where each track goes on, on the media's own timeline.
    next: Vec<Option<i64>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Target {
    /// It is not needed.
    #[default]
    Skip,
    /// It is needed whole; where it starts.
    Held([u8; 4], u64),
    /// It belongs to the fragment.
    Fragment,
}

impl Reader for Fmp4Reader {
    fn init_section(&mut self, bytes: &[u8], out: &mut Vec<MediaEvent>) -> Result<(), MediaError> {
        self.init(bytes, 0, out)
    }

    fn sample_key(&mut self, key: Option<SampleKey>) {
        self.key = key.and_then(|key| key.cipher().ok().map(|cipher| (key, cipher)));
    }

    fn begin_segment(&mut self, start: &SegmentStart, out: &mut Vec<MediaEvent>) {
        let _ = out;
        self.abandon();
        if start.discontinuity {
            self.next.fill(None);
        }
        self.segment.clock = Some(Clock::new(start.anchor));
    }

    fn push(&mut self, bytes: &[u8], out: &mut Vec<MediaEvent>) -> Result<(), MediaError> {
        let mut bytes = bytes;
        while let Some(token) = self.framer.next(&mut bytes)? {
            match token {
                Token::Head(head) => self.begin_box(&head, out)?,
                Token::Body(content) => self.content(content)?,
                Token::End => self.end_box(out)?,
            }
        }
        Ok(())
    }

    fn end_segment(&mut self, out: &mut Vec<MediaEvent>) -> Result<SegmentFacts, MediaError> {
        let length = self.framer.position();
        if length == 0 {
            return Err(MediaError::Empty);
        }
        let (ends_box, garbage) = self.framer.end()?;
        if ends_box {
            self.end_box(out)?;
        }
        self.end_fragment(out)?;
        self.start_clock_with_audio(out)?;
        self.place_events(out);
        let mut facts = core::mem::take(&mut self.segment).facts_with(length);
        facts.losses.garbage_bytes = facts.losses.garbage_bytes.saturating_add(garbage);
        Ok(facts)
    }

    fn abandon(&mut self) {
        self.framer = Framer::default();
        self.segment = Segment::default();
        self.target = Target::Skip;
        self.held.clear();
        self.ftyp.clear();
        self.ignores_data = false;
        if self.gathered.take().is_some() || !self.waiting.is_empty() {
            // Part of a segment is gone: it does not say where the next one goes on.
            self.next.fill(None);
        }
        self.waiting.clear();
    }

    fn flush(&mut self, out: &mut Vec<MediaEvent>) {
        // Nothing is held back.
        let _ = out;
    }
}

impl Fmp4Reader {
    fn begin_box(&mut self, head: &Head, out: &mut Vec<MediaEvent>) -> Result<(), MediaError> {
        let too_large =
            |limit: usize| MediaError::BoxTooLarge { position: head.position, kind: head.kind.into(), limit };
        let limit = match &head.kind {
            b"moov" | b"ftyp" => MAX_INIT,
            b"moof" => MAX_MOOF,
            b"emsg" => MAX_EVENTS,
            _ => MAX_FRAGMENT,
        };
        let content = head.content.and_then(|content| usize::try_from(content).ok());
        self.target = match &head.kind {
            b"moov" | b"moof" | b"emsg" | b"ftyp" => {
                if self.gathered.is_some() && head.kind != *b"emsg" {
                    self.end_fragment(out)?;
                }
                let known = content.filter(|&content| content <= limit);
                match known {
                    None if head.kind == *b"emsg" => {
                        self.segment.lose_box();
                        Target::Skip
                    }
                    None => return Err(too_large(limit)),
                    Some(content) => {
                        self.held.clear();
                        self.held.reserve_exact(content.saturating_add(16));
                        self.held.extend_from_slice(head.bytes());
                        Target::Held(head.kind, head.position)
                    }
                }
            }
            kind => match &mut self.gathered {
                // What lies between a header and its data keeps their distance.
                Some(gathered) => {
                    let room = MAX_FRAGMENT.saturating_sub(gathered.data.len());
                    if head.content.is_some_and(|content| content > room as u64) {
                        return Err(too_large(MAX_FRAGMENT));
                    }
                    gathered.data.reserve_exact(content.unwrap_or(0).min(MAX_RESERVED).saturating_add(16));
                    gathered.begin_box(head)?;
                    Target::Fragment
                }
                None => {
                    if kind == b"mdat" && !self.ignores_data {
                        self.segment.lose_data(head);
                    }
                    Target::Skip
                }
            },
        };
        Ok(())
    }

    fn content(&mut self, content: &[u8]) -> Result<(), MediaError> {
        match (self.target, &mut self.gathered) {
            (Target::Held(..), _) => self.held.extend_from_slice(content),
            (Target::Fragment, Some(gathered)) => {
                // A box that goes to the segment's end did not say how large it is.
                if gathered.data.len().saturating_add(content.len()) > MAX_FRAGMENT.saturating_add(MAX_MOOF) {
                    let (position, kind) = (gathered.position, (*b"mdat").into());
                    return Err(MediaError::BoxTooLarge { position, kind, limit: MAX_FRAGMENT });
                }
                gathered.data.extend_from_slice(content);
            }
            _ => {}
        }
        Ok(())
    }

    fn end_box(&mut self, out: &mut Vec<MediaEvent>) -> Result<(), MediaError> {
        match core::mem::take(&mut self.target) {
            Target::Skip => Ok(()),
            Target::Fragment => {
                if self.gathered.as_ref().is_some_and(Gathered::is_complete) {
                    return self.end_fragment(out);
                }
                Ok(())
            }
            Target::Held(kind, position) => match &kind {
                b"ftyp" => {
                    self.ftyp = core::mem::take(&mut self.held);
                    Ok(())
                }
                b"moov" => {
                    let mut bytes = core::mem::take(&mut self.ftyp);
                    bytes.append(&mut self.held);
                    self.init(&bytes, position, out)
                }
                b"moof" => self.begin_fragment(position, out),
                _ => {
                    match Emsg::parse(self.held.get(8..).unwrap_or_default()) {
                        Some(event) => self.segment.hold(event),
                        None => self.segment.lose_box(),
                    }
                    Ok(())
                }
            },
        }
    }

    /// An init section, from the playlist or from the segment itself.
    fn init(&mut self, bytes: &[u8], position: u64, out: &mut Vec<MediaEvent>) -> Result<(), MediaError> {
        if self.movie.as_ref().is_some_and(|movie| movie.is_of(bytes)) {
            return Ok(());
        }
        if bytes.len() > MAX_INIT {
            return Err(MediaError::BoxTooLarge { position, kind: (*b"moov").into(), limit: MAX_INIT });
        }
        let (movie, section) = Movie::parse(bytes, position)?;
        // One buffer takes both: what the page hears of is the track that it goes by.
        let video = movie.has(TrackKind::Video);
        if self.told.replace((video, !video)) != Some((video, !video)) {
            out.push(MediaEvent::Tracks { video, audio: !video });
        }
        out.push(MediaEvent::Init(section));
        self.next = vec![None; movie.tracks.len()];
        self.movie = Some(movie);
        Ok(())
    }

    fn begin_fragment(&mut self, position: u64, out: &mut Vec<MediaEvent>) -> Result<(), MediaError> {
        let Some(movie) = &self.movie else { return Err(MediaError::NoInitSection { position }) };
        let mut gathered = Gathered::new(core::mem::take(&mut self.held), movie, position)?;
        gathered.check_key(movie, self.key.as_ref().map(|(key, _)| key))?;
        self.ignores_data = gathered.moof.trafs.is_empty();
        if self.ignores_data {
            // Nothing in it goes on, so neither do its data.
            return Ok(());
        }
        // Video says where a segment belongs, and audio where there is none.
        let kind = if movie.has(TrackKind::Video) { TrackKind::Video } else { TrackKind::Audio };
        let Some(clock) = &mut self.segment.clock else { return Ok(()) };
        if let Some((time, track)) = gathered.first_time(kind, movie, clock)
            && let Some(offset) = clock.start(time, track)
        {
            out.push(MediaEvent::Timeline { offset });
            self.release(out)?;
        }
        if let (Some(movie), Some(clock)) = (&self.movie, &self.segment.clock) {
            gathered.place(movie, clock, &mut self.next, &mut self.segment.facts.losses.time_jumps);
        }
        self.gathered = Some(gathered);
        Ok(())
    }

    /// The fragment at hand gets no more data.
    fn end_fragment(&mut self, out: &mut Vec<MediaEvent>) -> Result<(), MediaError> {
        let Some(gathered) = self.gathered.take() else { return Ok(()) };
        if !gathered.is_complete() {
            let missing = (gathered.moof.end as u64).saturating_sub(gathered.data.len() as u64).max(1);
            let (position, kind) = (gathered.position, (*b"moof").into());
            return Err(MediaError::BoxTruncated { position, kind, missing });
        }
        if self.segment.clock.is_some_and(|clock| clock.offset().is_some()) {
            return self.emit(gathered, out);
        }
        self.waiting.push(gathered);
        if self.waiting.iter().map(|waiting| waiting.data.len()).sum::<usize>() > MAX_WAITING {
            self.start_clock_with_audio(out)?;
        }
        Ok(())
    }

    /// No video came in time to say where the segment belongs.
    fn start_clock_with_audio(&mut self, out: &mut Vec<MediaEvent>) -> Result<(), MediaError> {
        let (Some(movie), Some(clock)) = (&self.movie, &mut self.segment.clock) else { return Ok(()) };
        let first = self.waiting.first().and_then(|first| first.first_time(TrackKind::Audio, movie, clock));
        if let Some((time, track)) = first
            && let Some(offset) = clock.start(time, track)
        {
            out.push(MediaEvent::Timeline { offset });
            self.release(out)?;
        }
        Ok(())
    }

    /// The timeline is known: what waited for it goes out.
    fn release(&mut self, out: &mut Vec<MediaEvent>) -> Result<(), MediaError> {
        for mut gathered in core::mem::take(&mut self.waiting) {
            if let (Some(movie), Some(clock)) = (&self.movie, &self.segment.clock) {
                gathered.place(movie, clock, &mut self.next, &mut self.segment.facts.losses.time_jumps);
            }
            self.emit(gathered, out)?;
        }
        Ok(())
    }

    fn emit(&mut self, mut gathered: Gathered, out: &mut Vec<MediaEvent>) -> Result<(), MediaError> {
        let Some(movie) = &self.movie else { return Ok(()) };
        let (key, cipher) = self.key.as_ref().map(|(key, cipher)| (key, cipher)).unzip();
        gathered.decrypt(movie, key, cipher)?;
        let mut fragments = Vec::new();
        for shown in gathered.finish(movie, &mut fragments) {
            self.segment.add(&shown);
        }
        self.place_events(out);
        out.extend(fragments.into_iter().map(MediaEvent::Fragment));
        Ok(())
    }

    fn place_events(&mut self, out: &mut Vec<MediaEvent>) {
        let segment = &mut self.segment;
        let offset = segment.clock.and_then(|clock| clock.offset());
        for event in core::mem::take(&mut segment.events) {
            match event.place(segment.start, offset) {
                Ok(metadata) => out.push(MediaEvent::Metadata(metadata)),
                Err(event) => segment.events.push(event),
            }
        }
    }
}

impl core::fmt::Debug for Fmp4Reader {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Fmp4Reader")
            .field("movie", &self.movie)
            .field("framer", &self.framer)
            .finish_non_exhaustive()
    }
}

/// Bytes of an init section. Real ones have one or two thousand.
const MAX_INIT: usize = 1 << 20;
/// Bytes of a fragment's header: some for each sample.
const MAX_MOOF: usize = 4 << 20;
/// Bytes of a fragment: ten seconds at 50 Mbit/s.
const MAX_FRAGMENT: usize = 64 << 20;
/// Bytes reserved because a header says that they will come. What comes beyond is paid by growing.
const MAX_RESERVED: usize = 8 << 20;
/// Bytes of fragments that wait for the first video.
const MAX_WAITING: usize = 4 << 20;
