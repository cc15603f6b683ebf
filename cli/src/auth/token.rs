//! From a bearer token to the actor it stands for: its signature first, then what it claims.

use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header};
use schema::Clock;
use web::Actor;

use super::claims::{Claims, Rules, Wrong};
use super::current::Current;

/// The accepted algorithms. Constant: neither a setting nor a token nor a key set can add one.
const ACCEPTED: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];

/// Longer than any access token, and not worth decoding beyond.
const LONGEST: usize = 8 * 1024;

/// The token is not believed. The texts are told to the client, in a header too: no quotes, nothing of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the token cannot be read as a signed JSON Web Token")]
    Unreadable,
    #[error("the token is signed in a way that is not accepted; RS256, ES256 and EdDSA are")]
    Algorithm,
    #[error("the token is signed with a key that the issuer does not publish")]
    Key,
    #[error("the signature of the token is not valid")]
    Signature,
    #[error(transparent)]
    Claims(#[from] Wrong),
}

/// Whom to believe.
pub(super) struct Checker {
    pub(super) keys: Arc<Current>,
    pub(super) rules: Rules,
    pub(super) clock: Clock,
}

impl Checker {
    /// The actor a token stands for.
    pub(super) async fn actor(&self, token: &str) -> Result<Actor, Refusal> {
        if token.len() > LONGEST {
            return Err(Refusal::Unreadable);
        }
        // An algorithm the library has no name for, such as `none`, ends here too.
        let header = decode_header(token).map_err(|_| Refusal::Unreadable)?;
        // RFC 7515, section 4.1.11: what a token marks as critical has to be understood; we understand nothing of it.
        if !ACCEPTED.contains(&header.alg) || header.crit.is_some() {
            return Err(Refusal::Algorithm);
        }
        let claims = self.signed(token, &header).await?;
        // A clock before 1970 is a broken machine; no token is valid then.
        let now = u64::try_from((self.clock)().millis()).map_err(|_| Wrong::NotYet)?;
        Ok(claims.actor(&self.rules, Duration::from_millis(now))?)
    }

    async fn signed(&self, token: &str, header: &Header) -> Result<Claims, Refusal> {
        let keys = self.keys.knowing(header.kid.as_deref()).await;
        let mut candidates = keys.candidates(header.kid.as_deref(), header.alg).peekable();
        if candidates.peek().is_none() {
            return Err(Refusal::Key);
        }
        let signature = signature_alone(header.alg);
        let valid = candidates.find_map(|key| decode::<serde_json::Value>(token, key, &signature).ok());
        let claims = valid.ok_or(Refusal::Signature)?.claims;
        serde_json::from_value(claims).map_err(|_| Refusal::Unreadable)
    }
}

/// The library checks signatures; it would judge the claims by the system's clock, and ours is passed in.
fn signature_alone(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}
