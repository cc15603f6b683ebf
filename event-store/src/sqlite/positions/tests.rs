//! Positions of the commits on SQLite: from 0 without gaps, those of a product in their order.

use schema::{Commit, StoredCommit, fixtures};
use sqlite::Database;
use sqlite::rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::chain::seal;
use crate::follow::Feed;
use crate::journal::Journal;
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
