//! The receipts on `DynamoDB`, and records to write.

use event_store::receipts::EventPublication;
use event_store::{DynamoReceipts, receipts, table};
use schema::{ProductId, PublicationRecord, fixtures};

pub async fn receipts_on(config: &aws_config::SdkConfig) -> DynamoReceipts {
    let client = event_store::metering::client(config);
    table::create(&client, "receipts", receipts::TABLE).await.unwrap();
    DynamoReceipts::new(client, "receipts")
}

pub fn receipt(sequence: u64) -> PublicationRecord {
    PublicationRecord::Receipt(fixtures::receipt(sequence))
}

pub fn failure(sequence: u64, attempts: u32) -> PublicationRecord {
    PublicationRecord::Failure(fixtures::failure(sequence, attempts))
}

pub fn record(product: &ProductId, sequence: u64, outcome: PublicationRecord) -> EventPublication {
    EventPublication { product: product.clone(), sequence, outcome }
}

pub fn receipts_of(product: &ProductId, sequences: std::ops::RangeInclusive<u64>) -> Vec<EventPublication> {
    sequences.map(|sequence| record(product, sequence, receipt(sequence))).collect()
}
