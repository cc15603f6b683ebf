//! The invariants that hold after every run, whatever faults were injected.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use event_store::announced::LOG_CONSUMER;
use event_store::verify;
use event_store::{Journal, Parking, Receipts};
use futures::stream;
use projections::{Prices, Views};
use schema::{Commit, PublicationRecord, StoredCommit, fixtures};
use serde_json::Value;

use crate::client::PRODUCTS;
use crate::world::World;

type Commits = Vec<(StoredCommit, Commit)>;

impl World {
    /// Panics with the broken invariant.
    pub async fn check(&self) {
        let mut keys: HashMap<String, Commit> = HashMap::new();
        for name in PRODUCTS {
            let commits = self.commits(name).await;
            self.chain_is_whole(name, &commits).await;
            self.views_are_the_fold(name, &commits).await;
            self.everything_is_published(name, &commits).await;
            for (_, commit) in commits {
                if let Some(key) = commit.metadata.idempotency_key.clone() {
                    assert!(keys.insert(key.clone(), commit).is_none(), "{key} was recorded twice");
                }
            }
        }
        self.clients_got_true_answers(&keys);
        self.nothing_is_parked().await;
        self.log_is_complete();
        self.table_log_is_complete();
    }

    async fn commits(&self, product: &str) -> Commits {
        let stored = self.journal.page(&fixtures::id(product), 0, 10_000).await.unwrap();
        stored.into_iter().map(|stored| (stored.clone(), stored.decode().unwrap())).collect()
    }

    async fn chain_is_whole(&self, product: &str, commits: &Commits) {
        let stored = commits.iter().map(|(stored, _)| Ok::<_, std::convert::Infallible>(stored.clone()));
        let report = verify::product(&fixtures::id(product), stream::iter(stored)).await.unwrap();
        assert!(report.is_valid(), "{product}: {:?}", report.faults);
    }

    async fn views_are_the_fold(&self, product: &str, commits: &Commits) {
        let id = fixtures::id(product);
        let generation = self.views.generations().await.unwrap().products.read;
        let shown = self.views.get(generation, &id).await.unwrap();
        let newest = commits.last().map(|(_, commit)| commit.state.clone());
        assert_eq!(shown, newest, "{product}: the catalogue is not the fold");
        let folded = self.prices_read(&id).await;
        let prices = Prices::new(self.prices.clone(), self.journal.clone());
        let fold = prices.from_journal(&id).await.unwrap();
        assert_eq!(folded, fold, "{product}: the price history is not the fold");
    }

    async fn everything_is_published(&self, product: &str, commits: &Commits) {
        let id = fixtures::id(product);
        let events: BTreeMap<u64, String> = commits
            .iter()
            .flat_map(|(_, commit)| (commit.sequence..).zip(&commit.events))
            .map(|(sequence, recorded)| (sequence, recorded.event_id.to_string()))
            .collect();
        let (mut first, mut arrived) = (Vec::new(), BTreeMap::<u64, BTreeSet<String>>::new());
        for (receipt, entry) in self.bus.accepted() {
            let detail: Value = serde_json::from_str(&entry.detail).unwrap();
            let metadata = &detail["metadata"];
            if metadata["product_id"] != product {
                continue;
            }
            let sequence = metadata["sequence"].as_u64().unwrap();
            assert_eq!(
                metadata["event_id"],
                events[&sequence].as_str(),
                "{product} {sequence}: another event id"
            );
            if !arrived.contains_key(&sequence) {
                first.push(sequence);
            }
            arrived.entry(sequence).or_default().insert(receipt);
        }
        assert_eq!(first, events.keys().copied().collect::<Vec<_>>(), "{product}: lost, or out of order");
        self.receipts_are_complete(product, &events, &arrived).await;
        let head = events.len() as u64;
        assert_eq!(
            self.receipts.position(&id).await.unwrap().published,
            head,
            "{product}: the last published event"
        );
    }

    async fn receipts_are_complete(
        &self,
        product: &str,
        events: &BTreeMap<u64, String>,
        arrived: &BTreeMap<u64, BTreeSet<String>>,
    ) {
        let id = fixtures::id(product);
        let records = self.receipts.of(&id, 1, events.len() as u64).await.unwrap();
        let of: Vec<u64> = records.iter().map(|(sequence, _)| *sequence).collect();
        assert_eq!(of, events.keys().copied().collect::<Vec<_>>(), "{product}: events without a receipt");
        for (sequence, record) in records {
            let PublicationRecord::Receipt(receipt) = record else {
                panic!("{product} {sequence}: {record:?}");
            };
            assert_eq!(receipt.event_id, events[&sequence], "{product} {sequence}: a foreign receipt");
            assert!(
                arrived[&sequence].contains(&receipt.receipt_id),
                "{product} {sequence}: not an id of the bus"
            );
        }
    }

    /// Every acknowledged command is recorded, and no refused one.
    fn clients_got_true_answers(&self, keys: &HashMap<String, Commit>) {
        for (key, receipt) in self.answers.recorded.lock().unwrap().iter() {
            let commit = keys.get(key).unwrap_or_else(|| panic!("{key} was acknowledged and is lost"));
            assert_eq!(
                receipt["commit_id"],
                commit.commit_id.to_string().as_str(),
                "{key}: the receipt's commit"
            );
            assert_eq!(receipt["version"], commit.last_sequence(), "{key}: the receipt's version");
        }
        for key in self.answers.not_recorded.lock().unwrap().iter() {
            assert!(!keys.contains_key(key), "{key} was refused or changed nothing, and is recorded");
        }
    }

    async fn nothing_is_parked(&self) {
        for consumer in ["products", "prices", publisher::CONSUMER, LOG_CONSUMER] {
            assert_eq!(self.parking.list(consumer, None, 100).await.unwrap(), [], "{consumer}");
        }
    }
}
