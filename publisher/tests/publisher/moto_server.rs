//! A moto server for one test: EventBridge and SQS on a loopback port, stopped with the test.

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_eventbridge::config::{Credentials, Region, SharedCredentialsProvider};
use aws_sdk_eventbridge::types::Target;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use serde_json::{Value, json};

const REGION: &str = "us-east-1";

pub struct Moto {
    port: u16,
    python: String,
    server: Option<Child>,
}

/// A free port below the range that the system assigns, so that no other process gets it before the server binds it.
fn free_port() -> u16 {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let of_process = std::process::id().wrapping_mul(16);
    loop {
        let place = of_process.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed)) % 12_000;
        let port = 20_000 + u16::try_from(place).unwrap();
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Moto {
    /// A server that is not running yet; `None` (with a message) where the Python package `moto` is not installed. The
    /// interpreter is `MOTO_PYTHON`, or `python3`.
    pub fn find() -> Option<Self> {
        let python = std::env::var("MOTO_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let import =
            Command::new(&python).args(["-c", "import moto.server, flask"]).stderr(Stdio::null()).status();
        if !import.is_ok_and(|status| status.success()) {
            println!("skipped: {python} has no moto[server]; set MOTO_PYTHON to one that has");
            return None;
        }
        Some(Self { port: free_port(), python, server: None })
    }

    pub async fn start(&mut self) {
        let port = self.port.to_string();
        let server = Command::new(&self.python)
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.server = Some(server.unwrap());
        for _ in 0..300 {
            if tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the moto server does not listen");
    }

    /// AWS settings as with `AWS_ENDPOINT_URL_EVENTBRIDGE`.
    pub fn config(&self) -> SdkConfig {
        let credentials = Credentials::new("AKID", "SECRET", None, None, "test");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(self.url())
            .build()
    }

    /// Creates a bus with a rule that delivers all its events to an SQS queue.
    pub async fn create_bus(&self, bus: &str) {
        // A message that was received once stays hidden.
        let hidden = json!({"QueueName": bus, "Attributes": {"VisibilityTimeout": "43200"}});
        let queue = self.sqs("CreateQueue", hidden).await;
        assert!(queue["QueueUrl"].is_string(), "{queue}");
        let client = aws_sdk_eventbridge::Client::new(&self.config());
        client.create_event_bus().name(bus).send().await.unwrap();
        let pattern = r#"{"account": ["123456789012"]}"#;
        client.put_rule().name("all").event_bus_name(bus).event_pattern(pattern).send().await.unwrap();
        let queue = format!("arn:aws:sqs:{REGION}:123456789012:{bus}");
        let target = Target::builder().id("queue").arn(queue).build().unwrap();
        client.put_targets().rule("all").event_bus_name(bus).targets(target).send().await.unwrap();
    }

    /// The messages in a bus's queue, in order of arrival.
    pub async fn delivered(&self, bus: &str) -> Vec<Value> {
        let url = format!("{}/123456789012/{bus}", self.url());
        let mut delivered = Vec::new();
        loop {
            let request = json!({"QueueUrl": url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 0});
            let answer = self.sqs("ReceiveMessage", request).await;
            let Some(messages) = answer["Messages"].as_array().filter(|messages| !messages.is_empty()) else {
                return delivered;
            };
            for message in messages {
                delivered.push(serde_json::from_str(message["Body"].as_str().unwrap()).unwrap());
            }
        }
    }

    /// The server's URL.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    async fn sqs(&self, operation: &str, body: Value) -> Value {
        let scope = format!("AKID/20261123/{REGION}/sqs/aws4_request");
        let answer = reqwest::Client::new()
            .post(self.url())
            .header("x-amz-target", format!("AmazonSQS.{operation}"))
            .header(
                "authorization",
                format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"),
            )
            .header("content-type", "application/x-amz-json-1.0")
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        answer.json().await.unwrap()
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}
