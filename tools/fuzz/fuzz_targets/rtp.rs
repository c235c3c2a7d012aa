//! libFuzzer on `orbit_fuzz::rtp`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| orbit_fuzz::rtp(bytes));
