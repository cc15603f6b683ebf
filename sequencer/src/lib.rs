//! The one order of all commits as a transparency log (C2SP tlog-tiles): writing it, and serving it over HTTP.
//!
//! The promise: a checkpoint is signed only after everything below it is durable, and each is a prefix of the next.

mod accept;
mod api;
mod batches;
mod beginning;
mod bound;
mod cloud;
mod days;
mod due;
mod failure;
mod feed;
mod keeper;
mod kms;
mod proof;
mod publish;
mod published;
mod reconcile;
mod restore_table;
mod round;
mod routes;
mod run_end;
mod s3;
mod sorted;
mod store;
mod table;
mod writer;

pub use accept::{AcceptRestoreError, AcceptedForks};
pub use api::{InvalidLogPublic, KeptLog, LogApi, LogPublic, ProofSources, ServedKeys, ServedLog};
pub use bound::{BoundKeys, DynamoLogKeys, KeysOnRecord, NextKey};
pub use cloud::{CloudLog, CloudLogError, CloudLogPlace, CloudLogSetting, KeyRotationSetting};
pub use failure::{LogFailure, LogStop};
pub use feed::LogFeed;
pub use keeper::{KeptRun, LogDestination, LogKeepError, LogKeeper};
pub use kms::{CloudSigner, KmsKeyError, KmsSigner};
pub use proof::growth;
pub use publish::LogPublisher;
pub use published::{PublishedCheckpoint, PublishedCheckpoints};
pub use reconcile::ROUNDS;
pub use restore_table::RestoreTableError;
pub use round::{LogRun, Sequencer, SequencerPorts};
pub use routes::{documented, routes};
pub use run_end::RunEnd;
pub use s3::{InvalidRetention, LogRetention, S3Log};
pub use store::{DirectoryLog, LogStore, MemoryLog, prefix_of_full, sync_above};
pub use table::{
    BatchedAcceptance, BatchedCommit, DynamoLogTable, IndexBranch, IndexEnd, InitialKey, KeyRun, LOG_TABLE,
    LogBatch, LogBeginning, LogIndexEntry, LogTable, MOST_LEAVES, MemoryLogTable,
};
pub use writer::LogWriter;
