//! The local bus on DynamoDB: one item per entry, appended in transactions, deleted in batches.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, Put, TransactWriteItem, WriteRequest};
use event_store::StoreError;
use event_store::aws::describe;
use schema::Clock;
use tokio::sync::{Mutex, watch};

use super::delivery::{DeliveredEntry, delivered};
use super::{LocalBus, RETAINED, RetainedEntry};
use crate::bus::{Acceptance, Bus, BusEntry, BusError, EntryOutcome, Remedy, check_request};

/// As errors name the table.
const STORE: &str = "the bus table";

/// How often an append is tried when another writer takes its positions.
const MAX_ATTEMPTS: usize = 5;

/// How many entries are deleted together: a full batch of the store.
const DELETE_BATCH: u64 = 25;

type Item = HashMap<String, AttributeValue>;

/// Buses in one table, told apart by name.
pub struct DynamoBus {
    client: Client,
    table: String,
    clock: Clock,
    retained: u64,
    ends: Mutex<HashMap<String, Ends>>,
    appended: watch::Sender<u64>,
}

/// The oldest and the newest retained position of a bus; an empty bus has 1 and 0.
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
    /// The buses in `table`, which has the shape [`TABLE`](super::TABLE); `clock` sets the time of the entries.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>, clock: Clock) -> Self {
        Self {
            client,
            table: table.into(),
            clock,
            retained: RETAINED,
            ends: Mutex::default(),
            appended: watch::Sender::new(0),
        }
    }

    /// The same, retaining another number of entries per bus.
    #[must_use]
    pub fn retaining(self, retained: u64) -> Self {
        Self { retained, ..self }
    }

    async fn append(&self, bus: &str, entries: &[&BusEntry]) -> Result<Vec<EntryOutcome>, BusError> {
        // Held over the write, so that positions become visible in order.
        let mut all = self.ends.lock().await;
        for _ in 0..MAX_ATTEMPTS {
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
        Err(failed("other writers keep taking the positions of the bus".to_owned()))
    }

    fn puts(
        &self,
        bus: &str,
        first: u64,
        entries: &[&BusEntry],
    ) -> Result<(Vec<EntryOutcome>, Vec<TransactWriteItem>), BusError> {
        let (mut answers, mut puts) = (Vec::new(), Vec::new());
        for entry in entries {
            let position = first + puts.len() as u64;
            let DeliveredEntry { id, event_id, json } = match delivered(entry, (self.clock)()) {
                Ok(delivered) => delivered,
                Err(refusal) => {
                    answers.push(EntryOutcome::Refused(refusal));
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
            answers.push(EntryOutcome::Accepted(Acceptance::unnumbered(id)));
        }
        Ok((answers, puts))
    }

    /// Writes the items unless one of their positions is taken; whether it did.
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

    /// Deletes the oldest entries in batches, so that a full bus deletes once in 25 entries. What fails is deleted later.
    async fn trim(&self, bus: &str, ends: &mut Ends) {
        while (ends.newest + 1).saturating_sub(ends.oldest) >= self.retained + DELETE_BATCH {
            let deletes = (ends.oldest..ends.oldest + DELETE_BATCH).map(|position| delete(bus, position));
            let Ok(deletes) = deletes.collect::<Result<Vec<_>, _>>() else {
                return;
            };
            let request = self.client.batch_write_item().request_items(&self.table, deletes);
            match request.send().await {
                Ok(answer) if answer.unprocessed_items.as_ref().is_none_or(HashMap::is_empty) => {
                    ends.oldest += DELETE_BATCH;
                }
                Ok(_) => return,
                Err(error) => {
                    tracing::warn!(target: "ledger::publisher", error = %unavailable(error), "old entries of the local bus cannot be deleted");
                    return;
                }
            }
        }
    }

    async fn read_ends(&self, bus: &str) -> Result<Ends, StoreError> {
        let newest = self.newest(bus).await?;
        let oldest = self.at_end(bus, true).await?.unwrap_or(1);
        Ok(Ends { oldest, newest })
    }

    async fn at_end(&self, bus: &str, oldest: bool) -> Result<Option<u64>, StoreError> {
        let query = self.query(bus, "bus = :bus").scan_index_forward(oldest).limit(1);
        let items = query.send().await.map_err(unavailable)?.items.unwrap_or_default();
        Ok(items.first().and_then(position_in))
    }

    fn query(&self, bus: &str, condition: &str) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression(condition)
            .expression_attribute_values(":bus", AttributeValue::S(bus.to_owned()))
    }
}

#[async_trait]
impl Bus for DynamoBus {
    async fn put(&self, entries: &[BusEntry]) -> Result<Vec<EntryOutcome>, BusError> {
        check_request(entries)?;
        let mut answers: Vec<Option<EntryOutcome>> = vec![None; entries.len()];
        for (bus, indexes) in by_bus(entries) {
            let of_bus: Vec<&BusEntry> = indexes.iter().map(|index| &entries[*index]).collect();
            let answers_of_bus = self.append(bus, &of_bus).await?;
            for (index, answer) in indexes.into_iter().zip(answers_of_bus) {
                answers[index] = Some(answer);
            }
        }
        Ok(answers.into_iter().flatten().collect())
    }
}

#[async_trait]
impl LocalBus for DynamoBus {
    async fn after(&self, bus: &str, position: u64, limit: u16) -> Result<Vec<RetainedEntry>, StoreError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let query = self
            .query(bus, "bus = :bus AND #position > :position")
            .expression_attribute_names("#position", "position")
            .expression_attribute_values(":position", AttributeValue::N(position.to_string()))
            .limit(limit.into());
        let answer = query.send().await.map_err(unavailable)?;
        answer.items.unwrap_or_default().into_iter().map(|item| decoded(&item)).collect()
    }

    async fn newest(&self, bus: &str) -> Result<u64, StoreError> {
        Ok(self.at_end(bus, false).await?.unwrap_or(0))
    }

    async fn position_of(&self, bus: &str, event_id: &str) -> Result<Option<u64>, StoreError> {
        let request = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by_event")
            .key_condition_expression("bus_event = :event")
            .expression_attribute_values(":event", AttributeValue::S(bus_event(bus, event_id)))
            .limit(1);
        let items = request.send().await.map_err(unavailable)?.items.unwrap_or_default();
        Ok(items.first().and_then(position_in))
    }

    fn appended(&self) -> watch::Receiver<u64> {
        self.appended.subscribe()
    }
}

