//! Verifies a bearer token and gives the actor it stands for: first its signature, then its claims.

use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header};
use schema::Clock;
use web::Actor;

use super::claims::{ClaimRules, Claims, ClaimsError};
use super::key_cache::{KeyCache, KeyUndecided};

/// The accepted algorithms. Constant: neither a setting nor a token nor a key set can add one.
const ACCEPTED: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];

/// Longer than any access token; anything longer is not decoded.
const LONGEST: usize = 8 * 1024;

/// Why a token is refused. Clients see the texts, also in a header: they hold no quotes and nothing of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum TokenError {
    #[error("the token is not a signed JSON Web Token")]
    Unreadable,
    #[error("the signature algorithm of the token is not accepted; RS256, ES256 and EdDSA are")]
    Algorithm,
    #[error("the token is signed with a key that the issuer does not publish")]
    Key,
    #[error("the signature of the token is not valid")]
    Signature,
    #[error("whether its key exists cannot be found out now")]
    Undecided(KeyUndecided),
    #[error(transparent)]
    Claims(#[from] ClaimsError),
}

impl From<KeyUndecided> for TokenError {
    fn from(why: KeyUndecided) -> Self {
        Self::Undecided(why)
    }
}

/// Which tokens are accepted.
pub(super) struct TokenVerifier {
    pub(super) keys: Arc<KeyCache>,
    pub(super) rules: ClaimRules,
    pub(super) clock: Clock,
}

impl TokenVerifier {
    /// The actor a token stands for.
    pub(super) async fn actor(&self, token: &str) -> Result<Actor, TokenError> {
        if token.len() > LONGEST {
            return Err(TokenError::Unreadable);
        }
        // An algorithm the library has no name for, such as `none`, ends here too.
        let header = decode_header(token).map_err(|_| TokenError::Unreadable)?;
        // RFC 7515, section 4.1.11: extensions marked as critical must be understood, and we understand none.
        if !ACCEPTED.contains(&header.alg) || header.crit.is_some() {
            return Err(TokenError::Algorithm);
        }
        let claims = self.signed(token, &header).await?;
        // If the clock is before 1970, the machine is broken; no token is valid then.
        let now = u64::try_from((self.clock)().millis()).map_err(|_| ClaimsError::NotYet)?;
        Ok(claims.actor(&self.rules, Duration::from_millis(now))?)
    }

    async fn signed(&self, token: &str, header: &Header) -> Result<Claims, TokenError> {
        let keys = self.keys.with_key(header.kid.as_deref()).await?;
        let mut candidates = keys.candidates(header.kid.as_deref(), header.alg).peekable();
        if candidates.peek().is_none() {
            return Err(TokenError::Key);
        }
        let signature = signature_alone(header.alg);
        let valid = candidates.find_map(|key| decode::<serde_json::Value>(token, key, &signature).ok());
        let claims = valid.ok_or(TokenError::Signature)?.claims;
        serde_json::from_value(claims).map_err(|_| TokenError::Unreadable)
    }
}

/// The library verifies the signature alone: it would validate claims by the system clock, and ours is passed in.
fn signature_alone(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}
