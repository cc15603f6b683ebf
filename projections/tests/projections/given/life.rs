//! Lives of products: what was done to them, the resulting commits, and their stream records.

use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use event_store::Journal;
use schema::event::{ProductDeleted, ProductPriceChanged, ProductRenamed, ProductRestored};
use schema::{Commit, Facts, ProductEvent, ProductId, Status, StoredCommit, Timestamp, fixtures};

/// Something done to a product; the resulting events depend on the product.
#[derive(Debug, Clone)]
pub(crate) enum Deed {
    Rename(String),
    Reprice(String, &'static str),
    DeleteOrRestore,
    /// Two events in one commit.
    RenameAndReprice(String, String),
    /// Three events in one commit, the price in the middle.
    RenameRepriceAndRename([&'static str; 2], &'static str),
}

/// The commits of one product, each as it was decoded and as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    pub(crate) id: ProductId,
    pub(crate) commits: Vec<(Commit, StoredCommit)>,
}

impl Life {
    pub(crate) fn begins(id: &str, name: &str, price: &str) -> Self {
        let created = fixtures::helmet_created();
        let ProductEvent::ProductCreated(mut created) = created else {
            unreachable!("the helmet is created")
        };
        created.name = name.into();
        created.money = fixtures::money(price, "USD");
        let mut life = Self { id: fixtures::id(id), commits: Vec::new() };
        life.commit(vec![ProductEvent::ProductCreated(created)]);
        life
    }

    pub(crate) fn of(id: &str, deeds: &[Deed]) -> Self {
        let mut life = Self::begins(id, "Helmet", "33.6442");
        for deed in deeds {
            life.goes_on(deed);
        }
        life
    }

    pub(crate) fn goes_on(&mut self, deed: &Deed) {
        self.goes_on_at(None, deed);
    }

    pub(crate) fn goes_on_at(&mut self, occurred_at: Option<Timestamp>, deed: &Deed) {
        self.commit_at(occurred_at, self.events_of(deed));
    }

    /// The same product after its commits behind the first `same` were removed and other ones recorded, a day later.
    pub(crate) fn anew(&self, same: usize, deeds: &[Deed]) -> Self {
        let mut anew = Self { id: self.id.clone(), commits: self.commits[..same].to_vec() };
        for deed in deeds {
            let events = anew.events_of(deed);
            let mut unsealed = fixtures::commit_after(Some(anew.newest()), &anew.id, events);
            let day = unsealed.recorded_at.millis() + 24 * 60 * 60 * 1_000;
            let day = chrono::DateTime::from_timestamp_millis(day).unwrap();
            unsealed.recorded_at = Timestamp::new(day).unwrap();
            unsealed.state.updated_at = unsealed.recorded_at;
            anew.commits.push(event_store::seal(unsealed).unwrap());
        }
        anew
    }

    fn events_of(&self, deed: &Deed) -> Vec<ProductEvent> {
        let facts = self.newest().state.facts.clone();
        let mut events = Vec::new();
        if facts.status == Status::Deleted {
            events.push(ProductEvent::ProductRestored(ProductRestored {}));
        }
        match deed {
            Deed::Rename(name) => events.push(renamed(&facts, name)),
            Deed::Reprice(price, currency) => events.push(repriced(&facts, price, currency)),
            Deed::RenameAndReprice(name, price) => {
                events.push(renamed(&facts, name));
                events.push(repriced(&facts, price, "USD"));
            }
            Deed::RenameRepriceAndRename([first, then], price) => {
                events.push(renamed(&facts, first));
                events.push(repriced(&facts, price, "USD"));
                events.push(renamed(&Facts { name: (*first).into(), ..facts }, then));
            }
            Deed::DeleteOrRestore if events.is_empty() => {
                events.push(ProductEvent::ProductDeleted(ProductDeleted {}));
            }
            Deed::DeleteOrRestore => {}
        }
        events
    }

    pub(crate) fn commit(&mut self, events: Vec<ProductEvent>) {
        self.commit_at(None, events);
    }

    /// As [`Life::commit`], with the moment at which it happened in business terms.
    pub(crate) fn commit_at(&mut self, occurred_at: Option<Timestamp>, events: Vec<ProductEvent>) {
        let before = self.commits.last().map(|(commit, _)| commit);
        let mut unsealed = fixtures::commit_after(before, &self.id, events);
        if let Some(occurred_at) = occurred_at {
            unsealed.metadata.occurred_at = occurred_at;
        }
        self.commits.push(event_store::seal(unsealed).unwrap());
    }

    pub(crate) fn newest(&self) -> &Commit {
        &self.commits.last().unwrap().0
    }

    pub(crate) fn record(&self, index: usize) -> EventRecord {
        record(&self.commits[index].1)
    }

    pub(crate) async fn recorded_in(&self, journal: &dyn Journal) {
        for (_, stored) in &self.commits {
            journal.append(stored).await.unwrap();
        }
    }
}

fn renamed(facts: &Facts, name: &str) -> ProductEvent {
    ProductEvent::ProductRenamed(ProductRenamed { name: name.into(), previous_name: facts.name.clone() })
}

fn repriced(facts: &Facts, price: &str, currency: &str) -> ProductEvent {
    ProductEvent::ProductPriceChanged(ProductPriceChanged {
        money: fixtures::money(price, currency),
        previous_price: facts.money.price(),
        previous_currency: facts.money.currency(),
    })
}

/// The stream record of an insert. Its number is made of the product and the sequence, so that tests can name it.
pub(crate) fn record(commit: &StoredCommit) -> EventRecord {
    let mut record = EventRecord::default();
    record.event_name = "INSERT".into();
    record.event_id = "never this one".into();
    let item: serde_dynamo::Item = serde_dynamo::to_item(&commit.0).unwrap();
    let key = |name: &str| (name.to_owned(), item[name].clone());
    record.change.sequence_number =
        Some(format!("{} {}", commit.text("product_id").unwrap(), commit.0["sequence"]));
    record.change.keys =
        serde_dynamo::Item::from(std::collections::HashMap::from([key("product_id"), key("sequence")]));
    record.change.new_image = item;
    record
}

pub(crate) fn batch(records: Vec<EventRecord>) -> Event {
    let mut event = Event::default();
    event.records = records;
    event
}
