//! Each kind of fault, made by hand: its name, its place, and that it is reported once.

use event_store::verify::{Chain, Verdict, examine, head_line};
use schema::StoredCommit;
use serde_json::{Value, json};

use super::given::{Found, helmet, lines, rechain, rehash, verify, verify_commits};

/// What is found in a helmet's life after one change; where `rechained`, every later hash is recomputed too.
fn after(change: impl FnOnce(&mut Vec<StoredCommit>), rechained: bool) -> Vec<(u64, &'static str)> {
    let mut commits = helmet("helmet");
    change(&mut commits);
    if rechained {
        rechain(&mut commits, 0);
    }
    places(&verify_commits(&commits))
}

fn places(found: &Found) -> Vec<(u64, &'static str)> {
    found.named().into_iter().map(|(_, sequence, name)| (sequence, name)).collect()
}

#[test]
fn a_changed_byte_is_named_once_and_not_in_the_commits_that_follow() {
    let change = |commits: &mut Vec<StoredCommit>| commits[1].0["metadata"]["actor"] = json!("mallory");
    assert_eq!(after(change, false), [(2, "changed")]);
    let change = |commits: &mut Vec<StoredCommit>| commits[1].0["hash"] = json!("0".repeat(64));
    assert_eq!(after(change, false), [(2, "changed")]);
}

#[test]
fn an_event_changed_in_the_middle_under_a_recomputed_hash_breaks_the_next_link() {
    let change = |commits: &mut Vec<StoredCommit>| {
        commits[1].0["metadata"]["actor"] = json!("mallory");
        rehash(&mut commits[1]);
    };
    assert_eq!(after(change, false), [(4, "broken_link")]);
}

#[test]
fn a_carried_state_that_the_events_do_not_give_is_named_with_its_fields() {
    for (field, value) in [
        ("price", json!("1.00")),
        ("name", json!("x")),
        ("version", json!(9)),
        ("created_at", json!("2025-11-13T02:13:21.001Z")),
        ("updated_at", json!("2025-11-13T02:13:21.001Z")),
        ("status", json!("deleted")),
        ("category", json!("x")),
        ("added", json!("x")),
        ("price", json!("34.990")),
    ] {
        let change = |commits: &mut Vec<StoredCommit>| commits[1].0["state"][field] = value.clone();
        assert_eq!(after(change, true), [(2, "wrong_state")], "{field}");
        let mut commits = helmet("helmet");
        commits[1].0["state"][field] = value.clone();
        let text = verify_commits(&commits).faults()[1].to_string();
        assert!(
            text.contains(&format!("{field}: the events give")) && text.contains(&value.to_string()),
            "{text}"
        );
    }
}

#[test]
fn all_fields_of_a_wrong_state_are_told_in_one_line() {
    let mut commits = helmet("helmet");
    commits[1].0["state"]["name"] = json!("x");
    commits[1].0["state"]["price"] = json!("1.00");
    rechain(&mut commits, 1);
    let text = verify_commits(&commits).faults()[0].kind.to_string();
    let name = r#"name: the events give "Sport-100, Red", the commit carries "x""#;
    let price = r#"price: the events give "34.99", the commit carries "1.00""#;
    assert_eq!(text, format!("{name}; {price}"));
}

#[test]
fn events_that_do_not_give_the_carried_state_are_named_at_their_commit() {
    let change = |commits: &mut Vec<StoredCommit>| commits[1].0["events"][1]["data"]["price"] = json!("1.00");
    assert_eq!(after(change, true), [(2, "wrong_state")]);
}

#[test]
fn an_event_that_cannot_follow_is_named_with_its_own_sequence() {
    let change =
        |commits: &mut Vec<StoredCommit>| commits[1].0["events"][1]["data"]["previous_price"] = json!("1.00");
    assert_eq!(after(change, true), [(3, "misfit")]);
}

#[test]
fn time_that_runs_backwards_is_named() {
    let change = |commits: &mut Vec<StoredCommit>| {
        commits[2].0["recorded_at"] = json!("2025-11-13T02:13:21.999Z");
        commits[2].0["state"]["updated_at"] = json!("2025-11-13T02:13:21.999Z");
    };
    assert_eq!(after(change, true), [(4, "time_backwards")]);
}

#[test]
fn commits_of_the_same_millisecond_may_follow_each_other() {
    let change = |commits: &mut Vec<StoredCommit>| {
        let recorded_at = commits[1].0["recorded_at"].clone();
        commits[2].0["recorded_at"] = recorded_at.clone();
        commits[2].0["state"]["updated_at"] = recorded_at;
    };
    assert_eq!(after(change, true), []);
}

#[test]
fn gaps_overlaps_and_rivals_are_told_apart() {
    let gap = |commits: &mut Vec<StoredCommit>| drop(commits.remove(2));
    assert_eq!(after(gap, false), [(5, "missing")]);
    let begin = |commits: &mut Vec<StoredCommit>| drop(commits.drain(..2));
    assert_eq!(after(begin, false), [(4, "missing")]);
    let overlap = |commits: &mut Vec<StoredCommit>| {
        let mut again = commits[1].clone();
        again.0["sequence"] = json!(3);
        rehash(&mut again);
        commits.insert(2, again);
    };
    assert_eq!(after(overlap, false), [(3, "overlap")]);
    let rival = |commits: &mut Vec<StoredCommit>| {
        let mut other = commits[1].clone();
        other.0["metadata"]["actor"] = json!("mallory");
        rehash(&mut other);
        commits.insert(2, other);
    };
    assert_eq!(after(rival, false), [(2, "rival")]);
    let order = |commits: &mut Vec<StoredCommit>| commits.swap(2, 3);
    assert_eq!(after(order, false), [(5, "missing"), (4, "out_of_order")]);
}

