//! Packets to PES payload: follows the program tables, keeps each stream's continuity, reads PES headers.
//!
//! The first program whose map has video or audio is the one that plays; in it, the first video and the first
//! audio stream of a supported codec.

use super::packet::Packet;
use super::pes::{self, Parsed, PesHeader};
use super::psi::{self, Sections};
use crate::media::codec::frame::AudioKind;
use crate::media::codec::{StreamUse, audio_kind, is_sample_encrypted, stream_use};
use crate::media::{Losses, MediaError, TrackKind};

/// The state of one transport stream. Carries over from segment to segment.
#[derive(Debug, Default)]
pub(crate) struct Demuxer {
    pat: Sections,
    /// The PAT that is in force.
    pat_seen: Vec<u8>,
    maps: Vec<ProgramMap>,
    selected: Option<Selected>,
}

/// Whom a packet belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A table.
    Tables,
    /// A stream that plays.
    Track(TrackKind),
    /// ID3 tags beside it.
    Metadata,
    /// Cannot be said until a program map has come.
    Unknown,
    /// Nobody here.
    Other,
}

/// What a packet held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    /// Nothing for the tracks.
    None,
    /// The program's map, new or changed.
    Program {
        /// The kinds of track that the program has.
        video: bool,
        /// Likewise.
        audio: bool,
    },
    /// A piece of a stream.
    Piece(Piece<'a>),
    /// A piece of the ID3 tags, whose kind says nothing.
    Metadata(Piece<'a>),
}

/// A piece of one elementary stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    /// Which one.
    pub(crate) kind: TrackKind,
    /// Bytes before this piece are missing.
    pub(crate) lost: bool,
    /// A PES packet starts with this piece.
    pub(crate) start: Option<PesHeader>,
    /// The elementary stream's bytes.
    pub(crate) payload: &'a [u8],
}

#[derive(Debug)]
struct ProgramMap {
    pid: u16,
    sections: Sections,
}

#[derive(Debug)]
struct Selected {
    map_pid: u16,
    /// The map that is in force.
    map_seen: Vec<u8>,
    video: Option<Stream>,
    audio: Option<Stream>,
    audio_kind: Option<AudioKind>,
    metadata: Option<Stream>,
}

#[derive(Debug)]
struct Stream {
    pid: u16,
    /// By its type; the key is the tracks' concern.
    encrypted: bool,
    last: Option<Last>,
    /// A gap was seen and not told yet.
    lost: bool,
    pes: Pes,
}

/// What is remembered of a stream's last packet, to know a repeated one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Last {
    counter: u8,
    unit_start: bool,
    length: usize,
    first: [u8; 8],
    end: [u8; 8],
}

#[derive(Debug)]
enum Pes {
    /// Bytes belong to no PES packet that could be read.
    Skip,
    /// The header's bytes so far.
    Header(Vec<u8>),
    Payload,
}

impl Demuxer {
    /// Continuity counters may start anew (a new segment); everything else stays in force.
    pub(crate) fn begin_segment(&mut self) {
        self.pat.reset();
        for map in &mut self.maps {
            map.sections.reset();
        }
        for stream in self.selected.iter_mut().flat_map(Selected::streams) {
            stream.last = None;
        }
    }

    /// Whether the samples of the stream that plays are encrypted.
    pub(crate) fn is_encrypted(&self, kind: TrackKind) -> bool {
        let streams = self.selected.as_ref().map(|selected| (&selected.video, &selected.audio));
        let stream = streams.and_then(|(video, audio)| match kind {
            TrackKind::Video => video.as_ref(),
            TrackKind::Audio => audio.as_ref(),
        });
        stream.is_some_and(|stream| stream.encrypted)
    }

    /// What the audio stream that plays is said to be.
    pub(crate) fn audio_kind(&self) -> Option<AudioKind> {
        self.selected.as_ref().and_then(|selected| selected.audio_kind)
    }

    /// Whether a program map was found.
    pub(crate) fn has_program(&self) -> bool {
        self.selected.is_some()
    }

    /// Whom `pid` belongs to, as far as the tables have said.
    pub(crate) fn owner(&self, pid: u16) -> Owner {
        if pid == PAT_PID || self.maps.iter().any(|map| map.pid == pid) {
            return Owner::Tables;
        }
        let Some(selected) = &self.selected else {
            return if pid < FIRST_STREAM_PID || pid == NULL_PID { Owner::Other } else { Owner::Unknown };
        };
        let is = |stream: &Option<Stream>| stream.as_ref().is_some_and(|s| s.pid == pid);
        if is(&selected.video) {
            Owner::Track(TrackKind::Video)
        } else if is(&selected.audio) {
            Owner::Track(TrackKind::Audio)
        } else if is(&selected.metadata) {
            Owner::Metadata
        } else {
            Owner::Other
        }
    }

