//! Generations are independent of each other, and of two concurrent changes of which are current one wins.

use futures::future::join_all;
use projections::views::RowOrder;
use projections::views::{Generation, Generations, GenerationsError, RebuildClaim, View, ViewGenerations};
use schema::fixtures;

use super::{FIRST, PutProduct, ViewStore, all_ids, named, product, put, rows_in};

cases! { dyn projections::Views, [memory sqlite dynamodb];
    a_row_is_in_its_generation_only
    each_generation_has_a_version_of_its_own
    generations_whose_numbers_begin_alike_are_kept_apart
    the_greatest_generation_is_one_like_any_other
    an_order_contains_the_rows_of_its_generation
    removing_a_row_leaves_the_other_generations
    removing_what_is_not_there_changes_nothing
    a_row_can_be_written_again_after_its_removal
    a_removed_row_is_gone_when_the_store_is_opened_again
    a_new_view_reads_and_writes_the_first_generation
    the_next_revision_replaces_the_generations
    generations_read_back_field_for_field
    the_same_revision_is_refused
    an_older_revision_is_refused
    a_skipped_revision_is_refused
    revision_zero_is_refused
    a_refused_change_changes_nothing
    of_many_concurrent_changes_one_wins
    generations_are_there_when_the_store_is_opened_again
}

async fn a_row_is_in_its_generation_only(views: &ViewStore) {
    views.put(Generation(2), &product("p", 1)).await.unwrap();
    assert_eq!(views.get(FIRST, &fixtures::id("p")).await.unwrap(), None);
    assert_eq!(views.get(Generation(2), &fixtures::id("p")).await.unwrap(), Some(product("p", 1)));
}

async fn each_generation_has_a_version_of_its_own(views: &ViewStore) {
    for (generation, version) in [(1, 5), (2, 3), (3, 9)] {
        let written = views.put(Generation(generation), &product("p", version)).await.unwrap();
        assert!(written);
    }
    assert!(views.put(Generation(2), &product("p", 4)).await.unwrap());
    assert!(!views.put(Generation(1), &product("p", 4)).await.unwrap());
}

async fn generations_whose_numbers_begin_alike_are_kept_apart(views: &ViewStore) {
    for generation in [1, 11, 12, 112, 2, 21] {
        views.put(Generation(generation), &product(&format!("p{generation}"), 1)).await.unwrap();
    }
    for generation in [1, 11, 12, 112, 2, 21] {
        let expected = [format!("p{generation}")];
        assert_eq!(all_ids(&**views, Generation(generation), 2).await, expected);
        for order in RowOrder::ALL {
            let rows = rows_in(&**views, Generation(generation), order).await;
            assert!(rows.iter().map(|row| row.product.id.as_str()).eq(expected.iter()), "{order:?}");
        }
    }
}

async fn the_greatest_generation_is_one_like_any_other(views: &ViewStore) {
    for generation in [0, u32::MAX] {
        views.put(Generation(generation), &product("p", 1)).await.unwrap();
        assert_eq!(all_ids(&**views, Generation(generation), 10).await, ["p"]);
    }
    assert_eq!(all_ids(&**views, FIRST, 10).await, [""; 0]);
}

async fn an_order_contains_the_rows_of_its_generation(views: &ViewStore) {
    views.put(FIRST, &named("p", 1, "a")).await.unwrap();
    views.put(Generation(2), &named("p", 2, "b")).await.unwrap();
    for (generation, name) in [(1, "a"), (2, "b")] {
        let rows = rows_in(&**views, Generation(generation), RowOrder::Name).await;
        assert!(rows.iter().map(|row| row.product.facts.name.as_str()).eq([name]));
    }
}

async fn removing_a_row_leaves_the_other_generations(views: &ViewStore) {
    for generation in [1, 2, 12] {
        views.put(Generation(generation), &product("p", 1)).await.unwrap();
    }
    views.remove(Generation(2), "p").await.unwrap();
    assert_eq!(views.get(Generation(2), &fixtures::id("p")).await.unwrap(), None);
    for generation in [1, 12] {
        assert_eq!(rows_in(&**views, Generation(generation), RowOrder::Id).await.len(), 1);
    }
}

async fn removing_what_is_not_there_changes_nothing(views: &ViewStore) {
    put(&**views, &[product("p", 1), product("p1", 1)]).await;
    views.remove(FIRST, "q").await.unwrap();
    views.remove(Generation(2), "p").await.unwrap();
    assert_eq!(all_ids(&**views, FIRST, 10).await, ["p", "p1"]);
}

async fn a_row_can_be_written_again_after_its_removal(views: &ViewStore) {
    put(&**views, &[named("p", 9, "old")]).await;
    views.remove(FIRST, "p").await.unwrap();
    assert!(views.put(FIRST, &named("p", 1, "new")).await.unwrap());
    let rows = rows_in(&**views, FIRST, RowOrder::Name).await;
    assert!(rows.into_iter().map(|row| row.product).eq([named("p", 1, "new")]));
}

