//! dynamo-es: the framework of cqrs-es over `DynamoDB`, by default from all events, at best from a stored aggregate.

use ::dynamo_es::DynamoEventRepository;
use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue::{B, N, S};
use commands::product::{Command, Pricing, Refusal, decide};
use cqrs_es::event_sink::EventSink;
use cqrs_es::persist::PersistedEventStore;
use cqrs_es::{Aggregate, CqrsFramework, DomainEvent, EventStore};
use schema::{Facts, ProductEvent};
use serde::{Deserialize, Serialize};

use crate::measure::Store;
use crate::product::Work;
use crate::tables::{Item, put_all};

type Events = PersistedEventStore<DynamoEventRepository, Product>;

/// A product that tolerates each event twice, because cqrs-es 0.5 applies the events of a command twice to a stored
/// aggregate: when they are decided and when it is stored.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
struct Product(Option<Facts>);

impl Aggregate for Product {
    const TYPE: &'static str = "product";
    type Command = Command;
    type Event = ProductEvent;
    type Error = Refusal;
    type Services = ();

    async fn handle(&mut self, command: Command, (): &(), sink: &EventSink<Self>) -> Result<(), Refusal> {
        for event in decide(self.0.as_ref(), &command, &Pricing::default())? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: ProductEvent) {
        if let Ok(facts) = Facts::after(self.0.clone(), &event) {
            self.0 = Some(facts);
        }
    }
}

/// dynamo-es with its event store or its aggregate store.
pub struct DynamoEs {
    client: Client,
    past: Client,
    aggregates: bool,
    work: Work,
}

impl DynamoEs {
    /// Uses the proxy with `client`; items are written without it with `past`.
    #[must_use]
    pub fn new(client: Client, past: Client, aggregates: bool, work: Work) -> Self {
        Self { client, past, aggregates, work }
    }

    fn events(&self) -> Events {
        let repository = DynamoEventRepository::new(self.client.clone());
        if self.aggregates {
            Events::new_aggregate_store(repository)
        } else {
            Events::new_event_store(repository)
        }
    }

    async fn execute(&self, id: &str, n: u64) -> anyhow::Result<()> {
        let framework = CqrsFramework::new(self.events(), vec![], ());
        let metadata = self.work.metadata(n).into_iter().collect();
        Ok(framework.execute_with_metadata(id, self.work.command(n)?, metadata).await?)
    }
}

#[async_trait]
impl Store for DynamoEs {
    fn name(&self) -> (&'static str, &'static str) {
        ("dynamo-es", if self.aggregates { "aggregate store" } else { "default" })
    }

    fn work(&self) -> Work {
        self.work
    }

    async fn prefill(&self, id: &str, events: u64) -> anyhow::Result<()> {
        let key = S(format!("{}:{id}", Product::TYPE));
        let (mut items, mut facts) = (Vec::new(), None);
        for step in self.work.story(events) {
            let (sequence, event, after) = step?;
            items.push(Item::from([
                ("AggregateTypeAndId".into(), key.clone()),
                ("AggregateIdSequence".into(), N(sequence.to_string())),
                ("AggregateType".into(), S(Product::TYPE.into())),
                ("AggregateId".into(), S(id.into())),
                ("EventVersion".into(), S(event.event_version())),
                ("EventType".into(), S(event.event_type())),
                ("Payload".into(), B(Blob::new(serde_json::to_value(&event)?.to_string()))),
                ("Metadata".into(), B(Blob::new(serde_json::to_string(&self.work.metadata(sequence))?))),
            ]));
            facts = Some(after);
        }
        put_all(&self.past, "Events", items).await?;
        if !self.aggregates {
            return Ok(());
        }
        let state = serde_json::to_value(Product(facts))?.to_string();
        let snapshot = Item::from([
            ("AggregateTypeAndId".into(), key),
            ("AggregateType".into(), S(Product::TYPE.into())),
            ("AggregateId".into(), S(id.into())),
            ("CurrentSequence".into(), N(events.to_string())),
            ("CurrentSnapshot".into(), N(events.to_string())),
            ("Payload".into(), B(Blob::new(state))),
        ]);
        put_all(&self.past, "Snapshots", vec![snapshot]).await
    }

    async fn create(&self, id: &str) -> anyhow::Result<()> {
        self.execute(id, 1).await
    }

    async fn load(&self, id: &str) -> anyhow::Result<u64> {
        Ok(self.events().load_aggregate(id).await?.current_sequence as u64)
    }

    async fn command(&self, id: &str, next: u64) -> anyhow::Result<()> {
        self.execute(id, next).await
    }
}
