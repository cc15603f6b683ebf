//! The log table on DynamoDB: items inserted with PartiQL, the only write that can never overwrite.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::execute_statement::ExecuteStatementError;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, BatchStatementErrorCodeEnum, BatchStatementRequest};
use event_store::aws::failed;
use event_store::dynamodb::{DynamoItem, insert_statement, number, number_of};
use event_store::feed_reader::{CountedBlock, SummarisedCommits};
use event_store::{Backoff, StoreError};
use futures::stream::{self, StreamExt, TryStreamExt};
use futures::try_join;
use schema::{ProductId, Timestamp};
use ulid::Ulid;

use super::item::{self, BATCHES, BEGINNING, BLOCKS, DAYS, RUNS, keyed};
use super::{IndexBranch, IndexEnd, InitialKey, KeyRun, LogBatch, LogBeginning, LogIndexEntry, LogTable};

/// As errors name the table.
const STORE: &str = "the log table";

/// `DynamoDB` takes at most 25 statements in one batch.
const STATEMENTS: usize = 25;

/// Batches of statements in flight.
const AT_ONCE: usize = 8;

/// How often statements are sent before those that were not carried out count as an outage.
const ROUNDS: u32 = 8;

/// Between two attempts to send statements.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(20), longest: Duration::from_millis(1_300) };

/// Sequences are below 2^53 (`StoredCommit::sequence`).
const LAST: u64 = (1 << 53) - 1;

/// The log in one table of the shape [`super::LOG_TABLE`]. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DynamoLogTable {
    client: Client,
    table: String,
}

impl DynamoLogTable {
    /// The log in `table`.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Inserts an item; `false` if one has its key.
    async fn insert(&self, item: DynamoItem) -> Result<bool, StoreError> {
        insert(&self.client, &self.table, item).await
    }

