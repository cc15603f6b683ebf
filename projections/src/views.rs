//! The port to the product view: rows whose versions only increase, and orders of the rows that are read in slices.

use std::cmp::Ordering;
use std::fmt;

use async_trait::async_trait;
use event_store::StoreError;
use schema::{Hash, Orders, Product, ProductId};
use serde::{Deserialize, Serialize};

pub mod dynamodb;
pub mod lookup;
pub mod memory;
pub(crate) mod order;
#[cfg(feature = "sqlite")]
pub mod sqlite;

pub use dynamodb::DynamoViews;
pub use lookup::{CategoryPlace, CategoryRow, FoundRow, Lookup, LookupField, Portion};
pub use memory::MemoryViews;
pub use order::{PositionRange, RowOrder, SHARDS};
#[cfg(feature = "sqlite")]
pub use sqlite::{BUILDING, SqliteViews};

/// A store of the product view.
///
/// The contract, which `tests/contract/views` runs on every adapter:
/// - the version of a row only increases: what comes late, twice or out of order changes nothing, unless it is replaced;
/// - a row is replaced only if it is still as it was read;
/// - a deleted product keeps its row and is in [`RowOrder::Changes`] only, and among those that are known;
/// - a slice contains exactly the rows of its shard inside its range, in order, and is not `exhausted` if more follow;
/// - orders that are not kept have no rows, and reading one is an error;
/// - a look-up finds exactly the active products with its value, in the order of their ids or names, and what it returns may
///   have changed since: whoever reads the products compares them;
/// - every active product with a category has one place among the categories, and each place comes with the key of its row,
///   which whoever counts compares;
/// - `known` returns the ids of all products of a shard in order, deleted ones included, whatever orders are kept;
/// - `counted` counts every row of a generation once, if it counts;
/// - `rows` returns every row of a generation once, whatever orders are kept;
/// - a row under another key than that of its product, or of another version than the one that guards it, is unreadable
///   wherever it is read, and hides no other row from `rows` and `slice`;
/// - generations are independent of each other.
#[async_trait]
pub trait Views: Send + Sync {
    /// The orders that are kept.
    fn orders(&self) -> Orders;

    /// The generations of all views that are read and written.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn generations(&self) -> Result<ViewGenerations, StoreError>;

    /// Replaces the generations of the revision before; the first revision that can be written is 1.
    ///
    /// # Errors
    /// [`GenerationsError::Changed`]: they were changed concurrently, read them again.
    async fn change_generations(&self, to: &ViewGenerations) -> Result<(), GenerationsError>;

    /// A product, deleted ones included; the read may be slightly stale.
    ///
    /// # Errors
    /// [`StoreError`]: try again later, unless its row is unreadable.
    async fn get(&self, generation: Generation, id: &ProductId) -> Result<Option<Product>, StoreError>;

    /// Writes the row unless the view has the same or a newer version; returns the row in the view then.
    ///
    /// # Errors
    /// [`StoreError`]: try again later, the write may or may not have happened.
    async fn show(
        &self,
        generation: Generation,
        shown: &ProductRow,
    ) -> Result<Option<ProductRow>, StoreError>;

    /// Replaces a row if it is still as it was read, whatever the versions, and returns whether it was: for a product with
    /// a sequence recorded anew by another commit.
    ///
    /// # Errors
    /// [`StoreError`]: try again later, the write may or may not have happened.
    async fn replace(
        &self,
        generation: Generation,
        seen: &ProductRow,
        by: &ProductRow,
    ) -> Result<bool, StoreError>;

    /// Rows from one shard of an order that is kept.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn slice(&self, generation: Generation, slice: &Slice) -> Result<SlicePage, StoreError>;

