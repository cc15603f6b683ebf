//! Each entry is accepted with an id and retained in the form that EventBridge delivers, or refused without its neighbours.

use std::collections::HashSet;

use publisher::bus::Remedy;
use publisher::{BusEntry, EntryOutcome};
use serde_json::{Value, json};

use super::{Buses, entries, entry, everything, ids, numbers};

cases! { dyn publisher::LocalBus, [memory sqlite dynamodb];
    an_entry_is_retained_as_eventbridge_delivers_it
    the_detail_is_retained_as_it_was_sent
    a_receipt_is_a_uuid_of_version_4
    receipts_are_different_for_each_entry
    an_entry_sent_twice_is_appended_twice
    answers_are_in_the_order_of_the_entries
    a_request_without_entries_is_refused
    ten_entries_are_accepted
    eleven_entries_are_too_many
    entries_of_a_megabyte_together_are_too_large
    a_refused_request_appends_nothing
    a_detail_that_is_not_json_is_refused_alone
    a_detail_that_is_too_long_is_refused_alone
    a_long_detail_is_retained_in_full
    a_request_of_refused_entries_only_appends_nothing
    an_entry_without_an_event_id_is_found_by_its_receipt
    unusual_texts_are_retained_as_they_were_sent
    an_entry_without_resources_is_retained
}

async fn an_entry_is_retained_as_eventbridge_delivers_it(bus: &Buses) {
    let receipts = ids(bus.put(&[entry("local", 1)]).await.unwrap());
    let retained = everything(&**bus, "local").await.remove(0);
    let known = (retained.position, retained.event_id.as_str(), retained.detail_type.as_str());
    assert_eq!(known, (1, "event-1", "PRODUCT_DELETED"));
    let delivered: Value = serde_json::from_str(&retained.entry).unwrap();
    let expected = json!({"version": "0", "id": receipts[0], "detail-type": "PRODUCT_DELETED",
        "source": "product-ledger.products", "account": "000000000000", "time": "2026-11-23T05:20:00.000Z",
        "region": "local", "resources": ["p"], "detail": {"n": 1, "metadata": {"event_id": "event-1"}, "text": "é"}});
    assert_eq!(delivered, expected);
}

async fn the_detail_is_retained_as_it_was_sent(bus: &Buses) {
    bus.put(&[entry("local", 1)]).await.unwrap();
    let retained = everything(&**bus, "local").await.remove(0);
    assert!(retained.entry.contains("{\"n\":1, \"metadata\""), "{}", retained.entry);
    assert!(retained.entry.contains("\\u00e9"), "{}", retained.entry);
}

async fn a_receipt_is_a_uuid_of_version_4(bus: &Buses) {
    for receipt in ids(bus.put(&entries("local", 0..10)).await.unwrap()) {
        let form: Vec<usize> = receipt.split('-').map(str::len).collect();
        assert_eq!(form, [8, 4, 4, 4, 12], "{receipt}");
        assert_eq!(&receipt[14..15], "4", "{receipt}");
        assert!("89ab".contains(&receipt[19..20]), "{receipt}");
    }
}

async fn receipts_are_different_for_each_entry(bus: &Buses) {
    let mut receipts = HashSet::new();
    for name in ["local", "other"] {
        for _ in 0..5 {
            receipts.extend(ids(bus.put(&entries(name, 0..10)).await.unwrap()));
        }
    }
    assert_eq!(receipts.len(), 100);
}

async fn an_entry_sent_twice_is_appended_twice(bus: &Buses) {
    let first = ids(bus.put(&[entry("local", 1)]).await.unwrap());
    let second = ids(bus.put(&[entry("local", 1)]).await.unwrap());
    assert_ne!(first, second);
    assert_eq!(numbers(&everything(&**bus, "local").await), [1, 1]);
}

async fn answers_are_in_the_order_of_the_entries(bus: &Buses) {
    let mixed = [entry("b", 1), entry("a", 2), entry("b", 3), entry("c", 4), entry("a", 5)];
    let receipts = ids(bus.put(&mixed).await.unwrap());
    for (receipt, sent) in receipts.iter().zip(&mixed) {
        let retained = everything(&**bus, &sent.bus).await;
        let found = retained.iter().find(|retained| retained.entry.contains(receipt)).unwrap();
        assert_eq!(Some(found.event_id.clone()), sent.event_id());
    }
}

async fn a_request_without_entries_is_refused(bus: &Buses) {
    assert_eq!(bus.put(&[]).await.unwrap_err().remedy, Remedy::Split);
}

async fn ten_entries_are_accepted(bus: &Buses) {
    assert_eq!(ids(bus.put(&entries("local", 0..10)).await.unwrap()).len(), 10);
    assert_eq!(numbers(&everything(&**bus, "local").await), (0..10).collect::<Vec<_>>());
}

