//! libFuzzer on `orbit_fuzz::config`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| orbit_fuzz::config(bytes));
