//! The decoders that meet bytes from outside, each with what is promised of whatever comes: no panic, no 5xx, and what is
//! accepted means what was written. Fuzzed by `just fuzz`, replayed from the corpora by `cargo test`.

#![expect(
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::unwrap_used,
    reason = "a broken promise is a panic here"
)]

pub mod body;
pub mod cursor;
pub mod export;
pub mod headers;
pub mod import;
pub mod query;
pub mod record;
pub mod token;

mod front;

/// Holds a decoder to its promises; answers whether it accepted the bytes.
pub type Check = fn(&[u8]) -> bool;

/// Every fuzz target by name: the name of its corpus and of its file in `fuzz_targets`.
pub const TARGETS: [(&str, Check); 8] = [
    ("body", body::check),
    ("cursor", cursor::check),
    ("export", export::check),
    ("headers", headers::check),
    ("import", import::check),
    ("query", query::check),
    ("record", record::check),
    ("token", token::check),
];
