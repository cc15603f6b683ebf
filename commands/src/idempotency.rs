//! Idempotency keys: a key belongs to its actor and identifies exactly one request.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schema::ProductId;
use schema::recent::KeyHash;
use serde_json::Value;
use sha2::{Digest, Sha256};
use ulid::Ulid;

/// A client's key and the fingerprint of its request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The key as the client sent it.
    pub key: String,
    /// [`fingerprint`] of the request.
    pub fingerprint: String,
}

/// SHA-256 over the canonical JSON of `[method, path, query, body]`, base64url: equal for equal requests, however their JSON is
/// formatted.
///
/// # Errors
/// When the body cannot be written as canonical JSON; never for JSON that was read.
pub fn fingerprint(method: &str, path: &str, query: &str, body: &Value) -> Result<String, serde_json::Error> {
    let canonical = serde_json_canonicalizer::to_vec(&(method, path, query, body))?;
    Ok(URL_SAFE_NO_PAD.encode(Sha256::digest(&canonical)))
}

/// The hash of an actor's key in `recent`: the first 8 bytes of [`digest`].
#[must_use]
pub fn key_hash(actor: &str, key: &str) -> KeyHash {
    let mut hash = KeyHash::default();
    let length = hash.len();
    hash.copy_from_slice(&digest(actor, key)[..length]);
    hash
}

/// The id of the product that `POST` with this key creates: the ULID form of the first 128 bits of [`digest`].
#[must_use]
pub fn product_id(actor: &str, key: &str) -> ProductId {
    let mut bits = [0; 16];
    bits.copy_from_slice(&digest(actor, key)[..16]);
    Ulid::from_bytes(bits).into()
}

/// SHA-256(actor, 0x00, key). Stored in part; never change.
fn digest(actor: &str, key: &str) -> [u8; 32] {
    Sha256::new().chain_update(actor).chain_update([0]).chain_update(key).finalize().into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_belongs_to_its_actor() {
        assert_ne!(key_hash("ann", "k"), key_hash("bob", "k"));
        assert_ne!(product_id("ann", "xk"), product_id("annx", "k"));
        assert_eq!(product_id("ann", "k"), product_id("ann", "k"));
    }

    #[test]
    fn the_stored_form_of_a_key_stays() {
        assert_eq!(product_id("anonymous", "k-1").as_str(), "6RD7Q0H8EYC05N888NMGT49WPJ");
        assert_eq!(key_hash("anonymous", "k-1"), [0xd8, 0x69, 0xee, 0x08, 0xa1, 0xde, 0x60, 0x0b]);
    }

    #[test]
    fn the_order_of_fields_is_no_difference_but_every_part_is() {
        let of = |method, path, query, body: Value| fingerprint(method, path, query, &body).unwrap();
        let one = of("PUT", "/products/a", "", json!({"name": "x", "price": "1"}));
        assert_eq!(one, of("PUT", "/products/a", "", json!({"price": "1", "name": "x"})));
        for other in [
            of("POST", "/products/a", "", json!({"name": "x", "price": "1"})),
            of("PUT", "/products/b", "", json!({"name": "x", "price": "1"})),
            of("PUT", "/products/a", "x", json!({"name": "x", "price": "1"})),
            of("PUT", "/products/a", "", json!({"name": "x", "price": "2"})),
        ] {
            assert_ne!(one, other);
        }
    }
}
