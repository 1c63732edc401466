//! The init section of fragmented MP4: `moov` and the tracks in it (ISO/IEC 14496-12 §8), and what of it goes on.
//!
//! It goes on as it came, byte for byte and place for place, but for what a `SourceBuffer` cannot use or browsers
//! read differently:
//!
//! - Tracks that are neither video nor audio, and second ones of a kind, become `free`: MSE takes what it was told of.
//! - Protection is taken off, because samples go on decrypted: `encv` becomes what `frma` says, `sinf` and `pssh` `free`.
//! - **Edit lists.** MSE knows one edit that says which media time is shown first (audio priming, the delay of
//!   B-frames); it stays, and times here count it in. Chromium reads the first edit alone, so a track that starts late,
//!   which is an empty edit before that one, would lose both: the list becomes that one edit, and the empty one's
//!   length is added to decode times.

use super::atom::{Atom, Atoms, Kind, put};
use super::clock::rescale;
use super::codecs::{Coding, coding};
use super::protection::Protection;
use crate::media::event::{Format, InitSection};
use crate::media::{MediaError, TrackKind};

/// What is known of the tracks of an init section.
#[derive(Clone, Debug)]
pub(super) struct Movie {
    /// Video first; of each kind one at most.
    pub(super) tracks: Vec<Track>,
    /// As it came, to know it again.
    source: Vec<u8>,
}

/// A track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Track {
    pub(super) id: u32,
    pub(super) kind: TrackKind,
    /// Ticks a second.
    pub(super) timescale: u32,
    /// The media time that is shown at the start; it stays in the edit list.
    pub(super) media_time: i64,
    /// How much later than that it starts; it is taken out of the edit list.
    pub(super) delay: i64,
    /// Protection of each sample entry.
    pub(super) protections: Vec<Option<Protection>>,
    pub(super) defaults: Defaults,
    /// `avc1.64001f`.
    pub(super) codec: String,
    pub(super) format: Format,
    /// MPEG-4 audio: its AudioSpecificConfig.
    pub(super) specific: Option<Vec<u8>>,
}

/// What fragments of an init section that is sound alone have to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::media) struct SoundTrack {
    pub(in crate::media) id: u32,
    /// Ticks a second.
    pub(in crate::media) timescale: u32,
    /// The media time that is shown at the start.
    pub(in crate::media) media_time: i64,
}

/// `trex`: what fragments do not say (§8.8.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Defaults {
    pub(super) description: u32,
    pub(super) duration: u32,
    pub(super) size: u32,
    pub(super) flags: u32,
}

impl Movie {
    /// Reads `ftyp` and `moov`, which may have others beside them. `position` is where the bytes are in a segment.
    pub(super) fn parse(bytes: &[u8], position: u64) -> Result<(Self, InitSection), MediaError> {
        let mut atoms = Atoms::new(bytes, 0..bytes.len());
        let moov = atoms.find(|atom| atom.kind == *b"moov");
        let damaged = |kind: Kind| MediaError::DamagedBox { position, kind: kind.into() };
        let moov = moov.ok_or(MediaError::NoInitSection { position })?;
        let mvex = moov.child(bytes, b"mvex").ok_or(MediaError::NotFragmented { position })?;

        let mut out = bytes.to_vec();
        let mut found: Vec<Track> = Vec::new();
        for atom in moov.children(bytes) {
            match &atom.kind {
                b"trak" => {
                    let track = Track::parse(&atom, bytes, &mut out).ok_or(damaged(*b"trak"))?;
                    match track {
                        Some(new) if found.iter().all(|old| old.kind != new.kind) => {
                            found.push(new);
                        }
                        _ => atom.neutralize(&mut out),
                    }
                }
                b"pssh" => atom.neutralize(&mut out),
                _ => {}
            }
        }
        if has_samples(&moov, bytes) {
            return Err(MediaError::NotFragmented { position });
        }
        for trex in mvex.children(bytes).filter(|atom| atom.kind == *b"trex") {
            let (id, defaults) = defaults(&trex, bytes).ok_or(damaged(*b"trex"))?;
            match found.iter_mut().find(|track| track.id == id) {
                Some(track) => track.defaults = defaults,
                None => trex.neutralize(&mut out),
            }
        }
        // A browser refuses what it cannot take apart, and would have to be given another source. In what goes nowhere
        // damage does no harm.
        if let Some(kind) = moov.damaged(&out) {
            return Err(damaged(kind));
        }
        found.sort_by_key(|track| track.kind == TrackKind::Audio);
        let Some(first) = found.first() else { return Err(MediaError::NoTrack { position }) };

        let codecs: Vec<&str> = found.iter().map(|track| track.codec.as_str()).collect();
        let section =
            InitSection::passed_through(first.kind, codecs.join(","), first.format, emitted(&out, &moov));
        Ok((Self { tracks: found, source: bytes.to_vec() }, section))
    }

    /// Whether it came from these very bytes.
    pub(super) fn is_of(&self, bytes: &[u8]) -> bool {
        self.source == bytes
    }

