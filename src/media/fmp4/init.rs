//! The init section: `ftyp` and a `moov` without samples (ISO/IEC 14496-12 §8), with the sample entries of
//! video and audio.

use super::boxes::{boxed, full_box, put16, put32, put64};

/// One track, as its init section describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TrackConfig {
    pub(crate) id: u32,
    /// Ticks a second of the track's times.
    pub(crate) timescale: u32,
    pub(crate) entry: SampleEntry,
}

/// What a decoder needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SampleEntry {
    /// A VisualSampleEntry (§12.1.3).
    Video {
        /// Its four-character code: `avc1`, `hvc1`.
        format: [u8; 4],
        width: u16,
        height: u16,
        /// Width and height of a sample.
        sample_aspect: (u16, u16),
        /// The box with the decoder's configuration (`avcC`, `hvcC`), whole.
        config: Vec<u8>,
    },
    /// An AudioSampleEntry (§12.2.3).
    Audio {
        /// Its four-character code: `mp4a`, `ac-3`.
        format: [u8; 4],
        channels: u16,
        sample_rate: u32,
        /// The box with the decoder's configuration (`esds`, `dac3`), whole.
        config: Vec<u8>,
    },
}

/// Writes the init section of these tracks.
pub(crate) fn init_section(tracks: &[&TrackConfig]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    boxed(&mut out, b"ftyp", |out| {
        out.extend_from_slice(b"iso6\0\0\0\0iso6mp41");
    });
    boxed(&mut out, b"moov", |out| {
        movie_header(out, tracks);
        for track in tracks {
            boxed(out, b"trak", |out| trak(out, track));
        }
        boxed(out, b"mvex", |out| {
            for track in tracks {
                full_box(out, b"trex", 0, 0, |out| {
                    put32(out, track.id);
                    put32(out, 1); // default_sample_description_index
                    out.extend_from_slice(&[0; 12]); // no default duration, size, flags
                });
            }
        });
    });
    out
}

fn movie_header(out: &mut Vec<u8>, tracks: &[&TrackConfig]) {
    full_box(out, b"mvhd", 0, 0, |out| {
        put64(out, 0); // creation and modification time
        put32(out, 1000); // timescale
        put32(out, 0); // duration: that of the fragments
        put32(out, 0x0001_0000); // rate 1
        put16(out, 0x0100); // volume 1
        out.extend_from_slice(&[0; 10]);
        matrix(out);
        out.extend_from_slice(&[0; 24]);
        put32(out, tracks.iter().map(|track| track.id).max().unwrap_or(0).saturating_add(1));
    });
}

fn trak(out: &mut Vec<u8>, track: &TrackConfig) {
    full_box(out, b"tkhd", 0, 3, |out| {
        put64(out, 0); // creation and modification time
        put32(out, track.id);
        out.extend_from_slice(&[0; 20]); // duration, layer and alternate group too
        put16(out, if matches!(track.entry, SampleEntry::Audio { .. }) { 0x0100 } else { 0 }); // volume
        put16(out, 0);
        matrix(out);
        let (width, height) = track.entry.display_size();
        put32(out, width); // 16.16 fixed point
        put32(out, height);
    });
    boxed(out, b"mdia", |out| {
        full_box(out, b"mdhd", 0, 0, |out| {
            put64(out, 0);
            put32(out, track.timescale);
            put32(out, 0);
            put16(out, 0x55c4); // language: undetermined
            put16(out, 0);
        });
        full_box(out, b"hdlr", 0, 0, |out| {
            put32(out, 0);
            out.extend_from_slice(match track.entry {
                SampleEntry::Video { .. } => b"vide",
                SampleEntry::Audio { .. } => b"soun",
            });
            out.extend_from_slice(&[0; 13]); // reserved, and an empty name
        });
        boxed(out, b"minf", |out| {
            match track.entry {
                SampleEntry::Video { .. } => full_box(out, b"vmhd", 0, 1, |out| put64(out, 0)),
                SampleEntry::Audio { .. } => full_box(out, b"smhd", 0, 0, |out| put32(out, 0)),
            }
            boxed(out, b"dinf", |out| {
                full_box(out, b"dref", 0, 0, |out| {
                    put32(out, 1);
                    full_box(out, b"url ", 0, 1, |_| {}); // in this file
                });
            });
            boxed(out, b"stbl", |out| {
                full_box(out, b"stsd", 0, 0, |out| {
                    put32(out, 1);
                    track.entry.write(out);
                });
                full_box(out, b"stts", 0, 0, |out| put32(out, 0));
                full_box(out, b"stsc", 0, 0, |out| put32(out, 0));
                full_box(out, b"stsz", 0, 0, |out| put64(out, 0));
                full_box(out, b"stco", 0, 0, |out| put32(out, 0));
            });
        });
    });
}

