//! Every adapter the contract is run on.

use std::sync::Arc;

use event_store::{DynamoJournal, Journal, MemoryJournal, seal, table};
use schema::{Commit, ProductEvent, ProductId, StoredCommit, fixtures};

/// An empty journal of each kind, with its name; what must stay alive with it is inside.
pub async fn all() -> Vec<(&'static str, Arc<dyn Journal>)> {
    vec![("memory", Arc::new(MemoryJournal::default())), ("embedded", Arc::new(embedded().await))]
}

/// The `DynamoDB` adapter on an engine in memory.
pub async fn embedded() -> DynamoJournal {
    let engine = engine::Engine::in_memory().unwrap();
    on(&engine.sdk_config()).await
}

/// The `DynamoDB` adapter wherever the configuration points.
pub async fn on(config: &aws_config::SdkConfig) -> DynamoJournal {
    let client = aws_sdk_dynamodb::Client::new(config);
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

/// A helmet's whole life, one event a commit.
pub fn life(product: &ProductId) -> Vec<(Commit, StoredCommit)> {
    let mut commits: Vec<(Commit, StoredCommit)> = Vec::new();
    for event in fixtures::helmet_story() {
        let next = commit(commits.last().map(|(commit, _)| commit), product, vec![event]);
        commits.push(next);
    }
    commits
}
