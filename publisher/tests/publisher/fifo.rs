//! The FIFO bus: what is sent to it, how its answers are read, and what holds over partial failures, throttling and lost answers: the
//! order of each product, one event of it in a request, no repetition within the window, and receipts with the bus's numbers.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_eventbridge::config::{Credentials, Region, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use event_store::{Backoff, Parking, Receipts};
use loopback::{AcceptedEvent, FifoBusServer, PutFault};
use publisher::bus::{BusRefusal, Remedy};
use publisher::replay::ReplaySelection;
use publisher::{
    Acceptance, Address, Bus, BusEntry, BusPresence, EntryOutcome, FifoEventBridge, Publisher,
    PublisherPorts, RetryPolicy,
};
use schema::message::Replay;
use schema::{PublicationReceipt, PublicationRecord, StoredCommit, fixtures};
use serde_json::{Value, json};

use crate::world::{MINUTE, World, address, batch, clock, failures};

/// Longer than loopback takes on any machine.
const PATIENCE: Duration = Duration::from_mins(10);

fn config(bus: &FifoBusServer) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
            "AKID", "SECRET", None, None, "test",
        )))
        .endpoint_url(bus.url())
        .build()
}

fn client(bus: &FifoBusServer) -> FifoEventBridge {
    FifoEventBridge::with_answer_timeout(&config(bus), PATIENCE)
}

/// A publisher to the bus, with at most so many entries in a request, that tries again for so long.
fn publisher_of(world: &World, bus: &FifoBusServer, entries: usize, total: Duration) -> Publisher {
    let ports = PublisherPorts {
        journal: world.journal.clone(),
        receipts: world.receipts.clone(),
        parking: world.parking.clone(),
        bus: Arc::new(client(bus).at_most(entries)),
        clock: clock(),
    };
    let address = Address { bus: FifoBusServer::ARN.into(), ..address() };
    let backoff = Backoff { first: Duration::from_millis(1), longest: Duration::from_millis(10) };
    Publisher::new(ports, address, RetryPolicy { backoff, total })
}

fn publisher_to(world: &World, bus: &FifoBusServer) -> Publisher {
    publisher_of(world, bus, 10, PATIENCE)
}

/// A ledger of 12 products with one to six events each, and its commits.
async fn ledger() -> (World, Vec<StoredCommit>) {
    let world = World::default();
    let mut commits = Vec::new();
    for n in 0..12_usize {
        commits.extend(world.life(&product(n), n % 6 + 1).await);
    }
    (world, commits)
}

fn product(n: usize) -> String {
    format!("p{n:02}")
}

fn entry(n: usize) -> BusEntry {
    BusEntry {
        source: "product-ledger.products".into(),
        detail_type: "PRODUCT_DELETED".into(),
        bus: FifoBusServer::ARN.into(),
        resources: vec![format!("p{n}")],
        deduplication_id: format!("e{n}"),
        detail: format!("{{\"n\":{n}}}"),
        trace_header: Some("Root=1-0af76519-16cd43dd8448eb211c80319c".into()),
    }
}

fn sequences(events: &[AcceptedEvent]) -> Vec<u64> {
    events.iter().map(|event| event.detail()["metadata"]["sequence"].as_u64().unwrap()).collect()
}

async fn receipts_of(world: &World, product: &str) -> Vec<PublicationReceipt> {
    let records = world.receipts.of(&fixtures::id(product), 1, 99).await.unwrap();
    let receipt = |(_, record)| match record {
        PublicationRecord::Receipt(receipt) => receipt,
        PublicationRecord::Failure(failure) => panic!("{failure:?}"),
    };
    records.into_iter().map(receipt).collect()
}

/// Every event is on the bus once, those of a product in order, and each has the receipt of its own.
async fn everything_is_published_once_and_in_order(world: &World, bus: &FifoBusServer) {
    for n in 0..12 {
        let (product, events) = (product(n), bus.group(&product(n)));
        assert_eq!(sequences(&events), (1..=n as u64 % 6 + 1).collect::<Vec<_>>(), "{product}");
        let receipts = receipts_of(world, &product).await;
        let said: Vec<_> = receipts.iter().map(|r| (r.receipt_id.clone(), r.bus_sequence.clone())).collect();
        let had: Vec<_> = events.iter().map(|event| (event.id.clone(), Some(event.number.clone()))).collect();
        assert_eq!(said, had, "{product}");
        assert!(receipts.iter().all(|receipt| receipt.bus == FifoBusServer::ARN));
        let ids: Vec<_> =
            events.iter().map(|event| &event.entry["SystemMetadata"]["DeduplicationId"]).collect();
        let recorded: Vec<_> = receipts.iter().map(|receipt| json!(receipt.event_id)).collect();
        assert!(recorded.iter().eq(ids), "{product}");
    }
    no_request_has_two_events_of_a_product(bus);
}

