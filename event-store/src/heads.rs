//! The products of the ledger in order of id, each with how far it has got.
//!
//! A store that keeps the order is asked page by page. `DynamoDB` knows none, so its keys are walked once and the smallest
//! ids kept: memory is bounded by [`KEPT`] products at the price of one more walk for every so many.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;

use futures::stream::{self, Stream, StreamExt, TryStreamExt};

use crate::journal::{Journal, Unavailable};

/// How many products one walk over the keys remembers: about 20 MB.
pub const KEPT: usize = 100_000;

/// Keys per request; `DynamoDB` itself ends a page at 1 MB of items.
const PAGE: usize = 1_000;

/// How far a product has got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The product; text because a damaged table may hold what is no product id.
    pub product_id: String,
    /// Sequence of its newest event.
    pub version: u64,
    /// How many commits it has.
    pub commits: u64,
}

/// The products, found by a first walk over all keys where the store does not list them.
pub struct Listing {
    journal: Arc<dyn Journal>,
    most: usize,
    walk: Walk,
    /// Whether the store keeps the order of products.
    listed: bool,
}

/// What one walk over all keys found.
#[derive(Default)]
struct Walk {
    heads: BTreeMap<String, Head>,
    commits: u64,
    /// Whether products beyond the last of `heads` were met.
    more: bool,
}

impl Listing {
    /// Walks the keys of all commits; `progress` is told after every page how many there were so far.
    ///
    /// # Errors
    /// [`Unavailable`]: begin again later.
    pub async fn begin(
        journal: Arc<dyn Journal>,
        progress: impl FnMut(u64) + Send,
    ) -> Result<Self, Unavailable> {
        Self::keeping(KEPT, journal, progress).await
    }

    /// As [`Listing::begin`], remembering at most `most` products (at least one) at a time.
    ///
    /// # Errors
    /// [`Unavailable`]: begin again later.
    pub async fn keeping(
        most: usize,
        journal: Arc<dyn Journal>,
        progress: impl FnMut(u64) + Send,
    ) -> Result<Self, Unavailable> {
        let most = most.max(1);
        if let Some(newest) = journal.newest_row().await? {
            let walk = Walk { commits: newest + 1, ..Walk::default() };
            return Ok(Self { journal, most, walk, listed: true });
        }
        let walk = Walk::over(&*journal, None, most, progress).await?;
        Ok(Self { journal, most, walk, listed: false })
    }

    /// How many commits there were at the beginning, of all products.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.walk.commits
    }

    /// The products in order of id. One whose first commit came after its part of the order was walked may be missing.
    /// After an error the stream ends.
    pub fn heads(self) -> impl Stream<Item = Result<Head, Unavailable>> + Send {
        if self.listed { listed(self.journal).left_stream() } else { self.walked().right_stream() }
    }

    fn walked(self) -> impl Stream<Item = Result<Head, Unavailable>> + Send {
        stream::try_unfold(Some(self), |listing| async move {
            let Some(mut listing) = listing else {
                return Ok::<_, Unavailable>(None);
            };
            let walk = std::mem::take(&mut listing.walk);
            let last = walk.heads.last_key_value().map(|(id, _)| id.clone());
            let heads = stream::iter(walk.heads.into_values().map(Ok));
            if !walk.more {
                return Ok(Some((heads, None)));
            }
            listing.walk = Walk::over(&*listing.journal, last, listing.most, |_| {}).await?;
            Ok(Some((heads, Some(listing))))
        })
        .flat_map(|heads| match heads {
            Ok(heads) => heads.left_stream(),
            Err(error) => stream::iter([Err(error)]).right_stream(),
        })
    }
}

/// What the store itself lists.
fn listed(journal: Arc<dyn Journal>) -> impl Stream<Item = Result<Head, Unavailable>> + Send {
    let pages = stream::try_unfold(Some(String::new()), move |after| {
        let journal = journal.clone();
        async move {
            let Some(after) = after else { return Ok::<_, Unavailable>(None) };
            let heads = journal.heads(&after, PAGE).await?.unwrap_or_default();
            let last = heads.last().map(|head| head.product_id.clone()).filter(|_| heads.len() == PAGE);
            Ok(Some((stream::iter(heads.into_iter().map(Ok)), last)))
        }
    });
    pages.try_flatten()
}

impl Walk {
    /// The first `most` products above `after`.
    async fn over(
        journal: &dyn Journal,
        after: Option<String>,
        most: usize,
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<Self, Unavailable> {
        let mut walk = Self::default();
        let mut position = None;
        loop {
            let page = journal.scan_keys(position, PAGE).await?;
            walk.commits += page.keys.len() as u64;
            for key in page.keys {
                if after.as_ref().is_none_or(|after| key.product_id > *after) {
                    walk.meet(key.product_id, key.version, most);
                }
            }
            progress(walk.commits);
            position = page.next;
            if position.is_none() {
                return Ok(walk);
            }
        }
    }

    fn meet(&mut self, product_id: String, version: u64, most: usize) {
        if let Some(head) = self.heads.get_mut(&product_id) {
            head.version = head.version.max(version);
            head.commits += 1;
            return;
        }
        let beyond = self.heads.range::<str, _>((Excluded(product_id.as_str()), Unbounded));
        if self.heads.len() >= most && beyond.take(1).count() == 0 {
            self.more = true;
            return;
        }
        let head = Head { product_id: product_id.clone(), version, commits: 1 };
        self.heads.insert(product_id, head);
        if self.heads.len() > most {
            self.heads.pop_last();
            self.more = true;
        }
    }
}
