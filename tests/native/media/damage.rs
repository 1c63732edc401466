//! Streams that lost something on the way, and things that are no stream.

use super::*;

#[test]
fn lost_audio_is_a_gap_not_a_shift() {
    let stream = Stream::usual("lost_audio");
    let audio = packets_of(&stream.segments[0], AUDIO_PID);
    let damaged = without(&stream.segments[0], &audio[20..60]);
    let (events, facts) = transmux(&[damaged], 4096).unwrap();
    let losses = facts[0].losses;
    assert_eq!((losses.continuity_errors, losses.time_jumps), (1, 1), "{losses:?}");
    let path = stream.dir.join("gap.mp4");
    write_file(&events, &path);
    let input = stream.dir.join("0.ts");
    let (want, got) = (probe(&input, "a"), probe(&path, "a"));
    assert!(got.len() < want.len());
    let offset = got[0].pts - want[0].pts;
    let (last_got, last_want) = (got.last().unwrap(), want.last().unwrap());
    assert!((last_got.pts - last_want.pts - offset).abs() <= 1920, "{last_got:?} for {last_want:?}");
    // No frame was made up: each is one of the input's.
    let all = payload(&input, "a");
    assert!(payload(&path, "a").iter().all(|hash| all.contains(hash)));
}

#[test]
fn lost_video_packets_are_counted_and_the_rest_plays() {
    let stream = Stream::usual("lost_video");
    let video = packets_of(&stream.segments[0], VIDEO_PID);
    let gone = [video[40], video[80], video[81], video[100]];
    let damaged = without(&stream.segments[0], &gone);
    let (events, facts) = transmux(&[damaged.clone(), stream.segments[1].clone()], 4096).unwrap();
    assert_eq!(facts[0].losses.continuity_errors, 3);
    let (input, path) = (stream.dir.join("damaged.ts"), stream.dir.join("damaged.mp4"));
    std::fs::write(&input, damaged).unwrap();
    write_file(&events, &path);
    let frames = probe(&stream.dir.join("0.ts"), "v").len() + probe(&stream.dir.join("1.ts"), "v").len();
    let got = probe(&path, "v").len();
    assert!(got.abs_diff(frames) <= gone.len(), "{got} frames of {frames}");
}

#[test]
fn repeated_and_damaged_packets_do_no_harm() {
    let stream = Stream::usual("repeated");
    let whole = transmux(&stream.segments[..1], usize::MAX).unwrap();
    let twice: Vec<u8> = stream.segments[0].chunks(188).flat_map(|p| [p, p].concat()).collect();
    assert!(transmux(&[twice], 4096).unwrap().0 == whole.0);
    // A copy marked as damaged before each packet, and stuffing.
    let marked: Vec<u8> = stream.segments[0]
        .chunks(188)
        .flat_map(|p| {
            let mut damaged = p.to_vec();
            damaged[1] |= 0x80;
            let mut stuffing = vec![0xff; 188];
            stuffing[..4].copy_from_slice(&[0x47, 0x1f, 0xff, 0x10]);
            [damaged, stuffing, p.to_vec()].concat()
        })
        .collect();
    let (events, facts) = transmux(&[marked], 4096).unwrap();
    assert!(events == whole.0);
    assert_eq!(facts[0].losses.damaged_packets as usize, stream.segments[0].len() / 188);
}

#[test]
fn packets_of_192_and_204_bytes() {
    let stream = Stream::usual("wide");
    let whole = transmux(&stream.segments[..1], usize::MAX).unwrap();
    let wide = |before: usize, after: usize| -> Vec<u8> {
        let cell = |p: &[u8]| [&vec![0x11; before][..], p, &vec![0x22; after]].concat();
        stream.segments[0].chunks(188).flat_map(cell).collect()
    };
    for (before, after) in [(4, 0), (0, 16)] {
        for size in [1, 1000, usize::MAX] {
            let (events, _) = transmux(&[wide(before, after)], size).unwrap();
            assert!(events == whole.0, "{before} bytes before and {after} after, chunks of {size}");
        }
    }
}

#[test]
fn scrambled_packets_are_an_error() {
    let stream = Stream::usual("scrambled");
    let mut segment = stream.segments[0].clone();
    let at = packets_of(&segment, VIDEO_PID)[10] * 188;
    segment[at + 3] |= 0x80;
    let error = transmux(&[segment], 4096).unwrap_err();
    assert_eq!(error, MediaError::Scrambled { position: at as u64 });
}

#[test]
fn other_documents_are_told_by_name() {
    let cases: [(&[u8], &str); 5] = [
        (b"<html><body>403 Forbidden</body></html>", "not_media"),
        (b"{\"code\":403,\"message\":\"sign expired\"}", "not_media"),
        (b"", "segment_empty"),
        (b"\0\0\0\x1cftypiso6\0\0\0\0iso6mp41", "box_truncated"),
        (&[0xa5; 5000], "no_sync"),
    ];
    for (bytes, code) in cases {
        assert_eq!(transmux(&[bytes.to_vec()], 10).unwrap_err().code(), code);
    }
    let stream = Stream::usual("truncated");
    let segment = &stream.segments[0];
    let without_tables = without(segment, &packets_of(segment, 0));
    assert_eq!(transmux(&[without_tables], 4096).unwrap_err().code(), "no_program");
    // A segment cut short in the middle of a packet gives what it has.
    let (_, facts) = transmux(&[segment[..segment.len() / 2 / 188 * 188 + 50].to_vec()], 4096).unwrap();
    assert_eq!(facts[0].losses.garbage_bytes, 50);
    assert!(facts[0].video.is_some());
}
