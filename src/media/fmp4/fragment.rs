//! Fragments: `moof` and `mdat` (ISO/IEC 14496-12 §8.8) in one buffer, written once.
//!
//! Sample payload is appended behind room kept for the largest header that can be needed. When the fragment
//! is sealed, the header is written right before the payload, and [`FragmentBuf`] is what lies between its
//! first byte and the buffer's end: no payload byte moves.
//!
//! A buffer that grows is copied, and how large a fragment gets nobody knows before. So room is asked for twice the
//! largest of late, and what was not needed is given back when the fragment is sealed, which moves nothing either.

use core::fmt;

use super::boxes::{boxed, full_box, put32, put64};

/// A finished fragment.
#[derive(Clone, PartialEq, Eq)]
pub struct FragmentBuf {
    data: Vec<u8>,
    start: usize,
    /// Where the samples are.
    payload: usize,
}

impl FragmentBuf {
    /// `moof` and `mdat`, ready to append.
    pub fn bytes(&self) -> &[u8] {
        self.data.get(self.start..).unwrap_or_default()
    }

    /// The samples alone, one behind the other. Nothing for bytes that were made elsewhere.
    pub fn payload(&self) -> &[u8] {
        self.data.get(self.payload..).unwrap_or_default()
    }
}

/// Bytes that were made elsewhere: an init section, or a segment that is fragmented MP4 already.
impl From<Vec<u8>> for FragmentBuf {
    fn from(data: Vec<u8>) -> Self {
        Self { payload: data.len(), data, start: 0 }
    }
}

impl fmt::Debug for FragmentBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FragmentBuf({} bytes)", self.bytes().len())
    }
}

/// What a decoder may do with a sample (§8.8.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SampleFlags {
    /// Decodes without others.
    Sync,
    /// Needs others, and others may need it.
    Dependent,
    /// Needs others, and none needs it.
    Disposable,
}

/// Gathers the samples of one track.
#[derive(Debug, Default)]
pub(crate) struct FragmentBuilder {
    /// Room for the header, then payload. Empty until the first byte of payload comes.
    data: Vec<u8>,
    samples: Vec<Sample>,
    /// Where the open sample starts; 0 while there is no payload at all.
    open_at: usize,
    /// Payload bytes of the largest fragment of late.
    usual_size: usize,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    size: u32,
    duration: u32,
    composition_offset: i32,
    flags: SampleFlags,
}

impl FragmentBuilder {
    /// The open sample's bytes; append to it.
    #[inline]
    pub(crate) fn payload(&mut self) -> &mut Vec<u8> {
        if self.data.is_empty() {
            let room = self.usual_size.saturating_mul(2).clamp(MIN_ROOM, MAX_FRAGMENT);
            self.data.reserve(HEAD_ROOM.saturating_add(room));
            self.data.resize(HEAD_ROOM, 0);
            self.open_at = HEAD_ROOM;
        }
        &mut self.data
    }

    /// The open sample.
    pub(crate) fn open_sample(&self) -> &[u8] {
        self.data.get(self.open_at..).unwrap_or_default()
    }

    /// The open sample, for changes that keep its length.
    pub(crate) fn open_sample_mut(&mut self) -> &mut [u8] {
        self.data.get_mut(self.open_at..).unwrap_or_default()
    }

    /// Cuts the open sample to its first `length` bytes.
    pub(crate) fn truncate_open(&mut self, length: usize) {
        self.data.truncate(self.open_at.saturating_add(length));
    }

    /// The open sample is complete. Duration and offset are in ticks of the track.
    pub(crate) fn commit(&mut self, duration: u32, composition_offset: i32, flags: SampleFlags) {
        self.payload();
        let size = u32::try_from(self.open_sample().len()).unwrap_or(u32::MAX);
        self.samples.push(Sample { size, duration, composition_offset, flags });
        self.open_at = self.data.len();
    }

    /// The first bytes of the open sample are a complete one; the rest of it stays open.
    pub(crate) fn commit_first(
        &mut self,
        length: usize,
        duration: u32,
        composition_offset: i32,
        flags: SampleFlags,
    ) {
        let length = length.min(self.open_sample().len());
        let size = u32::try_from(length).unwrap_or(u32::MAX);
        self.samples.push(Sample { size, duration, composition_offset, flags });
        self.open_at = self.open_at.saturating_add(length);
    }

    /// Forgets the first bytes of the open sample.
    pub(crate) fn drop_first(&mut self, length: usize) {
        let end = self.open_at.saturating_add(length).min(self.data.len());
        self.data.drain(self.open_at.min(end)..end);
    }

    /// Whether there is no complete sample.
    pub(crate) fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Whether no more samples or bytes should go into this fragment.
    pub(crate) fn is_full(&self) -> bool {
        self.samples.len() >= MAX_SAMPLES || self.open_at > MAX_FRAGMENT
    }

