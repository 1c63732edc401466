//! The reader of MPEG-TS: feeds the tracks of one program with the packets of one segment after another.
//!
//! Packets that cannot be used yet are kept, within limits, and used when they can be: those before the first
//! program map, and the audio before the first video time stamp of a segment that has no place on the timeline yet.

use super::{Demuxer, Event, Framer, Owner, Packet, Piece};
use crate::media::event::{MediaEvent, SegmentFacts, SegmentStart, TrackKind};
use crate::media::reader::Reader;
use crate::media::timeline::Timeline;
use crate::media::track::Sink;
use crate::media::track::audio::AudioTrack;
use crate::media::track::video::{MAX_UNIT, VideoTrack};
use crate::media::{Losses, MediaError};

/// Reads segments of MPEG-TS.
#[derive(Debug, Default)]
pub(crate) struct TsReader {
    framer: Framer,
    program: Program,
}

/// All but the framing.
#[derive(Debug, Default)]
struct Program {
    demuxer: Demuxer,
    timeline: Option<Timeline>,
    /// The timeline may start with an audio time stamp although the program has video.
    audio_starts: bool,
    /// The kinds of track that were told, video first.
    told: Option<(bool, bool)>,
    video: VideoTrack,
    audio: AudioTrack,
    /// Whole packets that wait.
    waiting: Vec<u8>,
    losses: Losses,
}

impl Reader for TsReader {
    fn begin_segment(&mut self, start: &SegmentStart, out: &mut Vec<MediaEvent>) {
        self.framer.begin();
        self.program.begin_segment(start, out);
    }

    fn push(&mut self, bytes: &[u8], out: &mut Vec<MediaEvent>) -> Result<(), MediaError> {
        let Self { framer, program } = self;
        framer.push(bytes, &mut |position, packet| program.packet(position, packet, out))
    }

    fn end_segment(&mut self, out: &mut Vec<MediaEvent>) -> Result<SegmentFacts, MediaError> {
        let Self { framer, program } = self;
        framer.end(&mut |position, packet| program.packet(position, packet, out))?;
        program.end_segment(framer, out)
    }

    fn abandon(&mut self) {
        self.program.abandon();
    }

    fn flush(&mut self, out: &mut Vec<MediaEvent>) {
        self.program.flush(out);
    }
}

impl Program {
    fn begin_segment(&mut self, start: &SegmentStart, out: &mut Vec<MediaEvent>) {
        if start.discontinuity {
            let sink = &mut Sink { out, losses: &mut self.losses };
            self.video.discontinue(sink);
            self.audio.discontinue(sink);
            self.demuxer = Demuxer::default();
        }
        self.demuxer.begin_segment();
        self.timeline = Some(Timeline::new(start.anchor));
        self.audio_starts = false;
        self.waiting.clear();
        self.losses = Losses::default();
        self.video.begin_segment(start.cut);
        self.audio.begin_segment(start.cut);
    }

    fn abandon(&mut self) {
        self.video.abandon();
        self.audio.abandon();
    }

    fn end_segment(
        &mut self,
        framer: &Framer,
        out: &mut Vec<MediaEvent>,
    ) -> Result<SegmentFacts, MediaError> {
        let (length, first_packet) = (framer.position(), framer.first_packet());
        if !self.demuxer.has_program() {
            let damaged_tables = self.losses.damaged_tables;
            return Err(MediaError::NoProgram { length, first_packet, damaged_tables });
        }
        self.audio_starts = true;
        self.use_waiting(length, out)?;
        let sink = &mut Sink { out, losses: &mut self.losses };
        let video = self.video.end_segment(sink);
        let audio = self.audio.end_segment(sink);
        self.losses.garbage_bytes = framer.garbage();
        Ok(SegmentFacts {
            offset: self.timeline.and_then(|timeline| timeline.offset()),
            video: video.range,
            audio: audio.range,
            key_frames: video.key_frames,
            starts_with_key_frame: video.first_is_key.unwrap_or(false),
            cues: video.cues,
            length,
            first_packet,
            losses: self.losses,
        })
    }

