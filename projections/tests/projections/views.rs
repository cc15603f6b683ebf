//! The contract of the view port, on every adapter.

use std::sync::Arc;

use projections::catalogue::{Order, Orders, Range, SHARDS};
use projections::views::{Generation, LineupError, Slice, Written};
use projections::{MemoryViews, Views};
use schema::{Product, fixtures};

use crate::given::{Deed, Life, tables_keeping, views_keeping};

const FIRST: Generation = Generation(1);

async fn adapters() -> Vec<(&'static str, Arc<dyn Views>)> {
    adapters_keeping(Orders::default()).await
}

async fn adapters_keeping(orders: Orders) -> Vec<(&'static str, Arc<dyn Views>)> {
    let tables = tables_keeping(orders).await;
    vec![
        ("memory", Arc::new(MemoryViews::keeping(orders))),
        ("dynamodb", Arc::new(views_keeping(&tables, orders))),
    ]
}

fn versions(life: &Life) -> Vec<Product> {
    life.commits.iter().map(|(commit, _)| commit.state.clone()).collect()
}

async fn ids_in(views: &dyn Views, generation: Generation, order: Order) -> Vec<String> {
    let mut ids = Vec::new();
    for shard in 0..SHARDS {
        let slice = Slice { shard, order, range: Range::all(), descending: false, limit: 100 };
        let portion = views.slice(generation, &slice).await.unwrap();
        assert!(portion.exhausted);
        ids.extend(portion.rows.into_iter().map(|row| row.product.id.to_string()));
    }
    ids.sort();
    ids
}

#[tokio::test]
async fn a_row_only_ever_gets_newer() {
    let life = Life::of("p", &[Deed::Rename("Hat".into()), Deed::DeleteOrRestore]);
    let [created, renamed, deleted] = versions(&life).try_into().unwrap();
    for (adapter, views) in adapters().await {
        assert_eq!(views.get(FIRST, &life.id).await.unwrap(), None, "{adapter}");
        for (product, written) in [
            (&renamed, Written::Newer),
            (&renamed, Written::Stale),
            (&created, Written::Stale),
            (&deleted, Written::Newer),
            (&renamed, Written::Stale),
        ] {
            assert_eq!(views.put(FIRST, product).await.unwrap(), written, "{adapter}");
        }
        assert_eq!(views.get(FIRST, &life.id).await.unwrap(), Some(deleted.clone()), "{adapter}");
    }
}

