//! The whole system in this process, called like the functions of a deployment, recording metrics in CloudWatch's
//! format.

use std::time::Duration;

use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use engine::Engine;
use engine::probe::{Faults, RequestRecorder};
use lambda::Emf;
use schema::settings::Settings;
use schema::{Orders, StoredCommit, Timestamp, fixtures};
use serde_json::Value;
use server::backend::Backend;
use server::system::{System, create_tables};
use tokio::sync::watch;
use tower::ServiceExt;
use web::{ClockAndIds, finish};

pub const MINUTE: Duration = Duration::from_mins(1);

pub struct World {
    pub emf: Emf,
    pub faults: Faults,
    pub wire: RequestRecorder,
    pub system: System,
    pub config: aws_config::SdkConfig,
    routes: Router,
    _stop: watch::Sender<bool>,
    _engine: Engine,
}

impl World {
    /// An empty ledger; what it does is recorded in `emf` where the caller installs it.
    pub async fn new(emf: &Emf) -> Self {
        Self::keeping(emf, &Orders::default().to_string()).await
    }

    /// The same, with these orders alone.
    pub async fn keeping(emf: &Emf, orders: &str) -> Self {
        let engine = Engine::in_memory().unwrap();
        let (config, faults) = Faults::inject(&engine.sdk_config());
        let (config, wire) = RequestRecorder::record(&config);
        let settings = Settings::read(|name| (name == "LEDGER_ORDERS").then(|| orders.to_owned())).unwrap();
        create_tables(&config, &settings).await.unwrap();
        let clock_and_ids = ClockAndIds::system();
        let (stop, stopping) = watch::channel(false);
        let backend = Backend::on_dynamodb(&config, &settings.tables, &settings.orders, &clock_and_ids.clock);
        let system = System::new(backend, None, settings, clock_and_ids.clone());
        let routes = finish(system.routes(stopping), clock_and_ids);
        wire.clear();
        Self { emf: emf.clone(), faults, wire, system, config, routes, _stop: stop, _engine: engine }
    }

    /// Sends a request: its status and JSON.
    pub async fn send(&self, method: &str, path: &str, key: Option<&str>, body: &str) -> (u16, Value) {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = self.routes.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 1_000_000).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// What the stream says of a product's commits, under an event name.
    pub async fn records(&self, product: &str, name: &str) -> Event {
        let commits = self.system.journal.page(&fixtures::id(product), 0, 1_000).await.unwrap();
        let mut event = Event::default();
        event.records = commits.iter().enumerate().map(|(n, commit)| record(n, commit, name)).collect();
        event
    }

    pub async fn project(&self, event: Event) {
        assert!(self.system.projector.project(event).await.batch_item_failures.is_empty());
    }

    pub async fn publish(&self, event: Event) {
        assert!(self.system.publisher.publish(event, MINUTE).await.batch_item_failures.is_empty());
    }

    /// The lines of what was recorded since the last look, each checked against the specification.
    pub fn lines(&self) -> Vec<Value> {
        let schema = serde_json::from_str(include_str!("emf.schema.json")).unwrap();
        let lines = self.emf.lines(Timestamp::EPOCH);
        let lines: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        for line in &lines {
            assert!(jsonschema::is_valid(&schema, line), "{line}");
            for directive in line["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
                for dimension in directive["Dimensions"][0].as_array().unwrap() {
                    let value = line[dimension.as_str().unwrap()].as_str().unwrap();
                    assert!((1..=1024).contains(&value.len()), "{dimension} in {line}");
                }
                for metric in directive["Metrics"].as_array().unwrap() {
                    let value = &line[metric["Name"].as_str().unwrap()];
                    let list = value.as_array().is_some_and(|list| (1..=100).contains(&list.len()));
                    assert!(value.is_number() || list, "{metric} in {line}");
                }
            }
        }
        lines
    }
}

/// The sum of a metric over the lines in which these labels have these values.
pub fn sum(lines: &[Value], name: &str, labels: &[(&str, &str)]) -> f64 {
    let fits = |line: &&Value| labels.iter().all(|(label, value)| line[*label] == *value);
    let values = lines.iter().filter(fits).map(|line| match &line[name] {
        Value::Array(list) => list.iter().filter_map(Value::as_f64).sum(),
        one => one.as_f64().unwrap_or_default(),
    });
    values.sum()
}

/// How many values of a distribution are in the lines.
pub fn count(lines: &[Value], name: &str, labels: &[(&str, &str)]) -> usize {
    let fits = |line: &&Value| labels.iter().all(|(label, value)| line[*label] == *value);
    lines.iter().filter(fits).filter_map(|line| line[name].as_array()).map(Vec::len).sum()
}

fn record(n: usize, commit: &StoredCommit, name: &str) -> EventRecord {
    let item = event_store::dynamodb::to_item(commit).unwrap();
    let mut record = EventRecord::default();
    name.clone_into(&mut record.event_name);
    record.change.sequence_number = Some(n.to_string());
    record.change.keys = serde_dynamo::Item::from(
        item.iter()
            .filter(|(name, _)| ["product_id", "sequence"].contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect::<std::collections::HashMap<_, _>>(),
    );
    record.change.new_image = item.into();
    record
}
