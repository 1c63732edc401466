//! The corpora of the fuzz targets for text, replayed.

#[path = "../../../fuzz/media/captions.rs"]
mod captions;
#[path = "../../../fuzz/media/webvtt.rs"]
mod webvtt;

use std::path::Path;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.len() >= 5, "{target} has a corpus of {}", files.len());
    files.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Each file as it is, and many times damaged: bits flipped, cut short, spliced with itself.
fn replay(target: &str, run: fn(&[u8])) {
    let mut seed = 1_u64;
    let mut random = move |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below.max(1)
    };
    for sound in corpus(target) {
        run(&sound);
        for _ in 0..100 {
            let mut bytes = sound.clone();
            for _ in 0..=random(4) {
                let at = random(bytes.len());
                match random(4) {
                    0 => bytes.truncate(at),
                    1 => {
                        let part = bytes[at..].iter().copied().take(random(60)).collect::<Vec<_>>();
                        let to = random(bytes.len());
                        bytes.splice(to..to, part);
                    }
                    _ if bytes.is_empty() => {}
                    2 => bytes[at] ^= 1 << random(8),
                    _ => bytes[at] = u8::try_from(random(256)).unwrap(),
                }
            }
            run(&bytes);
        }
    }
}

#[test]
fn webvtt_corpus_holds() {
    replay("webvtt", webvtt::webvtt);
}

#[test]
fn captions_corpus_holds() {
    replay("captions", captions::captions);
}
