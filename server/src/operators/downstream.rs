//! What of the ledger's consumers an operation is about.

/// What is compared with the ledger, and repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Downstream {
    /// Views and publication.
    Everything,
    /// What the projector writes.
    Views,
    /// What the publisher writes.
    Publication,
}
