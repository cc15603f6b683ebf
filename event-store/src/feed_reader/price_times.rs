//! Whether a commit is retroactive: whether it states a price of a time before the newest one that was stated until then.
//!
//! The commit itself says so where its state keeps the time of the price in force. Earlier builds did not store that, so the
//! earlier price events of the product are read.

use std::collections::HashMap;

use schema::{ProductId, StoredCommit};

use super::READ_AT_ONCE;
use super::filter::{event_names, events, in_metadata, text};
use crate::error::StoreError;
use crate::follow::{Change, Feed, FeedSlice};

/// Events that state a price.
const STATES_A_PRICE: [&str; 3] = ["ProductCreated", "ProductPriceChanged", "ProductPriceRecorded"];

/// The newest price times of the products that a page had to read.
#[derive(Default)]
pub(super) struct PriceTimes {
    products: HashMap<ProductId, ReadTimes>,
    /// How many commits were read for it.
    pub(super) rows: usize,
}

/// What was read of a product.
#[derive(Default)]
struct ReadTimes {
    /// The position behind the last one that was read.
    behind: u64,
    /// Positions of commits that state a price, each with the newest time stated up to there.
    newest: Vec<(u64, String)>,
}

/// Whether the commit is retroactive, as far as it says so itself; `None`: its product's earlier commits say so.
pub(super) fn said_by(commit: &StoredCommit) -> Option<bool> {
    if !states_a_price(commit) {
        return Some(false);
    }
    let in_force = commit.0.get("state").and_then(|state| state["price_occurred_at"].as_str());
    match in_force {
        Some(in_force) => {
            let mut recorded = events(commit).filter(|event| event["type"] == "ProductPriceRecorded");
            Some(recorded.any(|event| event["data"]["from"].as_str().is_some_and(|from| from < in_force)))
        }
        None if commit.sequence().is_ok_and(|sequence| sequence == 1) => Some(false),
        None => None,
    }
}

fn states_a_price(commit: &StoredCommit) -> bool {
    event_names(commit).any(|name| STATES_A_PRICE.contains(&name))
}

impl PriceTimes {
    /// Whether the commit at a position is retroactive.
    pub(super) async fn is_retroactive(
        &mut self,
        feed: &dyn Feed,
        commit: &StoredCommit,
        position: u64,
    ) -> Result<bool, StoreError> {
        if let Some(retroactive) = said_by(commit) {
            return Ok(retroactive);
        }
        let product = text(commit, "product_id").and_then(|id| ProductId::new(id).ok());
        let (Some(product), Some(occurred)) = (product, in_metadata(commit, "occurred_at")) else {
            return Ok(false);
        };
        let times = self.products.entry(product.clone()).or_default();
        while times.behind < position {
            let (first, last) = (times.behind, position - 1);
            let product = Some(product.clone());
            let slice = FeedSlice { first, last, product, newest_first: false, limit: READ_AT_ONCE };
            let entries = feed.slice(&slice).await?;
            self.rows += entries.len();
            times.behind = if entries.len() < READ_AT_ONCE {
                position
            } else {
                entries.last().map_or(position, |last| last.position + 1)
            };
            for entry in &entries {
                // What cannot be read states no price that is known.
                if let Change::Committed(commit) = &entry.change {
                    times.add(entry.position, commit);
                }
            }
        }
        let before = times.newest.partition_point(|(stated, _)| *stated < position);
        Ok(before.checked_sub(1).is_some_and(|last| occurred < times.newest[last].1.as_str()))
    }
}

impl ReadTimes {
    fn add(&mut self, position: u64, commit: &StoredCommit) {
        if let Some(occurred) = in_metadata(commit, "occurred_at").filter(|_| states_a_price(commit)) {
            let before = self.newest.last().map(|(_, newest)| newest.as_str());
            let newest = before.filter(|before| *before > occurred).unwrap_or(occurred).to_owned();
            self.newest.push((position, newest));
        }
    }
}
