//! See `contrafact_fuzz::midi`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| contrafact_fuzz::midi(bytes));
