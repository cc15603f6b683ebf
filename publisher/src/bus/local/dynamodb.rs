//! The local bus on DynamoDB: one item per entry, appended by transactions.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use event_store::StoreError;
use event_store::aws::describe;
use schema::Clock;
use tokio::sync::{Mutex, watch};

use super::{Delivered, KEPT, by_bus, delivered};
use crate::bus::{Answer, Bus, BusError, Entry, Remedy, is_sendable};

mod kept;

/// How often another writer may take the positions before the bus counts as unusable.
const ROUNDS: usize = 5;

/// Buses in one table, told apart by name.
pub struct DynamoBus {
    client: Client,
    table: String,
    clock: Clock,
    kept: u64,
    ends: Mutex<HashMap<String, Ends>>,
    appended: watch::Sender<u64>,
}

/// The oldest and the newest position of a bus that are kept; an empty bus has 1 and 0.
#[derive(Debug, Clone, Copy)]
struct Ends {
    oldest: u64,
    newest: u64,
}

impl std::fmt::Debug for DynamoBus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DynamoBus").field("table", &self.table).finish_non_exhaustive()
    }
}

impl DynamoBus {
    /// The buses in `table`, which has the shape [`TABLE`]; `clock` gives the entries their time.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>, clock: Clock) -> Self {
        Self {
            client,
            table: table.into(),
            clock,
            kept: KEPT,
            ends: Mutex::default(),
            appended: watch::Sender::new(0),
        }
    }

    /// The same, keeping another number of entries per bus.
    #[must_use]
    pub fn keeping(self, kept: u64) -> Self {
        Self { kept, ..self }
    }

    async fn append(&self, bus: &str, entries: &[&Entry]) -> Result<Vec<Answer>, BusError> {
        // Held over the write: positions become visible in order.
        let mut all = self.ends.lock().await;
        for _ in 0..ROUNDS {
            let mut ends = match all.remove(bus) {
                Some(known) => known,
                None => self.read_ends(bus).await.map_err(|error| failed(error.to_string()))?,
            };
            let (answers, puts) = self.puts(bus, ends.newest + 1, entries)?;
            ends.newest += puts.len() as u64;
            if puts.is_empty() || self.write(puts).await? {
                self.trim(bus, &mut ends).await;
                all.insert(bus.to_owned(), ends);
                self.appended.send_modify(|count| *count += 1);
                return Ok(answers);
            }
        }
        Err(failed("other writers take the positions of the bus".to_owned()))
    }

    fn puts(
        &self,
        bus: &str,
        first: u64,
        entries: &[&Entry],
    ) -> Result<(Vec<Answer>, Vec<TransactWriteItem>), BusError> {
        let (mut answers, mut puts) = (Vec::new(), Vec::new());
        for entry in entries {
            let position = first + puts.len() as u64;
            let Delivered { id, event_id, json } = match delivered(entry, (self.clock)()) {
                Ok(delivered) => delivered,
                Err(refusal) => {
                    answers.push(Answer::Refused(refusal));
                    continue;
                }
            };
            let put = Put::builder()
                .table_name(&self.table)
                .item("bus", AttributeValue::S(bus.to_owned()))
                .item("position", AttributeValue::N(position.to_string()))
                .item("bus_event", AttributeValue::S(bus_event(bus, &event_id)))
                .item("detail_type", AttributeValue::S(entry.detail_type.clone()))
                .item("entry", AttributeValue::S(json))
                .condition_expression("attribute_not_exists(bus)")
                .build()
                .map_err(|error| failed(error.to_string()))?;
            puts.push(TransactWriteItem::builder().put(put).build());
            answers.push(Answer::Accepted { receipt_id: id });
        }
        Ok((answers, puts))
    }

    /// Whether the positions were free.
    async fn write(&self, puts: Vec<TransactWriteItem>) -> Result<bool, BusError> {
        let request = self.client.transact_write_items().set_transact_items(Some(puts));
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(_)) => Ok(false),
                _ => Err(failed(describe(&error))),
            },
        }
    }
}

#[async_trait]
impl Bus for DynamoBus {
    async fn put(&self, entries: &[Entry]) -> Result<Vec<Answer>, BusError> {
        is_sendable(entries)?;
        let mut answers: Vec<Option<Answer>> = vec![None; entries.len()];
        for (bus, places) in by_bus(entries) {
            let of_bus: Vec<&Entry> = places.iter().map(|place| &entries[*place]).collect();
            let given = self.append(bus, &of_bus).await?;
            for (place, answer) in places.into_iter().zip(given) {
                answers[place] = Some(answer);
            }
        }
        Ok(answers.into_iter().flatten().collect())
    }
}

fn failed(message: String) -> BusError {
    BusError::new(Remedy::SendAgain, "InternalFailure", message)
}

#[expect(clippy::needless_pass_by_value, reason = "that is how `map_err` gives it")]
fn unavailable<E>(error: SdkError<E>) -> StoreError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    StoreError::new(describe(&error).into())
}

/// The key of an event's entries on a bus: a replay puts the same event there again.
fn bus_event(bus: &str, event_id: &str) -> String {
    format!("{bus}#{event_id}")
}