#[tokio::test]
async fn a_deleted_product_keeps_its_row_and_stands_only_among_the_changes() {
    let life = Life::of("p", &[Deed::DeleteOrRestore, Deed::DeleteOrRestore]);
    let [created, deleted, restored] = versions(&life).try_into().unwrap();
    for (adapter, views) in adapters().await {
        for (product, shown) in [(created.clone(), true), (deleted.clone(), false), (restored.clone(), true)]
        {
            views.put(FIRST, &product).await.unwrap();
            for order in Order::ALL {
                let expected =
                    if shown || order == Order::Changes { vec!["p".to_owned()] } else { Vec::new() };
                assert_eq!(ids_in(&*views, FIRST, order).await, expected, "{adapter} {order:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_slice_keeps_to_its_range_and_says_whether_more_follow() {
    let lives: Vec<Life> = (0..40).map(|n| Life::begins(&format!("p{n:02}"), "Helmet", "1")).collect();
    for (adapter, views) in adapters().await {
        for life in &lives {
            views.put(FIRST, &life.newest().state).await.unwrap();
        }
        let range = Range { from: "p10".into(), to: "p29".into() };
        let mut all = Vec::new();
        for shard in 0..SHARDS {
            let slice =
                |range: Range, descending, limit| Slice { shard, order: Order::Id, range, descending, limit };
            let whole = views.slice(FIRST, &slice(range.clone(), false, 100)).await.unwrap();
            let mut positions: Vec<_> = whole.rows.iter().map(|row| row.position.clone()).collect();
            assert!(positions.is_sorted() && whole.exhausted, "{adapter}");
            let first = views.slice(FIRST, &slice(range.clone(), false, 1)).await.unwrap();
            assert_eq!(first.rows, whole.rows[..1], "{adapter}");
            assert!(!first.exhausted, "{adapter}");
            let mut backwards = views.slice(FIRST, &slice(range.clone(), true, 100)).await.unwrap();
            backwards.rows.reverse();
            assert_eq!(backwards.rows, whole.rows, "{adapter}");
            all.append(&mut positions);
        }
        all.sort();
        let expected: Vec<String> = (10..=29).map(|n| format!("p{n}")).collect();
        assert_eq!(all, expected, "{adapter}");
    }
}

#[tokio::test]
async fn generations_do_not_see_each_other() {
    let life = Life::of("p", &[]);
    for (adapter, views) in adapters().await {
        views.put(Generation(2), &life.newest().state).await.unwrap();
        assert_eq!(views.get(FIRST, &life.id).await.unwrap(), None, "{adapter}");
        assert!(ids_in(&*views, FIRST, Order::Id).await.is_empty(), "{adapter}");
        assert_eq!(ids_in(&*views, Generation(2), Order::Id).await, ["p"], "{adapter}");
        views.put(FIRST, &life.newest().state).await.unwrap();
        views.remove(Generation(2), &life.id).await.unwrap();
        assert_eq!(views.get(Generation(2), &life.id).await.unwrap(), None, "{adapter}");
        assert!(views.get(FIRST, &life.id).await.unwrap().is_some(), "{adapter}");
    }
}

#[tokio::test]
async fn every_row_of_a_generation_comes_once_whatever_is_kept() {
    let mut lives: Vec<Life> = (0..60).map(|n| Life::begins(&format!("p{n:02}"), "Helmet", "1")).collect();
    lives.iter_mut().step_by(2).for_each(|life| life.goes_on(&Deed::DeleteOrRestore));
    for orders in ["id", "id,name,price,updated_at"].map(|text| Orders::parse(text).unwrap()) {
        for (adapter, views) in adapters_keeping(orders).await {
            for life in &lives {
                views.put(FIRST, &life.newest().state).await.unwrap();
                views.put(Generation(12), &life.newest().state).await.unwrap();
            }
            let (mut ids, mut from) = (Vec::new(), None);
            loop {
                let page = views.rows(FIRST, from, 7).await.unwrap();
                assert!(page.products.len() <= 7, "{adapter}");
                ids.extend(page.products.iter().map(|product| product.id.to_string()));
                from = page.next;
                if from.is_none() {
                    break;
                }
            }
            ids.sort();
            let expected: Vec<_> = lives.iter().map(|life| life.id.to_string()).collect();
            assert_eq!(ids, expected, "{adapter} {orders}");
        }
    }
}

#[tokio::test]
async fn an_order_that_is_not_kept_has_no_slices_and_its_rows_are_there_all_the_same() {
    let life = Life::of("p", &[]);
    let orders = Orders::parse("id,name").unwrap();
    for (adapter, views) in adapters_keeping(orders).await {
        assert_eq!(views.orders(), orders, "{adapter}");
        views.put(FIRST, &life.newest().state).await.unwrap();
        for order in Order::ALL {
            let slice = Slice { shard: 0, order, range: Range::all(), descending: false, limit: 1 };
            let kept = orders.keep(order.sort());
            assert_eq!(views.slice(FIRST, &slice).await.is_ok(), kept, "{adapter} {order:?}");
            if kept {
                assert_eq!(ids_in(&*views, FIRST, order).await, ["p"], "{adapter} {order:?}");
            }
        }
    }
}

#[tokio::test]
async fn of_two_changes_of_the_lineup_one_wins() {
    for (adapter, views) in adapters().await {
        let first = views.lineup().await.unwrap();
        assert_eq!((first.revision, first.products.read), (0, FIRST), "{adapter}");
        let mut next = first.clone();
        for revision in 1..=3 {
            next.revision = revision;
            next.products.write.push(Generation(7));
            views.change_lineup(&next).await.unwrap();
            assert_eq!(views.lineup().await.unwrap(), next, "{adapter}");
            let again = views.change_lineup(&next).await;
            assert!(matches!(again, Err(LineupError::Changed)), "{adapter}");
        }
    }
}

#[tokio::test]
async fn a_product_with_every_field_reads_back_as_written() {
    let mut life = Life::begins("p", "Größe Ὀδυσσεύς 🚲", "0.0001");
    life.commit(vec![fixtures::helmet_deleted()]);
    for (adapter, views) in adapters().await {
        for product in versions(&life) {
            views.put(FIRST, &product).await.unwrap();
            assert_eq!(views.get(FIRST, &life.id).await.unwrap(), Some(product), "{adapter}");
        }
    }
}
