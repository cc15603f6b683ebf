//! What an append and a load ask of `DynamoDB`, ours beside other event stores: the same product and the same events, the
//! same engine, the same metering proxy, one run.

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
