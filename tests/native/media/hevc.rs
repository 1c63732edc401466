//! HEVC in transport streams, and streams whose video changes on the way.

use cloud_player::media::{Format, Losses};

use super::packets::*;
use super::*;

fn hevc(name: &str, parameters: &str, arguments: &[&str]) -> Stream {
    let parameters = format!("log-level=none:{parameters}");
    let encoder = ["-s", "160x90", "-t", "4", "-c:v", "libx265", "-x265-params", &parameters];
    Stream::new(name, &[&encoder, arguments].concat())
}

/// The content of the first box of this kind, found by its name.
fn box_of(bytes: &[u8], kind: &[u8; 4]) -> Vec<u8> {
    let at = bytes.windows(4).position(|w| w == kind).unwrap();
    let size = u32::from_be_bytes(bytes[at - 4..at].try_into().unwrap()) as usize;
    bytes[at + 4..at - 4 + size].to_vec()
}

#[test]
fn pyramids_of_b_frames_in_several_segments() {
    let stream = hevc("hevc", "keyint=60:bframes=4:b-adapt=0:b-pyramid=1:aud=1:sar=3", &["-b:v", "300k"]);
    let (events, facts) = transmux(&stream.segments, 65_536).unwrap();
    assert_same_media(&stream, &events, &["v", "a"]);
    assert!(facts.iter().all(|facts| !facts.losses.any() && facts.starts_with_key_frame), "{facts:?}");
    assert_eq!(codecs(&events), ["hvc1.1.6.L60.90", "mp4a.40.2"]);
    assert_eq!(inits(&events)[0].format, Format::Video { width: 160, height: 90 });
    for size in [1, 187, 1000] {
        assert!(transmux(&stream.segments, size).unwrap().0 == events, "chunks of {size}");
    }
    // However packets cut start codes and headers.
    let pieces = take_apart(&stream.segments[0], &[VIDEO_PID, AUDIO_PID]);
    let (whole, _) = transmux(&stream.segments[..1], usize::MAX).unwrap();
    for room in [1, 3, 50] {
        let (events, facts) = transmux(&[put_together(&pieces, room)], 1000).unwrap();
        assert!(events == whole && facts[0].losses == Losses::default(), "{room} bytes a packet");
    }
    // Time stamps of every third PES packet only.
    let mut count = 0;
    let sparse: Vec<Piece> = pieces
        .into_iter()
        .map(|piece| match piece {
            Piece::Pes(VIDEO_PID, pes) => {
                count += 1;
                Piece::Pes(VIDEO_PID, if count % 3 == 1 { pes } else { with_header(&pes, 0, &[]) })
            }
            piece => piece,
        })
        .collect();
    let (events, _) = transmux(&[put_together(&sparse, 184)], 1000).unwrap();
    let pts = |events: &[MediaEvent]| {
        let path = stream.dir.join("sparse.mp4");
        write_file(events, &path);
        probe(&path, "v").iter().map(|p| p.pts).collect::<Vec<_>>()
    };
    assert_eq!(pts(&events), pts(&whole));
}

