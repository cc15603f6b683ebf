//! Reading the local bus, and letting go of what is older than it keeps.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, WriteRequest};
use event_store::Unavailable;

use super::{Ends, LocalBus, delivery, unavailable};

/// Entries are dropped this many at a time: a full batch of the store.
const DROPPED_TOGETHER: u64 = 25;

type Item = HashMap<String, AttributeValue>;

/// An entry the bus keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its place in the order of the bus, from 1 without gaps.
    pub position: u64,
    /// The receipt id.
    pub id: String,
    /// The event's name in upper snake case.
    pub detail_type: String,
    /// The whole entry as EventBridge delivers it: JSON on one line.
    pub entry: String,
}

impl LocalBus {
    /// Up to `limit` entries of a bus after a position, oldest first; fewer only at the end or when they are large.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later.
    pub async fn after(&self, bus: &str, position: u64, limit: i32) -> Result<Vec<Kept>, Unavailable> {
        let query = self
            .query(bus, "bus = :bus AND #position > :position")
            .expression_attribute_names("#position", "position")
            .expression_attribute_values(":position", AttributeValue::N(position.to_string()))
            .limit(limit);
        let answer = query.send().await.map_err(unavailable)?;
        answer
            .items
            .unwrap_or_default()
            .into_iter()
            .map(|item| decoded(&item))
            .collect()
    }

    /// The position of the newest entry; 0 when there is none.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later.
    pub async fn newest(&self, bus: &str) -> Result<u64, Unavailable> {
        Ok(self.at_end(bus, false).await?.unwrap_or(0))
    }

    /// The position of the entry with this receipt id, if it is still kept.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later.
    pub async fn position_of(&self, bus: &str, id: &str) -> Result<Option<u64>, Unavailable> {
        let Some(position) = delivery::position(id) else {
            return Ok(None);
        };
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .consistent_read(true)
            .key("bus", AttributeValue::S(bus.to_owned()))
            .key("position", AttributeValue::N(position.to_string()));
        let item = request.send().await.map_err(unavailable)?.item;
        let kept = item.map(|item| decoded(&item)).transpose()?;
        Ok(kept.filter(|kept| kept.id == id).map(|kept| kept.position))
    }

    pub(super) async fn read_ends(&self, bus: &str) -> Result<Ends, Unavailable> {
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
                    tracing::warn!(error = %unavailable(error), "the local bus keeps entries it could drop");
                    return;
                }
            }
        }
    }

    async fn at_end(&self, bus: &str, oldest: bool) -> Result<Option<u64>, Unavailable> {
        let query = self.query(bus, "bus = :bus").scan_index_forward(oldest).limit(1);
        let items = query.send().await.map_err(unavailable)?.items.unwrap_or_default();
        items.first().map(|item| Ok(decoded(item)?.position)).transpose()
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

fn decoded(item: &Item) -> Result<Kept, Unavailable> {
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
    let position = item
        .get("position")
        .and_then(|value| value.as_n().ok())
        .and_then(|digits| digits.parse().ok());
    let kept = || {
        Some(Kept {
            position: position?,
            id: text("id")?,
            detail_type: text("detail_type")?,
            entry: text("entry")?,
        })
    };
    kept().ok_or_else(|| Unavailable("an entry of the local bus cannot be read".into()))
}
