//! What is announced twice, late, in another order or in overlapping items is logged once and in order.

use event_store::AnnouncedCommit;
use schema::fixtures;
use sequencer::LogTable;

use crate::given::{Given, MINUTE};

const PRODUCTS: [&str; 5] = ["a", "b", "c", "d", "e"];

#[tokio::test]
async fn announcements_in_any_order_with_doubles_and_gaps_log_each_commit_once() {
    for seed in 0..200 {
        let mut random = fastrand::Rng::with_seed(seed);
        let given = Given::default().begun().await;
        let sequencer = given.sequencer();
        let mut announced: Vec<AnnouncedCommit> = Vec::new();
        for _ in 0..30 {
            let product = PRODUCTS[random.usize(..PRODUCTS.len())];
            announced.push(given.commit(product, random.usize(1..4)).await);
            if random.bool() {
                let count = random.usize(1..6);
                let some: Vec<_> =
                    (0..count).map(|_| announced[random.usize(..announced.len())].clone()).collect();
                sequencer.log(&some, None).await.unwrap();
                given.log().await;
            }
        }
        random.shuffle(&mut announced);
        for some in announced.chunks(7) {
            sequencer.log(some, None).await.unwrap();
        }
        given.all_is_logged().await;
        assert_eq!(given.parked().await, []);
    }
}

#[tokio::test]
async fn what_is_logged_already_costs_no_batch() {
    let given = Given::default().begun().await;
    let (early, late) = (given.commit("a", 1).await, given.commit("a", 2).await);
    let sequencer = given.sequencer();
    assert_eq!(sequencer.log(&[early.clone(), late.clone()], None).await.unwrap().logged, 3);
    for again in [&early, &late] {
        assert_eq!(sequencer.log(std::slice::from_ref(again), None).await.unwrap().logged, 0);
    }
    assert_eq!(given.table.newest_batch(0).await.unwrap().unwrap().first, 0, "one batch");
}

#[tokio::test]
async fn commits_of_a_round_are_in_the_order_of_recording_as_far_as_their_products_allow() {
    let given = Given::default().begun().await;
    let (b, a) = (given.commit("b", 3).await, given.commit("a", 2).await);
    given.sequencer().log(&[b, a], None).await.unwrap();
    // The fixtures record the n-th commit of every product at the same time.
    let order: Vec<_> =
        given.log().await.iter().map(|logged| (logged.product.to_string(), logged.sequence)).collect();
    let expected = [("a", 1), ("b", 1), ("a", 2), ("b", 2), ("b", 3)].map(|(id, n)| (id.to_owned(), n));
    assert_eq!(order, expected);
}

#[tokio::test]
async fn a_product_with_more_commits_than_a_batch_takes_is_logged_in_several() {
    let given = Given::default().begun().await;
    let long = given.commit("long", 2_500).await;
    let short = given.commit("short", 1).await;
    assert_eq!(given.sequencer().log(&[long, short], None).await.unwrap().logged, 2_501);
    given.all_is_logged().await;
}

#[tokio::test]
async fn a_product_whose_record_could_not_be_read_is_compared_with_the_event_table() {
    let given = Given::default().begun().await;
    given.commit("a", 3).await;
    let unread = AnnouncedCommit { product: fixtures::id("a"), newest: None };
    let never = AnnouncedCommit { product: fixtures::id("never"), newest: None };
    assert_eq!(given.sequencer().log(&[unread, never], None).await.unwrap().logged, 3);
    given.all_is_logged().await;
}

#[tokio::test]
async fn a_start_reads_the_feed_items_that_are_left_and_not_those_long_before_the_last_it_has_read() {
    let given = Given::default().begun().await;
    for n in 0..200 {
        let commit = given.commit(PRODUCTS[n % 5], 1).await;
        given.announce(vec![commit]).await;
    }
    assert_eq!(given.sequencer().drain(MINUTE).await.unwrap().logged, 200);
    let mut calls = Vec::new();
    // The first page of items led to all commits; what is read later counts as read with the next batch.
    for _ in 0..2 {
        let commit = given.commit("a", 1).await;
        given.announce(vec![commit]).await;
        let plan = crate::given::Plan::of([]);
        assert_eq!(given.planned(&plan).drain(MINUTE).await.unwrap().logged, 1);
        given.all_is_logged().await;
        calls.push(plan.calls());
    }
    // Items are a second apart, and those of the last two minutes are read again.
    assert!(calls[0] > 400 && calls[1] < 300, "{calls:?} calls");
}