fn no_request_has_two_events_of_a_product(bus: &FifoBusServer) {
    for request in bus.requests() {
        let groups: BTreeSet<String> =
            request.iter().map(|entry| entry["SystemMetadata"]["EventGroupId"].to_string()).collect();
        assert_eq!(groups.len(), request.len(), "{request:?}");
    }
}

#[tokio::test]
async fn an_entry_has_the_product_as_its_group_and_its_answer_the_number_of_the_bus() {
    let bus = FifoBusServer::serve().await;
    let answers = client(&bus).put(&[entry(1), entry(2)]).await.unwrap();
    let accepted = bus.accepted();
    let said = accepted.iter().map(|event| {
        EntryOutcome::Accepted(Acceptance {
            receipt_id: event.id.clone(),
            bus_sequence: Some(event.number.clone()),
        })
    });
    assert_eq!(answers, said.collect::<Vec<_>>());
    assert_eq!(
        bus.requests(),
        [[1, 2].map(|n| json!({
            "Source": "product-ledger.products",
            "DetailType": "PRODUCT_DELETED",
            "Detail": format!("{{\"n\":{n}}}"),
            "Resources": [format!("p{n}")],
            "SystemMetadata": {"EventGroupId": format!("p{n}"), "DeduplicationId": format!("e{n}")},
        }))]
    );
}

#[tokio::test]
async fn each_entry_is_answered_by_itself_and_what_the_bus_has_already_is_a_success() {
    let bus = FifoBusServer::serve().await;
    let first = client(&bus).put(&[entry(1)]).await.unwrap();
    bus.refuse_entries(|entry| (entry["Resources"][0] == "p2").then_some("VALIDATION_ERROR"));
    let answers = client(&bus).put(&[entry(1), entry(2), entry(3)]).await.unwrap();
    let [_, EntryOutcome::Refused(refusal), EntryOutcome::Accepted(_)] = &answers[..] else {
        panic!("{answers:?}")
    };
    assert_eq!(
        (refusal, refusal.remedy()),
        (&BusRefusal::new("VALIDATION_ERROR", "on purpose"), Remedy::Split)
    );
    assert_eq!(answers[0], first[0], "the repetition has the receipt of the first");

    bus.answers_repetitions_without_id(true);
    let EntryOutcome::Accepted(again) = &client(&bus).put(&[entry(1)]).await.unwrap()[0] else { panic!() };
    assert_eq!(*again, Acceptance { receipt_id: "e1".into(), bus_sequence: None });
    assert_eq!(bus.accepted().len(), 2);
}

#[tokio::test]
async fn a_request_that_failed_as_a_whole_says_what_to_do() {
    let bus = FifoBusServer::serve().await;
    let failed = async |fault: PutFault, patience: Duration| {
        bus.fail_requests(move |_| Some(fault));
        let before = bus.requests().len();
        let client = FifoEventBridge::with_answer_timeout(&config(&bus), patience);
        let error = client.put(&[entry(1)]).await.unwrap_err();
        assert_eq!(bus.requests().len(), before + 1, "the SDK must not retry by itself");
        (error.remedy, error.refusal.code)
    };
    for (status, code, remedy) in [
        (429, "ThrottlingException", Remedy::SendAgain),
        (500, "InternalException", Remedy::SendAgain),
        (503, "SomethingOfNextYear", Remedy::SendAgain),
        (403, "AccessDeniedException", Remedy::Repair),
        (404, "ResourceNotFoundException", Remedy::Repair),
        (409, "InvalidStateException", Remedy::Repair),
        (400, "SomethingOfNextYear", Remedy::Repair),
        (400, "InvalidInputException", Remedy::Split),
    ] {
        let said = failed(PutFault::Refused(status, code), PATIENCE).await;
        assert_eq!(said, (remedy, code.to_owned()), "{status}");
    }
    // The entries may have arrived.
    for (fault, patience, code) in [
        (PutFault::AnswerLost, PATIENCE, None),
        (PutFault::Unreadable(b"\xff"), PATIENCE, None),
        (PutFault::Silent, Duration::from_millis(300), Some("Timeout")),
    ] {
        let (remedy, said) = failed(fault, patience).await;
        assert_eq!(remedy, Remedy::SendAgain, "{fault:?}");
        assert!(code.is_none_or(|code| code == said), "{fault:?}: {said}");
    }
}