    fn query(&self, partition: &str, condition: &str, bound: u64) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression(format!("pk = :pk AND sk {condition} :sk"))
            .expression_attribute_values(":pk", AttributeValue::S(partition.to_owned()))
            .expression_attribute_values(":sk", number(bound.min(LAST)))
    }

    /// Entries of one partition of an index, newest first.
    async fn newest_within(
        &self,
        (product, branch): (&ProductId, Option<u64>),
        at_most: u64,
        limit: usize,
    ) -> Result<Vec<LogIndexEntry>, StoreError> {
        let query = self.query(&item::index_of(product, branch), "<=", at_most).scan_index_forward(false);
        self.found(query, limit, |item| item::to_entry(&item)).await
    }

    /// Entries of one partition of an index, oldest first.
    async fn oldest_within(
        &self,
        (product, branch): (&ProductId, Option<u64>),
        (after, at_most): (u64, u64),
        limit: usize,
    ) -> Result<Vec<LogIndexEntry>, StoreError> {
        let (first, last) = (after.saturating_add(1), at_most.min(LAST));
        if first > last {
            return Ok(Vec::new());
        }
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":pk", AttributeValue::S(item::index_of(product, branch)))
            .expression_attribute_values(":first", number(first))
            .expression_attribute_values(":last", number(last));
        self.found(query, limit, |item| item::to_entry(&item)).await
    }

    /// The newest entries that count of an index with branches.
    async fn newest_of_branches(
        &self,
        product: &ProductId,
        branches: &[IndexBranch],
        at_most: u64,
        limit: usize,
    ) -> Result<Vec<LogIndexEntry>, StoreError> {
        let (mut found, mut at_most) = (Vec::new(), at_most);
        let partitions = branches.iter().rev().map(Some).chain([None]);
        for branch in partitions {
            let of = (product, branch.map(|branch| branch.at));
            found.extend(self.newest_within(of, at_most, limit - found.len()).await?);
            if found.len() >= limit {
                break;
            }
            at_most = branch.map_or(at_most, |branch| at_most.min(branch.from.saturating_sub(1)));
        }
        Ok(found)
    }

    async fn one_batch(&self, query: QueryFluentBuilder) -> Result<Option<LogBatch>, StoreError> {
        let answer = query.scan_index_forward(false).limit(1).send().await.map_err(failed(STORE))?;
        let item = answer.items.unwrap_or_default().into_iter().next();
        item.map(|item| item::to_batch(item).map_err(|error| error.of(STORE))).transpose()
    }

    /// What items a query finds, up to so many.
    async fn found<T>(
        &self,
        query: QueryFluentBuilder,
        limit: usize,
        read: impl Fn(DynamoItem) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let (mut found, mut from) = (Vec::new(), None);
        while found.len() < limit {
            let left = i32::try_from(limit - found.len()).unwrap_or(i32::MAX);
            let request = query.clone().limit(left).set_exclusive_start_key(from);
            let answer = request.send().await.map_err(failed(STORE))?;
            for item in answer.items.unwrap_or_default() {
                found.push(read(item).map_err(|error| error.of(STORE))?);
            }
            from = answer.last_evaluated_key;
            if from.is_none() {
                break;
            }
        }
        Ok(found)
    }

    /// Inserts entries in one request, and again those that were not carried out; answers with those that are there already.
    async fn insert_entries(&self, entries: Vec<LogIndexEntry>) -> Result<Vec<LogIndexEntry>, StoreError> {
        let (mut left, mut there) = (entries, Vec::new());
        let mut reason = String::new();
        for round in 1..=ROUNDS {
            let statements: Result<Vec<_>, _> = left.iter().map(|entry| self.statement(entry)).collect();
            let statements = statements.map_err(|error| StoreError::new(error.into()).of(STORE))?;
            let request = self.client.batch_execute_statement().set_statements(Some(statements));
            let answer = request.send().await.map_err(failed(STORE))?.responses.unwrap_or_default();
            if answer.len() != left.len() {
                return Err(StoreError::new("it does not answer for each statement".into()).of(STORE));
            }
            let mut again = Vec::new();
            for (entry, answer) in left.into_iter().zip(answer) {
                match answer.error {
                    None => {}
                    Some(error) if error.code == Some(BatchStatementErrorCodeEnum::DuplicateItem) => {
                        there.push(entry);
                    }
                    Some(error) => {
                        let code = error.code.as_ref().map_or("no code", |code| code.as_str());
                        reason = format!("{code}: {}", error.message.unwrap_or_default());
                        again.push(entry);
                    }
                }
            }
            if again.is_empty() {
                return Ok(there);
            }
            left = again;
            tokio::time::sleep(BACKOFF.pause(round)).await;
        }
        Err(StoreError::new(reason.into()).of(STORE))
    }

    fn statement(
        &self,
        entry: &LogIndexEntry,
    ) -> Result<BatchStatementRequest, aws_sdk_dynamodb::error::BuildError> {
        let (statement, parameters) = insert_statement(&self.table, item::of_entry(entry));
        BatchStatementRequest::builder().statement(statement).set_parameters(Some(parameters)).build()
    }

    /// Those of these entries, which are there, that differ from what is there.
    async fn different(&self, there: Vec<LogIndexEntry>) -> Result<Vec<LogIndexEntry>, StoreError> {
        // One read for each product and branch, of the span that its entries cover.
        let mut products: BTreeMap<(ProductId, Option<u64>), (u64, u64)> = BTreeMap::new();
        for entry in &there {
            let key = (entry.product.clone(), entry.branch);
            let (least, most) = products.entry(key).or_insert((entry.sequence, entry.sequence));
            (*least, *most) = ((*least).min(entry.sequence), (*most).max(entry.sequence));
        }
        let read = products.into_iter().map(|((product, branch), (least, most))| async move {
            self.oldest_within((&product, branch), (least.saturating_sub(1), most), usize::MAX).await
        });
        let found: Vec<Vec<LogIndexEntry>> = stream::iter(read).buffered(AT_ONCE).try_collect().await?;
        let key = |entry: &LogIndexEntry| (entry.product.clone(), entry.branch, entry.sequence);
        let found: BTreeMap<_, LogIndexEntry> =
            found.into_iter().flatten().map(|entry| (key(&entry), entry)).collect();
        let differs = |entry: &LogIndexEntry| found.get(&key(entry)).filter(|found| *found != entry).cloned();
        Ok(there.iter().filter_map(differs).collect())
    }
}

