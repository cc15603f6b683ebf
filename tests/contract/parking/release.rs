//! A row is released only if it is as it was read: one that was parked again since then stays.

use event_store::Parked;
use futures::future::join_all;
use schema::fixtures;

use super::{MORNING, NOON, ParkingRows, at, row, trouble};

cases! { dyn event_store::Parking, [memory sqlite dynamodb];
    a_row_is_released_as_it_was_seen
    a_row_is_released_once
    a_row_that_never_was_is_not_released
    a_row_that_was_parked_again_is_not_released
    a_row_that_was_parked_again_in_the_same_way_is_not_released
    a_row_of_an_earlier_parking_is_not_released
    releasing_a_row_leaves_the_other_products
    releasing_a_row_leaves_the_other_consumers
    a_released_product_begins_anew
    a_release_is_there_when_the_store_is_opened_again
    of_many_who_release_at_once_one_did_it
    a_release_and_a_parking_at_once_never_lose_the_parking
}

async fn a_row_is_released_as_it_was_seen(parking: &ParkingRows) {
    parking.park("publisher", &fixtures::id("p"), &at(3)).await.unwrap();
    parking.park("publisher", &fixtures::id("p"), &at(3)).await.unwrap();
    let seen = row(&**parking, &fixtures::id("p")).await;
    assert!(parking.release(&seen).await.unwrap());
    assert_eq!(parking.of("publisher", &fixtures::id("p")).await.unwrap(), None);
}

async fn a_row_is_released_once(parking: &ParkingRows) {
    parking.park("publisher", &fixtures::id("p"), &at(3)).await.unwrap();
    let seen = row(&**parking, &fixtures::id("p")).await;
    assert!(parking.release(&seen).await.unwrap());
    assert!(!parking.release(&seen).await.unwrap());
}

async fn a_row_that_never_was_is_not_released(parking: &ParkingRows) {
    parking.park("publisher", &fixtures::id("p"), &at(3)).await.unwrap();
    let seen = row(&**parking, &fixtures::id("p")).await;
    for other in [
        Parked { consumer: "projector".into(), ..seen.clone() },
        Parked { product_id: fixtures::id("q"), ..seen.clone() },
        Parked { attempts: 2, ..seen.clone() },
        Parked { parked_at: fixtures::at(NOON), ..seen.clone() },
    ] {
        assert!(!parking.release(&other).await.unwrap(), "{other:?}");
    }
    assert_eq!(row(&**parking, &fixtures::id("p")).await, seen);
}

async fn a_row_that_was_parked_again_is_not_released(parking: &ParkingRows) {
    parking.park("publisher", &fixtures::id("p"), &at(3)).await.unwrap();
    let seen = row(&**parking, &fixtures::id("p")).await;
    parking.park("publisher", &fixtures::id("p"), &trouble(4, "again", true, NOON)).await.unwrap();
    assert!(!parking.release(&seen).await.unwrap());
    assert_eq!(row(&**parking, &fixtures::id("p")).await.reason, "again");
}

async fn a_row_that_was_parked_again_in_the_same_way_is_not_released(parking: &ParkingRows) {
    parking.park("publisher", &fixtures::id("p"), &at(3)).await.unwrap();
    let seen = row(&**parking, &fixtures::id("p")).await;
    parking.park("publisher", &fixtures::id("p"), &at(3)).await.unwrap();
    assert!(!parking.release(&seen).await.unwrap());
    assert_eq!(row(&**parking, &fixtures::id("p")).await.attempts, 2);
}

async fn a_row_of_an_earlier_parking_is_not_released(parking: &ParkingRows) {
    parking.park("publisher", &fixtures::id("p"), &trouble(3, "away", true, MORNING)).await.unwrap();
    let earlier = row(&**parking, &fixtures::id("p")).await;
    assert!(parking.release(&earlier).await.unwrap());
    parking.park("publisher", &fixtures::id("p"), &trouble(3, "away", true, NOON)).await.unwrap();
    assert!(!parking.release(&earlier).await.unwrap());
    assert_eq!(row(&**parking, &fixtures::id("p")).await.parked_at, fixtures::at(NOON));
}

