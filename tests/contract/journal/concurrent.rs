//! Of two appends at one key exactly one succeeds, and readers see whole commits while others write.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use event_store::{AppendError, Journal, journal::commits_after};
use futures::TryStreamExt;
use futures::future::join_all;
use schema::{StoredCommit, fixtures};
use serde_json::json;

use super::{Journals, append_all, keys, scanned, scanned_keys, sequences, whole};
use crate::given::commits::{LAST, made, made_with, run};

cases! { dyn event_store::Journal, [memory sqlite dynamodb];
    of_many_writers_at_one_key_exactly_one_succeeds
    who_loses_is_told_that_the_key_is_occupied
    what_is_read_is_the_winners_commit
    of_many_writers_at_many_keys_one_succeeds_at_each
    writers_at_different_products_all_succeed
    writers_that_look_for_the_newest_build_one_history
    a_read_never_finds_half_a_commit
    a_product_never_shrinks_while_others_write
    a_scan_meets_every_earlier_commit_once_while_others_write
    a_scan_of_keys_meets_every_earlier_commit_once_while_others_write
    a_walk_meets_every_earlier_commit_once_while_others_write
}

fn rival(sequence: u64, n: u64) -> StoredCommit {
    let mut commit = made("p", sequence);
    commit.0["commit_id"] = json!(format!("rival {n}"));
    commit
}

/// Appends all at once.
async fn at_once(journals: &Journals, commits: Vec<StoredCommit>) -> Vec<Result<(), AppendError>> {
    let appended = commits.into_iter().map(|commit| {
        let journal = journals.shared();
        tokio::spawn(async move { journal.append(&commit).await })
    });
    join_all(appended.collect::<Vec<_>>()).await.into_iter().map(Result::unwrap).collect()
}

async fn of_many_writers_at_one_key_exactly_one_succeeds(journals: &Journals) {
    let results = at_once(journals, (0..32).map(|n| rival(1, n)).collect()).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(scanned(&**journals, 100).await.len(), 1);
}

async fn who_loses_is_told_that_the_key_is_occupied(journals: &Journals) {
    let results = at_once(journals, (0..16).map(|n| rival(1, n)).collect()).await;
    let occupied = |result: &&Result<(), AppendError>| matches!(result, Err(AppendError::Occupied));
    assert_eq!(results.iter().filter(occupied).count(), 15, "{results:?}");
}

async fn what_is_read_is_the_winners_commit(journals: &Journals) {
    for sequence in 1..=4 {
        let rivals: Vec<_> = (0..8).map(|n| rival(sequence, n)).collect();
        let results = at_once(journals, rivals.clone()).await;
        let winner = results.iter().position(Result::is_ok).unwrap();
        let newest = journals.newest(&fixtures::id("p"), LAST).await.unwrap();
        assert_eq!(newest.as_ref(), Some(&rivals[winner]));
    }
}

async fn of_many_writers_at_many_keys_one_succeeds_at_each(journals: &Journals) {
    let rivals = (0..60).map(|n| rival(1 + n % 6, n)).collect();
    let results = at_once(journals, rivals).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 6);
    let commits = whole(&**journals, &fixtures::id("p")).await.unwrap();
    assert_eq!(sequences(&commits), [1, 2, 3, 4, 5, 6]);
}

async fn writers_at_different_products_all_succeed(journals: &Journals) {
    let commits: Vec<_> = (0..40).map(|n| made(&format!("p{n:02}"), 1)).collect();
    let results = at_once(journals, commits.clone()).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(scanned(&**journals, 100).await, commits);
}

/// As commands do: read the newest commit, append the next, and read again after a lost race.
async fn writers_that_look_for_the_newest_build_one_history(journals: &Journals) {
    let writers = (0..6_u64).map(|writer| {
        let journal = journals.shared();
        tokio::spawn(async move {
            for _ in 0..5 {
                loop {
                    let newest = journal.newest(&fixtures::id("p"), LAST).await.unwrap();
                    let next = newest.map_or(0, |commit| commit.sequence().unwrap()) + 1;
                    if journal.append(&made_with("p", next, &json!({"writer": writer}))).await.is_ok() {
                        break;
                    }
                }
            }
        })
    });
    join_all(writers.collect::<Vec<_>>()).await.into_iter().for_each(Result::unwrap);
    let commits = whole(&**journals, &fixtures::id("p")).await.unwrap();
    assert_eq!(sequences(&commits), (1..=30).collect::<Vec<_>>());
    for writer in 0..6 {
        assert_eq!(commits.iter().filter(|commit| commit.0["metadata"]["writer"] == writer).count(), 5);
    }
}

