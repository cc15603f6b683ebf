//! The journal on `DynamoDB`, and commits to append.

use event_store::{DynamoJournal, seal, table};
use schema::{Commit, ProductEvent, ProductId, StoredCommit, fixtures};

/// The `DynamoDB` adapter on an engine in memory.
pub async fn embedded() -> DynamoJournal {
    let engine = engine::Engine::in_memory().unwrap();
    on(&engine.sdk_config()).await
}

/// The `DynamoDB` adapter wherever the configuration points.
pub async fn on(config: &aws_config::SdkConfig) -> DynamoJournal {
    let client = event_store::metering::client(config);
    table::create(&client, "events", event_store::TABLE).await.unwrap();
    DynamoJournal::new(client, "events")
}

/// A sealed commit of a helmet.
pub fn commit(
    before: Option<&Commit>,
    product: &ProductId,
    events: Vec<ProductEvent>,
) -> (Commit, StoredCommit) {
    seal(fixtures::commit_after(before, product, events)).unwrap()
}
