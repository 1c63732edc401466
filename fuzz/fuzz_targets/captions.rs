#![no_main]

#[path = "../media/captions.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::captions(data));
