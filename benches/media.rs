//! The media path natively: decrypt, transmux, and both. `cargo bench --bench media`.
//!
//! Bytes come in chunks of 64 KB, as a browser's `fetch` hands them out, each copied once into memory of its own.
//! `cargo xtask bench media` measures the same in WebAssembly, beside other players.

// What cannot be measured is said and ends it.
#![allow(clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod stream;

use std::path::Path;
use std::sync::LazyLock;

use aes::cipher::{BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7};
use cloud_player::crypto::{ContentKey, CryptoError, Decryptor, Iv, SegmentMethod};
use cloud_player::media::{Anchor, Cut, MediaError, MediaEvent, SegmentStart, Transmuxer};
use cloud_player::time::MediaTime;
use divan::{Bencher, black_box, counter::BytesCount};

#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    LazyLock::force(&CLEAR);
    divan::main();
}

#[divan::bench]
fn copy_in(bencher: Bencher<'_, '_>) {
    bencher.counter(size(&CLEAR)).bench(|| {
        for chunk in CLEAR.iter().flat_map(|segment| segment.chunks(CHUNK)) {
            black_box(chunk.to_vec());
        }
    });
}

#[divan::bench]
fn decrypt(bencher: Bencher<'_, '_>) {
    bencher.counter(size(&ENCRYPTED)).bench(|| {
        for segment in &*ENCRYPTED {
            decrypted(segment, |clear| {
                black_box(clear);
                Ok(())
            });
        }
    });
}

#[divan::bench]
fn transmux(bencher: Bencher<'_, '_>) {
    bencher.counter(size(&CLEAR)).bench(|| {
        transmuxed(&CLEAR, |segment, push| {
            for chunk in segment.chunks(CHUNK) {
                let bytes = chunk.to_vec();
                push(&bytes).expect("media");
            }
        })
    });
}

#[divan::bench]
fn decrypt_and_transmux(bencher: Bencher<'_, '_>) {
    bencher
        .counter(size(&ENCRYPTED))
        .bench(|| transmuxed(&ENCRYPTED, |segment, push| decrypted(segment, push)));
}

/// Decrypts a segment in place as its chunks come.
fn decrypted(segment: &[u8], mut sink: impl FnMut(&[u8]) -> Result<(), Broken>) {
    let key = ContentKey::from_bytes(&KEY).expect("a key");
    let mut decryptor =
        Decryptor::new(SegmentMethod::Aes128, &key, &Iv::from_bytes(IV)).expect("a key that fits");
    for chunk in segment.chunks(CHUNK) {
        decryptor.push(&mut chunk.to_vec(), &mut sink).expect("media");
    }
    decryptor.finish(&mut sink).expect("padding");
}

/// Transmuxes consecutive segments that `feed` hands over; the bytes that came out.
fn transmuxed(
    segments: &[Vec<u8>],
    feed: impl Fn(&[u8], &mut dyn FnMut(&[u8]) -> Result<(), Broken>),
) -> usize {
    let mut transmuxer = Transmuxer::new();
    let mut anchor = Anchor::At(MediaTime::from_millis(1000));
    let mut length = 0;
    let mut drain = |out: &mut Vec<MediaEvent>| {
        for event in out.drain(..) {
            if let MediaEvent::Fragment(fragment) = event {
                length += black_box(fragment.data.bytes()).len();
            }
        }
    };
    let mut out = Vec::new();
    for segment in segments {
        transmuxer.begin_segment(SegmentStart { anchor, discontinuity: false, cut: Cut::default() });
        feed(segment, &mut |bytes| {
            transmuxer.push(bytes, &mut out)?;
            drain(&mut out);
            Ok(())
        });
        let facts = transmuxer.end_segment(&mut out).expect("media");
        drain(&mut out);
        if let (Some(offset), Some(video)) = (facts.offset, facts.video) {
            anchor = Anchor::Offset { offset, expected: video.end };
        }
    }
    transmuxer.flush(&mut out);
    drain(&mut out);
    length
}

fn size(segments: &[Vec<u8>]) -> BytesCount {
    BytesCount::new(segments.iter().map(Vec::len).sum::<usize>())
}

#[derive(Debug)]
#[expect(dead_code, reason = "shown when a bench fails")]
enum Broken {
    Crypto(CryptoError),
    Media(MediaError),
}

impl From<CryptoError> for Broken {
    fn from(error: CryptoError) -> Self {
        Self::Crypto(error)
    }
}

impl From<MediaError> for Broken {
    fn from(error: MediaError) -> Self {
        Self::Media(error)
    }
}

static CLEAR: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-media");
    let files = stream::make(&folder, stream::Rate::Usual).unwrap_or_else(|error| panic!("{error}"));
    files.iter().map(|file| std::fs::read(file).expect("a segment")).collect()
});

static ENCRYPTED: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let encrypt = |clear: &Vec<u8>| {
        cbc::Encryptor::<aes::Aes128>::new(&KEY.into(), &IV.into()).encrypt_padded_vec::<Pkcs7>(clear)
    };
    CLEAR.iter().map(encrypt).collect()
});

const KEY: [u8; 16] = *b"sixteen byte key";
const IV: [u8; 16] = [9; 16];
/// What a browser's `fetch` hands out at most.
const CHUNK: usize = 65_536;
