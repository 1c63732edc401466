//! Audio in every codec, in transport streams: what libav finds in the stream is what it finds in our output.

use super::*;

/// Four seconds of noise (no two frames are alike), encoded by ffmpeg into the file that the last argument ends.
pub(super) fn encode(dir: &Path, rate: u32, layout: &str, arguments: &[&str], name: &str) -> PathBuf {
    let path = dir.join(name);
    let source = format!("anoisesrc=r={rate}:a=0.3:d=4:seed=1,aformat=channel_layouts={layout}");
    run(ffmpeg().args(["-f", "lavfi", "-i", &source]).args(arguments).arg(&path));
    path
}

/// The frames that libav finds: presentation time in 90 kHz ticks, and a hash of the payload.
pub(super) fn frames(path: &Path, filters: &[&str]) -> Vec<(i64, String)> {
    let mut command = ffmpeg();
    command.args(["-copyts", "-i"]).arg(path).args(["-map", "0:a", "-c", "copy"]).args(filters);
    let lines = run(command.args(["-f", "framemd5", "-"]));
    let base = lines.lines().find_map(|line| line.strip_prefix("#tb 0: 1/")).unwrap().trim();
    let base: i64 = base.parse().unwrap();
    let frame = |line: &str| {
        let fields: Vec<_> = line.split(',').map(str::trim).collect();
        let pts: i64 = fields[2].parse().unwrap();
        ((pts * TICKS_PER_SECOND + base / 2).div_euclid(base), fields[5].to_owned())
    };
    lines.lines().filter(|line| !line.starts_with('#')).map(frame).collect()
}

/// The same frames, at the same times but for one offset and the tick or two that libav rounds.
pub(super) fn assert_same_frames(name: &str, got: &[(i64, String)], want: &[(i64, String)]) {
    let hashes = |frames: &[(i64, String)]| frames.iter().map(|f| f.1.clone()).collect::<Vec<_>>();
    assert!(want.len() > 20, "{name}: {}", want.len());
    assert!(
        hashes(got) == hashes(want),
        "{name}: {} frames and not {}, or other ones",
        got.len(),
        want.len()
    );
    let offset = got[0].0 - want[0].0;
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        let error = got.0 - want.0 - offset;
        assert!(error.abs() <= 3, "{name}: frame {i} is {error} ticks off");
    }
}

/// ffmpeg decodes it and has nothing to say.
pub(super) fn assert_decodes(path: &Path) {
    let stderr = ffmpeg().arg("-i").arg(path).args(["-f", "null", "-"]).output().unwrap().stderr;
    assert!(stderr.is_empty(), "{}", String::from_utf8_lossy(&stderr));
}

pub(super) fn assert_every_chunking_is_the_same(name: &str, segments: &[Vec<u8>], sizes: &[usize]) {
    let whole = transmux(segments, usize::MAX);
    for &size in sizes {
        assert!(transmux(segments, size) == whole, "{name}: chunks of {size}");
    }
}

const STEREO: &str = "stereo";
const SURROUND: &str = "5.1(side)";

type Case<'a> = (&'a str, u32, &'a str, &'a [&'a str], &'a str, u16);

