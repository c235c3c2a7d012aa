//! libFuzzer on `orbit_fuzz::rtcp`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| orbit_fuzz::rtcp(bytes));