#[tokio::test]
async fn what_breaks_the_model_is_refused_by_the_double() {
    let bus = FifoBusServer::serve().await;
    let refused = async |entry: BusEntry| {
        let error = client(&bus).put(&[entry]).await.unwrap_err();
        (error.refusal.code, error.refusal.message)
    };
    let long = |length: usize| "x".repeat(length);
    for (broken, what) in [
        (BusEntry { resources: vec![long(129)], ..entry(1) }, "EventGroupId"),
        (BusEntry { deduplication_id: long(129), ..entry(1) }, "DeduplicationId"),
        (BusEntry { deduplication_id: " ".into(), ..entry(1) }, "DeduplicationId"),
        (BusEntry { source: long(257), ..entry(1) }, "Source"),
        (BusEntry { detail_type: String::new(), ..entry(1) }, "DetailType"),
        (BusEntry { detail: format!("\"{}\"", long(1_048_576)), ..entry(1) }, "bytes"),
    ] {
        let (code, message) = refused(broken).await;
        assert_eq!(code, "InvalidInputException");
        assert!(message.contains(what), "{message}");
    }
    let many: Vec<BusEntry> = (0..101).map(entry).collect();
    assert_eq!(client(&bus).put(&many).await.unwrap_err().remedy, Remedy::Split);
    for broken in
        [BusEntry { detail: "{".into(), ..entry(1) }, BusEntry { source: "aws.products".into(), ..entry(1) }]
    {
        let answers = client(&bus).put(&[broken]).await.unwrap();
        assert!(
            matches!(&answers[..], [EntryOutcome::Refused(refusal)] if refusal.code == "VALIDATION_ERROR"),
            "{answers:?}"
        );
    }
    assert_eq!(bus.accepted(), []);
    assert_eq!(client(&bus).put(&many[..100]).await.unwrap().len(), 100);
}

#[tokio::test]
async fn a_bus_exists_unless_its_arn_is_none_or_that_of_no_bus() {
    let bus = FifoBusServer::serve().await;
    let presence = async |name: &str| client(&bus).presence(name).await;
    assert_eq!(presence(FifoBusServer::ARN).await, BusPresence::Exists);
    assert_eq!(presence(&FifoBusServer::ARN.replace("ledger", "other")).await, BusPresence::Missing);
    assert_eq!(presence("ledger").await, BusPresence::Missing);
    bus.is_missing(true);
    assert_eq!(presence(FifoBusServer::ARN).await, BusPresence::Missing);
    let gone = FifoEventBridge::with_answer_timeout(
        &config(&bus).into_builder().endpoint_url("http://127.0.0.1:1").build(),
        PATIENCE,
    );
    assert!(matches!(gone.presence(FifoBusServer::ARN).await, BusPresence::Unknown(_)));
}

#[tokio::test]
async fn partial_failures_throttling_and_lost_answers_change_neither_order_nor_number_of_events() {
    for entries in [1, 3, 10] {
        let (bus, (world, commits)) = (FifoBusServer::serve().await, ledger().await);
        let mut seen = 0;
        bus.refuse_entries(move |_| {
            seen += 1;
            ["ThrottlingException", "InternalException"].get(seen % 5).copied()
        });
        bus.fail_requests(|n| match n % 6 {
            1 => Some(PutFault::Refused(429, "ThrottlingException")),
            2 | 4 => Some(PutFault::AnswerLost),
            5 => Some(PutFault::Refused(500, "InternalException")),
            _ => None,
        });
        let publisher = publisher_of(&world, &bus, entries, PATIENCE);
        let response = publisher.publish(batch(&commits), PATIENCE).await;
        assert_eq!(failures(&response), Vec::<String>::new());
        everything_is_published_once_and_in_order(&world, &bus).await;
        assert!(bus.requests().iter().all(|request| request.len() <= entries));
        let most = bus.requests().iter().map(Vec::len).max().unwrap();
        assert_eq!(most, entries, "as many as the setting allows");
    }
}

#[tokio::test]
async fn what_is_sent_again_after_a_lost_answer_is_no_second_event_for_five_minutes() {
    for (after, copies) in [(Duration::from_secs(299), 1), (Duration::from_mins(5), 2)] {
        let (bus, world) = (FifoBusServer::serve().await, World::default());
        let commits = world.life("a", 1).await;
        // It gives up after the first answer, and the schedule sends again.
        bus.fail_requests(|_| Some(PutFault::AnswerLost));
        let hasty = publisher_of(&world, &bus, 10, Duration::ZERO);
        hasty.publish(batch(&commits), MINUTE).await;
        bus.heal();
        bus.advance(after);
        assert_eq!(publisher_to(&world, &bus).retry_parked(PATIENCE).await.unwrap().released, 1);
        let events = bus.group("a");
        assert_eq!(events.len(), copies, "{after:?}");
        let ids: BTreeSet<String> =
            events.iter().map(|event| event.detail()["metadata"]["event_id"].to_string()).collect();
        assert_eq!(ids.len(), 1, "subscribers recognise it");
        let [receipt] = &receipts_of(&world, "a").await[..] else { panic!("one receipt") };
        let newest = events.last().unwrap();
        assert_eq!((&receipt.receipt_id, receipt.bus_sequence.as_ref()), (&newest.id, Some(&newest.number)));
        assert_eq!(receipt.attempts, 2);
    }
}

