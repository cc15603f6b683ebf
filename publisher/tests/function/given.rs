//! The function with its tables and bus on loopback, and the recorded batches.

use event_store::{parking, receipts, table};
use loopback::{BusServer, FunctionCommand, FunctionProcess, FunctionResponse, TableRequest, TableServer};
use serde_json::{Value, json};

/// The function, its tables and its bus.
pub struct Given {
    pub function: FunctionProcess,
    pub tables: TableServer,
    pub bus: BusServer,
}

/// The response to a batch of which nothing is redelivered.
pub fn all_well() -> FunctionResponse {
    failed(&[])
}

/// The response to a batch of which these records are redelivered.
pub fn failed(sequence_numbers: &[&str]) -> FunctionResponse {
    let failures: Vec<Value> =
        sequence_numbers.iter().map(|number| json!({"itemIdentifier": number})).collect();
    FunctionResponse::Response(json!({"batchItemFailures": failures}))
}

/// The function with tables that hold the commits of the batch of two shards.
pub async fn given() -> Given {
    given_as(|publisher| publisher).await
}

/// The same with other settings.
pub async fn given_as(settings: impl FnOnce(FunctionCommand) -> FunctionCommand) -> Given {
    let (tables, bus) = (TableServer::serve().await, BusServer::serve().await);
    let client = aws_sdk_dynamodb::Client::new(&tables.sdk_config());
    for (name, shape) in
        [("events", event_store::TABLE), ("receipts", receipts::TABLE), ("parking", parking::TABLE)]
    {
        table::create(&client, name, shape).await.unwrap();
    }
    for record in two_shards()["Records"].as_array().unwrap() {
        let put = json!({"TableName": "events", "Item": record["dynamodb"]["NewImage"]});
        assert_eq!(tables.request("PutItem", &put).await.0, 200);
    }
    let function = settings(publisher().with_tables(&tables).with_bus(&bus)).start().await;
    Given { function, tables, bus }
}

/// The function as it is deployed, without tables and bus.
pub fn publisher() -> FunctionCommand {
    FunctionCommand::new(env!("CARGO_BIN_EXE_publisher"), "ledger-test-publisher")
        .with("LEDGER_EVENTS_TABLE", "events")
        .with("LEDGER_RECEIPTS_TABLE", "receipts")
        .with("LEDGER_PARKING_TABLE", "parking")
        .with("LEDGER_EVENT_BUS", "ledger")
        .with("LEDGER_EVENT_SOURCE", "product-ledger.products")
}

pub fn recorded(name: &str) -> Value {
    loopback::recorded(&format!("{}/tests/data/{name}.json", env!("CARGO_MANIFEST_DIR")))
}

/// One commit of three events of each of two products, `shard-one` and `shard-two`.
pub fn two_shards() -> Value {
    recorded("insert-two-shards")
}

/// The event of the schedule for parked products, as the infrastructure sends it.
pub fn schedule() -> Value {
    loopback::recorded(&format!("{}/../infra/lib/retry-parked.json", env!("CARGO_MANIFEST_DIR")))
}

/// The event of the schedule of the reconcile.
pub fn reconcile() -> Value {
    loopback::recorded(&format!("{}/../infra/lib/reconcile.json", env!("CARGO_MANIFEST_DIR")))
}

/// The response to a scheduled retry.
pub fn retried(released: u32, parked: u32, unavailable: u32) -> FunctionResponse {
    FunctionResponse::Response(json!({"released": released, "parked": parked, "unavailable": unavailable}))
}

/// Whether a request is for this table and names this product.
pub fn concerns(request: &TableRequest, table: &str, product: &str) -> bool {
    let text = request.body.to_string();
    text.contains(&format!("\"TableName\":\"{table}\"")) && text.contains(product)
}

impl Given {
    pub async fn invoke(&self, event: &Value) -> FunctionResponse {
        self.function.invoke(event.to_string()).await
    }

    /// The sequences of a product that the bus accepted, in order.
    pub fn accepted(&self, product: &str) -> Vec<u64> {
        let detail =
            |entry: &Value| serde_json::from_str::<Value>(entry["Detail"].as_str().unwrap()).unwrap();
        let details = self.bus.accepted().iter().map(detail).collect::<Vec<_>>();
        let of = details.iter().filter(|detail| detail["metadata"]["product_id"] == product);
        of.map(|detail| detail["metadata"]["sequence"].as_u64().unwrap()).collect()
    }

    /// The products with a parking row.
    pub async fn parked(&self) -> Vec<String> {
        let (_, found) = self.tables.request("Scan", &json!({"TableName": "parking", "Limit": 100})).await;
        let rows = found["Items"].as_array().unwrap().iter();
        let rows = rows.filter(|row| row["consumer"]["S"] == "publisher");
        rows.map(|row| row["product_id"]["S"].as_str().unwrap().to_owned()).collect()
    }
}
