//! See `contrafact_fuzz::pack`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| contrafact_fuzz::pack(bytes));
