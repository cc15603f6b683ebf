//! Price histories on `DynamoDB`: a partition per product with an item for each commit that affects the price, in order, and
//! at the end a cursor item with the last commit folded without a price.

mod item;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use event_store::StoreError;
use event_store::aws::{condition_held, failed};
use futures::stream::{self, StreamExt, TryStreamExt};
use schema::ProductId;

use super::{CommitOrigin, FoldedCommit, FoldedHead, PriceHistory, PriceLog, ProductIdPage};
use crate::views::Generation;

/// How many items are removed concurrently.
const PARALLEL: usize = 16;

/// Items per request.
const PAGE: i32 = 1_000;

/// The table, in errors.
const TABLE: &str = "the price table";

/// The histories in a table of the shape [`crate::PRICES_TABLE`]. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DynamoPriceLog {
    client: Client,
    table: String,
}

impl DynamoPriceLog {
    /// The histories in `table`.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// The keys of a generation. Scans the whole table: a generation is not a partition.
    fn keys_of(&self, generation: Generation) -> ScanFluentBuilder {
        self.client
            .scan()
            .table_name(&self.table)
            .filter_expression("begins_with(#key, :generation)")
            .projection_expression("#key, #last")
            .expression_attribute_names("#key", item::KEY)
            .expression_attribute_names("#last", item::LAST)
            .expression_attribute_values(":generation", AttributeValue::S(format!("{generation}#")))
    }

    fn of_product(&self, generation: Generation, product: &ProductId) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#key = :key")
            .expression_attribute_names("#key", item::KEY)
            .expression_attribute_values(":key", AttributeValue::S(item::key(generation, product)))
    }

    /// Moves the cursor item to `to`: commits up to it are folded, the last of them without a price.
    async fn move_cursor(
        &self,
        generation: Generation,
        product: &ProductId,
        to: &FoldedCommit,
    ) -> Result<(), StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item::cursor_key(generation, product)))
            .condition_expression("attribute_not_exists(#folded) OR #folded < :to")
            .expression_attribute_names("#folded", item::FOLDED)
            .expression_attribute_values(":to", item::number(to.last));
        let request = match &to.origin {
            Some(CommitOrigin { hash, recorded_at }) => request
                .update_expression("SET #folded = :to, #hash = :hash, #recorded_at = :recorded_at")
                .expression_attribute_names("#hash", item::HASH)
                .expression_attribute_names("#recorded_at", item::RECORDED_AT)
                .expression_attribute_values(":hash", AttributeValue::S(hash.to_string()))
                .expression_attribute_values(":recorded_at", AttributeValue::S(recorded_at.to_string())),
            None => request.update_expression("SET #folded = :to"),
        };
        // If the condition does not hold, another projector has got further.
        condition_held(request.send().await, TABLE).map(drop)
    }

    async fn put(&self, item: item::PriceItem) -> Result<(), StoreError> {
        let request = self.client.put_item().table_name(&self.table).set_item(Some(item));
        request.send().await.map(drop).map_err(failed(TABLE))
    }

    /// Removes an item of a commit if it is still as it was read, and returns whether it was; `cursor` is the sequence the
    /// cursor item must have.
    async fn remove_as_seen(
        &self,
        key: item::PriceItem,
        cursor: Option<u64>,
        seen: &FoldedHead,
    ) -> Result<bool, StoreError> {
        let mut conditions = vec!["attribute_exists(#key)"];
        let mut request = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .expression_attribute_names("#key", item::KEY)
            .expression_attribute_names("#hash", item::HASH);
        if let Some(folded) = cursor {
            conditions.push("#folded = :folded");
            request = request
                .expression_attribute_names("#folded", item::FOLDED)
                .expression_attribute_values(":folded", item::number(folded));
        }
        if let Some(origin) = &seen.origin {
            conditions.push("#hash = :hash");
            request =
                request.expression_attribute_values(":hash", AttributeValue::S(origin.hash.to_string()));
        } else {
            conditions.push("attribute_not_exists(#hash)");
        }
        condition_held(request.condition_expression(conditions.join(" AND ")).send().await, TABLE)
    }

    async fn remove(&self, key: item::PriceItem) -> Result<(), StoreError> {
        let request = self.client.delete_item().table_name(&self.table).set_key(Some(key));
        request.send().await.map(drop).map_err(failed(TABLE))
    }
}