/// Name, rate, channels, encoder; codec and channels as they have to be told.
const CASES: &[Case<'_>] = &[
    ("aac", 44_100, "mono", &["-c:a", "aac"], "mp4a.40.2", 1),
    ("aac_7_1", 96_000, "7.1", &["-c:a", "aac"], "mp4a.40.2", 8),
    ("mp2", 48_000, STEREO, &["-c:a", "mp2", "-b:a", "192k"], "mp4a.6b", 2),
    ("mp2_low", 24_000, "mono", &["-c:a", "mp2", "-b:a", "64k"], "mp4a.69", 1),
    ("mp3_vbr", 44_100, STEREO, &["-c:a", "libmp3lame", "-q:a", "2"], "mp4a.6b", 2),
    ("mp3_low", 22_050, "mono", &["-c:a", "libmp3lame", "-b:a", "48k"], "mp4a.69", 1),
    ("mp3_lowest", 8_000, "mono", &["-c:a", "libmp3lame", "-b:a", "16k"], "mp4a.69", 1),
    ("ac3", 48_000, SURROUND, &["-c:a", "ac3", "-b:a", "448k"], "ac-3", 6),
    ("ac3_44_1", 44_100, STEREO, &["-c:a", "ac3", "-b:a", "192k"], "ac-3", 2),
    ("ac3_32", 32_000, "mono", &["-c:a", "ac3", "-b:a", "96k"], "ac-3", 1),
    ("ac3_dvb", 48_000, STEREO, &["-c:a", "ac3", "-mpegts_flags", "system_b"], "ac-3", 2),
    ("eac3", 48_000, SURROUND, &["-c:a", "eac3", "-b:a", "384k"], "ec-3", 6),
    ("eac3_dvb", 48_000, STEREO, &["-c:a", "eac3", "-mpegts_flags", "system_b"], "ec-3", 2),
    // Bit rates at which ffmpeg's frames have three, two and one block.
    ("eac3_3", 48_000, STEREO, &["-c:a", "eac3", "-b:a", "1536k"], "ec-3", 2),
    ("eac3_2", 48_000, STEREO, &["-c:a", "eac3", "-b:a", "2500k"], "ec-3", 2),
    ("eac3_1", 44_100, STEREO, &["-c:a", "eac3", "-b:a", "5600k"], "ec-3", 2),
];

#[test]
fn every_codec_frame_by_frame() {
    let dir = fresh_dir("audio_codecs");
    for &(name, rate, layout, arguments, codec, channels) in CASES {
        let input = encode(&dir, rate, layout, arguments, &format!("{name}.ts"));
        let bytes = std::fs::read(&input).unwrap();
        let (events, facts) = transmux(&[bytes], 4096).unwrap();
        assert!(!facts[0].losses.any(), "{name}: {:?}", facts[0].losses);
        let output = dir.join(format!("{name}.mp4"));
        write_file(&events, &output);
        let filters: &[&str] = if codec.starts_with("mp4a.40") { &["-bsf:a", "aac_adtstoasc"] } else { &[] };
        assert_same_frames(name, &frames(&output, &[]), &frames(&input, filters));
        assert_decodes(&output);
        assert_eq!(codecs(&events), [codec], "{name}");
        let format = cloud_player::media::Format::Audio { sample_rate: rate, channels };
        assert_eq!(inits(&events)[0].format, format, "{name}");
        let shape = |path: &Path| {
            let entries = "stream=channels,sample_rate,channel_layout";
            run(Command::new("ffprobe")
                .args(["-v", "error", "-show_entries", entries, "-of", "flat"])
                .arg(path))
            .lines()
            .filter(|line| line.starts_with("streams."))
            .map(str::to_owned)
            .collect::<Vec<_>>()
        };
        assert_eq!(shape(&output), shape(&input), "{name}");
    }
}

#[test]
fn no_codec_depends_on_chunks_or_borders() {
    let dir = fresh_dir("audio_chunks");
    for &(name, rate, layout, arguments, ..) in CASES {
        let input = encode(&dir, rate, layout, arguments, &format!("{name}.ts"));
        let bytes = std::fs::read(&input).unwrap();
        let start = bytes[..bytes.len().min(60 * 188)].to_vec();
        assert_every_chunking_is_the_same(name, &[start], &[1, 7, 188, 1000]);
        // Segments that end anywhere: no frame is lost that both have a part of.
        let (whole, _) = transmux(std::slice::from_ref(&bytes), usize::MAX).unwrap();
        for part in [2, 3] {
            let border = bytes.len() / 188 / part;
            let (head, tail) = bytes.split_at(border * 188);
            let (events, facts) = transmux(&[head.to_vec(), tail.to_vec()], usize::MAX).unwrap();
            let payload = |events: &[MediaEvent]| {
                fragments(events, TrackKind::Audio)
                    .iter()
                    .flat_map(|f| f.data.payload().to_vec())
                    .collect::<Vec<_>>()
            };
            assert!(payload(&events) == payload(&whole), "{name}: border at packet {border}");
            assert!(facts.iter().all(|facts| facts.losses.time_jumps == 0), "{name}: {facts:?}");
        }
    }
}

