//! Fuzzes `fuzz::log`, which states the properties that hold for any bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    fuzz::log::check(data);
});