#[async_trait]
impl PriceLog for DynamoPriceLog {
    async fn newest(
        &self,
        generation: Generation,
        product: &ProductId,
    ) -> Result<Option<FoldedHead>, StoreError> {
        // The cursor item, if there is one, and the newest commit with a price.
        let request =
            self.of_product(generation, product).consistent_read(true).scan_index_forward(false).limit(2);
        let items = request.send().await.map_err(failed(TABLE))?.items.unwrap_or_default();
        let mut newest: Option<FoldedHead> = None;
        for found in &items {
            let found = item::newest(found).map_err(|error| error.of(TABLE))?;
            // Of two items with one sequence, the first: an interrupted repair removes the cursor item last.
            if newest.as_ref().is_none_or(|newest| found.last > newest.last) {
                newest = Some(found);
            }
        }
        Ok(newest)
    }

    async fn take_back(
        &self,
        generation: Generation,
        product: &ProductId,
        seen: &FoldedHead,
    ) -> Result<(), StoreError> {
        // Two items can have this sequence: remove the one that was read.
        let cursor = item::cursor_key(generation, product);
        if self.remove_as_seen(cursor, Some(seen.last), seen).await? {
            return Ok(());
        }
        self.remove_as_seen(item::commit_key(generation, product, seen.last), None, seen).await.map(drop)
    }

    async fn fold(
        &self,
        generation: Generation,
        product: &ProductId,
        commits: &[FoldedCommit],
    ) -> Result<(), StoreError> {
        for commit in commits.iter().filter(|commit| !commit.entries.is_empty()) {
            self.put(item::of(generation, product, commit)?).await?;
        }
        // Of commits without a price only the last is kept: a later commit with a price covers them too.
        match commits.last() {
            Some(last) if last.entries.is_empty() => self.move_cursor(generation, product, last).await,
            _ => Ok(()),
        }
    }

    async fn history(&self, generation: Generation, product: &ProductId) -> Result<PriceHistory, StoreError> {
        let query = self.of_product(generation, product).limit(PAGE);
        let mut history = PriceHistory::default();
        let mut from = None;
        loop {
            let answer = query.clone().set_exclusive_start_key(from).send().await;
            let answer = answer.map_err(failed(TABLE))?;
            for found in answer.items.unwrap_or_default() {
                let named = |error: StoreError| error.of(TABLE);
                history.folded = history.folded.max(item::folded(&found).map_err(named)?);
                history.entries.extend(item::entries(found).map_err(named)?);
            }
            from = answer.last_evaluated_key;
            if from.is_none() {
                break;
            }
        }
        history.entries.sort_by_key(|entry| entry.position);
        Ok(history)
    }

    async fn drop_generation(&self, generation: Generation) -> Result<u64, StoreError> {
        let scan = self.keys_of(generation).limit(PAGE);
        let (mut removed, mut from) = (0, None);
        loop {
            let answer = scan.clone().set_exclusive_start_key(from).send().await;
            let answer = answer.map_err(failed(TABLE))?;
            let keys = answer.items.unwrap_or_default();
            removed += keys.len() as u64;
            stream::iter(keys)
                .map(|key| self.remove(key))
                .buffer_unordered(PARALLEL)
                .try_collect::<()>()
                .await?;
            from = answer.last_evaluated_key;
            if from.is_none() {
                return Ok(removed);
            }
        }
    }

    /// A product is returned once for each of its items.
    async fn products(
        &self,
        generation: Generation,
        from: Option<String>,
        limit: usize,
    ) -> Result<ProductIdPage, StoreError> {
        let start = from.as_deref().map(item::start).transpose()?;
        let begin = format!("{generation}#");
        let scan = self
            .keys_of(generation)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(start);
        let answer = scan.send().await.map_err(failed(TABLE))?;
        let keys = answer.items.unwrap_or_default().into_iter();
        let keys =
            keys.filter_map(|item| item.get(item::KEY)?.as_s().ok()?.strip_prefix(&begin).map(str::to_owned));
        let mut ids: Vec<String> = keys.collect();
        ids.dedup();
        Ok(ProductIdPage { ids, next: answer.last_evaluated_key.as_ref().map(item::stop).transpose()? })
    }
}
