//! Faults that a chain alone cannot show, and the witnesses that show them: an earlier export, the receipts, a view.

use std::sync::Arc;
use std::time::Duration;

use event_store::heads::ProductListing;
use event_store::poll::PollPolicy;
use event_store::receipts::{EventPublication, RestoreMark};
use event_store::verify::{ExportVerifier, JournalVerifier, Sighting, Witness, WitnessSource};
use event_store::{Journal, MemoryJournal, MemoryReceipts, Receipts};
use futures::TryStreamExt;
use schema::{Hash, Product, PublicationReceipt, PublicationRecord, StoredCommit, fixtures};
use serde_json::json;

use super::given::{Found, ledger, lines, rechain, rehash, verify_commits, verify_with};

/// A way to deceive the chain: its name, and the ledger after it.
type Deceit = (&'static str, Vec<StoredCommit>);

/// Every change that a chain alone cannot reveal. Kept in step with `docs/audit.md`, "What a chain alone cannot show".
fn deceits() -> Vec<Deceit> {
    let whole = ledger();
    let mut deceits: Vec<Deceit> = Vec::new();
    let mut cut = whole.clone();
    cut.drain(3..5);
    deceits.push(("the newest commits of a product were cut off", cut));
    let mut gone = whole.clone();
    gone.remove(5);
    deceits.push(("a whole product was removed", gone));
    let mut rewritten = whole.clone();
    rewritten[1].0["events"][0]["data"]["name"] = json!("Another");
    for commit in &mut rewritten[1..5] {
        commit.0["state"]["name"] = json!("Another");
    }
    rechain(&mut rewritten[..5], 1);
    deceits.push(("a suffix was rewritten and every later hash recomputed", rewritten));
    let mut blamed = whole.clone();
    blamed[4].0["metadata"]["actor"] = json!("somebody else");
    rehash(&mut blamed[4]);
    deceits.push(("the metadata of the newest commit was changed and its hash recomputed", blamed));
    let mut known = whole;
    known[4].0["events"][0]["event_id"] = json!("01K9XFT9EG0000000000004001");
    known[4].0["events"][0]["data"]["added"] = json!("x");
    rehash(&mut known[4]);
    deceits.push(("ids and unknown fields of the newest commit were changed and its hash recomputed", known));
    deceits
}

/// A journal that holds the commits, and receipts as the publisher wrote them for the true ledger.
async fn journal_of(commits: &[StoredCommit]) -> Arc<dyn Journal> {
    let journal = Arc::new(MemoryJournal::default());
    for commit in commits {
        journal.append(commit).await.unwrap();
    }
    journal
}

async fn receipts() -> Arc<dyn Receipts> {
    let receipts = MemoryReceipts::default();
    for commit in ledger() {
        let commit = commit.decode().unwrap();
        for (sequence, recorded) in commit.numbered() {
            let receipt = PublicationReceipt {
                event_id: recorded.event_id.to_string(),
                receipt_id: "r".into(),
                bus_sequence: None,
                bus: "local".into(),
                published_at: commit.recorded_at,
                attempts: 1,
                hash: commit.hash.clone(),
            };
            let outcome = PublicationRecord::Receipt(receipt);
            receipts
                .record(&[EventPublication { product: commit.product_id.clone(), sequence, outcome }])
                .await
                .unwrap();
        }
    }
    Arc::new(receipts)
}

async fn found_by(ledger: JournalVerifier, journal: Arc<dyn Journal>) -> Found {
    let listing = ProductListing::begin(journal, |_| {}).await.unwrap();
    Found::of(ledger.products(listing, 3).try_collect().await.unwrap())
}

async fn with_receipts(commits: &[StoredCommit]) -> Found {
    let journal = journal_of(commits).await;
    found_by(JournalVerifier::of(journal.clone()).with_receipts(receipts().await), journal).await
}

#[test]
fn a_chain_alone_accepts_each_of_these() {
    for (name, commits) in deceits() {
        let found = verify_commits(&commits);
        assert!(found.is_whole(), "{name}: {:?}", found.named());
    }
}

#[tokio::test]
async fn an_earlier_export_shows_each_of_them() {
    let earlier = verify_commits(&ledger()).witnesses();
    for (name, commits) in deceits() {
        let found = verify_with(ExportVerifier::witnessed(earlier.clone()), &lines(&commits));
        let journal = journal_of(&commits).await;
        let in_table =
            found_by(JournalVerifier::of(journal.clone()).witnessed(earlier.clone()), journal).await;
        for found in [found, in_table] {
            let names: Vec<_> = found.named().into_iter().map(|(_, _, name)| name).collect();
            assert_eq!(names.len(), 1, "{name}: {names:?}");
            assert!(["cut_off", "rewritten"].contains(&names[0]), "{name}: {names:?}");
            assert_ne!(found.summary.heads(), verify_commits(&ledger()).summary.heads(), "{name}");
        }
    }
}

#[tokio::test]
async fn the_receipts_show_each_of_them_but_a_product_that_is_gone_altogether() {
    assert!(with_receipts(&ledger()).await.is_whole());
    for (name, commits) in deceits() {
        let found = with_receipts(&commits).await;
        assert_eq!(found.is_whole(), name == "a whole product was removed", "{name}: {:?}", found.named());
    }
}

#[tokio::test]
async fn a_ledger_that_only_grew_agrees_with_its_earlier_export() {
    let earlier = verify_commits(&ledger()[..3]).witnesses();
    let found = verify_with(ExportVerifier::witnessed(earlier), &lines(&ledger()));
    assert!(found.is_whole(), "{:?}", found.named());
}

#[test]
fn a_product_that_only_a_witness_saw_is_neither_counted_nor_in_the_heads() {
    let earlier = verify_commits(&ledger()).witnesses();
    let mut without_lamp = ledger();
    without_lamp.remove(5);
    let found = verify_with(ExportVerifier::witnessed(earlier), &lines(&without_lamp));
    assert_eq!(found.named(), [("lamp".into(), 0, "cut_off")]);
    let unwitnessed = verify_commits(&without_lamp);
    assert_eq!(found.summary.products, 2);
    assert_eq!(found.summary.heads(), unwitnessed.summary.heads());
}

#[tokio::test]
async fn a_product_without_commits_and_receipts_has_no_faults() {
    let verification = JournalVerifier::of(journal_of(&[]).await).with_receipts(receipts().await);
    let report = verification.product(&fixtures::id("nobody")).await.unwrap();
    assert_eq!((report.commits, report.faults), (0, vec![]));
}

/// What is found when a view shows this product.
fn viewed(product: &Product, commits: &[StoredCommit]) -> Found {
    let witness = Witness {
        sequence: product.version,
        seen: Sighting::Product(Box::new(product.clone())),
        seen_by: WitnessSource::View,
    };
    let verification = ExportVerifier::witnessed([(product.id.to_string(), vec![witness])].into());
    verify_with(verification, &lines(commits))
}

#[test]
fn a_view_shows_what_was_cut_off_and_what_reads_otherwise_now() {
    let states: Vec<Product> =
        ledger()[..5].iter().map(|commit| commit.decode().unwrap().unsealed.state).collect();
    for state in &states {
        let found = viewed(state, &ledger());
        assert!(found.is_whole(), "{:?}", found.named());
    }
    let inside = Product { version: 2, ..states[1].clone() };
    assert!(viewed(&inside, &ledger()).is_whole(), "a state inside a commit is carried nowhere");
    for (name, commits) in deceits() {
        let found = viewed(&states[4], &commits);
        match name {
            "the newest commits of a product were cut off" => {
                assert_eq!(found.named(), [("helmet".into(), 4, "cut_off")]);
            }
            "a suffix was rewritten and every later hash recomputed" => {
                assert_eq!(found.named(), [("helmet".into(), 6, "rewritten")]);
                let told = found.faults()[0].to_string();
                assert!(
                    told.ends_with("the view saw name \"Sport-100, Red\", here is \"Another\""),
                    "{told}"
                );
            }
            // A view shows neither who nor when, and this one shows no other product.
            _ => assert!(found.is_whole(), "{name}"),
        }
    }
    assert_eq!(viewed(&states[4], &[]).named(), [("helmet".into(), 0, "cut_off")]);
}

#[tokio::test]
async fn an_event_without_a_receipt_or_with_that_of_another_is_named_by_its_own_sequence() {
    let receipts = receipts().await;
    let mut more = ledger();
    let last = more[4].decode().unwrap();
    let next = fixtures::commit_after(Some(&last), &last.product_id, vec![fixtures::helmet_deleted()]);
    let (next, stored) = event_store::seal(next).unwrap();
    more.insert(5, stored);
    let journal = journal_of(&more).await;
    let verify =
        || found_by(JournalVerifier::of(journal.clone()).with_receipts(receipts.clone()), journal.clone());
    assert!(verify().await.is_whole(), "the publisher may not have come to it");

    let failure = schema::PublicationFailure {
        event_id: next.events[0].event_id.to_string(),
        receipt_id: String::new(),
        error: "too large".into(),
        details: schema::receipt::FailureDetails { error_code: "TooLarge".into() },
        attempts: 1,
        failed_at: next.recorded_at,
    };
    let outcome = PublicationRecord::Failure(failure);
    receipts
        .record(&[EventPublication { product: next.product_id.clone(), sequence: 7, outcome }])
        .await
        .unwrap();
    assert_eq!(verify().await.named(), [("helmet".into(), 7, "publication_failed")]);

    let receipt = PublicationReceipt {
        event_id: last.events[0].event_id.to_string(),
        receipt_id: "r".into(),
        bus_sequence: None,
        bus: "local".into(),
        published_at: next.recorded_at,
        attempts: 1,
        hash: next.hash.clone(),
    };
    let outcome = PublicationRecord::Receipt(receipt);
    receipts
        .record(&[EventPublication { product: next.product_id.clone(), sequence: 7, outcome }])
        .await
        .unwrap();
    assert_eq!(verify().await.named(), [("helmet".into(), 7, "foreign_receipt")]);
}

/// The receipts of a commit's events.
fn receipts_of(commit: &StoredCommit) -> Vec<EventPublication> {
    let commit = commit.decode().unwrap();
    let record = |(sequence, recorded): (u64, &schema::RecordedEvent)| {
        let receipt = PublicationReceipt {
            event_id: recorded.event_id.to_string(),
            receipt_id: "r".into(),
            bus_sequence: None,
            bus: "local".into(),
            published_at: commit.recorded_at,
            attempts: 1,
            hash: commit.hash.clone(),
        };
        let outcome = PublicationRecord::Receipt(receipt);
        EventPublication { product: commit.product_id.clone(), sequence, outcome }
    };
    commit.numbered().map(record).collect()
}

#[tokio::test]
async fn an_event_that_is_just_being_published_is_waited_for() {
    let receipts = Arc::new(MemoryReceipts::default());
    let journal = journal_of(&ledger()[5..6]).await;
    let verification = JournalVerifier::of(journal.clone()).with_receipts(receipts.clone());
    assert!(found_by(verification.clone(), journal).await.is_whole());
    let settled = verification.settle(PollPolicy::once()).await.unwrap();
    let events: Vec<_> =
        settled.unpublished.iter().map(|event| (event.product.as_str(), event.sequence)).collect();
    assert_eq!(events, [("lamp", 1), ("lamp", 2)]);
    let late = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        receipts.record(&receipts_of(&ledger()[5])).await.unwrap();
    };
    let (settled, ()) = tokio::join!(verification.settle(PollPolicy::default()), late);
    let settled = settled.unwrap();
    assert!(settled.unpublished.is_empty() && settled.faults.is_empty(), "{settled:?}");
}

