//! The function over an event table, and the recorded events.

use event_store::table;
use loopback::{FunctionCommand, FunctionProcess, GatewayReply, TableServer, changed};
use serde_json::{Value, json};

/// The function and its table.
pub struct Given {
    pub function: FunctionProcess,
    pub tables: TableServer,
}

/// The function over an empty event table.
pub async fn given() -> Given {
    let tables = TableServer::serve().await;
    let client = aws_sdk_dynamodb::Client::new(&tables.sdk_config());
    table::create(&client, "events", event_store::TABLE).await.unwrap();
    Given { function: command_api().with_tables(&tables).start().await, tables }
}

/// The function as it is deployed, without a table.
pub fn command_api() -> FunctionCommand {
    FunctionCommand::new(env!("CARGO_BIN_EXE_command-api"), "ledger-test-command-api")
        .with("LEDGER_EVENTS_TABLE", "events")
        .with("LEDGER_DEFAULT_CURRENCY", "USD")
}

pub fn recorded(name: &str) -> Value {
    loopback::recorded(&format!("{}/tests/data/{name}.json", env!("CARGO_MANIFEST_DIR")))
}

/// A product is posted, with an idempotency key.
pub fn post() -> Value {
    recorded("post-product")
}

/// The event with another body.
pub fn with_body(event: Value, body: &str) -> Value {
    changed(event, "/body", json!(body))
}

impl Given {
    pub async fn reply(&self, event: &Value) -> GatewayReply {
        GatewayReply::of(&self.function.invoke(event.to_string()).await)
    }

    /// The operations on the table since the last call.
    pub fn operations(&self) -> Vec<String> {
        self.tables.take_requests().into_iter().map(|request| request.operation).collect()
    }
}
