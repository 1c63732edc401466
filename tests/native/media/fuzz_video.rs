//! The corpus of the fuzz target for video streams, replayed.

#[path = "../../../fuzz/media/video.rs"]
mod target;

#[test]
fn the_video_corpus_holds() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/video");
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        println!("{}", path.display());
        target::video(&std::fs::read(&path).unwrap());
        count += 1;
    }
    assert!(count >= 4, "a corpus of {count}");
}
