//! The schedule of the reconcile: views that no stream record ever told of a product catch up with the event table.

use loopback::{FunctionResponse, changed};
use serde_json::{Value, json};

use crate::given::{
    all_well, batch, concerns, get, invoke, parked, projector, query_api, reconcile, reply, schedule, tables,
};

fn reconciled(compared: u32, complete: bool) -> FunctionResponse {
    FunctionResponse::Response(json!({"compared": compared, "complete": complete}))
}

/// The results of a complete round that are not 0, by consumer.
fn results(metrics: &[Value]) -> Vec<(String, String, f64)> {
    let text = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
    let counted = |line: &Value| {
        let count = line.get("ledger_reconciled_products_total")?.as_f64()?;
        (count > 0.0).then(|| (text(line, "consumer"), text(line, "result"), count))
    };
    let mut results: Vec<_> = metrics.iter().filter_map(counted).collect();
    results.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    results
}

fn of(consumer: &str, result: &str, count: f64) -> (String, String, f64) {
    (consumer.to_owned(), result.to_owned(), count)
}

#[tokio::test]
async fn a_round_shows_what_the_stream_never_delivered_and_counts_it_for_each_view() {
    let tables = tables().await;
    let (projector, queries) = (projector(&tables).start().await, query_api(&tables).start().await);
    let mut lamp_alone = batch();
    lamp_alone["Records"]
        .as_array_mut()
        .unwrap()
        .retain(|record| record["dynamodb"]["Keys"]["product_id"]["S"] == "lamp");
    assert_eq!(invoke(&projector, &lamp_alone).await, all_well());
    assert_eq!(invoke(&projector, &reconcile()).await, reconciled(3, true));
    for (product, version) in [("helmet", "\"2\""), ("cap", "\"3\""), ("lamp", "\"1\"")] {
        let reply = reply(&queries, &get(product)).await;
        assert_eq!((reply.status, reply.header("etag")), (200, Some(version)), "{product}");
    }
    assert_eq!(parked(&tables).await, []);
    assert_eq!(
        invoke(&projector, &reconcile()).await,
        reconciled(0, false),
        "the next round begins a day later"
    );
    let log = projector.stop().await;
    let expected =
        ["prices", "products"].map(|view| [of(view, "agrees", 1.0), of(view, "repaired", 2.0)]).concat();
    assert_eq!(results(&log.metrics()), expected, "{}", log.out);
}

#[tokio::test]
async fn what_cannot_be_repaired_is_parked_and_left_and_a_parked_view_is_left_to_its_schedule() {
    let tables = tables().await;
    let projector = projector(&tables).start().await;
    let writes = |request: &loopback::TableRequest| {
        request.operation == "PutItem" && concerns(request, &["products"], "helmet")
    };
    tables.throttle(writes);
    assert_eq!(invoke(&projector, &reconcile()).await, reconciled(3, true));
    assert_eq!(parked(&tables).await, [("products".to_owned(), "helmet".to_owned())]);
    let log = projector.stop().await;
    let metrics = log.metrics();
    let expected =
        [of("prices", "repaired", 3.0), of("products", "left", 1.0), of("products", "repaired", 2.0)];
    assert_eq!(results(&metrics), expected, "{}", log.out);
    let left =
        |line: &Value| Some((line["consumer"].clone(), line.get("ledger_reconcile_left_products")?.clone()));
    let mut left: Vec<_> = metrics.iter().filter_map(left).collect();
    left.sort_by_key(|(consumer, _)| consumer.to_string());
    assert_eq!(left, [(json!("prices"), json!(0.0)), (json!("products"), json!(1.0))]);
}

#[tokio::test]
async fn a_commit_of_a_later_build_is_parked_for_the_upgrade_and_not_for_good() {
    let of_later = [
        (
            "/Records/3/dynamodb/NewImage/state/M/schema_version",
            json!({"N": "99"}),
            vec!["prices", "products"],
        ),
        ("/Records/3/dynamodb/NewImage/events/L/0/M/schema_version", json!({"N": "99"}), vec!["prices"]),
        ("/Records/3/dynamodb/NewImage/events/L/0/M/type", json!({"S": "ProductTeleported"}), vec!["prices"]),
    ];
    for (place, value, views) in of_later {
        let tables = tables().await;
        let projector = projector(&tables).start().await;
        assert_eq!(invoke(&projector, &changed(batch(), place, value)).await, all_well(), "{place}");
        let expected: Vec<_> = views.iter().map(|view| ((*view).to_owned(), "lamp".to_owned())).collect();
        assert_eq!(parked(&tables).await, expected, "{place}");
        // The event table has what this build can read: that is the upgrade.
        let retried = invoke(&projector, &schedule()).await;
        let expected = json!({"repaired": views.len(), "still_parked": 0});
        assert_eq!(retried, FunctionResponse::Response(expected), "{place}: not retryable");
        assert_eq!(parked(&tables).await, [], "{place}");
    }
}
