//! An inbox's memory in a table of `DynamoDB`: the cursor moves in the transaction that has the writes of `apply`.
//!
//! The table has the keys `pk` and `sk` (both S) and may have a TTL on `expires`. It has no more than the inbox in it. The items are
//! those of the packages in Python and TypeScript.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem, Update};

use crate::apply::{Apply, Failure};
use crate::error::InboxError;
use crate::event::{Cursor, LedgerEvent};
use crate::store::{FeedPosition, Parking, Store};

/// The most writes of an event: a transaction takes 100, one of which moves the cursor.
pub const MOST_WRITES: usize = 99;

/// How long an event that came early is kept.
const HELD: Duration = Duration::from_hours(14 * 24);
const CURSOR: &str = "cursor";
const PARKED: &str = "parked";

type Item = HashMap<String, AttributeValue>;

/// The items of a table. `apply` gets a list and appends writes of `TransactWriteItems` to it.
#[derive(Debug, Clone)]
pub struct DynamoStore {
    client: Client,
    table: String,
}

impl DynamoStore {
    /// The items of this table.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    async fn get(&self, key: Item) -> Result<Option<Item>, Failure> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key)).consistent_read(true);
        Ok(get.send().await?.item)
    }

    async fn put(&self, item: Item) -> Result<(), Failure> {
        self.client.put_item().table_name(&self.table).set_item(Some(item)).send().await?;
        Ok(())
    }

    /// Whether the transaction was made; it was not for one of these reasons of its first write.
    async fn transact(&self, items: Vec<TransactWriteItem>, expected: &[&str]) -> Result<bool, Failure> {
        let Err(error) = self.client.transact_write_items().set_transact_items(Some(items)).send().await
        else {
            return Ok(true);
        };
        let first = match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
                canceled.cancellation_reasons().first().and_then(|reason| reason.code())
            }
            _ => None,
        };
        if first.is_some_and(|code| expected.contains(&code)) {
            return Ok(false);
        }
        Err(error.into())
    }

    /// The update of the item that has a product's cursor and its parking.
    fn update(&self, product: &str, expression: &str) -> aws_sdk_dynamodb::types::builders::UpdateBuilder {
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(key(product, CURSOR)))
            .update_expression(expression)
            .expression_attribute_names("#reason", "reason")
    }

    fn advanced(&self, before: Option<&Cursor>, event: &LedgerEvent) -> Result<TransactWriteItem, Failure> {
        let after = event.cursor();
        let stands = match before {
            None => "attribute_not_exists(#sequence)",
            Some(_) => "#sequence = :was and #event = :was_event",
        };
        let mut update = self
            .update(event.product_id(), "set #sequence = :sequence, #event = :event, #hash = :hash")
            .condition_expression(format!("attribute_not_exists(#reason) and {stands}"))
            .expression_attribute_names("#sequence", "sequence")
            .expression_attribute_names("#event", "event_id")
            .expression_attribute_names("#hash", "hash")
            .expression_attribute_values(":sequence", n(after.sequence))
            .expression_attribute_values(":event", s(&after.event_id))
            .expression_attribute_values(":hash", s(&after.hash));
        if let Some(before) = before {
            update = update
                .expression_attribute_values(":was", n(before.sequence))
                .expression_attribute_values(":was_event", s(&before.event_id));
        }
        Ok(TransactWriteItem::builder().update(update.build()?).build())
    }
}

impl Store for DynamoStore {
    type Tx = Vec<TransactWriteItem>;

    async fn cursor(&self, product: &str) -> Result<Option<Cursor>, Failure> {
        let Some(item) = self.get(key(product, CURSOR)).await?.filter(|item| item.contains_key("sequence"))
        else {
            return Ok(None);
        };
        let (event_id, hash) = (text(&item, "event_id")?, text(&item, "hash")?);
        Ok(Some(Cursor { sequence: number(&item, "sequence")?, event_id, hash }))
    }

    async fn parking(&self, product: &str) -> Result<Option<Parking>, Failure> {
        self.get(key(product, CURSOR)).await?.as_ref().map_or(Ok(None), parking)
    }

    async fn advance<A: Apply<Self::Tx>>(
        &self,
        before: Option<&Cursor>,
        event: &LedgerEvent,
        apply: &A,
    ) -> Result<bool, InboxError> {
        let mut writes = Vec::new();
        apply.apply(event, &mut writes).await.map_err(InboxError::Apply)?;
        if writes.len() > MOST_WRITES {
            let (has, most) = (writes.len(), MOST_WRITES);
            let many = format!("an event has {has} writes; a transaction takes {most} beside the cursor");
            return Err(InboxError::Apply(many.into()));
        }
        writes.insert(0, self.advanced(before, event).map_err(InboxError::Store)?);
        // The first reason is the cursor's. A condition of `apply` that fails is its own to explain.
        let moved = self.transact(writes, &["ConditionalCheckFailed", "TransactionConflict"]).await;
        moved.map_err(InboxError::Store)
    }

