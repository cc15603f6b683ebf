//! Stream batches and scheduled invocations: the whole response, and what the views show afterwards.

use loopback::FunctionResponse;
use serde_json::json;

use crate::given::{
    all_well, batch, concerns, failed, get, invoke, parked, projector, query_api, reply, schedule, tables,
};

#[tokio::test]
async fn a_projected_batch_is_in_the_views_and_nothing_is_repeated() {
    let tables = tables().await;
    let (projector, queries) = (projector(&tables).start().await, query_api(&tables).start().await);
    for _ in 0..2 {
        assert_eq!(invoke(&projector, &batch()).await, all_well());
        for (product, version) in [("helmet", "\"2\""), ("cap", "\"3\""), ("lamp", "\"1\"")] {
            let reply = reply(&queries, &get(product)).await;
            assert_eq!((reply.status, reply.header("etag")), (200, Some(version)), "{product}");
        }
    }
    assert_eq!(parked(&tables).await, []);
}

#[tokio::test]
async fn a_product_that_cannot_be_written_is_parked_and_retried_by_the_schedule() {
    let tables = tables().await;
    let (projector, queries) = (projector(&tables).start().await, query_api(&tables).start().await);
    tables.throttle(|request| concerns(request, &["products", "prices"], "helmet"));
    assert_eq!(invoke(&projector, &batch()).await, all_well());
    let rows = [("prices", "helmet"), ("products", "helmet")];
    assert_eq!(parked(&tables).await, rows.map(|(view, product)| (view.into(), product.into())));
    assert_eq!(reply(&queries, &get("cap")).await.status, 200);

    let still = invoke(&projector, &schedule()).await;
    assert_eq!(still, FunctionResponse::Response(json!({"repaired": 0, "still_parked": 2})));
    tables.recover();
    assert_eq!(reply(&queries, &get("helmet")).await.status, 404);
    let retried = invoke(&projector, &schedule()).await;
    assert_eq!(retried, FunctionResponse::Response(json!({"repaired": 2, "still_parked": 0})));
    assert_eq!(reply(&queries, &get("helmet")).await.header("etag"), Some("\"2\""));
    assert_eq!(parked(&tables).await, []);
}

#[tokio::test]
async fn a_product_that_cannot_be_parked_is_repeated_from_its_first_record() {
    let tables = tables().await;
    let projector = projector(&tables).start().await;
    tables.throttle(|request| concerns(request, &["products", "prices", "parking"], "cap"));
    let batch = batch();
    let records = batch["Records"].as_array().unwrap();
    let first = records.iter().find(|record| record["dynamodb"]["Keys"]["product_id"]["S"] == "cap").unwrap();
    let number = &first["dynamodb"]["SequenceNumber"];
    assert_ne!(number, &records[0]["dynamodb"]["SequenceNumber"]);
    assert_eq!(invoke(&projector, &batch).await, failed(&[number]));

    tables.recover();
    assert_eq!(invoke(&projector, &batch).await, all_well());
}

#[tokio::test]
async fn a_scheduled_retry_that_cannot_read_the_parking_table_is_an_error_and_the_next_one_works() {
    let tables = tables().await;
    let projector = projector(&tables).start().await;
    tables.throttle(|_| true);
    let FunctionResponse::Error(_, error) = invoke(&projector, &schedule()).await else {
        panic!("an answer")
    };
    let message = error["errorMessage"].as_str().unwrap();
    assert!(message.starts_with("parked products could not be retried"), "{message}");
    tables.recover();
    let nothing = FunctionResponse::Response(json!({"repaired": 0, "still_parked": 0}));
    assert_eq!(invoke(&projector, &schedule()).await, nothing);
}
