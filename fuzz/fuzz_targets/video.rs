#![no_main]

#[path = "../media/video.rs"]
mod video;

libfuzzer_sys::fuzz_target!(|data: &[u8]| video::video(data));