#[test]
fn latm_is_what_the_same_encoder_writes_to_mp4() {
    let dir = fresh_dir("latm");
    let encoder = ["-c:a", "aac", "-flags", "+global_header"];
    for (name, rate, layout) in [("stereo", 48_000, STEREO), ("surround", 44_100, "5.1")] {
        let latm = [&encoder[..], &["-mpegts_flags", "latm"]].concat();
        let input = encode(&dir, rate, layout, &latm, &format!("{name}.ts"));
        let reference = encode(&dir, rate, layout, &encoder, &format!("{name}_reference.mp4"));
        let bytes = std::fs::read(&input).unwrap();
        let (events, facts) = transmux(std::slice::from_ref(&bytes), 4096).unwrap();
        assert!(!facts[0].losses.any(), "{:?}", facts[0].losses);
        let output = dir.join(format!("{name}.mp4"));
        write_file(&events, &output);
        let hashes = |path: &Path| frames(path, &[]).into_iter().map(|f| f.1).collect::<Vec<_>>();
        assert!(hashes(&output) == hashes(&reference), "{name}");
        let times = |path: &Path| frames(path, &[]).into_iter().map(|f| f.0).collect::<Vec<_>>();
        let (got, want) = (times(&output), times(&input));
        for (a, b) in got.iter().zip(&want) {
            assert!((a - b - (got[0] - want[0])).abs() <= 3, "{name}");
        }
        assert_decodes(&output);
        assert_every_chunking_is_the_same(name, &[bytes[..40 * 188].to_vec()], &[1, 188, 1000]);

        // A stream type says LATM or ADTS, and the stream is the other.
        let mut wrong = bytes.clone();
        retype(&mut wrong, 0x11, 0x0f);
        let (other, _) = transmux(&[wrong], 4096).unwrap();
        assert!(other == events, "{name}: LATM under the type of ADTS");
    }
    let adts = encode(&dir, 48_000, STEREO, &["-c:a", "aac"], "adts.ts");
    let bytes = std::fs::read(&adts).unwrap();
    let (events, _) = transmux(std::slice::from_ref(&bytes), 4096).unwrap();
    let mut wrong = bytes;
    retype(&mut wrong, 0x0f, 0x11);
    assert!(transmux(&[wrong], 4096).unwrap().0 == events, "ADTS under the type of LATM");
}

/// Changes the type of the only stream in every program map.
fn retype(stream: &mut [u8], from: u8, to: u8) {
    for packet in stream.chunks_exact_mut(188) {
        if packet[1] & 0x1f == 0x10 && packet[2] == 0 && packet[4] == 0 && packet[5] == 2 {
            let length = usize::from(u16::from_be_bytes([packet[6] & 0x0f, packet[7]]));
            let section = &mut packet[5..5 + 3 + length];
            let info = usize::from(u16::from_be_bytes([section[10] & 0x0f, section[11]]));
            assert_eq!(section[12 + info], from);
            section[12 + info] = to;
            seal_section(section);
        }
    }
}

/// Puts the CRC of a table's section at its end.
pub(super) fn seal_section(section: &mut [u8]) {
    let end = section.len() - 4;
    let crc = section[..end].iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte) << 24, |crc, _| {
            crc << 1 ^ if crc >> 31 == 1 { 0x04c1_1db7 } else { 0 }
        })
    });
    section[end..].copy_from_slice(&crc.to_be_bytes());
}

#[test]
fn channels_that_only_the_frames_tell() {
    // For these ffmpeg writes a program config element, and channel configuration 0 in the header.
    let dir = fresh_dir("program_config");
    for layout in ["quad", "2.1", "6.1", "hexagonal"] {
        let input = encode(&dir, 48_000, layout, &["-c:a", "aac"], "in.ts");
        let reference = encode(&dir, 48_000, layout, &["-c:a", "aac"], "reference.mp4");
        let (events, facts) = transmux(&[std::fs::read(&input).unwrap()], 4096).unwrap();
        assert!(!facts[0].losses.any());
        let output = dir.join("out.mp4");
        write_file(&events, &output);
        let shape = |path: &Path| {
            let entries = "stream=channels,channel_layout";
            run(Command::new("ffprobe")
                .args(["-v", "error", "-show_entries", entries, "-of", "csv"])
                .arg(path))
        };
        assert_eq!(shape(&output), shape(&reference), "{layout}");
        assert_decodes(&output);
    }
}

