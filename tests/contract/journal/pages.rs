//! The commits of a product are read in order, from any sequence, in pages of any size, and its newest one under any bound.

use std::sync::Arc;

use event_store::{Journal, journal::commits_after};
use futures::{StreamExt, TryStreamExt};
use schema::{StoredCommit, fixtures};
use serde_json::json;

use super::{Journals, append_all, sequences};
use crate::given::commits::{LAST, commit, made, made_with, run};

cases! { dyn event_store::Journal, [memory sqlite dynamodb];
    nothing_is_newest_below_the_first_commit
    the_newest_commit_is_found_under_any_bound
    a_bound_inside_a_commit_finds_that_commit
    a_bound_beyond_every_sequence_finds_the_newest
    the_newest_of_an_unknown_product_is_none
    the_newest_is_not_one_of_a_product_whose_id_begins_alike
    after_each_append_the_newest_is_what_was_appended
    a_page_begins_after_the_sequence_it_is_given
    a_page_is_filled_up_to_its_limit
    a_page_of_no_commits_is_empty
    a_page_of_one_commit_is_the_next_one
    a_page_that_ends_exactly_at_the_end_is_whole
    a_page_with_room_to_spare_ends_at_the_end
    a_page_without_a_limit_is_everything
    a_page_after_the_newest_commit_is_empty
    a_page_after_the_greatest_number_is_empty
    a_page_of_an_unknown_product_is_empty
    a_page_holds_no_commit_of_another_product
    a_page_that_begins_inside_a_commit_begins_with_the_next
    sequences_are_ordered_as_numbers
    a_page_of_large_commits_is_filled_all_the_same
    walking_page_by_page_meets_each_commit_once
    a_walk_goes_on_beyond_one_page
    a_walk_ends_after_an_exact_page
    a_walk_begins_anywhere
}

async fn nothing_is_newest_below_the_first_commit(journals: &Journals) {
    append_all(&**journals, &[made("p", 3)]).await;
    for at_most in 0..3 {
        assert_eq!(journals.newest(&fixtures::id("p"), at_most).await.unwrap(), None, "{at_most}");
    }
}

async fn the_newest_commit_is_found_under_any_bound(journals: &Journals) {
    append_all(&**journals, &run("p", 12)).await;
    for at_most in 1..=12 {
        let newest = journals.newest(&fixtures::id("p"), at_most).await.unwrap();
        assert_eq!(newest, Some(made("p", at_most)));
    }
}

async fn a_bound_inside_a_commit_finds_that_commit(journals: &Journals) {
    let product = fixtures::id("p");
    let (first, stored) =
        commit(None, &product, vec![fixtures::helmet_created(), fixtures::helmet_renamed()]);
    let (_, second) = commit(Some(&first), &product, vec![fixtures::helmet_price_changed()]);
    append_all(&**journals, &[stored.clone(), second.clone()]).await;
    for (at_most, expected) in [(0, None), (1, Some(&stored)), (2, Some(&stored)), (3, Some(&second))] {
        assert_eq!(journals.newest(&product, at_most).await.unwrap().as_ref(), expected, "{at_most}");
    }
}

async fn a_bound_beyond_every_sequence_finds_the_newest(journals: &Journals) {
    append_all(&**journals, &run("p", 3)).await;
    for at_most in [3, 4, LAST, LAST + 1, u64::MAX >> 1, u64::MAX] {
        let newest = journals.newest(&fixtures::id("p"), at_most).await.unwrap();
        assert_eq!(newest, Some(made("p", 3)), "{at_most}");
    }
}

async fn the_newest_of_an_unknown_product_is_none(journals: &Journals) {
    append_all(&**journals, &run("p", 3)).await;
    for unknown in ["q", "P", "p1", "o"] {
        assert_eq!(journals.newest(&fixtures::id(unknown), LAST).await.unwrap(), None, "{unknown}");
    }
}

