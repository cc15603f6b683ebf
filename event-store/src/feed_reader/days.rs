//! How many commits there are of each day, in UTC, by both times.

use std::collections::BTreeMap;

use schema::StoredCommit;

use super::filter::{FilteredTime, in_metadata, text};

/// The number of commits of each day, such as `2024-05-29`.
pub type DayCounts = BTreeMap<String, u64>;

/// The counts of some commits. A commit whose time cannot be read is in none.
#[derive(Debug, Clone, Default)]
pub(super) struct CommitDays {
    recorded: DayCounts,
    occurred: DayCounts,
}

impl CommitDays {
    pub(super) fn add(&mut self, commit: &StoredCommit) {
        count(&mut self.recorded, text(commit, "recorded_at"));
        count(&mut self.occurred, in_metadata(commit, "occurred_at"));
    }

    pub(super) fn extend(&mut self, further: Self) {
        for (counts, further) in
            [(&mut self.recorded, further.recorded), (&mut self.occurred, further.occurred)]
        {
            for (day, commits) in further {
                *counts.entry(day).or_default() += commits;
            }
        }
    }

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