async fn eleven_entries_are_too_many(bus: &Buses) {
    assert_eq!(bus.put(&entries("local", 0..11)).await.unwrap_err().remedy, Remedy::Split);
}

fn of_length(n: u64, length: usize) -> BusEntry {
    BusEntry { detail: format!("{{\"n\":{n},\"x\":\"{}\"}}", "x".repeat(length)), ..entry("local", n) }
}

async fn entries_of_a_megabyte_together_are_too_large(bus: &Buses) {
    let together: Vec<_> = (0..3).map(|n| of_length(n, 350_000)).collect();
    assert_eq!(bus.put(&together).await.unwrap_err().remedy, Remedy::Split);
    bus.put(&together[..2]).await.unwrap();
    assert_eq!(bus.newest("local").await.unwrap(), 2);
}

async fn a_refused_request_appends_nothing(bus: &Buses) {
    bus.put(&entries("local", 0..11)).await.unwrap_err();
    bus.put(&[]).await.unwrap_err();
    assert_eq!(bus.newest("local").await.unwrap(), 0);
    assert_eq!(everything(&**bus, "local").await, []);
}

/// The entry in the middle is refused for good; the two around it are retained at adjacent positions.
async fn refused_alone(bus: &Buses, refused: BusEntry) {
    let answers = bus.put(&[entry("local", 1), refused, entry("local", 3)]).await.unwrap();
    assert!(
        matches!(&answers[1], EntryOutcome::Refused(refusal) if refusal.remedy() == Remedy::Split),
        "{answers:?}"
    );
    assert!(matches!((&answers[0], &answers[2]), (EntryOutcome::Accepted(_), EntryOutcome::Accepted(_))));
    let retained = everything(&**bus, "local").await;
    assert_eq!((numbers(&retained), super::positions(&retained)), (vec![1, 3], vec![1, 2]));
}

async fn a_detail_that_is_not_json_is_refused_alone(bus: &Buses) {
    refused_alone(bus, BusEntry { detail: "{".into(), ..entry("local", 2) }).await;
}

async fn a_detail_that_is_too_long_is_refused_alone(bus: &Buses) {
    refused_alone(bus, of_length(2, 500_000)).await;
}

async fn a_long_detail_is_retained_in_full(bus: &Buses) {
    let long = of_length(1, 390_000);
    ids(bus.put(std::slice::from_ref(&long)).await.unwrap());
    assert!(everything(&**bus, "local").await[0].entry.contains(&long.detail));
}

async fn a_request_of_refused_entries_only_appends_nothing(bus: &Buses) {
    let broken = BusEntry { detail: "{".into(), ..entry("local", 1) };
    let answers = bus.put(&[broken.clone(), broken]).await.unwrap();
    assert!(answers.iter().all(|answer| matches!(answer, EntryOutcome::Refused(_))), "{answers:?}");
    assert_eq!(bus.newest("local").await.unwrap(), 0);
    bus.put(&[entry("local", 1)]).await.unwrap();
    assert_eq!(bus.newest("local").await.unwrap(), 1);
}

async fn an_entry_without_an_event_id_is_found_by_its_receipt(bus: &Buses) {
    for detail in ["{}", "7", "{\"metadata\":{\"event_id\":7}}"] {
        let plain = BusEntry { detail: detail.into(), ..entry("local", 1) };
        let receipts = ids(bus.put(&[plain]).await.unwrap());
        let retained = everything(&**bus, "local").await;
        assert_eq!(retained.last().map(|retained| &retained.event_id), receipts.first(), "{detail}");
        assert!(bus.position_of("local", &receipts[0]).await.unwrap().is_some());
    }
}

async fn unusual_texts_are_retained_as_they_were_sent(bus: &Buses) {
    let text = "'; DROP TABLE bus; --\u{0}\n\"\\ 🚲 e\u{301}\u{10ffff}";
    let detail = json!({"n": 1, "metadata": {"event_id": "a#b'c\"d é"}, text: text}).to_string();
    let awkward = BusEntry {
        detail: detail.clone(),
        detail_type: text.into(),
        bus: "a.b-c_D/é".into(),
        ..entry("", 1)
    };
    bus.put(&[awkward]).await.unwrap();
    let retained = everything(&**bus, "a.b-c_D/é").await.remove(0);
    assert_eq!((retained.event_id.as_str(), retained.detail_type.as_str()), ("a#b'c\"d é", text));
    assert!(retained.entry.contains(&detail));
    assert_eq!(bus.position_of("a.b-c_D/é", "a#b'c\"d é").await.unwrap(), Some(1));
}

async fn an_entry_without_resources_is_retained(bus: &Buses) {
    bus.put(&[BusEntry { resources: Vec::new(), ..entry("local", 1) }]).await.unwrap();
    let retained: Value = serde_json::from_str(&everything(&**bus, "local").await[0].entry).unwrap();
    assert_eq!(retained["resources"], json!([]));
}