async fn the_newest_is_not_one_of_a_product_whose_id_begins_alike(journals: &Journals) {
    append_all(&**journals, &[made("p", 1), made("p1", 9), made("p10", 20), made("p2", 5)]).await;
    for (id, newest) in [("p", 1), ("p1", 9), ("p10", 20), ("p2", 5)] {
        let read = journals.newest(&fixtures::id(id), LAST).await.unwrap();
        assert_eq!(read, Some(made(id, newest)));
    }
}

async fn after_each_append_the_newest_is_what_was_appended(journals: &Journals) {
    for commit in run("p", 30) {
        journals.append(&commit).await.unwrap();
        assert_eq!(journals.newest(&fixtures::id("p"), LAST).await.unwrap(), Some(commit));
    }
}

async fn a_page_begins_after_the_sequence_it_is_given(journals: &Journals) {
    append_all(&**journals, &run("p", 6)).await;
    for after in 0..=6 {
        let page = journals.page(&fixtures::id("p"), after, 10).await.unwrap();
        assert_eq!(page, run("p", 6)[usize::try_from(after).unwrap()..], "after {after}");
    }
}

async fn a_page_is_filled_up_to_its_limit(journals: &Journals) {
    append_all(&**journals, &run("p", 9)).await;
    for limit in 1..9 {
        let page = journals.page(&fixtures::id("p"), 0, limit).await.unwrap();
        assert_eq!(page, run("p", limit as u64));
    }
}

async fn a_page_of_no_commits_is_empty(journals: &Journals) {
    append_all(&**journals, &run("p", 3)).await;
    assert_eq!(journals.page(&fixtures::id("p"), 0, 0).await.unwrap(), []);
}

async fn a_page_of_one_commit_is_the_next_one(journals: &Journals) {
    append_all(&**journals, &[made("p", 2), made("p", 5), made("p", 7)]).await;
    for (after, next) in [(0, 2), (1, 2), (2, 5), (4, 5), (5, 7), (6, 7)] {
        let page = journals.page(&fixtures::id("p"), after, 1).await.unwrap();
        assert_eq!(sequences(&page), [next], "after {after}");
    }
}

async fn a_page_that_ends_exactly_at_the_end_is_whole(journals: &Journals) {
    append_all(&**journals, &run("p", 8)).await;
    assert_eq!(journals.page(&fixtures::id("p"), 0, 8).await.unwrap(), run("p", 8));
    assert_eq!(journals.page(&fixtures::id("p"), 4, 4).await.unwrap(), run("p", 8)[4..]);
}

async fn a_page_with_room_to_spare_ends_at_the_end(journals: &Journals) {
    append_all(&**journals, &run("p", 8)).await;
    assert_eq!(journals.page(&fixtures::id("p"), 0, 9).await.unwrap(), run("p", 8));
    assert_eq!(journals.page(&fixtures::id("p"), 7, 1_000).await.unwrap(), [made("p", 8)]);
}

async fn a_page_without_a_limit_is_everything(journals: &Journals) {
    append_all(&**journals, &run("p", 8)).await;
    for limit in [usize::MAX, usize::MAX >> 1, 1 << 40] {
        assert_eq!(journals.page(&fixtures::id("p"), 0, limit).await.unwrap(), run("p", 8), "{limit}");
    }
}

async fn a_page_after_the_newest_commit_is_empty(journals: &Journals) {
    append_all(&**journals, &run("p", 3)).await;
    for after in [3, 4, 1_000, LAST] {
        assert_eq!(journals.page(&fixtures::id("p"), after, 10).await.unwrap(), [], "{after}");
    }
}

async fn a_page_after_the_greatest_number_is_empty(journals: &Journals) {
    append_all(&**journals, &run("p", 3)).await;
    for after in [u64::MAX >> 1, (u64::MAX >> 1) + 1, u64::MAX - 1, u64::MAX] {
        assert_eq!(journals.page(&fixtures::id("p"), after, 10).await.unwrap(), [], "{after}");
    }
}

async fn a_page_of_an_unknown_product_is_empty(journals: &Journals) {
    append_all(&**journals, &run("p", 3)).await;
    assert_eq!(journals.page(&fixtures::id("q"), 0, 10).await.unwrap(), []);
}

