//! libFuzzer on `orbit_fuzz::capture_secrets`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| orbit_fuzz::capture_secrets(bytes));
