//! The leaf: what the log keeps of a commit. Exactly 64 bytes, the hash of the commit before it and the commit's own.
//!
//! Two commits that follow the same one are two leaves with the same first half, so everybody sees a history that was
//! rewritten, although a leaf tells nothing of the commit. These bytes are stored for ever.

use schema::{DecodeError, Hash, StoredCommit};
use sha2::{Digest, Sha256};

/// The bytes of a leaf.
pub const LEAF_BYTES: usize = 64;

/// What precedes the product's id in the parent of its first commit.
const FIRST: &[u8] = b"product-ledger/product\n";

/// A commit as the log has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Leaf {
    /// The hash of the product's commit before it; of a first commit [`Leaf::first_parent`].
    pub parent: [u8; 32],
    /// The commit's hash.
    pub hash: [u8; 32],
}

impl Leaf {
    /// The leaf of a stored commit, by the hashes that it carries.
    ///
    /// # Errors
    /// [`DecodeError::Field`] if the commit has no product id, or no hash or previous hash of 64 lower-case hex digits.
    pub fn of(commit: &StoredCommit) -> Result<Self, DecodeError> {
        let hash = |field: &'static str| {
            let text = commit.text(field)?.to_owned();
            let invalid =
                |error: schema::hash::InvalidHash| DecodeError::Field { field, reason: error.to_string() };
            Hash::try_from(text).map_err(invalid)
        };
        let (own, previous) = (hash("hash")?, hash("previous_hash")?);
        let parent = if previous == Hash::genesis() {
            Self::first_parent(commit.text("product_id")?)
        } else {
            previous.digest()
        };
        Ok(Self { parent, hash: own.digest() })
    }

    /// The parent of a product's first commit, so that two beginnings of one product have one parent too.
    #[must_use]
    pub fn first_parent(product_id: &str) -> [u8; 32] {
        Sha256::new().chain_update(FIRST).chain_update(product_id).finalize().into()
    }

    /// The leaf that an entry is, if it has the length of one.
    #[must_use]
    pub fn read(entry: &[u8]) -> Option<Self> {
        let bytes: &[u8; LEAF_BYTES] = entry.try_into().ok()?;
        let (parent, hash) = bytes.split_at(32);
        Some(Self { parent: parent.try_into().ok()?, hash: hash.try_into().ok()? })
    }

    /// The entry of the log.
    #[must_use]
    pub fn to_bytes(self) -> [u8; LEAF_BYTES] {
        let mut bytes = [0; LEAF_BYTES];
        bytes[..32].copy_from_slice(&self.parent);
        bytes[32..].copy_from_slice(&self.hash);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use schema::fixtures;
    use serde_json::json;

    use super::*;

    fn stored() -> StoredCommit {
        let unsealed =
            fixtures::commit_after(None, &fixtures::id("helmet"), vec![fixtures::helmet_created()]);
        let mut stored = StoredCommit(unsealed.to_json().unwrap());
        stored.0.insert("hash".into(), json!("12".repeat(32)));
        stored
    }

    #[test]
    fn a_leaf_is_the_parent_and_the_hash() {
        let mut commit = stored();
        let own = commit.text("hash").unwrap().to_owned();
        let first = Leaf::of(&commit).unwrap();
        // printf 'product-ledger/product\nhelmet' | sha256sum
        let parent = "115062a1a8176e89d2bc30db70007c89f33047809bf1da1bca5a1fe2093a61f6";
        assert_eq!(hex::encode(first.to_bytes()), format!("{parent}{own}"));
        commit.0.insert("previous_hash".into(), json!("ab".repeat(32)));
        assert_eq!(hex::encode(Leaf::of(&commit).unwrap().to_bytes()), "ab".repeat(32) + &own);
        assert_eq!(Leaf::read(&first.to_bytes()), Some(first));
    }

    #[test]
    fn two_beginnings_of_a_product_have_one_parent_and_those_of_two_products_two() {
        let (one, mut other) = (stored(), stored());
        other.0.insert("hash".into(), json!("cd".repeat(32)));
        assert_eq!(Leaf::of(&one).unwrap().parent, Leaf::of(&other).unwrap().parent);
        other.0.insert("product_id".into(), json!("cap"));
        assert_ne!(Leaf::of(&one).unwrap().parent, Leaf::of(&other).unwrap().parent);
    }

    #[test]
    fn what_has_no_hashes_is_no_leaf() {
        for (field, value) in
            [("hash", json!("AB".repeat(32))), ("previous_hash", json!(1)), ("product_id", json!(null))]
        {
            let mut commit = stored();
            commit.0.insert(field.into(), value);
            assert!(matches!(Leaf::of(&commit), Err(DecodeError::Field { .. })), "{field}");
        }
        assert_eq!(Leaf::read(&[0; 63]), None);
        assert_eq!(Leaf::read(&[0; 65]), None);
    }
}
