#![no_main]

#[path = "../access/play_info.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::play_info(data));
