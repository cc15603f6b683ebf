//! What some commits have in common, so that a filter can rule all of them out at once.
//!
//! The promise: no commits are ruled out of which the filter selects one.

use std::collections::BTreeSet;

use schema::{StoredCommit, Timestamp};
use serde::{Deserialize, Serialize};

use super::filter::{FilteredTime, Selector, event_ids, event_names, in_metadata, text};
use super::price_times;

/// Names that a summary lists at most.
const MOST_NAMES: usize = 64;

/// What some commits have in common. These names are stored. Never rename; only add optional ones.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CommitSummary {
    recorded: TextRange,
    occurred: TextRange,
    commit_ids: TextRange,
    event_ids: TextRange,
    actors: NameSet,
    types: NameSet,
    /// Whether one of them is, or may be, retroactive.
    retroactive: bool,
}

/// The smallest and the largest of some texts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
struct TextRange(Option<(String, String)>);

/// Some names; `None` if they are too many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct NameSet(Option<BTreeSet<String>>);

impl CommitSummary {
    /// Adds a commit.
    pub fn add(&mut self, commit: &StoredCommit) {
        self.recorded.add(text(commit, "recorded_at"));
        self.occurred.add(in_metadata(commit, "occurred_at"));
        self.commit_ids.add(text(commit, "commit_id"));
        event_ids(commit).for_each(|id| self.event_ids.add(Some(id)));
        self.actors.add(in_metadata(commit, "actor"));
        event_names(commit).for_each(|name| self.types.add(Some(name)));
        self.retroactive |= price_times::said_by(commit) != Some(false);
    }

    /// Adds the commits of another summary.
    pub fn merge(&mut self, other: &Self) {
        self.recorded.merge(&other.recorded);
        self.occurred.merge(&other.occurred);
        self.commit_ids.merge(&other.commit_ids);
        self.event_ids.merge(&other.event_ids);
        self.actors.merge(&other.actors);
        self.types.merge(&other.types);
        self.retroactive |= other.retroactive;
    }

    /// The first time at which one of them was recorded; `None` without commits.
    #[must_use]
    pub fn first_recorded(&self) -> Option<Timestamp> {
        Timestamp::parse(&self.recorded.0.as_ref()?.0).ok()
    }

    /// The last time at which one of them was recorded; `None` without commits.
    #[must_use]
    pub fn last_recorded(&self) -> Option<Timestamp> {
        Timestamp::parse(&self.recorded.0.as_ref()?.1).ok()
    }

    /// Whether none of them is wanted, as far as the summary tells.
    pub(super) fn is_ruled_out(&self, selector: &Selector<'_>) -> bool {
        let filter = selector.filter;
        let times = match filter.by {
            FilteredTime::Recorded => &self.recorded,
            FilteredTime::Happened => &self.occurred,
        };
        let (from, to) = (selector.from.as_deref(), selector.to.as_deref());
        let has_times = from.is_some() || to.is_some();
        (filter.retroactive && !self.retroactive)
            || (has_times && times.is_outside(from, to))
            || filter.actor.as_deref().is_some_and(|actor| self.actors.lacks_all([actor].into_iter()))
            || (!filter.types.is_empty() && self.types.lacks_all(filter.types.iter().copied()))
            || filter.commit_id.as_deref().is_some_and(|id| self.commit_ids.lacks(id))
            || filter.event_id.as_deref().is_some_and(|id| self.event_ids.lacks(id))
    }
}

impl TextRange {
    fn add(&mut self, text: Option<&str>) {
        let Some(text) = text else { return };
        match &mut self.0 {
            None => self.0 = Some((text.to_owned(), text.to_owned())),
            Some((least, _)) if text < least.as_str() => text.clone_into(least),
            Some((_, most)) if text > most.as_str() => text.clone_into(most),
            Some(_) => {}
        }
    }

    fn merge(&mut self, other: &Self) {
        if let Some((least, most)) = &other.0 {
            self.add(Some(least));
            self.add(Some(most));
        }
    }

    /// Whether all texts are below `from` or not below `to`.
    fn is_outside(&self, from: Option<&str>, to: Option<&str>) -> bool {
        let Some((least, most)) = &self.0 else { return true };
        from.is_some_and(|from| most.as_str() < from) || to.is_some_and(|to| least.as_str() >= to)
    }

    /// Whether none of the texts is this one, as far as the range tells.
    fn lacks(&self, text: &str) -> bool {
        self.0.as_ref().is_none_or(|(least, most)| text < least.as_str() || text > most.as_str())
    }
}

impl Default for NameSet {
    fn default() -> Self {
        Self(Some(BTreeSet::new()))
    }
}

impl NameSet {
    fn add(&mut self, name: Option<&str>) {
        let (Some(names), Some(name)) = (&mut self.0, name) else { return };
        if !names.contains(name) {
            names.insert(name.to_owned());
        }
        if names.len() > MOST_NAMES {
            self.0 = None;
        }
    }

    fn merge(&mut self, other: &Self) {
        match &other.0 {
            Some(names) => names.iter().for_each(|name| self.add(Some(name))),
            None => self.0 = None,
        }
    }

    /// Whether none of these is among the names.
    fn lacks_all<'a>(&self, mut wanted: impl Iterator<Item = &'a str>) -> bool {
        self.0.as_ref().is_some_and(|names| !wanted.any(|name| names.contains(name)))
    }
}
