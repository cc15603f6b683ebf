//! A parked product has one row, with the lowest sequence, the first time and the newest reason.

use event_store::{MemoryParking, Parked, Parking};
use futures::future::join_all;
use proptest::prelude::*;
use schema::fixtures;

use super::{MORNING, NOON, ParkingRows, at, row, trouble};
use crate::given::commits::{LAST, awkward_ids};
use crate::given::for_all;

cases! { dyn event_store::Parking, [memory sqlite dynamodb];
    a_product_that_was_not_parked_has_no_row
    the_first_row_is_what_was_told
    parking_again_counts_one_more_attempt
    parking_again_keeps_the_first_moment
    parking_again_keeps_the_lowest_sequence
    parking_again_takes_a_lower_sequence
    parking_again_takes_the_newest_reason
    parking_again_takes_the_newest_word_on_retries
    a_reason_may_hold_any_character
    a_reason_may_be_empty
    a_moment_is_kept_to_the_millisecond
    the_greatest_sequence_is_kept
    consumers_do_not_see_each_other
    products_do_not_see_each_other
    names_of_consumers_that_begin_alike_are_kept_apart
    a_row_is_there_when_the_store_is_opened_again
    many_who_park_at_once_are_all_counted
    any_troubles_leave_the_row_they_leave_in_memory
}

async fn a_product_that_was_not_parked_has_no_row(parking: &ParkingRows) {
    assert_eq!(parking.of("publisher", &fixtures::id("p")).await.unwrap(), None);
    parking.park("publisher", &fixtures::id("p1"), &at(1)).await.unwrap();
    assert_eq!(parking.of("publisher", &fixtures::id("p")).await.unwrap(), None);
}

async fn the_first_row_is_what_was_told(parking: &ParkingRows) {
    let product = fixtures::id("p");
    parking.park("publisher", &product, &trouble(3, "away", true, MORNING)).await.unwrap();
    let expected = Parked {
        consumer: "publisher".into(),
        product_id: product.clone(),
        from_sequence: 3,
        reason: "away".into(),
        retryable: true,
        parked_at: fixtures::at(MORNING),
        attempts: 1,
    };
    assert_eq!(row(&**parking, &product).await, expected);
}

async fn parking_again_counts_one_more_attempt(parking: &ParkingRows) {
    for attempts in 1..=12 {
        parking.park("publisher", &fixtures::id("p"), &at(20 - u64::from(attempts))).await.unwrap();
        assert_eq!(row(&**parking, &fixtures::id("p")).await.attempts, attempts);
    }
}

async fn parking_again_keeps_the_first_moment(parking: &ParkingRows) {
    for (sequence, moment) in [(5, NOON), (9, MORNING), (2, MORNING), (2, "2026-12-01T00:00:00Z")] {
        let trouble = trouble(sequence, "away", true, moment);
        parking.park("publisher", &fixtures::id("p"), &trouble).await.unwrap();
        assert_eq!(row(&**parking, &fixtures::id("p")).await.parked_at, fixtures::at(NOON));
    }
}

async fn parking_again_keeps_the_lowest_sequence(parking: &ParkingRows) {
    for sequence in [5, 9, 6, 5, LAST] {
        parking.park("publisher", &fixtures::id("p"), &at(sequence)).await.unwrap();
        assert_eq!(row(&**parking, &fixtures::id("p")).await.from_sequence, 5);
    }
}

async fn parking_again_takes_a_lower_sequence(parking: &ParkingRows) {
    for sequence in [10, 9, 2, 1] {
        parking.park("publisher", &fixtures::id("p"), &at(sequence)).await.unwrap();
        assert_eq!(row(&**parking, &fixtures::id("p")).await.from_sequence, sequence);
    }
}

async fn parking_again_takes_the_newest_reason(parking: &ParkingRows) {
    for (sequence, reason) in [(5, "first"), (9, "later"), (5, "same"), (2, "earlier"), (3, "")] {
        let trouble = trouble(sequence, reason, true, NOON);
        parking.park("publisher", &fixtures::id("p"), &trouble).await.unwrap();
        assert_eq!(row(&**parking, &fixtures::id("p")).await.reason, reason);
    }
}

async fn parking_again_takes_the_newest_word_on_retries(parking: &ParkingRows) {
    for (sequence, retryable) in [(5, true), (9, false), (5, true), (2, false), (2, true)] {
        let trouble = trouble(sequence, "away", retryable, NOON);
        parking.park("publisher", &fixtures::id("p"), &trouble).await.unwrap();
        assert_eq!(row(&**parking, &fixtures::id("p")).await.retryable, retryable);
    }
}

async fn a_reason_may_hold_any_character(parking: &ParkingRows) {
    let long = "é".repeat(20_000);
    for reason in
        ["'; DROP TABLE parking; --", "a\u{0}b", "\u{1}\n\t\r\u{7f}", "🚲 e\u{301} \u{10ffff} مرحبا", &long]
    {
        parking.park("publisher", &fixtures::id("p"), &trouble(1, reason, true, NOON)).await.unwrap();
        assert_eq!(row(&**parking, &fixtures::id("p")).await.reason, reason);
    }
}

