//! The functions on their tables, and the recorded events. The batch has five commits of three products: `helmet` and `cap`
//! are created and changed, `lamp` is created.

use event_store::{parking, receipts, table};
use loopback::{FunctionCommand, FunctionProcess, FunctionResponse, GatewayReply, TableRequest, TableServer};
use serde_json::{Value, json};

/// The batch response when nothing has to be repeated.
pub fn all_well() -> FunctionResponse {
    failed(&[])
}

/// The batch response when these records have to be repeated.
pub fn failed(sequence_numbers: &[&Value]) -> FunctionResponse {
    let failures: Vec<Value> =
        sequence_numbers.iter().map(|number| json!({"itemIdentifier": number})).collect();
    FunctionResponse::Response(json!({"batchItemFailures": failures}))
}

/// The tables, with the commits of the batch.
pub async fn tables() -> TableServer {
    let tables = TableServer::serve().await;
    let client = aws_sdk_dynamodb::Client::new(&tables.sdk_config());
    for (name, shape) in [
        ("events", event_store::TABLE),
        ("products", projections::PRODUCTS_TABLE),
        ("prices", projections::PRICES_TABLE),
        ("receipts", receipts::TABLE),
        ("parking", parking::TABLE),
        ("log", sequencer::LOG_TABLE),
        ("log_feed", event_store::announced::TABLE),
    ] {
        table::create(&client, name, shape).await.unwrap();
    }
    for record in batch()["Records"].as_array().unwrap() {
        let put = json!({"TableName": "events", "Item": record["dynamodb"]["NewImage"]});
        assert_eq!(tables.request("PutItem", &put).await.0, 200);
    }
    tables
}

fn deployed(program: &str, name: &str, tables: &TableServer) -> FunctionCommand {
    let start = FunctionCommand::new(program, name).with_tables(tables);
    let names = ["events", "products", "prices", "receipts", "parking", "log", "log_feed"];
    names
        .into_iter()
        .fold(start, |start, name| start.with(&format!("LEDGER_{}_TABLE", name.to_uppercase()), name))
}

pub fn projector(tables: &TableServer) -> FunctionCommand {
    deployed(env!("CARGO_BIN_EXE_projector"), "ledger-test-projector", tables)
}

pub fn query_api(tables: &TableServer) -> FunctionCommand {
    deployed(env!("CARGO_BIN_EXE_query-api"), "ledger-test-query-api", tables)
}

pub fn recorded(name: &str) -> Value {
    loopback::recorded(&format!("{}/tests/data/{name}.json", env!("CARGO_MANIFEST_DIR")))
}

/// The recorded batch.
pub fn batch() -> Value {
    recorded("stream-three-products")
}

/// The scheduled event, as the infrastructure sends it.
pub fn schedule() -> Value {
    loopback::recorded(&format!("{}/../infra/lib/retry-parked.json", env!("CARGO_MANIFEST_DIR")))
}

/// The event of the schedule of the reconcile.
pub fn reconcile() -> Value {
    loopback::recorded(&format!("{}/../infra/lib/reconcile.json", env!("CARGO_MANIFEST_DIR")))
}

pub async fn invoke(function: &FunctionProcess, event: &Value) -> FunctionResponse {
    function.invoke(event.to_string()).await
}

pub async fn reply(function: &FunctionProcess, event: &Value) -> GatewayReply {
    GatewayReply::of(&invoke(function, event).await)
}

/// GET of a product.
pub fn get(product: &str) -> Value {
    let text =
        recorded("get-product").to_string().replace("/products/helmet", &format!("/products/{product}"));
    serde_json::from_str(&text).unwrap()
}

/// Whether a request is for one of these tables and names a product.
pub fn concerns(request: &TableRequest, tables: &[&str], product: &str) -> bool {
    let text = request.body.to_string();
    tables.iter().any(|table| text.contains(&format!("\"TableName\":\"{table}\""))) && text.contains(product)
}

/// Consumer and product of each parking row.
pub async fn parked(tables: &TableServer) -> Vec<(String, String)> {
    let (_, found) = tables.request("Scan", &json!({"TableName": "parking", "Limit": 100})).await;
    let text = |row: &Value, name: &str| row[name]["S"].as_str().unwrap().to_owned();
    let rows = found["Items"].as_array().unwrap().iter().filter(|row| row["consumer"]["S"] != "reconcile");
    let mut rows: Vec<_> = rows.map(|row| (text(row, "consumer"), text(row, "product_id"))).collect();
    rows.sort();
    rows
}
