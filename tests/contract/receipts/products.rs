//! The products with records: each once, page by page.

use event_store::Receipts;
use schema::fixtures;

use super::{ReceiptStore, failure, receipts_of, record};
use crate::given::commits::awkward_ids;

cases! { dyn event_store::Receipts, [memory sqlite dynamodb];
    a_store_without_receipts_lists_no_product
    every_product_is_listed_once_in_pages_of_any_size
    a_product_with_a_failure_alone_is_listed_too
}

async fn listed(receipts: &dyn Receipts, limit: usize) -> Vec<String> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let page = receipts.products(&after, limit).await.unwrap().unwrap();
        assert!(page.len() <= limit, "{page:?}");
        let is_last = page.len() < limit;
        all.extend(page);
        assert!(all.len() < 1_000, "the walk does not end");
        if is_last {
            all.sort();
            return all;
        }
        after.clone_from(all.last().unwrap());
    }
}

async fn a_store_without_receipts_lists_no_product(receipts: &ReceiptStore) {
    assert_eq!(receipts.products("", 10).await.unwrap(), Some(Vec::new()));
}

async fn every_product_is_listed_once_in_pages_of_any_size(receipts: &ReceiptStore) {
    for (n, product) in (1..).zip(awkward_ids()) {
        receipts.record(&receipts_of(&product, 1..=n)).await.unwrap();
    }
    let mut all: Vec<String> = awkward_ids().iter().map(ToString::to_string).collect();
    all.sort();
    for limit in [1, 2, 5, 100] {
        assert_eq!(listed(&**receipts, limit).await, all, "{limit}");
    }
}

async fn a_product_with_a_failure_alone_is_listed_too(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    receipts.record(&[record(&product, 1, failure(1, 1))]).await.unwrap();
    assert_eq!(listed(&**receipts, 10).await, ["p"]);
}
