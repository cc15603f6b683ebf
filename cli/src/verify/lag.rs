//! The lag of the consumers: a commit that a consumer has not reached yet is not a fault of the ledger.
//!
//! The promise: if a consumer has a checkpoint, that decides. If the table's stream feeds it, it will not get a commit that is
//! older than the stream's records, so such a commit counts as passed.

use std::collections::BTreeMap;

use event_store::verify::{Unpublished, UnpublishedEvents};
use event_store::{Change, CheckpointStore, Feed, StoreError};
use schema::{ProductId, Timestamp};
use serde_json::Value;
use web::ClockAndIds;

use crate::counts::counted;
use crate::out;

/// How many days a stream of `DynamoDB` keeps its records.
const REMEMBERED_DAYS: i64 = 1;

/// Commits of one page.
const PAGE: usize = 1_000;

/// Up to where a consumer should have processed commits.
pub(super) enum Horizon {
    /// The first event of each product that it has not reached.
    Behind(BTreeMap<String, u64>),
    /// The time before which everything was recorded that the stream no longer holds.
    Forgotten(Timestamp),
}

impl Horizon {
    /// The horizon of a consumer on this machine; its work must be read after this.
    pub(super) async fn of_checkpoint(
        feed: &dyn Feed,
        progress: &dyn CheckpointStore,
    ) -> Result<Self, StoreError> {
        let mut after = progress.checkpoint().await?.map(|checkpoint| checkpoint.position);
        let mut behind = BTreeMap::new();
        loop {
            let page = feed.after(after, PAGE).await?;
            for recorded in &page {
                let Change::Committed(commit) = &recorded.change else { continue };
                if let (Ok(product), Ok(sequence)) = (commit.text("product_id"), commit.sequence()) {
                    behind.entry(product.to_owned()).or_insert(sequence);
                }
            }
            match page.last().filter(|_| page.len() == PAGE) {
                Some(last) => after = Some(last.position),
                None => return Ok(Self::Behind(behind)),
            }
        }
    }

    /// The horizon of a consumer of a stream.
    pub(super) fn of_stream() -> Self {
        Self::Forgotten((ClockAndIds::system().clock)().days_before(REMEMBERED_DAYS))
    }

    /// Whether only the age of a commit decides.
    pub(super) fn is_of_stream(&self) -> bool {
        matches!(self, Self::Forgotten(_))
    }

    /// Whether the consumer should have processed an event.
    pub(super) fn has_passed(&self, product: &str, sequence: u64, recorded_at: Option<Timestamp>) -> bool {
        match self {
            Self::Behind(behind) => behind.get(product).is_none_or(|first| sequence < *first),
            Self::Forgotten(before) => recorded_at.is_none_or(|at| at < *before),
        }
    }
}

/// What the consumers have not processed yet.
#[derive(Debug, Default)]
pub(crate) struct Lag {
    events: u64,
    first: Option<String>,
    products: Vec<ProductId>,
    commits: u64,
}

impl Lag {
    /// Events that the publisher has not reached, and those that it has passed.
    pub(super) fn of(settled: UnpublishedEvents, horizon: &Horizon) -> (Self, Vec<Unpublished>) {
        let (passed, behind): (Vec<_>, Vec<_>) = settled
            .unpublished
            .into_iter()
            .partition(|event| horizon.has_passed(event.product.as_str(), event.sequence, event.recorded_at));
        let first =
            behind.first().map(|event| format!("product {} sequence {}", event.product, event.sequence));
        (Self { events: behind.len() as u64 + settled.more, first, ..Self::default() }, passed)
    }

    /// Products that a view does not show yet.
    pub(super) fn of_views(products: Vec<ProductId>) -> Self {
        Self { products, ..Self::default() }
    }

    /// Commits that are in no checkpoint of the log yet.
    pub(super) fn of_log(commits: u64) -> Self {
        Self { commits, ..Self::default() }
    }

    /// The sum of both.
    pub(super) fn and(self, other: Self) -> Self {
        let products = [self.products, other.products].concat();
        let commits = self.commits + other.commits;
        Self { events: self.events + other.events, first: self.first.or(other.first), products, commits }
    }

    /// Whether there is none.
    pub(crate) fn is_none(&self) -> bool {
        self.events == 0 && self.products.is_empty() && self.commits == 0
    }

    /// Adds it to the JSON of a report.
    pub(crate) fn add_to(&self, told: &mut Value) {
        if self.events > 0 {
            told["not_published_yet"] = self.events.into();
        }
        if !self.products.is_empty() {
            told["not_shown_yet"] = self.products.len().into();
        }
        if self.commits > 0 {
            told["not_logged_yet"] = self.commits.into();
        }
    }

    /// Prints it, if there is any.
    pub(crate) fn print(&self) -> std::io::Result<()> {
        if self.events > 0 {
            let first = self.first.as_deref().map(|first| format!(", from {first} on")).unwrap_or_default();
            out::line(format_args!(
                "not published yet: {}{first}; the publisher is behind (--wait SECONDS waits for it)",
                counted(self.events, "event")
            ))?;
        }
        if let Some(first) = self.products.first() {
            out::line(format_args!(
                "not shown yet: {}, from {first} on; the projector is behind (--wait SECONDS waits for it)",
                counted(self.products.len() as u64, "product")
            ))?;
        }
        if self.commits > 0 {
            out::line(format_args!(
                "not logged yet: {}; the log is behind (--wait SECONDS waits for it)",
                counted(self.commits, "commit")
            ))?;
        }
        Ok(())
    }
}
