//! The program tables of a transport stream: which packets belong to the streams that play.
//!
//! The first program whose map has video or audio is the one that plays; in it, the first video and the first
//! audio stream of a supported codec.

use super::continuity::{Continuity, Step};
use super::packet::Packet;
use super::psi::{self, Sections};
use super::stream::{Piece, Stream};
use crate::media::codec::frame::AudioKind;
use crate::media::codec::{Codec, StreamUse, is_sample_encrypted, stream_use};
use crate::media::{Losses, MediaError, TrackKind};

/// The state of one transport stream. Carries over from segment to segment.
#[derive(Debug, Default)]
pub(crate) struct Demuxer {
    pat: Table,
    /// The PAT section that came last.
    pat_seen: Vec<u8>,
    maps: Vec<ProgramMap>,
    selected: Option<Selected>,
    /// A program that has video or audio, none of which is supported: where, and a stream type of it.
    unsupported: Option<(u64, u8)>,
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
    Program(Streams),
    /// A piece of a stream that plays.
    Piece(TrackKind, Piece<'a>),
    /// A piece of the ID3 tags.
    Metadata(Piece<'a>),
}

/// What a program has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Streams {
    /// What its video is coded in, if it has any that plays.
    pub(crate) video: Option<Codec>,
    /// Likewise.
    pub(crate) audio: Option<Codec>,
    /// The stream type of video that it has instead.
    pub(crate) unsupported_video: Option<u8>,
    /// Likewise.
    pub(crate) unsupported_audio: Option<u8>,
}

/// The sections of one PID.
#[derive(Debug, Default)]
struct Table {
    sections: Sections,
    continuity: Continuity,
}

#[derive(Debug)]
struct ProgramMap {
    pid: u16,
    /// The programs whose maps have this PID.
    programs: Vec<u16>,
    table: Table,
}

#[derive(Debug)]
struct Selected {
    map_pid: u16,
    number: u16,
    /// The map that is in force.
    map_seen: Vec<u8>,
    /// The program has gone: it plays on until another one with media takes its place.
    gone: bool,
    streams: Streams,
    video: Option<Stream>,
    audio: Option<Stream>,
    metadata: Option<Stream>,
}

impl Demuxer {
    /// Continuity counters may start anew (a new segment); everything else stays in force.
    pub(crate) fn begin_segment(&mut self) {
        for table in self.maps.iter_mut().map(|map| &mut map.table).chain([&mut self.pat]) {
            table.sections.reset();
            table.continuity.reset();
        }
        for stream in self.streams() {
            stream.begin_segment();
        }
        self.unsupported = None;
    }

    /// What the segment had so far is forgotten.
    pub(crate) fn abandon(&mut self) {
        self.streams().for_each(Stream::abandon);
    }

    /// Counts what the end of the segment cuts off.
    pub(crate) fn end_segment(&mut self, losses: &mut Losses) {
        for stream in self.streams() {
            stream.end_segment(losses);
        }
    }

    /// Whether the samples of the stream that plays are encrypted.
    pub(crate) fn is_encrypted(&self, kind: TrackKind) -> bool {
        let stream = self.selected.as_ref().and_then(|selected| match kind {
            TrackKind::Video => selected.video.as_ref(),
            TrackKind::Audio => selected.audio.as_ref(),
        });
        stream.is_some_and(|stream| stream.encrypted)
    }

    /// Whether a program map was found.
    pub(crate) fn has_program(&self) -> bool {
        self.selected.is_some()
    }

