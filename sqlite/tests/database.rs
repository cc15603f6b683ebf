//! The promises of a file: writes are synced before they are acknowledged, concurrent writes share a transaction, and a changed
//! schema is refused.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::pin::Pin;
use std::task::Poll;

use sqlite::rusqlite::{self, Connection, params};
use sqlite::{Access, Database, Error, OpenError, Schema, Version};

const FIRST: &str = "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
     CREATE TRIGGER notes_stay BEFORE DELETE ON notes BEGIN SELECT RAISE(ABORT, 'a note stays'); END;";

const SCHEMA: Schema = Schema { file: "notes.sqlite3", application_id: 0x1234, versions: &[FIRST] };

const NEXT: Schema =
    Schema { versions: &[FIRST, "CREATE TABLE more (id INTEGER PRIMARY KEY) STRICT;"], ..SCHEMA };

fn add(connection: &Connection, id: i64) -> rusqlite::Result<usize> {
    connection.prepare_cached("INSERT INTO notes VALUES (?1, 'x')")?.execute([id])
}

fn count(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT count(*) FROM notes", [], |row| row.get(0))
}

fn by_hand(directory: &Path) -> Connection {
    Connection::open(directory.join(SCHEMA.file)).unwrap()
}

fn refused(directory: &Path, schema: &Schema) -> String {
    Database::open(directory, schema).unwrap_err().to_string()
}

#[tokio::test]
async fn what_was_acknowledged_is_seen_by_every_reader_and_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(directory.path(), &SCHEMA).unwrap();
    database.write(|connection| add(connection, 1)).await.unwrap();
    assert_eq!(database.peek(count).unwrap(), 1);
    assert_eq!(Database::open_read_only(directory.path(), &SCHEMA).unwrap().read(count).await.unwrap(), 1);
    database.close().await;
    let again = Database::open(directory.path(), &SCHEMA).unwrap();
    assert_eq!(again.read(count).await.unwrap(), 1);
}

#[tokio::test]
async fn a_write_that_fails_takes_none_of_its_neighbours_along() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(directory.path(), &SCHEMA).unwrap();
    let half = |connection: &Connection| {
        add(connection, 100)?;
        add(connection, 1)
    };
    let (first, second, third) = tokio::join!(
        database.write(|connection| add(connection, 1)),
        database.write(half),
        database.write(|connection| add(connection, 2)),
    );
    first.unwrap();
    assert!(second.unwrap_err().is_duplicate());
    third.unwrap();
    assert_eq!(database.peek(count).unwrap(), 2);
}

/// While the first write holds the thread, the others gather behind it: each is sent when it is polled.
#[tokio::test]
async fn writes_that_wait_together_share_one_transaction() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(directory.path(), &SCHEMA).unwrap();
    let committed = database.committed();
    let before = *committed.borrow();
    let (release, held) = std::sync::mpsc::channel::<()>();
    let wait = move |connection: &Connection| {
        held.recv().unwrap();
        add(connection, 0)
    };
    let mut first = Box::pin(database.write(wait));
    assert!(poll(first.as_mut()).await.is_none());
    let mut others: Vec<_> =
        (1..=50).map(|id| Box::pin(database.write(move |connection| add(connection, id)))).collect();
    for other in &mut others {
        assert!(poll(other.as_mut()).await.is_none());
    }
    release.send(()).unwrap();
    first.await.unwrap();
    for other in others {
        other.await.unwrap();
    }
    assert_eq!(database.peek(count).unwrap(), 51);
    assert_eq!(*committed.borrow() - before, 1, "one transaction for 51 writes");
}

/// Polls once.
async fn poll<F: Future>(future: Pin<&mut F>) -> Option<F::Output> {
    let mut future = Some(future);
    std::future::poll_fn(|context| {
        let polled = future.take().map(|future| future.poll(context));
        Poll::Ready(match polled {
            Some(Poll::Ready(value)) => Some(value),
            _ => None,
        })
    })
    .await
}

#[tokio::test]
async fn steps_of_a_follower_see_each_other_and_nobody_else_sees_them_before_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(directory.path(), &SCHEMA).unwrap();
    let joined = Access::Joined(database.clone());
    database.begin();
    joined.write(|connection| add(connection, 1)).await.unwrap();
    assert_eq!(joined.peek(count).await.unwrap(), 1);
    assert_eq!(database.peek(count).unwrap(), 0);
    database.end().await.unwrap();
    assert_eq!(database.peek(count).unwrap(), 1);
}

#[tokio::test]
async fn a_write_beside_a_follower_is_synced_without_waiting_for_its_end() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(directory.path(), &SCHEMA).unwrap();
    database.begin();
    Access::Joined(database.clone()).write(|connection| add(connection, 1)).await.unwrap();
    database.write(|connection| add(connection, 2)).await.unwrap();
    assert_eq!(database.peek(count).unwrap(), 2);
    database.end().await.unwrap();
}

#[tokio::test]
async fn without_a_follower_a_joined_write_is_a_write_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(directory.path(), &SCHEMA).unwrap();
    Access::Joined(database.clone()).write(|connection| add(connection, 1)).await.unwrap();
    assert_eq!(database.peek(count).unwrap(), 1);
}

