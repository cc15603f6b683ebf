//! Every single fault in an export is found, but for those listed here by name, which a chain alone cannot show.

use std::collections::BTreeSet;

use schema::{StoredCommit, Timestamp};
use serde_json::{Value, json};

use super::given::{Found, helmet, leaves, ledger, lines, rehash, verify, verify_commits};

/// Another value of the same kind, as plausible as possible.
fn other(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_u64().unwrap() + 1),
        Value::String(text) if Timestamp::parse(text).is_ok() => json!(text.replace("2025", "2026")),
        Value::String(text) => {
            let Some((at, last)) = text.char_indices().find(|(_, letter)| letter.is_ascii_alphanumeric())
            else {
                return json!(format!("{text}x"));
            };
            let next = match last {
                '9' | 'f' | 'z' | 'Z' => '0',
                letter => char::from(letter as u8 + 1),
            };
            json!(format!("{}{next}{}", &text[..at], &text[at + 1..]))
        }
        Value::Null => json!("x"),
        _ => panic!("{value} has no other value"),
    }
}

/// The ledger with one value changed: at which commit, at which pointer, the commits.
fn changed() -> Vec<(usize, String, Vec<StoredCommit>)> {
    let ledger = ledger();
    let mut mutants = Vec::new();
    for (at, commit) in ledger.iter().enumerate() {
        let json = Value::Object(commit.0.clone());
        for pointer in leaves(&json) {
            let mut mutant = json.clone();
            *mutant.pointer_mut(&pointer).unwrap() = other(json.pointer(&pointer).unwrap());
            mutants.push((at, pointer, with(&ledger, at, mutant)));
        }
    }
    mutants
}

fn with(ledger: &[StoredCommit], at: usize, commit: Value) -> Vec<StoredCommit> {
    let mut commits = ledger.to_vec();
    commits[at] = serde_json::from_value(commit).unwrap();
    commits
}

fn is_newest(ledger: &[StoredCommit], at: usize) -> bool {
    ledger.get(at + 1).is_none_or(|next| next.0["product_id"] != ledger[at].0["product_id"])
}

/// A pointer without its positions.
fn general(pointer: &str) -> String {
    let step = |step: &str| {
        if step.parse::<usize>().is_ok() { "*".to_owned() } else { step.to_owned() }
    };
    pointer.split('/').map(step).collect::<Vec<_>>().join("/")
}

fn named(found: &Found, commit: &StoredCommit) -> bool {
    let product = commit.text("product_id").unwrap();
    let place = (product.to_owned(), commit.sequence().unwrap());
    found.named().iter().any(|(product, sequence, _)| (product.clone(), *sequence) == place)
}

#[test]
fn an_unchanged_ledger_is_whole_and_counted() {
    let found = verify_commits(&ledger());
    assert!(found.is_whole(), "{:?}", found.faults());
    let summary = found.summary;
    assert_eq!((summary.products, summary.commits, summary.events), (3, 8, 10));
}

#[test]
fn every_changed_value_is_found_at_its_commit() {
    for (at, pointer, commits) in changed() {
        let found = verify_commits(&commits);
        assert!(!found.is_whole() && named(&found, &commits[at]), "{at} {pointer}: {:?}", found.named());
    }
}

#[test]
fn every_removed_and_every_added_field_is_found_at_its_commit() {
    let ledger = ledger();
    for (at, commit) in ledger.iter().enumerate() {
        for name in commit.0.keys() {
            let mut less = commit.clone();
            less.0.remove(name);
            let found = verify_commits(&with(&ledger, at, Value::Object(less.0)));
            assert!(!found.is_whole(), "{at} without {name}");
            let place = |(product, sequence, _): &(String, u64, &str)| {
                *product == commit.text("product_id").unwrap()
                    && (*sequence == commit.sequence().unwrap() || name == "sequence")
            };
            assert!(found.named().iter().any(place), "{at} without {name}: {:?}", found.named());
        }
        for pointer in ["", "/metadata", "/state", "/events/0", "/events/0/data"] {
            let mut more = Value::Object(commit.0.clone());
            more.pointer_mut(pointer).unwrap()["added"] = json!("x");
            let commits = with(&ledger, at, more);
            assert!(named(&verify_commits(&commits), &commits[at]), "{at} {pointer}");
        }
    }
}