/// Inserts an item into a log table; `false` if one has its key.
pub(crate) async fn insert(client: &Client, table: &str, item: DynamoItem) -> Result<bool, StoreError> {
    let (statement, parameters) = insert_statement(table, item);
    let request = client.execute_statement().statement(statement).set_parameters(Some(parameters));
    match request.send().await {
        Ok(_) => Ok(true),
        Err(error)
            if error.as_service_error().is_some_and(ExecuteStatementError::is_duplicate_item_exception) =>
        {
            Ok(false)
        }
        Err(error) => Err(failed(STORE)(error)),
    }
}

#[async_trait]
impl LogTable for DynamoLogTable {
    async fn insert_batch(&self, batch: &LogBatch) -> Result<bool, StoreError> {
        self.insert(item::of_batch(batch)?).await
    }

    async fn insert_index(&self, entries: &[LogIndexEntry]) -> Result<Vec<LogIndexEntry>, StoreError> {
        let chunks: Vec<Vec<LogIndexEntry>> = entries.chunks(STATEMENTS).map(<[_]>::to_vec).collect();
        let inserts = chunks.into_iter().map(|chunk| self.insert_entries(chunk));
        let there: Vec<Vec<LogIndexEntry>> = stream::iter(inserts).buffered(AT_ONCE).try_collect().await?;
        self.different(there.into_iter().flatten().collect()).await
    }

    async fn insert_branches(&self, branches: &[IndexBranch]) -> Result<(), StoreError> {
        let items: Vec<DynamoItem> = branches.iter().map(item::of_branch).collect();
        let inserts = items.into_iter().map(|item| self.insert(item));
        let inserted: Result<Vec<bool>, StoreError> =
            stream::iter(inserts).buffered(AT_ONCE).try_collect().await;
        inserted.map(drop)
    }

