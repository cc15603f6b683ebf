//! A scan returns every commit once, and a scan of keys the keys of the same commits.

use std::collections::BTreeMap;

use schema::{StoredCommit, fixtures};
use serde_json::json;

use super::{Journals, append_all, key, keys, scanned, scanned_keys};
use crate::given::commits::{LAST, awkward_ids, commit, life, made, made_with, run};

cases! { dyn event_store::Journal, [memory sqlite dynamodb];
    a_scan_of_nothing_ends_at_once
    a_scan_meets_every_commit_once
    a_scan_meets_each_product_in_order
    a_scan_of_one_commit_at_a_time_meets_them_all
    a_scan_ends_when_the_last_page_is_exactly_full
    a_scan_without_a_limit_is_everything
    a_scan_of_large_commits_goes_on_beyond_one_answer
    a_scan_goes_on_from_the_same_position_as_often_as_it_is_asked
    a_scan_goes_on_when_the_store_is_opened_again
    a_scan_answers_whole_commits
    a_scan_meets_awkward_ids
    a_scan_of_keys_meets_what_a_scan_meets
    a_key_carries_the_version_its_state_has
    a_key_without_a_readable_state_carries_its_sequence
    a_scan_of_keys_ends_when_the_last_page_is_exactly_full
    a_scan_of_keys_goes_on_from_the_same_position_as_often_as_it_is_asked
    a_scan_of_keys_meets_the_greatest_sequence
}

async fn some(journals: &Journals) -> Vec<StoredCommit> {
    let mut commits = Vec::new();
    for n in 0..7 {
        let life = life(&fixtures::id(&format!("p{n}")));
        commits.extend(life.into_iter().map(|(_, stored)| stored));
    }
    append_all(&**journals, &commits).await;
    commits
}

async fn a_scan_of_nothing_ends_at_once(journals: &Journals) {
    let page = journals.scan(None, 10).await.unwrap();
    assert!(page.commits.is_empty() && page.next.is_none());
    let page = journals.scan_keys(None, 10).await.unwrap();
    assert!(page.keys.is_empty() && page.next.is_none());
}

async fn a_scan_meets_every_commit_once(journals: &Journals) {
    let commits = some(journals).await;
    for limit in [2, 5, 41, 43, 1_000] {
        assert_eq!(scanned(&**journals, limit).await, commits, "pages of {limit}");
    }
}

