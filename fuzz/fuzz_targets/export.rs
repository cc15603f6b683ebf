//! Fuzzes `fuzz::export`, which states the properties that hold for any bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    fuzz::export::check(data);
});
