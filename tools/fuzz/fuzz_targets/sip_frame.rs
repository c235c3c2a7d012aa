//! libFuzzer on `orbit_fuzz::sip_frame`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| orbit_fuzz::sip_frame(bytes));
