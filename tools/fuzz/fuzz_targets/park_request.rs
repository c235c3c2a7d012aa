//! libFuzzer on `orbit_fuzz::park_request`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| orbit_fuzz::park_request(bytes));
