//! What must hold of the product for a command to be recorded: the conditions of the headers, and the fields that a client read
//! and sends back.

use schema::{Commit, RecordedEvent, Status, Timestamp};

/// What must hold of the product for the command to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    None,
    /// `If-Match: "<version>"`, or a list: it has one of these versions.
    Versions(Vec<u64>),
    /// `If-Match: *`: it exists and is not deleted.
    Exists,
    /// `If-None-Match: *`: it does not exist or is deleted.
    Absent,
}

/// Fields in a body that a command cannot change: they must be those of the product.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CarriedFields {
    /// Another one is stale.
    pub version: Option<u64>,
    /// Another one is stale.
    pub updated_at: Option<Timestamp>,
    /// Another one is stale.
    pub price_occurred_at: Option<Timestamp>,
    /// Another one is wrong.
    pub status: Option<Status>,
    /// Another one is wrong.
    pub created_at: Option<Timestamp>,
}

/// Why a precondition does not hold.
#[derive(Debug)]
pub struct FailedPrecondition {
    /// The product's version, if it has one.
    pub current: Option<u64>,
    /// A version that the client named and that does not exist yet, if it named none that exists.
    pub ahead: Option<u64>,
    /// The events since the version that the client knew, each with its sequence and the time it was recorded.
    pub missed: Vec<(u64, RecordedEvent, Timestamp)>,
}

impl Precondition {
    /// Whether it holds for the newest commit.
    pub(super) fn holds(&self, newest: Option<&Commit>) -> bool {
        let exists = newest.is_some_and(|commit| commit.state.facts.status == Status::Active);
        match self {
            Self::None => true,
            Self::Versions(versions) => {
                newest.is_some_and(|commit| versions.contains(&commit.last_sequence()))
            }
            Self::Exists => exists,
            Self::Absent => !exists,
        }
    }

    /// The versions that it names.
    pub(super) fn versions(&self) -> &[u64] {
        match self {
            Self::Versions(versions) => versions,
            Self::None | Self::Exists | Self::Absent => &[],
        }
    }
}

impl CarriedFields {
    /// Whether any of them was sent.
    #[must_use]
    pub fn are_given(&self) -> bool {
        *self != Self::default()
    }

    /// Whether the client read the newest commit.
    pub(super) fn are_current(&self, newest: Option<&Commit>) -> bool {
        let state = newest.map(|commit| &commit.state);
        !differs(self.version, state.map(|state| state.version))
            && !differs(self.updated_at, state.map(|state| state.updated_at))
            && !differs(self.price_occurred_at, state.and_then(|state| state.price_occurred_at))
    }

    /// The names of those that contradict the product.
    pub(super) fn contradictions(&self, newest: Option<&Commit>) -> Vec<&'static str> {
        let state = newest.map(|commit| &commit.state);
        let status = differs(self.status, state.map(|state| state.facts.status));
        let created = differs(self.created_at, state.map(|state| state.created_at));
        [("status", status), ("created_at", created)]
            .into_iter()
            .filter_map(|(name, contradicts)| contradicts.then_some(name))
            .collect()
    }
}

/// Whether a field was sent with another value than the product has.
fn differs<T: Copy + PartialEq>(sent: Option<T>, present: Option<T>) -> bool {
    sent.is_some() && sent != present
}
