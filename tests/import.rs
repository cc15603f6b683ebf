//! A real file: 504 products with six years of list prices, imported, read, imported again. `import/` has the failures
//! that an import may meet.

mod again;
mod answers;
mod between;
mod files;
mod input;
mod killed;

use std::path::Path;
use std::process::Command;

use tempfile::NamedTempFile;

use crate::scenario::{Ledger, adventure_works, arrivals, assert_complete, expected, printed, program};

/// A file of these lines, the last one without an end.
fn file(lines: &[&str]) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), lines.join("\n")).unwrap();
    file
}

/// `ledger import` of a file against a server that is no [`Ledger`].
fn import_at(url: &str, file: &Path) -> Command {
    let mut command = program();
    command.arg("import").arg(file).args(["--url", url]);
    command
}

/// The line `import` ends with, without its time.
fn summary(output: &std::process::Output) -> String {
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    out.rsplit_once(';').map_or(out.clone(), |(counts, _)| counts.to_owned())
}

#[tokio::test]
async fn the_adventure_works_file_becomes_products_messages_and_nothing_more_when_imported_again() {
    let ledger = Ledger::start();
    let first = ledger.import(&adventure_works()).output().unwrap();
    assert!(first.status.success(), "{}", printed(&first));
    assert_eq!(summary(&first), "696 commands: 696 written, 0 imported before, 0 without effect, 0 failures");

    let entries = ledger.bus(|entries| entries.len() >= 696).await;
    assert_complete(&entries);
    assert_eq!((entries.len(), arrivals(&entries).1), (696, 696));

    ledger.until("/products?limit=100", |_, page| !page["next"].is_null()).await;
    let deleted: Vec<String> =
        expected().into_iter().filter(|(_, (_, deleted))| *deleted).map(|(id, _)| id).collect();
    assert_eq!(deleted.len(), 98);
    for id in &deleted {
        ledger.until(&format!("/products/{id}"), |status, _| status == 404).await;
    }
    // The projector has passed the last record of every product that was deleted; of the others, LIST tells.
    let mut products = ledger.list(7).await;
    while products.len() != 406 {
        products = ledger.list(100).await;
    }
    let ids: Vec<&str> = products.iter().map(|product| product["id"].as_str().unwrap()).collect();
    assert!(ids.is_sorted() && ids.iter().all(|id| !deleted.iter().any(|gone| gone == id)));

    let again = ledger.import(&adventure_works()).output().unwrap();
    assert_eq!(summary(&again), "696 commands: 0 written, 696 imported before, 0 without effect, 0 failures");
    let histories = ledger.histories(expected().into_keys()).await;
    for (product, (commands, _)) in expected() {
        assert_eq!(histories[&product].len(), commands, "{product}");
    }
}

#[tokio::test]
async fn a_product_with_more_lines_than_remembered_keys_is_imported_once() {
    let ledger = Ledger::start();
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut lines = vec![r#"{"command":"create","product_id":"p","name":"n","price":"1"}"#.to_owned()];
    // Every price twice: each second line changes nothing, so no commit remembers it.
    lines.extend(
        (0..90).map(|n| format!(r#"{{"command":"update","product_id":"p","price":"{}"}}"#, n / 2 % 7 + 2)),
    );
    std::fs::write(file.path(), lines.join("\n")).unwrap();
    let first = ledger.import(file.path()).output().unwrap();
    assert_eq!(summary(&first), "91 commands: 46 written, 0 imported before, 45 without effect, 0 failures");
    ledger.send("PATCH", "/products/p", r#"{"price":"99"}"#).await;
    let again = ledger.import(file.path()).output().unwrap();
    assert!(again.status.success(), "{}", printed(&again));
    // The file's very last line changed nothing the first time and nobody can know that it was sent.
    assert_eq!(
        summary(&again),
        "91 commands: 0 written, 90 imported before, 0 without effect, 0 failures, 1 left alone"
    );
    let (_, product) = ledger.get("/products/p?min_version=47").await;
    assert_eq!((&product["version"], &product["price"]), (&47.into(), &"99.00".into()));
}

#[tokio::test]
async fn bad_lines_are_named_and_do_not_stop_the_rest() {
    let ledger = Ledger::start();
    ledger.send("PUT", "/products/taken", r#"{"name":"by another hand","price":"1"}"#).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let lines: [&[u8]; 7] = [
        br#"{"command":"create","product_id":"a","name":"n","price":"1"}"#,
        b"nonsense",
        br#"{"command":"create","product_id":"taken","name":"n","price":"1"}"#,
        b"",
        br#"{"command":"create","product_id":"b","name":"n","price":"-1"}"#,
        b"\xff\xfe",
        br#"{"command":"delete","product_id":"a"}"#,
    ];
    std::fs::write(file.path(), lines.join(&b'\n')).unwrap();
    let output = ledger.import(file.path()).output().unwrap();
    let text = printed(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_eq!(summary(&output), "6 commands: 2 written, 0 imported before, 0 without effect, 4 failures");
    let exists = "line 3: 412 The product exists at version 1: `update` changes it";
    for line in ["line 2: ", exists, "line 5: 422 ", "line 6: is not UTF-8"] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(text.contains("/price"), "{text}");
}

#[test]
fn a_file_or_server_that_is_not_there_is_one_line_and_exit_code_2() {
    let missing = program().args(["import", "no-such-file"]).output().unwrap();
    let nobody = program()
        .arg("import")
        .arg(adventure_works())
        .args(["--url", "http://127.0.0.1:9"])
        .output()
        .unwrap();
    let directory = program().args(["import", "/"]).output().unwrap();
    let given = std::fs::File::open("/").unwrap();
    let as_input = program().args(["import", "-"]).stdin(given).output().unwrap();
    for (output, part) in [
        (missing, "no-such-file"),
        (nobody, "127.0.0.1:9"),
        (directory, "/ cannot be read: it is a directory"),
        (as_input, "standard input cannot be read: it is a directory"),
    ] {
        let text = printed(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(part) && text.lines().count() == 1, "{text}");
    }
}