async fn a_read_never_finds_half_a_commit(journals: &Journals) {
    let text = |sequence: u64| json!({"first": sequence, "long": "x".repeat(50_000), "last": sequence});
    let journal = journals.shared();
    let writer = tokio::spawn(async move {
        for sequence in 1..=20 {
            journal.append(&made_with("p", sequence, &text(sequence))).await.unwrap();
        }
    });
    while !writer.is_finished() {
        if let Some(read) = journals.newest(&fixtures::id("p"), LAST).await.unwrap() {
            let sequence = read.sequence().unwrap();
            assert!(read == made_with("p", sequence, &text(sequence)), "commit {sequence}");
        }
    }
    writer.await.unwrap();
}

async fn a_product_never_shrinks_while_others_write(journals: &Journals) {
    let journal = journals.shared();
    let writer = tokio::spawn(async move { append_all(&*journal, &run("p", 60)).await });
    let mut seen = 0;
    while !writer.is_finished() {
        let commits = whole(&**journals, &fixtures::id("p")).await.unwrap();
        assert!(sequences(&commits).into_iter().eq(1..=commits.len() as u64));
        assert!(commits.len() >= seen, "{} after {seen}", commits.len());
        seen = commits.len();
    }
    writer.await.unwrap();
}

/// Commits from before, and a task that appends others around them until it is stopped.
async fn while_others_write(journals: &Journals) -> (Vec<StoredCommit>, impl AsyncFnOnce()) {
    let earlier: Vec<_> = (0..30).flat_map(|n| run(&format!("m{n:02}"), 2)).collect();
    append_all(&**journals, &earlier).await;
    let (journal, stop) = (journals.shared(), Arc::<AtomicBool>::default());
    let stopped = stop.clone();
    let writer = tokio::spawn(async move {
        for n in 0.. {
            let product = format!("{}{}", ["a", "m", "z"][n % 3], n % 50);
            journal.append(&made(&product, 3 + n as u64)).await.unwrap();
            if stopped.load(Ordering::Relaxed) {
                break;
            }
        }
    });
    (earlier, async move || {
        stop.store(true, Ordering::Relaxed);
        writer.await.unwrap();
    })
}

fn are_there_once<K: Ord + std::fmt::Debug + Clone>(earlier: &[K], met: &[K]) {
    let once: BTreeSet<K> = met.iter().cloned().collect();
    assert_eq!(once.len(), met.len(), "something was met twice");
    let missing: Vec<_> = earlier.iter().filter(|key| !once.contains(key)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

async fn a_scan_meets_every_earlier_commit_once_while_others_write(journals: &Journals) {
    let (earlier, stop) = while_others_write(journals).await;
    let met = bounded_scan(&**journals).await;
    stop().await;
    are_there_once(&keys(&earlier), &keys(&met));
}

/// A scan that ends after the pages it needs: the writer may be as fast as the reader.
async fn bounded_scan(journal: &dyn Journal) -> Vec<StoredCommit> {
    let (mut commits, mut from) = (Vec::new(), None);
    for _ in 0..200 {
        let page = journal.scan(from, 7).await.unwrap();
        commits.extend(page.commits);
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    commits
}

async fn a_scan_of_keys_meets_every_earlier_commit_once_while_others_write(journals: &Journals) {
    let (earlier, stop) = while_others_write(journals).await;
    let (mut met, mut from) = (Vec::new(), None);
    for _ in 0..200 {
        let page = journals.scan_keys(from, 7).await.unwrap();
        met.extend(page.keys.into_iter().map(|key| (key.product_id, key.sequence)));
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    stop().await;
    are_there_once(&keys(&earlier), &met);
    assert!(scanned_keys(&**journals, 1_000).await.len() >= met.len());
}

async fn a_walk_meets_every_earlier_commit_once_while_others_write(journals: &Journals) {
    append_all(&**journals, &run("p", 150)).await;
    let journal = journals.shared();
    let writer = tokio::spawn(async move {
        for sequence in 151..=220 {
            append_all(&*journal, &[made("p", sequence), made("o", sequence), made("q", sequence)]).await;
        }
    });
    let walked: Vec<StoredCommit> =
        commits_after(journals.shared(), fixtures::id("p"), 0).try_collect().await.unwrap();
    assert!(walked.len() >= 150);
    assert!(sequences(&walked).into_iter().eq(1..=walked.len() as u64));
    writer.await.unwrap();
}
