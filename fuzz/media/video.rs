//! What must hold of any video stream, however it is packed: nothing depends on the pieces that the bytes come in,
//! output is no larger than what came in allows, and decode times do not go back within a fragment.
//!
//! The input is a list of operations on a transport stream whose tables and PES headers are right, so that what is
//! tried is access units, parameter sets, times and changes. Used twice: by the fuzz target, and by the ordinary tests,
//! which replay the corpus.

use cloud_player::media::{
    Anchor, Cut, MediaError, MediaEvent, SegmentFacts, SegmentStart, TrackKind, Transmuxer,
};
use cloud_player::time::MediaTime;

/// The first byte is how large pieces are, the second the codec and how much of a packet is used. Then operations, each
/// one byte and what belongs to it:
///
/// - 0 to 31: a PES packet. Bit 0: it has a PTS, bit 1: a DTS too; a byte for each, as frames that time goes on by,
///   signed; then a length of one byte, and as many bytes of the stream.
/// - 32: the codec changes. 33: a packet is lost. 34: a segment ends. 35: a discontinuity follows. 36: the last packet
///   comes twice. Others: nothing.
pub(crate) fn video(data: &[u8]) {
    let [size, setup, operations @ ..] = data else { return };
    let segments = stream(*setup, operations);
    let whole = read(&segments, usize::MAX);
    let pieces = read(&segments, usize::from(*size).max(1));
    assert!(whole == pieces, "it depends on the pieces: {:?} and {:?}", whole.1, pieces.1);
    let all: usize = segments.iter().map(|(bytes, _)| bytes.len()).sum();
    let mut out = 0;
    for event in &whole.0 {
        match event {
            MediaEvent::Fragment(fragment) => {
                assert_eq!(fragment.track, TrackKind::Video);
                assert!(
                    fragment.range.start <= fragment.range.end && fragment.range.start >= MediaTime::ZERO
                );
                out += fragment.data.bytes().len();
            }
            // The longest name is that of HEVC with every constraint byte.
            MediaEvent::Init(init) => assert!(init.data.len() < 1 << 20 && init.codec.len() <= 40),
            _ => {}
        }
    }
    // Each frame may get a header of its own, and each NAL unit a length in place of its start code.
    let bound = all * 4 + 400 * (1 + operations.len());
    assert!(out <= bound, "{out} bytes of {all}");
}

/// The segments, and which of them follow a discontinuity.
fn stream(setup: u8, mut rest: &[u8]) -> Vec<(Vec<u8>, bool)> {
    let room = 1 + usize::from(setup >> 1) * 183 / 127;
    let mut hevc = setup & 1 == 1;
    let mut packer = Packer { counter: 15, version: 0, out: Vec::new() };
    let (mut segments, mut discontinuity, mut time) = (Vec::new(), false, 900_000_i64);
    packer.tables(hevc);
    while let Some((&operation, after)) = rest.split_first() {
        rest = after;
        match operation {
            0..=31 => {
                let mut stamp = |flag: u8| {
                    let (&frames, after) = rest.split_first()?;
                    rest = after;
                    (operation & flag != 0).then(|| i64::from(frames.cast_signed()) * 3600)
                };
                let (pts, dts) = (stamp(1), stamp(2));
                let (&length, after) = rest.split_first().unwrap_or((&0, &[]));
                let (payload, after) = after.split_at(usize::from(length).min(after.len()));
                rest = after;
                time = time.saturating_add(dts.or(pts).unwrap_or(0));
                let dts = dts.map(|_| time);
                let pts = pts.map(|pts| if dts.is_some() { time + pts } else { time });
                packer.pes(pts, dts.filter(|_| pts.is_some()), payload, room);
            }
            32 => {
                hevc = !hevc;
                packer.tables(hevc);
            }
            33 => packer.counter = packer.counter.wrapping_add(1) & 15,
            34 => {
                segments.push((core::mem::take(&mut packer.out), discontinuity));
                discontinuity = false;
                packer.tables(hevc);
            }
            35 => discontinuity = true,
            36 => {
                let last = packer.out.len() - 188;
                packer.out.extend_from_within(last..);
            }
            _ => {}
        }
    }
    segments.push((packer.out, discontinuity));
    segments
}