    fn flush(&mut self, out: &mut Vec<MediaEvent>) {
        let sink = &mut Sink { out, losses: &mut self.losses };
        self.video.flush(sink);
        self.audio.flush(sink);
    }

    fn packet(&mut self, position: u64, bytes: &[u8], out: &mut Vec<MediaEvent>) -> Result<(), MediaError> {
        let Some(packet) = Packet::parse(bytes) else { return Ok(()) };
        if packet.damaged {
            self.losses.damaged_packets = self.losses.damaged_packets.saturating_add(1);
            return Ok(());
        }
        let owner = self.demuxer.owner(packet.pid);
        match owner {
            Owner::Other => return Ok(()),
            Owner::Unknown if self.waiting.len() < MAX_UNKNOWN => {
                self.waiting.extend_from_slice(bytes);
                return Ok(());
            }
            Owner::Unknown => {
                self.losses.early_packets = self.losses.early_packets.saturating_add(1);
                return Ok(());
            }
            Owner::Track(TrackKind::Audio) if self.audio_waits() => {
                self.waiting.extend_from_slice(bytes);
                if self.waiting.len() < MAX_WAITING_AUDIO {
                    return Ok(());
                }
                self.audio_starts = true;
                return self.use_waiting(position, out);
            }
            Owner::Tables | Owner::Track(_) => {}
        }
        let known = self.demuxer.has_program();
        match self.demuxer.push(owner, &packet, position, &mut self.losses)? {
            Event::None => Ok(()),
            Event::Program { video, audio } => {
                let news = self.told.replace((video, audio)) != Some((video, audio));
                if news {
                    out.push(MediaEvent::Tracks { video, audio });
                }
                if news || !known { self.use_waiting(position, out) } else { Ok(()) }
            }
            Event::Piece(piece) => self.piece(piece, position, out),
        }
    }

    fn piece(
        &mut self,
        piece: Piece<'_>,
        position: u64,
        out: &mut Vec<MediaEvent>,
    ) -> Result<(), MediaError> {
        let mut started = false;
        let mut stamp = None;
        if let (Some(pts), Some(timeline)) = (piece.start.and_then(|start| start.pts), &mut self.timeline) {
            if let Some(offset) = timeline.start(pts) {
                started = true;
                out.push(MediaEvent::Timeline { offset });
            }
            stamp = timeline.place(pts, piece.start.and_then(|start| start.dts));
        }
        let sink = &mut Sink { out, losses: &mut self.losses };
        match piece.kind {
            TrackKind::Video => {
                if piece.lost {
                    self.video.lose();
                }
                if piece.start.is_some() {
                    self.video.begin_pes(stamp);
                }
                let too_large = |_| MediaError::UnitTooLarge { position, limit: MAX_UNIT };
                self.video.push(piece.payload, sink).map_err(too_large)?;
            }
            TrackKind::Audio => {
                if piece.lost {
                    self.audio.lose();
                }
                if piece.start.is_some() {
                    self.audio.begin_pes(stamp.map(|stamp| stamp.pts));
                }
                self.audio.push(piece.payload, sink);
            }
        }
        if started { self.use_waiting(position, out) } else { Ok(()) }
    }

    /// Whether audio cannot be placed yet: video says where the segment belongs.
    fn audio_waits(&self) -> bool {
        let pending = matches!(self.timeline, Some(Timeline::Pending(_)));
        pending && !self.audio_starts && self.told.is_some_and(|(video, _)| video)
    }

    /// Takes the packets that waited. Those that still cannot be used wait again.
    fn use_waiting(&mut self, position: u64, out: &mut Vec<MediaEvent>) -> Result<(), MediaError> {
        let waiting = core::mem::take(&mut self.waiting);
        for packet in waiting.chunks_exact(PACKET) {
            self.packet(position, packet, out)?;
        }
        Ok(())
    }
}

/// Bytes in a packet.
const PACKET: usize = 188;
/// Bytes of packets kept until a program map comes.
const MAX_UNKNOWN: usize = 1 << 20;
/// Bytes of audio packets kept until a video time stamp comes: some seconds.
const MAX_WAITING_AUDIO: usize = 1 << 16;