#[test]
fn profiles_and_what_the_decoder_is_told() {
    let high = "high-tier=1:level-idc=4.1:vbv-maxrate=40000:vbv-bufsize=40000";
    for (name, parameters, format, codec) in [
        ("main10", "slices=3", "yuv420p10le", "hvc1.2.4.L{}.90"),
        ("main422", "wpp=0:ref=4", "yuv422p10le", "hvc1.4.10.L{}.9D.8"),
        ("high_tier", high, "yuv420p", "hvc1.1.6.H{}.90"),
        ("intra", "keyint=1", "yuv420p", "hvc1.4.10.L{}.9F.A8"),
        ("scaling_lists", "scaling-list=default:temporal-layers=2:bframes=3", "yuv420p", "hvc1.1.6.L{}.90"),
        ("fields", "field=1", "yuv420p", "hvc1.1.6.L{}.90"),
    ] {
        let stream = hevc(name, parameters, &["-pix_fmt", format, "-vf", "scale=162:90,setsar=4/3"]);
        let (events, facts) = transmux(&stream.segments, 65_536).unwrap();
        assert!(facts.iter().all(|facts| !facts.losses.any()), "{name}: {facts:?}");
        assert_same_media(&stream, &events, &["v"]);
        let mut command = Command::new("ffprobe");
        command.args("-v error -select_streams v:0 -show_entries stream=level -of csv=p=0".split(' '));
        let level = run(command.arg(stream.dir.join("all.ts")));
        let level = level.lines().next().unwrap().trim_matches(',');
        assert_eq!(codecs(&events)[0], codec.replace("{}", level), "{name}");
        // libav makes the same of the parameter sets.
        let theirs = stream.dir.join("theirs.mp4");
        run(ffmpeg()
            .arg("-i")
            .arg(stream.dir.join("all.ts"))
            .args("-map 0:v -c copy -tag:v hvc1".split(' '))
            .arg(&theirs));
        let theirs = box_of(&std::fs::read(theirs).unwrap(), b"hvcC");
        let ours = box_of(&inits(&events)[0].data, b"hvcC");
        assert_eq!(ours[..13], theirs[..13], "{name}: profile, tier and level");
        // What is not in every stream is left open: segmentation, parallelism.
        assert_eq!(ours[16..21], theirs[16..21], "{name}: formats and rates");
        assert_eq!(ours[21] & 0xc7, theirs[21] & 0xc7, "{name}");
        let shape = |name: &str| {
            let entries = "stream=width,height,sample_aspect_ratio,profile,level,pix_fmt";
            let mut command = Command::new("ffprobe");
            command.args(["-v", "error", "-select_streams", "v", "-show_entries", entries, "-of", "flat"]);
            let lines = run(command.arg(stream.dir.join(name)));
            lines.lines().filter(|l| l.starts_with("streams.")).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(shape("out.mp4"), shape("all.ts"), "{name}");
    }
}

#[test]
fn pictures_that_lead_the_first_key_frame_are_left_out() {
    let parameters = "open-gop=1:keyint=30:min-keyint=30:bframes=4:b-adapt=0:scenecut=0";
    let stream = hevc("open_gop_hevc", parameters, &["-force_key_frames", "0"]);
    let all = stream.segments.concat();
    let (whole, facts) = transmux(core::slice::from_ref(&all), usize::MAX).unwrap();
    std::fs::write(stream.dir.join("all.ts"), &all).unwrap();
    assert!(!facts[0].losses.any() && facts[0].key_frames > 3, "{facts:?}");
    assert_same_media(&Stream { dir: stream.dir.clone(), segments: vec![all.clone()] }, &whole, &["v"]);
    // Entered before the second key frame.
    let input = stream.dir.join("all.ts");
    let want = probe(&input, "v");
    let second = (1..want.len()).find(|&i| want[i].key).unwrap();
    let leading = want[second..].iter().filter(|p| p.pts < want[second].pts).count();
    assert!(leading >= 3, "{leading}");
    let video = packets_of(&all, VIDEO_PID);
    let gone: Vec<usize> =
        video.into_iter().filter(|&i| ((i * 188) as u64) < want[second - 1].position).collect();
    let (events, facts) = transmux(&[without(&all, &gone)], usize::MAX).unwrap();
    assert_eq!(facts[0].losses.unusable_units as usize, leading + 1, "{facts:?}");
    let path = stream.dir.join("entered.mp4");
    write_file(&events, &path);
    let got = probe(&path, "v");
    assert_eq!(got.len(), want.len() - second - leading);
    assert!(got[0].key);
    let kept: Vec<i64> =
        want[second..].iter().map(|p| p.pts).filter(|&pts| pts >= want[second].pts).collect();
    let offset = got[0].pts - kept[0];
    assert_eq!(got.iter().map(|p| p.pts - offset).collect::<Vec<_>>(), kept);
    // Media Source Extensions drop what comes behind a leap of more than two frames.
    let frame = want[second + 1].dts - want[second].dts;
    let steps: Vec<i64> = got.windows(2).map(|p| p[1].dts - p[0].dts).collect();
    assert!(steps.iter().all(|&step| 0 < step && step <= 2 * frame), "{steps:?}");
    assert_eq!(steps.last(), Some(&frame));
    let mut command = ffmpeg();
    let stderr = command.arg("-i").arg(&path).args(["-f", "null", "-"]).output().unwrap().stderr;
    assert!(stderr.is_empty(), "{}", String::from_utf8_lossy(&stderr));
}

#[test]
fn private_data_may_be_registered_as_hevc() {
    let stream = hevc("registered", "keyint=30", &[]);
    let (whole, _) = transmux(&stream.segments[..1], usize::MAX).unwrap();
    let mut muxer = Muxer::default();
    let registration = b"\x05\x04HEVC";
    muxer.section(0, &pat(0, [0, 0], &[(1, 0x1000)]), 184);
    let streams = [(0x06, 0x300, &[][..]), (0x06, VIDEO_PID, registration), (0x0f, AUDIO_PID, &[])];
    muxer.section(0x1000, &pmt(1, 0, &streams), 184);
    for piece in take_apart(&stream.segments[0], &[VIDEO_PID, AUDIO_PID]) {
        if let Piece::Pes(pid, bytes) = piece {
            muxer.unit(pid, &bytes, 184);
        }
    }
    assert!(transmux(&[muxer.out], usize::MAX).unwrap().0 == whole);
}

/// The packets of two streams, the second one behind the first.
fn joined(first: &Stream, second: &Stream, types: [u8; 2]) -> [Vec<u8>; 2] {
    let mut muxer = Muxer::default();
    let mut parts = Vec::new();
    muxer.section(0, &pat(0, [0, 0], &[(1, 0x1000)]), 184);
    for (version, (stream, kind)) in [first, second].into_iter().zip(types).enumerate() {
        muxer.section(0x1000, &pmt(1, version as u8, &[(kind, VIDEO_PID, &[]), (0x0f, AUDIO_PID, &[])]), 184);
        for piece in take_apart(&stream.segments.concat(), &[VIDEO_PID, AUDIO_PID]) {
            if let Piece::Pes(pid, bytes) = piece {
                muxer.unit(pid, &bytes, 184);
            }
        }
        parts.push(core::mem::take(&mut muxer.out));
    }
    parts.try_into().unwrap()
}

#[test]
fn the_codec_and_the_size_may_change_in_a_segment_and_between_segments() {
    let later = ["-output_ts_offset", "4.1"];
    let small = Stream::new("small_h264", &["-s", "160x90", "-bf", "2", "-t", "4"]);
    let large = Stream::new("large_h264", &[&["-s", "320x180", "-bf", "2", "-t", "4"], &later[..]].concat());
    let other = hevc("later_hevc", "keyint=30:bframes=2", &later);
    for (second, kind, size, codec) in
        [(&large, 0x1b, (320, 180), "avc1."), (&other, 0x24, (160, 90), "hvc1.1.6.L30.90")]
    {
        let parts = joined(&small, second, [0x1b, kind]);
        let (between, facts) = transmux(&parts, usize::MAX).unwrap();
        // The second one's sound does not begin just where the first one's ends.
        let nothing = |losses: Losses| !Losses { time_jumps: 0, ..losses }.any();
        assert!(facts.iter().all(|facts| nothing(facts.losses)), "{facts:?}");
        for chunk in [1000, usize::MAX] {
            let (within, facts) = transmux(&[parts.concat()], chunk).unwrap();
            assert!(nothing(facts[0].losses), "{facts:?}");
            for events in [&within, &between] {
                let configurations: Vec<_> =
                    inits(events).into_iter().filter(|init| init.track == TrackKind::Video).collect();
                let (width, height) = size;
                assert_eq!(configurations.len(), 2);
                assert_eq!(configurations[1].format, Format::Video { width, height });
                assert!(configurations[1].codec.starts_with(codec), "{}", configurations[1].codec);
                // Each configuration with the fragments behind it is the stream that it came from.
                let is_change = |e: &MediaEvent| matches!(e, MediaEvent::Init(i) if i == configurations[1]);
                let (before, after) = events.split_at(events.iter().position(is_change).unwrap());
                for (stream, events) in [(&small, before), (second, after)] {
                    let only_video: Vec<MediaEvent> = events
                        .iter()
                        .filter(|event| match event {
                            MediaEvent::Init(init) => init.track == TrackKind::Video,
                            MediaEvent::Fragment(fragment) => fragment.track == TrackKind::Video,
                            _ => false,
                        })
                        .cloned()
                        .collect();
                    assert_same_media(stream, &only_video, &["v"]);
                }
            }
        }
    }
}

#[test]
fn damaged_hevc_neither_panics_nor_depends_on_chunks() {
    let stream = hevc("damaged_hevc", "keyint=20:open-gop=1:bframes=3", &["-s", "64x48"]);
    let good = stream.segments[0].clone();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % below as u64) as usize
    };
    for round in 0..200 {
        let mut bytes = good.clone();
        match round % 3 {
            0 => {
                for _ in 0..1 + next(40) {
                    let at = next(bytes.len());
                    bytes[at] = next(256) as u8;
                }
            }
            1 => {
                let (at, length) = (next(bytes.len()), next(2000));
                bytes.drain(at..(at + length).min(good.len()));
            }
            _ => {
                let (from, to, length) = (next(good.len()), next(good.len()), 188 * next(20));
                let piece = good[from..(from + length).min(good.len())].to_vec();
                bytes.splice(to..to, piece);
            }
        }
        let (once, size) = (transmux(core::slice::from_ref(&bytes), usize::MAX), 1 + next(2000));
        assert!(transmux(core::slice::from_ref(&bytes), size) == once, "round {round}, chunks of {size}");
        if let Ok((events, _)) = once {
            let out: usize = fragments(&events, TrackKind::Video).iter().map(|f| f.data.bytes().len()).sum();
            assert!(out < 2 * bytes.len() + 100_000, "round {round}: {out} bytes");
        }
    }
}
