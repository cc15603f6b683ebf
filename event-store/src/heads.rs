//! The products of the ledger in order of id, each with its head.
//!
//! A store that keeps this order is read page by page. `DynamoDB` keeps none: all keys are scanned once and sorted externally,
//! with at most [`KEPT`] products in memory and sorted runs in temporary files.

mod runs;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::stream::{self, Stream, StreamExt, TryStreamExt};

use crate::error::StoreError;
use crate::journal::Journal;

pub use crate::journal::Head;
use runs::{Merge, SortedRun};

/// Products that are sorted in memory before they are written to a file: about 20 MB.
pub const KEPT: usize = 100_000;

/// Keys per request; `DynamoDB` itself ends a page at 1 MB of items.
const PAGE: usize = 1_000;

/// The products of a store; where it cannot list them in order, from a scan of all keys.
pub struct ProductListing {
    journal: Arc<dyn Journal>,
    scan: KeyScan,
    /// Whether the store lists products in order.
    listed: bool,
}

/// What the scan of all keys found.
#[derive(Default)]
struct KeyScan {
    heads: BTreeMap<String, Head>,
    /// What was moved out of memory.
    runs: Vec<SortedRun>,
    commits: u64,
}

impl ProductListing {
    /// Scans the keys of all commits; `progress` is called after every page with the number of commits so far.
    ///
    /// # Errors
    /// [`StoreError`]: begin again later.
    pub async fn begin(
        journal: Arc<dyn Journal>,
        progress: impl FnMut(u64) + Send,
    ) -> Result<Self, StoreError> {
        Self::keeping(KEPT, journal, progress).await
    }

    /// As [`ProductListing::begin`], with at most `most` products (at least one) in memory at a time.
    ///
    /// # Errors
    /// [`StoreError`]: begin again later.
    pub async fn keeping(
        most: usize,
        journal: Arc<dyn Journal>,
        progress: impl FnMut(u64) + Send,
    ) -> Result<Self, StoreError> {
        let most = most.max(1);
        if let Some(newest) = journal.newest_row().await? {
            let scan = KeyScan { commits: newest + 1, ..KeyScan::default() };
            return Ok(Self { journal, scan, listed: true });
        }
        let scan = KeyScan::over(&*journal, most, progress).await?;
        Ok(Self { journal, scan, listed: false })
    }

    /// How many commits of all products there were at the beginning.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.scan.commits
    }

    /// The products in order of id. One whose first commit was appended after the beginning may be missing.
    /// After an error the stream ends.
    pub fn heads(self) -> impl Stream<Item = Result<Head, StoreError>> + Send {
        if self.listed { listed(self.journal).left_stream() } else { self.scanned().right_stream() }
    }

    fn scanned(self) -> impl Stream<Item = Result<Head, StoreError>> + Send {
        let merge = Merge::of(self.scan.runs, self.scan.heads.into_values());
        let chunks = stream::try_unfold(Some(merge), |merge| async move {
            let Some(merge) = merge else { return Ok::<_, StoreError>(None) };
            let (heads, rest) = on_files(move || merge.next(PAGE)).await?;
            Ok(Some((stream::iter(heads.into_iter().map(Ok)), rest)))
        });
        chunks.try_flatten()
    }
}

/// Runs work on files on a thread that may block.
async fn on_files<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| StoreError::new(error.into()))?;
    done.map_err(|error| {
        let folder = std::env::temp_dir();
        StoreError::new(format!("the products cannot be sorted in {}: {error}", folder.display()).into())
    })
}

/// The products that the store lists.
fn listed(journal: Arc<dyn Journal>) -> impl Stream<Item = Result<Head, StoreError>> + Send {
    let pages = stream::try_unfold(Some(String::new()), move |after| {
        let journal = journal.clone();
        async move {
            let Some(after) = after else { return Ok::<_, StoreError>(None) };
            let heads = journal.heads(&after, PAGE).await?.unwrap_or_default();
            let last = heads.last().map(|head| head.product_id.clone()).filter(|_| heads.len() == PAGE);
            Ok(Some((stream::iter(heads.into_iter().map(Ok)), last)))
        }
    });
    pages.try_flatten()
}

impl KeyScan {
    /// Scans all keys.
    async fn over(
        journal: &dyn Journal,
        most: usize,
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<Self, StoreError> {
        let mut scan = Self::default();
        let mut position = None;
        loop {
            let page = journal.scan_keys(position, PAGE).await?;
            scan.commits += page.keys.len() as u64;
            for key in page.keys {
                scan.add(key.product_id, key.version);
                if scan.heads.len() > most {
                    scan = on_files(move || scan.spill()).await?;
                }
            }
            progress(scan.commits);
            position = page.next;
            if position.is_none() {
                return Ok(scan);
            }
        }
    }

    fn add(&mut self, product_id: String, version: u64) {
        if let Some(head) = self.heads.get_mut(&product_id) {
            head.add(version, 1);
            return;
        }
        let head = Head { product_id: product_id.clone(), version, commits: 1 };
        self.heads.insert(product_id, head);
    }

    fn spill(mut self) -> std::io::Result<Self> {
        self.runs.push(SortedRun::write(self.heads.into_values().map(Ok))?);
        self.runs = runs::merged_if_many(self.runs)?;
        Ok(Self { heads: BTreeMap::new(), ..self })
    }
}

impl Head {
    /// Adds more commits of the product.
    fn add(&mut self, version: u64, commits: u64) {
        self.version = self.version.max(version);
        self.commits += commits;
    }
}
