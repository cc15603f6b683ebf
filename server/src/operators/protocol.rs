//! What operators ask of a ledger, and its answers: one set of types for the server and for the commands that ask it.
//!
//! Their JSON is an interface, because `--json` prints answers as they are. Never rename a field; only add optional ones.

use std::collections::BTreeSet;

use axum::http::Method;
use event_store::Parked;
use schema::{ProductId, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A request for an operation. Its answer is JSON lines: [`AnswerLine::Progress`] while the work goes on, then its end.
pub trait OperatorRequest: Serialize + DeserializeOwned + Send + 'static {
    /// The method of its route.
    const METHOD: Method;
    /// The path of its route.
    const PATH: &'static str;
    /// A line while the work goes on.
    type Progress: Serialize + DeserializeOwned + Send + Sync;
    /// The result.
    type Done: Serialize + DeserializeOwned + Send;
}

/// A line of an answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnswerLine<P, D> {
    /// How far the work is, or what it found.
    Progress(P),
    /// The work is done.
    Done(D),
    /// The state of the ledger does not allow it, or the server stopped: the text says what to do.
    Refused(String),
    /// It could not be done.
    Failed(String),
}

/// List the parked products.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListParked;

impl OperatorRequest for ListParked {
    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/parked";
    type Progress = ();
    type Done = Vec<Parked>;
}

/// Retry parked products, including those that only an operator can release.
#[derive(Debug, Serialize, Deserialize)]
pub struct RetryParked {
    /// These products.
    #[serde(default)]
    pub products: BTreeSet<ProductId>,
    /// Every parked product.
    #[serde(default)]
    pub all: bool,
}

impl OperatorRequest for RetryParked {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/parked/retry";
    type Progress = RetriedProduct;
    type Done = RetrySummary;
}

/// The result of a product's retry.
#[derive(Debug, Serialize, Deserialize)]
pub struct RetriedProduct {
    /// The product.
    pub product_id: ProductId,
    /// Whether no consumer holds it back any more.
    pub released: bool,
    /// Views that are still behind.
    pub views_behind: usize,
    /// Why it could not be published, if so.
    pub not_published: Option<String>,
    /// Whether the log still lacks commits of it.
    #[serde(default)]
    pub not_logged: bool,
    /// Whether it was parked before.
    pub was_parked: bool,
}

/// The result of a retry.
#[derive(Debug, Serialize, Deserialize)]
pub struct RetrySummary {
    /// Products that were retried.
    pub retried: usize,
    /// Products that are still parked.
    pub still_parked: u64,
}

/// Compare the newest version of every product with the views and with its publication.
#[derive(Debug, Serialize, Deserialize)]
pub struct Reconcile {
    /// Bring what is behind up to date, and compare it again.
    pub repair: bool,
}

impl OperatorRequest for Reconcile {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/reconcile";
    type Progress = Discrepancy;
    type Done = ReconcileSummary;
}

/// A product that a view or the publication does not agree with.
#[derive(Debug, Serialize, Deserialize)]
pub struct Discrepancy {
    /// The key of its commits, or of a row of a view that no product of the ledger has; no product id if something else
    /// wrote it.
    pub product_id: String,
    /// Its newest version; 0 if the ledger does not have it.
    pub version: u64,
    /// Consumers that are behind.
    pub behind: Vec<String>,
    /// Views whose content differs, which a repair does not change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differs: Vec<String>,
    /// The result of the repair, if there was one.
    #[serde(flatten)]
    pub repair: Option<Repair>,
    /// The commands that correct what is left.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub remedy: BTreeSet<String>,
}

/// The result of a product's repair.
#[derive(Debug, Serialize, Deserialize)]
pub struct Repair {
    /// Whether the comparison after the repair found nothing.
    pub repaired: bool,
    /// Why it could not be published, if so.
    pub not_published: Option<String>,
    /// What the comparison after the repair found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<String>,
}

/// The result of a reconciliation, in products.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ReconcileSummary {
    /// All of the ledger.
    pub products: u64,
    /// Products that a view or the publication is behind with.
    pub behind: u64,
    /// Products that a view shows with other content, and rows of views that no product of the ledger has.
    pub differing: u64,
    /// Products in order after a repair.
    pub repaired: u64,
    /// Products that are still behind or differ.
    pub left: u64,
}

