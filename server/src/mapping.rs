//! Lambda's event source mapping for a DynamoDB stream, in this process: every record reaches the function at least once, in
//! the order of its shard, also across restarts, and a record that cannot be handled does not block the others for ever.

mod batch;
mod catch_up;
mod checkpoint;
mod lineage;
mod outcome;
mod record;
mod run;
mod settings;
mod shard_consumer;
mod shard_reader;
mod shards;

pub(crate) use batch::DeliveryBatch;
pub use batch::RedeliveryPolicy;
pub use checkpoint::{CheckpointError, CheckpointTable, ShardPosition, TABLE as CHECKPOINTS_TABLE};
pub(crate) use outcome::BatchOutcome;
pub use settings::{EventSourceMapping, SkippedRecord, StreamEndpoint};
