//! The corpus of the fuzz targets, replayed.

#[path = "../../../fuzz/playlist/mod.rs"]
mod targets;

use std::path::Path;

fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        println!("{}", path.display());
        run(&std::fs::read(&path).unwrap());
        count += 1;
    }
    assert!(count >= 5, "{target} has a corpus of {count}");
}

#[test]
fn multivariant_corpus_holds() {
    replay("multivariant", targets::multivariant);
}

#[test]
fn media_corpus_holds() {
    replay("media", targets::media);
}

#[test]
fn update_corpus_holds() {
    replay("update", targets::update);
}
