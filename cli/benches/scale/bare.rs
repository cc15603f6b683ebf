//! The engine alone: the two requests a command makes of the table, sent by the AWS SDK and nothing else.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use engine::Engine;
use event_store::seal;
use schema::product::ProductPriceChanged;
use schema::{Commit, ProductEvent, fixtures};

pub const EVENTS_TABLE: &str = "ledger-events";

/// A client of the engine that writes items as long as the ledger's.
#[derive(Clone)]
pub struct Bare {
    client: Client,
    statement: String,
    names: Vec<String>,
    values: Vec<AttributeValue>,
}

impl Bare {
    /// On a new event table.
    pub async fn on(engine: &Engine) -> Self {
        let client = Client::new(&engine.sdk_config());
        event_store::table::create(&client, EVENTS_TABLE, event_store::TABLE).await.unwrap();
        let (_, stored) = seal(fixtures::commit_after(
            Some(&created("product")),
            &fixtures::id("product"),
            vec![dearer(&created("product"), 1)],
        ))
        .unwrap();
        let names: Vec<String> = stored.0.keys().cloned().collect();
        let values =
            stored.0.values().map(|value| serde_dynamo::to_attribute_value(value).unwrap()).collect();
        let places: Vec<String> = names.iter().map(|name| format!("'{name}': ?")).collect();
        let statement = format!("INSERT INTO \"{EVENTS_TABLE}\" VALUE {{{}}}", places.join(", "));
        Self { client, statement, names, values }
    }

    /// The newest commit of a product: what a command loads.
    pub async fn load(&self, product: &str) -> usize {
        let request = self
            .client
            .query()
            .table_name(EVENTS_TABLE)
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .key_condition_expression("product_id = :product AND #sequence <= :sequence")
            .expression_attribute_names("#sequence", "sequence")
            .expression_attribute_values(":product", AttributeValue::S(product.to_owned()))
            .expression_attribute_values(":sequence", AttributeValue::N((u64::MAX >> 1).to_string()))
            .scan_index_forward(false)
            .limit(1);
        request.send().await.unwrap().items().len()
    }

    /// Inserts a commit: what a command appends.
    pub async fn append(&self, product: &str, sequence: usize) {
        let value = |(name, value): (&String, &AttributeValue)| match name.as_str() {
            "product_id" => AttributeValue::S(product.to_owned()),
            "sequence" => AttributeValue::N(sequence.to_string()),
            _ => value.clone(),
        };
        let request = self
            .client
            .execute_statement()
            .statement(&self.statement)
            .set_parameters(Some(self.names.iter().zip(&self.values).map(value).collect()))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        request.send().await.unwrap();
    }
}

/// The first commit of a product.
pub fn created(product: &str) -> Commit {
    let id = fixtures::id(product);
    seal(fixtures::commit_after(None, &id, vec![fixtures::helmet_created()])).unwrap().0
}

/// The event that makes a product dearer once more.
pub fn dearer(before: &Commit, n: usize) -> ProductEvent {
    ProductEvent::ProductPriceChanged(ProductPriceChanged {
        money: fixtures::money(&format!("{}.99", 40 + n), "USD"),
        previous_price: before.state.facts.money.price(),
        previous_currency: before.state.facts.money.currency(),
    })
}
