#![no_main]

#[path = "../media/fmp4.rs"]
mod fmp4;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fmp4::fmp4(data));
