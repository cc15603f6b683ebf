//! Errors of decoding a stored form, and the readers of single fields that return them.
//!
//! The promise: an error names the field, or what is too new; a damaged commit is never confused with one of a later build.

use serde::Deserialize;
use serde_json::Value;
use ulid::Ulid;

/// The stored form cannot be read by this build.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// A field is missing or malformed: the commit is damaged; run `ledger verify`.
    #[error("field `{field}`: {reason}")]
    Field {
        /// The field's name.
        field: &'static str,
        /// Why it cannot be read.
        reason: String,
    },
    /// Written by a later build: upgrade this one.
    #[error("{what} version {version} is not known to this build")]
    Newer {
        /// The event's or the state's name.
        what: String,
        /// The version found.
        version: u64,
    },
}

impl DecodeError {
    /// Whether a later build wrote it, which an upgraded one can read.
    #[must_use]
    pub fn is_of_a_later_build(&self) -> bool {
        matches!(self, Self::Newer { .. })
    }
}

pub(crate) fn ulid_of(value: &Value, field: &'static str) -> Result<Ulid, DecodeError> {
    let ulid = value.as_str().and_then(|text| Ulid::from_string(text).ok());
    ulid.ok_or_else(|| field_error(field, "is not a ULID"))
}

pub(crate) fn typed<T: for<'de> Deserialize<'de>>(
    value: Value,
    field: &'static str,
) -> Result<T, DecodeError> {
    serde_json::from_value(value).map_err(|error| field_error(field, error))
}

pub(crate) fn field_error(field: &'static str, reason: impl std::fmt::Display) -> DecodeError {
    DecodeError::Field { field, reason: reason.to_string() }
}
