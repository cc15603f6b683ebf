//! Which commits a reader of the feed wants. Values are compared exactly with what is stored.

use schema::{ProductId, StoredCommit, Timestamp};
use serde_json::Value;

/// The commits that are wanted: those that have everything that is given here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommitFilter {
    /// The product.
    pub product: Option<ProductId>,
    /// The actor.
    pub actor: Option<String>,
    /// The stored names of events, of which it has at least one; none: any.
    pub types: Vec<&'static str>,
    /// The correlation id.
    pub correlation_id: Option<String>,
    /// The id of the commit.
    pub commit_id: Option<String>,
    /// The id of one of its events.
    pub event_id: Option<String>,
    /// Whether only retroactive commits are wanted.
    pub retroactive: bool,
    /// At this time or later.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub to: Option<Timestamp>,
    /// Which time.
    pub by: FilteredTime,
}

/// The time of a commit that a filter compares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FilteredTime {
    /// When it was recorded.
    #[default]
    Recorded,
    /// When it happened in business terms.
    Happened,
}

impl CommitFilter {
    /// Whether every commit is wanted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self { by: self.by, ..Self::default() }
    }
}

/// A filter, ready to be applied to many commits.
pub(super) struct Selector<'a> {
    pub(super) filter: &'a CommitFilter,
    // The order of the texts is the order of time.
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
}

impl<'a> Selector<'a> {
    pub(super) fn of(filter: &'a CommitFilter) -> Self {
        let [from, to] = [filter.from, filter.to].map(|time| time.map(|time| time.to_string()));
        Self { filter, from, to }
    }

    /// Whether a commit is wanted; it may still have to be retroactive.
    pub(super) fn selects(&self, commit: &StoredCommit) -> bool {
        let filter = self.filter;
        let is = |wanted: Option<&str>, found: Option<&str>| wanted.is_none() || wanted == found;
        let time = match filter.by {
            FilteredTime::Recorded => text(commit, "recorded_at"),
            FilteredTime::Happened => in_metadata(commit, "occurred_at"),
        };
        is(filter.product.as_ref().map(ProductId::as_str), text(commit, "product_id"))
            && is(filter.actor.as_deref(), in_metadata(commit, "actor"))
            && is(filter.correlation_id.as_deref(), in_metadata(commit, "correlation_id"))
            && is(filter.commit_id.as_deref(), text(commit, "commit_id"))
            && filter.event_id.as_deref().is_none_or(|id| event_ids(commit).any(|found| found == id))
            && (filter.types.is_empty() || event_names(commit).any(|name| filter.types.contains(&name)))
            && self.from.as_deref().is_none_or(|from| time.is_some_and(|time| time >= from))
            && self.to.as_deref().is_none_or(|to| time.is_some_and(|time| time < to))
    }
}

/// A text of the commit.
pub(super) fn text<'a>(commit: &'a StoredCommit, name: &str) -> Option<&'a str> {
    commit.0.get(name)?.as_str()
}

/// A text of the commit's metadata.
pub(super) fn in_metadata<'a>(commit: &'a StoredCommit, name: &str) -> Option<&'a str> {
    commit.0.get("metadata")?.get(name)?.as_str()
}

pub(super) fn events(commit: &StoredCommit) -> impl Iterator<Item = &Value> {
    commit.0.get("events").and_then(Value::as_array).into_iter().flatten()
}

/// The ids of its events.
pub(super) fn event_ids(commit: &StoredCommit) -> impl Iterator<Item = &str> {
    events(commit).filter_map(|event| event["event_id"].as_str())
}

/// The stored names of its events.
pub(super) fn event_names(commit: &StoredCommit) -> impl Iterator<Item = &str> {
    events(commit).filter_map(|event| event["type"].as_str())
}
