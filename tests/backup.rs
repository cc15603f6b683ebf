//! A copy that was made while the server wrote is a complete ledger: a server starts on it without a sign of tampering,
//! and publishes events whose receipts it lacks.

use std::path::Path;
use std::process::{Command, Stdio};

use sqlite::rusqlite::Connection;

use crate::restore::{asked, count, until};
use crate::scenario::{Ledger, adventure_works, printed, program};

fn backup(to: &Path, data: &Path) -> Command {
    let mut command = program();
    command.arg("backup").arg(to).arg("--with-key").arg("--data").arg(data);
    command
}

#[tokio::test]
async fn a_copy_that_is_made_under_load_starts_and_catches_up() {
    let mut ledger = Ledger::start();
    let mut import =
        ledger.import(&adventure_works()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut commits = 0;
    for copy in 1..=3 {
        ledger.bus(|entries| entries.len() >= 150 * copy).await;
        let to = ledger.data.with_file_name(format!("copy-{copy}"));
        let output = backup(&to, &ledger.data).output().unwrap();
        assert!(output.status.success() && printed(&output).starts_with("whole"), "{}", printed(&output));
        let found = count(&to.join("ledger.sqlite3"), "commits");
        assert!(found > commits && found >= 150 * copy as u64, "{found}");
        commits = found;
        assert!(!to.join("views.sqlite3").exists());
        assert!(!to.with_file_name(format!("copy-{copy}.partial")).exists());
    }
    assert!(import.wait().unwrap().success());
    ledger.terminate();
    let data = ledger.data.clone();
    ledger.data = data.with_file_name("copy-2");
    let commits = count(&ledger.data.join("ledger.sqlite3"), "commits");
    let copied = asked(&ledger.data.join("publishing.sqlite3"), "SELECT record FROM receipts");
    ledger.restart();
    until("views and receipts are there", || {
        ledger.operate(&["verify", "--receipts", "--views"]).status.success()
    })
    .await;
    let publishing = ledger.data.join("publishing.sqlite3");
    let receipts = asked(&publishing, "SELECT record FROM receipts");
    assert_eq!(receipts.len() as u64, commits);
    assert!(copied.iter().all(|receipt| receipts.contains(receipt)), "a receipt was replaced");
    let log = std::fs::read_to_string(ledger.data.with_extension("log")).unwrap();
    assert!(!log.contains("tampered"), "{log}");
    // The lock file says that there were files: a lost one is not taken for a new one.
    ledger.terminate();
    std::fs::remove_file(ledger.data.with_file_name("copy-3").join("publishing.sqlite3")).unwrap();
    let lost = data.with_file_name("copy-3");
    let output = program().args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(lost).output().unwrap();
    assert!(output.status.code() == Some(2) && printed(&output).contains("missing"), "{}", printed(&output));
}

#[tokio::test]
async fn there_is_no_copy_of_what_is_damaged_and_none_over_something_else() {
    let mut ledger = Ledger::start();
    ledger.send("PUT", "/products/p", r#"{"name":"n","price":"1"}"#).await;
    ledger.bus(|entries| entries.len() == 1).await;
    let to = ledger.data.with_file_name("copy");
    std::fs::create_dir(&to).unwrap();
    assert!(backup(&to, &ledger.data).output().unwrap().status.success(), "an empty directory");
    assert_eq!(backup(&to, &ledger.data).output().unwrap().status.code(), Some(2));
    assert_eq!(backup(&to.join("x"), &to.join("none")).output().unwrap().status.code(), Some(2));
    ledger.terminate();

    let connection = Connection::open(ledger.data.join("publishing.sqlite3")).unwrap();
    let foreign = "UPDATE receipts SET record = json_set(record, '$.event_id', '01K9XFT9EG0000000000004001')";
    assert_eq!(connection.execute(foreign, []).unwrap(), 1);
    drop(connection);
    let to = ledger.data.with_file_name("other");
    let output = backup(&to, &ledger.data).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", printed(&output));
    assert!(printed(&output).contains("product p sequence 1"), "{}", printed(&output));
    assert!(!to.exists() && !to.with_file_name("other.partial").exists());
}
