//! How many commits there are of each day, in UTC, by both times.

use std::collections::BTreeMap;

use schema::StoredCommit;
use serde::{Deserialize, Serialize};

use super::filter::{FilteredTime, in_metadata, text};

/// The number of commits of each day, such as `2024-05-29`.
pub type DayCounts = BTreeMap<String, u64>;

/// The counts of some commits by both times. A commit whose time cannot be read is in none. These names are stored. Never rename.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CommitDays {
    recorded: DayCounts,
    occurred: DayCounts,
}

impl CommitDays {
    /// Counts a commit.
    pub fn add(&mut self, commit: &StoredCommit) {
        count(&mut self.recorded, text(commit, "recorded_at"));
        count(&mut self.occurred, in_metadata(commit, "occurred_at"));
    }

    /// Adds the counts of other commits.
    pub fn extend(&mut self, further: Self) {
        for (counts, further) in
            [(&mut self.recorded, further.recorded), (&mut self.occurred, further.occurred)]
        {
            for (day, commits) in further {
                *counts.entry(day).or_default() += commits;
            }
        }
    }

    /// The counts by one of the times.
    pub(super) fn by(self, time: FilteredTime) -> DayCounts {
        match time {
            FilteredTime::Recorded => self.recorded,
            FilteredTime::Happened => self.occurred,
        }
    }
}

/// Counts the day of a time as it is stored, which is in UTC.
fn count(counts: &mut DayCounts, time: Option<&str>) {
    let Some((day, _)) = time.and_then(|time| time.split_once('T')) else { return };
    match counts.get_mut(day) {
        Some(commits) => *commits += 1,
        None => {
            counts.insert(day.to_owned(), 1);
        }
    }
}
