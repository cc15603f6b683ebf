//! The rows of a store that keeps lines are verified as an export is, and their columns must agree with their lines.

use std::collections::BTreeMap;

use event_store::verify::{ExportVerifier, LineBatch, Witness};
use event_store::{JournalRow, export};
use schema::StoredCommit;
use serde_json::json;

use super::given::{Found, helmet, ledger, verify_commits};

fn rows(commits: &[StoredCommit]) -> Vec<JournalRow> {
    let text = |commit: &StoredCommit, name| commit.text(name).unwrap().to_owned();
    let row = |commit: &StoredCommit| JournalRow {
        product_id: text(commit, "product_id"),
        sequence: commit.sequence().unwrap(),
        commit_id: text(commit, "commit_id"),
        recorded_at: text(commit, "recorded_at"),
        hash: text(commit, "hash"),
        line: String::from_utf8(export::canonical(commit).unwrap()).unwrap(),
    };
    commits.iter().map(row).collect()
}

/// What is found in rows that are read in pages of three.
fn found(rows: &[JournalRow], witnesses: BTreeMap<String, Vec<Witness>>) -> Found {
    let mut verification = ExportVerifier::witnessed(witnesses).of_rows();
    let mut reports = Vec::new();
    for page in rows.chunks(3) {
        for line in LineBatch::of(page.to_vec()).examine() {
            reports.extend(verification.line(&line));
        }
    }
    reports.extend(verification.end());
    Found::of(reports)
}

#[test]
fn rows_and_their_export_give_the_same_reports() {
    let found = found(&rows(&ledger()), BTreeMap::new());
    assert!(found.is_whole(), "{:?}", found.named());
    assert_eq!(found.reports, verify_commits(&ledger()).reports);
}

#[test]
fn a_batch_of_rows_has_as_many_as_were_given() {
    let batch = LineBatch::of(rows(&ledger()));
    assert_eq!((batch.len(), batch.is_empty()), (8, false));
    let batch = LineBatch::of(Vec::new());
    assert_eq!((batch.len(), batch.is_empty()), (0, true));
}

#[test]
fn a_column_that_differs_from_its_line_is_named_at_the_key_of_its_row() {
    type Column = fn(&mut JournalRow) -> &mut String;
    let texts: [(&str, Column); 4] = [
        ("product_id", |row| &mut row.product_id),
        ("commit_id", |row| &mut row.commit_id),
        ("recorded_at", |row| &mut row.recorded_at),
        ("hash", |row| &mut row.hash),
    ];
    let last = |change: &dyn Fn(&mut JournalRow)| {
        let mut rows = rows(&ledger());
        change(&mut rows[7]);
        found(&rows, BTreeMap::new()).faults().into_iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let told = |product: &str, sequence: u64, column: &str| {
        let what = format!("line the column {column} of its row differs from its line");
        [format!("product {product} sequence {sequence}: unreadable: {what}")]
    };
    for (name, column) in texts {
        let product = if name == "product_id" { "strangely" } else { "strange" };
        assert_eq!(last(&|row| column(row).push_str("ly")), told(product, 2, name));
    }
    assert_eq!(last(&|row| row.sequence = 9), told("strange", 9, "sequence"));
}

#[test]
fn a_row_without_a_readable_line_is_named_by_its_columns() {
    let mut rows = rows(&ledger());
    rows[2].line = "oops".into();
    rows[5].line = "[1]".into();
    let named = [("helmet".into(), 4, "unreadable"), ("lamp".into(), 1, "unreadable")];
    assert_eq!(found(&rows, BTreeMap::new()).named(), named);
}

#[test]
fn faults_of_rows_name_no_line_and_witnesses_are_heard() {
    let earlier = verify_commits(&ledger()).witnesses();
    let mut commits = ledger();
    commits[1].0["metadata"]["actor"] = json!("mallory");
    commits.pop();
    let found = found(&rows(&commits), earlier);
    let named = [("helmet".into(), 2, "changed"), ("strange".into(), 1, "cut_off")];
    assert_eq!(found.named(), named);
    assert!(found.faults().iter().all(|fault| fault.line.is_none()), "{:?}", found.faults());
}

/// A last line that cannot be read may hold the events that a witness saw: that they were cut off is not claimed. Of a commit
/// before it, that its end is missing still is.
#[test]
fn what_an_unreadable_last_line_may_hold_is_not_called_cut_off() {
    let earlier = verify_commits(&helmet("helmet")).witnesses();
    let mut all = rows(&helmet("helmet"));
    all[4].line = "oops".into();
    let unreadable = |sequence| [("helmet".to_owned(), sequence, "unreadable")];
    assert_eq!(found(&all, earlier.clone()).named(), unreadable(6));
    all[4].line = rows(&helmet("helmet"))[4].line.clone();
    all[3].line = "oops".into();
    assert_eq!(found(&all, earlier.clone()).named(), unreadable(5));
    all.truncate(4);
    assert_eq!(found(&all, earlier.clone()).named(), unreadable(5));
    all.truncate(3);
    assert_eq!(found(&all, earlier).named(), [("helmet".to_owned(), 4, "cut_off")]);
}
