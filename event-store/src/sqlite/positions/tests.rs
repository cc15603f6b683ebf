//! Positions of the commits on SQLite: from 0 without gaps, those of a product in their order.

use schema::{Commit, StoredCommit, fixtures};
use sqlite::Database;
use sqlite::rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::chain::seal;
use crate::follow::Feed;
use crate::journal::Journal;
use crate::log_entry::LogEntry;
use crate::sqlite::LEDGER;

/// A product of six commits.
fn ledger() -> Vec<StoredCommit> {
    let (mut last, mut commits): (Option<Commit>, Vec<StoredCommit>) = (None, Vec::new());
    for event in fixtures::helmet_story() {
        let (commit, stored) =
            seal(fixtures::commit_after(last.as_ref(), &fixtures::id("helmet"), vec![event])).unwrap();
        last = Some(commit);
        commits.push(stored);
    }
    commits
}

/// The commits at their positions, changed by hand.
async fn changed(statements: &str) -> (TempDir, SqliteJournal) {
    let directory = tempfile::tempdir().unwrap();
    let journal = SqliteJournal::new(Database::open(directory.path(), &LEDGER).unwrap());
    for commit in ledger() {
        journal.append(&commit).await.unwrap();
    }
    let connection = Connection::open(directory.path().join(LEDGER.file)).unwrap();
    for trigger in ["replaced", "changed", "removed"] {
        connection.execute_batch(&format!("DROP TRIGGER commits_are_not_{trigger}")).unwrap();
    }
    connection.execute_batch(statements).unwrap();
    (directory, journal)
}

async fn faults(statements: &str, next: u64) -> PositionFaults {
    let (_directory, journal) = changed(statements).await;
    let newest = journal.newest_position().await.unwrap().unwrap();
    journal.position_faults(newest, next).await.unwrap()
}

#[tokio::test]
async fn positions_as_they_are_assigned_have_no_faults() {
    assert_eq!(faults("", 0).await, PositionFaults::default());
}

#[tokio::test]
async fn gaps_and_turned_positions_are_named() {
    let found = faults("UPDATE commits SET position = position + 10 WHERE position > 1", 0).await;
    assert_eq!((found.missing, found.has_gaps), (vec![(2, 11)], true));
    let found = faults("DELETE FROM commits WHERE position IN (0, 2)", 0).await;
    assert_eq!(found.missing, [(0, 0), (2, 2)]);
    let found = faults("UPDATE commits SET position = -4 WHERE position = 0", 0).await;
    assert_eq!((found.missing, found.negative), (vec![(0, 0)], Some(-4)));
    let found = faults(
        "UPDATE commits SET position = position + 100 WHERE position IN (1, 2); \
         UPDATE commits SET position = 103 - position WHERE position > 100",
        0,
    )
    .await;
    assert_eq!(found.backwards, [("helmet".to_owned(), 3, 2)]);
    assert_eq!((found.missing, found.has_gaps), (Vec::new(), false));
}

#[tokio::test]
async fn a_gap_below_the_recorded_next_position_is_explained() {
    let gap = "UPDATE commits SET position = position + 10 WHERE position > 1";
    let found = faults(gap, 12).await;
    assert_eq!((found.missing, found.has_gaps), (Vec::new(), true));
    assert_eq!(faults(gap, 11).await.missing, [(2, 11)], "the position 11 should not have been skipped");
}

#[tokio::test]
async fn entries_of_the_log_fill_positions_and_nothing_takes_the_place_of_one() {
    let (_directory, journal) = changed("DELETE FROM commits WHERE position IN (2, 5)").await;
    let entry = |position, byte| LogEntry { position, entry: vec![byte; 64], of: None };
    assert_eq!(journal.position_faults(4, 0).await.unwrap().missing, [(2, 2)]);
    journal.add_entries(vec![entry(5, 5), entry(2, 2), entry(6, 6)]).await.unwrap();
    let found = journal.position_faults(4, 0).await.unwrap();
    assert_eq!((found.missing, found.has_gaps), (Vec::new(), false));
    assert_eq!(journal.newest_entry().await.unwrap(), Some(6));
    assert_eq!(journal.entries(3, 100, 1).await.unwrap(), [entry(5, 5)]);
    // All or none, and what is there stays.
    assert!(journal.add_entries(vec![entry(8, 8), entry(2, 9)]).await.is_err());
    assert!(journal.add_entries(vec![entry(4, 9)]).await.is_err(), "a commit is there");
    assert_eq!(journal.entries(0, 100, 10).await.unwrap(), [entry(2, 2), entry(5, 5), entry(6, 6)]);
    for change in ["UPDATE log_entries SET entry = x'00'", "DELETE FROM log_entries"] {
        assert!(
            journal.database.write(|connection| connection.execute_batch(change)).await.is_err(),
            "{change}"
        );
    }
    // A commit follows behind the newest entry.
    let unsealed = fixtures::commit_after(None, &fixtures::id("cap"), vec![fixtures::helmet_created()]);
    journal.append(&seal(unsealed).unwrap().1).await.unwrap();
    assert_eq!(journal.position_of(&fixtures::id("cap"), 1).await.unwrap(), Some(7));
}
