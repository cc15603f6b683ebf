//! The cost of an append and a load in `DynamoDB`, for the ledger and other event stores: the same product and events, the same
//! engine and metering proxy, in one run.

pub mod castore;
pub mod dynamo_es;
pub mod event_store_adapter;
pub mod measure;
pub mod measured;
pub mod meter;
pub mod ours;
pub mod product;
pub mod proxy;
pub mod report;
pub mod size;
pub mod tables;
