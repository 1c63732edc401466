//! One fragmented MP4 file of everything that a transmuxer puts out.

use std::io::{self, Write};

use cloud_player::media::{Fragment, InitSection, MediaEvent, TrackKind, merge_init};

use super::tracks::{hide_in_fragment, hide_tracks};

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
    /// Numbers of the tracks that are not wanted, in MP4 that came with several.
    hidden: Vec<u32>,
}

impl<W: Write> Writer<W> {
    /// `only`: the kind of track that is wanted, where not all are.
    pub(crate) fn new(to: W, only: Option<TrackKind>) -> Self {
        Self {
            to,
            only,
            expected: Vec::new(),
            inits: Vec::new(),
            held: Vec::new(),
            started: false,
            hidden: Vec::new(),
        }
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
                MediaEvent::Init(mut init) if self.wants(init.track) || is_of_both(&init) => {
                    self.hidden.clear();
                    if let Some(only) = self.only.filter(|_| is_of_both(&init)) {
                        self.hidden = hide_tracks(&mut init.data, only);
                        self.expected = vec![init.track];
                    }
                    self.inits.retain(|old| old.track != init.track);
                    self.inits.push(init);
                    self.inits.sort_by_key(|init| init.track == TrackKind::Audio);
                    if self.started || self.expected.iter().all(|kind| self.has_init(*kind)) {
                        self.start()?;
                    }
                }
                MediaEvent::Fragment(fragment) if self.wants(fragment.track) || !self.hidden.is_empty() => {
                    if self.started {
                        self.write(&fragment)?;
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

    /// Nothing more comes. False if nothing came of what is wanted.
    pub(crate) fn finish(mut self) -> io::Result<bool> {
        if !self.started {
            self.start()?;
        }
        self.to.flush()?;
        Ok(!self.inits.is_empty())
    }

    fn start(&mut self) -> io::Result<()> {
        self.to.write_all(&merge_init(&self.inits.iter().collect::<Vec<_>>()))?;
        for fragment in core::mem::take(&mut self.held) {
            self.write(&fragment)?;
        }
        self.started = true;
        Ok(())
    }

    fn write(&mut self, fragment: &Fragment) -> io::Result<()> {
        if self.hidden.is_empty() {
            return self.to.write_all(fragment.data.bytes());
        }
        let mut bytes = fragment.data.bytes().to_vec();
        if hide_in_fragment(&mut bytes, &self.hidden) { self.to.write_all(&bytes) } else { Ok(()) }
    }

    fn wants(&self, kind: TrackKind) -> bool {
        self.only.is_none_or(|only| only == kind)
    }

    fn has_init(&self, kind: TrackKind) -> bool {
        self.inits.iter().any(|init| init.track == kind)
    }
}

/// Whether it is one that was passed through with both kinds of track in it.
fn is_of_both(init: &InitSection) -> bool {
    init.codec.contains(',')
}
