//! The rows of a consumer are listed in order of product, page by page.

use schema::{ProductId, fixtures};

use super::{ParkingRows, at, row};
use crate::given::commits::awkward_ids;

cases! { dyn event_store::Parking, [memory sqlite dynamodb];
    a_consumer_without_rows_has_an_empty_list
    rows_come_in_the_order_of_ids_by_bytes
    a_list_begins_above_the_product_it_is_given
    a_list_begins_above_a_product_that_has_no_row
    a_list_is_filled_up_to_its_limit
    a_list_of_no_rows_is_empty
    a_list_without_a_limit_is_everything
    a_list_holds_the_rows_of_its_consumer_alone
    a_list_holds_whole_rows
    walking_page_by_page_meets_each_row_once
    a_walk_that_releases_as_it_goes_meets_each_row_once
    large_rows_are_listed_whole
}

async fn ids(parking: &ParkingRows, after: Option<&str>, limit: usize) -> Vec<String> {
    let after = after.map(fixtures::id);
    let rows = parking.list("publisher", after.as_ref(), limit).await.unwrap();
    rows.into_iter().map(|row| row.product_id.to_string()).collect()
}

async fn park_all(parking: &ParkingRows, products: &[&str]) {
    for product in products {
        parking.park("publisher", &fixtures::id(product), &at(1)).await.unwrap();
    }
}

async fn a_consumer_without_rows_has_an_empty_list(parking: &ParkingRows) {
    parking.park("projector", &fixtures::id("p"), &at(1)).await.unwrap();
    assert_eq!(ids(parking, None, 10).await, [""; 0]);
}

async fn rows_come_in_the_order_of_ids_by_bytes(parking: &ParkingRows) {
    let mut expected = awkward_ids();
    for id in &expected {
        parking.park("publisher", id, &at(1)).await.unwrap();
    }
    expected.sort();
    assert_eq!(ids(parking, None, 100).await, expected.iter().map(ProductId::to_string).collect::<Vec<_>>());
}

async fn a_list_begins_above_the_product_it_is_given(parking: &ParkingRows) {
    park_all(parking, &["c", "a", "ba", "b"]).await;
    assert_eq!(ids(parking, Some("a"), 10).await, ["b", "ba", "c"]);
    assert_eq!(ids(parking, Some("b"), 10).await, ["ba", "c"]);
    assert_eq!(ids(parking, Some("c"), 10).await, [""; 0]);
}

async fn a_list_begins_above_a_product_that_has_no_row(parking: &ParkingRows) {
    park_all(parking, &["c", "a", "ba", "b"]).await;
    assert_eq!(ids(parking, Some("b."), 10).await, ["ba", "c"]);
    assert_eq!(ids(parking, Some("A"), 10).await, ["a", "b", "ba", "c"]);
    assert_eq!(ids(parking, Some("z"), 10).await, [""; 0]);
}

async fn a_list_is_filled_up_to_its_limit(parking: &ParkingRows) {
    park_all(parking, &["e", "d", "c", "b", "a"]).await;
    for limit in 1..=6 {
        assert_eq!(ids(parking, None, limit).await, ["a", "b", "c", "d", "e"][..limit.min(5)]);
    }
    assert_eq!(ids(parking, Some("b"), 2).await, ["c", "d"]);
}

async fn a_list_of_no_rows_is_empty(parking: &ParkingRows) {
    park_all(parking, &["a", "b"]).await;
    assert_eq!(ids(parking, None, 0).await, [""; 0]);
}

async fn a_list_without_a_limit_is_everything(parking: &ParkingRows) {
    park_all(parking, &["a", "b"]).await;
    assert_eq!(ids(parking, None, usize::MAX).await, ["a", "b"]);
}

async fn a_list_holds_the_rows_of_its_consumer_alone(parking: &ParkingRows) {
    park_all(parking, &["a", "c"]).await;
    for consumer in ["publisher2", "publishe", "projector"] {
        parking.park(consumer, &fixtures::id("b"), &at(1)).await.unwrap();
    }
    assert_eq!(ids(parking, None, 10).await, ["a", "c"]);
}

async fn a_list_holds_whole_rows(parking: &ParkingRows) {
    park_all(parking, &["a", "b", "a"]).await;
    let rows = parking.list("publisher", None, 10).await.unwrap();
    for seen in rows {
        assert_eq!(row(&**parking, &seen.product_id).await, seen);
    }
}

async fn walking_page_by_page_meets_each_row_once(parking: &ParkingRows) {
    let products: Vec<String> = (0..23).map(|n| format!("p{n:02}")).collect();
    for product in products.iter().rev() {
        park_all(parking, &[product]).await;
    }
    for limit in [1, 2, 22, 23, 24] {
        let (mut met, mut after): (Vec<String>, Option<String>) = (Vec::new(), None);
        loop {
            let page = ids(parking, after.as_deref(), limit).await;
            let Some(last) = page.last() else { break };
            after = Some(last.clone());
            met.extend(page);
            assert!(met.len() <= 23, "the walk does not end");
        }
        assert_eq!(met, products, "pages of {limit}");
    }
}

async fn a_walk_that_releases_as_it_goes_meets_each_row_once(parking: &ParkingRows) {
    let products: Vec<String> = (0..12).map(|n| format!("p{n:02}")).collect();
    for product in &products {
        park_all(parking, &[product]).await;
    }
    let (mut met, mut after): (Vec<String>, Option<String>) = (Vec::new(), None);
    loop {
        let page = ids(parking, after.as_deref(), 5).await;
        let Some(last) = page.last() else { break };
        after = Some(last.clone());
        for product in &page {
            let seen = row(&**parking, &fixtures::id(product)).await;
            assert!(parking.release(&seen).await.unwrap());
        }
        met.extend(page);
        assert!(met.len() <= 12, "the walk does not end");
    }
    assert_eq!(met, products);
    assert_eq!(ids(parking, None, 10).await, [""; 0]);
}

/// Together they are longer than the answer of any store.
async fn large_rows_are_listed_whole(parking: &ParkingRows) {
    let reason = "x".repeat(200_000);
    for n in 0..7 {
        let trouble = super::trouble(1, &reason, true, super::NOON);
        parking.park("publisher", &fixtures::id(&format!("p{n}")), &trouble).await.unwrap();
    }
    let rows = parking.list("publisher", None, 6).await.unwrap();
    assert!(rows.len() == 6 && rows.iter().all(|row| row.reason == reason));
}
