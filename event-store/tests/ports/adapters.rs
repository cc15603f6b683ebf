//! The receipts on `DynamoDB`, and records to write.

use event_store::receipts::Record;
use event_store::{DynamoReceipts, receipts, table};
use schema::receipt::FailureDetails;
use schema::{Hash, ProductId, PublicationFailure, PublicationReceipt, PublicationRecord, fixtures};

pub async fn receipts_on(config: &aws_config::SdkConfig) -> DynamoReceipts {
    let client = aws_sdk_dynamodb::Client::new(config);
    table::create(&client, "receipts", receipts::TABLE).await.unwrap();
    DynamoReceipts::new(client, "receipts")
}

pub fn receipt(sequence: u64) -> PublicationRecord {
    PublicationRecord::Receipt(PublicationReceipt {
        event_id: format!("event-{sequence}"),
        receipt_id: "11710aed-b79e-4468-a20b-bb3c0c3b4860".into(),
        bus: "product-ledger".into(),
        published_at: fixtures::at("2026-11-23T05:20:00.250Z"),
        attempts: 1,
        hash: Hash::genesis(),
    })
}

pub fn failure(sequence: u64, attempts: u32) -> PublicationRecord {
    PublicationRecord::Failure(PublicationFailure {
        event_id: format!("event-{sequence}"),
        receipt_id: String::new(),
        error: "Rate exceeded".into(),
        details: FailureDetails { error_code: "ThrottlingException".into() },
        attempts,
        failed_at: fixtures::at("2026-11-23T05:20:00.100Z"),
    })
}

pub fn record(product: &ProductId, sequence: u64, outcome: PublicationRecord) -> Record {
    Record { product: product.clone(), sequence, outcome }
}

pub fn receipts_of(product: &ProductId, sequences: std::ops::RangeInclusive<u64>) -> Vec<Record> {
    sequences.map(|sequence| record(product, sequence, receipt(sequence))).collect()
}
