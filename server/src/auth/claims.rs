//! Validates the claims of a token whose signature has been verified. Pure: the time comes in.

use std::time::Duration;

use serde::Deserialize;
use web::{Actor, InvalidSubject};

/// How far the clocks of issuer and ledger may be apart.
const SKEW: Duration = Duration::from_mins(1);

/// The claims that a token for this ledger has.
#[derive(Debug, Clone)]
pub(super) struct ClaimRules {
    pub(super) issuer: String,
    /// Any of them.
    pub(super) audiences: Vec<String>,
}

/// The claims that are read; others are ignored.
#[derive(Deserialize)]
pub(super) struct Claims {
    iss: Option<String>,
    sub: Option<String>,
    aud: Option<Audience>,
    /// Seconds since 1970, possibly with a fraction (RFC 7519, section 2).
    exp: Option<f64>,
    nbf: Option<f64>,
    scope: Option<String>,
    client_id: Option<String>,
    token_use: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// Why a token's claims are not accepted. Clients see the texts, also in a header: they hold no quotes and nothing of the
/// token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum ClaimsError {
    #[error("the token has another issuer")]
    Issuer,
    #[error("the token is for another audience")]
    Audience,
    #[error("the token is not an access token")]
    Use,
    #[error("the token does not say when it expires")]
    NoExpiry,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYet,
    #[error(
        "the subject of the token is missing, longer than 255 characters or not of visible ASCII characters"
    )]
    Subject,
}

impl From<InvalidSubject> for ClaimsError {
    fn from(_: InvalidSubject) -> Self {
        Self::Subject
    }
}

impl Claims {
    /// The actor, if the token is valid at `now` (since 1970).
    pub(super) fn actor(self, rules: &ClaimRules, now: Duration) -> Result<Actor, ClaimsError> {
        if self.iss.as_deref() != Some(&rules.issuer) {
            return Err(ClaimsError::Issuer);
        }
        // Cognito's id tokens have the same audience and say who somebody is, not what they may do.
        if self.token_use.as_deref().is_some_and(|usage| usage != "access") {
            return Err(ClaimsError::Use);
        }
        if !rules.audiences.iter().any(|audience| self.is_for(audience)) {
            return Err(ClaimsError::Audience);
        }
        let expiry = self.exp.ok_or(ClaimsError::NoExpiry)?;
        let expiry = Duration::try_from_secs_f64(expiry).map_err(|_| ClaimsError::Expired)?;
        if now >= expiry.saturating_add(SKEW) {
            return Err(ClaimsError::Expired);
        }
        if let Some(start) = self.nbf {
            // A moment before 1970 has passed; one that no clock reaches has not.
            let start = Duration::try_from_secs_f64(start.max(0.0)).map_err(|_| ClaimsError::NotYet)?;
            if now.saturating_add(SKEW) < start {
                return Err(ClaimsError::NotYet);
            }
        }
        let scopes = self.scope.as_deref().unwrap_or_default().split(' ').filter(|scope| !scope.is_empty());
        let scopes = scopes.map(str::to_owned).collect();
        Ok(Actor::subject(self.sub.as_deref().unwrap_or_default(), scopes)?)
    }

    /// Cognito's access tokens name their audience in `client_id`, which other issuers use for something else.
    fn is_for(&self, audience: &str) -> bool {
        match &self.aud {
            Some(Audience::One(one)) => one == audience,
            Some(Audience::Several(several)) => several.iter().any(|one| one == audience),
            None => {
                self.client_id.as_deref() == Some(audience) && self.token_use.as_deref() == Some("access")
            }
        }
    }
}

#[cfg(test)]
mod tests;
