//! The reasons why a product does not allow a command, as facts.

use super::{MOST_ATTRIBUTES, UnfitTexts};

/// The state of the product does not allow the command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such product: create it first.
    #[error("the product does not exist")]
    UnknownProduct,
    /// The product is deleted: restore it first.
    #[error("the product is deleted")]
    Deleted,
    /// There is nothing to restore.
    #[error("the product is not deleted")]
    NotDeleted,
    /// The id is taken.
    #[error("the product exists already")]
    AlreadyExists,
    /// The patch would leave more attributes than a product can have: remove some.
    #[error("the product would have more than {MOST_ATTRIBUTES} attributes")]
    TooManyAttributes,
    /// Texts cannot be recorded: correct or shorten them.
    #[error(transparent)]
    Texts(#[from] UnfitTexts),
}
