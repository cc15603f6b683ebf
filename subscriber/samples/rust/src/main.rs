//! A price list in a table of its own, made from the events of a product ledger: each event has its effect once and in order.
//!
//! The handler `receive` takes what the queue delivers, and `catch-up`, on a schedule, what never came. `{"retry": PRODUCT}` goes on with a
//! parked product.

mod access_token;
mod log;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use ledger_subscriber::dynamodb::DynamoStore;
use ledger_subscriber::messages::ProductStatus;
use ledger_subscriber::{CannotApply, Failure, HttpLedger, Inbox, LedgerEvent, Outcome};
use serde_json::{Value, json};

use crate::access_token::AccessToken;

/// What catching up leaves of the function's time.
const SPARE: Duration = Duration::from_secs(30);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let list = &PriceList::from_environment().await?;
    match set("_HANDLER")?.as_str() {
        "receive" => {
            lambda_runtime::run(service_fn(|event: LambdaEvent<SqsEvent>| list.receive(event.payload))).await
        }
        "catch-up" => {
            lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async move {
                list.catch_up(&event.payload, Duration::from_millis(event.context.deadline)).await
            }))
            .await
        }
        other => Err(format!("there is no handler {other}").into()),
    }
}

/// The inbox, and the table of the prices.
struct PriceList {
    inbox: Inbox<DynamoStore, HttpLedger>,
    prices: String,
    namespace: String,
    service: String,
}

impl PriceList {
    async fn from_environment() -> Result<Self, Error> {
        let aws = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
        let secrets = aws_sdk_secretsmanager::Client::new(&aws);
        let token = Arc::new(AccessToken::new(secrets, set("TOKEN_URL")?, set("CREDENTIALS")?));
        let ledger = HttpLedger::new(set("LEDGER_URL")?).token_from(move || {
            let token = Arc::clone(&token);
            async move { token.get().await }
        });
        let store = DynamoStore::new(aws_sdk_dynamodb::Client::new(&aws), set("INBOX_TABLE")?);
        Ok(Self {
            // Whoever waits for a late event in a function is billed for it, and the ledger has the event already.
            inbox: Inbox::new(store, ledger).wait(Duration::ZERO),
            prices: set("PRICES_TABLE")?,
            namespace: set("METRICS_NAMESPACE")?,
            service: set("SERVICE_NAME")?,
        })
    }

    /// The row of the product, written in the transaction that marks the event as applied.
    fn apply(&self, event: &LedgerEvent, tx: &mut Vec<TransactWriteItem>) -> Result<(), Failure> {
        let product = event.message()?.product.ok_or_else(|| CannotApply("it has no product".into()))?;
        let text = AttributeValue::S;
        let write = if product.status == ProductStatus::Active {
            let put = Put::builder().table_name(&self.prices).item("id", text(product.id));
            let put = put.item("name", text(product.name)).item("price", text(product.price));
            TransactWriteItem::builder().put(put.item("currency", text(product.currency)).build()?)
        } else {
            let delete = Delete::builder().table_name(&self.prices).key("id", text(product.id));
            TransactWriteItem::builder().delete(delete.build()?)
        };
        tx.push(write.build());
        Ok(())
    }

    /// Takes a batch of the queue; answers which messages have to be delivered again.
    async fn receive(&self, event: SqsEvent) -> Result<SqsBatchResponse, Error> {
        let mut counts = BTreeMap::new();
        let mut again = SqsBatchResponse::default();
        let apply = |event: &LedgerEvent, tx: &mut Vec<TransactWriteItem>| self.apply(event, tx);
        for message in event.records {
            let outcome = self.inbox.receive(&message.body.unwrap_or_default(), &apply).await;
            match outcome {
                Ok(outcome) => *counts.entry(name(outcome)).or_default() += 1,
                Err(error) => {
                    let id = message.message_id.unwrap_or_default();
                    let rest = json!({ "message_id": id, "error": error.to_string() });
                    log::line("ERROR", "The message was not taken", rest);
                    let mut failure = BatchItemFailure::default();
                    failure.item_identifier = id;
                    again.batch_item_failures.push(failure);
                }
            }
        }
        log::counts(&self.namespace, &self.service, now(), &counts.into_iter().collect::<Vec<_>>());
        Ok(again)
    }

    /// Follows the ledger's feed to its end, or as far as the time allows.
    /// `deadline` counts from 1970.
    async fn catch_up(&self, event: &Value, deadline: Duration) -> Result<Value, Error> {
        let apply = |event: &LedgerEvent, tx: &mut Vec<TransactWriteItem>| self.apply(event, tx);
        if let Some(product) = event["retry"].as_str() {
            let outcome = self.inbox.retry(product, &apply).await?;
            return Ok(json!({ "outcome": name(outcome) }));
        }
        let time = deadline.saturating_sub(now()).saturating_sub(SPARE);
        // What is dropped half-way is a transaction that was made or was not, so the next call goes on.
        let passed = tokio::time::timeout(time, self.inbox.catch_up(&apply)).await;
        let commits = passed.ok().transpose()?;
        let parked = self.inbox.parked().await?;
        for (product, parking) in &parked {
            let rest = json!({ "product": product, "sequence": parking.sequence, "reason": parking.reason });
            log::line("ERROR", "A product is parked", rest);
        }
        let mut counts = vec![("parked_products", parked.len())];
        counts.extend(commits.map(|_| ("caught_up", 1)));
        log::counts(&self.namespace, &self.service, now(), &counts);
        let message = if commits.is_some() { "Caught up" } else { "Goes on at the next call" };
        log::line("INFO", message, json!({ "commits": commits }));
        Ok(json!({ "commits": commits, "at_end": commits.is_some(), "parked": parked.len() }))
    }
}

fn name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Applied => "applied",
        Outcome::Seen => "seen",
        Outcome::Parked => "parked",
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the deadline of a function and the times of metrics are those of the clock"
)]
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn set(name: &str) -> Result<String, Error> {
    std::env::var(name).map_err(|error| format!("{name}: {error}").into())
}
