//! Why a delivery was not taken.

use std::convert::Infallible;

use crate::apply::Failure;
use crate::event::NotAnEvent;
use crate::ledger::LedgerError;

/// Why a delivery was not taken; it has to be delivered again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InboxError {
    /// The ledger did not answer, or lacks what has to come first.
    #[error("the ledger: {}", said(.0))]
    Ledger(#[from] LedgerError),
    /// The commit at the position that was followed last is another one now. Whoever runs the ledger has to say why; then begin with an
    /// empty store.
    #[error("{0}")]
    FeedChanged(String),
    /// Other receivers of the product kept going first.
    #[error("other receivers of {product} went first {rounds} times")]
    Contended {
        /// The product.
        product: String,
        /// How often.
        rounds: usize,
    },
    /// What was received is no event of a ledger.
    #[error(transparent)]
    NotAnEvent(#[from] NotAnEvent),
    /// `apply` failed.
    #[error("the event was not applied: {}", said(&**.0))]
    Apply(Failure),
    /// The store failed.
    #[error("the store: {}", said(&**.0))]
    Store(Failure),
}

impl From<Infallible> for InboxError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// An error and its causes.
fn said(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
