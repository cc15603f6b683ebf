//! The port to the product view: rows that only ever get newer, and orders over them that are read in slices.

use std::cmp::Ordering;
use std::error::Error;
use std::fmt;

use async_trait::async_trait;
use schema::{Hash, Orders, Product, ProductId};
use serde::{Deserialize, Serialize};

pub mod dynamodb;
pub mod memory;
pub(crate) mod order;
#[cfg(feature = "sqlite")]
pub mod sqlite;

pub use dynamodb::DynamoViews;
pub use memory::MemoryViews;
pub use order::{Order, Range, SHARDS};
#[cfg(feature = "sqlite")]
pub use sqlite::{BUILDING, SqliteViews};

/// Where the product view is kept.
///
/// The contract, which `tests/contract/views` runs on every adapter:
/// - a row only ever gets newer: what comes late, twice or out of order changes nothing, unless it is replaced;
/// - a row is replaced only as it was seen;
/// - a deleted product keeps its row and stands in [`Order::Changes`] alone;
/// - a slice answers exactly the rows of its shard inside its range, in order, and never says that it ends where more
///   follow;
/// - orders that are not kept have no rows, and asking for one is an error;
/// - `rows` answers every row of a generation once, whatever is kept;
/// - generations do not see each other.
#[async_trait]
pub trait Views: Send + Sync {
    /// The orders that are kept.
    fn orders(&self) -> Orders;

    /// Which generations of the views are read and written.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later.
    async fn lineup(&self) -> Result<Lineup, Unavailable>;

    /// Puts `to` in the place of the lineup of the revision before it; the first that can be put is revision 1.
    ///
    /// # Errors
    /// [`LineupError::Changed`]: somebody else changed it, read it again.
    async fn change_lineup(&self, to: &Lineup) -> Result<(), LineupError>;

    /// The row of a product, deleted ones included; it may be some moments old.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later.
    async fn get(&self, generation: Generation, id: &ProductId) -> Result<Option<Product>, Unavailable>;

    /// Writes the row unless the same or a newer version is there, and answers the row that is there instead.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later, the write may or may not have happened.
    async fn show(&self, generation: Generation, shown: &Shown) -> Result<Option<Shown>, Unavailable>;

    /// Puts one row in the place of another, whatever their versions, if that is still there, and says whether it was: for
    /// a product of which a version was recorded anew, by another commit.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later, the write may or may not have happened.
    async fn replace(&self, generation: Generation, seen: &Shown, by: &Shown) -> Result<bool, Unavailable>;

    /// Rows of one shard of an order that is kept.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later.
    async fn slice(&self, generation: Generation, slice: &Slice) -> Result<Portion, Unavailable>;

    /// Some rows of a generation, deleted products included, in no order; `from` is `next` of the page before, and
    /// `limit` at least 1. For maintenance, since it may read other generations too.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later.
    async fn rows(
        &self,
        generation: Generation,
        from: Option<String>,
        limit: usize,
    ) -> Result<Rows, Unavailable>;

    /// Removes the row of a generation that is neither read nor written any more.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later.
    async fn remove(&self, generation: Generation, id: &ProductId) -> Result<(), Unavailable>;
}

/// One complete build of a view; generations live beside each other in one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(pub u32);

/// The generations of one view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generations {
    /// The one queries read.
    pub read: Generation,
    /// Those the projector writes, in this order.
    pub write: Vec<Generation>,
    /// The highest that ever was; no number is given twice.
    pub last: Generation,
    /// Whether the one that is read was filled from the beginning. Where it was not, what it lacks says nothing, and
    /// queries answer 503 until a rebuild has put another in its place.
    #[serde(default = "filled")]
    pub filled: bool,
    /// Generations that are neither read nor written any more and whose rows may still be there: on record until they are
    /// gone for certain, however often a rebuild is cut short.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drop: Vec<Generation>,
    /// The rebuild that runs, or was cut short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebuild: Option<Claim>,
}

/// A rebuild on record. It counts up as long as it runs, so whoever watches sees whether it does, without a clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The revision of the lineup that first named it: no other rebuild has it.
    pub id: u64,
    /// Signs of life so far.
    pub beats: u64,
}

