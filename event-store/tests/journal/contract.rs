//! What every journal promises.

use std::collections::BTreeMap;
use std::sync::Arc;

use event_store::{AppendError, CommitKey, Journal, journal::commits_after};
use futures::TryStreamExt;
use schema::{StoredCommit, fixtures};
use serde_json::json;

use super::adapters::{all, commit, life};

async fn append_all(journal: &Arc<dyn Journal>, commits: &[StoredCommit]) {
    for commit in commits {
        journal.append(commit).await.unwrap();
    }
}

#[tokio::test]
async fn what_was_appended_is_read_back_field_for_field() {
    let product = fixtures::id("helmet");
    for (name, journal) in all().await {
        let (_, mut stored) = commit(None, &product, vec![fixtures::helmet_created()]);
        stored.0["metadata"]["of_a_later_build"] =
            json!({"list": [1, "two", null, true], "empty": {}, "text": ""});
        journal.append(&stored).await.unwrap();
        assert_eq!(journal.newest(&product, 1).await.unwrap(), Some(stored.clone()), "{name}");
        assert_eq!(journal.page(&product, 0, 10).await.unwrap(), [stored], "{name}");
    }
}

#[tokio::test]
async fn a_key_is_written_once_and_keeps_what_it_had() {
    let product = fixtures::id("helmet");
    for (name, journal) in all().await {
        let (_, first) = commit(None, &product, vec![fixtures::helmet_created()]);
        let mut second = first.clone();
        second.0["commit_id"] = json!("another");
        journal.append(&first).await.unwrap();
        let refused = journal.append(&second).await;
        assert!(matches!(refused, Err(AppendError::Occupied)), "{name}: {refused:?}");
        assert_eq!(journal.newest(&product, 9).await.unwrap(), Some(first), "{name}");
    }
}

#[tokio::test]
async fn of_many_writers_at_one_key_exactly_one_succeeds() {
    let product = fixtures::id("helmet");
    for (name, journal) in all().await {
        let (_, commit) = commit(None, &product, vec![fixtures::helmet_created()]);
        let writers = (0..32).map(|n| {
            let (journal, mut commit) = (journal.clone(), commit.clone());
            commit.0["commit_id"] = json!(n);
            tokio::spawn(async move { journal.append(&commit).await.is_ok() })
        });
        let results = futures::future::join_all(writers).await;
        let winners = results.into_iter().filter(|won| *won.as_ref().unwrap()).count();
        assert_eq!(winners, 1, "{name}");
    }
}

#[tokio::test]
async fn the_newest_commit_is_found_under_any_bound() {
    let product = fixtures::id("helmet");
    for (name, journal) in all().await {
        assert_eq!(journal.newest(&product, u64::MAX >> 1).await.unwrap(), None, "{name}");
        let (first, stored) =
            commit(None, &product, vec![fixtures::helmet_created(), fixtures::helmet_renamed()]);
        let (_, second) = commit(Some(&first), &product, vec![fixtures::helmet_price_changed()]);
        append_all(&journal, &[stored.clone(), second.clone()]).await;
        for (at_most, expected) in [(0, None), (1, Some(&stored)), (2, Some(&stored)), (3, Some(&second))] {
            assert_eq!(
                journal.newest(&product, at_most).await.unwrap().as_ref(),
                expected,
                "{name} {at_most}"
            );
        }
        assert_eq!(journal.newest(&fixtures::id("other"), 3).await.unwrap(), None, "{name}");
    }
}

#[tokio::test]
async fn a_product_is_read_in_order_from_anywhere_in_pages_of_any_size() {
    let product = fixtures::id("helmet");
    for (name, journal) in all().await {
        let commits: Vec<_> = life(&product).into_iter().map(|(_, stored)| stored).collect();
        append_all(&journal, &commits).await;
        append_all(&journal, &[commit(None, &fixtures::id("z"), vec![fixtures::helmet_created()]).1]).await;
        for after in 0..=6_usize {
            let rest = &commits[after..];
            let page = journal.page(&product, after as u64, 4).await.unwrap();
            assert_eq!(page, rest[..rest.len().min(4)], "{name} after {after}");
            let walked = commits_after(journal.clone(), product.clone(), after as u64);
            assert_eq!(walked.try_collect::<Vec<_>>().await.unwrap(), rest, "{name} after {after}");
        }
    }
}

#[tokio::test]
async fn a_walk_goes_on_beyond_one_page() {
    let product = fixtures::id("helmet");
    for (name, journal) in all().await {
        let (mut last, stored) = commit(None, &product, vec![fixtures::helmet_created()]);
        journal.append(&stored).await.unwrap();
        for n in 0..250 {
            let event = if n % 2 == 0 { fixtures::helmet_deleted() } else { fixtures::helmet_restored() };
            let (next, stored) = commit(Some(&last), &product, vec![event]);
            journal.append(&stored).await.unwrap();
            last = next;
        }
        let walked: Vec<_> = commits_after(journal, product.clone(), 0).try_collect().await.unwrap();
        let sequences: Vec<u64> = walked.iter().map(|commit| commit.sequence().unwrap()).collect();
        assert_eq!(sequences, (1..=251).collect::<Vec<_>>(), "{name}");
    }
}

#[tokio::test]
async fn a_scan_meets_every_commit_once_and_each_product_in_order() {
    for (name, journal) in all().await {
        for n in 0..7 {
            let commits: Vec<_> =
                life(&fixtures::id(&format!("p{n}"))).into_iter().map(|(_, stored)| stored).collect();
            append_all(&journal, &commits).await;
        }
        let mut met: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        let mut position = None;
        loop {
            let page = journal.scan(position, 5).await.unwrap();
            for commit in page.commits {
                let product = commit.text("product_id").unwrap().to_owned();
                met.entry(product).or_default().push(commit.sequence().unwrap());
            }
            position = page.next;
            if position.is_none() {
                break;
            }
        }
        assert_eq!(met.len(), 7, "{name}");
        assert!(met.values().all(|sequences| *sequences == [1, 2, 3, 4, 5, 6]), "{name}: {met:?}");
    }
}

#[tokio::test]
async fn a_scan_of_keys_meets_what_a_scan_meets() {
    for (name, journal) in all().await {
        for product in ["a", "b", "c"] {
            let product = fixtures::id(product);
            let (first, stored) =
                commit(None, &product, vec![fixtures::helmet_created(), fixtures::helmet_renamed()]);
            let (_, mut damaged) = commit(Some(&first), &product, vec![fixtures::helmet_price_changed()]);
            damaged.0["state"] = json!("gone");
            append_all(&journal, &[stored, damaged]).await;
        }
        let key =
            |product: &str, sequence, version| CommitKey { product_id: product.into(), sequence, version };
        let mut met = Vec::new();
        let mut position = None;
        loop {
            let page = journal.scan_keys(position, 4).await.unwrap();
            met.extend(page.keys);
            position = page.next;
            if position.is_none() {
                break;
            }
        }
        met.sort_by(|a, b| (&a.product_id, a.sequence).cmp(&(&b.product_id, b.sequence)));
        let expected = ["a", "b", "c"].map(|product| [key(product, 1, 2), key(product, 3, 3)]);
        assert_eq!(met, expected.concat(), "{name}");
    }
}