    /// Writes the header of the complete samples, the first of which is decoded at `decode_time`. The open sample
    /// moves on to the next fragment. `None` if there is no complete sample.
    pub(crate) fn seal(&mut self, track_id: u32, sequence: u32, decode_time: u64) -> Option<FragmentBuf> {
        if self.samples.is_empty() {
            return None;
        }
        let with_offsets = self.samples.iter().any(|sample| sample.composition_offset != 0);
        let with_flags = self.samples.iter().any(|sample| sample.flags != SampleFlags::Sync);
        let payload_len = self.open_at.saturating_sub(HEAD_ROOM);
        let mut head = Vec::with_capacity(HEAD_ROOM);
        boxed(&mut head, b"moof", |out| {
            full_box(out, b"mfhd", 0, 0, |out| put32(out, sequence));
            boxed(out, b"traf", |out| {
                full_box(out, b"tfhd", 0, DEFAULT_BASE_IS_MOOF | DEFAULT_FLAGS, |out| {
                    put32(out, track_id);
                    put32(out, SampleFlags::Sync.bits());
                });
                full_box(out, b"tfdt", 1, 0, |out| put64(out, decode_time));
                let mut flags = DATA_OFFSET | DURATIONS | SIZES;
                let mut entry = 8;
                if with_flags {
                    flags |= FLAGS;
                    entry += 4;
                }
                if with_offsets {
                    flags |= OFFSETS;
                    entry += 4;
                }
                full_box(out, b"trun", 1, flags, |out| {
                    let count = u32::try_from(self.samples.len()).unwrap_or(u32::MAX);
                    put32(out, count);
                    // From the start of `moof` to behind the header of `mdat`: this field, the entries, 8 bytes.
                    let here = u32::try_from(out.len()).unwrap_or(u32::MAX);
                    put32(out, here + 4 + count * entry + 8);
                    for sample in &self.samples {
                        put32(out, sample.duration);
                        put32(out, sample.size);
                        if with_flags {
                            put32(out, sample.flags.bits());
                        }
                        if with_offsets {
                            put32(out, sample.composition_offset.cast_unsigned());
                        }
                    }
                });
            });
        });
        put32(&mut head, u32::try_from(payload_len.saturating_add(8)).unwrap_or(u32::MAX));
        head.extend_from_slice(b"mdat");

        self.usual_size = payload_len.max(self.usual_size.saturating_sub(self.usual_size / 8));
        let open_at = core::mem::take(&mut self.open_at);
        let mut data = core::mem::take(&mut self.data);
        if let Some(open) = data.get(open_at..).filter(|open| !open.is_empty()) {
            self.payload().extend_from_slice(open);
        }
        data.truncate(open_at);
        data.shrink_to_fit();
        let start = HEAD_ROOM.saturating_sub(head.len());
        if let Some(room) = data.get_mut(start..HEAD_ROOM).filter(|room| room.len() == head.len()) {
            room.copy_from_slice(&head);
        }
        self.samples.clear();
        Some(FragmentBuf { data, start, payload: HEAD_ROOM })
    }

    /// Forgets everything that was gathered.
    pub(crate) fn clear(&mut self) {
        self.data.clear();
        self.samples.clear();
        self.open_at = 0;
    }
}

impl SampleFlags {
    /// `sample_depends_on`, `sample_is_depended_on` and `sample_is_non_sync_sample`.
    const fn bits(self) -> u32 {
        match self {
            Self::Sync => 2 << 24,
            Self::Dependent => 1 << 24 | 1 << 16,
            Self::Disposable => 1 << 24 | 2 << 22 | 1 << 16,
        }
    }
}

/// Samples in a fragment, at most: they bound the header.
pub(crate) const MAX_SAMPLES: usize = 128;
/// Payload after which a fragment takes no further sample.
const MAX_FRAGMENT: usize = 4 << 20;
/// Payload that there is room for in any case.
const MIN_ROOM: usize = 64 << 10;
/// Everything of `moof` but the entries of `trun`, and the header of `mdat`.
const FIXED_HEAD: usize = 8 + 16 + 8 + 20 + 20 + 20 + 8;
const HEAD_ROOM: usize = FIXED_HEAD + 16 * MAX_SAMPLES;

// Flags of tfhd (§8.8.7.1) and trun (§8.8.8.1).
const DEFAULT_BASE_IS_MOOF: u32 = 0x02_0000;
const DEFAULT_FLAGS: u32 = 0x20;
const DATA_OFFSET: u32 = 0x01;
const DURATIONS: u32 = 0x100;
const SIZES: u32 = 0x200;
const FLAGS: u32 = 0x400;
const OFFSETS: u32 = 0x800;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_and_payload_lie_together() {
        let mut builder = FragmentBuilder::default();
        assert!(builder.seal(1, 1, 0).is_none());
        builder.payload().extend(b"first");
        builder.commit(10, 0, SampleFlags::Sync);
        builder.payload().extend(b"second");
        builder.commit(20, -5, SampleFlags::Dependent);
        builder.payload().extend(b"op");
        let buf = builder.seal(7, 9, 1 << 33).unwrap();
        let bytes = buf.bytes();
        let moof = u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize;
        assert_eq!(&bytes[4..8], b"moof");
        assert_eq!(&bytes[moof..], b"\0\0\0\x13mdatfirstsecond");
        assert_eq!(buf.payload(), b"firstsecond");
        let trun = bytes.windows(4).position(|w| w == b"trun").unwrap();
        let data_offset = u32::from_be_bytes(bytes[trun + 12..trun + 16].try_into().unwrap());
        assert_eq!(data_offset as usize, moof + 8);
        builder.payload().extend(b"en");
        assert_eq!(builder.open_sample(), b"open");
        builder.commit(1, 0, SampleFlags::Sync);
        assert!(builder.seal(7, 10, 0).unwrap().bytes().ends_with(b"mdatopen"));
    }

    #[test]
    fn the_largest_header_fits() {
        let mut builder = FragmentBuilder::default();
        for i in 0..MAX_SAMPLES {
            assert!(!builder.is_full());
            builder.payload().push(i as u8);
            builder.commit(1, 1, SampleFlags::Disposable);
        }
        assert!(builder.is_full());
        let buf = builder.seal(1, 1, 0).unwrap();
        assert_eq!((buf.start, buf.data.len()), (0, HEAD_ROOM + MAX_SAMPLES));
    }
}