    async fn hold(&self, event: &LedgerEvent) -> Result<(), Failure> {
        let mut item = key(event.product_id(), &held(event.sequence()));
        item.insert("event".into(), s(&event.json().to_string()));
        item.insert("expires".into(), n(expires()));
        self.put(item).await
    }

    async fn held(&self, product: &str, sequence: u64) -> Result<Option<LedgerEvent>, Failure> {
        match self.get(key(product, &held(sequence))).await? {
            Some(item) => Ok(Some(LedgerEvent::try_from(&text(&item, "event")?)?)),
            None => Ok(None),
        }
    }

    async fn park(&self, product: &str, parking: Parking) -> Result<(), Failure> {
        let update = self
            .update(product, "set parked_at = :sequence, #reason = :reason")
            .condition_expression("attribute_not_exists(#reason)")
            .expression_attribute_values(":sequence", n(parking.sequence))
            .expression_attribute_values(":reason", s(&parking.reason));
        let mut listed = item(PARKED, product);
        listed.insert("parked_at".into(), n(parking.sequence));
        listed.insert("reason".into(), s(&parking.reason));
        let put = Put::builder().table_name(&self.table).set_item(Some(listed));
        let items = vec![
            TransactWriteItem::builder().update(update.build()?).build(),
            TransactWriteItem::builder().put(put.build()?).build(),
        ];
        self.transact(items, &["ConditionalCheckFailed"]).await?;
        Ok(())
    }

    async fn release(&self, product: &str) -> Result<(), Failure> {
        let update = self.update(product, "remove parked_at, #reason");
        let delete = Delete::builder().table_name(&self.table).set_key(Some(item(PARKED, product)));
        let items = vec![
            TransactWriteItem::builder().update(update.build()?).build(),
            TransactWriteItem::builder().delete(delete.build()?).build(),
        ];
        self.transact(items, &[]).await?;
        Ok(())
    }

    async fn parked(&self) -> Result<BTreeMap<String, Parking>, Failure> {
        let (mut found, mut start) = (BTreeMap::new(), None);
        loop {
            let query = self.client.query().table_name(&self.table).key_condition_expression("pk = :parked");
            let query = query.expression_attribute_values(":parked", s(PARKED)).consistent_read(true);
            let page = query.set_exclusive_start_key(start).send().await?;
            for item in page.items() {
                if let Some(parking) = parking(item)? {
                    found.insert(text(item, "sk")?, parking);
                }
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(found);
            }
        }
    }

    async fn position(&self) -> Result<Option<FeedPosition>, Failure> {
        match self.get(item("feed", "position")).await? {
            Some(item) => {
                Ok(Some(FeedPosition { position: number(&item, "position")?, hash: text(&item, "hash")? }))
            }
            None => Ok(None),
        }
    }

    async fn follow(&self, position: FeedPosition) -> Result<(), Failure> {
        let mut item = item("feed", "position");
        item.insert("position".into(), n(position.position));
        item.insert("hash".into(), s(&position.hash));
        self.put(item).await
    }
}

/// The key of an item of a product.
fn key(product: &str, sort: &str) -> Item {
    item(&format!("product#{product}"), sort)
}

fn item(part: &str, sort: &str) -> Item {
    HashMap::from([("pk".to_owned(), s(part)), ("sk".to_owned(), s(sort))])
}

fn held(sequence: u64) -> String {
    format!("held#{sequence:020}")
}

#[expect(clippy::disallowed_methods, reason = "DynamoDB compares it with its clock")]
fn expires() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (now + HELD).as_secs()
}

fn parking(item: &Item) -> Result<Option<Parking>, Failure> {
    if !item.contains_key("reason") {
        return Ok(None);
    }
    Ok(Some(Parking { sequence: number(item, "parked_at")?, reason: text(item, "reason")? }))
}

fn text(item: &Item, name: &str) -> Result<String, Failure> {
    let text = item.get(name).and_then(|value| value.as_s().ok());
    text.cloned().ok_or_else(|| format!("an item of the inbox has no text {name}").into())
}

fn number<N: std::str::FromStr>(item: &Item, name: &str) -> Result<N, Failure> {
    let number = item.get(name).and_then(|value| value.as_n().ok()).and_then(|number| number.parse().ok());
    number.ok_or_else(|| format!("an item of the inbox has no number {name}").into())
}

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn n(number: impl Into<i128>) -> AttributeValue {
    AttributeValue::N(number.into().to_string())
}
