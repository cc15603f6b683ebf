//! Rounds in memory, for tests.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::{Round, Rounds};
use crate::error::StoreError;

/// Rounds by name, each with its revision.
#[derive(Debug, Default)]
pub struct MemoryRounds(Mutex<BTreeMap<String, (u64, Round)>>);

#[async_trait]
impl Rounds for MemoryRounds {
    async fn load(&self, name: &str) -> Result<(u64, Round), StoreError> {
        let rounds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(rounds.get(name).cloned().unwrap_or_default())
    }

    async fn save(&self, name: &str, revision: u64, round: &Round) -> Result<bool, StoreError> {
        let mut rounds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let saved = rounds.entry(name.to_owned()).or_default();
        if saved.0 != revision {
            return Ok(false);
        }
        *saved = (revision + 1, round.clone());
        Ok(true)
    }
}
