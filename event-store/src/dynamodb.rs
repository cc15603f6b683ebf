//! The journal on `DynamoDB`: one item per commit, inserted with `PartiQL`, the only write that can never overwrite.

mod item;

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::execute_statement::ExecuteStatementError;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use schema::{ProductId, StoredCommit};

use crate::aws::{FailureKind, failed, failure_kind};
use crate::backoff::Backoff;
use crate::error::{AppendError, StoreError};
use crate::journal::{CommitKey, Journal, KeyPage, ScanPage, ScanPosition};

pub use item::{DynamoItem, from_item, insert_statement, number, number_of, read_row, to_item};

/// As errors name the table.
const STORE: &str = "the event table";

/// How often an insert is sent while the table throttles it, and the pauses between.
const INSERTS: u32 = 3;
const PAUSES: Backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_millis(400) };
/// Sequences are below 2^53 (`StoredCommit::sequence`).
const LAST: u64 = (1 << 53) - 1;

/// Commits of 1 KB that a read unit pays for, so that short histories are listed several at a time.
const COMMITS_OF_A_UNIT: i32 = 4;

/// Commits in one table of the shape [`crate::TABLE`]. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DynamoJournal {
    client: Client,
    table: String,
}

impl DynamoJournal {
    /// The journal in `table`.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    fn query(&self, product: &ProductId) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .expression_attribute_names("#sequence", "sequence")
            .expression_attribute_values(":product", AttributeValue::S(product.to_string()))
    }

    async fn scanned(
        &self,
        from: Option<ScanPosition>,
        limit: usize,
        narrowed: impl FnOnce(ScanFluentBuilder) -> ScanFluentBuilder,
    ) -> Result<ScanPage, StoreError> {
        let from = from.map(|position| to_item(&StoredCommit(position.0))).transpose();
        let request = self
            .client
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .limit(request_limit(limit))
            .set_exclusive_start_key(from.map_err(|error| StoreError::new(error.into()))?);
        let answer = narrowed(request).send().await.map_err(failed(STORE))?;
        let commits = answer.items.unwrap_or_default().into_iter().map(from_item);
        Ok(ScanPage {
            commits: commits.collect(),
            next: answer.last_evaluated_key.map(|key| ScanPosition(from_item(key).0)),
        })
    }
}

#[async_trait]
impl Journal for DynamoJournal {
    async fn append(&self, commit: &StoredCommit) -> Result<(), AppendError> {
        // The table itself accepts any number as a sequence.
        CommitKey::of(commit).map_err(AppendError::Refused)?;
        let refused = |error: item::Unconvertible| AppendError::Refused(StoreError::new(error.into()));
        let (statement, parameters) = insert_statement(&self.table, to_item(commit).map_err(refused)?);
        let request = self.client.execute_statement().statement(statement).set_parameters(Some(parameters));
        let mut sent = 0;
        loop {
            // Not by the SDK: its last attempt would hide that an earlier one, without an answer, may have been carried out.
            let once = Builder::new().retry_config(RetryConfig::disabled());
            let answer = request.clone().customize().config_override(once).send().await;
            let Err(error) = answer else { return Ok(()) };
            sent += 1;
            if sent == INSERTS || failure_kind(&error) != FailureKind::Throttled {
                return Err(append_error(error));
            }
            tokio::time::sleep(PAUSES.pause(sent)).await;
        }
    }

    async fn newest(&self, product: &ProductId, at_most: u64) -> Result<Option<StoredCommit>, StoreError> {
        let query = self
            .query(product)
            .key_condition_expression("product_id = :product AND #sequence <= :sequence")
            .expression_attribute_values(":sequence", item::number(at_most))
            .scan_index_forward(false)
            .limit(1);
        let answer = query.send().await.map_err(failed(STORE))?;
        Ok(answer.items.unwrap_or_default().into_iter().next().map(from_item))
    }

    async fn page(
        &self,
        product: &ProductId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        let query = self
            .query(product)
            .key_condition_expression("product_id = :product AND #sequence > :sequence")
            .expression_attribute_values(":sequence", item::number(after));
        let mut commits = Vec::new();
        let mut from = None;
        while commits.len() < limit {
            let query = query.clone().limit(request_limit(limit - commits.len()));
            let answer = query.set_exclusive_start_key(from).send().await.map_err(failed(STORE))?;
            commits.extend(answer.items.unwrap_or_default().into_iter().map(from_item));
            from = answer.last_evaluated_key;
            if from.is_none() {
                break;
            }
        }
        Ok(commits)
    }

    async fn scan(&self, from: Option<ScanPosition>, limit: usize) -> Result<ScanPage, StoreError> {
        self.scanned(from, limit, |request| request).await
    }

    async fn scan_keys(&self, from: Option<ScanPosition>, limit: usize) -> Result<KeyPage, StoreError> {
        let keys_only = |request: ScanFluentBuilder| {
            request
                .projection_expression("product_id, #sequence, #state.#version")
                .expression_attribute_names("#sequence", "sequence")
                .expression_attribute_names("#state", "state")
                .expression_attribute_names("#version", "version")
        };
        let page = self.scanned(from, limit, keys_only).await?;
        let keys = page.commits.iter().map(CommitKey::of).collect::<Result<_, _>>()?;
        Ok(KeyPage { keys, next: page.next })
    }

    /// A scan that skips the rest of each product: the commits of one are adjacent, and a scan may begin behind a key that no
    /// commit has.
    async fn products(&self, after: &str, limit: usize) -> Result<Vec<String>, StoreError> {
        let behind = |product: &str| {
            let product = AttributeValue::S(product.to_owned());
            DynamoItem::from([("product_id".to_owned(), product), ("sequence".to_owned(), number(LAST))])
        };
        let scan = self
            .client
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .projection_expression("product_id")
            .limit(COMMITS_OF_A_UNIT);
        let mut from = (!after.is_empty()).then(|| behind(after));
        let mut products: Vec<String> = Vec::new();
        while products.len() < limit {
            let answer = scan.clone().set_exclusive_start_key(from).send().await.map_err(failed(STORE))?;
            let found = answer.items.unwrap_or_default().into_iter().filter_map(|mut item| {
                item.remove("product_id").and_then(|product| product.as_s().ok().cloned())
            });
            for product in found {
                if products.last() != Some(&product) && products.len() < limit {
                    products.push(product);
                }
            }
            let Some(reached) = answer.last_evaluated_key else { break };
            from = Some(products.last().map_or(reached, |last| behind(last)));
        }
        Ok(products)
    }
}

fn request_limit(limit: usize) -> i32 {
    i32::try_from(limit).unwrap_or(i32::MAX)
}

/// What a failed insert, of one attempt, says about the commit.
fn append_error(error: SdkError<ExecuteStatementError>) -> AppendError {
    if error.as_service_error().is_some_and(ExecuteStatementError::is_duplicate_item_exception) {
        return AppendError::Occupied;
    }
    let kind = failure_kind(&error);
    let reason = failed(STORE)(error);
    match kind {
        FailureKind::Throttled | FailureKind::Unauthorized => AppendError::NotNow(reason),
        FailureKind::Refused => AppendError::Refused(reason),
        FailureKind::Unknown => AppendError::Unknown(reason),
    }
}
