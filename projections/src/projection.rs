//! What a read model has to answer: apply the news of a product, catch up with the event table when news are missing,
//! and say whether it shows what the ledger says.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use schema::{ProductId, StoredCommit};

use crate::views::{Generation, Unavailable, View};

/// A read model that follows the ledger, product by product. Every call may be repeated, and they may come in any order.
#[async_trait]
pub trait Projection: Send + Sync {
    /// Which view it writes. Its name stands in parking rows.
    fn view(&self) -> View;

    /// Takes in what the stream brought of one product: late, doubled or with gaps.
    ///
    /// # Errors
    /// [`Stuck`]: park the product; the next product is not concerned.
    async fn apply(&self, generation: Generation, news: &News) -> Result<(), Stuck>;

    /// Brings the product's view to where the event table is, whatever was missed.
    ///
    /// # Errors
    /// [`Stuck`]: park the product.
    async fn catch_up(&self, generation: Generation, product: &ProductId) -> Result<(), Stuck>;

    /// How the product's view differs from the event table, if it does. A view that only lags differs too, for a moment.
    ///
    /// # Errors
    /// [`Stuck`]: the comparison is not possible.
    async fn compare(&self, generation: Generation, product: &ProductId)
    -> Result<Option<Difference>, Stuck>;

    /// Removes a generation that is neither read nor written any more, and says how many items went. May be cut short and
    /// repeated.
    ///
    /// # Errors
    /// [`Unavailable`]: repeat it.
    async fn drop_generation(&self, generation: Generation) -> Result<u64, Unavailable>;
}

/// What a batch says of one product.
#[derive(Debug, Clone)]
pub struct News {
    /// The product.
    pub product: ProductId,
    /// Its commits by first sequence, each once, perhaps with gaps.
    pub commits: BTreeMap<u64, StoredCommit>,
}

/// A read model cannot go on with a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    /// The first event that is missing in the view.
    pub from_sequence: u64,
    /// Why, for people.
    pub reason: String,
    /// Whether time alone can heal it.
    pub retryable: bool,
}

/// How a view differs from the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// The view does not have the product.
    Missing,
    /// The view has an older version.
    Behind {
        /// What the view has.
        seen: u64,
        /// What the ledger has.
        newest: u64,
    },
    /// The view has the newest version, and shows something else than the ledger says there.
    Content {
        /// What both have.
        seen: u64,
    },
    /// The view has a version that the ledger does not have.
    Other {
        /// What the view has.
        seen: u64,
    },
}

impl Difference {
    /// Whether the view only lags: then it catches up, by itself or by a repair. Anything else takes a rebuild.
    #[must_use]
    pub fn is_lag(&self) -> bool {
        match self {
            Self::Missing | Self::Behind { .. } => true,
            Self::Content { .. } | Self::Other { .. } => false,
        }
    }
}

impl Stuck {
    /// Time heals it: a store did not answer.
    #[must_use]
    pub fn for_now(from_sequence: u64, reason: &dyn std::error::Error) -> Self {
        Self { from_sequence, reason: reason.to_string(), retryable: true }
    }

    /// Somebody has to act: what is stored cannot be read by this build.
    #[must_use]
    pub fn for_good(from_sequence: u64, reason: &dyn std::error::Error) -> Self {
        Self { from_sequence, reason: reason.to_string(), retryable: false }
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
        }
    }
}
