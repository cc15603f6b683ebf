//! Every product with anything in a generation is returned, so that verification finds what should not be there.

use std::collections::BTreeSet;

use projections::views::Generation;
use schema::fixtures;

use super::{FIRST, PriceLogs, fold, plain, priced};

cases! { dyn projections::PriceLog, [memory sqlite dynamodb];
    every_product_of_a_generation_is_returned_at_any_page_size
    an_empty_generation_has_no_products
}

async fn met(log: &PriceLogs, generation: Generation, limit: usize) -> BTreeSet<String> {
    let (mut met, mut from) = (BTreeSet::new(), None);
    for _ in 0..1_000 {
        let page = log.products(generation, from, limit).await.unwrap();
        assert!(page.ids.len() <= limit, "{:?}", page.ids);
        met.extend(page.ids);
        from = page.next;
        if from.is_none() {
            return met;
        }
    }
    panic!("the pages have no end");
}

async fn every_product_of_a_generation_is_returned_at_any_page_size(log: &PriceLogs) {
    let mut expected = BTreeSet::new();
    for n in 0..12 {
        let id = format!("p-{n}");
        let commits = match n % 3 {
            0 => vec![priced(1), priced(2), plain(3)],
            1 => vec![plain(1)],
            _ => vec![priced(1)],
        };
        fold(&**log, &fixtures::id(&id), &commits).await;
        expected.insert(id);
    }
    let other = Generation(FIRST.0 + 1);
    log.fold(other, &fixtures::id("another"), &[priced(1)]).await.unwrap();
    for limit in [1, 2, 5, 12, 13, 100] {
        assert_eq!(met(log, FIRST, limit).await, expected, "{limit}");
    }
    assert_eq!(met(log, other, 3).await, BTreeSet::from(["another".to_owned()]));
}

async fn an_empty_generation_has_no_products(log: &PriceLogs) {
    fold(&**log, &fixtures::id("p"), &[priced(1)]).await;
    assert_eq!(met(log, Generation(FIRST.0 + 1), 10).await, BTreeSet::new());
}
