#![no_main]

#[path = "../media/segments.rs"]
#[allow(dead_code, reason = "each target uses its own part of this")]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::packed_audio(data));