/// The indexes of each bus's entries, in order.
fn by_bus(entries: &[BusEntry]) -> Vec<(&str, Vec<usize>)> {
    let mut buses: Vec<(&str, Vec<usize>)> = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        match buses.iter_mut().find(|(bus, _)| *bus == entry.bus) {
            Some((_, indexes)) => indexes.push(index),
            None => buses.push((&entry.bus, vec![index])),
        }
    }
    buses
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

/// The key by which the entries of an event are found; a replay appends more of them.
fn bus_event(bus: &str, event_id: &str) -> String {
    format!("{bus}#{event_id}")
}

fn delete(bus: &str, position: u64) -> Result<WriteRequest, BuildError> {
    let request = DeleteRequest::builder()
        .key("bus", AttributeValue::S(bus.to_owned()))
        .key("position", AttributeValue::N(position.to_string()))
        .build()?;
    Ok(WriteRequest::builder().delete_request(request).build())
}

fn position_in(item: &Item) -> Option<u64> {
    item.get("position")?.as_n().ok()?.parse().ok()
}

fn decoded(item: &Item) -> Result<RetainedEntry, StoreError> {
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
    let retained = || {
        let event_id = text("bus_event")?.strip_prefix(text("bus")?.as_str())?.strip_prefix('#')?;
        Some(RetainedEntry {
            position: position_in(item)?,
            event_id: event_id.to_owned(),
            detail_type: text("detail_type")?.clone(),
            entry: text("entry")?.clone(),
        })
    };
    retained().ok_or_else(|| {
        let position = item.get("position").and_then(|value| value.as_n().ok()).map_or("", String::as_str);
        let bus = text("bus").map_or("", String::as_str);
        let reason = format!("the row {bus:?}, {position} cannot be read: it is no entry of the local bus");
        StoreError::unreadable(reason.into()).of(STORE)
    })
}
