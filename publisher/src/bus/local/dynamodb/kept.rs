//! Reading the local bus, and letting go of what is older than it keeps.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, WriteRequest};
use event_store::StoreError;

use async_trait::async_trait;
use tokio::sync::watch;

use super::{DynamoBus, Ends, bus_event, unavailable};
use crate::bus::local::{Kept, LocalBus};

/// Entries are dropped this many at a time: a full batch of the store.
const DROPPED_TOGETHER: u64 = 25;

type Item = HashMap<String, AttributeValue>;

#[async_trait]
impl LocalBus for DynamoBus {
    async fn after(&self, bus: &str, position: u64, limit: u16) -> Result<Vec<Kept>, StoreError> {
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

impl DynamoBus {
    pub(super) async fn read_ends(&self, bus: &str) -> Result<Ends, StoreError> {
        let newest = self.newest(bus).await?;
        let oldest = self.at_end(bus, true).await?.unwrap_or(1);
        Ok(Ends { oldest, newest })
    }

    /// Drops the oldest entries in batches, so that a full bus drops once in 25 entries. A failure is made up for later.
    pub(super) async fn trim(&self, bus: &str, ends: &mut Ends) {
        while (ends.newest + 1).saturating_sub(ends.oldest) >= self.kept + DROPPED_TOGETHER {
            let deletes = (ends.oldest..ends.oldest + DROPPED_TOGETHER).map(|position| delete(bus, position));
            let Ok(deletes) = deletes.collect::<Result<Vec<_>, _>>() else {
                return;
            };
            let request = self.client.batch_write_item().request_items(&self.table, deletes);
            match request.send().await {
                Ok(answer) if answer.unprocessed_items.as_ref().is_none_or(HashMap::is_empty) => {
                    ends.oldest += DROPPED_TOGETHER;
                }
                Ok(_) => return,
                Err(error) => {
                    tracing::warn!(target: "ledger::publisher", error = %unavailable(error), "the local bus keeps entries it could drop");
                    return;
                }
            }
        }
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

fn delete(bus: &str, position: u64) -> Result<WriteRequest, aws_sdk_dynamodb::error::BuildError> {
    let request = DeleteRequest::builder()
        .key("bus", AttributeValue::S(bus.to_owned()))
        .key("position", AttributeValue::N(position.to_string()))
        .build()?;
    Ok(WriteRequest::builder().delete_request(request).build())
}

fn position_in(item: &Item) -> Option<u64> {
    item.get("position")?.as_n().ok()?.parse().ok()
}

fn decoded(item: &Item) -> Result<Kept, StoreError> {
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
    let kept = || {
        let event_id = text("bus_event")?.strip_prefix(text("bus")?.as_str())?.strip_prefix('#')?;
        Some(Kept {
            position: position_in(item)?,
            event_id: event_id.to_owned(),
            detail_type: text("detail_type")?.clone(),
            entry: text("entry")?.clone(),
        })
    };
    kept().ok_or_else(|| StoreError::new("an entry of the local bus cannot be read".into()))
}
