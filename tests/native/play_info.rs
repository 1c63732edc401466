//! The corpus of the fuzz target for play info, replayed.

use std::path::Path;

#[path = "../../fuzz/access/play_info.rs"]
mod target;

/// Each file as it is, cut short everywhere, and with every byte damaged.
#[test]
fn the_play_info_corpus_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/play_info");
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let whole = std::fs::read(file.unwrap().path()).unwrap();
        target::play_info(&whole);
        for at in 0..whole.len() {
            target::play_info(&whole[..at]);
            for byte in *b"\"0}x" {
                let mut damaged = whole.clone();
                damaged[at] = byte;
                target::play_info(&damaged);
            }
        }
        count += 1;
    }
    assert!(count >= 6, "a corpus of {count}");
}
