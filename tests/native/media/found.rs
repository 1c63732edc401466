//! Transport streams as they are found: packed in every way that muxers pack, and damaged on their way.
//!
//! One stream is the measure of most tests. It is checked against libav once; the same media in other packets must
//! give the very same output.

use std::sync::OnceLock;

use super::packets::*;
use super::*;

/// Two segments of a small stream, and what comes of the first.
fn measure() -> &'static (Stream, Vec<MediaEvent>) {
    static MEASURE: OnceLock<(Stream, Vec<MediaEvent>)> = OnceLock::new();
    MEASURE.get_or_init(|| {
        let stream = Stream::new("found", &["-s", "160x90", "-bf", "2", "-t", "4"]);
        let (events, facts) = transmux(&stream.segments, 65_536).unwrap();
        assert_same_media(&stream, &events, &["v", "a"]);
        assert!(facts.iter().all(|facts| !facts.losses.any()), "{facts:?}");
        let (events, _) = transmux(&stream.segments[..1], 65_536).unwrap();
        (stream, events)
    })
}

fn pieces() -> Vec<Piece> {
    take_apart(&measure().0.segments[0], &[VIDEO_PID, AUDIO_PID])
}

fn losses(facts: &[SegmentFacts]) -> cloud_player::media::Losses {
    facts[0].losses
}

/// The same media comes out, and nothing is lost.
fn assert_unchanged(stream: &[u8], what: &str) {
    for size in [100, usize::MAX] {
        let (events, facts) = transmux(&[stream.to_vec()], size).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert!(!losses(&facts).any(), "{what}: {:?}", losses(&facts));
        assert!(events == measure().1, "{what}, chunks of {size}");
    }
}

fn video_only(pieces: &[Piece], mut change: impl FnMut(usize, &[u8]) -> Vec<Vec<u8>>) -> Vec<Piece> {
    let mut count = 0;
    let changed = |piece: &Piece| match piece {
        Piece::Pes(VIDEO_PID, bytes) => {
            count += 1;
            change(count - 1, bytes).into_iter().map(|bytes| Piece::Pes(VIDEO_PID, bytes)).collect()
        }
        other => vec![other.clone()],
    };
    pieces.iter().flat_map(changed).collect()
}

#[test]
fn packets_may_carry_any_number_of_bytes() {
    // Start codes, NAL unit heads, PES headers and ADTS headers are cut everywhere.
    let pieces = pieces();
    for room in [1, 2, 3, 5, 13, 100, 182, 183, 184] {
        assert_unchanged(&put_together(&pieces, room), &format!("{room} bytes a packet"));
    }
}

#[test]
fn what_is_no_payload_does_no_harm() {
    let mut muxer = Muxer::default();
    for (i, piece) in pieces().iter().enumerate() {
        match piece {
            Piece::Other(packet) => muxer.packet(packet),
            Piece::Pes(pid, bytes) => muxer.unit(*pid, bytes, 184),
        }
        // A null packet; an adaptation field alone, with a PCR or full of stuffing; the reserved control value.
        let mut packet = [0xff; 188];
        packet[..4].copy_from_slice(&[0x47, 0x1f, 0xff, 0x10 | (i as u8 & 15)]);
        muxer.out.extend(packet);
        for flags in [0x10, 0x00] {
            packet[..6].copy_from_slice(&[0x47, 0x01, 0x00, 0x20, 183, flags]);
            muxer.out.extend(packet);
        }
        packet[..6].copy_from_slice(&[0x47, 0x01, 0x01, 0x00, 183, 0]);
        muxer.out.extend(packet);
    }
    assert_unchanged(&muxer.out, "stuffing");
    // Every packet once more, tables that take several packets too.
    let (pat, pmt) = (pat(3, [0, 0], &[(1, 0x1000)]), long_pmt(3));
    let mut muxer = Muxer::default();
    muxer.section(0, &pat, 5);
    muxer.section(0x1000, &pmt, 100);
    for piece in pieces() {
        if let Piece::Pes(pid, bytes) = piece {
            muxer.unit(pid, &bytes, 184);
        }
    }
    let twice: Vec<u8> = muxer.out.chunks(188).flat_map(|packet| [packet, packet].concat()).collect();
    assert_unchanged(&twice, "repeated packets");
}

