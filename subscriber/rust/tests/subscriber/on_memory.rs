//! The store in memory, with a log of effects in a list.

use std::sync::{Arc, Mutex};

use ledger_subscriber::{Apply, Failure, LedgerEvent, MemoryStore};

use crate::contract::{Place, on};
use crate::fake::{Effect, effect};

#[derive(Clone, Default)]
pub struct InMemory {
    store: MemoryStore,
    log: Arc<Mutex<Vec<Effect>>>,
}

impl Apply<()> for InMemory {
    async fn apply(&self, event: &LedgerEvent, (): &mut ()) -> Result<(), Failure> {
        self.log.lock().unwrap().push(effect(event));
        Ok(())
    }
}

impl Place for InMemory {
    type Store = MemoryStore;
    const DELIVERIES: (&str, usize) = ("SUBSCRIBER_DELIVERIES", 20_000);

    async fn open() -> Self {
        Self::default()
    }

    fn store(&self) -> MemoryStore {
        self.store.clone()
    }

    async fn effects(&self) -> Vec<Effect> {
        self.log.lock().unwrap().clone()
    }

    fn ordered(effects: Vec<Effect>) -> Vec<Effect> {
        effects
    }
}

on!(InMemory);
