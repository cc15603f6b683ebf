//! Whatever is written, removed and read, every adapter behaves like the one in memory.

use projections::views::{Generation, PositionRange, RowOrder, SHARDS, Slice};
use projections::{MemoryViews, Views};
use proptest::collection::vec;
use proptest::prelude::*;
use schema::Orders;
use schema::{Product, fixtures};

use super::{PutProduct, ViewStore, all_ids, deleted, named, priced};
use crate::given::for_all;

cases! { dyn projections::Views, [memory sqlite dynamodb];
    any_writes_and_removals_give_the_same_orders_as_in_memory
    any_slice_of_names_has_the_same_rows_as_in_memory
}

#[derive(Debug, Clone)]
enum Step {
    Put(u32, Product),
    Remove(u32, String),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let put = (1..3_u32, 0..6_u8, 1..6_u64, 0..5_u8).prop_map(|(generation, id, version, kind)| {
        let id = format!("p{id}");
        let product = match kind {
            0 => deleted(&id, version),
            1 => named(&id, version, "Hat"),
            2 => priced(&id, version, "7", "EUR"),
            _ => named(&id, version, &format!("Helmet {version}")),
        };
        Step::Put(generation, product)
    });
    let remove = (1..3_u32, 0..6_u8).prop_map(|(generation, id)| Step::Remove(generation, format!("p{id}")));
    vec(prop_oneof![6 => put, 1 => remove], 1..40)
}

async fn any_writes_and_removals_give_the_same_orders_as_in_memory(views: &ViewStore) {
    for_all(10, steps(), async |steps| {
        let (store, model) = (views.another(Orders::default()).await, MemoryViews::default());
        for step in &steps {
            match step {
                Step::Put(generation, product) => {
                    let expected = model.put(Generation(*generation), product).await.unwrap();
                    let written = store.put(Generation(*generation), product).await.unwrap();
                    assert_eq!(written, expected, "{step:?}");
                }
                Step::Remove(generation, id) => {
                    let (generation, id) = (Generation(*generation), fixtures::id(id));
                    model.remove(generation, id.as_str()).await.unwrap();
                    store.remove(generation, id.as_str()).await.unwrap();
                }
            }
        }
        for generation in [1, 2].map(Generation) {
            assert_eq!(all_ids(&*store, generation, 3).await, all_ids(&model, generation, 3).await);
            for order in RowOrder::ALL {
                for shard in 0..SHARDS {
                    let slice = super::whole(shard, order);
                    let expected = model.slice(generation, &slice).await.unwrap();
                    assert_eq!(store.slice(generation, &slice).await.unwrap(), expected);
                }
            }
        }
    });
}

async fn any_slice_of_names_has_the_same_rows_as_in_memory(views: &ViewStore) {
    let model = MemoryViews::default();
    for n in 0..40 {
        let product = named(&format!("p{n}"), 1, &format!("{}{}", ["Hat", "helmet", "Ä"][n % 3], n % 7));
        model.put(super::FIRST, &product).await.unwrap();
        views.put(super::FIRST, &product).await.unwrap();
    }
    let slices = (0..SHARDS, "[a-zäH0-9]{0,3}", "[a-zäH0-9]{0,3}", any::<bool>(), 1..8_usize);
    for_all(60, slices, async |(shard, one, other, descending, limit)| {
        let range = PositionRange {
            from: format!("{}!", one.clone().min(other.clone())),
            to: format!("{}~", one.max(other)),
        };
        if range.is_empty() {
            return;
        }
        let slice = Slice { shard, order: RowOrder::Name, range, descending, limit };
        let (seen, expected) = (
            views.slice(super::FIRST, &slice).await.unwrap(),
            model.slice(super::FIRST, &slice).await.unwrap(),
        );
        assert_eq!(seen.rows, expected.rows);
        assert!(!seen.exhausted || expected.exhausted);
    });
}