async fn a_removed_row_is_gone_when_the_store_is_opened_again(views: &ViewStore) {
    put(&**views, &[product("p", 1), product("q", 1)]).await;
    views.remove(FIRST, "p").await.unwrap();
    let again = views.opened_again(views.orders()).await;
    assert_eq!(all_ids(&*again, FIRST, 10).await, ["q"]);
}

async fn a_new_view_reads_and_writes_the_first_generation(views: &ViewStore) {
    let current = views.generations().await.unwrap();
    assert_eq!(current, ViewGenerations::default());
    assert_eq!((current.revision, current.products.read, current.prices.write), (0, FIRST, vec![FIRST]));
}

/// The next revision, with another generation that is written.
fn next(current: &ViewGenerations, generation: u32) -> ViewGenerations {
    let mut generations = current.products.clone();
    generations.write.push(Generation(generation));
    generations.last = Generation(generation);
    current.with(View::Products, generations)
}

async fn the_next_revision_replaces_the_generations(views: &ViewStore) {
    let mut current = views.generations().await.unwrap();
    for generation in 2..6 {
        current = next(&current, generation);
        views.change_generations(&current).await.unwrap();
        assert_eq!(views.generations().await.unwrap(), current);
    }
}

async fn generations_read_back_field_for_field(views: &ViewStore) {
    let generations = |read, write: &[u32], filled| Generations {
        read: Generation(read),
        write: write.iter().copied().map(Generation).collect(),
        last: Generation(u32::MAX),
        filled,
        drop: if filled { vec![Generation(3), Generation(8)] } else { Vec::new() },
        rebuild: (!filled).then_some(RebuildClaim { id: u64::from(u32::MAX), beats: 9 }),
    };
    let current = ViewGenerations {
        revision: 1,
        products: generations(7, &[7, 3, 9], false),
        prices: generations(0, &[], true),
    };
    views.change_generations(&current).await.unwrap();
    assert_eq!(views.generations().await.unwrap(), current);
}

async fn refused(views: &ViewStore, current: &ViewGenerations) {
    let before = views.generations().await.unwrap();
    let changed = views.change_generations(current).await;
    assert!(matches!(changed, Err(GenerationsError::Changed)), "{changed:?}");
    assert_eq!(views.generations().await.unwrap(), before);
}

async fn the_same_revision_is_refused(views: &ViewStore) {
    let first = next(&ViewGenerations::default(), 2);
    views.change_generations(&first).await.unwrap();
    refused(views, &first).await;
    refused(views, &next(&ViewGenerations::default(), 3)).await;
}

async fn an_older_revision_is_refused(views: &ViewStore) {
    let (first, mut newest) = (next(&ViewGenerations::default(), 2), ViewGenerations::default());
    for generation in 2..5 {
        newest = next(&newest, generation);
        views.change_generations(&newest).await.unwrap();
    }
    refused(views, &first).await;
    refused(views, &ViewGenerations::default()).await;
}

async fn a_skipped_revision_is_refused(views: &ViewStore) {
    for revision in [2, 3, 100] {
        refused(views, &ViewGenerations { revision, ..ViewGenerations::default() }).await;
    }
    views.change_generations(&next(&ViewGenerations::default(), 2)).await.unwrap();
    refused(views, &ViewGenerations { revision: 3, ..ViewGenerations::default() }).await;
}

async fn revision_zero_is_refused(views: &ViewStore) {
    refused(views, &ViewGenerations::default()).await;
}

async fn a_refused_change_changes_nothing(views: &ViewStore) {
    let first = next(&ViewGenerations::default(), 2);
    views.change_generations(&first).await.unwrap();
    views.change_generations(&next(&ViewGenerations::default(), 9)).await.unwrap_err();
    views.change_generations(&next(&first, 3)).await.unwrap();
    assert_eq!(views.generations().await.unwrap(), next(&first, 3));
}

async fn of_many_concurrent_changes_one_wins(views: &ViewStore) {
    let changes = (2..12).map(|generation| {
        let views = views.shared();
        let current = next(&ViewGenerations::default(), generation);
        tokio::spawn(async move { views.change_generations(&current).await.is_ok().then_some(current) })
    });
    let answers = join_all(changes.collect::<Vec<_>>()).await;
    let winners: Vec<ViewGenerations> = answers.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(winners.len(), 1);
    assert_eq!(views.generations().await.unwrap(), winners[0]);
}

async fn generations_are_there_when_the_store_is_opened_again(views: &ViewStore) {
    let first = next(&ViewGenerations::default(), 2);
    views.change_generations(&first).await.unwrap();
    let again = views.opened_again(views.orders()).await;
    assert_eq!(again.generations().await.unwrap(), first);
    refused(&again, &first).await;
}
