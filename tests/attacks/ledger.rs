//! The changes of a ledger that a chain alone cannot show (docs/audit.md), each in the file of a ledger with a log.

use std::path::PathBuf;

use ledger_log::NoteSigner;
use schema::StoredCommit;
use serde_json::json;

use super::operator::{COMMITS, Operator, entries, of_product, rewrite};

/// A change: its name in docs/audit.md, the commits after it, and what `verify --log` calls it.
type Change = (&'static str, Vec<StoredCommit>, &'static str);

fn without(commits: &[StoredCommit], gone: &[usize]) -> Vec<StoredCommit> {
    let left = (0..commits.len()).filter(|at| !gone.contains(at));
    left.map(|at| commits[at].clone()).collect()
}

/// The product with the most commits, and the places of these.
fn longest(commits: &[StoredCommit]) -> (String, Vec<usize>) {
    let product = |commit: &StoredCommit| commit.text("product_id").unwrap().to_owned();
    let places = commits.iter().map(|commit| of_product(commits, &product(commit)));
    let places = places.max_by_key(Vec::len).unwrap();
    assert!(places.len() > 2, "a history is needed");
    (product(&commits[places[0]]), places)
}

fn changes(commits: &[StoredCommit]) -> Vec<Change> {
    let (_, its) = longest(commits);
    let newest = *its.last().unwrap();
    let mut changes: Vec<Change> = vec![
        ("the newest commits of a product were cut off", without(commits, &its[1..]), "cut_off"),
        ("a whole product was removed", without(commits, &its), "cut_off"),
    ];
    let mut rewritten = commits.to_vec();
    rewrite(&mut rewritten, its[1]);
    changes.push(("a suffix was rewritten and every later hash recomputed", rewritten, "rewritten"));
    let mut blamed = commits.to_vec();
    rewrite(&mut blamed, newest);
    changes.push((
        "the metadata of the newest commit was changed and its hash recomputed",
        blamed,
        "rewritten",
    ));
    let mut known = commits.to_vec();
    known[newest].0["events"][0]["event_id"] = json!("01K9XFT9EG0000000000004001");
    known[newest].0["events"][0]["data"]["added"] = json!("x");
    let actor = known[newest].0["metadata"]["actor"].clone();
    rewrite(&mut known, newest);
    known[newest].0["metadata"]["actor"] = actor;
    known[newest].0["hash"] = json!(event_store::chain::hash_of(&known[newest]).unwrap().as_str());
    changes.push((
        "ids and unknown fields of the newest commit were changed and its hash recomputed",
        known,
        "rewritten",
    ));
    changes
}

#[tokio::test]
async fn what_a_chain_alone_cannot_show_is_found_with_the_log_an_export_and_one_old_checkpoint() {
    let operator = Operator::new().await;
    let commits = operator.commits();
    assert_eq!(commits.len(), COMMITS);
    operator.run(&["verify", "--log"]).whole("nothing was changed");
    operator.run(&["verify", "--log", "--key", &operator.key]).whole("nothing was changed");
    let kept = operator.file("kept");
    operator.log_verify(&[("--keep", &kept), ("--export", &operator.export())]).whole("nothing was changed");
    let true_log = entries(&commits);
    for (change, changed, fault) in changes(&commits) {
        operator.replace(&changed);
        let export = operator.export();
        operator.run(&["verify"]).whole(change);
        operator.run(&["verify", "--log"]).finds(fault, change);
        // An outsider, while the log is what it was.
        operator.log_verify(&[("--export", &export)]).finds("the export", change);
        // The operator makes the log fit. Then nobody but who kept a checkpoint can tell.
        operator.rebuild_log(&entries(&changed));
        operator.run(&["verify", "--log"]).whole(change);
        operator.log_verify(&[("--export", &export)]).whole(change);
        let word = if changed.len() < COMMITS { "rolled_back" } else { "rewritten" };
        let kept = operator.copy_of(&kept);
        operator.log_verify(&[("--keep", &kept), ("--export", &export)]).finds(word, change);
        operator.rebuild_log(&true_log);
    }
    operator.replace(&commits);
    operator.run(&["verify", "--log"]).whole("everything is back");
}