async fn a_reason_may_be_empty(parking: &ParkingRows) {
    parking.park("publisher", &fixtures::id("p"), &trouble(1, "", false, NOON)).await.unwrap();
    assert_eq!(row(&**parking, &fixtures::id("p")).await.reason, "");
}

async fn a_moment_is_kept_to_the_millisecond(parking: &ParkingRows) {
    for moment in ["2026-11-23T08:00:00.001Z", "0000-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"] {
        let product = fixtures::id(&moment[..4]);
        parking.park("publisher", &product, &trouble(1, "away", true, moment)).await.unwrap();
        assert_eq!(row(&**parking, &product).await.parked_at, fixtures::at(moment));
    }
}

async fn the_greatest_sequence_is_kept(parking: &ParkingRows) {
    parking.park("publisher", &fixtures::id("p"), &at(LAST)).await.unwrap();
    assert_eq!(row(&**parking, &fixtures::id("p")).await.from_sequence, LAST);
    parking.park("publisher", &fixtures::id("p"), &at(LAST - 1)).await.unwrap();
    assert_eq!(row(&**parking, &fixtures::id("p")).await.from_sequence, LAST - 1);
}

async fn consumers_do_not_see_each_other(parking: &ParkingRows) {
    let product = fixtures::id("p");
    parking.park("publisher", &product, &at(3)).await.unwrap();
    assert_eq!(parking.of("projector", &product).await.unwrap(), None);
    parking.park("projector", &product, &at(7)).await.unwrap();
    assert_eq!(row(&**parking, &product).await.from_sequence, 3);
    assert_eq!(parking.of("projector", &product).await.unwrap().unwrap().from_sequence, 7);
}

async fn products_do_not_see_each_other(parking: &ParkingRows) {
    for (n, id) in (1..).zip(awkward_ids()) {
        parking.park("publisher", &id, &at(n)).await.unwrap();
    }
    for (n, id) in (1..).zip(awkward_ids()) {
        let row = row(&**parking, &id).await;
        assert_eq!((row.product_id, row.from_sequence, row.attempts), (id, n, 1));
    }
}

async fn names_of_consumers_that_begin_alike_are_kept_apart(parking: &ParkingRows) {
    let consumers = ["projector", "projector/products", "projector/prices", "Projector", "a'b\"c", "é"];
    for (n, consumer) in (1..).zip(consumers) {
        parking.park(consumer, &fixtures::id("p"), &at(n)).await.unwrap();
    }
    for (n, consumer) in (1..).zip(consumers) {
        let rows = parking.list(consumer, None, 10).await.unwrap();
        assert_eq!(rows.len(), 1, "{consumer}");
        assert_eq!((rows[0].consumer.as_str(), rows[0].from_sequence), (consumer, n));
    }
}

async fn a_row_is_there_when_the_store_is_opened_again(parking: &ParkingRows) {
    parking.park("publisher", &fixtures::id("p"), &at(3)).await.unwrap();
    parking.park("publisher", &fixtures::id("p"), &at(2)).await.unwrap();
    let before = row(&**parking, &fixtures::id("p")).await;
    let again = parking.opened_again(()).await;
    assert_eq!(row(&*again, &fixtures::id("p")).await, before);
    again.park("publisher", &fixtures::id("p"), &at(9)).await.unwrap();
    let expected = Parked { attempts: 3, ..before };
    assert_eq!(row(&*again, &fixtures::id("p")).await, expected);
}

async fn many_who_park_at_once_are_all_counted(parking: &ParkingRows) {
    let parks = (1..=5).map(|n| {
        let parking = parking.shared();
        tokio::spawn(async move { parking.park("publisher", &fixtures::id("p"), &at(n)).await.unwrap() })
    });
    join_all(parks.collect::<Vec<_>>()).await.into_iter().for_each(Result::unwrap);
    let row = row(&**parking, &fixtures::id("p")).await;
    assert_eq!((row.attempts, row.from_sequence), (5, 1));
}

async fn any_troubles_leave_the_row_they_leave_in_memory(parking: &ParkingRows) {
    let steps = proptest::collection::vec((0..3_u8, 1..9_u64, any::<bool>(), 0..3_u8), 1..25);
    for_all(12, steps, async |steps| {
        let (store, model) = (parking.another(()).await, MemoryParking::default());
        for (n, (product, sequence, retryable, deed)) in steps.into_iter().enumerate() {
            let product = fixtures::id(&format!("p{product}"));
            if deed == 0 {
                let seen = model.of("publisher", &product).await.unwrap();
                assert_eq!(store.of("publisher", &product).await.unwrap(), seen);
                if let Some(seen) = seen {
                    assert!(model.release(&seen).await.unwrap());
                    assert!(store.release(&seen).await.unwrap());
                }
                continue;
            }
            let trouble =
                trouble(sequence, &n.to_string(), retryable, if deed == 1 { MORNING } else { NOON });
            store.park("publisher", &product, &trouble).await.unwrap();
            model.park("publisher", &product, &trouble).await.unwrap();
        }
        let all = store.list("publisher", None, 10).await.unwrap();
        assert_eq!(all, model.list("publisher", None, 10).await.unwrap());
    });
}
