//! The corpus of the fuzz target `fmp4`, replayed.

#[path = "../../../fuzz/media/fmp4.rs"]
mod target;

use std::path::Path;

#[test]
fn the_corpus_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/fmp4");
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        println!("{}", path.display());
        target::fmp4(&std::fs::read(&path).unwrap());
        count += 1;
    }
    assert!(count >= 5, "a corpus of {count}");
}
