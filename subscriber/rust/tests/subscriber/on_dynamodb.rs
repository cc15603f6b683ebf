//! The store on `DynamoDB`, with a log of effects in a table of its own. The tables are those of the double of this repository, or of the
//! emulator whose address `SUBSCRIBER_DYNAMODB_URL` has.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, Put, ScalarAttributeType,
    TransactWriteItem,
};
use engine::Engine;
use ledger_subscriber::dynamodb::{DynamoStore, MOST_WRITES};
use ledger_subscriber::{Apply, Failure, InboxError, LedgerEvent, Store};

use crate::contract::{Place, inbox, on};
use crate::fake::{Effect, FakeLedger, effect};

#[derive(Clone)]
pub struct OnDynamoDb {
    pub client: Client,
    pub inbox: String,
    pub log: String,
}

/// The tables at an address.
pub fn client_at(url: &str) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(url)
        .build();
    Client::from_conf(config)
}

impl OnDynamoDb {
    /// Makes both tables.
    pub async fn on(client: Client) -> Self {
        static OPENED: AtomicU64 = AtomicU64::new(0);
        let place = format!("{}-{}", std::process::id(), OPENED.fetch_add(1, Ordering::Relaxed));
        let (inbox, log) = (format!("inbox-{place}"), format!("log-{place}"));
        for (table, sort) in [(&inbox, ScalarAttributeType::S), (&log, ScalarAttributeType::N)] {
            let mut create = client.create_table().table_name(table).billing_mode(BillingMode::PayPerRequest);
            for (name, key, kind) in
                [("pk", KeyType::Hash, ScalarAttributeType::S), ("sk", KeyType::Range, sort)]
            {
                let key = KeySchemaElement::builder().attribute_name(name).key_type(key);
                let kind = AttributeDefinition::builder().attribute_name(name).attribute_type(kind);
                create = create.key_schema(key.build().unwrap()).attribute_definitions(kind.build().unwrap());
            }
            create.send().await.unwrap();
        }
        Self { client, inbox, log }
    }
}

impl Apply<Vec<TransactWriteItem>> for OnDynamoDb {
    async fn apply(&self, event: &LedgerEvent, tx: &mut Vec<TransactWriteItem>) -> Result<(), Failure> {
        let (product, sequence, id) = effect(event);
        // An effect that was there already would be one too many, so it fails the transaction.
        let put = Put::builder()
            .table_name(&self.log)
            .item("pk", AttributeValue::S(product))
            .item("sk", AttributeValue::N(sequence.to_string()))
            .item("event", AttributeValue::S(id))
            .condition_expression("attribute_not_exists(pk)");
        tx.push(TransactWriteItem::builder().put(put.build()?).build());
        Ok(())
    }
}

impl Place for OnDynamoDb {
    type Store = DynamoStore;
    const DELIVERIES: (&str, usize) = ("SUBSCRIBER_DELIVERIES_DYNAMODB", 2_000);

    async fn open() -> Self {
        match std::env::var("SUBSCRIBER_DYNAMODB_URL") {
            Ok(url) => Self::on(client_at(&url)).await,
            Err(_) => Self::on(Client::new(&Engine::in_memory().unwrap().sdk_config())).await,
        }
    }

    fn store(&self) -> DynamoStore {
        DynamoStore::new(self.client.clone(), &self.inbox)
    }

    async fn effects(&self) -> Vec<Effect> {
        let mut pages = self.client.scan().table_name(&self.log).into_paginator().items().send();
        let mut found = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.unwrap();
            let text = |name: &str| item[name].as_s().unwrap().clone();
            found.push((text("pk"), item["sk"].as_n().unwrap().parse().unwrap(), text("event")));
        }
        Self::ordered(found)
    }

    fn ordered(mut effects: Vec<Effect>) -> Vec<Effect> {
        effects.sort();
        effects
    }
}

on!(OnDynamoDb);

#[tokio::test]
async fn what_does_not_fit_into_a_transaction_is_named() {
    let (place, ledger) = (OnDynamoDb::open().await, FakeLedger::default());
    let event = ledger.record("p", 1, "")[0].sent();
    let writes = |_: &LedgerEvent, tx: &mut Vec<TransactWriteItem>| {
        tx.resize(MOST_WRITES + 1, TransactWriteItem::builder().build());
        Ok::<(), Failure>(())
    };
    let refused = inbox(&place, &ledger).receive(event, &writes).await.unwrap_err();
    assert!(refused.to_string().contains("100 writes"), "{refused}");
}

#[tokio::test]
async fn a_failed_condition_of_apply_is_no_reason_to_go_on() {
    let (place, ledger) = (OnDynamoDb::open().await, FakeLedger::default());
    let event = ledger.record("p", 1, "")[0].sent();
    let there = place.client.put_item().table_name(&place.log).item("pk", AttributeValue::S("p".into()));
    there.item("sk", AttributeValue::N("1".into())).send().await.unwrap();
    let failed = inbox(&place, &ledger).receive(event, &place).await;
    assert!(matches!(failed, Err(InboxError::Store(_))), "{failed:?}");
    assert_eq!(place.store().cursor("p").await.unwrap(), None);
}
