//! Convergence: however the stream delivers, the views end up as the fold of the events.

use futures::FutureExt;
use projections::prices::{PriceHistory, entries_of};
use projections::views::Generation;
use projections::{PriceLog, Views};
use proptest::prelude::*;
use schema::{Fold, Product, fixtures};

use crate::given::{Deed, InMemory, Life, batch, in_memory};

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        "[a-c]{1,3}".prop_map(Deed::Rename),
        (1..500_u32).prop_map(|price| Deed::Reprice(price.to_string(), "USD")),
        Just(Deed::DeleteOrRestore),
        ("[a-c]{1,3}", 1..500_u32).prop_map(|(name, price)| Deed::RenameAndReprice(name, price.to_string())),
    ]
}

/// A few lives, and batches of product and commit in any order, some repeated, each at least once.
fn deliveries() -> impl Strategy<Value = (Vec<Life>, Vec<Vec<(usize, usize)>>)> {
    let lives = prop::collection::vec(prop::collection::vec(deed(), 0..8), 1..5);
    lives.prop_flat_map(|deeds| {
        let lives: Vec<Life> =
            (0..).zip(&deeds).map(|(n, deeds)| Life::of(&format!("p{n}"), deeds)).collect();
        let each: Vec<(usize, usize)> = (0..)
            .zip(&lives)
            .flat_map(|(n, life)| (0..life.commits.len()).map(move |commit| (n, commit)))
            .collect();
        let again = prop::collection::vec(prop::sample::select(each.clone()), 0..20);
        let order = again.prop_flat_map(move |again| {
            let all: Vec<_> = each.iter().chain(&again).copied().collect();
            Just(all).prop_shuffle()
        });
        let cuts = prop::collection::vec(1..6_usize, 1..40);
        (order, cuts).prop_map(move |(mut order, cuts)| {
            let mut batches = Vec::new();
            for cut in cuts.iter().cycle() {
                if order.is_empty() {
                    break;
                }
                batches.push(order.split_off(order.len().saturating_sub(*cut)));
            }
            (lives.clone(), batches)
        })
    })
}

/// The product by the rules of the schema alone, not by what its commits carry.
fn fold(life: &Life) -> Product {
    let events = life.commits.iter().flat_map(|(commit, _)| {
        commit.events.iter().map(|recorded| (&recorded.event, commit.metadata.occurred_at))
    });
    let fold = events.fold(Fold::default(), |fold, (event, at)| fold.then(event, at).unwrap());
    let (first, last) = (&life.commits[0].0, life.newest());
    Product {
        id: life.id.clone(),
        facts: fold.facts.unwrap(),
        price_occurred_at: fold.price_occurred_at,
        version: last.last_sequence(),
        created_at: first.recorded_at,
        updated_at: last.recorded_at,
    }
}

/// Everything here is in memory and never waits.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().unwrap()
}

/// Every event that affects the price, and the last event.
fn priced(life: &Life) -> PriceHistory {
    let commits = life.commits.iter().map(|(commit, _)| commit);
    PriceHistory { folded: life.newest().last_sequence(), entries: commits.flat_map(entries_of).collect() }
}

fn history(given: &InMemory, life: &Life) -> PriceHistory {
    block_on(given.prices.history(Generation(1), &life.id)).unwrap()
}

fn row(given: &InMemory, life: &Life) -> Option<Product> {
    block_on(given.views.get(Generation(1), &life.id)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn repeated_shuffled_and_overlapping_batches_converge_to_the_fold((lives, batches) in deliveries()) {
        let given = in_memory();
        for life in &lives {
            block_on(life.recorded_in(&*given.journal));
        }
        let mut seen = vec![0; lives.len()];
        for records in batches {
            let event = batch(records.iter().map(|(life, commit)| lives[*life].record(*commit)).collect());
            let answer = block_on(given.projector.project(event));
            prop_assert!(answer.batch_item_failures.is_empty());
            for (life, commit) in records {
                seen[life] = seen[life].max(lives[life].commits[commit].0.last_sequence());
            }
            for (life, newest) in lives.iter().zip(&seen) {
                // Never older than what was delivered, in between too.
                prop_assert_eq!(row(&given, life).map_or(0, |product| product.version), *newest);
            }
        }
        for life in &lives {
            prop_assert_eq!(row(&given, life), Some(fold(life)));
            prop_assert_eq!(history(&given, life), priced(life));
        }
    }
}

#[tokio::test]
async fn a_late_duplicate_never_revives_a_deleted_product() {
    let given = in_memory();
    let mut life = Life::begins("p", "Helmet", "1");
    life.commit(vec![fixtures::helmet_deleted()]);
    given.projector.project(batch(vec![life.record(0), life.record(1)])).await;
    given.projector.project(batch(vec![life.record(0)])).await;
    let product = given.views.get(Generation(1), &life.id).await.unwrap().unwrap();
    assert_eq!(product.facts.status, schema::Status::Deleted);
}
