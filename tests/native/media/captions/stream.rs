//! Caption data on its way into a stream: from Scenarist files into SEI messages, and those into the pictures of MPEG-TS.

use std::collections::BTreeMap;
use std::path::Path;

use crate::media::VIDEO_PID;

/// The pairs of a Scenarist file, by frame.
pub(super) fn scc(name: &str) -> BTreeMap<usize, [u8; 2]> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/native/media/captions");
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    let mut pairs = BTreeMap::new();
    for line in text.lines().skip(1).filter(|line| !line.is_empty()) {
        let (time, data) = line.split_once('\t').unwrap();
        let [h, m, s, f] = time.split(':').map(|n| n.parse::<usize>().unwrap()).collect::<Vec<_>>()[..]
        else {
            panic!("{line}")
        };
        for (i, pair) in data.split(' ').enumerate() {
            // Where one caption's codes end with another's start, it is sent a little late.
            let mut frame = ((h * 60 + m) * 60 + s) * 30 + f + i;
            while pairs.contains_key(&frame) {
                frame += 1;
            }
            pairs.insert(frame, u16::from_str_radix(pair, 16).unwrap().to_be_bytes());
        }
    }
    pairs
}

/// An SEI message with these constructs, escaped.
pub(super) fn sei(constructs: &[[u8; 3]]) -> Vec<u8> {
    let mut message = b"\xb5\x00\x31GA94\x03".to_vec();
    message.extend([0xc0 | u8::try_from(constructs.len()).unwrap(), 0xff]);
    message.extend(constructs.concat());
    message.push(0xff);
    let mut out = vec![4, u8::try_from(message.len()).unwrap()];
    let mut zeros = 0;
    for byte in message.into_iter().chain([0x80]) {
        if zeros >= 2 && byte <= 3 {
            out.push(3);
            zeros = 0;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    out
}

/// The stream with caption data in its pictures; `constructs` is asked by the picture's place in presentation order.
/// Only tables and video remain.
pub(super) fn inject(
    segments: &[Vec<u8>],
    mut constructs: impl FnMut(usize) -> Vec<[u8; 3]>,
) -> Vec<Vec<u8>> {
    let payload = |packet: &[u8]| {
        let skip = if packet[3] & 0x20 == 0 { 4 } else { 5 + usize::from(packet[4]) };
        packet[skip..].to_vec()
    };
    let mut stamps = Vec::new();
    let mut all = Vec::new();
    for segment in segments {
        let (mut tables, mut units) = (Vec::new(), Vec::<Vec<u8>>::new());
        for packet in segment.chunks_exact(188) {
            match u16::from_be_bytes([packet[1] & 0x1f, packet[2]]) {
                0 | 0x1000 if units.is_empty() => tables.extend(packet),
                VIDEO_PID => {
                    if packet[1] & 0x40 != 0 {
                        units.push(Vec::new());
                    }
                    units.last_mut().unwrap().extend(payload(packet));
                }
                _ => {}
            }
        }
        stamps.extend(units.iter().map(|unit| pts(unit)));
        all.push((tables, units));
    }
    stamps.sort_unstable();
    let mut counter = 0;
    let mut write = |(tables, units): (Vec<u8>, Vec<Vec<u8>>)| {
        let mut out = tables;
        for mut unit in units {
            let constructs = constructs(stamps.binary_search(&pts(&unit)).unwrap());
            if !constructs.is_empty() {
                let slice = unit
                    .windows(4)
                    .position(|w| w[..3] == [0, 0, 1] && matches!(w[3] & 0x1f, 1 | 5))
                    .unwrap();
                let nal = [&[0, 0, 1, 6][..], &sei(&constructs)].concat();
                unit.splice(slice..slice, nal);
            }
            (unit[4], unit[5]) = (0, 0); // PES of unknown length
            packets(&unit, &mut counter, &mut out);
        }
        out
    };
    all.into_iter().map(&mut write).collect()
}

fn pts(pes: &[u8]) -> u64 {
    let b = |i: usize| u64::from(pes[i]);
    (b(9) >> 1 & 7) << 30 | b(10) << 22 | (b(11) >> 1) << 15 | b(12) << 7 | b(13) >> 1
}

/// A PES packet in packets of the transport stream.
fn packets(mut pes: &[u8], counter: &mut u8, out: &mut Vec<u8>) {
    let mut start = 0x40;
    while !pes.is_empty() {
        let (now, rest) = pes.split_at(pes.len().min(if pes.len() < 184 { 182 } else { 184 }));
        let stuffing = 184 - now.len();
        out.extend([0x47, start | 1, 0, if stuffing > 0 { 0x30 } else { 0x10 } | *counter & 15]);
        if stuffing > 0 {
            out.extend([u8::try_from(stuffing - 1).unwrap(), 0]);
            out.extend(std::iter::repeat_n(0xff, stuffing - 2));
        }
        out.extend(now);
        (pes, start, *counter) = (rest, 0, counter.wrapping_add(1));
    }
}