/// The program map, with more descriptors than a packet holds.
fn long_pmt(version: u8) -> Vec<u8> {
    let descriptor: Vec<u8> = [&[0x80, 200][..], &[7; 200]].concat();
    pmt(
        1,
        version,
        &[(0x1b, VIDEO_PID, &descriptor), (0x0f, AUDIO_PID, &descriptor), (0x06, 0x300, &descriptor)],
    )
}

#[test]
fn pes_headers_of_every_shape() {
    let pieces = pieces();
    // Extension flags with the fields they announce: private data, a P-STD buffer, an extension field; and stuffing.
    let rich = video_only(&pieces, |_, pes| {
        let (header, _) = split_pes(pes);
        let mut fields = header[9..].to_vec();
        fields.push(0b1001_1111);
        fields.extend([0x55; 16]);
        fields.extend([0x60, 0x20, 0x81, 0x01]);
        fields.extend([0xff; 9]);
        vec![with_header(pes, header[7] | 0x01, &fields)]
    });
    for room in [184, 17] {
        assert_unchanged(&put_together(&rich, room), "header extensions");
    }
    // The longest header there is.
    let long = video_only(&pieces, |_, pes| {
        let (header, _) = split_pes(pes);
        let fields: Vec<u8> = header[9..].iter().copied().chain([0xff; 255]).take(255).collect();
        vec![with_header(pes, header[7], &fields)]
    });
    assert_unchanged(&put_together(&long, 184), "headers of 264 bytes");
    // With and without a length; PES packets without payload in between.
    let lengths = video_only(&pieces, |i, pes| {
        let mut pes = pes.to_vec();
        let length = if i % 2 == 0 { u16::try_from(pes.len() - 6).unwrap_or(0) } else { 0 };
        pes[4..6].copy_from_slice(&length.to_be_bytes());
        vec![with_header(&pes, 0, &[])[..9].to_vec(), pes]
    });
    assert_unchanged(&put_together(&lengths, 184), "lengths");
    // An access unit over several PES packets, cut anywhere.
    for size in [50, 333, 1400] {
        let cut = video_only(&pieces, |_, pes| {
            let (header, payload) = split_pes(pes);
            let more = with_header(pes, 0, &[])[..9].to_vec();
            let head = |i| if i == 0 { header.to_vec() } else { more.clone() };
            payload.chunks(size).enumerate().map(|(i, part)| [head(i), part.to_vec()].concat()).collect()
        });
        assert_unchanged(&put_together(&cut, 184), &format!("PES packets of {size} bytes"));
    }
}

#[test]
fn delimiters_and_start_codes_of_either_length() {
    let pieces = pieces();
    let rewrite = |long: bool, delimiter: bool| {
        video_only(&pieces, |_, pes| {
            let (header, payload) = split_pes(pes);
            let mut out = header.to_vec();
            let starts: Vec<usize> =
                (0..payload.len() - 3).filter(|&i| payload[i..i + 3] == [0, 0, 1]).collect();
            let ends = starts[1..].iter().copied().chain([payload.len()]);
            for (&start, end) in starts.iter().zip(ends) {
                let nal = &payload[start + 3..end];
                let nal = &nal[..nal.iter().rposition(|&b| b != 0).unwrap() + 1];
                if delimiter || nal[0] & 0x1f != 9 {
                    out.extend(if long { &[0, 0, 0, 1][..] } else { &[0, 0, 1] });
                    out.extend(nal);
                }
            }
            // Trailing zeros belong to no NAL unit.
            out.extend(if long { &[0, 0][..] } else { &[] });
            vec![out]
        })
    };
    for (long, delimiter) in [(false, true), (true, true), (false, false), (true, false)] {
        for room in [184, 11] {
            let stream = put_together(&rewrite(long, delimiter), room);
            assert_unchanged(&stream, &format!("long {long}, delimiters {delimiter}, {room} a packet"));
        }
    }
}

