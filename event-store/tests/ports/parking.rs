//! What parking rows promise on every adapter.

use event_store::{Parked, Trouble};
use schema::fixtures;

use super::adapters::all_parking;

fn trouble(from_sequence: u64, reason: &str, retryable: bool, at: &str) -> Trouble {
    Trouble { from_sequence, reason: reason.into(), retryable, at: fixtures::at(at) }
}

const MORNING: &str = "2026-11-23T08:00:00.000Z";
const NOON: &str = "2026-11-23T12:00:00.000Z";

#[tokio::test]
async fn a_parked_product_is_found_until_it_is_released() {
    let product = fixtures::id("helmet");
    for (name, parking) in all_parking().await {
        assert_eq!(parking.of("publisher", &product).await.unwrap(), None, "{name}");
        parking.park("publisher", &product, &trouble(3, "away", true, MORNING)).await.unwrap();
        let row = parking.of("publisher", &product).await.unwrap().unwrap();
        let expected = Parked {
            consumer: "publisher".into(),
            product_id: product.clone(),
            from_sequence: 3,
            reason: "away".into(),
            retryable: true,
            parked_at: fixtures::at(MORNING),
            attempts: 1,
        };
        assert_eq!(row, expected, "{name}");
        assert_eq!(parking.of("projector", &product).await.unwrap(), None, "{name}");
        assert!(parking.release(&row).await.unwrap(), "{name}");
        assert!(!parking.release(&row).await.unwrap(), "{name}");
        assert_eq!(parking.of("publisher", &product).await.unwrap(), None, "{name}");
    }
}

#[tokio::test]
async fn parking_again_keeps_the_lowest_sequence_and_the_first_time() {
    let product = fixtures::id("helmet");
    for (name, parking) in all_parking().await {
        let park = async |trouble| parking.park("publisher", &product, &trouble).await.unwrap();
        let seen = async || {
            let row = parking.of("publisher", &product).await.unwrap().unwrap();
            assert_eq!(row.parked_at, fixtures::at(MORNING), "{name}");
            (row.from_sequence, row.reason, row.retryable, row.attempts)
        };
        park(trouble(5, "first", true, MORNING)).await;
        park(trouble(9, "later", false, NOON)).await;
        assert_eq!(seen().await, (5, "later".into(), false, 2), "{name}");
        park(trouble(5, "same", true, NOON)).await;
        assert_eq!(seen().await, (5, "same".into(), true, 3), "{name}");
        park(trouble(2, "earlier", true, NOON)).await;
        assert_eq!(seen().await, (2, "earlier".into(), true, 4), "{name}");
    }
}

#[tokio::test]
async fn a_row_that_was_parked_again_is_not_released() {
    let product = fixtures::id("helmet");
    for (name, parking) in all_parking().await {
        parking.park("publisher", &product, &trouble(3, "away", true, MORNING)).await.unwrap();
        let seen = parking.of("publisher", &product).await.unwrap().unwrap();
        parking.park("publisher", &product, &trouble(4, "away", true, NOON)).await.unwrap();
        assert!(!parking.release(&seen).await.unwrap(), "{name}");
        assert!(parking.of("publisher", &product).await.unwrap().is_some(), "{name}");
    }
}

#[tokio::test]
async fn a_consumers_rows_are_listed_page_by_page_in_order_of_product() {
    for (name, parking) in all_parking().await {
        for n in [3, 1, 4, 2, 5] {
            let product = fixtures::id(&format!("p{n}"));
            parking.park("publisher", &product, &trouble(n, "away", true, MORNING)).await.unwrap();
        }
        parking.park("projector", &fixtures::id("p9"), &trouble(1, "broken", false, MORNING)).await.unwrap();
        let mut pages = Vec::new();
        let mut after = None;
        loop {
            let page = parking.list("publisher", after.as_ref(), 2).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.product_id.clone());
            pages.push(page.iter().map(|row| row.from_sequence).collect::<Vec<_>>());
        }
        assert_eq!(pages, [vec![1, 2], vec![3, 4], vec![5]], "{name}");
    }
}