#[test]
fn dependent_substreams_belong_to_the_frame_before() {
    // Each frame of 5.1 gets a dependent one behind it: a stereo frame whose header says so.
    let dir = fresh_dir("dependent");
    let main = std::fs::read(encode(&dir, 48_000, SURROUND, &["-c:a", "eac3", "-b:a", "256k"], "main.eac3"))
        .unwrap();
    let rear =
        std::fs::read(encode(&dir, 48_000, STEREO, &["-c:a", "eac3", "-b:a", "96k"], "rear.eac3")).unwrap();
    let split = |bytes: &[u8]| {
        let length = 2 * (usize::from(u16::from_be_bytes([bytes[2] & 7, bytes[3]])) + 1);
        bytes.chunks_exact(length).map(<[u8]>::to_vec).collect::<Vec<_>>()
    };
    let mut both = Vec::new();
    for (main, mut rear) in split(&main).into_iter().zip(split(&rear)) {
        rear[2] |= 0x40;
        both.extend(main);
        both.extend(rear);
    }
    let input = dir.join("both.eac3");
    std::fs::write(&input, &both).unwrap();
    let (events, facts) = transmux(&[both.clone()], 4096).unwrap();
    assert!(!facts[0].losses.any(), "{:?}", facts[0].losses);
    let output = dir.join("out.mp4");
    write_file(&events, &output);
    // libav's parser takes the two together as well.
    let (got, want) = (frames(&output, &[]), frames(&input, &[]));
    assert_same_frames("dependent", &got, &want);
    assert_eq!(want.len(), split(&main).len());
    let payload: Vec<u8> =
        fragments(&events, TrackKind::Audio).iter().flat_map(|f| f.data.payload().to_vec()).collect();
    assert!(payload == both);
    let dec3 = inits(&events)[0].data.windows(4).position(|w| w == b"dec3").unwrap();
    assert_eq!(inits(&events)[0].data[dec3 + 4 + 4] >> 1 & 0x0f, 1, "one dependent substream");
}

#[test]
fn garbage_between_frames_costs_its_neighbours_at_most() {
    let dir = fresh_dir("audio_garbage");
    for &(name, rate, layout, arguments, ..) in CASES {
        let input = encode(&dir, rate, layout, arguments, &format!("{name}.ts"));
        let bytes = std::fs::read(&input).unwrap();
        let packets = packets_of(&bytes, VIDEO_PID);
        // Payload of a few packets overwritten, with something that has sync words in it.
        let mut damaged = bytes.clone();
        for (i, &packet) in packets.iter().enumerate().skip(40).take(8) {
            for (j, byte) in damaged[packet * 188 + 100..packet * 188 + 188].iter_mut().enumerate() {
                *byte = [0xff, 0xfb, 0x90, 0x0b, 0x77, 0x56, 0xe0, 0x00, 0xf1][(i * 31 + j) % 9];
            }
        }
        let (events, facts) = transmux(&[damaged.clone()], 4096).unwrap();
        let output = dir.join(format!("{name}.mp4"));
        write_file(&events, &output);
        let (got, want) = (frames(&output, &[]), frames(&input, &[]));
        assert!(
            want.len() - got.len().min(want.len()) < want.len() / 2,
            "{name}: {} of {}",
            got.len(),
            want.len()
        );
        // What follows is in its place.
        let last = |frames: &[(i64, String)]| frames.last().unwrap().0 - frames[0].0;
        let frame = want[1].0 - want[0].0;
        assert!((last(&got) - last(&want)).abs() <= 2 * frame, "{name}: {facts:?}");
        assert_every_chunking_is_the_same(name, &[damaged], &[188 * 7 + 3]);
    }
}

#[test]
fn unsupported_audio_is_named() {
    let dir = fresh_dir("dts");
    let input = encode(&dir, 48_000, STEREO, &["-c:a", "dca", "-strict", "-2"], "dts.ts");
    let error = transmux(&[std::fs::read(input).unwrap()], 4096).unwrap_err();
    assert_eq!(error.code(), "unsupported_codec", "{error}");
}
