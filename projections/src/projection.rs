//! The interface of a read model: apply new commits of a product, catch up with the event table when commits are missing,
//! and compare the view with the event table.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use event_store::StoreError;
use schema::{DecodeError, ProductId, StoredCommit};

use crate::views::{Generation, UnreadableRow, View};

/// A read model that follows the ledger product by product. Calls may be repeated and come in any order.
#[async_trait]
pub trait Projection: Send + Sync {
    /// The view it writes. Its name is stored in parking rows.
    fn view(&self) -> View;

    /// Applies commits of one product, which may be late, repeated or have gaps.
    ///
    /// # Errors
    /// [`ProjectionError`]: park the product; other products are not affected.
    async fn apply(&self, generation: Generation, commits: &ProductCommits) -> Result<(), ProjectionError>;

    /// Brings the product's view up to date with the event table, whatever was missed.
    ///
    /// # Errors
    /// [`ProjectionError`]: park the product.
    async fn catch_up(&self, generation: Generation, product: &ProductId) -> Result<(), ProjectionError>;

    /// How the product's view differs from the event table, if it does. A lagging view differs too, temporarily.
    ///
    /// # Errors
    /// [`ProjectionError`]: the product cannot be compared; try again if it is retryable.
    async fn compare(
        &self,
        generation: Generation,
        product: &ProductId,
    ) -> Result<Option<Difference>, ProjectionError>;

    /// The version of a product that a generation shows, 0 if it shows none: one cheap read, which may be slightly stale.
    ///
    /// # Errors
    /// [`StoreError`]: try again later, unless the row cannot be read.
    async fn shown_version(&self, generation: Generation, product: &ProductId) -> Result<u64, StoreError>;

    /// A page of the products that a generation shows, each at least once, unordered; `from` is `next` of the page before, and
    /// `limit` at least 1. For maintenance only: it may read other generations too.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn shown(
        &self,
        generation: Generation,
        from: Option<String>,
        limit: usize,
    ) -> Result<ShownPage, StoreError>;

    /// Whether queries would take the generation for a ledger without products, because it has no rows. A view whose queries
    /// read what is missing from the event table is never blank.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn is_blank(&self, _: Generation) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// Removes a generation that is no longer read or written; returns the number of removed items. May be interrupted
    /// and repeated.
    ///
    /// # Errors
    /// [`StoreError`]: run it again.
    async fn drop_generation(&self, generation: Generation) -> Result<u64, StoreError>;
}

/// Commits of one product from a batch or a page.
#[derive(Debug, Clone)]
pub struct ProductCommits {
    /// The product.
    pub product: ProductId,
    /// Its commits by their first sequence, possibly with gaps.
    pub by_sequence: BTreeMap<u64, StoredCommit>,
}

/// A page of the products that a generation shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShownPage {
    /// Their ids as stored; possibly none although more follow.
    pub ids: Vec<String>,
    /// Rows that cannot be read.
    pub unreadable: Vec<UnreadableRow>,
    /// Where to continue, opaque to callers; `None` at the end.
    pub next: Option<String>,
}

/// Why a read model cannot continue with a product.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct ProjectionError {
    /// The first event missing from the view.
    pub from_sequence: u64,
    /// The reason, for operators.
    pub reason: String,
    /// Whether trying again later can succeed without anybody's help.
    pub retryable: bool,
    /// Whether a later build wrote what cannot be read: it waits for the upgrade of this one.
    pub waits_for_upgrade: bool,
}

/// How a view differs from the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// The product is missing from the view.
    Missing,
    /// The view has an older version.
    Behind {
        /// The version in the view.
        seen: u64,
        /// The version in the ledger.
        newest: u64,
    },
    /// The view has the newest version, but with other content.
    Content {
        /// The version in both.
        seen: u64,
    },
    /// The view has a version that the ledger does not have.
    Other {
        /// The version in the view.
        seen: u64,
    },
    /// The view has the product, and the ledger does not.
    Unknown,
    /// What the view has of the product cannot be read.
    Unreadable {
        /// That its row cannot be read, and why.
        reason: String,
    },
}

impl Difference {
    /// What the view has of the product cannot be read, as the error says.
    #[must_use]
    pub fn unreadable(error: &StoreError) -> Self {
        Self::Unreadable { reason: error.to_string() }
    }

    /// Whether the view only lags: it catches up by itself or by a repair. Anything else needs a rebuild.
    #[must_use]
    pub fn is_lag(&self) -> bool {
        match self {
            Self::Missing | Self::Behind { .. } => true,
            Self::Content { .. } | Self::Other { .. } | Self::Unknown | Self::Unreadable { .. } => false,
        }
    }
}

impl ProjectionError {
    /// A store did not answer: try again later.
    #[must_use]
    pub fn retryable(from_sequence: u64, reason: &dyn std::error::Error) -> Self {
        Self { from_sequence, reason: reason.to_string(), retryable: true, waits_for_upgrade: false }
    }

    /// What is stored is damaged: an operator has to act.
    #[must_use]
    pub fn permanent(from_sequence: u64, reason: &dyn std::error::Error) -> Self {
        Self { from_sequence, reason: reason.to_string(), retryable: false, waits_for_upgrade: false }
    }

    /// What is stored cannot be read by this build. A later one may: what it has written waits for the upgrade.
    #[must_use]
    pub fn unreadable(from_sequence: u64, error: &DecodeError) -> Self {
        let waits_for_upgrade = error.is_of_a_later_build();
        Self { from_sequence, reason: error.to_string(), retryable: false, waits_for_upgrade }
    }

    /// Whether the schedule for parked products tries again: what waits for an upgrade goes on right after it.
    #[must_use]
    pub fn is_tried_again(&self) -> bool {
        self.retryable || self.waits_for_upgrade
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("is missing"),
            Self::Behind { seen, newest } => write!(f, "shows version {seen} where the ledger has {newest}"),
            Self::Content { seen } => {
                write!(f, "shows another content of version {seen} than the ledger has")
            }
            Self::Other { seen } => write!(f, "shows a version {seen} that the ledger does not have"),
            Self::Unknown => f.write_str("shows a product that the ledger does not have"),
            Self::Unreadable { reason } => f.write_str(reason),
        }
    }
}