    async fn branches(&self, product: &ProductId) -> Result<Vec<IndexBranch>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk >= :sk")
            .expression_attribute_values(":pk", AttributeValue::S(item::index_of(product, None)))
            .expression_attribute_values(":sk", number(item::BRANCHES_FROM));
        let found = self.found(query, usize::MAX, |item| item::to_branch(&item)).await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn index_end(&self, product: &ProductId) -> Result<IndexEnd, StoreError> {
        // Branches are behind all entries, so without any the newest item is the newest entry.
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(item::index_of(product, None)))
            .scan_index_forward(false);
        let Some(newest) = self.found(query, 1, Ok).await?.pop() else { return Ok(IndexEnd::default()) };
        let Some(branch) = item::to_branch(&newest).map_err(|error| error.of(STORE))? else {
            let newest = item::to_entry(&newest).map_err(|error| error.of(STORE))?;
            return Ok(IndexEnd { newest: Some(newest), branch: None });
        };
        let branches = self.branches(product).await?;
        let newest = self.newest_of_branches(product, &branches, LAST, 1).await?.pop();
        Ok(IndexEnd { newest, branch: Some(branch.at) })
    }

    async fn entries_at(&self, product: &ProductId, sequence: u64) -> Result<Vec<LogIndexEntry>, StoreError> {
        let branches = self.branches(product).await?;
        let mut found = Vec::new();
        for branch in [None].into_iter().chain(branches.iter().map(|branch| Some(branch.at))) {
            let within = (sequence.saturating_sub(1), sequence);
            found.extend(self.oldest_within((product, branch), within, 1).await?);
        }
        Ok(found)
    }

    async fn newest_batch(&self, from: u64) -> Result<Option<LogBatch>, StoreError> {
        self.one_batch(self.query(BATCHES, ">=", from)).await
    }

    async fn batch_at(&self, index: u64) -> Result<Option<LogBatch>, StoreError> {
        self.one_batch(self.query(BATCHES, "<=", index)).await
    }

    async fn batches(&self, from: u64, limit: usize) -> Result<Vec<LogBatch>, StoreError> {
        self.found(self.query(BATCHES, ">=", from), limit, item::to_batch).await
    }

    async fn newest_entries(
        &self,
        product: &ProductId,
        at_most: u64,
        limit: usize,
    ) -> Result<Vec<LogIndexEntry>, StoreError> {
        let (found, branches) =
            try_join!(self.newest_within((product, None), at_most, limit), self.branches(product))?;
        match &branches[..] {
            [] => Ok(found),
            branches => self.newest_of_branches(product, branches, at_most, limit).await,
        }
    }

    async fn entries_after(
        &self,
        product: &ProductId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<LogIndexEntry>, StoreError> {
        let all = (after, LAST);
        let (mut found, branches) =
            try_join!(self.oldest_within((product, None), all, limit), self.branches(product))?;
        if branches.is_empty() {
            return Ok(found);
        }
        // What a branch has passed does not count, and what counts of a later branch follows that of the earlier ones.
        let passed = |place: usize| branches[place..].iter().map(|by| by.from.saturating_sub(1)).min();
        found.retain(|entry| passed(0).is_none_or(|last| entry.sequence <= last));
        for (place, branch) in (1..).zip(&branches) {
            let within = (after, passed(place).unwrap_or(LAST));
            let missing = limit.saturating_sub(found.len());
            found.extend(self.oldest_within((product, Some(branch.at)), within, missing).await?);
        }
        Ok(found)
    }

    async fn insert_block(&self, block: &SummarisedCommits) -> Result<(), StoreError> {
        self.insert(item::of_block(block)?).await.map(drop)
    }

    async fn blocks(&self, from: u64, limit: usize) -> Result<Vec<SummarisedCommits>, StoreError> {
        self.found(self.query(BLOCKS, ">=", from), limit, item::to_block).await
    }

    async fn summarised(&self) -> Result<Option<u64>, StoreError> {
        let newest = self.query(BLOCKS, ">=", 0).scan_index_forward(false);
        Ok(self.found(newest, 1, item::to_block).await?.pop().map(|block| block.last))
    }

    async fn insert_counted(&self, block: &CountedBlock) -> Result<(), StoreError> {
        self.insert(item::of_counted(block)?).await.map(drop)
    }

    async fn counted(&self, from: u64, limit: usize) -> Result<Vec<CountedBlock>, StoreError> {
        self.found(self.query(DAYS, ">=", from), limit, item::to_counted).await
    }

    async fn newest_counted(&self) -> Result<Option<CountedBlock>, StoreError> {
        let newest = self.query(DAYS, ">=", 0).scan_index_forward(false);
        Ok(self.found(newest, 1, item::to_counted).await?.pop())
    }

    async fn insert_keys(&self, run: Ulid, chunk: u64, keys: &[InitialKey]) -> Result<(), StoreError> {
        self.insert(item::of_keys(run, chunk, keys)).await.map(drop)
    }

    async fn keys(&self, run: Ulid, chunk: u64) -> Result<Option<Vec<InitialKey>>, StoreError> {
        let query = self.query(&item::chunks_of(run), "=", chunk);
        Ok(self.found(query, 1, |item| item::to_keys(&item)).await?.pop())
    }

    async fn insert_run(&self, number: u64, run: &KeyRun) -> Result<bool, StoreError> {
        self.insert(item::of_run(number, run)?).await
    }

    async fn runs(&self) -> Result<Vec<KeyRun>, StoreError> {
        self.found(self.query(RUNS, ">=", 0), usize::MAX, |item| item::to_run(&item)).await
    }

    async fn beginning(&self) -> Result<Option<LogBeginning>, StoreError> {
        let answer = self.query(BEGINNING, ">=", 0).send().await.map_err(failed(STORE))?;
        let items = answer.items.unwrap_or_default();
        let at = |place: u64| items.iter().find(|item| number_of(item, "sk").is_ok_and(|sk| sk == place));
        let Some(begun) = at(0) else { return Ok(None) };
        let before = item::to_beginning(begun).map_err(|error| error.of(STORE))?;
        Ok(Some(LogBeginning { before, is_complete: at(1).is_some() }))
    }

    async fn begin(&self, before: Timestamp) -> Result<(), StoreError> {
        self.insert(item::of_beginning(before)).await.map(drop)
    }

    async fn complete_beginning(&self) -> Result<(), StoreError> {
        self.insert(keyed(BEGINNING, 1)).await.map(drop)
    }
}