impl SampleEntry {
    /// 16.16 fixed point; nothing for audio.
    fn display_size(&self) -> (u32, u32) {
        match *self {
            Self::Video { width, height, sample_aspect: (x, y), .. } => {
                let wide = (u64::from(width) << 16) * u64::from(x) / u64::from(y.max(1));
                (u32::try_from(wide).unwrap_or(u32::MAX), u32::from(height) << 16)
            }
            Self::Audio { .. } => (0, 0),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Video { format, width, height, sample_aspect, config } => boxed(out, format, |out| {
                out.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 1]); // data_reference_index 1
                out.extend_from_slice(&[0; 16]);
                put16(out, *width);
                put16(out, *height);
                put32(out, 0x0048_0000); // 72 dpi
                put32(out, 0x0048_0000);
                put32(out, 0);
                put16(out, 1); // frames a sample
                out.extend_from_slice(&[0; 32]); // compressor name
                put16(out, 0x0018); // depth
                put16(out, 0xffff); // pre_defined -1
                out.extend_from_slice(config);
                if *sample_aspect != (1, 1) {
                    boxed(out, b"pasp", |out| {
                        put32(out, u32::from(sample_aspect.0));
                        put32(out, u32::from(sample_aspect.1));
                    });
                }
            }),
            Self::Audio { format, channels, sample_rate, config } => boxed(out, format, |out| {
                out.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 1]);
                put64(out, 0);
                put16(out, *channels);
                put16(out, 16); // sample size
                put32(out, 0);
                // 16.16; a rate that does not fit is in the specific config alone.
                put32(out, u16::try_from(*sample_rate).map_or(0, |rate| u32::from(rate) << 16));
                out.extend_from_slice(config);
            }),
        }
    }
}

/// `esds`: an ES_Descriptor with its decoder config (ISO/IEC 14496-1 §7.2.6). `object_type` is the object type
/// indication: 0x40 is MPEG-4 audio, 0x6b MPEG-1 audio.
pub(crate) fn esds(object_type: u8, specific_config: &[u8]) -> Vec<u8> {
    // Configurations are a few bytes; longer ones than this do not exist.
    let specific = specific_config.get(..specific_config.len().min(64)).unwrap_or_default();
    let length = u8::try_from(specific.len()).unwrap_or(0);
    let info = if specific.is_empty() { 0 } else { length.saturating_add(2) };
    let mut out = Vec::with_capacity(64);
    full_box(&mut out, b"esds", 0, 0, |out| {
        out.extend_from_slice(&[0x03, info.saturating_add(21), 0, 0, 0]); // ES_Descriptor, ES_ID 0
        // DecoderConfigDescriptor of an audio stream
        out.extend_from_slice(&[0x04, info.saturating_add(13), object_type, 0x15]);
        out.extend_from_slice(&[0; 11]); // buffer size and bit rates: unknown
        if !specific.is_empty() {
            out.extend_from_slice(&[0x05, length]); // DecoderSpecificInfo
            out.extend_from_slice(specific);
        }
        out.extend_from_slice(&[0x06, 1, 2]); // SLConfigDescriptor: as in MP4
    });
    out
}

fn matrix(out: &mut Vec<u8>) {
    for value in [0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000] {
        put32(out, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kinds and sizes of all boxes, depth first.
    fn boxes(bytes: &[u8], found: &mut Vec<(String, usize)>) {
        let mut rest = bytes;
        while let Some((size, _)) = rest.split_first_chunk::<4>() {
            let size = u32::from_be_bytes(*size) as usize;
            let kind = String::from_utf8(rest[4..8].to_vec()).unwrap();
            found.push((kind.clone(), size));
            let inside = match kind.as_str() {
                "moov" | "trak" | "mdia" | "minf" | "dinf" | "stbl" | "mvex" => 8,
                "stsd" | "dref" => 16,
                "avc1" => 86,
                "mp4a" => 36,
                _ => size,
            };
            boxes(&rest[inside..size], found);
            rest = &rest[size..];
        }
    }

    #[test]
    fn boxes_have_the_sizes_of_the_standard() {
        // Some parsers take what the standard does not allow; browsers do not.
        let mut config = Vec::new();
        boxed(&mut config, b"avcC", |out| out.extend_from_slice(&[1; 20]));
        let entry =
            SampleEntry::Video { format: *b"avc1", width: 64, height: 48, sample_aspect: (4, 3), config };
        let video = TrackConfig { id: 1, timescale: 90_000, entry };
        let config = esds(0x40, &[0x11, 0x90]);
        let entry = SampleEntry::Audio { format: *b"mp4a", channels: 2, sample_rate: 48_000, config };
        let audio = TrackConfig { id: 2, timescale: 48_000, entry };
        let mut found = Vec::new();
        boxes(&init_section(&[&video, &audio]), &mut found);
        for (kind, sizes) in [
            ("ftyp", &[24][..]),
            ("mvhd", &[108]),
            ("tkhd", &[92, 92]),
            ("mdhd", &[32, 32]),
            ("hdlr", &[33, 33]),
            ("vmhd", &[20]),
            ("smhd", &[16]),
            ("url ", &[12, 12]),
            ("avcC", &[28]),
            ("pasp", &[16]),
            ("esds", &[39]),
            ("stts", &[16, 16]),
            ("stsc", &[16, 16]),
            ("stsz", &[20, 20]),
            ("stco", &[16, 16]),
            ("trex", &[32, 32]),
        ] {
            let got: Vec<usize> = found.iter().filter(|(k, _)| k == kind).map(|&(_, size)| size).collect();
            assert_eq!(got, sizes, "{kind}");
        }
    }
}
