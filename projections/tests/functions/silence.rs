//! Tables that do not answer, at each request that the functions make: they end within their time, nothing is lost, and a client
//! is told when to come again.

use std::time::Duration;

use futures::future::join_all;
use loopback::{FaultRule, FunctionProcess, FunctionResponse, GatewayReply, TableFault, TableServer};
use serde_json::{Value, json};

use crate::given::{
    all_well, batch, get, invoke, parked, projector, query_api, reconcile, recorded, reply, schedule, tables,
};

/// Less than the projector has, so that the tests are quick.
const LIMIT: Duration = Duration::from_secs(20);

/// As the query function is deployed (`infra/lib/query-api.ts`).
const QUERY_LIMIT: Duration = Duration::from_secs(28);

/// What the projector is invoked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Invocation {
    Batch,
    /// The schedule, with all products parked.
    RetryParked,
    /// The schedule of the reconcile, with nothing projected.
    Reconcile,
}

use Invocation::{Batch, Reconcile, RetryParked};

/// Every request that the projector makes: when, the operation and the table.
const REQUESTS: [(Invocation, &str, &str); 17] = [
    (Batch, "PutItem", "log_feed"),
    (Batch, "GetItem", "products"),
    (Batch, "PutItem", "products"),
    (Batch, "Query", "prices"),
    (Batch, "PutItem", "prices"),
    (RetryParked, "Query", "parking"),
    (RetryParked, "GetItem", "products"),
    (RetryParked, "Query", "events"),
    (RetryParked, "DeleteItem", "parking"),
    (Reconcile, "GetItem", "parking"),
    (Reconcile, "Scan", "events"),
    (Reconcile, "Query", "events"),
    (Reconcile, "GetItem", "products"),
    (Reconcile, "PutItem", "products"),
    (Reconcile, "Query", "prices"),
    (Reconcile, "PutItem", "prices"),
    (Reconcile, "UpdateItem", "parking"),
];

impl Invocation {
    fn event(self) -> Value {
        match self {
            Batch => batch(),
            RetryParked => schedule(),
            Reconcile => reconcile(),
        }
    }

    /// The projector in the state that the invocation finds.
    async fn prepared(self) -> (TableServer, FunctionProcess) {
        let tables = tables().await;
        let projector = projector(&tables).start().await;
        if self == RetryParked {
            park(&tables).await;
        }
        (tables, projector)
    }
}

fn to(operation: &'static str, table: &'static str) -> FaultRule {
    FaultRule::operation(operation).when(move |request| request.body["TableName"] == table)
}

async fn in_time(function: &FunctionProcess, event: &Value, limit: Duration) -> FunctionResponse {
    let answer = function.invoke_within(event.to_string(), limit).await;
    answer.unwrap()
}

async fn park(tables: &TableServer) {
    for view in ["products", "prices"] {
        for product in ["helmet", "cap", "lamp"] {
            let row = json!({"consumer": {"S": view}, "product_id": {"S": product}, "reason": {"S": "out"},
                "retryable": {"BOOL": true}, "from_sequence": {"N": "1"}, "attempts": {"N": "1"},
                "parked_at": {"S": "2026-11-30T00:00:00.000Z"}});
            let put = json!({"TableName": "parking", "Item": row});
            assert_eq!(tables.request("PutItem", &put).await.0, 200);
        }
    }
}

/// All products are in the views, and none is parked.
async fn is_complete(tables: &TableServer, what: &str) {
    let queries = query_api(tables).start().await;
    for (product, version) in [("helmet", "\"2\""), ("cap", "\"3\""), ("lamp", "\"1\"")] {
        let reply = reply(&queries, &get(product)).await;
        assert_eq!((reply.status, reply.header("etag")), (200, Some(version)), "{what}: {product}");
    }
    assert_eq!(parked(tables).await, [], "{what}");
}

