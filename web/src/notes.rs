//! What handlers find out about a request, for its log line and metrics.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::Extensions;

/// The fields that handlers fill in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Noted {
    /// Who sent the request.
    pub actor: Option<String>,
    /// The product.
    pub product_id: Option<String>,
    /// The kind of command.
    pub command: Option<&'static str>,
    /// The command's outcome: `recorded`, `unchanged`, `replayed` or `refused`.
    pub outcome: Option<&'static str>,
    /// The product's version after the command.
    pub version: Option<u64>,
}

/// A request's notes, kept in its extensions; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Notes(Arc<Mutex<Noted>>);

impl Notes {
    /// The notes of a request, or new ones that nobody reads if it has none.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Self {
        extensions.get().cloned().unwrap_or_default()
    }

    /// The fields, locked for writing.
    pub fn write(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
