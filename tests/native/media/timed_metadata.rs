//! ID3 tags in a stream of their own: as ffprobe finds them.

use super::audio::seal_section;
use super::two_hours::Writer;
use super::*;

const ID3_PID: u16 = 0x102;

/// Adds a stream to every program map.
fn with_stream(stream: &[u8], stream_type: u8, descriptors: &[u8]) -> Vec<u8> {
    let mut out = stream.to_vec();
    for packet in out.chunks_exact_mut(188) {
        if packet[1] & 0x1f == 0x10 && packet[2] == 0 {
            let length = usize::from(u16::from_be_bytes([packet[6] & 0x0f, packet[7]]));
            let body = packet[5..5 + 3 + length - 4].to_vec();
            let entry = [&[stream_type, 0xe1, 2, 0xf0, descriptors.len() as u8][..], descriptors].concat();
            let mut section = [&body[..], &entry, &[0; 4]].concat();
            let length = section.len() - 3;
            section[1] = section[1] & 0xf0 | (length >> 8) as u8;
            section[2] = length as u8;
            seal_section(&mut section);
            packet[5..].fill(0xff);
            packet[5..5 + section.len()].copy_from_slice(&section);
        }
    }
    out
}

fn tag(title: &[u8]) -> Vec<u8> {
    let size = |n: usize| [0, 0, (n >> 7) as u8 & 0x7f, n as u8 & 0x7f];
    let frame = [b"TXXX", &size(title.len())[..], &[0, 0], title].concat();
    [b"ID3\x04\0\0", &size(frame.len())[..], &frame].concat()
}

/// `metadata_descriptor` of ID3, as Apple's specification has it.
const DESCRIPTOR: &[u8] = b"\x26\x0d\xff\xffID3 \xffID3 \0\x0f";

/// A segment with tags in front of the packets of these numbers.
fn segment(stream: &Stream, stream_type: u8, descriptors: &[u8], tags: &[(usize, u64, Vec<u8>)]) -> Vec<u8> {
    let base = with_stream(&stream.segments[0], stream_type, descriptors);
    let mut writer = Writer::default();
    for (i, packet) in base.chunks_exact(188).enumerate() {
        for (_, pts, bytes) in tags.iter().filter(|(at, ..)| *at == i) {
            writer.pes(ID3_PID, 0xbd, *pts, bytes);
        }
        writer.out.extend(packet);
    }
    writer.out
}

fn told(events: &[MediaEvent]) -> Vec<(i64, Vec<u8>)> {
    let mut told = Vec::new();
    for event in events {
        if let MediaEvent::Metadata(m) = event {
            assert_eq!(m.scheme, "https://aomedia.org/emsg/ID3");
            told.push((m.range.start.ticks(), m.data.clone()));
        }
    }
    told
}

#[test]
fn tags_are_told_at_their_time() {
    let stream = Stream::new("timed_metadata", &["-bf", "0", "-t", "4"]);
    let first = probe(&stream.dir.join("0.ts"), "v")[0].pts;
    let at = |seconds: i64| (first + seconds * TICKS_PER_SECOND) as u64;
    // One before any video; one of several packets; two in one PES packet.
    let long = tag(&[b'x'; 900]);
    let tags = [
        (3, at(0), tag(b"first")),
        (60, at(1), long.clone()),
        (90, at(1) + 45_000, [tag(b"second"), tag(b"third")].concat()),
    ];
    let bytes = segment(&stream, 0x15, DESCRIPTOR, &tags);
    let (plain, _) = transmux(&stream.segments[..1], 4096).unwrap();
    let (events, facts) = transmux(std::slice::from_ref(&bytes), 4096).unwrap();
    assert!(!facts[0].losses.any(), "{:?}", facts[0].losses);
    let place = |pts: u64| pts as i64 - first + START.ticks();
    let want = [
        (place(at(0)), tag(b"first")),
        (place(at(1)), long),
        (place(at(1) + 45_000), tag(b"second")),
        (place(at(1) + 45_000), tag(b"third")),
    ];
    assert_eq!(told(&events), want);
    let media = |events: &[MediaEvent]| {
        events.iter().filter(|e| !matches!(e, MediaEvent::Metadata(_))).cloned().collect::<Vec<_>>()
    };
    assert!(media(&events) == media(&plain), "sound and picture are what they were");
    for size in [1, 188, 1000] {
        assert!(transmux(std::slice::from_ref(&bytes), size).unwrap().0 == events, "chunks of {size}");
    }
    // ffprobe finds the stream and the tags in it.
    let path = stream.dir.join("with_tags.ts");
    std::fs::write(&path, &bytes).unwrap();
    let found: Vec<_> = probe(&path, "d").iter().map(|packet| packet.pts - first + START.ticks()).collect();
    assert_eq!(found, [place(at(0)), place(at(1)), place(at(1) + 45_000)]);
}

#[test]
fn what_is_no_tag_is_left_alone() {
    let stream = Stream::new("no_metadata", &["-bf", "0", "-t", "4"]);
    let pts = probe(&stream.dir.join("0.ts"), "v")[0].pts as u64 + 90_000;
    let cases: [(u8, &[u8], Vec<u8>, usize); 6] = [
        (0x15, b"", tag(b"without a descriptor"), 1),
        (0x15, b"\x05\x04ID3 ", tag(b"with a registration"), 1),
        (0x15, b"\x05\x04KLVA", tag(b"of something else"), 0),
        (0x15, DESCRIPTOR, b"ID4\x04 and so on, for more than ten bytes".to_vec(), 0),
        (0x15, DESCRIPTOR, tag(b"cut off")[..20].to_vec(), 0),
        (0x06, b"", tag(b"private data"), 0),
    ];
    for (stream_type, descriptors, payload, count) in cases {
        let bytes = segment(&stream, stream_type, descriptors, &[(60, pts, payload)]);
        let (events, facts) = transmux(&[bytes], 4096).unwrap();
        assert_eq!(told(&events).len(), count, "{descriptors:?}");
        assert_eq!(facts[0].losses.time_jumps, 0);
    }
    // A tag that no program has any use for is not kept.
    let huge = [b"ID3\x04\0\0\0\x20\0\0".to_vec(), vec![b'x'; 1 << 19]].concat();
    let (events, facts) = transmux(&[segment(&stream, 0x15, DESCRIPTOR, &[(60, pts, huge)])], 4096).unwrap();
    assert_eq!((told(&events).len(), facts[0].losses.lost_tags), (0, 1));
}
