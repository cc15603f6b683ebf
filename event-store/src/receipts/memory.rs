//! Receipts in memory, for tests and simulations: the contract without a store.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use schema::{ProductId, PublicationRecord};

use super::{Advance, Position, Receipts, Record};
use crate::journal::Unavailable;

/// Receipts, failures and cursors by product.
#[derive(Debug, Default)]
pub struct MemoryReceipts {
    products: Mutex<BTreeMap<ProductId, Publication>>,
}

#[derive(Debug, Default)]
struct Publication {
    cursor: u64,
    records: BTreeMap<u64, PublicationRecord>,
}

impl MemoryReceipts {
    fn products(&self) -> MutexGuard<'_, BTreeMap<ProductId, Publication>> {
        // Every change is one insert or one assignment, so a panic elsewhere cannot have left half of one.
        self.products.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Receipts for MemoryReceipts {
    async fn position(&self, product: &ProductId) -> Result<Position, Unavailable> {
        let products = self.products();
        let Some(publication) = products.get(product) else {
            return Ok(Position::default());
        };
        let above = publication.records.range(publication.cursor + 1..);
        Ok(Position {
            published: publication.cursor,
            above: above.map(|(sequence, record)| (*sequence, record.clone())).collect(),
        })
    }

    async fn of(
        &self,
        product: &ProductId,
        from: u64,
        to: u64,
    ) -> Result<Vec<(u64, PublicationRecord)>, Unavailable> {
        let products = self.products();
        let records = products.get(product).map(|publication| &publication.records);
        let range = records.into_iter().flatten().filter(|(sequence, _)| (from..=to).contains(*sequence));
        Ok(range.map(|(sequence, record)| (*sequence, record.clone())).collect())
    }

    async fn record(&self, records: &[Record]) -> Result<(), Unavailable> {
        let mut products = self.products();
        for record in records {
            let publication = products.entry(record.product.clone()).or_default();
            let known = publication.records.get(&record.sequence);
            let succeeded = matches!(known, Some(PublicationRecord::Receipt(_)));
            if !succeeded || matches!(record.outcome, PublicationRecord::Receipt(_)) {
                publication.records.insert(record.sequence, record.outcome.clone());
            }
        }
        Ok(())
    }

    async fn advance(&self, product: &ProductId, seen: u64, to: u64) -> Result<Advance, Unavailable> {
        let mut products = self.products();
        let publication = products.entry(product.clone()).or_default();
        if publication.cursor != seen {
            return Ok(Advance::Found(publication.cursor));
        }
        publication.cursor = to;
        Ok(Advance::Moved)
    }
}
