//! The contract of the port `Receipts`, for every adapter.

mod anew;
mod marks;
mod positions;
mod products;
mod records;
mod together;

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use event_store::receipts::{self, EventPublication, RestoreMark};
use event_store::{DynamoReceipts, MemoryReceipts, Receipts, SqliteReceipts, sqlite as files, table};
use schema::{ProductId, PublicationRecord, fixtures};
use sqlite::{Access, Schema};

use crate::given::{Given, Port, Way};

type ReceiptStore = Given<dyn Receipts>;

impl Port for dyn Receipts {
    /// Sets a mark, as a restore does.
    type Setting = Vec<(ProductId, RestoreMark)>;
    const SCHEMA: Schema = files::PUBLISHING;
    const WAYS: &[Way] = Way::ALL;

    async fn memory(marks: Self::Setting) -> Arc<Self> {
        let receipts = MemoryReceipts::default();
        for (product, mark) in marks {
            receipts.mark(product, mark);
        }
        Arc::new(receipts)
    }

    async fn sqlite(access: Access, marks: Self::Setting) -> Arc<Self> {
        let receipts = SqliteReceipts::new(access);
        receipts.mark(marks).await.unwrap();
        Arc::new(receipts)
    }

    async fn dynamodb(client: Client, new: bool, _: Self::Setting) -> Arc<Self> {
        if new {
            table::create(&client, "receipts", receipts::TABLE).await.unwrap();
        }
        Arc::new(DynamoReceipts::new(client, "receipts"))
    }
}

fn receipt(sequence: u64) -> PublicationRecord {
    PublicationRecord::Receipt(fixtures::receipt(sequence))
}

fn failure(sequence: u64, attempts: u32) -> PublicationRecord {
    PublicationRecord::Failure(fixtures::failure(sequence, attempts))
}

fn record(product: &ProductId, sequence: u64, outcome: PublicationRecord) -> EventPublication {
    EventPublication { product: product.clone(), sequence, outcome }
}

fn receipts_of(product: &ProductId, sequences: std::ops::RangeInclusive<u64>) -> Vec<EventPublication> {
    sequences.map(|sequence| record(product, sequence, receipt(sequence))).collect()
}

/// All records of a product.
async fn all(receipts: &dyn Receipts, product: &ProductId) -> Vec<(u64, PublicationRecord)> {
    receipts.of(product, 0, u64::MAX).await.unwrap()
}