    /// Products of one shard that a look-up finds, in the order by id or by name, if that is kept.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn find(
        &self,
        generation: Generation,
        lookup: &Lookup,
        slice: &Slice,
    ) -> Result<Portion<FoundRow>, StoreError>;

    /// Places among the categories, of one shard and behind `after`; `limit` is at least 1.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn categories(
        &self,
        generation: Generation,
        shard: u8,
        after: &CategoryPlace,
        limit: usize,
    ) -> Result<Portion<CategoryRow>, StoreError>;

    /// The ids of one shard behind `after` (empty at first), deleted products included; `limit` is at least 1, and so is their number
    /// unless there are no more.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn known(
        &self,
        generation: Generation,
        shard: u8,
        after: &str,
        limit: usize,
    ) -> Result<Portion<ProductId>, StoreError>;

    /// How many active and how many deleted products a generation has; `None` where counting them would read all of them.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn counted(&self, generation: Generation) -> Result<Option<[u64; 2]>, StoreError> {
        let _ = generation;
        Ok(None)
    }

    /// Those of these products that the view has, deleted ones included, in any order; the read may be slightly stale.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn get_all(&self, generation: Generation, ids: &[ProductId]) -> Result<Vec<Product>, StoreError>;

    /// A page of all rows of a generation, deleted products included, unordered; `from` is `next` of the page before, and
    /// `limit` at least 1. For maintenance only: it may read other generations too.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn rows(
        &self,
        generation: Generation,
        from: Option<String>,
        limit: usize,
    ) -> Result<RowPage, StoreError>;

    /// Removes the row of a key from a generation that is no longer read or written. The key is the id of a product, unless
    /// somebody else wrote the row.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn remove(&self, generation: Generation, key: &str) -> Result<(), StoreError>;
}

/// One complete build of a view; a table holds several generations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(pub u32);

/// The generations of one view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generations {
    /// The generation that queries read.
    pub read: Generation,
    /// The generations that the projector writes, in this order.
    pub write: Vec<Generation>,
    /// The highest generation ever used; numbers are not reused.
    pub last: Generation,
    /// Whether the generation that is read was filled from the beginning. If not, what it lacks means nothing, and queries
    /// answer 503 until a rebuild has replaced it.
    #[serde(default = "filled")]
    pub filled: bool,
    /// Generations that are no longer read or written but may still have rows: on record until they are certainly gone,
    /// however often a rebuild is interrupted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drop: Vec<Generation>,
    /// The rebuild that is running or was interrupted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebuild: Option<RebuildClaim>,
}

/// A rebuild on record. A running rebuild increments its heartbeat, so others can tell that it runs without a clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RebuildClaim {
    /// The revision of the generations that first named it, unique among rebuilds.
    pub id: u64,
    /// Heartbeats so far.
    pub beats: u64,
}

/// The generations of all views, stored as one small item.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ViewGenerations {
    /// The number of changes, 0 before the first.
    pub revision: u64,
    /// Those of the product view.
    pub products: Generations,
    /// Those of the price history.
    pub prices: Generations,
}

/// A view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum View {
    /// The product view, read by GET and LIST.
    Products,
    /// The price history.
    Prices,
}

/// A row of the product view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductRow {
    /// The product.
    pub product: Product,
    /// The hash of the commit that carries it; `None` in rows of earlier builds.
    pub hash: Option<Hash>,
}

/// Which rows to read from one shard of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// The shard, below [`SHARDS`].
    pub shard: u8,
    /// The order.
    pub order: RowOrder,
    /// The range of positions; not empty.
    pub range: PositionRange,
    /// Whether to read from the end of the range to its beginning.
    pub descending: bool,
    /// The maximum number of rows, at least 1.
    pub limit: usize,
}

/// Rows of a slice, in order, as many as the store returned at once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SlicePage {
    /// The rows.
    pub rows: Vec<IndexRow>,
    /// Rows between them that cannot be read.
    pub unreadable: Vec<UnreadableRow>,
    /// The position of the last row, readable or not.
    pub last: Option<String>,
    /// Whether the slice certainly ends here; if `false`, there may be no more all the same.
    pub exhausted: bool,
}

/// A page of all rows of a generation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RowPage {
    /// The products; possibly none although more follow.
    pub products: Vec<Product>,
    /// Rows that cannot be read.
    pub unreadable: Vec<UnreadableRow>,
    /// Where to continue, opaque to callers; `None` at the end.
    pub next: Option<String>,
}

