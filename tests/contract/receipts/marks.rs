//! The mark of a restore counts as long as it fits the ledger. `DynamoDB` keeps no marks for now.

use event_store::receipts::{PublicationProgress, RestoreMark, published};
use event_store::{Journal, MemoryJournal};
use schema::{Commit, Hash, ProductId, fixtures};

use super::{ReceiptStore, all, failure, receipts_of, record};
use crate::given::commits::{awkward_ids, commit};

cases! { dyn event_store::Receipts, [memory sqlite];
    a_product_that_was_not_restored_has_no_mark
    a_mark_is_read_back_with_its_hash
    a_mark_is_the_products_own
    a_mark_is_no_receipt
    a_mark_stays_when_receipts_come
    a_mark_stands_beside_a_failure
    a_mark_is_there_when_the_store_is_opened_again
    a_newer_restore_replaces_the_mark
    a_mark_counts_while_the_commit_it_was_made_for_ends_there
    a_mark_inside_a_commit_does_not_count
    a_mark_beyond_the_ledger_does_not_count
    a_mark_of_another_commit_does_not_count
    receipts_beyond_a_mark_count
}

fn mark(sequence: u64, byte: u8) -> RestoreMark {
    RestoreMark { sequence, hash: Hash::of_digest(&[byte; 32]) }
}

async fn a_product_that_was_not_restored_has_no_mark(receipts: &ReceiptStore) {
    let receipts = receipts.another(vec![(fixtures::id("q"), mark(3, 1))]).await;
    receipts.record(&receipts_of(&fixtures::id("p"), 1..=2)).await.unwrap();
    assert_eq!(receipts.position(&fixtures::id("p")).await.unwrap().mark, None);
}

async fn a_mark_is_read_back_with_its_hash(receipts: &ReceiptStore) {
    let receipts = receipts.another(vec![(fixtures::id("p"), mark(7, 0xfe))]).await;
    assert_eq!(receipts.position(&fixtures::id("p")).await.unwrap().mark, Some(mark(7, 0xfe)));
}

async fn a_mark_is_the_products_own(receipts: &ReceiptStore) {
    let marks: Vec<_> = (1..).zip(awkward_ids()).map(|(n, id)| (id, mark(n.into(), n))).collect();
    let receipts = receipts.another(marks.clone()).await;
    for (id, mark) in marks {
        assert_eq!(receipts.position(&id).await.unwrap().mark, Some(mark), "{id}");
    }
}

async fn a_mark_is_no_receipt(receipts: &ReceiptStore) {
    let receipts = receipts.another(vec![(fixtures::id("p"), mark(7, 1))]).await;
    assert_eq!(receipts.position(&fixtures::id("p")).await.unwrap().published, 0);
    assert_eq!(all(&*receipts, &fixtures::id("p")).await, []);
}

async fn a_mark_stays_when_receipts_come(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    let receipts = receipts.another(vec![(product.clone(), mark(7, 1))]).await;
    receipts.record(&receipts_of(&product, 8..=9)).await.unwrap();
    let position = receipts.position(&product).await.unwrap();
    assert_eq!((position.published, position.mark), (9, Some(mark(7, 1))));
}

async fn a_mark_stands_beside_a_failure(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    let receipts = receipts.another(vec![(product.clone(), mark(7, 1))]).await;
    receipts.record(&[record(&product, 8, failure(8, 2))]).await.unwrap();
    let position = receipts.position(&product).await.unwrap();
    assert_eq!((position.failure, position.mark), (Some(fixtures::failure(8, 2)), Some(mark(7, 1))));
}

async fn a_mark_is_there_when_the_store_is_opened_again(receipts: &ReceiptStore) {
    let receipts = receipts.another(vec![(fixtures::id("p"), mark(7, 1))]).await;
    let again = receipts.opened_again(Vec::new()).await;
    assert_eq!(again.position(&fixtures::id("p")).await.unwrap().mark, Some(mark(7, 1)));
}

async fn a_newer_restore_replaces_the_mark(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    let marks = vec![(product.clone(), mark(7, 1)), (product.clone(), mark(3, 2))];
    let receipts = receipts.another(marks).await;
    assert_eq!(receipts.position(&product).await.unwrap().mark, Some(mark(3, 2)));
}

/// A ledger of a product with a commit of one event and one of two.
async fn ledger(product: &ProductId) -> (MemoryJournal, Commit) {
    let journal = MemoryJournal::default();
    let (first, stored) = commit(None, product, vec![fixtures::helmet_created()]);
    let two = vec![fixtures::helmet_renamed(), fixtures::helmet_deleted()];
    let (second, then) = commit(Some(&first), product, two);
    journal.append(&stored).await.unwrap();
    journal.append(&then).await.unwrap();
    (journal, second)
}

/// Up to which event the product counts as published with this mark.
async fn counted(receipts: &ReceiptStore, sequence: u64, hash: Option<Hash>) -> u64 {
    let product = fixtures::id("p");
    let (journal, newest) = ledger(&product).await;
    let mark = RestoreMark { sequence, hash: hash.unwrap_or_else(|| newest.hash.clone()) };
    let receipts = receipts.another(vec![(product.clone(), mark)]).await;
    let position = receipts.position(&product).await.unwrap();
    published(&journal, &*receipts, &product, &position).await.unwrap().up_to
}

async fn a_mark_counts_while_the_commit_it_was_made_for_ends_there(receipts: &ReceiptStore) {
    assert_eq!(counted(receipts, 3, None).await, 3);
}

async fn a_mark_inside_a_commit_does_not_count(receipts: &ReceiptStore) {
    assert_eq!(counted(receipts, 2, None).await, 0);
}

async fn a_mark_beyond_the_ledger_does_not_count(receipts: &ReceiptStore) {
    assert_eq!(counted(receipts, 4, None).await, 0);
}

async fn a_mark_of_another_commit_does_not_count(receipts: &ReceiptStore) {
    assert_eq!(counted(receipts, 3, Some(Hash::genesis())).await, 0);
}

async fn receipts_beyond_a_mark_count(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    let (journal, newest) = ledger(&product).await;
    let mark = RestoreMark { sequence: 3, hash: newest.hash.clone() };
    let receipts = receipts.another(vec![(product.clone(), mark)]).await;
    receipts.record(&receipts_of(&product, 4..=5)).await.unwrap();
    let position = receipts.position(&product).await.unwrap();
    let published = published(&journal, &*receipts, &product, &position).await.unwrap();
    assert_eq!(published, PublicationProgress { up_to: 5, rival: None });
}
