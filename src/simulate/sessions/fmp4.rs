//! Reads just enough of what is appended to know where its media lies. Written apart from the player's own writer:
//! ISO/IEC 14496-12 `moov/trak/mdia/mdhd`, `moof/traf/tfdt`, `moof/traf/trun`.

use crate::time::{MediaTime, TICKS_PER_SECOND, TimeRange};

/// What a source buffer learns from bytes appended to it.
pub(super) enum Appended {
    /// An init section with this timescale.
    Init { timescale: u64 },
    /// Media for this stretch of presentation time.
    Media {
        range: TimeRange,
        /// When its frames are decoded.
        decoded: TimeRange,
        /// How long the last of them is.
        last: MediaTime,
        samples: usize,
        starts_with_sync: bool,
    },
}

/// Panics on anything that is not an init section or fragment: such bytes must never reach a source buffer.
pub(super) fn read(bytes: &[u8], timescale: Option<u64>) -> Appended {
    let top = boxes(bytes);
    if let Some(moov) = find(&top, b"moov") {
        let trak = boxes(find(&boxes(moov), b"trak").expect("moov without trak"));
        let mdia = boxes(find(&trak, b"mdia").expect("trak without mdia"));
        let mdhd = find(&mdia, b"mdhd").expect("mdia without mdhd");
        let at = if mdhd[0] == 1 { 20 } else { 12 };
        return Appended::Init { timescale: u64::from(u32_at(mdhd, at)) };
    }
    let timescale = timescale.expect("media before its init section");
    let moof = boxes(find(&top, b"moof").expect("neither moov nor moof"));
    assert!(find(&top, b"mdat").is_some(), "moof without mdat");
    let traf = boxes(find(&moof, b"traf").expect("moof without traf"));
    let tfdt = find(&traf, b"tfdt").expect("traf without tfdt");
    let mut decode = if tfdt[0] == 1 {
        i64::try_from((u64::from(u32_at(tfdt, 4)) << 32) | u64::from(u32_at(tfdt, 8))).unwrap()
    } else {
        i64::from(u32_at(tfdt, 4))
    };
    let tfhd = find(&traf, b"tfhd").expect("traf without tfhd");
    let tfhd_flags = u32_at(tfhd, 0) & 0xff_ffff;
    let mut at = 8 + if tfhd_flags & 1 != 0 { 8 } else { 0 } + if tfhd_flags & 2 != 0 { 4 } else { 0 };
    let default_duration = (tfhd_flags & 8 != 0).then(|| u32_at(tfhd, at));
    at += if tfhd_flags & 8 != 0 { 4 } else { 0 } + if tfhd_flags & 0x10 != 0 { 4 } else { 0 };
    let default_flags = (tfhd_flags & 0x20 != 0).then(|| u32_at(tfhd, at));
    let trun = find(&traf, b"trun").expect("traf without trun");
    let flags = u32_at(trun, 0) & 0xff_ffff;
    let samples = u32_at(trun, 4) as usize;
    let mut at = 8 + if flags & 1 != 0 { 4 } else { 0 };
    let first_flags = (flags & 4 != 0).then(|| u32_at(trun, at));
    at += if flags & 4 != 0 { 4 } else { 0 };
    let (mut start, mut end) = (i64::MAX, i64::MIN);
    let (first, mut last) = (decode, 0);
    let mut starts_with_sync = false;
    for i in 0..samples {
        let mut field = |present: bool| {
            present.then(|| {
                at += 4;
                u32_at(trun, at - 4)
            })
        };
        let duration = field(flags & 0x100 != 0).or(default_duration).expect("a sample without duration");
        field(flags & 0x200 != 0);
        let sample_flags = field(flags & 0x400 != 0).or(default_flags);
        let offset = field(flags & 0x800 != 0).unwrap_or(0);
        if i == 0 {
            starts_with_sync = first_flags.or(sample_flags).unwrap_or(0) & 0x1_0000 == 0;
        }
        let presented = decode + i64::from(offset as i32);
        start = start.min(presented);
        end = end.max(presented + i64::from(duration));
        decode += i64::from(duration);
        last = i64::from(duration);
    }
    let place = |t: i64| MediaTime::from_ticks(t * TICKS_PER_SECOND / i64::try_from(timescale).unwrap());
    Appended::Media {
        range: TimeRange { start: place(start), end: place(end) },
        decoded: TimeRange { start: place(first), end: place(decode) },
        last: place(last),
        samples,
        starts_with_sync,
    }
}

fn boxes(mut bytes: &[u8]) -> Vec<([u8; 4], &[u8])> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let size = u32_at(bytes, 0) as usize;
        assert!(size >= 8 && size <= bytes.len(), "a box of {size} bytes in {}", bytes.len());
        out.push((bytes[4..8].try_into().unwrap(), &bytes[8..size]));
        bytes = &bytes[size..];
    }
    out
}

fn find<'a>(boxes: &[([u8; 4], &'a [u8])], name: &[u8; 4]) -> Option<&'a [u8]> {
    boxes.iter().find(|(n, _)| n == name).map(|(_, body)| *body)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}
