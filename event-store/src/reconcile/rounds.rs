//! The port to the rounds of the scheduled reconcile: how far a round is, and what the last one found.
//!
//! The promise: a round is saved only by who has loaded it as it is, so of two runs at the same time one ends.

mod dynamodb;
mod memory;

use std::collections::BTreeMap;

use async_trait::async_trait;
use schema::{Status, Timestamp};
use serde::{Deserialize, Serialize};

use super::ReconcileResult;
use crate::error::StoreError;

pub use dynamodb::DynamoRounds;
pub use memory::MemoryRounds;

/// A round, as far as it is. These names are stored. Never rename; only add optional ones.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Round {
    /// The last product that was compared, in the order of the event table; empty before the first.
    pub after: String,
    /// When the round began; `None` between two rounds.
    pub started_at: Option<Timestamp>,
    /// What it has found so far.
    pub tally: RoundTally,
    /// The last complete round.
    pub last: Option<FinishedRound>,
}

/// What a round found. These names are stored. Never rename; only add optional ones.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RoundTally {
    /// Products that were compared.
    pub products: u64,
    /// What came of it, by consumer.
    pub consumers: BTreeMap<String, ConsumerTally>,
    /// Products by their state; `None` if the round began in a build that did not count them.
    pub states: Option<StateTally>,
}

/// The products of a round by their state; one whose newest commit cannot be read is in neither. These names are stored. Never
/// rename; only add optional ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StateTally {
    /// Those that are in the catalogue.
    pub active: u64,
    /// Those that were deleted.
    pub deleted: u64,
}

/// What a round found for one consumer. These names are stored. Never rename; only add optional ones.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ConsumerTally {
    /// Products that lacked nothing.
    pub agrees: u64,
    /// Products that were behind and have caught up.
    pub repaired: u64,
    /// Products that were behind and parked.
    pub parked: u64,
    /// Products that are still behind, or differ.
    pub left: u64,
    /// When the oldest commit was recorded that a parked product or one that is left lacks.
    pub oldest: Option<Timestamp>,
}

/// A complete round. These names are stored. Never rename; only add optional ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinishedRound {
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// What it found.
    #[serde(default)]
    pub tally: RoundTally,
}

/// The store of rounds, one by the name of each function.
///
/// The contract, which `tests/contract/rounds.rs` runs on every adapter: of two that save the same revision one succeeds, and
/// after it every load has what it saved; names are independent of each other.
#[async_trait]
pub trait Rounds: Send + Sync {
    /// The round of a function and its revision; 0 and an empty round before the first.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn load(&self, name: &str) -> Result<(u64, Round), StoreError>;

    /// Saves a round as the next revision if `revision` is still the newest; `false` if it is not.
    ///
    /// # Errors
    /// [`StoreError`]: it may or may not have been saved; load it again.
    async fn save(&self, name: &str, revision: u64, round: &Round) -> Result<bool, StoreError>;
}

impl RoundTally {
    /// Products that are still behind or differ, of all consumers together.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.consumers.values().map(|tally| tally.left).sum()
    }
}

impl StateTally {
    pub(super) fn add(&mut self, status: Status) {
        match status {
            Status::Active => self.active += 1,
            Status::Deleted => self.deleted += 1,
        }
    }
}

impl ConsumerTally {
    pub(super) fn add(&mut self, result: &ReconcileResult) {
        let since = match result {
            ReconcileResult::Agrees => {
                self.agrees += 1;
                return;
            }
            ReconcileResult::Repaired => {
                self.repaired += 1;
                return;
            }
            ReconcileResult::Parked { since } => {
                self.parked += 1;
                since
            }
            ReconcileResult::Left { since, .. } => {
                self.left += 1;
                since
            }
        };
        self.oldest = Some(self.oldest.map_or(*since, |oldest| oldest.min(*since)));
    }
}