#[tokio::test]
async fn every_request_that_the_projector_makes_is_tried() {
    for invocation in [Batch, RetryParked, Reconcile] {
        let (tables, projector) = invocation.prepared().await;
        let _ = tables.take_requests();
        invoke(&projector, &invocation.event()).await;
        // A retry writes the views as a batch does.
        let known = |when: Invocation| when == invocation || (invocation == RetryParked && when == Batch);
        for request in tables.take_requests() {
            let table = &request.body["TableName"];
            let tried = REQUESTS
                .iter()
                .any(|(when, operation, of)| known(*when) && *operation == request.operation && table == of);
            assert!(tried, "{invocation:?}: {} {table}", request.operation);
        }
    }
}

#[tokio::test]
async fn one_request_of_the_projector_without_an_answer_is_made_good() {
    join_all(REQUESTS.map(async |(invocation, operation, table)| {
        let what = format!("{invocation:?}: {operation} {table}");
        let (tables, projector) = invocation.prepared().await;
        tables.faults().add(to(operation, table).times(1), TableFault::Silence);
        let expected = match invocation {
            Batch => all_well(),
            RetryParked => FunctionResponse::Response(json!({"repaired": 6, "still_parked": 0})),
            Reconcile => FunctionResponse::Response(json!({"compared": 3, "complete": true})),
        };
        assert_eq!(in_time(&projector, &invocation.event(), LIMIT).await, expected, "{what}");
        assert_eq!(tables.faults().applied(), 1, "{what}");
        is_complete(&tables, &what).await;
    }))
    .await;
}

#[tokio::test]
async fn a_request_of_the_projector_that_is_never_answered_ends_the_run_in_time_and_nothing_is_lost() {
    join_all(REQUESTS.map(async |(invocation, operation, table)| {
        let what = format!("{invocation:?}: {operation} {table}");
        let (tables, projector) = invocation.prepared().await;
        tables.faults().add(to(operation, table), TableFault::Silence);
        // Nor can products be parked.
        tables.faults().add(to("UpdateItem", "parking"), TableFault::Silence);
        let answer = in_time(&projector, &invocation.event(), LIMIT).await;
        if invocation == Batch {
            let FunctionResponse::Response(answer) = answer else { panic!("{what}: an error") };
            assert!(!answer["batchItemFailures"].as_array().unwrap().is_empty(), "{what}: {answer}");
        }
        assert!(tables.faults().applied() > 0, "{what}");
        tables.faults().clear();
        assert_eq!(in_time(&projector, &batch(), LIMIT).await, all_well(), "{what}");
        assert!(matches!(in_time(&projector, &schedule(), LIMIT).await, FunctionResponse::Response(_)));
        is_complete(&tables, &what).await;
    }))
    .await;
}

#[tokio::test]
async fn a_query_without_an_answer_is_made_good_or_told_when_to_come_again_in_time() {
    let tables = tables().await;
    let projector = projector(&tables).start().await;
    in_time(&projector, &batch(), LIMIT).await;
    let asked =
        [(get("helmet"), "GetItem"), (recorded("history"), "Query"), (recorded("list-products"), "Query")];
    for (event, operation) in &asked {
        let queries = query_api(&tables).start().await;
        tables.faults().add(FaultRule::operation(operation).times(1), TableFault::Silence);
        let reply = GatewayReply::of(&in_time(&queries, event, QUERY_LIMIT).await);
        assert_eq!(reply.status, 200, "{operation}: {reply:?}");
        tables.faults().clear();
    }
    tables.faults().add(FaultRule::any(), TableFault::Silence);
    join_all(asked.map(async |(event, operation)| {
        let queries = query_api(&tables).start().await;
        let reply = GatewayReply::of(&in_time(&queries, &event, QUERY_LIMIT).await);
        reply.problem("unavailable", 503, "order-8");
        assert_eq!(reply.header("retry-after"), Some("1"), "{operation}");
    }))
    .await;
}
