//! The export: every commit once, in order, as it is stored, in equal bytes for equal ledgers.

use std::sync::Arc;

use event_store::export::{self, ExportError, everything};
use event_store::heads::ProductListing;
use event_store::verify::ExportVerifier;
use event_store::{Journal, MemoryJournal};
use futures::TryStreamExt;
use schema::{StoredCommit, fixtures};
use serde_json::json;

use super::given::{helmet, journals, ledger, life, lines, verify, verify_commits, verify_with};

async fn exported(journal: &Arc<dyn Journal>) -> Result<Vec<u8>, ExportError> {
    let listing = ProductListing::keeping(2, journal.clone(), |_| {}).await?;
    let commits: Vec<StoredCommit> = everything(journal.clone(), listing).try_collect().await?;
    Ok(lines(&commits))
}

#[tokio::test]
async fn every_commit_is_exported_once_and_the_export_verifies() {
    for (name, journal) in journals().await {
        let mut commits = ledger();
        let last = commits.len() - 1;
        commits[last].0["metadata"]["of_a_later_build"] = json!({"kept": [null, true, ""]});
        super::given::rehash(&mut commits[last]);
        // Written in an order that is not that of the export.
        for commit in commits.iter().rev() {
            journal.append(commit).await.unwrap();
        }
        let export = exported(&journal).await.unwrap();
        assert_eq!(String::from_utf8(export.clone()), String::from_utf8(lines(&commits)), "{name}");
        assert!(verify(&export).is_whole(), "{name}");
    }
}

#[tokio::test]
async fn a_product_longer_than_what_is_read_ahead_is_exported_whole() {
    let story = (0..150).map(|n| match n {
        0 => vec![fixtures::helmet_created()],
        n if n % 2 == 1 => vec![fixtures::helmet_deleted()],
        _ => vec![fixtures::helmet_restored()],
    });
    let commits = life("long", story.collect());
    for length in [31, 32, 33, 132, 133, 150] {
        let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::default());
        for commit in commits[..length].iter().chain(&life("zz", vec![vec![fixtures::helmet_created()]])) {
            journal.append(commit).await.unwrap();
        }
        let export = String::from_utf8(exported(&journal).await.unwrap()).unwrap();
        assert_eq!(export.lines().count(), length + 1);
        let one: Vec<StoredCommit> =
            export::product(journal, fixtures::id("long")).try_collect().await.unwrap();
        assert_eq!(one, commits[..length]);
    }
}

#[tokio::test]
async fn a_damaged_commit_is_exported_as_it_is_stored() {
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::default());
    let mut commits = helmet("helmet");
    commits[1].0.remove("metadata");
    commits[1].0["events"] = json!("gone");
    for commit in &commits {
        journal.append(commit).await.unwrap();
    }
    assert_eq!(exported(&journal).await.unwrap(), lines(&commits));
}

#[tokio::test]
async fn a_key_that_is_no_product_id_is_not_passed_over() {
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::default());
    let mut commit = helmet("helmet").remove(0);
    commit.0["product_id"] = json!("no id!");
    journal.append(&commit).await.unwrap();
    let error = exported(&journal).await.unwrap_err();
    assert!(error.to_string().contains("\"no id!\""), "{error}");
}

#[test]
fn a_line_is_the_canonical_form_with_its_hash() {
    let line = String::from_utf8(export::line(&ledger()[6]).unwrap()).unwrap();
    assert!(line.starts_with(r#"{"commit_id":"#) && line.ends_with("}\n"), "{line}");
    let keys = "\"1\":\"\u{1f600}\u{7f}\\\"\\\\/\",\"\u{f6}\":";
    assert!(line.contains(keys), "{line}");
    let emoji = line.find("\u{1f600}\":").unwrap();
    assert!(emoji < line.find("\u{fb33}").unwrap(), "sorted by UTF-16 code units");
}

#[test]
fn one_product_of_an_export_is_verified_without_the_others() {
    let earlier = verify_commits(&ledger()).witnesses();
    let lamp = |commits: &[StoredCommit]| {
        verify_with(ExportVerifier::witnessed(earlier.clone()).only("lamp"), &lines(commits))
    };
    let found = lamp(&ledger());
    assert!(found.is_whole(), "{:?}", found.named());
    let reports: Vec<_> =
        found.reports.iter().map(|report| (report.product_id.as_str(), report.commits)).collect();
    assert_eq!(reports, [("lamp", 1)]);

    let mut commits = ledger();
    commits[1].0["metadata"]["actor"] = json!("mallory");
    assert!(lamp(&commits).is_whole(), "another product was changed");
    commits[5].0["metadata"]["actor"] = json!("mallory");
    let told = lamp(&commits).faults()[0].to_string();
    assert!(told.starts_with("line 6: product lamp sequence 1: changed"), "{told}");
    commits.remove(5);
    assert_eq!(lamp(&commits).named(), [("lamp".into(), 0, "cut_off")]);
}
