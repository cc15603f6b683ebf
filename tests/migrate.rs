//! One command migrates a data directory of an earlier build. `tests/data/former.sql.gz` is one: 153 products of the
//! sample and two more, one of them parked, four events not published.

use std::io::Read;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlite::rusqlite::Connection;

use crate::restore::{asked, count, until};
use crate::scenario::{Ledger, printed, program, repository};

/// What the build before printed of this directory: `ledger verify` the heads, `ledger export | sha256sum` the rest.
const HEADS: &str = "8d1d3a7a8cbe75a8fd3bb84280ad0cce57b1dc8906d046963bdfda7ad44b9089";
const EXPORT: &str = "5a7c488719875600914c9df3caa82320b251e74cd25a7737e14f99b93f4d5634";

const PARKED: &str = "694215b7-08f7-4c0d-acb1-d734ba44c0c8";

/// The directory as it is after a kill: a part of it in the write-ahead log.
fn former(directory: &Path) -> PathBuf {
    let zipped = std::fs::File::open(repository().join("tests/data/former.sql.gz")).unwrap();
    let mut statements = String::new();
    flate2::read::GzDecoder::new(zipped).read_to_string(&mut statements).unwrap();
    let (written, data) = (directory.join("written"), directory.join("former"));
    for made in [&written, &data] {
        std::fs::DirBuilder::new().mode(0o700).create(made).unwrap();
    }
    let connection = Connection::open(written.join("dynamodb.sqlite3")).unwrap();
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    connection.execute_batch(&statements).unwrap();
    for ending in ["", "-wal"] {
        let name = format!("dynamodb.sqlite3{ending}");
        std::fs::copy(written.join(&name), data.join(&name)).unwrap();
    }
    std::fs::write(data.join("dynamodb.lock"), "process 1\ndatabase created\n").unwrap();
    data
}

fn migrate(data: &Path) -> Command {
    let mut command = program();
    command.arg("migrate").arg(data);
    command
}

/// It holds what it held.
fn assert_whole(data: &Path) {
    let output = program().args(["verify", "--data"]).arg(data).output().unwrap();
    assert!(output.status.success() && printed(&output).contains(HEADS), "{}", printed(&output));
    let export = program().args(["export", "--data"]).arg(data).output().unwrap();
    let hash = schema::Hash::of_digest(&Sha256::digest(&export.stdout).into());
    assert_eq!(hash.as_str(), EXPORT);
    let file = data.join("ledger.sqlite3");
    let places = "SELECT CAST(position AS TEXT) FROM commits ORDER BY recorded_at, product_id, sequence";
    assert_eq!(asked(&file, places), (0..339).map(|n| n.to_string()).collect::<Vec<_>>());
}

/// Product and sequence of each entry of the bus that was not there before.
fn published(publishing: &Path) -> Vec<String> {
    let entries = asked(publishing, "SELECT entry FROM bus WHERE position > 20");
    let told = entries.iter().map(|entry| {
        let metadata = &serde_json::from_str::<Value>(entry).unwrap()["detail"]["metadata"];
        format!("{} {}", metadata["product_id"].as_str().unwrap(), metadata["sequence"])
    });
    let mut told: Vec<String> = told.collect();
    told.sort();
    told
}

#[tokio::test]
async fn a_directory_of_the_build_before_is_brought_over_and_goes_on_publishing_where_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let data = former(directory.path());
    let before = std::fs::read(data.join("dynamodb.sqlite3")).unwrap();
    let refused = program().args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&data).output().unwrap();
    assert!(printed(&refused).contains("ledger migrate"), "{}", printed(&refused));
    assert_eq!(refused.status.code(), Some(2));

    let output = migrate(&data).output().unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    let said = printed(&output);
    assert!(
        said.starts_with("339 commits written; 338 receipts, 1 parked product, 20 entries of the bus"),
        "{said}"
    );
    assert_eq!(std::fs::read(data.join("dynamodb.sqlite3")).unwrap(), before, "the old file was written to");
    assert_whole(&data);
    let publishing = data.join("publishing.sqlite3");
    let row = "SELECT product_id || ' ' || from_sequence || ' ' || attempts || ' ' || retryable || ' ' || parked_at FROM parking";
    assert_eq!(asked(&publishing, row), [format!("{PARKED} 2 1 1 2026-11-29T00:14:53.462Z")]);
    assert_eq!((count(&publishing, "receipts WHERE is_receipt"), count(&publishing, "bus")), (336, 20));

    let mut ledger = Ledger::on(data);
    let retried = ledger.operate(&["parked", "retry", PARKED]);
    assert!(retried.status.success(), "{}", printed(&retried));
    until("views and receipts are there", || {
        ledger.operate(&["verify", "--receipts", "--views"]).status.success()
    })
    .await;
    // The events without a receipt, and no other, went to the bus.
    assert_eq!(
        published(&publishing),
        [&format!("{PARKED} 2"), &format!("{PARKED} 3"), "fresh 1", "new-one 1"]
    );
    assert_eq!(count(&publishing, "receipts WHERE is_receipt"), 340);
    let (_, product) = ledger.get("/products/new-one").await;
    assert_eq!(product["name"], "New <é> 😀");
    let output = migrate(&ledger.data).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", printed(&output));
    ledger.terminate();
    let again = migrate(&ledger.data).output().unwrap();
    assert!(
        again.status.success() && printed(&again).starts_with("0 commits written"),
        "{}",
        printed(&again)
    );
}

#[test]
fn interrupted_at_any_moment_it_can_be_repeated() {
    let directory = tempfile::tempdir().unwrap();
    let data = former(directory.path());
    for kill in 0..12 {
        let mut child = migrate(&data).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(15 * kill));
        child.kill().unwrap();
        child.wait().unwrap();
        if data.join("ledger.sqlite3").exists() {
            break;
        }
    }
    let output = migrate(&data).output().unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    assert_whole(&data);

    // Killed between the two names: what is there of the new files is made again.
    let file = data.join("ledger.sqlite3");
    std::fs::remove_file(&file).unwrap();
    let lost = migrate(&data).output().unwrap();
    assert!(
        lost.status.code() == Some(2) && printed(&lost).contains("restore it from a copy"),
        "{}",
        printed(&lost)
    );
    std::fs::write(data.join("ledger.lock"), "process 1\n\n").unwrap();
    std::fs::create_dir(data.join("migrate.partial")).unwrap();
    std::fs::write(data.join("migrate.partial/ledger.sqlite3"), "half").unwrap();
    let output = migrate(&data).output().unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    assert_whole(&data);
    assert!(!data.join("migrate.partial").exists());
}

#[test]
fn what_is_no_directory_of_the_build_before_or_is_in_use_is_exit_code_2() {
    let directory = tempfile::tempdir().unwrap();
    let output = migrate(directory.path()).output().unwrap();
    assert!(
        output.status.code() == Some(2) && printed(&output).contains("dynamodb.sqlite3"),
        "{}",
        printed(&output)
    );
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    let data = former(directory.path());
    let lock = std::fs::File::open(data.join("dynamodb.lock")).unwrap();
    lock.lock().unwrap();
    let output = migrate(&data).output().unwrap();
    assert!(output.status.code() == Some(2) && printed(&output).contains("in use"), "{}", printed(&output));
    assert!(!data.join("ledger.sqlite3").exists());
}