    /// Why no program plays, if there is one that would.
    pub(crate) fn unsupported(&self) -> Option<MediaError> {
        self.unsupported.map(|(position, stream_type)| MediaError::UnsupportedCodec { position, stream_type })
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
        let selected = self.selected.as_mut();
        let (kind, stream) = match owner {
            Owner::Tables => return self.table(packet, position, losses),
            Owner::Track(TrackKind::Video) => (Some(TrackKind::Video), selected.map(|s| &mut s.video)),
            Owner::Track(TrackKind::Audio) => (Some(TrackKind::Audio), selected.map(|s| &mut s.audio)),
            Owner::Metadata => (None, selected.map(|s| &mut s.metadata)),
            Owner::Unknown | Owner::Other => return Ok(Event::None),
        };
        let Some(Some(stream)) = stream else { return Ok(Event::None) };
        let Some(piece) = stream.push(packet, position, losses)? else { return Ok(Event::None) };
        Ok(kind.map_or(Event::Metadata(piece), |kind| Event::Piece(kind, piece)))
    }

    fn streams(&mut self) -> impl Iterator<Item = &mut Stream> {
        self.selected.iter_mut().flat_map(|s| [&mut s.video, &mut s.audio, &mut s.metadata]).flatten()
    }

    fn table(
        &mut self,
        packet: &Packet<'_>,
        position: u64,
        losses: &mut Losses,
    ) -> Result<Event<'static>, MediaError> {
        if packet.pid == PAT_PID {
            let (maps, seen, selected) = (&mut self.maps, &mut self.pat_seen, &mut self.selected);
            self.pat.push(packet, psi::PAT, losses, |section, losses| {
                if seen.as_slice() != section && accept(section, losses) {
                    take_pat(section, maps, selected);
                    section.clone_into(seen);
                }
            });
            return Ok(Event::None);
        }
        let programs = self.maps.len();
        let Some(map) = self.maps.iter_mut().find(|map| map.pid == packet.pid) else {
            return Ok(Event::None);
        };
        let (pid, alone) = (map.pid, programs == 1 && map.programs.len() == 1);
        let (numbers, selected, unsupported) = (&map.programs, &mut self.selected, &mut self.unsupported);
        let mut event = Ok(Event::None);
        map.table.push(packet, psi::PMT, losses, |section, losses| {
            let Some(number) = psi::program_number(section) else { return };
            // Programs may share the PID of their maps. The only one there may have the wrong number.
            let listed = numbers.contains(&number) || numbers.len() == 1;
            let other = |s: &Selected| {
                s.map_pid != pid || s.number != number && numbers.contains(&s.number) || s.map_seen == section
            };
            let stays = selected.as_ref().is_some_and(|s| !s.gone && other(s));
            if !listed || stays || !accept(section, losses) {
                return;
            }
            match take_pmt(pid, number, section, selected) {
                Map::Nothing => {}
                Map::Unsupported(stream_type) => {
                    let error = MediaError::UnsupportedCodec { position, stream_type };
                    *unsupported = Some((position, stream_type));
                    // Another program may have what plays.
                    if alone {
                        event = Err(error);
                    }
                }
                Map::Program(streams) => event = Ok(Event::Program(streams)),
            }
        });
        event
    }
}

