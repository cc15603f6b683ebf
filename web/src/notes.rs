//! What is found out about a request on its way, for the one line and the figures written when it is answered.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::Extensions;

/// What is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Noted {
    /// Who asks.
    pub actor: Option<String>,
    /// The product.
    pub product_id: Option<String>,
    /// The kind of command.
    pub command: Option<&'static str>,
    /// What became of it: `recorded`, `unchanged`, `replayed` or `refused`.
    pub outcome: Option<&'static str>,
    /// The product's version after it.
    pub version: Option<u64>,
}

/// A request's notes; they travel in its extensions, and clones share them.
#[derive(Debug, Clone, Default)]
pub struct Notes(Arc<Mutex<Noted>>);

impl Notes {
    /// The notes of a request; new ones where nobody will read them.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Self {
        extensions.get().cloned().unwrap_or_default()
    }

    /// To write into.
    pub fn write(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