/// A row that is not as this ledger writes it: somebody else wrote or changed it. A rebuild replaces or removes it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the row {key:?} of the view products cannot be read: {reason}")]
pub struct UnreadableRow {
    /// Its key.
    pub key: String,
    /// What is wrong with it.
    pub reason: String,
}

/// A product and its position in an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexRow {
    /// Its position in the order of the slice.
    pub position: String,
    /// The product.
    pub product: Product,
}

/// Why the generations were not changed.
#[derive(Debug, thiserror::Error)]
pub enum GenerationsError {
    /// Another change came first: read them again.
    #[error("the generations were changed concurrently")]
    Changed,
    /// Try again later.
    #[error(transparent)]
    Unavailable(#[from] StoreError),
}

impl From<Portion<IndexRow>> for SlicePage {
    fn from(Portion { rows, exhausted }: Portion<IndexRow>) -> Self {
        let last = rows.last().map(|row| row.position.clone());
        Self { rows, unreadable: Vec::new(), last, exhausted }
    }
}

impl ProductRow {
    /// Whether a state in the ledger proves that this row is not in the ledger: the ledger has the same version from
    /// another commit, or an earlier version that was recorded later. A row without a hash is compared by its content.
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
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Products, Self::Prices];

    /// Its name in commands and parking rows. Stored; never rename.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Products => "products",
            Self::Prices => "prices",
        }
    }
}

impl ViewGenerations {
    /// The generations of a view.
    #[must_use]
    pub fn of(&self, view: View) -> &Generations {
        match view {
            View::Products => &self.products,
            View::Prices => &self.prices,
        }
    }

    /// The next revision, with other generations for one view.
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

/// The id of the product of a row, which is the row's key.
fn id_of(key: String) -> Result<ProductId, UnreadableRow> {
    ProductId::new(key.as_str()).map_err(|error| UnreadableRow { key, reason: error.to_string() })
}

/// The product of a row, from the row's key, the version that guards its writes (if it has one) and the text of its product.
fn product_of(
    key: &str,
    version: Option<&str>,
    text: Result<&str, String>,
) -> Result<Product, UnreadableRow> {
    let unreadable = |reason: String| UnreadableRow { key: key.to_owned(), reason };
    let product: Product = serde_json::from_str(text.map_err(unreadable)?)
        .map_err(|error| unreadable(format!("its product: {error}")))?;
    if product.id.as_str() != key {
        return Err(unreadable(format!("it holds the product {}", product.id)));
    }
    match version.filter(|version| **version != product.version.to_string()) {
        None => Ok(product),
        Some(version) => {
            let reason = format!("it says version {version}, and its product is version {}", product.version);
            Err(unreadable(reason))
        }
    }
}

impl From<UnreadableRow> for StoreError {
    fn from(row: UnreadableRow) -> Self {
        Self::unreadable(row.into())
    }
}

/// Requests are checked against the kept orders first, so only a bug leads here.
fn not_kept(order: RowOrder) -> StoreError {
    StoreError::new(format!("the order {} is not kept", order.sort().name()).into())
}

/// Look-ups have two orders only; requests name no other, so only a bug leads here.
fn no_lookup(order: RowOrder) -> StoreError {
    StoreError::new(format!("look-ups have no order by {}", order.sort().name()).into())
}

/// Whether a look-up can be read in this order.
///
/// # Errors
/// [`StoreError`]: it cannot.
fn lookup_order(kept: Orders, order: RowOrder) -> Result<(), StoreError> {
    match order {
        RowOrder::Id | RowOrder::Name if kept.keep(order.sort()) => Ok(()),
        RowOrder::Id | RowOrder::Name => Err(not_kept(order)),
        RowOrder::Price | RowOrder::Changes => Err(no_lookup(order)),
    }
}

/// The shard of a product, by FNV-1a of its id. Stored; never change.
#[must_use]
pub fn shard_of(id: &ProductId) -> u8 {
    let hash = id.as_str().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    // The low bits of FNV-1a mix the last byte poorly.
    u8::try_from((hash ^ (hash >> 32)) % u64::from(SHARDS)).unwrap_or_default()
}
