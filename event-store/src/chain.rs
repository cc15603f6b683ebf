//! The hash chain: SHA-256 over the canonical JSON (RFC 8785) of a commit without its `hash`, linked by `previous_hash`.

use std::collections::BTreeMap;

use schema::{Commit, Hash, StoredCommit, Unsealed};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The largest canonical form of a commit, in bytes; a `DynamoDB` item may have 400 KB (409,600 bytes).
pub const MOST_BYTES: usize = 350 * 1024;

/// The commit cannot be sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The product is too large: the client has to shorten its description or attributes.
    #[error("the commit has {bytes} bytes; at most {MOST_BYTES} are allowed")]
    TooLarge {
        /// Size of the canonical form.
        bytes: usize,
    },
    /// A value cannot be written as JSON; never for values of the schema.
    #[error("the commit cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// Computes the hash of a commit; returns the decoded form for the caller and the stored form for the journal.
///
/// # Errors
/// [`SealError::TooLarge`]: the client must shorten the product.
pub fn seal(unsealed: Unsealed) -> Result<(Commit, StoredCommit), SealError> {
    let mut stored = unsealed.to_json()?;
    let canonical = serde_json_canonicalizer::to_vec(&stored)?;
    if canonical.len() > MOST_BYTES {
        return Err(SealError::TooLarge { bytes: canonical.len() });
    }
    let hash = Hash::of_digest(&Sha256::digest(&canonical).into());
    stored.insert("hash".into(), hash.as_str().into());
    Ok((Commit { unsealed, hash }, StoredCommit(stored)))
}

/// The hash of a stored commit, computed from all of its fields but `hash`.
///
/// # Errors
/// When the value cannot be written as canonical JSON.
pub fn hash_of(stored: &StoredCommit) -> Result<Hash, serde_json::Error> {
    let rest: BTreeMap<&String, &Value> = stored.0.iter().filter(|(name, _)| *name != "hash").collect();
    let canonical = serde_json_canonicalizer::to_vec(&rest)?;
    Ok(Hash::of_digest(&Sha256::digest(&canonical).into()))
}

#[cfg(test)]
mod tests {
    use schema::fixtures;
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_sorted_by_utf_16_code_units_as_rfc_8785_says() {
        let value = json!({"\u{fb33}": 1, "\u{1f600}": 2, "\u{20ac}": 3, "1": 4, "\r": 5});
        let canonical = serde_json_canonicalizer::to_string(&value).unwrap();
        assert_eq!(canonical, "{\"\\r\":5,\"1\":4,\"\u{20ac}\":3,\"\u{1f600}\":2,\"\u{fb33}\":1}");
    }

    #[test]
    fn the_hash_covers_every_field_but_itself() {
        let unsealed = fixtures::commit_after(None, &fixtures::id("p"), vec![fixtures::helmet_created()]);
        let (commit, stored) = seal(unsealed).unwrap();
        assert_eq!(hash_of(&stored).unwrap(), commit.hash);
        for name in stored.0.keys().filter(|name| *name != "hash") {
            let mut changed = stored.clone();
            changed.0[name] = json!("changed");
            assert_ne!(hash_of(&changed).unwrap(), commit.hash, "{name}");
        }
    }

    #[test]
    fn a_field_of_a_later_build_is_hashed_too() {
        let unsealed = fixtures::commit_after(None, &fixtures::id("p"), vec![fixtures::helmet_created()]);
        let (commit, mut stored) = seal(unsealed).unwrap();
        stored.0["metadata"]["approved_by"] = json!("x");
        assert_ne!(hash_of(&stored).unwrap(), commit.hash);
    }

    #[test]
    fn a_commit_is_refused_well_before_dynamodb_would() {
        let mut unsealed = fixtures::commit_after(None, &fixtures::id("p"), vec![fixtures::helmet_created()]);
        unsealed.metadata.actor = "a".repeat(MOST_BYTES);
        assert!(matches!(seal(unsealed), Err(SealError::TooLarge { .. })));
    }

    #[test]
    fn a_commit_of_exactly_350_kib_is_the_largest() {
        let mut unsealed = fixtures::commit_after(None, &fixtures::id("p"), vec![fixtures::helmet_created()]);
        unsealed.metadata.actor = String::new();
        let rest = serde_json_canonicalizer::to_vec(&unsealed.to_json().unwrap()).unwrap().len();
        unsealed.metadata.actor = "a".repeat(358_400 - rest);
        assert!(seal(unsealed.clone()).is_ok());
        unsealed.metadata.actor.push('a');
        assert!(matches!(seal(unsealed), Err(SealError::TooLarge { bytes: 358_401 })));
    }
}
