#![no_main]

#[path = "../media/webvtt.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::webvtt(data));
