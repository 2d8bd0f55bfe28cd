//! See `contrafact_fuzz::state`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| contrafact_fuzz::state(bytes));