/// A slow publisher is polled for as long as it makes progress, longer than it may be idle.
#[tokio::test(start_paused = true)]
async fn what_gets_better_is_waited_for_and_what_does_not_is_told_as_unpublished() {
    let receipts = Arc::new(MemoryReceipts::default());
    let commits: Vec<StoredCommit> = ledger()[..5].to_vec();
    let journal = journal_of(&commits).await;
    let verification = JournalVerifier::of(journal.clone()).with_receipts(receipts.clone());
    found_by(verification.clone(), journal).await;
    let slow = tokio::spawn(async move {
        for commit in &commits[..4] {
            tokio::time::sleep(Duration::from_secs(2)).await;
            receipts.record(&receipts_of(commit)).await.unwrap();
        }
    });
    let begun = tokio::time::Instant::now();
    let settled = verification.settle(PollPolicy::default()).await.unwrap();
    slow.await.unwrap();
    assert!(begun.elapsed() > Duration::from_secs(10) && begun.elapsed() < Duration::from_secs(13));
    let left: Vec<_> = settled.unpublished.iter().map(|event| event.sequence).collect();
    assert_eq!((left, settled.more), (vec![6], 0));
    assert_eq!(settled.unpublished[0].fault().faults[0].kind.name(), "unpublished");
}

/// No publisher leaves an event out: one without a receipt before others that have theirs was taken away.
#[tokio::test]
async fn an_event_without_a_receipt_between_others_is_a_fault_at_once() {
    let receipts = Arc::new(MemoryReceipts::default());
    let journal = journal_of(&ledger()[..5]).await;
    for commit in [&ledger()[0], &ledger()[3]] {
        receipts.record(&receipts_of(commit)).await.unwrap();
    }
    let verification = JournalVerifier::of(journal.clone()).with_receipts(receipts);
    let found = found_by(verification.clone(), journal).await;
    let names: Vec<_> = found.named().into_iter().map(|(_, sequence, name)| (sequence, name)).collect();
    assert_eq!(names, [(2, "unpublished"), (3, "unpublished"), (4, "unpublished")]);
    let settled = verification.settle(PollPolicy::once()).await.unwrap();
    assert_eq!(settled.unpublished.iter().map(|event| event.sequence).collect::<Vec<_>>(), [6]);
}

