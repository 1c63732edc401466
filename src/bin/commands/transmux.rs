//! `transmux`: segments in, one fragmented MP4 file out, by the player's own path.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use cloud_player::crypto::{ContentKey, CryptoError, Decryptor, Iv};
use cloud_player::media::{
    Anchor, Cut, Fragment, InitSection, MediaError, MediaEvent, SegmentFacts, SegmentStart, TrackKind,
    Transmuxer, merge_init,
};
use cloud_player::time::MediaTime;

use super::{Failure, Method, parse_iv, parse_key};

#[derive(Args)]
pub(crate) struct Transmux {
    /// Consecutive segments
    #[arg(required = true)]
    inputs: Vec<PathBuf>,
    /// Where the MP4 file goes
    #[arg(short, long)]
    output: PathBuf,
    /// The content key of segments encrypted with AES in CBC mode, 32 or 64 hexadecimal digits
    #[arg(long, value_parser = parse_key)]
    key: Option<ContentKey>,
    /// Their initialization vector, hexadecimal; without it the segments are numbered from 0
    #[arg(long, value_parser = parse_iv, requires = "key")]
    iv: Option<Iv>,
    /// Bytes to feed at a time; the output is the same for every number
    #[arg(long, default_value_t = 65_536, value_parser = clap::value_parser!(u32).range(1..))]
    chunk: u32,
    /// Write one track only
    #[arg(long)]
    track: Option<Track>,
    /// Where the first video time stamp goes, in seconds; what lies before 0 is lost, so leave room for audio that
    /// starts earlier
    #[arg(long, default_value_t = 10.0)]
    start: f64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Track {
    Video,
    Audio,
}

enum Stop {
    Crypto(CryptoError),
    Media(MediaError),
}

impl From<CryptoError> for Stop {
    fn from(error: CryptoError) -> Self {
        Self::Crypto(error)
    }
}

impl From<MediaError> for Stop {
    fn from(error: MediaError) -> Self {
        Self::Media(error)
    }
}

impl Transmux {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let output = |error: io::Error| Failure::file(&self.output, &error);
        let mut writer = Writer::new(BufWriter::new(File::create(&self.output).map_err(output)?), self.track);
        let mut transmuxer = Transmuxer::new();
        let mut events = Vec::new();
        let mut anchor = Anchor::At(MediaTime::from_secs(self.start));
        let mut cut = Cut::FirstFrame(Cut::STEADY);
        for (number, input) in (0..).zip(&self.inputs) {
            let mut bytes = fs::read(input).map_err(|e| Failure::file(input, &e))?;
            transmuxer.begin_segment(SegmentStart { anchor, discontinuity: false, cut });
            let facts = match self.feed(&mut transmuxer, number, &mut bytes, &mut events) {
                Ok(facts) => facts,
                Err(Stop::Crypto(error)) => return Err(Failure::crypto(input, &error)),
                Err(Stop::Media(error)) => return Err(Failure::media(input, &error)),
            };
            report(input, &facts);
            if let Some(offset) = facts.offset {
                let expected = facts.video.or(facts.audio).map_or(MediaTime::ZERO, |range| range.end);
                anchor = Anchor::Offset { offset, expected };
            }
            cut = Cut::default();
            writer.take(&mut events).map_err(output)?;
        }
        transmuxer.flush(&mut events);
        writer.take(&mut events).map_err(output)?;
        writer.finish().map_err(output)
    }

    fn feed(
        &self,
        transmuxer: &mut Transmuxer,
        number: u64,
        bytes: &mut [u8],
        events: &mut Vec<MediaEvent>,
    ) -> Result<SegmentFacts, Stop> {
        let iv = self.iv.unwrap_or(Iv::from_sequence(number));
        let decryptor = |key| Decryptor::new(Method::or_of(None, key), key, &iv);
        let mut decryptor = self.key.as_ref().map(decryptor).transpose()?;
        let mut push = |clear: &[u8]| transmuxer.push(clear, events).map_err(Stop::Media);
        for chunk in bytes.chunks_mut(usize::try_from(self.chunk).unwrap_or(usize::MAX)) {
            match &mut decryptor {
                Some(decryptor) => decryptor.push(chunk, &mut push)?,
                None => push(chunk)?,
            }
        }
        if let Some(decryptor) = decryptor {
            decryptor.finish(&mut push)?;
        }
        Ok(transmuxer.end_segment(events)?)
    }
}

fn report(input: &Path, facts: &SegmentFacts) {
    if facts.losses.any() {
        eprintln!("{}: {:?}", input.display(), facts.losses);
    }
}

/// Writes one init section for all tracks, then their fragments.
struct Writer<W> {
    to: W,
    only: Option<TrackKind>,
    /// The tracks that will come.
    expected: Vec<TrackKind>,
    inits: Vec<InitSection>,
    /// Fragments that wait for the other track's init section.
    held: Vec<Fragment>,
    started: bool,
}

impl<W: Write> Writer<W> {
    fn new(to: W, only: Option<Track>) -> Self {
        let only = only.map(|track| match track {
            Track::Video => TrackKind::Video,
            Track::Audio => TrackKind::Audio,
        });
        Self { to, only, expected: Vec::new(), inits: Vec::new(), held: Vec::new(), started: false }
    }

    fn take(&mut self, events: &mut Vec<MediaEvent>) -> io::Result<()> {
        for event in events.drain(..) {
            match event {
                MediaEvent::Tracks { video, audio } => {
                    self.expected.clear();
                    self.expected.extend(video.then_some(TrackKind::Video).filter(|&kind| self.wants(kind)));
                    self.expected.extend(audio.then_some(TrackKind::Audio).filter(|&kind| self.wants(kind)));
                }
                MediaEvent::Unsupported { track, stream_type } => {
                    eprintln!("warning: the {track:?} stream of type {stream_type:#04x} is not supported");
                }
                MediaEvent::Init(init) if self.wants(init.track) => {
                    self.inits.retain(|old| old.track != init.track);
                    self.inits.push(init);
                    self.inits.sort_by_key(|init| init.track == TrackKind::Audio);
                    if self.started || self.expected.iter().all(|kind| self.has_init(*kind)) {
                        self.start()?;
                    }
                }
                MediaEvent::Fragment(fragment) if self.wants(fragment.track) => {
                    if self.started {
                        self.to.write_all(fragment.data.bytes())?;
                    } else {
                        self.held.push(fragment);
                    }
                }
                MediaEvent::Timeline { .. }
                | MediaEvent::Init(_)
                | MediaEvent::Fragment(_)
                | MediaEvent::Cue(_)
                | MediaEvent::Metadata(_) => {}
            }
        }
        Ok(())
    }

    fn finish(mut self) -> io::Result<()> {
        if !self.started {
            self.start()?;
        }
        self.to.flush()
    }

    fn start(&mut self) -> io::Result<()> {
        self.to.write_all(&merge_init(&self.inits.iter().collect::<Vec<_>>()))?;
        for fragment in self.held.drain(..) {
            self.to.write_all(fragment.data.bytes())?;
        }
        self.started = true;
        Ok(())
    }

    fn wants(&self, kind: TrackKind) -> bool {
        self.only.is_none_or(|only| only == kind)
    }

    fn has_init(&self, kind: TrackKind) -> bool {
        self.inits.iter().any(|init| init.track == kind)
    }
}
