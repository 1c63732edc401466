//! Two hours: sound and picture stay together, and nothing piles up.

use super::*;

/// The payload of each PES packet of one stream.
fn units(stream: &[u8], pid: u16) -> Vec<Vec<u8>> {
    let mut units: Vec<Vec<u8>> = Vec::new();
    for i in packets_of(stream, pid) {
        let packet = &stream[i * 188..][..188];
        let adaptation = if packet[3] & 0x20 != 0 { 1 + usize::from(packet[4]) } else { 0 };
        let payload = &packet[4 + adaptation..];
        if packet[1] & 0x40 != 0 {
            units.push(payload[9 + usize::from(payload[8])..].to_vec());
        } else if let Some(unit) = units.last_mut() {
            unit.extend(payload);
        }
    }
    units
}

/// Writes a transport stream of one program with H.264 and AAC, and it may be a stream of ID3 tags.
#[derive(Default)]
pub(super) struct Writer {
    pub(super) out: Vec<u8>,
    counters: [u8; 8],
    tables: Vec<Vec<u8>>,
}

impl Writer {
    /// With the tables of a stream that ffmpeg made.
    fn like(stream: &[u8]) -> Self {
        let tables = [0, 0x1000].map(|pid| {
            let i = packets_of(stream, pid)[0];
            stream[i * 188..][..188].to_vec()
        });
        Self { tables: tables.into(), ..Self::default() }
    }

    fn begin_segment(&mut self) {
        for i in 0..self.tables.len() {
            let counter = self.count(6 + i);
            self.tables[i][3] = 0x10 | counter;
            self.out.extend(&self.tables[i]);
        }
    }

    fn count(&mut self, stream: usize) -> u8 {
        let now = self.counters[stream];
        self.counters[stream] = now.wrapping_add(1) & 15;
        now
    }

    pub(super) fn pes(&mut self, pid: u16, stream_id: u8, pts: u64, payload: &[u8]) {
        let t = pts & 0x1_ffff_ffff;
        let stamp = [
            0x21 | (t >> 29) as u8 & 14,
            (t >> 22) as u8,
            (t >> 14) as u8 | 1,
            (t >> 7) as u8,
            (t << 1) as u8 | 1,
        ];
        let pes = [&[0, 0, 1, stream_id, 0, 0, 0x80, 0x80, 5][..], &stamp, payload].concat();
        for (i, chunk) in pes.chunks(184).enumerate() {
            let counter = self.count(usize::from(pid & 3));
            let start = if i == 0 { 0x40 } else { 0 };
            self.out.extend([0x47, start | (pid >> 8) as u8, pid as u8]);
            match 184 - chunk.len() {
                0 => self.out.push(0x10 | counter),
                1 => self.out.extend([0x30 | counter, 0]),
                stuffing => {
                    self.out.extend([0x30 | counter, stuffing as u8 - 1, 0]);
                    self.out.resize(self.out.len() + stuffing - 2, 0xff);
                }
            }
            self.out.extend(chunk);
        }
    }
}