async fn releasing_a_row_leaves_the_other_products(parking: &ParkingRows) {
    for product in ["p", "p1", "P", "o"] {
        parking.park("publisher", &fixtures::id(product), &at(3)).await.unwrap();
    }
    let seen = row(&**parking, &fixtures::id("p")).await;
    assert!(parking.release(&seen).await.unwrap());
    let left = parking.list("publisher", None, 10).await.unwrap();
    assert!(left.iter().map(|row| row.product_id.as_str()).eq(["P", "o", "p1"]), "{left:?}");
}

async fn releasing_a_row_leaves_the_other_consumers(parking: &ParkingRows) {
    for consumer in ["publisher", "projector/products", "projector/prices"] {
        parking.park(consumer, &fixtures::id("p"), &at(3)).await.unwrap();
    }
    let seen = row(&**parking, &fixtures::id("p")).await;
    assert!(parking.release(&seen).await.unwrap());
    for consumer in ["projector/products", "projector/prices"] {
        assert!(parking.of(consumer, &fixtures::id("p")).await.unwrap().is_some(), "{consumer}");
    }
}

async fn a_released_product_begins_anew(parking: &ParkingRows) {
    parking.park("publisher", &fixtures::id("p"), &trouble(2, "old", false, MORNING)).await.unwrap();
    parking.park("publisher", &fixtures::id("p"), &trouble(2, "old", false, MORNING)).await.unwrap();
    let seen = row(&**parking, &fixtures::id("p")).await;
    parking.release(&seen).await.unwrap();
    parking.park("publisher", &fixtures::id("p"), &trouble(9, "new", true, NOON)).await.unwrap();
    let expected = Parked {
        from_sequence: 9,
        reason: "new".into(),
        retryable: true,
        parked_at: fixtures::at(NOON),
        attempts: 1,
        ..seen
    };
    assert_eq!(row(&**parking, &fixtures::id("p")).await, expected);
}

async fn a_release_is_there_when_the_store_is_opened_again(parking: &ParkingRows) {
    parking.park("publisher", &fixtures::id("p"), &at(3)).await.unwrap();
    let seen = row(&**parking, &fixtures::id("p")).await;
    parking.release(&seen).await.unwrap();
    let again = parking.opened_again(()).await;
    assert_eq!(again.of("publisher", &fixtures::id("p")).await.unwrap(), None);
}

async fn of_many_who_release_at_once_one_did_it(parking: &ParkingRows) {
    parking.park("publisher", &fixtures::id("p"), &at(3)).await.unwrap();
    let seen = row(&**parking, &fixtures::id("p")).await;
    let releases = (0..12).map(|_| {
        let (parking, seen) = (parking.shared(), seen.clone());
        tokio::spawn(async move { parking.release(&seen).await.unwrap() })
    });
    let answers = join_all(releases.collect::<Vec<_>>()).await;
    assert_eq!(answers.into_iter().filter(|released| *released.as_ref().unwrap()).count(), 1);
}

/// Whichever comes first, the new failure is on record afterwards: the success of another worker does not remove it.
async fn a_release_and_a_parking_at_once_never_lose_the_parking(parking: &ParkingRows) {
    for n in 0..12 {
        let product = fixtures::id(&format!("p{n}"));
        parking.park("publisher", &product, &at(3)).await.unwrap();
        let seen = row(&**parking, &product).await;
        let (one, other, parked) = (parking.shared(), parking.shared(), product.clone());
        let release = tokio::spawn(async move { one.release(&seen).await.unwrap() });
        let again = trouble(4, "again", true, NOON);
        let park = tokio::spawn(async move { other.park("publisher", &parked, &again).await.unwrap() });
        let released = release.await.unwrap();
        park.await.unwrap();
        let row = row(&**parking, &product).await;
        assert_eq!((row.reason.as_str(), row.attempts), ("again", if released { 1 } else { 2 }));
    }
}
