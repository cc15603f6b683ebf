//! The data directory: what it keeps, who may have it, and who may look.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata};
use engine::{Ended, Engine, OpenError};

use crate::{TABLE, create_table, exists, put, text};

#[tokio::test]
async fn data_survives_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new/data #1?");
    let engine = Engine::open(&path).unwrap();
    let client = Client::new(&engine.sdk_config());
    create_table(&client, false).await;
    put(&client, "a").await;
    engine.close().await;
    let closed = client.get_item().table_name(TABLE).key("id", text("a")).send().await.unwrap_err();
    let closed = DisplayErrorContext(&closed).to_string();
    assert!(closed.contains(&Ended::Closed.to_string()), "{closed}");

    let again = Engine::open(&path).unwrap();
    assert!(exists(&Client::new(&again.sdk_config()), "a").await);
    again.close().await;
}

#[tokio::test]
async fn a_directory_in_use_is_refused_and_names_its_holder() {
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::open(directory.path()).unwrap();
    let refused = Engine::open(directory.path()).unwrap_err();
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused}");
    assert!(refused.to_string().contains(&format!("process {}", std::process::id())), "{refused}");
    engine.close().await;
    Engine::open(directory.path()).unwrap().close().await;
}

#[tokio::test]
async fn a_database_that_was_emptied_or_is_gone_is_not_taken_for_a_new_one() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("dynamodb.sqlite3");
    // A first start that ended before the database was there left an empty one.
    std::fs::write(&file, "").unwrap();
    std::fs::write(directory.path().join("dynamodb.lock"), "process 1\n\n").unwrap();
    Engine::open(directory.path()).unwrap().close().await;
    std::fs::write(&file, "").unwrap();
    let emptied = Engine::open(directory.path()).unwrap_err();
    assert!(matches!(emptied, OpenError::Gone { .. }), "{emptied}");
    std::fs::remove_file(&file).unwrap();
    let gone = Engine::open(directory.path()).unwrap_err();
    assert!(matches!(gone, OpenError::Gone { .. }), "{gone}");
    assert!(!file.exists());
}

#[tokio::test]
async fn what_cannot_be_opened_says_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("dynamodb.sqlite3");
    let missing = Engine::open_read_only(directory.path()).unwrap_err();
    assert!(matches!(missing, OpenError::NotFound { .. }), "{missing}");

    std::fs::write(&file, "this is not a database, and long enough to be none at all".repeat(100)).unwrap();
    let damaged = Engine::open(directory.path()).unwrap_err();
    assert!(matches!(damaged, OpenError::Damaged { .. }), "{damaged}");
    assert!(damaged.to_string().contains("restore it from a copy"), "{damaged}");

    // A file where the directory should be: also root cannot write there.
    let not_writable = Engine::open(&file).unwrap_err();
    assert!(matches!(not_writable, OpenError::NotWritable { .. }), "{not_writable}");
}

#[tokio::test]
async fn a_reader_beside_the_server_sees_its_commits_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let server = Engine::open(directory.path()).unwrap();
    let writing = Client::new(&server.sdk_config());
    create_table(&writing, false).await;

    let auditor = Engine::open_read_only(directory.path()).unwrap();
    for (id, config) in [("a", auditor.sdk_config()), ("b", server.reading_config())] {
        let reading = Client::new(&config);
        assert!(!exists(&reading, id).await);
        put(&writing, id).await;
        assert!(exists(&reading, id).await);
        let refused = reading.put_item().table_name(TABLE).item("id", text("x")).send().await.unwrap_err();
        assert_eq!(refused.code(), Some("AccessDeniedException"));
    }
    auditor.close().await;
    server.close().await;
    // Also when nobody serves it any more.
    let auditor = Engine::open_read_only(directory.path()).unwrap();
    assert!(!exists(&Client::new(&auditor.sdk_config()), "x").await);
    auditor.close().await;
}

#[tokio::test]
async fn long_reads_see_a_table_created_after_the_first_of_them() {
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::open(directory.path()).unwrap();
    let reading = Client::new(&engine.reading_config());
    assert!(reading.list_tables().send().await.unwrap().table_names().is_empty());
    let writing = Client::new(&engine.sdk_config());
    create_table(&writing, false).await;
    put(&writing, "a").await;
    assert_eq!(reading.scan().table_name(TABLE).limit(10).send().await.unwrap().count, 1);
    engine.close().await;
}

#[tokio::test]
async fn long_reads_in_memory_see_the_same_database() {
    let engine = Engine::in_memory().unwrap();
    create_table(&Client::new(&engine.sdk_config()), false).await;
    let reading = Client::new(&engine.reading_config());
    assert!(!exists(&reading, "a").await);
    let refused = reading.delete_table().table_name(TABLE).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("AccessDeniedException"));
}

#[tokio::test]
async fn a_new_database_has_the_index_without_which_writes_grow_slower() {
    let directory = tempfile::tempdir().unwrap();
    Engine::open(directory.path()).unwrap().close().await;
    let file = directory.path().join("dynamodb.sqlite3");
    let storage = dynoxide::storage::Storage::new(file.to_str().unwrap()).unwrap();
    let index = "SELECT sql FROM sqlite_master WHERE name = 'stream_records_by_table_and_sequence'";
    let sql: String = storage.conn().query_row(index, [], |row| row.get(0)).unwrap();
    assert!(sql.contains("CAST(sequence_number AS INTEGER)"), "{sql}");
}
