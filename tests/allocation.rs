//! What the media path asks of memory: counted, not timed, so that it can be a condition.
//!
//! A payload byte is copied once inside the core, into the fragment that it leaves in. More copies would hide where a
//! buffer grows, or in what is allocated beyond the payload.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod counting;

use std::path::Path;
use std::process::Command;

use aes::cipher::{BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7};
use cloud_player::crypto::{ContentKey, CryptoError, Decryptor, Iv, SegmentMethod};
use cloud_player::media::{Anchor, Cut, MediaEvent, SegmentStart, Transmuxer};
use cloud_player::time::MediaTime;
use counting::{COUNTS, Counts};

#[test]
fn a_payload_byte_is_copied_once() {
    let segments = heavy_stream();
    let mut line = Line::default();
    // The first segment shows how large fragments get. Nothing is left open before, and nothing behind.
    line.play(&segments[0]);
    line.flush();
    let mut line = Line { bytes_in: 0, bytes_out: 0, fragments: 0, ..line };
    let before = COUNTS.get();
    for segment in &segments[1..] {
        line.play(segment);
    }
    line.flush();
    let spent = COUNTS.get().since(before);
    println!("{line:?}, {spent:?}");
    assert!(line.bytes_out > line.bytes_in * 9 / 10, "{line:?}");
    assert!(spent.kept > line.bytes_out * 95 / 100, "the count itself: {} for {line:?}", spent.kept);
    assert!(spent.kept < line.bytes_out * 105 / 100, "allocated {} for {line:?}", spent.kept);
    assert!(spent.moved < line.bytes_out * 2 / 100, "{} bytes moved as buffers grew, {line:?}", spent.moved);
    assert!(spent.calls < line.fragments * 10 + 100, "{} calls for {line:?}", spent.calls);
}

#[test]
fn decryption_allocates_nothing() {
    let clear = sample().concat();
    let encryptor = cbc::Encryptor::<aes::Aes128>::new(&KEY.into(), &IV.into());
    let mut encrypted = encryptor.encrypt_padded_vec::<Pkcs7>(&clear);
    let mut length = 0;
    let mut sink = |bytes: &[u8]| -> Result<(), CryptoError> {
        length += bytes.len();
        Ok(())
    };
    let before = COUNTS.get();
    let key = ContentKey::from_bytes(&KEY).unwrap();
    let mut decryptor = Decryptor::new(SegmentMethod::Aes128, &key, &Iv::from_bytes(IV)).unwrap();
    for chunk in encrypted.chunks_mut(CHUNK) {
        decryptor.push(chunk, &mut sink).unwrap();
    }
    decryptor.finish(&mut sink).unwrap();
    assert_eq!(COUNTS.get().since(before).calls, 0);
    assert_eq!(length, clear.len());
}

#[test]
fn memory_is_flat_over_two_hours() {
    let segments = sample();
    let mut line = Line::default();
    let mut peaks = Vec::new();
    let mut floors = Vec::new();
    for _ in 0..12 {
        COUNTS.set(Counts { peak: 0, ..COUNTS.get() });
        for _ in 0..TEN_MINUTES / SAMPLE {
            for segment in &segments {
                line.play(segment);
            }
            line.shift = MediaTime::from_millis(SAMPLE as i64 * 1000).ticks();
        }
        peaks.push(COUNTS.get().peak);
        floors.push(COUNTS.get().live);
    }
    let end = line.last.unwrap().1.as_secs();
    assert!((7199.0..7203.0).contains(&end), "ended at {end} s");
    let slack = 8 * 1024;
    assert!(peaks.iter().all(|peak| *peak <= peaks[0] + slack), "peaks of ten minutes each: {peaks:?}");
    assert!(
        floors.iter().all(|floor| *floor <= floors[0] + slack),
        "held after ten minutes each: {floors:?}"
    );
}

/// The media path with consecutive segments going through, and fragments dropped as they leave.
#[derive(Default)]
struct Line {
    transmuxer: Transmuxer,
    out: Vec<MediaEvent>,
    /// Offset and end of the last segment.
    last: Option<(i64, MediaTime)>,
    /// What the next segment is moved by, because it was had before.
    shift: i64,
    bytes_in: usize,
    bytes_out: usize,
    fragments: usize,
}

impl Line {
    fn play(&mut self, segment: &[u8]) {
        let anchor = match self.last {
            None => Anchor::At(MediaTime::from_millis(1000)),
            Some((offset, expected)) => Anchor::Offset { offset: offset + self.shift, expected },
        };
        self.shift = 0;
        self.transmuxer.begin_segment(SegmentStart { anchor, discontinuity: false, cut: Cut::default() });
        for chunk in segment.chunks(CHUNK) {
            self.transmuxer.push(chunk, &mut self.out).unwrap();
            self.bytes_in += chunk.len();
            self.drain();
        }
        let facts = self.transmuxer.end_segment(&mut self.out).unwrap();
        self.drain();
        self.last = Some((facts.offset.unwrap(), facts.video.unwrap().end));
    }

    fn flush(&mut self) {
        self.transmuxer.flush(&mut self.out);
        self.drain();
    }

    fn drain(&mut self) {
        for event in self.out.drain(..) {
            if let MediaEvent::Fragment(fragment) = event {
                self.bytes_out += fragment.data.bytes().len();
                self.fragments += 1;
            }
        }
    }
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes in, {} out in {} fragments", self.bytes_in, self.bytes_out, self.fragments)
    }
}

/// 8 Mbit/s, whose fragments differ in size as key frames and others do.
fn heavy_stream() -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("allocation");
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    let output = Command::new("ffmpeg")
        .args("-v error -nostdin -y -f lavfi -i testsrc2=s=640x360:r=25,noise=alls=40:allf=t".split(' '))
        .args("-f lavfi -i sine=440:r=48000 -t 10 -c:v libx264 -preset ultrafast".split(' '))
        .args("-b:v 8M -maxrate 8M -bufsize 16M -g 50 -bf 2 -c:a aac -f hls -hls_time 2".split(' '))
        .args(["-hls_list_size", "0", "-hls_segment_filename"])
        .arg(dir.join("%d.ts"))
        .arg(dir.join("p.m3u8"))
        .output()
        .expect("ffmpeg is needed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let segments: Vec<_> = (0..5).map(|i| std::fs::read(dir.join(format!("{i}.ts"))).unwrap()).collect();
    assert!(segments.iter().map(Vec::len).sum::<usize>() > 8_000_000, "{} segments", segments.len());
    segments
}

/// The smallest rung of the sample.
fn sample() -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("origin/sample/360p");
    (0..6).map(|i| std::fs::read(dir.join(format!("{i:03}.ts"))).unwrap()).collect()
}

const KEY: [u8; 16] = *b"sixteen byte key";
const IV: [u8; 16] = [9; 16];
/// What a browser's `fetch` hands out at most.
const CHUNK: usize = 65_536;
/// Seconds.
const SAMPLE: usize = 24;
const TEN_MINUTES: usize = 600;
