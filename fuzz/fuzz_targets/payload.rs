#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wulin_fuzz::payload(bytes));