    /// The track with this id.
    pub(super) fn track(&self, id: u32) -> Option<(usize, &Track)> {
        self.tracks.iter().enumerate().find(|(_, track)| track.id == id)
    }

    /// Whether there is a track of a kind.
    pub(super) fn has(&self, kind: TrackKind) -> bool {
        self.tracks.iter().any(|track| track.kind == kind)
    }
}

impl SoundTrack {
    /// Of an init section as a sink gets it, with the AudioSpecificConfig; `None`: it is not of MPEG-4 audio alone.
    pub(in crate::media) fn of(init: &[u8]) -> Option<(Self, Vec<u8>)> {
        let (movie, _) = Movie::parse(init, 0).ok()?;
        let [track] = <[Track; 1]>::try_from(movie.tracks).ok()?;
        let Track { id, timescale, media_time, specific, .. } = track;
        Some((Self { id, timescale, media_time }, specific?))
    }
}

/// `ftyp` and `moov` of the bytes, and nothing that lies about.
fn emitted(bytes: &[u8], moov: &Atom) -> Vec<u8> {
    const FTYP: &[u8] = b"\0\0\0\x18ftypiso6\0\0\0\0iso6mp41";
    let ftyp = Atoms::new(bytes, 0..moov.start).find(|atom| atom.kind == *b"ftyp");
    let ftyp = ftyp.and_then(|atom| bytes.get(atom.range())).unwrap_or(FTYP);
    [ftyp, bytes.get(moov.range()).unwrap_or_default()].concat()
}

/// Whether samples lie outside of fragments (§8.7.3.2): those are not for MSE.
fn has_samples(moov: &Atom, bytes: &[u8]) -> bool {
    moov.children(bytes).filter(|atom| atom.kind == *b"trak").any(|trak| {
        let stsz = trak.descend(bytes, &[b"mdia", b"minf", b"stbl", b"stsz"]);
        let count =
            stsz.and_then(|stsz| stsz.fields(bytes).0.get(8..).and_then(|rest| rest.first_chunk().copied()));
        count.is_some_and(|count| u32::from_be_bytes(count) > 0)
    })
}

fn defaults(trex: &Atom, bytes: &[u8]) -> Option<(u32, Defaults)> {
    let mut fields = trex.fields(bytes);
    fields.version()?;
    let id = fields.u32()?;
    let (description, duration, size, flags) = (fields.u32()?, fields.u32()?, fields.u32()?, fields.u32()?);
    Some((id, Defaults { description, duration, size, flags }))
}

impl Track {
    /// Reads a `trak` and changes its copy in `out`. `Some(None)`: it is neither video nor audio.
    fn parse(trak: &Atom, bytes: &[u8], out: &mut [u8]) -> Option<Option<Self>> {
        let mdia = trak.child(bytes, b"mdia")?;
        let mut hdlr = mdia.child(bytes, b"hdlr")?.fields(bytes);
        hdlr.take(8)?;
        let kind = match &hdlr.kind()? {
            b"vide" => TrackKind::Video,
            b"soun" => TrackKind::Audio,
            _ => return Some(None),
        };
        let mut tkhd = trak.child(bytes, b"tkhd")?.fields(bytes);
        let (version, _) = tkhd.version()?;
        tkhd.take(if version == 1 { 16 } else { 8 })?;
        let id = tkhd.u32()?;
        let mut mdhd = mdia.child(bytes, b"mdhd")?.fields(bytes);
        let (version, _) = mdhd.version()?;
        mdhd.take(if version == 1 { 16 } else { 8 })?;
        let timescale = mdhd.u32().filter(|&timescale| timescale > 0)?;

        let (mut edits, mut delay) = (Edits::default(), 0_i64);
        if let Some(edts) = trak.child(bytes, b"edts") {
            // Without the list the track would be out of step.
            if edts.damaged(bytes).is_some() {
                return None;
            }
            edits = Edits::parse(&edts, bytes).unwrap_or_default();
            if !edits.rewrite(&edts, bytes, out) {
                delay = edits.media_time.saturating_neg();
                edits.media_time = 0;
            }
        }
        let stsd = mdia.descend(bytes, &[b"minf", b"stbl", b"stsd"])?;
        let mut protections = Vec::new();
        let mut first = None;
        // Behind version, flags and count.
        for entry in Atoms::new(bytes, stsd.body.start.checked_add(8)?..stsd.body.end).take(MAX_ENTRIES) {
            let (protection, coding, format) = sample_entry(&entry, kind, bytes, out)?;
            protections.push(protection);
            first.get_or_insert((coding, format));
        }
        let (coding, mut format) = first?;
        if let Format::Audio { sample_rate: rate @ 0, .. } = &mut format {
            *rate = timescale;
        }
        Some(Some(Self {
            id,
            kind,
            timescale,
            media_time: edits.media_time,
            delay: delay.saturating_add(edits.delay_in(timescale, movie_timescale(bytes).unwrap_or(1000))),
            protections,
            defaults: Defaults { description: 1, ..Defaults::default() },
            codec: coding.codec,
            format,
            specific: coding.specific,
        }))
    }
}

