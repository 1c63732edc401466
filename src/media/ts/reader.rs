//! The reader of MPEG-TS: feeds the tracks of one program with the packets of one segment after another.
//!
//! Packets that cannot be used yet are kept, within limits, and used when they can be: those before the first
//! program map, and the audio before the first video time stamp of a segment that has no place on the timeline yet.

use std::sync::Arc;

use super::metadata::MetadataStream;
use super::{Demuxer, Event, Framer, Owner, Packet, Piece, Streams};
use crate::crypto::{SampleDecryptor, SampleKey};
use crate::media::codec::Codec;
use crate::media::event::{MediaEvent, SegmentFacts, SegmentStart, TrackKind};
use crate::media::reader::Reader;
use crate::media::timeline::Timeline;
use crate::media::track::audio::AudioTrack;
use crate::media::track::video::{MAX_UNIT, VideoTrack};
use crate::media::track::{Sink, lock};
use crate::media::{Losses, MediaError};
use crate::time::MediaTime;

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
    /// Where the segment's first time stamp lies.
    starts: Option<i64>,
    /// What was told of the program.
    told: Option<Streams>,
    /// The packets of an init section: tables that apply to all segments behind it.
    tables: Vec<u8>,
    video: VideoTrack,
    audio: AudioTrack,
    metadata: MetadataStream,
    /// Opens samples that are encrypted.
    key: Option<Arc<SampleDecryptor>>,
    /// Whole packets that wait.
    waiting: Vec<u8>,
    losses: Losses,
}

impl Reader for TsReader {
    /// RFC 8216bis §3.1.1: the program association and program map tables.
    fn init_section(&mut self, bytes: &[u8], _: &mut Vec<MediaEvent>) -> Result<(), MediaError> {
        let Self { framer, program } = self;
        program.tables.clear();
        let mut keep = |_, packet: &[u8]| {
            if program.tables.len() < MAX_TABLES {
                program.tables.extend_from_slice(packet);
            }
            Ok(())
        };
        framer.begin();
        framer.push(bytes, &mut keep)?;
        framer.end(&mut keep)
    }

    fn sample_key(&mut self, key: Option<SampleKey>) {
        self.program.key = lock::ready(key);
    }

    fn begin_segment(&mut self, start: &SegmentStart, out: &mut Vec<MediaEvent>) {
        self.framer.begin();
        self.program.begin_segment(start, out);
        self.program.begin_tables(out);
    }

    fn push(&mut self, bytes: &[u8], out: &mut Vec<MediaEvent>) -> Result<(), MediaError> {
        let Self { framer, program } = self;
        framer.push(bytes, &mut |position, packet| program.packet(position, packet, out))
    }

    fn end_segment(&mut self, out: &mut Vec<MediaEvent>) -> Result<SegmentFacts, MediaError> {
        self.end_packets(out)?;
        self.program.end_segment(&self.framer, out)
    }

    fn abandon(&mut self) {
        self.program.abandon();
    }

    fn flush(&mut self, out: &mut Vec<MediaEvent>) {
        self.program.flush(out);
    }
}

impl TsReader {
    /// What the framer holds back are packets.
    fn end_packets(&mut self, out: &mut Vec<MediaEvent>) -> Result<(), MediaError> {
        let Self { framer, program } = self;
        framer.end(&mut |position, packet| program.packet(position, packet, out))
    }
}

impl Program {
    fn begin_segment(&mut self, start: &SegmentStart, out: &mut Vec<MediaEvent>) {
        if start.discontinuity {
            let sink = &mut Sink { out, losses: &mut self.losses };
            self.video.discontinue(sink);
            self.audio.discontinue(sink);
            self.metadata = MetadataStream::default();
            self.demuxer = Demuxer::default();
        }
        self.demuxer.begin_segment();
        self.lock();
        self.timeline = Some(Timeline::new(start.anchor));
        self.audio_starts = false;
        self.starts = None;
        self.waiting.clear();
        self.losses = Losses::default();
        self.video.begin_segment(start.cut);
        self.audio.begin_segment(start.cut);
    }

    /// The tables of the init section come before the segment's own packets.
    fn begin_tables(&mut self, out: &mut Vec<MediaEvent>) {
        let tables = core::mem::take(&mut self.tables);
        for packet in tables.chunks_exact(PACKET) {
            // What is wrong with them is wrong with the segment too, unless it has tables of its own.
            if self.packet(0, packet, out).is_err() {
                self.demuxer = Demuxer::default();
            }
        }
        self.demuxer.begin_segment();
        self.waiting.clear();
        self.tables = tables;
    }

    fn abandon(&mut self) {
        self.demuxer.abandon();
        self.video.abandon();
        self.audio.abandon();
        self.metadata = MetadataStream::default();
    }

