//! An export that cannot be restored is refused, and nothing is written.

use serde_json::{Value, json};
use sqlite::rusqlite::Connection;

use super::{count, ended, generated, restore, restored};
use crate::scenario::{Ledger, printed, program};

#[test]
fn what_does_not_fit_is_refused_and_nothing_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let whole = generated(2, 4);
    let lines: Vec<&str> = whole.lines().collect();
    std::fs::write(at("whole"), &whole).unwrap();
    std::fs::write(at("first"), format!("{}\n{}\n", lines[0], lines[4])).unwrap();
    std::fs::write(at("other"), generated(3, 4)).unwrap();
    std::fs::write(at("changed"), whole.replacen("33.6442", "33.6443", 1)).unwrap();
    std::fs::write(at("spaced"), whole.replacen(r#""sequence":1"#, r#""sequence": 1"#, 1)).unwrap();
    let refused = |export: &str, data: &str| ended(&restore(&at(export), &at(data)).output().unwrap());

    for export in ["changed", "spaced"] {
        assert_eq!(refused(export, "none").0, Some(1), "{export}");
        assert!(!at("none").exists(), "{export}");
    }
    // A part first, then the rest: positions go on.
    restored(&mut restore(&at("first"), &at("data")));
    let said = restored(&mut restore(&at("whole"), &at("data")));
    assert!(said.starts_with("8 commits: 6 written, 2 there before"), "{said}");
    let (code, said) = refused("first", "data");
    assert!(code == Some(1) && said.contains("6 commits that are not in"), "{said}");
    // Another commit in the place of one, and a later one without those before it.
    let data = Connection::open(at("data").join("ledger.sqlite3")).unwrap();
    data.execute_batch("DROP TRIGGER commits_are_not_changed; DROP TRIGGER commits_are_not_removed").unwrap();
    data.execute("UPDATE commits SET hash = 'x' WHERE product_id = 'p-1' AND sequence = 2", []).unwrap();
    data.execute_batch(
        "CREATE TRIGGER commits_are_not_changed BEFORE UPDATE ON commits\nBEGIN SELECT RAISE(ABORT, 'a commit is never changed'); END;
         CREATE TRIGGER commits_are_not_removed BEFORE DELETE ON commits\nBEGIN SELECT RAISE(ABORT, 'a commit is never removed'); END;",
    )
    .unwrap();
    drop(data);
    let (code, said) = refused("other", "data");
    assert!(
        code == Some(1) && said.contains("product p-1, sequence 2: the ledger holds another commit"),
        "{said}"
    );
    assert_eq!(count(&at("data").join("ledger.sqlite3"), "commits"), 8);

    // A receipt of another event.
    let commit: Value = serde_json::from_str(lines[0]).unwrap();
    let receipt = json!({"product_id": "p-0", "sequence": 1, "event_id": "01K9XFT9EG0000000000004001", "receipt_id": "r",
        "bus": "local", "published_at": "2026-01-01T00:00:00.000Z", "attempts": 1, "hash": commit["hash"]});
    std::fs::write(at("receipts"), format!("{receipt}\n")).unwrap();
    let output = restore(&at("whole"), &at("none")).arg("--receipts").arg(at("receipts")).output().unwrap();
    let (code, said) = ended(&output);
    assert!(code == Some(1) && said.contains("receipt") && !at("none").exists(), "{said}");
}

#[test]
fn what_could_not_be_tried_is_exit_code_2() {
    let directory = tempfile::tempdir().unwrap();
    let export = directory.path().join("export");
    std::fs::write(&export, generated(1, 1)).unwrap();
    let output = program().arg("restore").arg(&export).output().unwrap();
    let (code, said) = ended(&output);
    assert!(code == Some(2) && said.contains("--data"), "{said}");
    let data = directory.path().join("data");
    assert_eq!(restore(&directory.path().join("none"), &data).output().unwrap().status.code(), Some(2));
    std::fs::write(directory.path().join("receipts"), "{}\n").unwrap();
    let receipts = directory.path().join("receipts");
    let output = restore(&export, &data).arg("--receipts").arg(receipts).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", printed(&output));
    assert!(!data.exists());
    let ledger = Ledger::start();
    let (code, said) = ended(&restore(&export, &ledger.data).output().unwrap());
    assert!(code == Some(2) && said.contains("in use"), "{said}");
}