    /// Takes the next packet, which is at `position` of its segment and belongs to `owner`.
    pub(crate) fn push<'a>(
        &mut self,
        owner: Owner,
        packet: &Packet<'a>,
        position: u64,
        losses: &mut Losses,
    ) -> Result<Event<'a>, MediaError> {
        match owner {
            Owner::Tables => self.table(packet, position, losses),
            Owner::Track(kind) => {
                let stream = self.selected.as_mut().and_then(|selected| selected.stream(kind));
                Ok(match stream {
                    Some(stream) => {
                        stream.push(kind, packet, position, losses)?.map_or(Event::None, Event::Piece)
                    }
                    None => Event::None,
                })
            }
            Owner::Metadata => {
                let stream = self.selected.as_mut().and_then(|selected| selected.metadata.as_mut());
                let Some(stream) = stream else { return Ok(Event::None) };
                let piece = stream.push(TrackKind::Audio, packet, position, losses)?;
                Ok(piece.map_or(Event::None, Event::Metadata))
            }
            Owner::Unknown | Owner::Other => Ok(Event::None),
        }
    }

    fn table(
        &mut self,
        packet: &Packet<'_>,
        position: u64,
        losses: &mut Losses,
    ) -> Result<Event<'static>, MediaError> {
        if packet.pid == PAT_PID {
            let (maps, seen, selected) = (&mut self.maps, &mut self.pat_seen, &mut self.selected);
            self.pat.push(packet, |section| {
                if seen.as_slice() != section && accept(section, losses) {
                    take_pat(section, maps, selected);
                    section.clone_into(seen);
                }
            });
            return Ok(Event::None);
        }
        let mut event = Ok(Event::None);
        let selected = &mut self.selected;
        if let Some(map) = self.maps.iter_mut().find(|map| map.pid == packet.pid) {
            let pid = map.pid;
            map.sections.push(packet, |section| {
                let in_force = selected.as_ref().is_some_and(|s| s.map_pid != pid || s.map_seen == section);
                if !in_force && accept(section, losses) {
                    let taken = take_pmt(pid, section, position, selected).transpose();
                    event = taken.unwrap_or(event.clone());
                }
            });
        }
        event
    }
}

impl Selected {
    fn streams(&mut self) -> impl Iterator<Item = &mut Stream> {
        self.video.iter_mut().chain(self.audio.iter_mut()).chain(self.metadata.iter_mut())
    }

    fn stream(&mut self, kind: TrackKind) -> Option<&mut Stream> {
        match kind {
            TrackKind::Video => self.video.as_mut(),
            TrackKind::Audio => self.audio.as_mut(),
        }
    }
}

impl Stream {
    fn new(pid: u16) -> Self {
        Self { pid, encrypted: false, last: None, lost: false, pes: Pes::Skip }
    }

    fn push<'a>(
        &mut self,
        kind: TrackKind,
        packet: &Packet<'a>,
        position: u64,
        losses: &mut Losses,
    ) -> Result<Option<Piece<'a>>, MediaError> {
        if packet.scrambled {
            return Err(MediaError::Scrambled { position });
        }
        if !packet.has_payload || self.repeats(packet, losses) {
            return Ok(None);
        }
        if packet.unit_start {
            self.pes = Pes::Header(Vec::new());
        } else if self.lost && matches!(self.pes, Pes::Header(_)) {
            self.pes = Pes::Skip;
        }
        let (start, payload) = match &mut self.pes {
            Pes::Skip => return Ok(None),
            Pes::Payload => (None, packet.payload),
            Pes::Header(begun) => {
                let before = begun.len();
                let parsed = if before == 0 {
                    pes::parse(packet.payload)
                } else {
                    begun.extend_from_slice(packet.payload);
                    pes::parse(begun)
                };
                match parsed {
                    Parsed::Incomplete => {
                        if before == 0 {
                            begun.extend_from_slice(packet.payload);
                        }
                        return Ok(None);
                    }
                    Parsed::Other => {
                        self.pes = Pes::Skip;
                        losses.damaged_pes = losses.damaged_pes.saturating_add(1);
                        return Ok(None);
                    }
                    Parsed::Header(header, payload) => {
                        let from = packet.payload.len().saturating_sub(payload.len());
                        self.pes = Pes::Payload;
                        (Some(header), packet.payload.get(from..).unwrap_or_default())
                    }
                }
            }
        };
        if start.is_some_and(|header| header.scrambled) {
            return Err(MediaError::Scrambled { position });
        }
        Ok(Some(Piece { kind, lost: core::mem::take(&mut self.lost), start, payload }))
    }

    /// Follows the continuity counter; true if this packet was had before (§2.4.3.3: once more is legal).
    ///
    /// A counter that stands still over different packets is a muxer's fault and no loss.
    fn repeats(&mut self, packet: &Packet<'_>, losses: &mut Losses) -> bool {
        let now = Last::of(packet);
        let Some(last) = self.last.replace(now).filter(|_| !packet.discontinuity) else { return false };
        if last == now {
            return true;
        }
        if last.counter.wrapping_add(1) & 0x0f != now.counter {
            losses.continuity_errors = losses.continuity_errors.saturating_add(1);
            self.lost = last.counter != now.counter;
        }
        false
    }
}

