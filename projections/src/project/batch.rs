//! A batch of stream records grouped by product, with the trace span and the lag of each. A record that cannot be read does
//! not affect the others.

use std::collections::BTreeMap;

use event_store::follow::{Change, ChangeRecord, Tampering, give_up};
use schema::{ProductId, StoredCommit, Timestamp};
use telemetry::meters::PROJECTION_LAG;
use telemetry::trace;
use tracing::Span;

use super::PROJECTOR;
use crate::projection::ProductCommits;

/// A batch, grouped by product.
#[derive(Debug, Default)]
pub(super) struct RecordBatch {
    pub(super) products: Vec<ProductRecords>,
    /// Changes to commits, which never change.
    pub(super) tampered: Vec<Tampering>,
    /// Why a record is of no product that the ledger can have.
    pub(super) foreign: Vec<String>,
}

/// The records of one product in a batch.
#[derive(Debug)]
pub(super) struct ProductRecords {
    pub(super) commits: ProductCommits,
    /// Whether a record cannot be read or contradicts another, so that the event table has to be read instead.
    pub(super) unreadable: bool,
    /// The id of the product's first record in the batch.
    pub(super) first_record: String,
}

impl RecordBatch {
    pub(super) fn read(records: Vec<ChangeRecord>) -> Self {
        let mut batch = Self::default();
        let mut products = BTreeMap::new();
        for ChangeRecord { id, change } in records {
            match change {
                Change::Tampered(tampering) => batch.tampered.push(tampering),
                Change::Committed(commit) => match product_of(&commit) {
                    Ok(product) => of_product(&mut products, product, id).add(*commit),
                    Err(reason) => batch.foreign.push(reason),
                },
                Change::Unreadable { product: Some(product), reason } => {
                    tracing::warn!(target: "ledger::projector", product_id = product.as_str(), reason, "a stream record cannot be read; the event table is read instead");
                    of_product(&mut products, product, id).unreadable = true;
                }
                Change::Unreadable { product: None, reason } => batch.foreign.push(reason),
                Change::Nameless { reason } => give_up(PROJECTOR, &id, &reason),
            }
        }
        batch.products = products.into_values().collect();
        batch
    }
}

impl ProductRecords {
    /// The first event in the batch, 1 if none can be read.
    pub(super) fn first_sequence(&self) -> u64 {
        self.commits.by_sequence.keys().next().copied().unwrap_or(1)
    }

    fn add(&mut self, commit: StoredCommit) {
        match commit.sequence() {
            Ok(sequence) => {
                let hash = commit.0.get("hash").cloned();
                let before = self.commits.by_sequence.insert(sequence, commit);
                // Only the event table can tell which of two commits with one sequence is recorded.
                self.unreadable |= before.is_some_and(|before| before.0.get("hash") != hash.as_ref());
            }
            Err(_) => self.unreadable = true,
        }
    }

    /// The span of updating a view, in the trace of the command that wrote the newest commit.
    pub(super) fn span(&self, view: &'static str) -> Span {
        let product_id = self.commits.product.as_str();
        let span = tracing::info_span!(target: "ledger::projector", "project", otel.kind = "consumer", view, product_id);
        trace::follow(&span, self.commits.by_sequence.values().rev().filter_map(traceparent));
        span
    }

    /// Records how long each commit took to become visible in a view.
    pub(super) fn record_lag(&self, view: &'static str, now: Timestamp) {
        let lag = metrics::histogram!(PROJECTION_LAG.name, "view" => view);
        for recorded_at in self.commits.by_sequence.values().filter_map(recorded_at) {
            let seconds = recorded_at.seconds_until(now);
            lag.record(seconds);
            telemetry::lag::note(view, seconds);
        }
    }
}

fn traceparent(commit: &StoredCommit) -> Option<&str> {
    commit.0.get("metadata")?.get("traceparent")?.as_str()
}

fn recorded_at(commit: &StoredCommit) -> Option<Timestamp> {
    Timestamp::parse(commit.text("recorded_at").ok()?).ok()
}

fn product_of(commit: &StoredCommit) -> Result<ProductId, String> {
    let text = commit.text("product_id").map_err(|error| error.to_string())?;
    ProductId::new(text).map_err(|error| format!("{text}: {error}"))
}

fn of_product(
    products: &mut BTreeMap<ProductId, ProductRecords>,
    product: ProductId,
    first_record: String,
) -> &mut ProductRecords {
    products.entry(product.clone()).or_insert_with(|| ProductRecords {
        commits: ProductCommits { product, by_sequence: BTreeMap::new() },
        unreadable: false,
        first_record,
    })
}