/// `mvhd`: what edits count in.
fn movie_timescale(bytes: &[u8]) -> Option<u32> {
    let moov = Atoms::new(bytes, 0..bytes.len()).find(|atom| atom.kind == *b"moov")?;
    let mut fields = moov.child(bytes, b"mvhd")?.fields(bytes);
    let (version, _) = fields.version()?;
    fields.take(if version == 1 { 16 } else { 8 })?;
    fields.u32().filter(|&timescale| timescale > 0)
}

/// An edit list (§8.6.6).
#[derive(Clone, Copy, Debug, Default)]
struct Edits {
    /// Where the first edit with media begins in it.
    media_time: i64,
    /// Sum of the empty edits before that one, in ticks of the movie.
    delay: u64,
    count: u32,
}

impl Edits {
    fn parse(edts: &Atom, bytes: &[u8]) -> Option<Self> {
        let mut fields = edts.child(bytes, b"elst")?.fields(bytes);
        let (version, _) = fields.version()?;
        let count = fields.u32()?;
        let mut edits = Self { count, ..Self::default() };
        for _ in 0..count {
            let duration = fields.either(version == 1)?;
            let media_time = if version == 1 {
                fields.u64()?.cast_signed()
            } else {
                i64::from(fields.u32()?.cast_signed())
            };
            fields.u32()?; // the rate, which is 1
            if media_time >= 0 {
                edits.media_time = media_time;
                break;
            }
            edits.delay = edits.delay.saturating_add(duration);
        }
        Some(edits)
    }

    /// Leaves at most the one edit that MSE knows, and says whether it did. What remains of the box is one that
    /// readers skip.
    fn rewrite(&self, edts: &Atom, bytes: &[u8], out: &mut [u8]) -> bool {
        if self.count == 1 && self.media_time > 0 {
            return true;
        }
        edts.neutralize(out);
        let Some(elst) = edts.child(bytes, b"elst") else { return false };
        let Some(media_time) =
            u32::try_from(self.media_time).ok().filter(|&time| time > 0 && time >> 31 == 0)
        else {
            return false;
        };
        // A box of version 0 with one edit has 28 bytes, and one with two has at least 12 more: a header fits.
        let Some(rest) = elst.range().len().checked_sub(28 + 8) else { return false };
        let rest = u32::try_from(rest.saturating_add(8)).unwrap_or(8);
        put(out, edts.start.saturating_add(4), b"edts");
        put(out, elst.start, b"\0\0\0\x1celst\0\0\0\0\0\0\0\x01\0\0\0\0");
        put(out, elst.start.saturating_add(20), &media_time.to_be_bytes());
        put(out, elst.start.saturating_add(24), b"\0\x01\0\0");
        put(out, elst.start.saturating_add(28), &rest.to_be_bytes());
        put(out, elst.start.saturating_add(32), b"free");
        true
    }

    /// The delay in ticks of the track.
    fn delay_in(&self, timescale: u32, movie: u32) -> i64 {
        rescale(i64::try_from(self.delay).unwrap_or(0), timescale.into(), movie.into())
    }
}

/// Reads a sample entry (§8.5.2, §12.1.3, §12.2.3) and takes protection off its copy in `out`.
fn sample_entry(
    entry: &Atom,
    kind: TrackKind,
    bytes: &[u8],
    out: &mut [u8],
) -> Option<(Option<Protection>, Coding, Format)> {
    let mut fields = entry.fields(bytes);
    fields.take(8)?; // reserved, and the data reference
    let (mut format, head) = match kind {
        TrackKind::Video => {
            fields.take(16)?;
            let (width, height) = (fields.u16()?.into(), fields.u16()?.into());
            (Format::Video { width, height }, 78)
        }
        TrackKind::Audio => {
            let version = fields.u16()?;
            fields.take(6)?;
            let channels = fields.u16()?;
            fields.take(6)?;
            let sample_rate = fields.u32()? >> 16;
            // QuickTime's versions have more fields.
            let more = match version {
                1 => 16,
                2 => 36,
                _ => 0,
            };
            (Format::Audio { sample_rate, channels }, 28 + more)
        }
    };
    let inside = entry.body.start.checked_add(head)?..entry.body.end;
    let children: Vec<Atom> = Atoms::new(bytes, inside).take(MAX_ENTRIES).collect();
    let sinf = children.iter().find(|atom| atom.kind == *b"sinf");
    let protection = match (&entry.kind, sinf) {
        (b"encv" | b"enca", sinf) => Some(Protection::parse(sinf?, bytes)?),
        _ => None,
    };
    let mut original = entry.kind;
    if let (Some(protection), Some(sinf)) = (&protection, sinf) {
        original = protection.format;
        put(out, entry.start.saturating_add(4), &protection.format);
        sinf.neutralize(out);
    }
    let coding = coding(original, &children, bytes);
    if let Format::Audio { sample_rate, channels } = &mut format {
        *sample_rate = coding.sample_rate.unwrap_or(*sample_rate);
        *channels = coding.channels.unwrap_or(*channels);
    }
    Some((protection, coding, format))
}

/// Sample entries of a track, and boxes in one: real ones have a handful.
const MAX_ENTRIES: usize = 64;