#[test]
fn garbage_between_packets_is_skipped_and_counted() {
    let segment = &measure().0.segments[0];
    let packets = segment.len() / 188;
    for length in [1, 3, 4, 16, 47, 187, 188, 189, 191, 376, 1000, 5000, 60_000] {
        for at in [4, 5, packets / 2, packets - 5] {
            let garbage: Vec<u8> = (0..length).map(|i| (i * 31 + 5) as u8 | 0x80).collect();
            let (before, after) = segment.split_at(at * 188);
            let stream = [before, &garbage, after].concat();
            let (events, facts) = transmux(&[stream], 777).unwrap();
            assert_eq!(losses(&facts).garbage_bytes, length as u64, "{length} at {at}");
            assert!(events == measure().1, "{length} at {at}");
        }
    }
    // Sync bytes in the garbage, some of them 188 bytes apart: a packet around them may be lost, and that is counted.
    let frames = |events: &[MediaEvent]| {
        let path = measure().0.dir.join("garbage.mp4");
        write_file(events, &path);
        probe(&path, "v").len()
    };
    let whole = frames(&measure().1);
    for length in [1, 100, 188, 300, 564, 2000] {
        let some: Vec<u8> = (0..length).map(|i| if i % 47 == 0 { 0x47 } else { 0x20 }).collect();
        for garbage in [vec![0x47; length], some] {
            let (before, after) = segment.split_at(packets / 2 * 188);
            let (events, facts) = transmux(&[[before, &garbage, after].concat()], 777).unwrap();
            // What looks like a packet all over is one, of a PID that nobody wants.
            assert!(losses(&facts).any() || length.is_multiple_of(188), "{length}");
            assert!(frames(&events) + 2 >= whole, "{length}: {} frames of {whole}", frames(&events));
        }
    }
}

#[test]
fn time_stamps_may_be_missing() {
    let stamps = |events: &[MediaEvent], name: &str| {
        let path = measure().0.dir.join(name);
        write_file(events, &path);
        probe(&path, "v")
    };
    let whole = stamps(&measure().1, "stamps.mp4");
    // Decode times: presentation times stay exact, and decode times go forward.
    let without = video_only(&pieces(), |_, pes| {
        let (header, _) = split_pes(pes);
        let mut pts = header[9..14].to_vec();
        pts[0] = pts[0] & 0x0f | 0x20;
        vec![with_header(pes, 0x80, &pts)]
    });
    let (events, facts) = transmux(&[put_together(&without, 184)], usize::MAX).unwrap();
    assert_eq!(losses(&facts).time_jumps, 0);
    let got = stamps(&events, "stamps.mp4");
    let offset = got[0].pts - whole[0].pts;
    let pts = |packets: &[Packet], offset: i64| packets.iter().map(|p| p.pts - offset).collect::<Vec<_>>();
    assert_eq!(pts(&got, offset), pts(&whole, 0));
    assert!(got.windows(2).all(|p| p[0].dts < p[1].dts), "{got:?}");
    // All time stamps of some PES packets, and several access units in one.
    for step in [2, 3, 7] {
        let without = video_only(&pieces(), |i, pes| {
            vec![if i % step == 0 { pes.to_vec() } else { with_header(pes, 0, &[]) }]
        });
        let mut joined: Vec<Piece> = Vec::new();
        let mut last = 0;
        for piece in &without {
            match (piece, joined.get_mut(last)) {
                (Piece::Pes(VIDEO_PID, bytes), Some(Piece::Pes(VIDEO_PID, open))) if bytes[7] == 0 => {
                    open.extend(split_pes(bytes).1);
                }
                _ => {
                    if matches!(piece, Piece::Pes(VIDEO_PID, _)) {
                        last = joined.len();
                    }
                    joined.push(piece.clone());
                }
            }
        }
        for pieces in [without, joined] {
            let (events, facts) = transmux(&[put_together(&pieces, 184)], usize::MAX).unwrap();
            assert!(!losses(&facts).any(), "{:?}", losses(&facts));
            let got = stamps(&events, "stamps.mp4");
            assert_eq!(pts(&got, 0), pts(&whole, 0), "every {step}th");
            assert!(got.windows(2).all(|p| p[0].dts < p[1].dts), "{got:?}");
        }
    }
}

