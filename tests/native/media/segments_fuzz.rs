//! The corpora of the fuzz targets for segments, replayed.

#[path = "../../../fuzz/media/segments.rs"]
mod segments;

use std::path::Path;

/// Each file as it is, and many times damaged: bits flipped, cut short, spliced with itself and with others.
fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    paths.sort();
    let files: Vec<_> = paths.iter().map(|path| std::fs::read(path).unwrap()).collect();
    assert!(files.len() >= 5, "{target} has a corpus of {}", files.len());
    let mut seed = 1_u64;
    let mut random = move |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below.max(1)
    };
    for (i, sound) in files.iter().enumerate() {
        run(sound);
        for _ in 0..100 {
            let mut bytes = sound.clone();
            for _ in 0..=random(6) {
                let at = random(bytes.len());
                match random(6) {
                    0 => bytes.truncate(at),
                    1 => {
                        let part = bytes[at..].iter().copied().take(random(600)).collect::<Vec<_>>();
                        let to = random(bytes.len());
                        bytes.splice(to..to, part);
                    }
                    2 => {
                        let other = &files[(i + random(files.len())) % files.len()];
                        let from = random(other.len());
                        bytes.splice(at.., other[from..].iter().copied());
                    }
                    _ if bytes.is_empty() => {}
                    3 => bytes[at] = u8::try_from(random(256)).unwrap(),
                    _ => bytes[at] ^= 1 << random(8),
                }
            }
            run(&bytes);
        }
    }
}

#[test]
fn transport_stream_corpus_holds() {
    replay("ts", segments::ts);
}

#[test]
fn packed_audio_corpus_holds() {
    replay("packed_audio", segments::packed_audio);
}
