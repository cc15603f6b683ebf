//! A stream delivers at least once and does not report gaps: duplicates send nothing, gaps are read from the event table.

use schema::fixtures;

use crate::world::{World, failures, nth_event};

#[tokio::test(start_paused = true)]
async fn a_batch_delivered_twice_is_sent_once() {
    let world = World::default();
    let commits = world.life("a", 5).await;
    world.publish(&commits).await;
    let requests = world.bus.requests().len();
    assert_eq!(failures(&world.publish(&commits).await), Vec::<String>::new());
    assert_eq!((world.bus.len(), world.bus.requests().len()), (5, requests));
}

#[tokio::test(start_paused = true)]
async fn overlapping_and_shuffled_batches_are_sent_once_and_in_order() {
    let world = World::default();
    let commits = world.life("a", 6).await;
    let shuffled = [&commits[2], &commits[0], &commits[1], &commits[2]].map(Clone::clone);
    world.publish(&shuffled).await;
    world.publish(&commits[1..5]).await;
    world.publish(&commits).await;
    assert_eq!(world.accepted_of("a"), [1, 2, 3, 4, 5, 6]);
}

#[tokio::test(start_paused = true)]
async fn a_gap_is_read_from_the_event_table() {
    let world = World::default();
    let commits = world.life("a", 250).await;
    world.publish(&commits[..1]).await;
    world.publish(&commits[249..]).await;
    assert_eq!(world.accepted_of("a"), (1..=250).collect::<Vec<u64>>());
}

#[tokio::test(start_paused = true)]
async fn a_gap_longer_than_one_pass_is_published_to_its_end() {
    let world = World::default();
    let commits = world.life("a", 2_345).await;
    world.publish(&commits[2_344..]).await;
    assert_eq!(world.accepted_of("a"), (1..=2_345).collect::<Vec<u64>>());
}

#[tokio::test(start_paused = true)]
async fn a_commit_of_several_events_is_as_many_messages_also_when_it_was_cut_short() {
    let world = World::default();
    let story = fixtures::helmet_story();
    let first = world.commit("a", story[..3].to_vec()).await;
    let second = world.commit("a", story[3..].to_vec()).await;
    world.bus.refuse_nth(2, "MalformedDetail");
    world.publish(std::slice::from_ref(&first)).await;
    assert_eq!(world.accepted_of("a"), [1]);
    world.bus.heal();
    let product = fixtures::id("a");
    world.publisher.publish_product(&product, crate::world::MINUTE).await.unwrap();
    world.publish(&[first, second]).await;
    assert_eq!(world.accepted_of("a"), [1, 2, 3, 4, 5, 6]);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_read_is_looked_up_in_the_event_table() {
    let world = World::default();
    let mut commits = world.life("a", 2).await;
    commits[0].0.remove("events");
    commits[1].0.insert("state".into(), "broken".into());
    assert_eq!(failures(&world.publish(&commits).await), Vec::<String>::new());
    assert_eq!(world.accepted_of("a"), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_record_without_its_commit_in_the_event_table_parks_the_product_after_a_gap() {
    let world = World::default();
    world.life("a", 1).await;
    world.commit_unseen("a", vec![nth_event(1)]);
    let third = world.commit("a", vec![nth_event(2)]).await;
    let response = world.publish(&[third]).await;
    assert_eq!(failures(&response), Vec::<String>::new());
    assert_eq!(world.accepted_of("a"), [1]);
    let parked =
        event_store::Parking::of(&*world.parking, "publisher", &fixtures::id("a")).await.unwrap().unwrap();
    assert_eq!((parked.from_sequence, parked.retryable), (2, false));
    assert!(parked.reason.contains("event 2 is missing"), "{}", parked.reason);
}