/// Runs two hours. `skew`: how much faster the audio's time stamps go than its samples, in millionths.
fn two_hours(name: &str, skew: i64) -> u64 {
    let arguments =
        ["-s", "64x48", "-r", "5", "-bf", "0", "-crf", "45", "-ar", "44100", "-ac", "1", "-b:a", "16k"];
    let stream = Stream::new(name, &arguments);
    let bytes = stream.segments[0].clone();
    let pictures = units(&bytes, VIDEO_PID);
    let sound = units(&bytes, AUDIO_PID).concat();
    let mut frames = Vec::new();
    let mut rest = sound.as_slice();
    while rest.len() > 7 {
        let length = usize::from(u16::from_be_bytes([rest[3] & 3, rest[4]])) << 3 | usize::from(rest[5] >> 5);
        let Some((frame, after)) = rest.split_at_checked(length) else { break };
        frames.push(frame);
        rest = after;
    }

    // A time stamp may be one frame off before the count follows it. Two ticks are roundings.
    let bound = if skew == 0 { 2 } else { FRAME + 2 };
    // The clock wraps after an hour.
    let origin = (1_i64 << 33) - 3600 * TICKS_PER_SECOND;
    let picture_time = |n: i64| origin + n * TICKS_PER_SECOND / 5;
    let sound_time = |n: i64| {
        let samples = i128::from(n) * 1024 * i128::from(1_000_000 + skew);
        origin + (samples * i128::from(TICKS_PER_SECOND) / (44_100 * 1_000_000)) as i64
    };
    let mut writer = Writer::like(&bytes);
    let (mut transmuxer, mut out) = (Transmuxer::new(), Vec::new());
    let (mut picture, mut frame) = (0_i64, 0_i64);
    let (mut jumps, mut sizes) = (0, Vec::new());
    let mut facts: Option<SegmentFacts> = None;
    let (mut init, mut last) = (Vec::new(), Vec::new());
    for segment in 1..=SEGMENTS {
        writer.out.clear();
        writer.begin_segment();
        let until = origin + segment * SEGMENT;
        while picture_time(picture) < until {
            let unit = &pictures[picture as usize % pictures.len()];
            writer.pes(VIDEO_PID, 0xe0, picture_time(picture) as u64, unit);
            picture += 1;
            // Several frames in a packet, with the time stamp of the first.
            while sound_time(frame) < picture_time(picture).min(until) {
                let payload: Vec<u8> =
                    (frame..frame + 5).flat_map(|n| frames[n as usize % frames.len()].to_vec()).collect();
                writer.pes(AUDIO_PID, 0xc0, sound_time(frame) as u64, &payload);
                frame += 5;
            }
        }
        transmuxer.begin_segment(segment_start(facts.as_ref()));
        for chunk in writer.out.chunks(16_384) {
            transmuxer.push(chunk, &mut out).unwrap();
        }
        let now = transmuxer.end_segment(&mut out).unwrap();
        let others = cloud_player::media::Losses { time_jumps: now.losses.time_jumps, ..Default::default() };
        assert_eq!(now.losses, others, "segment {segment}");
        jumps += now.losses.time_jumps;
        // Audio and video of every segment end together.
        let [video, audio] = [now.video, now.audio].map(|range| range.unwrap().end.ticks());
        let ends = [picture_time(picture), sound_time(frame)];
        let drift = (video - audio) - (ends[0] - ends[1]);
        assert!(drift.abs() <= bound, "segment {segment}: {drift} ticks");
        if init.is_empty() {
            init = merge_init(&inits(&out));
        }
        if segment == SEGMENTS {
            transmuxer.flush(&mut out);
            let fragments =
                out.iter().filter_map(|e| if let MediaEvent::Fragment(f) = e { Some(f) } else { None });
            last = fragments.flat_map(|f| f.data.bytes().to_vec()).collect();
        }
        out.clear();
        facts = Some(now);
        // All that it holds, written out: a buffer that grows shows.
        if segment % 25 == 0 {
            sizes.push(format!("{transmuxer:?}").len());
        }
    }
    let early = sizes[..sizes.len() / 8].iter().max().unwrap();
    let late = sizes[sizes.len() / 8..].iter().max().unwrap();
    assert!(late * 4 < early * 5, "held: {sizes:?}");

    // The same of the last segment by ffprobe.
    let path = stream.dir.join("last.mp4");
    std::fs::write(&path, [init, last].concat()).unwrap();
    let [video, audio] = ["v", "a"].map(|kind| probe(&path, kind).last().unwrap().pts);
    let want = picture_time(picture - 1) - sound_time(frame - 1);
    let drift = (video - audio) - want;
    assert!(drift.abs() <= bound, "{drift} ticks");
    jumps
}

const SEGMENT: i64 = 6 * TICKS_PER_SECOND;
const SEGMENTS: i64 = 2 * 3600 / 6;
/// An audio frame, in ticks.
const FRAME: i64 = 1024 * TICKS_PER_SECOND / 44_100;

#[test]
fn sound_stays_with_the_picture() {
    // The time stamps of frames at 44.1 kHz are rounded, each by itself: the count takes no notice.
    assert_eq!(two_hours("two_hours", 0), 0);
}

#[test]
fn sound_stays_with_the_picture_when_the_clocks_differ() {
    // 0.1 per mille, which is what cheap clocks are off: 0.72 s in the end, 31 frames.
    let jumps = two_hours("two_hours_skewed", 100);
    assert!((25..=35).contains(&jumps), "{jumps}");
}