#[tokio::test]
async fn a_follower_whose_transaction_was_undone_learns_it_at_the_next_step_and_at_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(directory.path(), &SCHEMA).unwrap();
    let joined = Access::Joined(database.clone());
    database.begin();
    joined.write(|connection| add(connection, 1)).await.unwrap();
    // A full disk rolls back the whole transaction; a statement of a write does the same here.
    let rolled_back = joined.write(|connection| connection.execute_batch("ROLLBACK")).await;
    assert!(matches!(rolled_back, Err(Error::NotCommitted { .. })));
    assert!(matches!(joined.write(|connection| add(connection, 2)).await, Err(Error::NotCommitted { .. })));
    assert!(matches!(database.end().await, Err(Error::NotCommitted { .. })));
    assert_eq!(database.peek(count).unwrap(), 0);
    database.begin();
    joined.write(|connection| add(connection, 3)).await.unwrap();
    database.end().await.unwrap();
    assert_eq!(database.peek(count).unwrap(), 1);
}

#[tokio::test]
async fn a_panic_ends_the_writer_and_every_later_write_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(directory.path(), &SCHEMA).unwrap();
    let panicked = database.write(|_| -> rusqlite::Result<()> { panic!("on purpose") }).await;
    assert!(matches!(panicked, Err(Error::Ended { .. })));
    assert!(database.ended().await.contains("panicked"));
    assert!(matches!(database.write(count).await, Err(Error::Ended { .. })));
}

#[tokio::test]
async fn what_the_file_forbids_is_refused_to_everybody() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(directory.path(), &SCHEMA).unwrap();
    database.write(|connection| add(connection, 1)).await.unwrap();
    let delete = |connection: &Connection| connection.execute("DELETE FROM notes", []);
    assert!(database.write(delete).await.unwrap_err().to_string().contains("a note stays"));
    assert!(by_hand(directory.path()).execute("DELETE FROM notes", []).is_err());
}

#[tokio::test]
async fn a_change_by_another_connection_is_noticed_and_a_plain_checkpoint_by_one_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(directory.path(), &SCHEMA).unwrap();
    database.write(|connection| add(connection, 1)).await.unwrap();
    let mut foreign = database.foreign();
    foreign.mark_unchanged();
    let other = by_hand(directory.path());
    other.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).unwrap();
    database.write(|connection| add(connection, 2)).await.unwrap();
    assert!(!foreign.has_changed().unwrap(), "a checkpoint changes nothing");
    other.execute("INSERT INTO notes VALUES (3, 'by hand')", []).unwrap();
    database.write(|connection| add(connection, 4)).await.unwrap();
    assert!(foreign.has_changed().unwrap());
}

#[tokio::test]
async fn what_is_missing_changed_or_more_in_the_schema_is_refused_by_name() {
    for (change, named) in [
        ("DROP TRIGGER notes_stay", "trigger notes_stay is missing"),
        ("CREATE TABLE planted (x)", "table planted does not belong there"),
        ("CREATE INDEX planted ON notes (text)", "index planted does not belong there"),
        (
            "DROP TRIGGER notes_stay; CREATE TRIGGER notes_stay BEFORE DELETE ON notes BEGIN SELECT 1; END",
            "trigger notes_stay has another text",
        ),
    ] {
        let directory = tempfile::tempdir().unwrap();
        Database::open(directory.path(), &SCHEMA).unwrap().close().await;
        by_hand(directory.path()).execute_batch(change).unwrap();
        let refused = refused(directory.path(), &SCHEMA);
        assert!(refused.contains(named), "{change}: {refused}");
    }
}

#[tokio::test]
async fn a_file_of_a_later_build_of_another_program_or_of_none_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    Database::open(directory.path(), &SCHEMA).unwrap().close().await;
    by_hand(directory.path()).pragma_update(None, "user_version", 2).unwrap();
    let newer = Database::open(directory.path(), &SCHEMA);
    assert!(matches!(newer, Err(OpenError::Newer { found: 2, known: 1, .. })));
    by_hand(directory.path()).pragma_update(None, "application_id", 99).unwrap();
    assert!(refused(directory.path(), &SCHEMA).contains("application id"));
    std::fs::write(directory.path().join(SCHEMA.file), [7; 4096]).unwrap();
    assert!(matches!(Database::open(directory.path(), &SCHEMA), Err(OpenError::Damaged { .. })));
}

#[tokio::test]
async fn a_file_of_an_earlier_build_is_brought_up_by_addition() {
    let directory = tempfile::tempdir().unwrap();
    let old = Database::open(directory.path(), &SCHEMA).unwrap();
    old.write(|connection| add(connection, 1)).await.unwrap();
    old.close().await;
    assert_eq!(Database::version(directory.path(), &NEXT).unwrap(), Some(Version::Older(1)));
    let new = Database::open(directory.path(), &NEXT).unwrap();
    assert_eq!(new.peek(count).unwrap(), 1);
    let more = new.write(|connection| connection.execute("INSERT INTO more VALUES (?1)", params![1]));
    assert_eq!(more.await.unwrap(), 1);
}

#[tokio::test]
async fn a_reader_never_writes_and_reads_what_is_not_there_as_such() {
    let directory = tempfile::tempdir().unwrap();
    let missing = Database::open_read_only(directory.path(), &SCHEMA);
    assert!(matches!(missing, Err(OpenError::NotFound { .. })));
    Database::open(directory.path(), &SCHEMA).unwrap().close().await;
    let reader = Database::open_read_only(directory.path(), &SCHEMA).unwrap();
    assert!(reader.write(|connection| add(connection, 1)).await.is_err());
    assert!(reader.read(|connection| add(connection, 1)).await.is_err());
}

#[tokio::test]
async fn files_are_for_their_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(directory.path(), &SCHEMA).unwrap();
    database.write(|connection| add(connection, 1)).await.unwrap();
    for file in std::fs::read_dir(directory.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", file.path());
    }
}

/// A new version of SQLite is reviewed before it is used: decision 24 lists the known problems of this one.
#[test]
fn the_bundled_sqlite_is_the_one_that_was_looked_at() {
    assert_eq!(rusqlite::version(), "3.49.2");
}
