//! Receipts in memory, for tests, simulations and `--in-memory`.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use schema::{ProductId, PublicationRecord};

use super::{Mark, Position, Receipts, Record};
use crate::error::Unavailable;

/// Receipts, failures and marks by product.
#[derive(Debug, Default)]
pub struct MemoryReceipts {
    products: Mutex<BTreeMap<ProductId, Publication>>,
}

#[derive(Debug, Default)]
struct Publication {
    mark: Option<Mark>,
    records: BTreeMap<u64, PublicationRecord>,
}

impl MemoryReceipts {
    /// Sets the mark of a product, as a restore does.
    pub fn mark(&self, product: ProductId, mark: Mark) {
        self.products().entry(product).or_default().mark = Some(mark);
    }

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
        let mut position = Position { mark: publication.mark.clone(), ..Position::default() };
        for (sequence, record) in publication.records.iter().rev() {
            match record {
                PublicationRecord::Receipt(receipt) => {
                    (position.published, position.receipt) = (*sequence, Some(receipt.clone()));
                    break;
                }
                PublicationRecord::Failure(failure) => position.failure = Some(failure.clone()),
            }
        }
        Ok(position)
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

    async fn products(&self, after: &str, limit: usize) -> Result<Option<Vec<String>>, Unavailable> {
        let products = self.products();
        let behind = products.keys().map(ProductId::to_string).filter(|id| id.as_str() > after);
        Ok(Some(behind.take(limit).collect()))
    }
}