#[test]
fn what_is_cut_off_is_counted() {
    let all = pieces();
    let lengths = |pieces: &[Piece]| {
        video_only(pieces, |_, pes| {
            let mut pes = pes.to_vec();
            let length = u16::try_from(pes.len() - 6).unwrap();
            pes[4..6].copy_from_slice(&length.to_be_bytes());
            vec![pes]
        })
    };
    // A packet in the middle of each of two PES packets, and the end of the segment's last one.
    let mut stream = put_together(&lengths(&all), 184);
    let video = packets_of(&stream, VIDEO_PID);
    let is_start = |i: &usize| stream[i * 188 + 1] & 0x40 != 0;
    let middle: Vec<usize> = video
        .windows(3)
        .filter(|w| w.iter().map(is_start).eq([true, false, false]))
        .map(|w| w[1])
        .take(2)
        .collect();
    assert_eq!(middle.len(), 2);
    let last = *video.iter().rfind(|i| !is_start(i)).unwrap();
    stream.truncate(last * 188);
    let (_, facts) = transmux(&[without(&stream, &middle)], usize::MAX).unwrap();
    assert_eq!(
        (losses(&facts).truncated_pes, losses(&facts).continuity_errors),
        (3, 2),
        "{:?}",
        losses(&facts)
    );
    // A PES packet without a length, cut off between two packets: the next segment shows it.
    let segments = &measure().0.segments;
    let stream = put_together(&all, 184);
    let cut = packets_of(&stream, VIDEO_PID).into_iter().rfind(|i| stream[i * 188 + 3] & 0x20 == 0).unwrap();
    let mut muxer = Muxer::default();
    stream.chunks(188).for_each(|packet| muxer.packet(packet));
    let begin = muxer.out.len();
    segments[1].chunks(188).for_each(|packet| muxer.packet(packet));
    let second = muxer.out.split_off(begin);
    for (length, truncated) in [(cut + 1, 1), (stream.len() / 188, 0)] {
        let (_, facts) = transmux(&[stream[..length * 188].to_vec(), second.clone()], usize::MAX).unwrap();
        assert!(!losses(&facts).any(), "{:?}", losses(&facts));
        assert_eq!(facts[1].losses.truncated_pes, truncated, "{:?}", facts[1].losses);
    }
    // A stream that is entered in the middle of a PES packet, and a PES packet that is none.
    let mut headless = put_together(&all, 184);
    let first = packets_of(&headless, VIDEO_PID)[0];
    headless.drain(first * 188..first * 188 + 188);
    let (_, facts) = transmux(&[headless], usize::MAX).unwrap();
    assert!(losses(&facts).damaged_pes == 1 && losses(&facts).unusable_units > 0, "{:?}", losses(&facts));
    let wrong = video_only(&all, |i, pes| {
        let mut pes = pes.to_vec();
        pes[2] ^= u8::from(i == 20);
        vec![pes]
    });
    let (_, facts) = transmux(&[put_together(&wrong, 184)], usize::MAX).unwrap();
    assert_eq!(losses(&facts).damaged_pes, 1, "{:?}", losses(&facts));
    // Bytes in no NAL unit.
    let noise = video_only(&all, |i, pes| {
        let (header, payload) = split_pes(pes);
        let noise: &[u8] = if i == 0 { &[0x55; 33] } else { &[] };
        vec![[header, noise, payload].concat()]
    });
    let (events, facts) = transmux(&[put_together(&noise, 184)], usize::MAX).unwrap();
    assert_eq!(losses(&facts).video_garbage_bytes, 33);
    assert!(events == measure().1);
}

#[test]
fn a_damaged_parameter_set_does_not_reach_the_decoder() {
    // A set that spans three packets loses the one in the middle.
    let pieces = video_only(&pieces(), |i, pes| {
        let (header, payload) = split_pes(pes);
        let set = payload.windows(4).position(|w| w[..3] == [0, 0, 1] && w[3] & 0x1f == 7);
        assert_eq!(set.is_some(), i % 60 == 0);
        vec![[header, payload].concat()]
    });
    let stream = put_together(&pieces, 20);
    let (again, more) = (stream.clone(), packets_of(&stream, VIDEO_PID));
    let is_set = |i: &&usize| {
        let packet = &again[**i * 188..][..188];
        packet[168..].windows(4).any(|w| w[..3] == [0, 0, 1] && w[3] & 0x1f == 7)
    };
    let set = more.iter().position(|i| is_set(&i)).unwrap();
    // The stream once more behind itself, so that the set was had before.
    let twice = [stream.clone(), without(&stream, &[more[set + 1]])];
    let (events, facts) = transmux(&twice, usize::MAX).unwrap();
    assert_eq!(facts[1].losses.damaged_parameter_sets, 1, "{:?}", facts[1].losses);
    assert_eq!(inits(&events).len(), 2);
}