#[tokio::test]
async fn a_refused_event_that_is_not_in_the_ledger_was_cut_off() {
    let receipts = receipts().await;
    let outcome = PublicationRecord::Failure(fixtures::failure(7, 1));
    let product = fixtures::id("helmet");
    receipts.record(&[EventPublication { product, sequence: 7, outcome }]).await.unwrap();
    let journal = journal_of(&ledger()[..5]).await;
    let found = found_by(JournalVerifier::of(journal.clone()).with_receipts(receipts), journal).await;
    assert_eq!(found.named(), [("helmet".into(), 6, "cut_off")]);
    let told = found.faults()[0].to_string();
    assert!(told.ends_with("the receipts saw event 7, the newest here is 6"), "{told}");
}

#[tokio::test]
async fn events_up_to_the_mark_of_a_restore_need_no_receipts() {
    let receipts = Arc::new(MemoryReceipts::default());
    let commits = ledger()[..5].to_vec();
    let mark = |hash: Hash| receipts.mark(fixtures::id("helmet"), RestoreMark { sequence: 4, hash });
    let journal = journal_of(&commits).await;
    mark(commits[2].decode().unwrap().hash);
    let verification = JournalVerifier::of(journal.clone()).with_receipts(receipts.clone());
    let found = found_by(verification.clone(), journal.clone()).await;
    assert!(found.is_whole(), "{:?}", found.named());
    let settled = verification.settle(PollPolicy::once()).await.unwrap();
    assert_eq!(settled.unpublished.iter().map(|event| event.sequence).collect::<Vec<_>>(), [5, 6]);

    mark(Hash::genesis());
    let verification = JournalVerifier::of(journal.clone()).with_receipts(receipts.clone());
    assert_eq!(found_by(verification, journal).await.named(), [("helmet".into(), 4, "rewritten")]);
}

