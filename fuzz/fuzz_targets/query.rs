//! Fuzzes `fuzz::query`: see there what is promised of whatever bytes come.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    fuzz::query::check(data);
});
