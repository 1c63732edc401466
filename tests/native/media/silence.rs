//! Silence behind sound: ffmpeg decodes both by one init section, as long as they say they are, and hears nothing of it.

use cloud_player::media::Silence;
use cloud_player::time::TimeRange;

use super::*;

/// The sound of what a transmuxer made, two seconds of silence behind it, and all of it decoded to samples of 16 bits:
/// those of the sound, and those of the silence.
fn decoded(dir: &Path, events: &[MediaEvent], layout: &str, rate: u32) -> (Vec<i16>, Vec<i16>) {
    let init = inits(events)[0];
    let sound = fragments(events, TrackKind::Audio);
    let (from, to) = (sound[0].range.start, sound[sound.len() - 1].range.end);
    let range = TimeRange { start: to, end: to + MediaTime::from_millis(2000) };
    let silence = Silence::of(init).expect("silence for AAC").fill(range);
    for (one, next) in silence.iter().zip(&silence[1..]) {
        assert_eq!(one.range.end, next.range.start);
    }
    let (start, end) = (silence[0].range.start, silence[silence.len() - 1].range.end);
    assert!(start.abs_diff(range.start) <= MediaTime::from_ticks(2), "{start} for {}", range.start);
    assert!(end >= range.end && end - range.end < MediaTime::from_millis(60), "{end} for {}", range.end);

    let path = dir.join("sound.mp4");
    let mut bytes = init.data.clone();
    for fragment in sound.into_iter().chain(&silence) {
        bytes.extend(fragment.data.bytes());
    }
    std::fs::write(&path, bytes).unwrap();
    let mut command = ffmpeg();
    command.arg("-i").arg(&path).args(["-f", "s16le", "-ac"]);
    let channels = layout.parse::<usize>().unwrap();
    let output = command.args([layout, "-"]).output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let samples: Vec<i16> =
        output.stdout.as_chunks().0.iter().map(|bytes| i16::from_le_bytes(*bytes)).collect();
    let seconds = samples.len() as f64 / channels as f64 / f64::from(rate);
    let length = (end - from).as_secs();
    assert!((seconds - length).abs() < 0.06, "{seconds} s of {length}");
    let at = (samples.len() as f64 * (to - from).as_secs() / length) as usize;
    (samples[..at].to_vec(), samples[at..].to_vec())
}

fn assert_silent(name: &str, (sound, silence): &(Vec<i16>, Vec<i16>)) {
    assert!(sound.iter().any(|sample| sample.abs() > 300), "{name}: there is sound");
    // What the last frame of the sound rings on for.
    let ring = silence.len() / 8;
    assert!(silence[ring..].iter().all(|sample| *sample == 0), "{name}: there is none");
}

#[test]
fn silence_decodes_as_what_it_is_for_in_every_channel_configuration() {
    for (rate, layout, channels) in [
        (44_100, "mono", "1"),
        (48_000, "stereo", "2"),
        (8_000, "mono", "1"),
        (48_000, "3.0", "3"),
        (48_000, "4.0", "4"),
        (48_000, "5.0", "5"),
        (48_000, "5.1", "6"),
        (96_000, "stereo", "2"),
    ] {
        let dir = fresh_dir(&format!("silence-{layout}-{rate}"));
        for (container, extra) in
            [("ts", ""), ("adts", ""), ("mp4", "-movflags empty_moov+default_base_moof")]
        {
            let path = dir.join(format!("sound.{container}"));
            let source = format!("anoisesrc=r={rate}:a=0.3:d=2:seed=1,aformat=channel_layouts={layout}");
            let mut command = ffmpeg();
            command.args(["-f", "lavfi", "-i", &source, "-c:a", "aac"]).args(extra.split_whitespace());
            let format = if container == "ts" { "mpegts" } else { container };
            run(command.args(["-f", format]).arg(&path));
            let (events, _) = transmux(&[std::fs::read(&path).unwrap()], 5000).unwrap();
            assert_silent(&format!("{container}, {layout}"), &decoded(&dir, &events, channels, rate));
        }
    }
}

/// The same frames for a decoder that makes twice the samples of each: it does so without being told how to.
#[test]
fn silence_of_high_efficiency_has_its_length() {
    let dir = fresh_dir("silence-he");
    let path = dir.join("core.mp4");
    let source = "anoisesrc=r=24000:a=0.3:d=2:seed=1,aformat=channel_layouts=stereo";
    let mut command = ffmpeg();
    command.args(["-f", "lavfi", "-i", source, "-c:a", "aac", "-movflags", "empty_moov+default_base_moof"]);
    run(command.arg(&path));
    let mut bytes = std::fs::read(&path).unwrap();
    // The extension that says that there is none, made one that says 48 kHz (ISO/IEC 14496-3 §1.6.5.3).
    let at = bytes.windows(5).position(|w| w == [0x13, 0x10, 0x56, 0xe5, 0x00]).expect("the config");
    bytes[at + 4] = 0x98;
    let (events, _) = transmux(&[bytes], 5000).unwrap();
    assert_silent("HE-AAC", &decoded(&dir, &events, "2", 48_000));
}

#[test]
fn where_there_is_no_silence_there_is_none() {
    for (codec, extension) in [("ac3", "ts"), ("mp2", "ts"), ("libopus", "mp4"), ("flac", "mp4")] {
        let path = fresh_dir(&format!("silence-{codec}")).join(format!("sound.{extension}"));
        let mut command = ffmpeg();
        command.args("-f lavfi -i sine=r=48000:d=2 -c:a".split(' ')).arg(codec);
        if extension == "mp4" {
            command.args("-strict -2 -movflags empty_moov+default_base_moof".split(' '));
        }
        run(command.arg(&path));
        let (events, _) = transmux(&[std::fs::read(&path).unwrap()], 5000).unwrap();
        assert!(Silence::of(inits(&events)[0]).is_none(), "{codec}");
    }
    // Pictures and sound in one buffer.
    let stream = Stream::usual("silence-pictures");
    let (events, _) = transmux(&stream.segments, 5000).unwrap();
    let made: Vec<_> = inits(&events).into_iter().map(|init| Silence::of(init).is_some()).collect();
    assert_eq!(made.iter().filter(|made| **made).count(), 1, "of the sound alone: {made:?}");
}