async fn a_page_holds_no_commit_of_another_product(journals: &Journals) {
    for sequence in 1..=5 {
        for product in ["p", "p0", "pp", "o", "P"] {
            journals.append(&made(product, sequence)).await.unwrap();
        }
    }
    assert_eq!(journals.page(&fixtures::id("p"), 0, 100).await.unwrap(), run("p", 5));
    assert_eq!(journals.page(&fixtures::id("pp"), 2, 2).await.unwrap(), run("pp", 5)[2..4]);
}

async fn a_page_that_begins_inside_a_commit_begins_with_the_next(journals: &Journals) {
    let product = fixtures::id("p");
    let story = fixtures::helmet_story();
    let (first, stored) = commit(None, &product, story[..3].to_vec());
    let (_, second) = commit(Some(&first), &product, story[3..].to_vec());
    append_all(&**journals, &[stored.clone(), second.clone()]).await;
    for (after, expected) in
        [(0, vec![stored, second.clone()]), (1, vec![second.clone()]), (3, vec![second]), (4, vec![])]
    {
        assert_eq!(journals.page(&product, after, 10).await.unwrap(), expected, "after {after}");
    }
}

async fn sequences_are_ordered_as_numbers(journals: &Journals) {
    let order = [1, 2, 9, 10, 11, 99, 100, 1_000, 20_000];
    let commits: Vec<StoredCommit> = order.iter().rev().map(|sequence| made("p", *sequence)).collect();
    append_all(&**journals, &commits).await;
    assert_eq!(sequences(&journals.page(&fixtures::id("p"), 0, 100).await.unwrap()), order);
    assert_eq!(sequences(&journals.page(&fixtures::id("p"), 9, 3).await.unwrap()), [10, 11, 99]);
}

/// Together they are longer than the answer of any store.
async fn a_page_of_large_commits_is_filled_all_the_same(journals: &Journals) {
    let large = json!({"text": "x".repeat(300_000)});
    let commits: Vec<StoredCommit> = (1..=9).map(|sequence| made_with("p", sequence, &large)).collect();
    append_all(&**journals, &commits).await;
    assert_eq!(journals.page(&fixtures::id("p"), 0, 8).await.unwrap(), commits[..8]);
    assert_eq!(journals.page(&fixtures::id("p"), 3, 100).await.unwrap(), commits[3..]);
}

async fn walking_page_by_page_meets_each_commit_once(journals: &Journals) {
    append_all(&**journals, &run("p", 23)).await;
    for limit in [1, 2, 5, 22, 23, 24] {
        let (mut met, mut after) = (Vec::new(), 0);
        loop {
            let page = journals.page(&fixtures::id("p"), after, limit).await.unwrap();
            let Some(last) = page.last() else { break };
            after = last.sequence().unwrap();
            met.extend(page);
            assert!(met.len() <= 23, "the walk does not end");
        }
        assert_eq!(met, run("p", 23), "pages of {limit}");
    }
}

async fn walk(journal: Arc<dyn Journal>, after: u64) -> Vec<StoredCommit> {
    commits_after(journal, fixtures::id("p"), after).take(1_000).try_collect().await.unwrap()
}

async fn a_walk_goes_on_beyond_one_page(journals: &Journals) {
    append_all(&**journals, &run("p", 251)).await;
    assert_eq!(walk(journals.shared(), 0).await, run("p", 251));
}

async fn a_walk_ends_after_an_exact_page(journals: &Journals) {
    append_all(&**journals, &run("p", 200)).await;
    assert_eq!(walk(journals.shared(), 0).await, run("p", 200));
    assert_eq!(walk(journals.shared(), 100).await, run("p", 200)[100..]);
}

async fn a_walk_begins_anywhere(journals: &Journals) {
    append_all(&**journals, &run("p", 120)).await;
    for after in [0_usize, 1, 19, 20, 21, 99, 119, 120, 121] {
        let expected = run("p", 120).split_off(after.min(120));
        assert_eq!(walk(journals.shared(), after as u64).await, expected, "after {after}");
    }
}
