//! What is known of a product before its command is sent, and what the command would do.

use schema::Product;

/// What the server has of a product.
#[derive(Debug)]
pub(super) enum KnownProduct {
    /// It was not asked.
    Unknown,
    /// Nothing.
    Absent,
    /// This.
    Present(Box<Product>),
}

/// What a command would do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PlannedOutcome {
    Created,
    Replaced,
    Unchanged,
    /// Some of these, depending on what the server has.
    Sent,
    Refused(String),
}
