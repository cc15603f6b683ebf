//! A version recorded anew after its commit was removed replaces the row of the old one; a late one does not.

use std::sync::Arc;

use event_store::{MemoryJournal, MemoryParking};
use projections::views::ProductRow;
use projections::views::RowOrder;
use projections::{Catalogue, Projector};
use schema::{Commit, Hash, Product, StoredCommit, fixtures};

use super::{FIRST, PutProduct, ViewStore, ids_in, named, product};
use crate::given::commits::{ledger_of, recorded_anew, records};

cases! { dyn projections::Views, [memory sqlite dynamodb];
    a_refused_write_returns_the_row_in_the_view
    a_row_is_replaced_only_if_it_is_still_as_it_was_read
    a_replaced_row_is_at_its_new_position_in_every_order
    a_row_without_a_hash_can_be_replaced_too
    the_same_version_of_another_commit_is_shown
    an_earlier_version_that_was_recorded_later_is_shown
    a_removed_commit_that_comes_late_is_not_shown
    of_two_commits_with_one_sequence_in_a_batch_the_recorded_one_is_shown
    a_row_without_a_hash_is_compared_by_its_content
    a_product_whose_newest_commits_were_removed_is_left_as_it_is
}

fn shown(product: Product, hash: u8) -> ProductRow {
    ProductRow { product, hash: Some(Hash::of_digest(&[hash; 32])) }
}

fn projector(views: &ViewStore, journal: &Arc<MemoryJournal>) -> Projector {
    let catalogue = Catalogue::new(views.shared(), journal.clone());
    let parking = Arc::<MemoryParking>::default();
    let clock = Arc::new(|| fixtures::at("2026-11-23T05:20:00Z"));
    Projector::new(views.shared(), vec![Arc::new(catalogue)], parking, clock)
}

/// The row of `p` after a projector on a ledger of `there` received `told`.
async fn told(
    views: &ViewStore,
    there: &[(Commit, StoredCommit)],
    told: &[(Commit, StoredCommit)],
) -> Product {
    let again = projector(views, &ledger_of(there).await).follow(records(told)).await;
    assert!(again.is_empty(), "{again:?}");
    views.get(FIRST, &fixtures::id("p")).await.unwrap().unwrap()
}

fn newest(commits: &[(Commit, StoredCommit)]) -> Product {
    commits.last().unwrap().0.state.clone()
}

async fn a_refused_write_returns_the_row_in_the_view(views: &ViewStore) {
    let there = shown(named("p", 3, "there"), 1);
    assert_eq!(views.show(FIRST, &there).await.unwrap(), None);
    for late in [shown(named("p", 3, "late"), 2), shown(named("p", 1, "late"), 2), there.clone()] {
        assert_eq!(views.show(FIRST, &late).await.unwrap(), Some(there.clone()));
    }
    let newer = shown(named("p", 4, "newer"), 3);
    assert_eq!(views.show(FIRST, &newer).await.unwrap(), None);
    assert_eq!(views.show(FIRST, &there).await.unwrap(), Some(newer));
}

async fn a_row_is_replaced_only_if_it_is_still_as_it_was_read(views: &ViewStore) {
    let there = shown(named("p", 3, "there"), 1);
    views.show(FIRST, &there).await.unwrap();
    let by = shown(named("p", 2, "by"), 2);
    let nameless = ProductRow { hash: None, ..there.clone() };
    for seen in [shown(named("p", 3, "there"), 9), shown(named("p", 2, "there"), 1), nameless] {
        assert!(!views.replace(FIRST, &seen, &by).await.unwrap(), "{seen:?}");
    }
    assert!(!views.replace(FIRST, &shown(product("q", 3), 1), &shown(product("q", 1), 2)).await.unwrap());
    assert!(views.replace(FIRST, &there, &by).await.unwrap());
    assert!(!views.replace(FIRST, &there, &by).await.unwrap(), "it is not there any more");
    assert_eq!(views.show(FIRST, &by).await.unwrap(), Some(by));
}

async fn a_replaced_row_is_at_its_new_position_in_every_order(views: &ViewStore) {
    let there = shown(super::deleted("p", 3), 1);
    views.show(FIRST, &there).await.unwrap();
    views.show(FIRST, &shown(named("q", 1, "B"), 7)).await.unwrap();
    let mut cheap = named("p", 2, "C");
    cheap.facts.money = fixtures::money("0.01", "USD");
    assert!(views.replace(FIRST, &there, &shown(cheap, 2)).await.unwrap());
    for (order, ids) in
        [(RowOrder::Id, ["p", "q"]), (RowOrder::Name, ["q", "p"]), (RowOrder::Price, ["p", "q"])]
    {
        assert_eq!(ids_in(&**views, order).await, ids, "{order:?}");
    }
    assert_eq!(ids_in(&**views, RowOrder::Changes).await.len(), 2);
}

async fn a_row_without_a_hash_can_be_replaced_too(views: &ViewStore) {
    let there = ProductRow { product: named("p", 3, "there"), hash: None };
    views.show(FIRST, &there).await.unwrap();
    let by = shown(named("p", 3, "by"), 2);
    assert!(!views.replace(FIRST, &shown(named("p", 3, "there"), 1), &by).await.unwrap());
    assert!(views.replace(FIRST, &there, &by).await.unwrap());
    assert_eq!(views.show(FIRST, &by).await.unwrap(), Some(by));
}

async fn the_same_version_of_another_commit_is_shown(views: &ViewStore) {
    let (before, after) = (recorded_anew(4, 4), recorded_anew(4, 3));
    assert_eq!(told(views, &before, &before).await, newest(&before));
    assert_eq!(told(views, &after, &after[3..]).await, newest(&after));
    assert_ne!(newest(&before), newest(&after));
}

async fn an_earlier_version_that_was_recorded_later_is_shown(views: &ViewStore) {
    let (before, after) = (recorded_anew(5, 5), recorded_anew(4, 3));
    told(views, &before, &before).await;
    assert_eq!(told(views, &after, &after[3..]).await, newest(&after));
}

async fn a_removed_commit_that_comes_late_is_not_shown(views: &ViewStore) {
    let (before, after) = (recorded_anew(4, 4), recorded_anew(4, 3));
    told(views, &after, &after).await;
    assert_eq!(told(views, &after, &before).await, newest(&after));
}

async fn of_two_commits_with_one_sequence_in_a_batch_the_recorded_one_is_shown(views: &ViewStore) {
    let (before, after) = (recorded_anew(4, 4), recorded_anew(4, 3));
    assert_eq!(told(views, &after, &[&after[..], &before[3..]].concat()).await, newest(&after));
}

async fn a_row_without_a_hash_is_compared_by_its_content(views: &ViewStore) {
    let (before, after) = (recorded_anew(4, 4), recorded_anew(4, 3));
    views.put(FIRST, &newest(&before)).await.unwrap();
    assert_eq!(told(views, &before, &before[3..]).await, newest(&before));
    assert_eq!(told(views, &after, &after[3..]).await, newest(&after));
}

/// Until something is recorded in its place: the row is the only trace of what was removed.
async fn a_product_whose_newest_commits_were_removed_is_left_as_it_is(views: &ViewStore) {
    let before = recorded_anew(4, 4);
    told(views, &before, &before).await;
    assert_eq!(told(views, &before[..2], &before[1..2]).await, newest(&before));
    let projector = projector(views, &ledger_of(&before[..2]).await);
    projector.retry(&fixtures::id("p")).await.unwrap();
    assert_eq!(views.get(FIRST, &fixtures::id("p")).await.unwrap(), Some(newest(&before)));
}
