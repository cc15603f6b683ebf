//! What is done with an event.

use std::future::Future;

use crate::event::LedgerEvent;

/// Any error.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What is done with an event. `Tx` is what it writes with: the list of writes of a transaction on `DynamoDB`, nothing in memory.
///
/// A function or closure `Fn(&LedgerEvent, &mut Tx) -> Result<(), Failure>` is one. What has to wait for something implements the
/// trait.
pub trait Apply<Tx>: Sync {
    /// Does it. After an error the event has to be delivered again, unless the error is [`CannotApply`].
    fn apply(&self, event: &LedgerEvent, tx: &mut Tx) -> impl Future<Output = Result<(), Failure>> + Send;
}

impl<Tx: Send, F> Apply<Tx> for F
where
    F: Fn(&LedgerEvent, &mut Tx) -> Result<(), Failure> + Sync,
{
    fn apply(&self, event: &LedgerEvent, tx: &mut Tx) -> impl Future<Output = Result<(), Failure>> + Send {
        std::future::ready(self(event, tx))
    }
}

/// The error of an event that can never be applied: its product is parked until [`Inbox::retry`](crate::Inbox::retry).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CannotApply(
    /// Why.
    pub String,
);
