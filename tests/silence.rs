//! `serve --dynamodb aws` while single requests get no answer: commands, views and publishing go on, and the log says what was
//! silent.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use event_store::limits;
use loopback::{FaultRule, TableFault, TableServer};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::scenario::{PATIENCE, client, program};

/// A server on tables with faults. It is killed when dropped.
struct OnTables {
    tables: TableServer,
    url: String,
    http: reqwest::Client,
    process: Child,
    directory: TempDir,
}

impl OnTables {
    async fn start() -> Self {
        let (tables, directory) = (TableServer::serve().await, tempfile::tempdir().unwrap());
        let log = std::fs::File::create(directory.path().join("log")).unwrap();
        let mut command = program();
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--dynamodb", "aws", "--create-tables"])
            .env("AWS_ENDPOINT_URL", tables.url())
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "AKID")
            .env("AWS_SECRET_ACCESS_KEY", "SECRET")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdout(Stdio::piped())
            .stderr(log);
        let (process, url) = tokio::task::spawn_blocking(move || {
            let mut process = command.spawn().unwrap();
            let mut line = String::new();
            BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
            (process, line.trim().strip_prefix("Listening on ").unwrap().to_owned())
        })
        .await
        .unwrap();
        Self { tables, url, http: client().build().unwrap(), process, directory }
    }

    fn fault(&self, operation: &'static str, table: Option<&'static str>, times: usize) {
        self.fault_with(TableFault::Silence, operation, table, times);
    }

    fn fault_with(
        &self,
        fault: TableFault,
        operation: &'static str,
        table: Option<&'static str>,
        times: usize,
    ) {
        let of_table = move |body: &Value| {
            table.is_none_or(|table| body["TableName"] == table || body["RequestItems"].get(table).is_some())
        };
        let rule = FaultRule::operation(operation).when(move |request| of_table(&request.body)).times(times);
        self.tables.faults().add(rule, fault);
    }

    async fn put(&self, product: &str) -> (u16, Value) {
        let body = json!({"name": "n", "price": "1"});
        let request = self.http.put(format!("{}/products/{product}", self.url)).json(&body);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn records(&self, product: &str) {
        let (status, receipt) = self.put(product).await;
        assert_eq!(status, 201, "{receipt}");
    }

    async fn get(&self, path: &str) -> Value {
        self.http.get(format!("{}{path}", self.url)).send().await.unwrap().json().await.unwrap()
    }

    /// Waits until the product is in the catalogue and its event has a receipt.
    async fn arrives(&self, product: &str) {
        let begun = Instant::now();
        loop {
            let list = self.get("/products?limit=100").await;
            let listed = list["products"].as_array().unwrap().iter().any(|one| one["id"] == product);
            let history = self.get(&format!("/products/{product}/history")).await;
            if listed && history["commits"][0]["receipts"][0]["receipt_id"].is_string() {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{product} does not arrive: {history}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The lines of the log with this message.
    fn logged(&self, message: &str) -> Vec<Value> {
        let log = std::fs::read_to_string(self.directory.path().join("log")).unwrap();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["message"].as_str().is_some_and(|found| found.contains(message))).collect()
    }
}

impl Drop for OnTables {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_without_an_answer_stop_neither_commands_nor_views_nor_publishing() {
    let ledger = OnTables::start().await;
    ledger.records("before").await;
    ledger.arrives("before").await;
    // One of each kind that a command, the projector, the publisher and the reading of the stream make.
    ledger.fault("ExecuteStatement", None, 1);
    ledger.fault("PutItem", Some("ledger-products"), 1);
    ledger.fault("BatchWriteItem", Some("ledger-receipts"), 1);
    ledger.fault("PutItem", Some("ledger-checkpoints"), 2);
    ledger.fault("GetRecords", None, 2);
    ledger.records("during").await;
    ledger.arrives("during").await;
    ledger.records("after").await;
    ledger.arrives("after").await;
    let silent = ledger.logged("a request to DynamoDB got no answer");
    assert!(silent.iter().all(|line| line["reason"].as_str().unwrap().contains("timeout")), "{silent:?}");
    assert!(!silent.is_empty());
    // Each consumer reads the stream.
    assert_eq!(ledger.logged("the stream cannot be read; trying again").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_takes_no_commands_is_a_503_in_time_while_views_and_publishing_go_on() {
    let ledger = OnTables::start().await;
    ledger.records("before").await;
    ledger.fault("ExecuteStatement", None, usize::MAX);
    let ((status, problem), ()) = tokio::join!(ledger.put("refused"), ledger.arrives("before"));
    assert_eq!((status, &problem["type"]), (503, &json!("urn:product-ledger:problem:unavailable")));
    // The answer of the command itself, and not of the server's limit on all requests.
    assert!(problem["detail"].as_str().unwrap().starts_with("Whether the command was recorded"), "{problem}");
    ledger.tables.faults().clear();
    ledger.records("refused").await;
    ledger.arrives("refused").await;
}

/// A function gives up after 2 s; a server may be farther from its tables.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_waits_longer_for_an_answer_than_a_function() {
    let ledger = OnTables::start().await;
    ledger.records("before").await;
    ledger.arrives("before").await;
    let late = limits::FUNCTION.silence + Duration::from_secs(1);
    assert!(late < limits::SERVER.silence);
    ledger.fault_with(TableFault::Late(late), "ExecuteStatement", None, 1);
    ledger.records("during").await;
    assert!(ledger.logged("a request to DynamoDB got no answer").is_empty());
}