#[test]
fn a_first_commit_that_does_not_begin_the_chain_is_a_broken_link() {
    let change = |commits: &mut Vec<StoredCommit>| commits[0].0["previous_hash"] = json!("1".repeat(64));
    assert_eq!(after(change, true), [(1, "broken_link")]);
}

#[test]
fn a_number_that_canonical_json_would_round_is_never_accepted() {
    for number in ["9007199254740992", "1.5", "1e400", "-0.0", "12345678901234567890123"] {
        let mut commits = helmet("helmet");
        commits[4].0.insert("later".into(), serde_json::from_str(number).unwrap_or(Value::Null));
        let text = String::from_utf8(lines(&commits[..4])).unwrap();
        let last = serde_json::to_string(&commits[4])
            .unwrap()
            .replace("\"later\":null", &format!("\"later\":{number}"));
        let named = places(&verify((text + &last).as_bytes()));
        assert!(
            named.contains(&(6, "inexact_number")) || named.contains(&(6, "unreadable")),
            "{number}: {named:?}"
        );
    }
}

#[test]
fn all_that_cannot_be_read_of_a_commit_is_named_once() {
    let change = |commits: &mut Vec<StoredCommit>| {
        commits[1].0.remove("recorded_at");
        commits[1].0["previous_hash"] = json!("short");
        commits[1].0["events"] = json!([]);
    };
    let mut commits = helmet("helmet");
    change(&mut commits);
    rehash(&mut commits[1]);
    let found = verify_commits(&commits);
    let texts: Vec<String> = found.faults().iter().map(|fault| fault.kind.to_string()).collect();
    let fields: Vec<&str> = texts.iter().filter_map(|text| text.split(' ').next()).collect();
    assert_eq!(fields, ["events", "recorded_at", "previous_hash"], "{texts:?}");
    assert!(found.faults().iter().all(|fault| fault.sequence == Some(2)), "{:?}", found.named());
}

/// In the place of a line that a store cannot read comes its key; none of the fields that it lacks is a fault of its own.
#[test]
fn a_commit_of_which_only_the_key_can_be_read_is_one_fault() {
    let mut commits = helmet("helmet");
    commits[1] = StoredCommit::unreadable("helmet".to_owned(), 2, "is torn".to_owned());
    let mut chain = Chain::of("helmet");
    for commit in &commits {
        chain.follow(&examine(commit));
    }
    let report = chain.end();
    let faults: Vec<String> = report.faults.iter().map(ToString::to_string).collect();
    assert_eq!(faults, ["product helmet sequence 2: unreadable: line is torn"]);
    assert_eq!(commits[1].decode().unwrap_err().to_string(), "field `line`: is torn");
    let mut alone = Chain::of("helmet");
    assert_eq!(alone.next_sequence(), Some(1));
    alone.follow(&examine(&commits[1]));
    assert_eq!(alone.next_sequence(), None);
    let report = alone.end();
    assert!(!report.is_valid() && !report.is_absent(), "{report:?}");
    // A field of this name alone does not make a commit unreadable.
    commits[0].0.insert("unreadable".to_owned(), json!("x"));
    assert_eq!(commits[0].why_unreadable(), None);
}

#[test]
fn a_chain_without_commits_is_valid_and_empty() {
    let report = Chain::of("nobody").end();
    assert!(report.is_valid());
    assert_eq!(serde_json::to_value(&report).unwrap(), json!({"valid": true, "commits": 0, "events": 0}));
}

#[test]
fn a_head_line_has_the_product_its_version_and_its_hash() {
    let commits = helmet("helmet");
    let line = head_line(&verify_commits(&commits).reports[0]);
    assert_eq!(line, format!("helmet 6 {}\n", commits[4].text("hash").unwrap()));
    assert_eq!(head_line(&Chain::of("nobody").end()), "nobody 0 -\n");
}

#[test]
fn the_answer_is_that_of_the_interface() {
    let commits = helmet("helmet");
    let found = verify_commits(&commits);
    assert_eq!(
        serde_json::to_value(&found.reports[0]).unwrap(),
        json!({"valid": true, "commits": 5, "events": 6, "head": commits[4].0["hash"]})
    );
    let mut chain = Chain::of("helmet");
    for commit in &commits[1..] {
        chain.follow(&examine(commit));
    }
    assert_eq!(
        serde_json::to_value(chain.end()).unwrap(),
        json!({"valid": false, "commits": 4, "events": 5, "head": commits[4].0["hash"], "faults": [
            {"product_id": "helmet", "sequence": 2, "fault": "missing", "detail": "event 1 is missing"},
        ]})
    );
}

#[test]
fn faults_beyond_the_first_thousand_are_counted() {
    let mut chain = Chain::of("helmet");
    let mut commit = helmet("helmet").remove(0);
    commit.0["hash"] = json!("0".repeat(64));
    for _ in 0..1_500 {
        chain.follow(&examine(&commit));
    }
    let found = Found::of(vec![chain.end()]);
    assert_eq!(found.reports[0].faults.len(), 1_000);
    assert_eq!(found.summary.faults, 2_999, "each is changed, and all but the first are there twice");
    let shown = serde_json::to_value(&found.reports[0]).unwrap();
    assert_eq!(shown["more_faults"], 1_999);
    assert_eq!(found.summary.verdict(), Verdict::Faulty);
}
