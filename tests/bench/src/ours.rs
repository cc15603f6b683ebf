//! The ledger: the executor of the commands crate over the event table.

use std::sync::Arc;

use anyhow::Context;
use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use commands::{CarriedFields, CommandOutcome, CommandRequest, Executor, IdempotencyKey, Precondition};
use event_store::{DynamoJournal, Journal, MemoryJournal, dynamodb};
use schema::ProductId;
use web::ClockAndIds;

use crate::measure::Store;
use crate::product::{ACTOR, CORRELATION, Work};
use crate::tables::{OURS, put_all};

/// Greater than any sequence.
const NEWEST: u64 = u64::MAX >> 1;

/// The ledger, with an `Idempotency-Key` in every command or in none.
pub struct Ledger {
    past: Client,
    journal: Arc<dyn Journal>,
    keys: bool,
    work: Work,
}

impl Ledger {
    /// Uses the proxy with `client`; items are written without it with `past`.
    #[must_use]
    pub fn new(client: Client, past: Client, keys: bool, work: Work) -> Self {
        Self { past, journal: Arc::new(DynamoJournal::new(client, OURS)), keys, work }
    }

    async fn execute(&self, journal: Arc<dyn Journal>, id: &str, n: u64) -> anyhow::Result<()> {
        let key = || IdempotencyKey {
            key: format!("6f3c0c9e-6b1d-4c55-9d3b-{n:012}"),
            fingerprint: format!("{n:0>43}"),
        };
        let order = CommandRequest {
            product_id: ProductId::new(id)?,
            command: self.work.command(n)?,
            precondition: Precondition::None,
            carried: CarriedFields::default(),
            idempotency: self.keys.then(key),
            actor: ACTOR.into(),
            correlation_id: CORRELATION.into(),
            traceparent: None,
            occurred_at: None,
        };
        let outcome = Executor::new(journal, ClockAndIds::system()).execute(&order).await?;
        anyhow::ensure!(matches!(outcome, CommandOutcome::Written(_)), "{outcome:?}");
        Ok(())
    }
}

#[async_trait]
impl Store for Ledger {
    fn name(&self) -> (&'static str, &'static str) {
        ("product-ledger", if self.keys { "a key with every command" } else { "default" })
    }

    fn work(&self) -> Work {
        self.work
    }

    async fn prefill(&self, id: &str, events: u64) -> anyhow::Result<()> {
        let journal = Arc::new(MemoryJournal::default());
        for n in 1..=events {
            self.execute(journal.clone(), id, n).await?;
        }
        let commits = journal.page(&ProductId::new(id)?, 0, usize::MAX).await?;
        let items = commits.iter().map(dynamodb::to_item).collect::<Result<_, _>>()?;
        put_all(&self.past, OURS, items).await
    }

    async fn create(&self, id: &str) -> anyhow::Result<()> {
        self.execute(self.journal.clone(), id, 1).await
    }

    async fn load(&self, id: &str) -> anyhow::Result<u64> {
        let newest = self.journal.newest(&ProductId::new(id)?, NEWEST).await?;
        let version = newest.map(|commit| anyhow::Ok(commit.decode()?.state.version)).transpose();
        version.map(Option::unwrap_or_default).context("the newest commit decodes")
    }

    async fn command(&self, id: &str, next: u64) -> anyhow::Result<()> {
        self.execute(self.journal.clone(), id, next).await
    }
}
