//! The products, page by page, without the commits in between.

use event_store::Journal;

use super::{Journals, append_all};
use crate::given::commits::{awkward_ids, made, run};

cases! { dyn event_store::Journal, [memory sqlite dynamodb];
    a_new_journal_has_no_product
    every_product_is_there_once_in_pages_of_any_size_however_long_its_history
    the_walk_goes_on_behind_a_product_that_is_there_no_more
}

async fn walked(journal: &dyn Journal, limit: usize) -> Vec<String> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let page = journal.products(&after, limit).await.unwrap();
        assert!(page.len() <= limit, "{page:?}");
        let is_last = page.len() < limit;
        all.extend(page);
        assert!(all.len() < 1_000, "the walk does not end");
        if is_last {
            return all;
        }
        after.clone_from(all.last().unwrap());
    }
}

async fn a_new_journal_has_no_product(journals: &Journals) {
    assert_eq!(journals.products("", 10).await.unwrap(), [""; 0]);
}

async fn every_product_is_there_once_in_pages_of_any_size_however_long_its_history(journals: &Journals) {
    for (n, product) in (1..).zip(awkward_ids()) {
        append_all(&**journals, &run(product.as_str(), n)).await;
    }
    append_all(&**journals, &[made("only-later-commits", 5), made("only-later-commits", 9)]).await;
    let mut all: Vec<String> = awkward_ids().iter().map(ToString::to_string).collect();
    all.push("only-later-commits".to_owned());
    all.sort();
    let order = walked(&**journals, 100).await;
    for limit in [1, 2, 5, 100] {
        let found = walked(&**journals, limit).await;
        assert_eq!(found, order, "{limit}: the order never changes");
    }
    let mut sorted = order;
    sorted.sort();
    assert_eq!(sorted, all);
}

async fn the_walk_goes_on_behind_a_product_that_is_there_no_more(journals: &Journals) {
    for product in ["a", "c", "d"] {
        append_all(&**journals, &run(product, 3)).await;
    }
    let all = walked(&**journals, 10).await;
    let behind_one: Vec<String> = journals.products(&all[0], 10).await.unwrap();
    assert_eq!(behind_one, all[1..]);
    // Wherever "b" would be, what is behind it is the end of the walk.
    let behind = journals.products("b", 10).await.unwrap();
    assert!(all.ends_with(&behind), "{behind:?} of {all:?}");
}
