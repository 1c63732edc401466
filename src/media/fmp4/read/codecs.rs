//! Codec strings (RFC 6381 and what the codecs' own bindings add), from the boxes of a sample entry.

use super::atom::{Atom, Fields, Kind};
use crate::media::codec::bits::BitReader;

/// What a sample entry's configuration says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Coding {
    /// `avc1.64001f`.
    pub(super) codec: String,
    /// Where the configuration knows better than the entry: samples a second, channels.
    pub(super) sample_rate: Option<u32>,
    pub(super) channels: Option<u16>,
    /// MPEG-4 audio: its AudioSpecificConfig.
    pub(super) specific: Option<Vec<u8>>,
}

/// By the entry's original format, and the boxes in it. What is not known goes by its four-character code.
pub(super) fn coding(format: Kind, children: &[Atom], buffer: &[u8]) -> Coding {
    let body = |kind: &Kind| children.iter().find(|atom| atom.kind == *kind).map(|atom| atom.fields(buffer));
    let name = name(format);
    let mut coding = Coding { codec: name.clone(), sample_rate: None, channels: None, specific: None };
    let codec = match &format {
        b"avc1" | b"avc2" | b"avc3" | b"avc4" => body(b"avcC").and_then(|f| avc(&name, f)),
        b"hvc1" | b"hev1" => body(b"hvcC").and_then(|f| hevc(&name, f)),
        b"dvh1" | b"dvhe" | b"dva1" | b"dvav" | b"dav1" => {
            body(b"dvcC").or_else(|| body(b"dvvC")).and_then(|f| dolby_vision(&name, f))
        }
        b"av01" => body(b"av1C").and_then(av1),
        b"vp08" | b"vp09" => body(b"vpcC").and_then(|f| vpx(&name, f)),
        b"mp4a" | b"mp4v" => body(b"esds").and_then(|f| mpeg4(&name, f, &mut coding)),
        b"Opus" => {
            coding.sample_rate = Some(48_000);
            coding.channels = body(b"dOps").and_then(|f| f.0.get(1).copied()).map(u16::from);
            None
        }
        b"ac-3" => {
            coding.channels = body(b"dac3").and_then(|f| dolby_channels(f.0, 10));
            None
        }
        b"ec-3" => {
            coding.channels = body(b"dec3").and_then(|f| dolby_channels(f.0, 28));
            None
        }
        _ => None,
    };
    if let Some(codec) = codec {
        coding.codec = codec;
    }
    coding
}

/// A four-character code as text.
fn name(kind: Kind) -> String {
    kind.iter().filter(|byte| byte.is_ascii_graphic()).map(|&byte| char::from(byte)).collect()
}

/// Profile, constraints and level of an AVCDecoderConfigurationRecord.
fn avc(name: &str, mut fields: Fields<'_>) -> Option<String> {
    fields.u8()?;
    let (profile, constraints, level) = (fields.u8()?, fields.u8()?, fields.u8()?);
    Some(format!("{name}.{profile:02x}{constraints:02x}{level:02x}"))
}

/// ISO/IEC 14496-15 annex E.3, from an HEVCDecoderConfigurationRecord.
fn hevc(name: &str, mut fields: Fields<'_>) -> Option<String> {
    fields.u8()?;
    let profile = fields.u8()?;
    let compatibility = fields.u32()?.reverse_bits();
    let constraints = fields.take(6)?;
    let level = fields.u8()?;
    let space = ["", "A", "B", "C"].get(usize::from(profile >> 6))?;
    let tier = if profile & 0x20 == 0 { 'L' } else { 'H' };
    let mut codec = format!("{name}.{space}{}.{compatibility:X}.{tier}{level}", profile & 0x1f);
    let last = constraints.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    for byte in constraints.iter().take(last) {
        codec += &format!(".{byte:X}");
    }
    Some(codec)
}

/// Profile and level of a DOVIDecoderConfigurationRecord.
fn dolby_vision(name: &str, mut fields: Fields<'_>) -> Option<String> {
    fields.u16()?;
    let both = fields.u16()?;
    Some(format!("{name}.{:02}.{:02}", both >> 9, both >> 3 & 0x3f))
}

/// AV1 Codec ISO Media File Format Binding §5, the four parts that must be there.
fn av1(mut fields: Fields<'_>) -> Option<String> {
    fields.u8()?;
    let (profile, flags) = (fields.u8()?, fields.u8()?);
    let tier = if flags & 0x80 == 0 { 'M' } else { 'H' };
    let depth = match (flags & 0x40 != 0, flags & 0x20 != 0) {
        (false, _) => 8,
        (true, false) => 10,
        (true, true) => 12,
    };
    Some(format!("av01.{}.{:02}{tier}.{depth:02}", profile >> 5, profile & 0x1f))
}

