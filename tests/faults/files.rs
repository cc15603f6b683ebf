//! Files that are lost, foreign, of another version, or contain foreign objects: views are rebuilt, anything else is rejected
//! with exit code 2 and one line that names the file and says what to do.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::client::Told;
use crate::scenario::Ledger;
use crate::store::{
    FILES, KEY, LEDGER, LOCK, LOG, PUBLISHING, Started, VIEWS, by_hand, copy, outcome, refused, run, start,
    texts,
};
use crate::whole::{assert_whole, until_caught_up};

const PRODUCTS: usize = 40;

/// A stopped ledger.
async fn ended() -> Ledger {
    let mut ledger = Ledger::start();
    for n in 0..PRODUCTS {
        ledger.send("PUT", &format!("/products/p{n}"), r#"{"name":"n","price":"1"}"#).await;
        ledger.send("PATCH", &format!("/products/p{n}"), r#"{"price":"2"}"#).await;
    }
    until_caught_up(&ledger).await;
    assert_eq!(ledger.terminate(), Some(0));
    ledger
}

/// A copy with this change made by hand.
fn changed(ledger: &Ledger, file: &str, statements: &str) -> (TempDir, PathBuf) {
    let (directory, data) = copy(ledger);
    by_hand(&data, file).execute_batch(statements).unwrap();
    (directory, data)
}

/// The line names the file.
fn refused_for(data: &Path, file: &str) -> String {
    let line = refused(data);
    assert!(line.contains(&data.join(file).display().to_string()), "{line}");
    line
}

fn builds_anew(ledger: &Ledger) -> usize {
    let anew = |line: &&Value| line["message"] == "the views are built";
    ledger.log().iter().filter(anew).count()
}

async fn views_are_built_again(mut ledger: Ledger) {
    let before = builds_anew(&ledger);
    ledger.restart();
    while builds_anew(&ledger) == before {
        let (status, answer) = ledger.get("/products/p0").await;
        assert!([200, 503].contains(&status), "a view that is not built shows {status} {answer}");
        let (status, page) = ledger.get("/products?limit=100").await;
        let all = page["products"].as_array().map(Vec::len);
        assert!(status == 503 || all == Some(PRODUCTS), "a view that is not built shows {page}");
    }
    assert_whole(&ledger, &Told::default()).await;
    assert_eq!(ledger.list(100).await.len(), PRODUCTS);
}

#[tokio::test]
async fn deleted_views_are_built_again() {
    let ledger = ended().await;
    std::fs::remove_file(ledger.data.join(VIEWS)).unwrap();
    views_are_built_again(ledger).await;
}

#[tokio::test]
async fn until_the_views_are_built_queries_are_told_to_come_again() {
    let mut ledger = ended().await;
    // As left by a server that was killed during a rebuild, up to a commit that the projector does not reach.
    let unfinished = "INSERT INTO about VALUES ('building_up_to', '1000000')";
    by_hand(&ledger.data, VIEWS).execute_batch(unfinished).unwrap();
    ledger.restart();
    for path in ["/products/p0", "/products", "/products/p0/prices", "/products?sort=name"] {
        let (status, problem) = ledger.get(path).await;
        assert_eq!(
            (status, &problem["type"]),
            (503, &"urn:product-ledger:problem:unavailable".into()),
            "{path}"
        );
    }
    let put = ledger.send("PUT", "/products/new", r#"{"name":"n","price":"1"}"#).await;
    assert_eq!(put.0, 201, "commands do not need the views: {put:?}");
    assert_eq!(ledger.get("/products/p0/history").await.0, 200);
}

#[tokio::test]
async fn views_of_an_earlier_version_are_built_again() {
    let ledger = ended().await;
    by_hand(&ledger.data, VIEWS).execute_batch("PRAGMA user_version = 0; CREATE TABLE of_then (a)").unwrap();
    views_are_built_again(ledger).await;
}

#[tokio::test]
async fn a_file_that_is_lost_or_emptied_is_not_taken_for_a_new_one() {
    let ledger = ended().await;
    for file in [LEDGER, PUBLISHING] {
        let (_directory, data) = copy(&ledger);
        std::fs::remove_file(data.join(file)).unwrap();
        let line = refused_for(&data, file);
        assert!(line.contains("empty or missing") && line.contains("restore it from a copy"), "{line}");
        assert!(!data.join(file).exists(), "nothing is put in its place");
        std::fs::write(data.join(file), "").unwrap();
        assert!(refused_for(&data, file).contains("restore it from a copy"));
    }
}

/// A lock file can be lost as well: what the other files show is enough.
#[tokio::test]
async fn a_lost_file_is_refused_without_the_lock_file_too_and_nothing_is_created() {
    let ledger = ended().await;
    for (lost, kept) in [
        (vec![LEDGER], vec![PUBLISHING, VIEWS]),
        (vec![PUBLISHING], vec![LEDGER, VIEWS]),
        (vec![LEDGER, VIEWS], vec![PUBLISHING]),
        (vec![PUBLISHING, VIEWS], vec![LEDGER]),
        (vec![LEDGER, PUBLISHING], vec![VIEWS]),
    ] {
        for emptied in [false, true] {
            let (_directory, data) = copy(&ledger);
            std::fs::remove_file(data.join(LOCK)).unwrap();
            for file in &lost {
                std::fs::remove_file(data.join(file)).unwrap();
                if emptied {
                    std::fs::write(data.join(file), "").unwrap();
                }
            }
            let line = refused_for(&data, lost[0]);
            assert!(line.contains("empty or missing") && line.contains("restore it from a copy"), "{line}");
            for file in &lost {
                let size = std::fs::metadata(data.join(file)).ok().map(|file| file.len());
                assert_eq!(size, emptied.then_some(0), "{kept:?} are there: {file} was created");
            }
            let command: &[&str] = if lost == [PUBLISHING] || lost == [PUBLISHING, VIEWS] {
                &["verify", "--receipts"]
            } else {
                &["verify"]
            };
            let (code, said) = outcome(&run(command, &data));
            assert!(code == Some(2) && !said.contains("whole"), "{kept:?} are there: {said}");
        }
    }
}

/// The names of the files of a directory.
fn names(data: &Path) -> BTreeSet<OsString> {
    std::fs::read_dir(data).unwrap().map(|entry| entry.unwrap().file_name()).collect()
}

/// Neither a lock file nor what SQLite puts beside a file that it reads.
#[tokio::test]
async fn a_refused_start_leaves_no_new_file_behind() {
    let (ledger, another) = (ended().await, ended().await);
    for (file, change) in [
        (LEDGER, "lost"),
        (PUBLISHING, "lost"),
        (LEDGER, "foreign"),
        (PUBLISHING, "foreign"),
        (VIEWS, "foreign"),
    ] {
        for without_lock in [false, true] {
            let (_directory, data) = copy(&ledger);
            if without_lock {
                std::fs::remove_file(data.join(LOCK)).unwrap();
            }
            match change {
                "lost" => std::fs::remove_file(data.join(file)).unwrap(),
                _ => drop(std::fs::copy(another.data.join(file), data.join(file)).unwrap()),
            }
            let before = names(&data);
            assert!(!before.iter().any(|name| name.to_string_lossy().contains("-wal")), "{before:?}");
            refused(&data);
            assert_eq!(names(&data), before, "{file} {change}, without lock: {without_lock}");
        }
    }
}

/// A server that was killed in its first start has left a file without a commit, or none.
#[tokio::test]
async fn a_first_start_that_was_cut_short_is_no_lost_file() {
    let mut ledger = Ledger::start();
    assert_eq!(ledger.terminate(), Some(0));
    for missing in [vec![VIEWS], vec![PUBLISHING, VIEWS], vec![LEDGER, PUBLISHING, VIEWS]] {
        let (_directory, data) = copy(&ledger);
        for file in missing.iter().chain([&LOCK]) {
            std::fs::remove_file(data.join(file)).unwrap();
        }
        // The log is begun after the file of the commits.
        if missing.contains(&LEDGER) {
            std::fs::remove_dir_all(data.join(LOG)).unwrap();
            std::fs::remove_file(data.join(KEY)).unwrap();
        }
        assert!(matches!(start(&data), Started::Serves(_)), "{missing:?} were never there");
    }
}

#[tokio::test]
async fn readers_refuse_files_of_different_ledgers() {
    let (ledger, another) = (ended().await, ended().await);
    for file in FILES {
        let (directory, data) = copy(&ledger);
        std::fs::copy(another.data.join(file), data.join(file)).unwrap();
        let to = directory.path().join("backup");
        let receipts = directory.path().join("receipts");
        let export = directory.path().join("export").display().to_string();
        for arguments in [
            &["verify"][..],
            &["verify", "--receipts", "--views"],
            &["export", "-o", &export, "--receipts", receipts.to_str().unwrap()],
            &["backup", to.to_str().unwrap()],
            &["reconcile"],
        ] {
            let (code, said) = outcome(&run(arguments, &data));
            assert_eq!(code, Some(2), "{arguments:?}: {said}");
            let blamed = if file == LEDGER { PUBLISHING } else { file };
            for named in [blamed, LEDGER] {
                assert!(said.contains(&data.join(named).display().to_string()), "{arguments:?}: {said}");
            }
            assert!(said.contains("belongs to the ledger"), "{arguments:?}: {said}");
        }
        assert!(!to.exists() && !receipts.exists());
    }
}

#[tokio::test]
async fn without_the_file_of_the_receipts_the_chains_are_verified_and_the_loss_is_said_once() {
    let ledger = ended().await;
    let (directory, data) = copy(&ledger);
    std::fs::remove_file(data.join(PUBLISHING)).unwrap();
    let file = data.join(PUBLISHING).display().to_string();
    let (code, said) = outcome(&run(&["verify"], &data));
    assert!(code == Some(0) && said.contains("whole: 40 products"), "{said}");
    assert!(said.matches(&file).count() == 1 && said.contains("without receipts: "), "{said}");
    let receipts = directory.path().join("receipts");
    let export = directory.path().join("export").display().to_string();
    for arguments in
        [&["verify", "--receipts"][..], &["export", "-o", &export, "--receipts", receipts.to_str().unwrap()]]
    {
        let (code, said) = outcome(&run(arguments, &data));
        assert!(code == Some(2) && said.matches(&file).count() == 1, "{arguments:?}: {said}");
        assert!(said.contains("restore it from a copy") && !said.contains("start the server"), "{said}");
    }
    let nothing = directory.path().join("nothing");
    let (code, said) = outcome(&run(&["verify"], &nothing));
    assert!(code == Some(2) && said.matches("os error 2").count() == 1, "{said}");
}

/// A device or a pipe is no file to be replaced: run as root, an export to `/dev/null` would take its place.
#[tokio::test]
async fn an_export_goes_into_a_pipe_and_does_not_replace_it() {
    let ledger = ended().await;
    let (directory, data) = copy(&ledger);
    let pipe = directory.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::read_to_string(pipe).unwrap()
    });
    let (code, said) = outcome(&run(&["export", "-o", pipe.to_str().unwrap()], &data));
    assert_eq!(code, Some(0), "{said}");
    let kind = std::fs::metadata(&pipe).unwrap().file_type();
    assert!(std::os::unix::fs::FileTypeExt::is_fifo(&kind), "{kind:?}");
    let whole = directory.path().join("whole");
    assert_eq!(outcome(&run(&["export", "-o", whole.to_str().unwrap()], &data)).0, Some(0));
    assert_eq!(reader.join().unwrap(), std::fs::read_to_string(whole).unwrap());
}

#[tokio::test]
async fn views_of_an_earlier_build_are_not_compared_and_a_sentence_says_so() {
    let ledger = ended().await;
    let (_directory, data) =
        changed(&ledger, VIEWS, "PRAGMA user_version = 1; ALTER TABLE products DROP COLUMN hash");
    let (code, said) = outcome(&run(&["verify", "--views"], &data));
    assert!(
        code == Some(2)
            && said.contains(
                "the views are of an earlier build (version 1); they are rebuilt at the next start"
            ),
        "{said}"
    );
    assert_eq!(outcome(&run(&["verify", "--receipts"], &data)).0, Some(0));
}

/// What the views keep is what has to be whole in them, whatever the environment of the command says.
#[tokio::test]
async fn views_are_verified_in_the_orders_that_their_server_keeps() {
    let mut ledger = Ledger::start_with(&[], &[("LEDGER_ORDERS", "id,price")]);
    for (id, name) in [("p", "one"), ("q", "two")] {
        ledger.send("PUT", &format!("/products/{id}"), &format!(r#"{{"name":"{name}","price":"1"}}"#)).await;
    }
    until_caught_up(&ledger).await;
    let whole = |ledger: &Ledger| {
        let (code, said) = outcome(&run(&["verify", "--views"], &ledger.data));
        assert!(code == Some(0) && said.contains("whole: 2 products"), "{said}");
    };
    whole(&ledger);
    assert_eq!(ledger.terminate(), Some(0));
    whole(&ledger);
    for (change, code) in [("by_price = NULL", Some(1)), ("by_name = 'x'", Some(0))] {
        let (_directory, data) =
            changed(&ledger, VIEWS, &format!("UPDATE products SET {change} WHERE id = 'p'"));
        let (ended, said) = outcome(&run(&["verify", "--views"], &data));
        assert_eq!(ended, code, "{change}: {said}");
    }
}

/// Only a server builds views, so nothing else may remove them.
#[tokio::test]
async fn operators_commands_leave_views_alone_that_a_server_would_rebuild() {
    let ledger = ended().await;
    let (_older, older) =
        changed(&ledger, VIEWS, "PRAGMA user_version = 1; ALTER TABLE products DROP COLUMN hash");
    let (_others, others) = changed(&ledger, VIEWS, "UPDATE about SET value = 'id' WHERE name = 'orders'");
    let (_missing, missing) = copy(&ledger);
    std::fs::remove_file(missing.join(VIEWS)).unwrap();
    for (data, told) in [
        (&older, "the views are of an earlier build (version 1)"),
        (&others, "the views keep the orders id, and LEDGER_ORDERS is id,name,price,updated_at"),
        (&missing, "the file of the views is missing"),
    ] {
        let before = std::fs::read(data.join(VIEWS)).ok();
        for arguments in [
            &["reconcile"][..],
            &["reconcile", "--repair"],
            &["rebuild", "products", "--dry-run"],
            &["parked"],
            &["replay", "--all", "--dry-run"],
        ] {
            let (code, said) = outcome(&run(arguments, data));
            assert!(code == Some(2) && said.contains(told), "{arguments:?}: {code:?} {said}");
        }
        assert_eq!(std::fs::read(data.join(VIEWS)).ok(), before, "{told}");
    }
}

#[tokio::test]
async fn a_file_of_another_ledger_is_refused() {
    let (ledger, another) = (ended().await, ended().await);
    for file in FILES {
        let (_directory, data) = copy(&ledger);
        std::fs::copy(another.data.join(file), data.join(file)).unwrap();
        let blamed = if file == LEDGER { PUBLISHING } else { file };
        let line = refused_for(&data, blamed);
        assert!(
            line.contains("belongs to the ledger") && line.contains("put the right file there"),
            "{line}"
        );
    }
}

#[tokio::test]
async fn a_file_under_the_name_of_another_is_refused() {
    let ledger = ended().await;
    for (file, name) in [(VIEWS, LEDGER), (LEDGER, PUBLISHING), (PUBLISHING, VIEWS)] {
        let (_directory, data) = copy(&ledger);
        std::fs::copy(ledger.data.join(file), data.join(name)).unwrap();
        let line = refused_for(&data, name);
        assert!(line.contains("its application id is"), "{line}");
    }
}

#[tokio::test]
async fn a_file_of_a_later_build_is_refused_also_by_those_who_only_read() {
    let ledger = ended().await;
    for file in FILES {
        let (_directory, data) = changed(&ledger, file, "PRAGMA user_version = 99");
        let line = refused_for(&data, file);
        assert!(line.contains("later build (version 99") && line.contains("run that build"), "{line}");
        let (code, said) = outcome(&run(&["verify", "--receipts", "--views"], &data));
        assert!(code == Some(2) && said.contains("run that build"), "{code:?}: {said}");
    }
}

#[tokio::test]
async fn what_does_not_belong_into_a_file_is_refused_by_name() {
    let ledger = ended().await;
    for file in FILES {
        let table = if file == LEDGER { "commits" } else { "checkpoints" };
        let trigger = format!("CREATE TRIGGER planted AFTER INSERT ON {table} BEGIN SELECT 1; END");
        for (statements, named) in [
            (trigger.as_str(), "trigger planted does not belong there"),
            ("CREATE TABLE planted (a)", "table planted does not belong there"),
            ("CREATE VIEW planted AS SELECT 1", "view planted does not belong there"),
            (&format!("CREATE INDEX planted ON {table} (hash)"), "index planted does not belong there"),
        ] {
            let (_directory, data) = changed(&ledger, file, statements);
            let line = refused_for(&data, file);
            assert!(line.contains(named) && line.contains("changed by somebody else"), "{line}");
            assert_eq!(line.contains("or delete it: the views are rebuilt"), file == VIEWS, "{line}");
        }
    }
}

#[tokio::test]
async fn what_is_missing_of_a_file_is_refused_by_name() {
    let ledger = ended().await;
    let changed_text = "DROP TRIGGER commits_are_not_removed; CREATE TRIGGER commits_are_not_removed BEFORE DELETE ON \
                        commits BEGIN SELECT 1; END";
    for (file, statements, named) in [
        (LEDGER, "DROP TRIGGER commits_are_not_changed", "trigger commits_are_not_changed is missing"),
        (LEDGER, changed_text, "trigger commits_are_not_removed has another text"),
        (LEDGER, "DROP INDEX commits_by_product", "index commits_by_product is missing"),
        (PUBLISHING, "DROP TABLE receipts", "table receipts is missing"),
        (VIEWS, "DROP INDEX products_by_name", "index products_by_name is missing"),
    ] {
        let (_directory, data) = changed(&ledger, file, statements);
        let line = refused_for(&data, file);
        assert!(line.contains(named), "{line}");
    }
}

/// The file was copied without the write-ahead log, which held its newest commits.
#[tokio::test]
async fn a_ledger_that_ended_well_is_whole_in_its_three_files() {
    let ledger = ended().await;
    for file in FILES {
        assert!(!ledger.data.join(format!("{file}-wal")).exists(), "{file}: the log is folded into the file");
    }
    assert_eq!(texts(&ledger.data, LEDGER, "SELECT hash FROM commits").len(), 2 * PRODUCTS);
}
