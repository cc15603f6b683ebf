//! The products of the ledger in order of id, each with its head.
//!
//! A store that keeps this order is read page by page. `DynamoDB` keeps none: all keys are scanned once and sorted externally,
//! with at most [`KEPT`] products in memory and sorted runs in temporary files.

mod runs;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::stream::{self, Stream, StreamExt, TryStreamExt};

use crate::error::Unavailable;
use crate::journal::Journal;

pub use crate::journal::Head;
use runs::{Merge, Run};

/// Products that are sorted in memory before they are written to a file: about 20 MB.
pub const KEPT: usize = 100_000;

/// Keys per request; `DynamoDB` itself ends a page at 1 MB of items.
const PAGE: usize = 1_000;

/// The products of a store; where it cannot list them in order, from a scan of all keys.
pub struct Listing {
    journal: Arc<dyn Journal>,
    walk: Walk,
    /// Whether the store lists products in order.
    listed: bool,
}

/// What the scan of all keys found.
#[derive(Default)]
struct Walk {
    heads: BTreeMap<String, Head>,
    /// What was moved out of memory.
    runs: Vec<Run>,
    commits: u64,
}

impl Listing {
    /// Scans the keys of all commits; `progress` is called after every page with the number of commits so far.
    ///
    /// # Errors
    /// [`Unavailable`]: begin again later.
    pub async fn begin(
        journal: Arc<dyn Journal>,
        progress: impl FnMut(u64) + Send,
    ) -> Result<Self, Unavailable> {
        Self::keeping(KEPT, journal, progress).await
    }

    /// As [`Listing::begin`], with at most `most` products (at least one) in memory at a time.
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
            return Ok(Self { journal, walk, listed: true });
        }
        let walk = Walk::over(&*journal, most, progress).await?;
        Ok(Self { journal, walk, listed: false })
    }

    /// How many commits of all products there were at the beginning.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.walk.commits
    }

    /// The products in order of id. One whose first commit was appended after the beginning may be missing.
    /// After an error the stream ends.
    pub fn heads(self) -> impl Stream<Item = Result<Head, Unavailable>> + Send {
        if self.listed { listed(self.journal).left_stream() } else { self.walked().right_stream() }
    }

    fn walked(self) -> impl Stream<Item = Result<Head, Unavailable>> + Send {
        let merge = Merge::of(self.walk.runs, self.walk.heads.into_values());
        let chunks = stream::try_unfold(Some(merge), |merge| async move {
            let Some(merge) = merge else { return Ok::<_, Unavailable>(None) };
            let (heads, rest) = on_files(move || merge.next(PAGE)).await?;
            Ok(Some((stream::iter(heads.into_iter().map(Ok)), rest)))
        });
        chunks.try_flatten()
    }
}

/// Runs work on files on a thread that may block.
async fn on_files<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, Unavailable> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| Unavailable(error.into()))?;
    done.map_err(|error| {
        let folder = std::env::temp_dir();
        Unavailable(format!("the products cannot be sorted in {}: {error}", folder.display()).into())
    })
}

/// The products that the store lists.
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
    /// Scans all keys.
    async fn over(
        journal: &dyn Journal,
        most: usize,
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<Self, Unavailable> {
        let mut walk = Self::default();
        let mut position = None;
        loop {
            let page = journal.scan_keys(position, PAGE).await?;
            walk.commits += page.keys.len() as u64;
            for key in page.keys {
                walk.meet(key.product_id, key.version);
                if walk.heads.len() > most {
                    walk = on_files(move || walk.put_away()).await?;
                }
            }
            progress(walk.commits);
            position = page.next;
            if position.is_none() {
                return Ok(walk);
            }
        }
    }

    fn meet(&mut self, product_id: String, version: u64) {
        if let Some(head) = self.heads.get_mut(&product_id) {
            head.meet(version, 1);
            return;
        }
        let head = Head { product_id: product_id.clone(), version, commits: 1 };
        self.heads.insert(product_id, head);
    }

    fn put_away(mut self) -> std::io::Result<Self> {
        self.runs.push(Run::write(self.heads.into_values().map(Ok))?);
        self.runs = runs::few(self.runs)?;
        Ok(Self { heads: BTreeMap::new(), ..self })
    }
}

impl Head {
    /// Adds more commits of the product.
    fn meet(&mut self, version: u64, commits: u64) {
        self.version = self.version.max(version);
        self.commits += commits;
    }
}