#[tokio::test]
async fn an_event_that_can_never_be_accepted_parks_its_product_and_no_other() {
    let (bus, (world, commits)) = (FifoBusServer::serve().await, ledger().await);
    let is_refused = |entry: &Value| {
        let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
        detail["metadata"]["product_id"] == "p05" && detail["metadata"]["sequence"] == 3
    };
    bus.refuse_entries(move |entry| is_refused(entry).then_some("VALIDATION_ERROR"));
    let publisher = publisher_to(&world, &bus);
    publisher.publish(batch(&commits), PATIENCE).await;
    assert_eq!(sequences(&bus.group("p05")), [1, 2]);
    assert_eq!(sequences(&bus.group("p11")), [1, 2, 3, 4, 5, 6]);
    let parked = world.parking.of(publisher::CONSUMER, &fixtures::id("p05")).await.unwrap().unwrap();
    assert_eq!((parked.from_sequence, parked.retryable), (3, false));
    bus.heal();
    assert_eq!(publisher.retry_parked(PATIENCE).await.unwrap().released, 0, "it waits for an operator");
    let product = fixtures::id("p05");
    publisher.publish_product(&product, PATIENCE).await.unwrap();
    everything_is_published_once_and_in_order(&world, &bus).await;
}

#[tokio::test]
async fn a_request_that_the_bus_refuses_whole_is_sent_entry_by_entry() {
    let (bus, (world, commits)) = (FifoBusServer::serve().await, ledger().await);
    let mut whole = 0;
    bus.fail_requests(move |_| {
        whole += 1;
        (whole <= 2).then_some(PutFault::Refused(400, "InvalidInputException"))
    });
    // The second request has one entry, whose product is parked: it is the event that the bus does not take.
    let publisher = publisher_to(&world, &bus);
    publisher.publish(batch(&commits), PATIENCE).await;
    let lengths: Vec<usize> = bus.requests().iter().map(Vec::len).take(3).collect();
    assert_eq!(lengths, [10, 1, 1]);
    assert_eq!(world.parking.list(publisher::CONSUMER, None, 99).await.unwrap().len(), 1);
    no_request_has_two_events_of_a_product(&bus);
}

#[tokio::test]
async fn a_replay_is_no_repetition_and_leaves_the_receipts_as_they_are() {
    let (bus, (world, commits)) = (FifoBusServer::serve().await, ledger().await);
    let publisher = publisher_to(&world, &bus);
    publisher.publish(batch(&commits), PATIENCE).await;
    let before = receipts_of(&world, "p11").await;
    let mark = Replay {
        id: "01K9XFT9EG0000000000004000".into(),
        requested_at: fixtures::at("2026-11-23T09:00:00Z"),
    };
    let selection = ReplaySelection { product: Some(fixtures::id("p11")), ..ReplaySelection::default() };
    // What is lost of a replay is recognised within it.
    bus.fail_requests(|n| (n % 2 == 1).then_some(PutFault::AnswerLost));
    publisher.replay(&selection, None, &mark, |_| ()).await.unwrap();
    let events = bus.group("p11");
    assert_eq!(sequences(&events), [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6]);
    for event in &events[6..] {
        let metadata = event.detail()["metadata"].clone();
        let id = format!("{}/{}", metadata["event_id"].as_str().unwrap(), mark.id);
        assert_eq!(event.entry["SystemMetadata"]["DeduplicationId"], id);
        assert_eq!(metadata["replay"]["id"], mark.id);
    }
    assert_eq!(receipts_of(&world, "p11").await, before);
}

#[tokio::test]
async fn nothing_is_sent_to_a_bus_that_does_not_exist_until_it_does() {
    let (bus, (world, commits)) = (FifoBusServer::serve().await, ledger().await);
    bus.is_missing(true);
    let publisher = publisher_to(&world, &bus);
    publisher.publish(batch(&commits), PATIENCE).await;
    assert_eq!(bus.requests(), Vec::<Vec<Value>>::new());
    assert_eq!(world.parking.list(publisher::CONSUMER, None, 99).await.unwrap().len(), 12);
    bus.is_missing(false);
    assert_eq!(publisher.bus_presence(None).await, BusPresence::Exists);
    assert_eq!(publisher.retry_parked(PATIENCE).await.unwrap().released, 12);
    everything_is_published_once_and_in_order(&world, &bus).await;
}
