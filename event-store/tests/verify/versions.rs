//! Versions: what is stored keeps its hash for ever, however old or new the build that reads it.

use event_store::verify::{Chain, ProductReport, Verdict, examine, examine_by};
use event_store::{chain, seal};
use schema::{Commit, DecodeError, StoredCommit};
use serde_json::json;

use super::given::{Found, helmet, rechain, verify_commits};

/// A helmet whose second commit was written by a later build: another version of an event, another field.
fn with_a_later_version() -> Vec<StoredCommit> {
    let mut commits = helmet("helmet");
    commits[1].0["events"][1]["schema_version"] = json!(2);
    commits[1].0["events"][1]["data"] = json!({"prices": [{"amount": "34.99", "currency": "USD"}]});
    commits[1].0["metadata"]["approved_by"] = json!("x");
    rechain(&mut commits, 1);
    commits
}

#[test]
fn a_commit_of_a_later_build_is_not_understood_but_its_chain_is_checked() {
    let commits = with_a_later_version();
    let found = verify_commits(&commits);
    assert_eq!(found.named(), [("helmet".into(), 2, "not_understood")], "once, and nothing that follows");
    assert_eq!(found.summary.verdict(), Verdict::NotUnderstood);
    assert!(!found.reports[0].is_valid(), "what was not checked is never called valid");
    let told = found.faults()[0].to_string();
    assert!(told.contains("ProductPriceChanged version 2"), "{told}");
}

#[test]
fn a_change_of_a_commit_of_a_later_build_is_found_all_the_same() {
    for (pointer, name, at) in [
        ("/events/1/data/prices/0/amount", "changed", 2),
        ("/metadata/approved_by", "changed", 2),
        ("/previous_hash", "changed", 2),
    ] {
        let mut commits = with_a_later_version();
        let mut json = serde_json::Value::Object(commits[1].0.clone());
        *json.pointer_mut(pointer).unwrap() = json!("0".repeat(64));
        commits[1] = serde_json::from_value(json).unwrap();
        let named = verify_commits(&commits).named();
        assert!(named.contains(&("helmet".into(), at, name)), "{pointer}: {named:?}");
        assert_eq!(verify_commits(&commits).summary.verdict(), Verdict::Faulty);
    }
    let mut commits = with_a_later_version();
    commits.remove(2);
    assert!(verify_commits(&commits).named().contains(&("helmet".into(), 5, "missing")));
}

#[test]
fn what_follows_a_commit_that_was_not_understood_is_checked_against_its_state() {
    let mut commits = with_a_later_version();
    commits[2].0["state"]["price"] = json!("1.00");
    rechain(&mut commits, 2);
    let named = verify_commits(&commits).named();
    assert_eq!(named, [("helmet".into(), 2, "not_understood"), ("helmet".into(), 4, "wrong_state")]);
    let mut commits = with_a_later_version();
    commits[1].0["state"]["schema_version"] = json!(2);
    commits[2].0["state"]["price"] = json!("1.00");
    rechain(&mut commits, 1);
    let found = verify_commits(&commits);
    assert_eq!(found.summary.verdict(), Verdict::Faulty, "one commit later the state is known again");
}

/// The form in which prices were stored before, in this story: one text for price and currency.
fn written_before(commits: &mut [StoredCommit]) {
    let event = &mut commits[1].0["events"][1];
    event["schema_version"] = json!(0);
    event["data"] = json!({"now": "34.99 USD", "before": "33.6442 USD"});
    rechain(commits, 1);
}

/// Reads today's versions and the one before; `upcast.rs` does so when there is one.
fn upcasting(stored: &StoredCommit) -> Result<Commit, DecodeError> {
    let mut today = stored.clone();
    for event in today.0["events"].as_array_mut().into_iter().flatten() {
        if event["schema_version"] == json!(0) {
            let part = |name: &str, n: usize| {
                event["data"][name]
                    .as_str()
                    .and_then(|text| text.split(' ').nth(n))
                    .unwrap_or_default()
                    .to_owned()
            };
            let data = json!({"price": part("now", 0), "currency": part("now", 1),
                "previous_price": part("before", 0), "previous_currency": part("before", 1)});
            event["data"] = data;
            event["schema_version"] = json!(1);
        }
    }
    today.decode()
}

fn report(commits: &[StoredCommit]) -> ProductReport {
    let mut chain = Chain::of("helmet");
    for commit in commits {
        chain.follow(&examine_by(commit, upcasting));
    }
    chain.end()
}

#[test]
fn an_old_version_verifies_as_it_was_stored_and_its_fold_comes_out_right() {
    let mut commits = helmet("helmet");
    written_before(&mut commits);
    assert_eq!(Found::of(vec![report(&commits)]).named(), [], "hash, link, order and state");
    assert!(!verify_commits(&commits).is_whole(), "this build alone does not know the old form");

    let understood = upcasting(&commits[1]).unwrap();
    let (_, rewritten) = seal(understood.unsealed).unwrap();
    assert_ne!(rewritten.0["hash"], commits[1].0["hash"], "hashed after upcasting, it would not verify");

    commits[1].0["events"][1]["data"]["now"] = json!("1.00 USD");
    let named = Found::of(vec![report(&commits)]).named();
    assert_eq!(named, [("helmet".into(), 2, "changed"), ("helmet".into(), 2, "wrong_state")]);
}

#[test]
fn every_frozen_sample_verifies_as_it_was_written() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/samples");
    let mut checked = 0;
    for file in std::fs::read_dir(path).unwrap().map(|file| file.unwrap().path()) {
        if file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("commit.")) {
            let frozen: StoredCommit = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
            assert_eq!(chain::hash_of(&frozen).unwrap().as_str(), frozen.0["hash"], "{}", file.display());
            let mut chain = Chain::of(frozen.text("product_id").unwrap());
            chain.follow(&examine(&frozen));
            let faults = chain.end().faults;
            // It is a second commit: its first one is not in the sample.
            assert!(
                faults.iter().all(|fault| fault.kind.name() == "missing"),
                "{}: {faults:?}",
                file.display()
            );
            checked += 1;
        }
    }
    assert!(checked >= 1);
}