impl Last {
    fn of(packet: &Packet<'_>) -> Self {
        Self {
            counter: packet.counter,
            unit_start: packet.unit_start,
            length: packet.payload.len(),
            first: packet.payload.first_chunk().copied().unwrap_or_default(),
            end: packet.payload.last_chunk().copied().unwrap_or_default(),
        }
    }
}

fn accept(section: &[u8], losses: &mut Losses) -> bool {
    let good = psi::crc_matches(section);
    if !good {
        losses.damaged_tables = losses.damaged_tables.saturating_add(1);
    }
    good
}

fn take_pat(section: &[u8], maps: &mut Vec<ProgramMap>, selected: &mut Option<Selected>) {
    let Some(pids) = psi::parse_pat(section) else { return };
    let pids: Vec<u16> = pids.take(MAX_PROGRAMS).collect();
    maps.retain(|map| pids.contains(&map.pid));
    for pid in pids {
        if !maps.iter().any(|map| map.pid == pid) {
            maps.push(ProgramMap { pid, sections: Sections::default() });
        }
    }
    // The program that plays has gone: the next map with media takes its place.
    selected.take_if(|selected| !maps.iter().any(|map| map.pid == selected.map_pid));
}

/// Puts a map in force. `None` if it changes nothing for the tracks.
fn take_pmt(
    map_pid: u16,
    section: &[u8],
    position: u64,
    selected: &mut Option<Selected>,
) -> Result<Option<Event<'static>>, MediaError> {
    let Some(streams) = psi::parse_pmt(section) else { return Ok(None) };
    let (mut pids, mut unsupported) = ([None; 2], [None; 2]);
    let (mut kind, mut metadata) = (None, None);
    for (stream_type, pid, descriptors) in streams {
        let metadata_pid = pid;
        let pid = (pid, is_sample_encrypted(stream_type));
        match stream_use(stream_type, descriptors) {
            StreamUse::Supported(TrackKind::Video) => pids[0] = pids[0].or(Some(pid)),
            StreamUse::Supported(TrackKind::Audio) => {
                // AAC plays everywhere, the others do not.
                let new = audio_kind(stream_type, descriptors);
                let better = new == Some(AudioKind::Aac) && kind != new;
                if pids[1].is_none() || better {
                    (pids[1], kind) = (Some(pid), new);
                }
            }
            StreamUse::Metadata => metadata = metadata.or(Some((metadata_pid, false))),
            StreamUse::Unsupported(TrackKind::Video) => unsupported[0] = unsupported[0].or(Some(stream_type)),
            StreamUse::Unsupported(TrackKind::Audio) => unsupported[1] = unsupported[1].or(Some(stream_type)),
            StreamUse::Ignored => {}
        }
    }
    // Playing the rest would be a black picture or silence, and nobody would know why.
    for (pid, unsupported) in pids.iter().zip(unsupported) {
        if let (None, Some(stream_type)) = (pid, unsupported) {
            return Err(MediaError::UnsupportedCodec { position, stream_type });
        }
    }
    let [video, audio] = pids;
    if selected.is_none() && video.is_none() && audio.is_none() {
        return Ok(None);
    }
    let (old_video, old_audio, old_metadata) = match selected.take() {
        Some(old) => (old.video, old.audio, old.metadata),
        None => (None, None, None),
    };
    let keep = |old: Option<Stream>, new: Option<(u16, bool)>| {
        new.map(|(pid, encrypted)| {
            let stream = old.filter(|stream| stream.pid == pid).unwrap_or_else(|| Stream::new(pid));
            Stream { encrypted, ..stream }
        })
    };
    *selected = Some(Selected {
        map_pid,
        map_seen: section.to_vec(),
        video: keep(old_video, video),
        audio: keep(old_audio, audio),
        audio_kind: kind,
        metadata: keep(old_metadata, metadata),
    });
    Ok(Some(Event::Program { video: video.is_some(), audio: audio.is_some() }))
}

const PAT_PID: u16 = 0;
/// PIDs below this one belong to tables of the standard.
const FIRST_STREAM_PID: u16 = 0x10;
const NULL_PID: u16 = 0x1fff;
/// Programs whose maps are looked at.
const MAX_PROGRAMS: usize = 64;