    fn end_segment(
        &mut self,
        framer: &Framer,
        out: &mut Vec<MediaEvent>,
    ) -> Result<SegmentFacts, MediaError> {
        let (length, first_packet) = (framer.position(), framer.first_packet());
        self.audio_starts = true;
        // A program map that came before the association is among them.
        self.use_waiting(length, out)?;
        if !self.demuxer.has_program() {
            let damaged_tables = self.losses.damaged_tables;
            let no_program = MediaError::NoProgram { length, first_packet, damaged_tables };
            return Err(self.demuxer.unsupported().unwrap_or(no_program));
        }
        self.demuxer.end_segment(&mut self.losses);
        let sink = &mut Sink { out, losses: &mut self.losses };
        let video = self.video.end_segment(sink);
        let audio = self.audio.end_segment(sink);
        self.losses.garbage_bytes = framer.garbage();
        Ok(SegmentFacts {
            offset: self.timeline.and_then(|timeline| timeline.offset()),
            start: self.starts.map(MediaTime::from_ticks),
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

    #[inline(never)]
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
            Owner::Metadata if matches!(self.timeline, Some(Timeline::Pending(_))) => {
                // Tags say where no segment belongs. They wait for what does, and not for more than audio would.
                if self.waiting.len() < MAX_WAITING_AUDIO {
                    self.waiting.extend_from_slice(bytes);
                }
                return Ok(());
            }
            Owner::Tables | Owner::Track(_) | Owner::Metadata => {}
        }
        let known = self.demuxer.has_program();
        match self.demuxer.push(owner, &packet, position, &mut self.losses)? {
            Event::None => Ok(()),
            Event::Program(streams) => {
                self.lock();
                let news = self.told.replace(streams) != Some(streams);
                if news {
                    self.tell(streams, out);
                }
                if news || !known { self.use_waiting(position, out) } else { Ok(()) }
            }
            Event::Piece(kind, piece) => self.piece(kind, piece, position, out),
            Event::Metadata(piece) => {
                let timeline = self.timeline.as_ref();
                let place =
                    |pts| timeline.and_then(|timeline| timeline.place(pts, None)).map(|stamp| stamp.pts);
                let start = piece.start.map(|start| start.pts.and_then(place));
                let sink = &mut Sink { out, losses: &mut self.losses };
                self.metadata.push(piece.lost, start, piece.payload, sink);
                Ok(())
            }
        }
    }

    fn tell(&mut self, streams: Streams, out: &mut Vec<MediaEvent>) {
        out.push(MediaEvent::Tracks { video: streams.video.is_some(), audio: streams.audio.is_some() });
        for (track, unsupported) in
            [(TrackKind::Video, streams.unsupported_video), (TrackKind::Audio, streams.unsupported_audio)]
        {
            out.extend(unsupported.map(|stream_type| MediaEvent::Unsupported { track, stream_type }));
        }
        let sink = &mut Sink { out, losses: &mut self.losses };
        if let Some(Codec::Video(codec)) = streams.video {
            self.video.set_codec(codec, sink);
        }
        if let Some(Codec::Audio(kind)) = streams.audio {
            self.audio.set_kind(Some(kind), sink);
        }
    }

    fn piece(
        &mut self,
        kind: TrackKind,
        piece: Piece<'_>,
        position: u64,
        out: &mut Vec<MediaEvent>,
    ) -> Result<(), MediaError> {
        if self.key.is_none() && self.demuxer.is_encrypted(kind) {
            return Err(MediaError::SampleKeyMissing { position });
        }
        let mut started = false;
        let mut stamp = None;
        if let (Some(pts), Some(timeline)) = (piece.start.and_then(|start| start.pts), &mut self.timeline) {
            if let Some(offset) = timeline.start(pts) {
                started = true;
                out.push(MediaEvent::Timeline { offset });
            }
            stamp = timeline.place(pts, piece.start.and_then(|start| start.dts));
            self.starts = self.starts.or(stamp.map(|stamp| stamp.pts));
        }
        let sink = &mut Sink { out, losses: &mut self.losses };
        match kind {
            TrackKind::Video => {
                if piece.lost {
                    self.video.lose(sink);
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

    /// The key goes to the tracks that need it.
    fn lock(&mut self) {
        let of = |kind| self.key.clone().filter(|_| self.demuxer.is_encrypted(kind));
        self.video.lock.set(of(TrackKind::Video));
        self.audio.lock.set(of(TrackKind::Audio));
    }

    /// Whether audio cannot be placed yet: video says where the segment belongs.
    fn audio_waits(&self) -> bool {
        let pending = matches!(self.timeline, Some(Timeline::Pending(_)));
        pending && !self.audio_starts && self.told.is_some_and(|told| told.video.is_some())
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
/// Bytes of an init section's packets: some hundred tables.
const MAX_TABLES: usize = 1 << 16;
/// Bytes of packets kept until a program map comes.
const MAX_UNKNOWN: usize = 1 << 20;
/// Bytes of audio packets kept until a video time stamp comes: some seconds.
const MAX_WAITING_AUDIO: usize = 1 << 16;
