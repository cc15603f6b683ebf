//! Whatever is appended and read, in whatever order, every adapter returns what the one in memory does.

use event_store::{AppendError, Journal, MemoryJournal};
use proptest::collection::vec;
use proptest::prelude::*;
use schema::fixtures;
use serde_json::{Value, json};

use super::{Journals, scanned, scanned_keys};
use crate::given::commits::{made, made_with};
use crate::given::for_all;

cases! { dyn event_store::Journal, [memory sqlite dynamodb];
    any_appends_and_reads_are_answered_as_in_memory
    any_value_of_a_later_build_is_read_back
}

#[derive(Debug, Clone)]
enum Step {
    Append(&'static str, u64, u8),
    Newest(&'static str, u64),
    Page(&'static str, u64, usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let product = || prop::sample::select(vec!["p", "p1", "P", "q"]);
    vec(
        prop_oneof![
            3 => (product(), 0..12_u64, 0..3_u8).prop_map(|(p, sequence, salt)| Step::Append(p, sequence, salt)),
            1 => (product(), 0..14_u64).prop_map(|(p, at_most)| Step::Newest(p, at_most)),
            1 => (product(), 0..14_u64, 0..5_usize).prop_map(|(p, after, limit)| Step::Page(p, after, limit)),
        ],
        1..40,
    )
}

fn outcome(result: &Result<(), AppendError>) -> &'static str {
    match result {
        Ok(()) => "appended",
        Err(AppendError::Occupied) => "occupied",
        Err(AppendError::Refused(_)) => "refused",
        Err(AppendError::NotNow(_)) => "not now",
        Err(AppendError::Unknown(_)) => "unknown",
    }
}

async fn any_appends_and_reads_are_answered_as_in_memory(journals: &Journals) {
    for_all(15, steps(), async |steps| {
        let (journal, model) = (journals.another(()).await, MemoryJournal::default());
        for step in &steps {
            match step {
                Step::Append(product, sequence, salt) => {
                    let mut commit = made(product, *sequence);
                    commit.0["commit_id"] = json!(salt.to_string());
                    let (seen, expected) = (journal.append(&commit).await, model.append(&commit).await);
                    assert_eq!(outcome(&seen), outcome(&expected), "{step:?}: {seen:?}");
                }
                Step::Newest(product, at_most) => {
                    let product = fixtures::id(product);
                    let expected = model.newest(&product, *at_most).await.unwrap();
                    assert_eq!(journal.newest(&product, *at_most).await.unwrap(), expected, "{step:?}");
                }
                Step::Page(product, after, limit) => {
                    let product = fixtures::id(product);
                    let expected = model.page(&product, *after, *limit).await.unwrap();
                    assert_eq!(journal.page(&product, *after, *limit).await.unwrap(), expected, "{step:?}");
                }
            }
        }
        assert_eq!(scanned(&*journal, 3).await, scanned(&model, 3).await);
        assert_eq!(scanned_keys(&*journal, 3).await, scanned_keys(&model, 3).await);
    });
}

/// Any JSON that canonical JSON keeps exactly.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-9_007_199_254_740_991_i64..=9_007_199_254_740_991).prop_map(Value::from),
        (-1_000_000_i32..1_000_000).prop_map(|n| json!(f64::from(n) / 1_024.0 + 0.000_1)),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("\\PC{1,12}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

async fn any_value_of_a_later_build_is_read_back(journals: &Journals) {
    let sequence = std::sync::atomic::AtomicU64::new(0);
    for_all(60, values(), async |value| {
        let next = 1 + sequence.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let stored = made_with("p", next, &json!({"of_a_later_build": value}));
        journals.append(&stored).await.unwrap();
        assert_eq!(journals.newest(&fixtures::id("p"), next).await.unwrap(), Some(stored));
    });
}
