#![no_main]

#[path = "../playlist/mod.rs"]
mod playlist;

libfuzzer_sys::fuzz_target!(|data: &[u8]| playlist::media(data));
