//! A transparency log over the commits of a ledger: the leaf, the Merkle tree, tiles, signed checkpoints and proof files, and
//! the verification of a whole log. Formats are those of C2SP (tlog-tiles, tlog-checkpoint, signed-note, tlog-proof) and
//! RFC 6962.
//!
//! The promise: what this crate writes can be checked by tools that share no code with it, and what it accepts they accept.
//! It has no IO, no clock and no randomness; files come through [`LogSource`].

pub mod bundle;
pub mod checkpoint;
pub mod cosignature;
pub mod entry;
pub mod files;
pub mod key;
pub mod leaf;
pub mod note;
pub mod path;
pub mod proof;
pub mod proof_file;
pub mod signer;
pub mod tiles;
pub mod tree;
pub mod verify;

pub use checkpoint::{CheckpointFault, LogCheckpoint, TrustedKeys};
pub use cosignature::CosignerKey;
pub use entry::{AcceptedRestore, Entry, NamedFork};
pub use key::{VerifierKey, VerifierKeyError};
pub use leaf::Leaf;
pub use note::{NoteError, NoteSignature, SignedNote};
pub use path::LogPath;
pub use proof_file::{ProofFile, ProofFileError};
pub use signer::{CheckpointSigner, NoteSigner, SigningError};
pub use tiles::TileBuilder;
pub use tree::{RightEdge, TreeHash};
pub use verify::{CheckedLog, LogFault, LogSource};
