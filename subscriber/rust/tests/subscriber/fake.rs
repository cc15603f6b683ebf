//! A ledger in memory, and deliveries of its events by a bus that repeats, reorders, loses and replays.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use fastrand::Rng;
use ledger_subscriber::{CommitsPage, FeedCommit, FeedEntry, Ledger, LedgerError, LedgerEvent, MessagesPage};
use serde_json::{Value, json};

/// What was done with an event: product, sequence, event id.
pub type Effect = (String, u64, String);

pub fn effect(event: &LedgerEvent) -> Effect {
    (event.product_id().to_owned(), event.sequence(), event.event_id().to_owned())
}

/// An event of the fake, whose message is made when it is asked for.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub product: String,
    pub sequence: u64,
    pub id: String,
    pub hash: String,
}

impl Recorded {
    fn json(&self, metadata: &Value, data: &Value) -> Value {
        let mut all = json!({"product_id": self.product, "sequence": self.sequence, "event_id": self.id, "hash": self.hash});
        all.as_object_mut().unwrap().extend(metadata.as_object().unwrap().clone());
        json!({"sequence": self.sequence, "resources": [self.product], "detail": {"metadata": all, "data": data}})
    }

    pub fn sent(&self) -> LedgerEvent {
        let product = json!({"id": self.product, "price": self.sequence.to_string()});
        self.json(&json!({}), &json!({"product": product})).try_into().unwrap()
    }

    /// As a replay sends it.
    pub fn replayed(&self) -> LedgerEvent {
        let replay = json!({"replay": {"id": "01M841K9DC3M5ZQYPS2Y3BRKSE", "requested_at": "2026-11-30T00:00:00.000Z"}});
        self.json(&replay, &json!({"product": {"id": self.product}})).try_into().unwrap()
    }

    /// Without its product.
    pub fn omitted(&self) -> LedgerEvent {
        self.json(&json!({}), &json!({"product_omitted": true})).try_into().unwrap()
    }
}

/// Products with their messages, and all commits in order, as the ledger answers them. Clones are the same ledger.
#[derive(Clone, Default)]
pub struct FakeLedger(Arc<Mutex<Kept>>);

#[derive(Default)]
pub struct Kept {
    pub products: BTreeMap<String, Vec<Recorded>>,
    pub feed: Vec<(FeedCommit, Vec<Recorded>)>,
    pub known: HashMap<String, Recorded>,
    pub requests: u64,
    pub is_down: bool,
}

impl FakeLedger {
    pub fn with<T>(&self, done: impl FnOnce(&mut Kept) -> T) -> T {
        done(&mut self.0.lock().unwrap())
    }

    /// Records a commit of so many events.
    pub fn record(&self, product: &str, events: u64, salt: &str) -> Vec<Recorded> {
        self.with(|kept| {
            let history = kept.products.entry(product.to_owned()).or_default();
            let first = history.len() as u64 + 1;
            let hash = format!("{product}/{first}{salt}");
            let made: Vec<Recorded> = (first..first + events)
                .map(|sequence| Recorded {
                    product: product.to_owned(),
                    sequence,
                    id: format!("{product}-{sequence}{salt}"),
                    hash: hash.clone(),
                })
                .collect();
            history.extend(made.clone());
            kept.known.extend(made.iter().map(|event| (event.id.clone(), event.clone())));
            let events = made.iter().map(|_| json!({})).collect();
            let commit = FeedCommit { product_id: product.to_owned(), sequence: first, hash, events };
            kept.feed.push((commit, made.clone()));
            made
        })
    }

    /// Forgets what a product has above a sequence, as a restore of the tables does. Its commits stay in the feed.
    pub fn cut(&self, product: &str, to: usize) {
        self.with(|kept| kept.products.get_mut(product).unwrap().truncate(to));
    }

    /// Every event of the ledger, by product and in order.
    pub fn effects(&self) -> BTreeMap<String, Vec<Effect>> {
        let effect = |event: &Recorded| (event.product.clone(), event.sequence, event.id.clone());
        self.with(|kept| {
            let products = kept.products.iter();
            products.map(|(product, events)| (product.clone(), events.iter().map(effect).collect())).collect()
        })
    }

    /// Counts a request; others go on meanwhile, as with one that takes time.
    async fn asked(&self) -> Result<(), LedgerError> {
        tokio::task::yield_now().await;
        self.with(|kept| {
            kept.requests += 1;
            if kept.is_down { Err(LedgerError::new("down")) } else { Ok(()) }
        })
    }
}

impl Ledger for FakeLedger {
    async fn messages(&self, product: &str, after: u64, limit: u32) -> Result<MessagesPage, LedgerError> {
        self.asked().await?;
        let (after, limit) = (usize::try_from(after).unwrap(), limit as usize);
        Ok(self.with(|kept| {
            let events =
                kept.products.get(product).map_or(&[][..], |events| events.get(after..).unwrap_or_default());
            let next = (events.len() > limit).then_some((after + limit) as u64);
            MessagesPage { messages: events.iter().take(limit).map(Recorded::sent).collect(), next }
        }))
    }

    async fn commits(&self, after: Option<i64>, limit: u32) -> Result<CommitsPage, LedgerError> {
        self.asked().await?;
        Ok(self.with(|kept| {
            let newest = i64::try_from(kept.feed.len()).unwrap() - 1;
            let from = after.map_or(newest, |after| after + 1).max(0);
            let to = after.map_or(newest, |after| newest.min(after + i64::from(limit)));
            let entry = |position: i64| FeedEntry {
                position,
                commit: Some(kept.feed[usize::try_from(position).unwrap()].0.clone()),
            };
            let next = (to < newest).then_some(to);
            CommitsPage {
                commits: (from..=to).map(entry).collect(),
                next,
                newest: (newest >= 0).then_some(newest),
            }
        }))
    }
}

/// A ledger of random commits.
pub fn recorded(products: usize, commits: usize, seed: u64) -> FakeLedger {
    let (mut chance, ledger) = (Rng::with_seed(seed), FakeLedger::default());
    for _ in 0..commits {
        let events = [1, 1, 1, 2, 3][chance.usize(..5)];
        ledger.record(&format!("p{}", chance.usize(..products)), events, "");
    }
    ledger
}

/// Of every event: 5 % never, 20 % twice, a tenth moved within and across products, and replays in between. Returns whether each is a replay.
pub fn deliveries(ledger: &FakeLedger, seed: u64) -> Vec<(Recorded, bool)> {
    let mut chance = Rng::with_seed(seed);
    let events: Vec<Recorded> =
        ledger.with(|kept| kept.feed.iter().flat_map(|(_, events)| events.clone()).collect());
    let mut sent = Vec::new();
    for (place, event) in events.into_iter().enumerate() {
        if chance.f64() < 0.05 {
            continue;
        }
        for _ in 0..if chance.f64() < 0.2 { 2 } else { 1 } {
            let late = if chance.f64() < 0.1 { chance.usize(1..40) } else { 0 };
            sent.push((place + late, chance.u64(..), (event.clone(), false)));
        }
        if chance.f64() < 0.02 {
            sent.push((place + chance.usize(..60), chance.u64(..), (event, true)));
        }
    }
    sent.sort_by_key(|(place, among, _)| (*place, *among));
    sent.into_iter().map(|(_, _, sent)| sent).collect()
}
