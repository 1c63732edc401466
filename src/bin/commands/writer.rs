//! One fragmented MP4 file of everything that a transmuxer puts out.

use std::io::{self, Write};

use cloud_player::media::{Fragment, InitSection, MediaEvent, TrackKind, merge_init};

/// Writes one init section for all tracks, then their fragments.
pub(crate) struct Writer<W> {
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
    /// `only`: the kind of track that is wanted, where not all are.
    pub(crate) fn new(to: W, only: Option<TrackKind>) -> Self {
        Self { to, only, expected: Vec::new(), inits: Vec::new(), held: Vec::new(), started: false }
    }

    /// Takes what came out.
    pub(crate) fn take(&mut self, events: &mut Vec<MediaEvent>) -> io::Result<()> {
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

    /// Nothing more comes.
    pub(crate) fn finish(mut self) -> io::Result<()> {
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