#[tokio::test]
async fn what_log_and_ledger_differ_in_is_named_with_product_and_sequence() {
    let operator = Operator::new().await;
    let commits = operator.commits();
    let (product, its) = longest(&commits);
    let sequence = |at: usize| commits[at].sequence().unwrap();
    // The newest commits are gone: the log has them, behind the event that is the newest now.
    operator.replace(&without(&commits, &its[1..]));
    let (count, newest) = (its.len() - 1, sequence(its[1]) - 1);
    let first = commits[its[1]].text("hash").unwrap();
    let said = operator.run(&["verify", "--log"]);
    let which = if count == 1 { "commit" } else { "commits" };
    said.finds(
        &format!("product {product}: cut_off: the log has {count} {which} behind event {newest} that"),
        "cut",
    );
    said.finds(&format!("entry {} with the hash {first}", its[1]), "cut");
    // A whole product is gone. It has receipts or a mark, so its name is known; without them only its entries are.
    operator.replace(&without(&commits, &its));
    let gone =
        format!("product {product}: cut_off: the log has {} commits that the ledger has not", its.len());
    operator.run(&["verify", "--log"]).finds(&gone, "removed");
    let marks = rusqlite::Connection::open(operator.data.join("publishing.sqlite3")).unwrap();
    assert_eq!(marks.execute("DELETE FROM restored WHERE product_id = ?1", [&product]).unwrap(), 1);
    let gone = format!("ledger: cut_off: the log has {} commits that the ledger has not", its.len());
    operator.run(&["verify", "--log"]).finds(&gone, "removed with its marks");
    // A suffix was rewritten: each commit of it is named.
    let mut rewritten = commits.clone();
    rewrite(&mut rewritten, its[1]);
    operator.replace(&rewritten);
    let said = operator.run(&["verify", "--log"]);
    for at in &its[1..] {
        let (was, is) = (commits[*at].text("hash").unwrap(), rewritten[*at].text("hash").unwrap());
        let sequence = sequence(*at);
        said.finds(
            &format!(
                "product {product} sequence {sequence}: rewritten: the log saw the commit {was}, here is {is}"
            ),
            "rewritten",
        );
    }
    // Two commits of different products have changed places, which nothing else shows.
    let mut swapped = commits.clone();
    let other = (0..commits.len()).find(|at| !its.contains(at)).unwrap();
    swapped.swap(other, its[0]);
    operator.replace(&swapped);
    operator.run(&["verify"]).whole("swapped");
    let said = operator.run(&["verify", "--log"]);
    said.finds(
        &format!("out_of_order: it has position {other} and is entry {} of the log", its[0]),
        "swapped",
    );
    assert!(said.text.contains("\n2 faults: "), "{}", said.text);
    // A commit that the log skipped.
    operator.replace(&commits);
    let mut others = entries(&commits);
    others.remove(its[1]);
    operator.rebuild_log(&others);
    let said = operator.run(&["verify", "--log", "--json", "--wait", "0"]);
    said.finds(r#""not_logged_yet":1"#, "skipped");
    let omitted = format!(r#"position {}","fault":"omitted","product_id":"{product}""#, its[1]);
    said.finds(&omitted, "skipped");
    let moved = format!("it has position {} and is entry {} of the log", its[1] + 1, its[1]);
    said.finds(&moved, "skipped");
}

/// The log of the sample without `changed`, which is put back.
fn altered(operator: &Operator, file: &str, words: &str) {
    let path: PathBuf = operator.log().join(file);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    operator.run(&["verify", "--log"]).finds("ledger: log: missing", file);
    let mut other = bytes.clone();
    other[20] ^= 1;
    std::fs::write(&path, other).unwrap();
    operator.run(&["verify", "--log"]).finds(words, file);
    std::fs::write(&path, bytes).unwrap();
}

#[tokio::test]
async fn a_log_that_is_faulty_itself_or_behind_is_told_from_a_ledger_that_is() {
    let operator = Operator::new().await;
    altered(&operator, "tile/0/000", "ledger: log: differs: tile/0/000");
    altered(&operator, "tile/entries/001", "ledger: log: differs: tile/0/001");
    altered(&operator, "checkpoint", "ledger: log: refuted: ");
    let stranger = NoteSigner::from_seed("example.com/other", &[1; 32]).unwrap().verifier_key().to_string();
    operator.run(&["verify", "--log", "--key", &stranger]).finds("refuted: ", "another key");
    // The log of an earlier moment is behind, not faulty.
    let commits = operator.commits();
    operator.rebuild_log(&entries(&commits[..COMMITS - 3]));
    let said = operator.run(&["verify", "--log", "--wait", "0"]);
    said.finds("not logged yet: 3 commits; the log is behind", "behind");
    assert!(said.text.contains("\nwhole: "), "{}", said.text);
    // What was changed behind the checkpoint is not known to the log.
    let mut later = commits.clone();
    rewrite(&mut later, COMMITS - 1);
    operator.replace(&later);
    operator.run(&["verify", "--log", "--wait", "0"]).finds("not logged yet: 3 commits", "behind");
}