struct Packer {
    counter: u8,
    version: u8,
    out: Vec<u8>,
}

impl Packer {
    /// Program association and program map, with a new version.
    fn tables(&mut self, hevc: bool) {
        self.version = (self.version + 1) & 31;
        let kind = if hevc { 0x24 } else { 0x1b };
        let pat: &[u8] = &[0, 1, 0xf0, 0x00];
        let map: &[u8] = &[0xe1, 0x00, 0xf0, 0, kind, 0xe1, 0x00, 0xf0, 0];
        for (pid, id, body) in [(0_u8, 0, pat), (0x10, 2, map)] {
            let mut section = vec![id, 0xb0, body.len() as u8 + 9, 0, 1, 0xc1 | self.version << 1, 0, 0];
            section.extend_from_slice(body);
            let crc = section.iter().fold(u32::MAX, |crc, &byte| {
                (0..8).fold(crc ^ u32::from(byte) << 24, |crc, _| {
                    crc << 1 ^ if crc >> 31 == 1 { 0x04c1_1db7 } else { 0 }
                })
            });
            section.extend_from_slice(&crc.to_be_bytes());
            self.out.extend_from_slice(&[0x47, 0x40 | pid, 0, 0x10 | self.version & 15, 0]);
            self.out.extend_from_slice(&section);
            self.out.resize(self.out.len() + 183 - section.len(), 0xff);
        }
    }

    fn pes(&mut self, pts: Option<i64>, dts: Option<i64>, payload: &[u8], room: usize) {
        let field = |tag: u8, time: i64| {
            let t = time.rem_euclid(1 << 33).cast_unsigned();
            let high = tag << 4 | (t >> 29) as u8 & 14 | 1;
            [high, (t >> 22) as u8, (t >> 14) as u8 | 1, (t >> 7) as u8, (t << 1) as u8 | 1]
        };
        let flags = u8::from(pts.is_some()) << 7 | u8::from(dts.is_some()) << 6;
        let mut fields = Vec::new();
        fields.extend(pts.map(|t| field(if dts.is_some() { 3 } else { 2 }, t)).into_iter().flatten());
        fields.extend(dts.map(|t| field(1, t)).into_iter().flatten());
        let mut bytes = vec![0, 0, 1, 0xe0, 0, 0, 0x80, flags, fields.len() as u8];
        bytes.extend_from_slice(&fields);
        bytes.extend_from_slice(payload);
        for (i, piece) in bytes.chunks(room).enumerate() {
            self.counter = (self.counter + 1) & 15;
            let stuffing = 184 - piece.len();
            let control = if stuffing == 0 { 0x10 } else { 0x30 };
            self.out.extend_from_slice(&[0x47, if i == 0 { 0x41 } else { 1 }, 0, control | self.counter]);
            if stuffing > 0 {
                self.out.push(stuffing as u8 - 1);
                self.out.extend([0].into_iter().chain([0xff; 183]).take(stuffing - 1));
            }
            self.out.extend_from_slice(piece);
        }
    }
}

type Read = (Vec<MediaEvent>, Vec<Result<SegmentFacts, MediaError>>);

fn read(segments: &[(Vec<u8>, bool)], size: usize) -> Read {
    let (mut transmuxer, mut out, mut all) = (Transmuxer::new(), Vec::new(), Vec::new());
    for (segment, discontinuity) in segments {
        let anchor = Anchor::At(MediaTime::from_ticks(90_000));
        let (discontinuity, cut) = (*discontinuity, Cut::FirstFrame(Cut::STEADY));
        transmuxer.begin_segment(SegmentStart { anchor, discontinuity, cut });
        let pushed = segment.chunks(size).try_for_each(|piece| transmuxer.push(piece, &mut out));
        all.push(pushed.and_then(|()| transmuxer.end_segment(&mut out)));
    }
    transmuxer.flush(&mut out);
    (out, all)
}
