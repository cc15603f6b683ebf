//! Fuzz targets for the decoders of external input, each with its properties: no panic, no 5xx, and accepted input means what
//! was written. Fuzzed by `just fuzz`, replayed from the corpora by `cargo test`.

#![expect(
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::unwrap_used,
    reason = "a violated property is a panic here"
)]

pub mod body;
pub mod cursor;
pub mod export;
pub mod headers;
pub mod import;
pub mod log;
pub mod query;
pub mod record;
pub mod token;

mod routes;

/// Checks the properties of a decoder on these bytes; returns whether it accepted them.
pub type Check = fn(&[u8]) -> bool;

/// The fuzz targets by name, which is that of the corpus and of the file in `fuzz_targets`.
pub const TARGETS: [(&str, Check); 9] = [
    ("body", body::check),
    ("cursor", cursor::check),
    ("export", export::check),
    ("headers", headers::check),
    ("import", import::check),
    ("log", log::check),
    ("query", query::check),
    ("record", record::check),
    ("token", token::check),
];