async fn a_scan_meets_each_product_in_order(journals: &Journals) {
    for sequence in [1, 10, 2, 9, 3] {
        append_all(&**journals, &["a", "b", "c"].map(|product| made(product, sequence))).await;
    }
    let (mut met, mut from): (BTreeMap<String, Vec<u64>>, _) = (BTreeMap::new(), None);
    loop {
        let page = journals.scan_keys(from, 4).await.unwrap();
        for key in page.keys {
            met.entry(key.product_id).or_default().push(key.sequence);
        }
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    assert!(met.values().all(|sequences| *sequences == [1, 2, 3, 9, 10]), "{met:?}");
}

async fn a_scan_of_one_commit_at_a_time_meets_them_all(journals: &Journals) {
    let commits = [run("a", 3), run("b", 2)].concat();
    append_all(&**journals, &commits).await;
    assert_eq!(scanned(&**journals, 1).await, commits);
    assert_eq!(scanned_keys(&**journals, 1).await.len(), 5);
}

async fn a_scan_ends_when_the_last_page_is_exactly_full(journals: &Journals) {
    let commits = [run("a", 4), run("b", 2)].concat();
    append_all(&**journals, &commits).await;
    for limit in [2, 3, 6] {
        assert_eq!(scanned(&**journals, limit).await, commits, "pages of {limit}");
    }
}

async fn a_scan_without_a_limit_is_everything(journals: &Journals) {
    append_all(&**journals, &run("p", 5)).await;
    assert_eq!(scanned(&**journals, usize::MAX).await, run("p", 5));
    assert_eq!(scanned_keys(&**journals, usize::MAX).await.len(), 5);
}

async fn a_scan_of_large_commits_goes_on_beyond_one_answer(journals: &Journals) {
    let large = json!({"text": "x".repeat(300_000)});
    let commits: Vec<StoredCommit> = (1..=9).map(|sequence| made_with("p", sequence, &large)).collect();
    append_all(&**journals, &commits).await;
    assert_eq!(keys(&scanned(&**journals, 100).await), keys(&commits));
    assert_eq!(scanned_keys(&**journals, 100).await.len(), 9);
}

async fn a_scan_goes_on_from_the_same_position_as_often_as_it_is_asked(journals: &Journals) {
    some(journals).await;
    let first = journals.scan(None, 10).await.unwrap();
    let second = journals.scan(first.next.clone(), 10).await.unwrap();
    let again = journals.scan(first.next, 10).await.unwrap();
    assert_eq!((keys(&again.commits), again.next), (keys(&second.commits), second.next));
    assert!(first.commits.iter().all(|commit| !second.commits.contains(commit)));
}

async fn a_scan_goes_on_when_the_store_is_opened_again(journals: &Journals) {
    let commits = some(journals).await;
    let first = journals.scan(None, 10).await.unwrap();
    let again = journals.opened_again(()).await;
    let rest = again.scan(first.next, 1_000).await.unwrap();
    let mut met: Vec<_> = first.commits.iter().chain(&rest.commits).map(key).collect();
    met.sort();
    assert_eq!(met, keys(&commits));
}

async fn a_scan_answers_whole_commits(journals: &Journals) {
    let mut stored = commit(None, &fixtures::id("p"), fixtures::helmet_story()).1;
    stored.0.insert("of_a_later_build".into(), json!({"nested": [null, "é"]}));
    journals.append(&stored).await.unwrap();
    assert_eq!(journals.scan(None, 10).await.unwrap().commits, [stored]);
}

async fn a_scan_meets_awkward_ids(journals: &Journals) {
    let mut expected = Vec::new();
    for id in awkward_ids() {
        append_all(&**journals, &run(id.as_str(), 2)).await;
        expected.extend([(id.to_string(), 1, 1), (id.to_string(), 2, 2)]);
    }
    expected.sort();
    assert_eq!(scanned_keys(&**journals, 7).await, expected);
    let scanned: Vec<_> = keys(&scanned(&**journals, 7).await);
    assert!(scanned.into_iter().eq(expected.into_iter().map(|(id, sequence, _)| (id, sequence))));
}

async fn a_scan_of_keys_meets_what_a_scan_meets(journals: &Journals) {
    some(journals).await;
    let commits = scanned(&**journals, 9).await;
    let expected: Vec<_> = commits
        .iter()
        .map(|commit| {
            let (product, sequence) = key(commit);
            (product, sequence, commit.0["state"]["version"].as_u64().unwrap())
        })
        .collect();
    assert_eq!(scanned_keys(&**journals, 4).await, expected);
}

async fn a_key_carries_the_version_its_state_has(journals: &Journals) {
    let product = fixtures::id("p");
    let story = fixtures::helmet_story();
    let (first, stored) = commit(None, &product, story[..4].to_vec());
    let (_, second) = commit(Some(&first), &product, story[4..].to_vec());
    append_all(&**journals, &[stored, second]).await;
    assert_eq!(scanned_keys(&**journals, 9).await, [("p".into(), 1, 4), ("p".into(), 5, 6)]);
}

async fn a_key_without_a_readable_state_carries_its_sequence(journals: &Journals) {
    for (sequence, state) in
        [(1, json!("gone")), (2, json!({})), (3, json!(null)), (4, json!({"version": null})), (5, json!([7]))]
    {
        let mut damaged = made("p", sequence);
        damaged.0["state"] = state;
        journals.append(&damaged).await.unwrap();
    }
    let mut without = made("p", 6);
    without.0.remove("state");
    journals.append(&without).await.unwrap();
    let expected: Vec<_> = (1..=6).map(|sequence| ("p".to_owned(), sequence, sequence)).collect();
    assert_eq!(scanned_keys(&**journals, 4).await, expected);
}

async fn a_scan_of_keys_ends_when_the_last_page_is_exactly_full(journals: &Journals) {
    append_all(&**journals, &[run("a", 4), run("b", 2)].concat()).await;
    for limit in [1, 2, 3, 6, 7] {
        assert_eq!(scanned_keys(&**journals, limit).await.len(), 6, "pages of {limit}");
    }
}

async fn a_scan_of_keys_goes_on_from_the_same_position_as_often_as_it_is_asked(journals: &Journals) {
    some(journals).await;
    let first = journals.scan_keys(None, 10).await.unwrap();
    let second = journals.scan_keys(first.next.clone(), 10).await.unwrap();
    let again = journals.scan_keys(first.next, 10).await.unwrap();
    assert_eq!((&again.keys, again.next), (&second.keys, second.next));
    assert!(first.keys.iter().all(|key| !second.keys.contains(key)));
}

async fn a_scan_of_keys_meets_the_greatest_sequence(journals: &Journals) {
    append_all(&**journals, &[made("p", 1), made("p", LAST), made("q", LAST)]).await;
    let expected = [("p".into(), 1, 1), ("p".into(), LAST, LAST), ("q".into(), LAST, LAST)];
    for limit in [1, 2, 10] {
        assert_eq!(scanned_keys(&**journals, limit).await, expected);
    }
}
