//! Every adapter the contracts are run on, and records to write.

use std::sync::Arc;

use event_store::receipts::Record;
use event_store::{
    DynamoParking, DynamoReceipts, MemoryParking, MemoryReceipts, Parking, Receipts, parking, receipts, table,
};
use schema::receipt::FailureDetails;
use schema::{Hash, ProductId, PublicationFailure, PublicationReceipt, PublicationRecord, fixtures};

pub async fn all_receipts() -> Vec<(&'static str, Arc<dyn Receipts>)> {
    let engine = engine::Engine::in_memory().unwrap();
    vec![
        ("memory", Arc::new(MemoryReceipts::default())),
        ("embedded", Arc::new(receipts_on(&engine.sdk_config()).await)),
    ]
}

pub async fn receipts_on(config: &aws_config::SdkConfig) -> DynamoReceipts {
    let client = aws_sdk_dynamodb::Client::new(config);
    table::create(&client, "receipts", receipts::TABLE).await.unwrap();
    DynamoReceipts::new(client, "receipts")
}

pub async fn all_parking() -> Vec<(&'static str, Arc<dyn Parking>)> {
    let engine = engine::Engine::in_memory().unwrap();
    let client = aws_sdk_dynamodb::Client::new(&engine.sdk_config());
    table::create(&client, "parking", parking::TABLE).await.unwrap();
    vec![
        ("memory", Arc::new(MemoryParking::default())),
        ("embedded", Arc::new(DynamoParking::new(client, "parking"))),
    ]
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