/// VP Codec ISO Media File Format Binding, "Codecs Parameter String".
fn vpx(name: &str, mut fields: Fields<'_>) -> Option<String> {
    fields.version()?;
    let (profile, level, flags) = (fields.u8()?, fields.u8()?, fields.u8()?);
    let (primaries, transfer, matrix) = (fields.u8()?, fields.u8()?, fields.u8()?);
    let (depth, chroma, range) = (flags >> 4, flags >> 1 & 7, flags & 1);
    Some(format!(
        "{name}.{profile:02}.{level:02}.{depth:02}.{chroma:02}.{primaries:02}.{transfer:02}.{matrix:02}.{range:02}"
    ))
}

/// Channels by `acmod` and `lfeon` (ETSI TS 102 366 annex F), so many bits into the box; the entry always says two.
fn dolby_channels(content: &[u8], at: u32) -> Option<u16> {
    let mut bits = BitReader::new(content);
    bits.bits(at)?;
    let full = [2, 1, 2, 3, 3, 4, 4, 5].get(usize::try_from(bits.bits(3)?).ok()?)?;
    Some(full + u16::from(bits.bit()?))
}

/// The object type of an `esds`, and for MPEG-4 audio that of the configuration inside (ISO/IEC 14496-1 §7.2.6).
fn mpeg4(name: &str, mut fields: Fields<'_>, coding: &mut Coding) -> Option<String> {
    fields.version()?;
    let mut stream = Fields(descriptor(&mut fields, 0x03)?);
    stream.u16()?;
    let flags = stream.u8()?;
    if flags & 0x80 != 0 {
        stream.u16()?;
    }
    if flags & 0x40 != 0 {
        let length = stream.u8()?;
        stream.take(usize::from(length))?;
    }
    if flags & 0x20 != 0 {
        stream.u16()?;
    }
    let mut decoder = Fields(descriptor(&mut stream, 0x04)?);
    let object_type = decoder.u8()?;
    decoder.take(12)?;
    if object_type != 0x40 || name != "mp4a" {
        return Some(format!("{name}.{object_type:02x}"));
    }
    let specific = descriptor(&mut decoder, 0x05);
    coding.specific = specific.map(<[u8]>::to_vec);
    let audio = specific.and_then(|config| audio_object(config, coding));
    Some(audio.map_or_else(|| format!("{name}.40"), |object| format!("{name}.40.{object}")))
}

/// The content of a descriptor that must have this tag; a length takes up to four bytes.
fn descriptor<'a>(fields: &mut Fields<'a>, tag: u8) -> Option<&'a [u8]> {
    if fields.u8()? != tag {
        return None;
    }
    let mut length = 0_usize;
    for _ in 0..4 {
        let byte = fields.u8()?;
        length = length << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    // Some writers say more than there is.
    fields.take(length.min(fields.0.len()))
}

/// The audio object type of an AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1). With spectral band replication or
/// parametric stereo said up front it is theirs, and the sample rate is what they make of it.
fn audio_object(config: &[u8], coding: &mut Coding) -> Option<u32> {
    let mut bits = BitReader::new(config);
    let object = audio_object_type(&mut bits)?;
    let mut rate = sampling_frequency(&mut bits);
    let channels = bits.bits(4);
    if matches!(object, 5 | 29) {
        rate = sampling_frequency(&mut bits).or(rate);
    }
    coding.sample_rate = rate;
    coding.channels = channels.and_then(|configuration| match configuration {
        1..=6 => u16::try_from(configuration).ok(),
        7 | 12 | 14 => Some(8),
        11 => Some(7),
        _ => None,
    });
    Some(object)
}

fn audio_object_type(bits: &mut BitReader<'_>) -> Option<u32> {
    match bits.bits(5)? {
        31 => bits.bits(6).map(|more| more.saturating_add(32)),
        object => Some(object),
    }
}

fn sampling_frequency(bits: &mut BitReader<'_>) -> Option<u32> {
    const RATES: [u32; 13] =
        [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000, 7350];
    match bits.bits(4)? {
        15 => bits.bits(24),
        index => usize::try_from(index).ok().and_then(|index| RATES.get(index).copied()),
    }
}
