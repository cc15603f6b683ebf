//! Page cursors: a position, bound by a checksum to the query it was made for.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

const CHECKSUM_BYTES: usize = 9;

/// The cursor is made up, damaged or of another query: begin without one.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the cursor does not belong to this query; leave it out to start from the beginning")]
pub struct InvalidCursor;

/// The cursor of `position` for the query described by these parts.
#[must_use]
pub fn encode(query: &[&str], position: &str) -> String {
    let mut bytes = checksum(query, position).to_vec();
    bytes.extend_from_slice(position.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The position of a cursor.
///
/// # Errors
/// [`InvalidCursor`]: [`encode`] did not make it for the same query; begin without one.
pub fn decode(query: &[&str], cursor: &str) -> Result<String, InvalidCursor> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| InvalidCursor)?;
    let (sum, position) = bytes.split_first_chunk::<CHECKSUM_BYTES>().ok_or(InvalidCursor)?;
    let position = std::str::from_utf8(position).map_err(|_| InvalidCursor)?;
    if *sum == checksum(query, position) { Ok(position.to_owned()) } else { Err(InvalidCursor) }
}

fn checksum(query: &[&str], position: &str) -> [u8; CHECKSUM_BYTES] {
    let mut hash = Sha256::new();
    for part in ["product-ledger cursor 1"].iter().chain(query).chain(&[position]) {
        // Each part with its length, so that no text can move from one part to the next.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let mut sum = [0; CHECKSUM_BYTES];
    sum.copy_from_slice(&digest[..CHECKSUM_BYTES]);
    sum
}
