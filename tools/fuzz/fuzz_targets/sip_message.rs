//! libFuzzer on `orbit_fuzz::sip_message`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| orbit_fuzz::sip_message(bytes));