/// The generations of all views, as one small item names them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Lineup {
    /// Counts the changes; 0 before the first.
    pub revision: u64,
    /// Of the product view.
    pub products: Generations,
    /// Of the price history.
    pub prices: Generations,
}

/// The views there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum View {
    /// What GET and LIST answer from.
    Products,
    /// What prices are answered from.
    Prices,
}

/// A row: a product and the commit that carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The product.
    pub product: Product,
    /// The commit's hash; `None` in rows that were written before it was kept.
    pub hash: Option<Hash>,
}

/// Which rows of one shard to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// Below [`SHARDS`].
    pub shard: u8,
    /// The order.
    pub order: Order,
    /// The stretch of the order; never an empty one.
    pub range: Range,
    /// From the end of the stretch instead of its beginning.
    pub descending: bool,
    /// How many rows at most, at least 1.
    pub limit: usize,
}

/// Some rows of a slice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portion {
    /// The rows in order.
    pub rows: Vec<Row>,
    /// Whether the slice ends here. Where it is not said, there may be no more all the same.
    pub exhausted: bool,
}

/// Some rows of a generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    /// Their products; there may be none though more follow.
    pub products: Vec<Product>,
    /// Where to go on, understood by the adapter alone; `None` at the end.
    pub next: Option<String>,
}

/// A product and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its position in the order of the slice.
    pub position: String,
    /// The product.
    pub product: Product,
}

/// A table of the views did not answer, or its answer could not be understood: the text names it.
#[derive(Debug, thiserror::Error)]
#[error("a view table did not answer: {0}")]
pub struct Unavailable(#[source] pub Box<dyn Error + Send + Sync>);

impl Unavailable {
    /// The same, naming the table that did not answer.
    #[must_use]
    pub(crate) fn of(self, table: &str) -> Self {
        Self(format!("{table}: {}", self.0).into())
    }
}

/// Why the lineup was not changed.
#[derive(Debug, thiserror::Error)]
pub enum LineupError {
    /// Another change came first: read the lineup again.
    #[error("somebody else changed the generations")]
    Changed,
    /// Try again later.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Shown {
    /// Whether a state of the ledger shows that this row is not what the ledger has: it is the same version of another
    /// commit, or an earlier version that was recorded later. A row without a hash is compared by its content.
    #[must_use]
    pub fn is_contradicted_by(&self, ledger: &Self) -> bool {
        let (row, there) = (&self.product, &ledger.product);
        match row.version.cmp(&there.version) {
            Ordering::Less => false,
            Ordering::Greater => there.updated_at > row.updated_at,
            Ordering::Equal => match (&self.hash, &ledger.hash) {
                (Some(row), Some(there)) => row != there,
                _ => row != there,
            },
        }
    }
}

impl View {
    /// Its name in commands and parking rows. Stored; never rename.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Products => "products",
            Self::Prices => "prices",
        }
    }
}

impl Lineup {
    /// The generations of a view.
    #[must_use]
    pub fn of(&self, view: View) -> &Generations {
        match view {
            View::Products => &self.products,
            View::Prices => &self.prices,
        }
    }

    /// The next revision, with other generations of a view.
    #[must_use]
    pub fn with(&self, view: View, generations: Generations) -> Self {
        let mut next = self.clone();
        next.revision += 1;
        match view {
            View::Products => next.products = generations,
            View::Prices => next.prices = generations,
        }
        next
    }
}

fn filled() -> bool {
    true
}

impl Default for Generations {
    fn default() -> Self {
        let first = Generation(1);
        Self { read: first, write: vec![first], last: first, filled: true, drop: Vec::new(), rebuild: None }
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Nobody asks for an order that is not kept but a fault of this build.
fn not_kept(order: Order) -> Unavailable {
    Unavailable(format!("the order {} is not kept", order.sort().name()).into())
}

/// The shard of a product: FNV-1a of its id. These numbers are stored.
#[must_use]
pub fn shard_of(id: &ProductId) -> u8 {
    let hash = id.as_str().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    // The low bits of FNV-1a mix the last byte poorly.
    u8::try_from((hash ^ (hash >> 32)) % u64::from(SHARDS)).unwrap_or_default()
}
