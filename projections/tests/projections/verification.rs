//! `GET …/verification`: an intact chain is reported valid with its counts and head, a damaged one invalid.

use event_store::MemoryJournal;
use serde_json::json;

use crate::given::{Deed, Life, asked, front_over};

fn life() -> Life {
    Life::of("p", &[Deed::RenameAndReprice("Hat".into(), "5".into()), Deed::DeleteOrRestore])
}

#[tokio::test]
async fn a_whole_chain_is_answered_with_its_counts_and_head() {
    let front = front_over(MemoryJournal::default());
    let life = life();
    life.recorded_in(&*front.journal).await;
    let answer = asked(&front.router, "/products/p/verification").await;
    let head = life.newest().hash.as_str();
    assert_eq!(answer, (200, json!({"valid": true, "commits": 3, "events": 4, "head": head})));
}

#[tokio::test]
async fn a_changed_commit_is_a_fault() {
    let front = front_over(MemoryJournal::default());
    let mut life = life();
    life.commits[1].1.0["metadata"]["actor"] = json!("somebody else");
    life.recorded_in(&*front.journal).await;
    let (status, report) = asked(&front.router, "/products/p/verification").await;
    assert_eq!((status, &report["valid"]), (200, &json!(false)));
    assert_eq!(report["faults"][0]["sequence"], 2, "{report}");
}

#[tokio::test]
async fn an_unknown_product_has_no_chain() {
    let front = front_over(MemoryJournal::default());
    for (uri, status) in [("/products/q/verification", 404), ("/products/q/verification?deep=1", 400)] {
        assert_eq!(asked(&front.router, uri).await.0, status, "{uri}");
    }
}
