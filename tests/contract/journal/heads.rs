//! The products in order of id, each with its head, whether or not the store lists them in order.

use event_store::heads::{Head, ProductListing};
use futures::TryStreamExt;
use schema::fixtures;
use serde_json::json;

use super::{Journals, append_all, scanned_keys};
use crate::given::commits::{awkward_ids, commit, made, run};

cases! { dyn event_store::Journal, [memory sqlite dynamodb];
    no_product_has_a_head_in_a_new_journal
    a_head_has_the_newest_version_and_counts_commits
    heads_come_in_the_order_of_ids_by_bytes
    heads_begin_above_the_id_they_are_given
    heads_end_at_their_limit
    heads_page_by_page_are_all_heads
    a_head_without_a_readable_state_has_the_sequence_of_its_newest_commit
    heads_agree_with_a_scan_of_keys
    a_listing_that_remembers_little_finds_the_same_products
    a_new_commit_moves_its_head
}

/// What the store lists, or what a listing finds where it does not.
async fn heads(journals: &Journals, after: &str, limit: usize) -> Vec<Head> {
    if let Some(heads) = journals.heads(after, limit).await.unwrap() {
        return heads;
    }
    let mut heads = listed(journals, 1_000).await;
    heads.retain(|head| head.product_id.as_str() > after);
    heads.truncate(limit);
    heads
}

async fn listed(journals: &Journals, most: usize) -> Vec<Head> {
    let listing = ProductListing::keeping(most, journals.shared(), |_| {}).await.unwrap();
    listing.heads().try_collect().await.unwrap()
}

fn head(product: &str, version: u64, commits: u64) -> Head {
    Head { product_id: product.into(), version, commits }
}

async fn no_product_has_a_head_in_a_new_journal(journals: &Journals) {
    assert_eq!(heads(journals, "", 10).await, []);
}

async fn a_head_has_the_newest_version_and_counts_commits(journals: &Journals) {
    let product = fixtures::id("p");
    let story = fixtures::helmet_story();
    let (first, stored) = commit(None, &product, story[..2].to_vec());
    let (_, second) = commit(Some(&first), &product, story[2..].to_vec());
    append_all(&**journals, &[second, stored, made("q", 4), made("q", 2)]).await;
    assert_eq!(heads(journals, "", 10).await, [head("p", 6, 2), head("q", 4, 2)]);
}

async fn heads_come_in_the_order_of_ids_by_bytes(journals: &Journals) {
    let mut ids = awkward_ids();
    for id in &ids {
        journals.append(&made(id.as_str(), 1)).await.unwrap();
    }
    ids.sort();
    let found = heads(journals, "", 100).await;
    assert!(found.iter().map(|head| head.product_id.as_str()).eq(ids.iter().map(schema::ProductId::as_str)));
}

async fn heads_begin_above_the_id_they_are_given(journals: &Journals) {
    append_all(&**journals, &["a", "b", "ba", "c"].map(|id| made(id, 1))).await;
    for (after, first) in [("", "a"), ("a", "b"), ("aa", "b"), ("b", "ba"), ("b.", "ba"), ("bz", "c")] {
        assert_eq!(heads(journals, after, 10).await[0], head(first, 1, 1), "after {after}");
    }
    assert_eq!(heads(journals, "c", 10).await, []);
}

async fn heads_end_at_their_limit(journals: &Journals) {
    append_all(&**journals, &[run("a", 3), run("b", 2), run("c", 1)].concat()).await;
    let all = [head("a", 3, 3), head("b", 2, 2), head("c", 1, 1)];
    for limit in [0, 1, 2, 3, 4, usize::MAX] {
        assert_eq!(heads(journals, "", limit).await, all[..limit.min(3)], "{limit}");
    }
}

async fn heads_page_by_page_are_all_heads(journals: &Journals) {
    for n in 0..25 {
        append_all(&**journals, &run(&format!("p{n}"), 1 + n % 3)).await;
    }
    let whole = heads(journals, "", 100).await;
    assert_eq!(whole.len(), 25);
    for limit in [1, 5, 24, 25] {
        let (mut met, mut after) = (Vec::new(), String::new());
        loop {
            let page = heads(journals, &after, limit).await;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.product_id);
            met.extend(page);
        }
        assert_eq!(met, whole, "pages of {limit}");
    }
}

async fn a_head_without_a_readable_state_has_the_sequence_of_its_newest_commit(journals: &Journals) {
    for (product, state) in [("a", json!("gone")), ("b", json!({})), ("c", json!({"version": null}))] {
        let mut damaged = made(product, 5);
        damaged.0["state"] = state;
        append_all(&**journals, &[made(product, 1), damaged]).await;
    }
    assert_eq!(heads(journals, "", 10).await, ["a", "b", "c"].map(|id| head(id, 5, 2)));
}

async fn heads_agree_with_a_scan_of_keys(journals: &Journals) {
    for sequence in 1..=6 {
        for n in sequence..6 {
            journals.append(&made(&format!("p{n}"), 2 * sequence)).await.unwrap();
        }
    }
    let keys = scanned_keys(&**journals, 7).await;
    for found in heads(journals, "", 100).await {
        let of_product: Vec<_> = keys.iter().filter(|(id, ..)| *id == found.product_id).collect();
        let newest = of_product.iter().map(|(_, _, version)| *version).max().unwrap();
        assert_eq!(found, head(&found.product_id, newest, of_product.len() as u64));
    }
}

async fn a_listing_that_remembers_little_finds_the_same_products(journals: &Journals) {
    for n in 0..9 {
        append_all(&**journals, &run(&format!("p{n}"), 1 + n % 4)).await;
    }
    let all = heads(journals, "", 100).await;
    for most in [1, 2, 8, 9, 10] {
        assert_eq!(listed(journals, most).await, all, "{most} at a time");
    }
}

async fn a_new_commit_moves_its_head(journals: &Journals) {
    append_all(&**journals, &run("p", 2)).await;
    assert_eq!(heads(journals, "", 10).await, [head("p", 2, 2)]);
    append_all(&**journals, &[made("p", 3), made("a", 1)]).await;
    assert_eq!(heads(journals, "", 10).await, [head("a", 1, 1), head("p", 3, 3)]);
}