/// Rebuild a view, or only compare it.
#[derive(Debug, Serialize, Deserialize)]
pub struct RebuildView {
    /// The view.
    pub view: ViewName,
    /// Only compare.
    pub dry_run: bool,
    /// Take over from a running rebuild of the view.
    #[serde(default)]
    pub take_over: bool,
    /// How long both generations are written after the switch; a minute if left out.
    pub overlap_seconds: Option<u64>,
}

impl OperatorRequest for RebuildView {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/rebuild";
    type Progress = RebuildProgress;
    type Done = RebuildReport;
}

/// A view that can be rebuilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ViewName {
    /// What GET and LIST read.
    Products,
    /// The price histories.
    Prices,
}

/// How far a rebuild is.
#[derive(Debug, Serialize, Deserialize)]
pub struct RebuildProgress {
    /// What it is doing.
    pub phase: RebuildPhase,
    /// Commits read in this phase.
    pub commits: u64,
}

/// A phase of a rebuild, as its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum RebuildPhase {
    /// It watches whether a rebuild on record still runs.
    Watching,
    /// It removes what an earlier rebuild left.
    CleaningUp,
    /// It writes the new generation.
    Building,
    /// It compares the new generation with the event table.
    Comparing,
    /// The new generation is read, and both are written.
    Overlapping,
    /// It removes the old generation.
    Dropping,
}

impl RebuildPhase {
    const ALL: [(Self, &str); 6] = [
        (Self::Watching, "watching whether another rebuild still runs"),
        (Self::CleaningUp, "cleaning up"),
        (Self::Building, "building"),
        (Self::Comparing, "comparing"),
        (Self::Overlapping, "writing the old and the new view"),
        (Self::Dropping, "dropping the old"),
    ];
}

impl From<RebuildPhase> for String {
    fn from(phase: RebuildPhase) -> Self {
        let text = RebuildPhase::ALL.iter().find(|(named, _)| *named == phase);
        text.map_or_else(String::new, |(_, text)| (*text).to_owned())
    }
}

impl TryFrom<String> for RebuildPhase {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let named = Self::ALL.iter().find(|(_, named)| *named == text);
        named.map(|(phase, _)| *phase).ok_or(text)
    }
}

/// The result of a rebuild or a comparison.
#[derive(Debug, Serialize, Deserialize)]
pub struct RebuildReport {
    /// The generation that is read now; `None` after a comparison.
    pub generation: Option<u32>,
    /// Commits read.
    pub commits: u64,
    /// Products compared.
    pub products: u64,
    /// Products whose rows differed.
    pub differing: u64,
    /// The first of them.
    pub differences: Vec<DifferingProduct>,
    /// Products whose commits cannot be read.
    pub unreadable: Vec<UnreadableProduct>,
    /// Items of older generations that were removed.
    pub dropped: u64,
}

/// A product whose rows differed from the ledger.
#[derive(Debug, Serialize, Deserialize)]
pub struct DifferingProduct {
    /// The key of its rows; no product of the ledger if something else wrote them.
    pub product_id: String,
    /// How.
    pub difference: String,
}

/// A product whose commits cannot be read.
#[derive(Debug, Serialize, Deserialize)]
pub struct UnreadableProduct {
    /// The product.
    pub product_id: ProductId,
    /// Why.
    pub reason: String,
}

/// Publish a part of the ledger again, or only count its events.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReplayEvents {
    /// Only this product.
    pub product: Option<ProductId>,
    /// Only what was recorded at this moment or later.
    pub from: Option<Timestamp>,
    /// Only what was recorded at this moment or earlier.
    pub to: Option<Timestamp>,
    /// The bus, if not the configured one.
    pub bus: Option<String>,
    /// Only count.
    #[serde(default)]
    pub dry_run: bool,
}

impl OperatorRequest for ReplayEvents {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/replay";
    type Progress = ReplayReport;
    type Done = ReplayReport;
}

/// How far a replay is, and its result.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReplayReport {
    /// Events that the bus accepted; in a dry run, events counted.
    pub events: u64,
    /// Products that were not replayed to the end.
    pub left: Vec<UnreplayedProduct>,
    /// The id in every message; `None` in a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<String>,
}

/// A product that was not replayed to the end.
#[derive(Debug, Serialize, Deserialize)]
pub struct UnreplayedProduct {
    /// The product.
    pub product_id: ProductId,
    /// The first event that was not replayed.
    pub from_sequence: u64,
    /// What the bus or the ledger answered.
    pub reason: String,
}