#[test]
fn a_change_under_a_recomputed_hash_is_found_except_in_what_nothing_else_depends_on() {
    let mut not_found = BTreeSet::new();
    for (at, pointer, mut commits) in changed().into_iter().filter(|(_, pointer, _)| pointer != "/hash") {
        rehash(&mut commits[at]);
        if verify_commits(&commits).is_whole() {
            assert!(is_newest(&ledger(), at), "{at} {pointer} is in the middle and was not found");
            not_found.insert(general(&pointer));
        }
    }
    // Design, section 4: "a suffix was rewritten and every later hash recomputed (the head's metadata included)".
    let of_the_newest_commit = [
        "/commit_id",
        "/events/*/event_id",
        "/metadata/actor",
        "/metadata/causation_id",
        "/metadata/correlation_id",
        "/metadata/idempotency_key",
        "/metadata/occurred_at",
        "/metadata/request_fingerprint",
        "/metadata/traceparent",
        "/recent",
    ];
    assert_eq!(not_found, BTreeSet::from(of_the_newest_commit.map(str::to_owned)));
}

#[test]
fn a_removed_commit_is_found_unless_it_is_the_newest_of_its_product() {
    let ledger = ledger();
    for at in 0..ledger.len() {
        let mut commits = ledger.clone();
        let removed = commits.remove(at);
        let found = verify_commits(&commits);
        assert_eq!(found.is_whole(), is_newest(&ledger, at), "{at}: {:?}", found.named());
        if !found.is_whole() {
            let next = commits[at].sequence().unwrap();
            let expected = (removed.text("product_id").unwrap().to_owned(), next, "missing");
            assert_eq!(found.named(), [expected], "one fault, named once");
        }
    }
}

#[test]
fn a_doubled_commit_is_found_wherever_the_copy_stands() {
    let ledger = ledger();
    for at in 0..ledger.len() {
        for to in 0..=ledger.len() {
            let mut commits = ledger.clone();
            commits.insert(to, ledger[at].clone());
            assert!(!verify_commits(&commits).is_whole(), "{at} copied to {to}");
        }
        let mut commits = ledger.clone();
        commits.insert(at, ledger[at].clone());
        let expected =
            (ledger[at].text("product_id").unwrap().to_owned(), ledger[at].sequence().unwrap(), "duplicate");
        assert_eq!(verify_commits(&commits).named(), [expected]);
    }
}

#[test]
fn a_line_in_another_place_is_found_and_never_sorted_first() {
    let ledger = ledger();
    for at in 0..ledger.len() {
        for to in (0..ledger.len()).filter(|to| *to != at) {
            let mut swapped = ledger.clone();
            swapped.swap(at, to);
            assert!(!verify_commits(&swapped).is_whole(), "{at} swapped with {to}");
            let mut moved = ledger.clone();
            let line = moved.remove(at);
            moved.insert(to, line);
            assert!(!verify_commits(&moved).is_whole(), "{at} moved to {to}");
        }
    }
    let mut commits = ledger.clone();
    commits.swap(1, 2);
    let named = verify_commits(&commits).named();
    assert!(named.contains(&("helmet".into(), 2, "out_of_order")), "{named:?}");
    let mut commits = ledger.clone();
    commits.rotate_left(5);
    let named = verify_commits(&commits).named();
    assert_eq!(named, [("helmet".into(), 1, "out_of_order")], "the product that stands behind, once");
}

#[test]
fn a_commit_under_another_product_is_found_with_and_without_a_new_hash() {
    let ledger = ledger();
    for at in 0..ledger.len() {
        for product in ["helmet", "lamp", "strange", "aaa", "zzz"] {
            if ledger[at].text("product_id").unwrap() == product {
                continue;
            }
            let mut commits = ledger.clone();
            commits[at].0["product_id"] = json!(product);
            let named = verify_commits(&commits).named();
            let sequence = ledger[at].sequence().unwrap();
            for name in ["changed", "wrong_product"] {
                assert!(named.contains(&(product.into(), sequence, name)), "{at} {product}: {named:?}");
            }
            rehash(&mut commits[at]);
            let named = verify_commits(&commits).named();
            assert!(
                named.contains(&(product.into(), sequence, "wrong_product")),
                "{at} {product}: {named:?}"
            );
            commits[at].0["state"]["id"] = json!(product);
            rehash(&mut commits[at]);
            let found = verify_commits(&commits);
            assert!(!found.is_whole(), "{at} {product}");
        }
    }
}

#[test]
fn every_changed_byte_of_a_line_is_found() {
    let export = lines(&helmet("helmet")[..1]);
    for at in 0..export.len() {
        for mask in [1, 2, 0x20, 0x80] {
            let mut mutant = export.clone();
            mutant[at] ^= mask;
            assert!(!verify(&mutant).is_whole(), "byte {at}: {:?}", String::from_utf8_lossy(&mutant));
        }
    }
}

#[test]
fn a_file_that_ends_in_the_middle_of_a_line_is_faulty() {
    let export = lines(&helmet("helmet"));
    let whole = export.len() - 1;
    assert!(verify(&export[..whole]).is_whole(), "the last newline is no part of the commit");
    let found = verify(&export[..whole - 1]);
    assert_eq!(found.named(), [("helmet".into(), 6, "unreadable")]);
}