impl Table {
    /// Takes the next packet and hands each section with this table id that it completes to `sink`.
    fn push(
        &mut self,
        packet: &Packet<'_>,
        table_id: u8,
        losses: &mut Losses,
        mut sink: impl FnMut(&[u8], &mut Losses),
    ) {
        if !packet.has_payload {
            return;
        }
        match self.continuity.step(packet) {
            Step::Repeat => return,
            Step::Gap => {
                if self.sections.reset() {
                    losses.damaged_tables = losses.damaged_tables.saturating_add(1);
                }
            }
            Step::Next | Step::Stuck => {}
        }
        self.sections.push(packet, |section| {
            if section.first() == Some(&table_id) {
                sink(section, losses);
            }
        });
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
    let Some(programs) = psi::parse_pat(section) else { return };
    // Of a table of several sections, each adds to the others.
    if psi::is_whole(section) {
        maps.iter_mut().for_each(|map| map.programs.clear());
    }
    let programs = programs.filter(|(_, pid)| (FIRST_STREAM_PID..NULL_PID).contains(pid));
    for (number, pid) in programs.take(MAX_PROGRAMS) {
        if let Some(map) = maps.iter_mut().find(|map| map.pid == pid) {
            if map.programs.len() < MAX_PROGRAMS && !map.programs.contains(&number) {
                map.programs.push(number);
            }
        } else if maps.len() < MAX_PROGRAMS {
            maps.push(ProgramMap { pid, programs: vec![number], table: Table::default() });
        }
    }
    maps.retain(|map| !map.programs.is_empty());
    if let Some(selected) = selected {
        selected.gone = !maps.iter().any(|map| map.pid == selected.map_pid);
    }
}

/// What a program map says.
enum Map {
    /// The program has neither video nor audio.
    Nothing,
    /// It has, but nothing that is supported; a stream type.
    Unsupported(u8),
    /// It is in force.
    Program(Streams),
}

/// Puts a map in force, if it has media.
fn take_pmt(map_pid: u16, number: u16, section: &[u8], selected: &mut Option<Selected>) -> Map {
    let Some(infos) = psi::parse_pmt(section) else { return Map::Nothing };
    let (mut video, mut audio, mut metadata) = (None, None, None);
    let mut streams = Streams::default();
    for info in infos {
        let new = (info.pid, is_sample_encrypted(info.stream_type));
        let first = |old: &mut Option<u8>| *old = old.or(Some(info.stream_type));
        match stream_use(info.stream_type, info.descriptors) {
            StreamUse::Supported(codec @ Codec::Video(_)) => {
                video = video.or(Some(new));
                streams.video = streams.video.or(Some(codec));
            }
            StreamUse::Supported(codec @ Codec::Audio(kind)) => {
                // AAC plays everywhere, the others do not.
                let better = kind == AudioKind::Aac && streams.audio != Some(codec);
                if audio.is_none() || better {
                    (audio, streams.audio) = (Some(new), Some(codec));
                }
            }
            StreamUse::Metadata => metadata = metadata.or(Some((info.pid, false))),
            StreamUse::Unsupported(TrackKind::Video) => first(&mut streams.unsupported_video),
            StreamUse::Unsupported(TrackKind::Audio) => first(&mut streams.unsupported_audio),
            StreamUse::Ignored => {}
        }
    }
    if streams.video.is_some() {
        streams.unsupported_video = None;
    }
    if streams.audio.is_some() {
        streams.unsupported_audio = None;
    }
    if streams.video.is_none() && streams.audio.is_none() {
        // What plays, plays on: the map of a pause between two programs may be empty.
        if let Some(selected) = selected {
            selected.gone |= selected.map_pid == map_pid;
        }
        let unsupported = streams.unsupported_video.or(streams.unsupported_audio);
        return unsupported.map_or(Map::Nothing, Map::Unsupported);
    }
    let old = selected.take();
    let before = old.as_ref().map(|old| old.streams).unwrap_or_default();
    let (old_video, old_audio, old_metadata) =
        old.map_or((None, None, None), |old| (old.video, old.audio, old.metadata));
    // The rest of a PES packet in another codec is nothing.
    let keep = |old: Option<Stream>, new: Option<(u16, bool)>, same: bool| {
        new.map(|(pid, encrypted)| {
            let mut stream = old.filter(|old| same && old.pid == pid).unwrap_or_else(|| Stream::new(pid));
            stream.encrypted = encrypted;
            stream
        })
    };
    *selected = Some(Selected {
        map_pid,
        number,
        map_seen: section.to_vec(),
        gone: false,
        streams,
        video: keep(old_video, video, before.video == streams.video),
        audio: keep(old_audio, audio, before.audio == streams.audio),
        metadata: keep(old_metadata, metadata, true),
    });
    Map::Program(streams)
}

const PAT_PID: u16 = 0;
/// PIDs below this one belong to tables of the standard.
const FIRST_STREAM_PID: u16 = 0x10;
const NULL_PID: u16 = 0x1fff;
/// Programs whose maps are looked at.
const MAX_PROGRAMS: usize = 64;
