//! The access token of the ledger's client `subscriber`, whose id and secret are in Secrets Manager, by client credentials.

use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use ledger_subscriber::Failure;
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long before its end another token is asked for.
const EARLIER: Duration = Duration::from_mins(5);
/// The most that the issuer may take.
const TIMEOUT: Duration = Duration::from_secs(10);
const FORM: &str = "grant_type=client_credentials&scope=products%2Fsubscribe";

/// Asks the issuer only for the first token and when one ends.
pub struct AccessToken {
    url: String,
    secret: String,
    secrets: Client,
    http: reqwest::Client,
    kept: Mutex<Option<(String, Instant)>>,
}

#[derive(Deserialize)]
struct Credentials {
    client_id: String,
    client_secret: String,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    expires_in: u64,
}

impl AccessToken {
    /// Tokens of the client in this secret, from this address.
    pub fn new(secrets: Client, url: String, secret: String) -> Self {
        Self { url, secret, secrets, http: reqwest::Client::new(), kept: Mutex::default() }
    }

    /// A valid token.
    ///
    /// # Errors
    /// The secret or the issuer did not answer; try again.
    pub async fn get(&self) -> Result<String, Failure> {
        let mut kept = self.kept.lock().await;
        if let Some((token, until)) = &*kept
            && Instant::now() < *until
        {
            return Ok(token.clone());
        }
        let secret = self.secrets.get_secret_value().secret_id(&self.secret).send().await?;
        let client: Credentials = serde_json::from_str(secret.secret_string().unwrap_or_default())?;
        let request = self.http.post(&self.url).basic_auth(client.client_id, Some(client.client_secret));
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(FORM);
        let answer: Answer = request.timeout(TIMEOUT).send().await?.error_for_status()?.json().await?;
        let lasts = Duration::from_secs(answer.expires_in).saturating_sub(EARLIER);
        *kept = Some((answer.access_token.clone(), Instant::now() + lasts));
        Ok(answer.access_token)
    }
}
