#![no_main]

#[path = "../media/sample_aes.rs"]
mod sample_aes;

libfuzzer_sys::fuzz_target!(|data: &[u8]| sample_aes::sample_aes(data));
