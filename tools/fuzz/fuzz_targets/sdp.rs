//! libFuzzer on `orbit_fuzz::sdp`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| orbit_fuzz::sdp(bytes));