#[tokio::test]
async fn where_receipts_may_lag_only_events_that_have_one_are_compared() {
    let receipts = Arc::new(MemoryReceipts::default());
    for commit in [&ledger()[0], &ledger()[3]] {
        receipts.record(&receipts_of(commit)).await.unwrap();
    }
    let failure = PublicationRecord::Failure(fixtures::failure(6, 1));
    let helmet = fixtures::id("helmet");
    let refused = EventPublication { product: helmet.clone(), sequence: 6, outcome: failure };
    receipts.record(&[refused]).await.unwrap();
    let journal = journal_of(&ledger()[..5]).await;
    let verification = JournalVerifier::of(journal.clone()).with_lagging_receipts(receipts.clone());
    let found = found_by(verification.clone(), journal.clone()).await;
    assert!(found.is_whole(), "{:?}", found.named());
    let settled = verification.settle(PollPolicy::once()).await.unwrap();
    assert_eq!(settled.unpublished, []);

    let other = PublicationReceipt { hash: ledger()[4].decode().unwrap().hash, ..fixtures::receipt(6) };
    let outcome = PublicationRecord::Receipt(other);
    receipts.record(&[EventPublication { product: helmet, sequence: 6, outcome }]).await.unwrap();
    assert_eq!(found_by(verification, journal).await.named(), [("helmet".into(), 6, "foreign_receipt")]);
}

#[tokio::test]
async fn unpublished_events_beyond_the_first_hundred_thousand_are_counted() {
    let mut commit = ledger().remove(0);
    commit.0["events"] = vec![json!({}); 100_002].into();
    let journal = journal_of(&[commit]).await;
    let receipts = Arc::new(MemoryReceipts::default());
    let verification = JournalVerifier::of(journal).with_receipts(receipts);
    verification.product(&fixtures::id("helmet")).await.unwrap();
    let settled = verification.settle(PollPolicy::once()).await.unwrap();
    assert_eq!((settled.unpublished.len(), settled.more), (100_000, 2));
}
