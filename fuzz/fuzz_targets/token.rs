//! Fuzzes `fuzz::token`: see there what is promised of whatever bytes come.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    fuzz::token::check(data);
});
