//! The client of witnesses (C2SP tlog-witness): servers of others that cosign a checkpoint if the log has only grown since the
//! one that they saw last.
//!
//! The promise: a cosignature is verified before it is used. Without a quorum a witness that cannot be asked holds up nothing; one
//! that has seen another log ends the signing.

use std::str::FromStr;
use std::time::Duration;

use event_store::backoff::Backoff;
use futures::future::join_all;
use ledger_log::{CosignerKey, LogCheckpoint, NoteSignature, SignedNote, VerifierKeyError};
use reqwest::{Client, StatusCode, Url, redirect};
use sequencer::{LogFailure, LogStore, growth};
use telemetry::meters::{LOG_COSIGNATURES, LOG_WITNESS_REQUESTS};
use tokio::time::Instant;

/// How long a witness may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The longest answer, in bytes.
const LONGEST: usize = 64 << 10;

/// How long a witness that failed is left alone, unless it is needed.
const BACKOFF: Backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_mins(1) };

/// Where a witness is, and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessAddress {
    url: Url,
    key: CosignerKey,
}

/// The text is no witness.
#[derive(Debug, thiserror::Error)]
pub enum WitnessAddressError {
    /// It has not two parts.
    #[error("a witness is given as URL and key, with a space between them")]
    Form,
    /// It has no URL of a web server.
    #[error("the first part is not an http or https URL")]
    Url,
    /// It has no key of a witness.
    #[error("the second part {0}")]
    Key(#[from] VerifierKeyError),
}

impl FromStr for WitnessAddress {
    type Err = WitnessAddressError;

    fn from_str(text: &str) -> Result<Self, WitnessAddressError> {
        let mut words = text.split_whitespace();
        let (Some(url), Some(key), None) = (words.next(), words.next(), words.next()) else {
            return Err(WitnessAddressError::Form);
        };
        let url = Url::parse(&format!("{}/add-checkpoint", url.trim_end_matches('/')));
        let url = url.ok().filter(|url| ["http", "https"].contains(&url.scheme()));
        Ok(Self { url: url.ok_or(WitnessAddressError::Url)?, key: key.parse()? })
    }
}

/// What a witness said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WitnessAnswer {
    /// The log has grown from what it saw last.
    Cosigned(NoteSignature),
    /// It has seen a checkpoint of this size, which is larger.
    Ahead(u64),
    /// It has seen another log.
    Contradicted(String),
    /// It could not be asked, or did not do it.
    Failed(String),
}

/// A witness and what is known of it.
#[derive(Debug)]
struct Witness {
    address: WitnessAddress,
    /// The size that it saw last, as far as known.
    seen: u64,
    /// Its cosignature of the newest checkpoint that it cosigned.
    cosigned: Option<(String, NoteSignature)>,
    failures: u32,
    /// When it is asked again after a failure.
    due: Instant,
}

/// The witnesses of a log.
#[derive(Debug)]
pub struct Witnesses {
    all: Vec<Witness>,
    quorum: usize,
    client: Client,
}

impl Witnesses {
    /// These, of which `quorum` have to cosign a checkpoint before it is published.
    ///
    /// # Errors
    /// The client of HTTP could not be made.
    pub fn new(addresses: &[WitnessAddress], quorum: usize) -> Result<Self, reqwest::Error> {
        let client = Client::builder().timeout(TIMEOUT).redirect(redirect::Policy::none()).build()?;
        let witness = |address: &WitnessAddress| Witness {
            address: address.clone(),
            seen: 0,
            cosigned: None,
            failures: 0,
            due: Instant::now(),
        };
        Ok(Self { all: addresses.iter().map(witness).collect(), quorum, client })
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// How many have to cosign.
    #[must_use]
    pub fn quorum(&self) -> usize {
        self.quorum
    }

    /// Asks those that have not cosigned this checkpoint yet, all at once; after a failure only when they are due, or if they are
    /// needed. Answers with their names.
    pub async fn ask(
        &mut self,
        store: &dyn LogStore,
        note: &SignedNote,
        is_needed: bool,
    ) -> Vec<(String, WitnessAnswer)> {
        let Some(checkpoint) = LogCheckpoint::read(&note.text) else { return Vec::new() };
        let (client, now, checkpoint) = (&self.client, Instant::now(), &checkpoint);
        let asked = self.all.iter_mut().filter(|witness| {
            let has_cosigned = witness.cosigned.as_ref().is_some_and(|(text, _)| *text == note.text);
            !has_cosigned && (is_needed || witness.due <= now)
        });
        join_all(asked.map(async |witness| {
            let answer = witness.ask(client, store, note, checkpoint).await;
            (witness.address.key.name().to_owned(), answer)
        }))
        .await
    }

    /// The cosignatures of a checkpoint that are there.
    pub fn cosignatures(&self, text: &str) -> impl Iterator<Item = NoteSignature> {
        let cosigned = self.all.iter().filter_map(|witness| witness.cosigned.as_ref());
        cosigned.filter(move |(of, _)| of == text).map(|(_, signature)| signature.clone())
    }

    /// When those that have not cosigned a checkpoint yet are asked again.
    #[must_use]
    pub fn next_due(&self, text: &str) -> Option<Instant> {
        let has_cosigned = |witness: &&Witness| witness.cosigned.as_ref().is_some_and(|(of, _)| of == text);
        self.all.iter().filter(|witness| !has_cosigned(witness)).map(|witness| witness.due).min()
    }

    /// Shows how many have cosigned the newest checkpoint.
    pub fn measure(&self, text: &str) {
        let count = u32::try_from(self.cosignatures(text).count()).unwrap_or(u32::MAX);
        metrics::gauge!(LOG_COSIGNATURES.name).set(f64::from(count));
    }
}

impl Witness {
    async fn ask(
        &mut self,
        client: &Client,
        store: &dyn LogStore,
        note: &SignedNote,
        checkpoint: &LogCheckpoint,
    ) -> WitnessAnswer {
        let mut answer = self.sent(client, store, note, checkpoint).await;
        // What it saw last is known only from its refusal.
        if matches!(answer, WitnessAnswer::Ahead(seen) if seen <= checkpoint.size) {
            answer = self.sent(client, store, note, checkpoint).await;
        }
        if matches!(answer, WitnessAnswer::Ahead(seen) if seen <= checkpoint.size) {
            answer = WitnessAnswer::Failed("answers 409 whatever is sent".to_owned());
        }
        let result = match &answer {
            WitnessAnswer::Cosigned(signature) => {
                self.seen = checkpoint.size;
                self.cosigned = Some((note.text.clone(), signature.clone()));
                self.failures = 0;
                "cosigned"
            }
            WitnessAnswer::Ahead(_) | WitnessAnswer::Contradicted(_) => "contradicted",
            WitnessAnswer::Failed(reason) => {
                self.failures += 1;
                self.due = Instant::now() + BACKOFF.pause(self.failures);
                if self.failures == 1 {
                    let witness = self.address.key.name();
                    tracing::warn!(target: "ledger::log", witness, reason, "a witness has not cosigned the checkpoint; it is asked again");
                }
                "failed"
            }
        };
        metrics::counter!(LOG_WITNESS_REQUESTS.name, "result" => result).increment(1);
        answer
    }

    /// Sends the checkpoint with the proof from the size that the witness saw last. Of a 409 that size is remembered.
    async fn sent(
        &mut self,
        client: &Client,
        store: &dyn LogStore,
        note: &SignedNote,
        checkpoint: &LogCheckpoint,
    ) -> WitnessAnswer {
        let old = self.seen.min(checkpoint.size);
        let proof = match growth(store, old, checkpoint.size) {
            Ok(hashes) => hashes,
            Err(error) => return WitnessAnswer::Failed(error.to_string()),
        };
        let proof: String = proof.iter().map(|hash| format!("{hash}\n")).collect::<Vec<_>>().concat();
        let body = format!("old {old}\n{proof}\n{note}");
        let sent = client.post(self.address.url.clone()).body(body).send().await;
        let (status, text) = match sent {
            Ok(response) => (response.status(), limited(response).await),
            Err(error) => return WitnessAnswer::Failed(event_store::error::causes(&error)),
        };
        let text = match text {
            Ok(text) => text,
            Err(reason) => return WitnessAnswer::Failed(reason),
        };
        match status {
            StatusCode::OK => self.verified(&text, note),
            StatusCode::CONFLICT => match text.trim().parse::<u64>() {
                Ok(seen) if seen == old && old == checkpoint.size => {
                    WitnessAnswer::Contradicted(format!("has seen {seen} other entries"))
                }
                Ok(seen) => {
                    self.seen = seen;
                    WitnessAnswer::Ahead(seen)
                }
                Err(_) => WitnessAnswer::Failed("answers 409 without a size".to_owned()),
            },
            StatusCode::UNPROCESSABLE_ENTITY => WitnessAnswer::Contradicted(format!(
                "has seen {old} entries with which this log does not begin"
            )),
            other => WitnessAnswer::Failed(format!("answers {other}: {:.200}", text.trim())),
        }
    }

    fn verified(&self, text: &str, note: &SignedNote) -> WitnessAnswer {
        let signatures = text.lines().filter_map(NoteSignature::read);
        let mut own =
            signatures.filter(|signature| self.address.key.cosigned_at(&note.text, signature).is_some());
        match own.next() {
            Some(signature) => WitnessAnswer::Cosigned(signature),
            None => WitnessAnswer::Failed(format!(
                "answers without a cosignature of {} that verifies",
                self.address.key.name()
            )),
        }
    }
}

/// The body of an answer, as text.
async fn limited(mut response: reqwest::Response) -> Result<String, String> {
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|error| event_store::error::causes(&error))? {
        body.extend_from_slice(&part);
        if body.len() > LONGEST {
            return Err("answers more than 64 KB".to_owned());
        }
    }
    String::from_utf8(body).map_err(|_| "answers what is not text".to_owned())
}

/// The failure of a checkpoint that too few have cosigned.
pub(super) fn unwitnessed(found: usize, wanted: usize, answers: &[(String, WitnessAnswer)]) -> LogFailure {
    let failed = answers.iter().filter_map(|(name, answer)| match answer {
        WitnessAnswer::Failed(reason) => Some(format!("{name} {reason}")),
        _ => None,
    });
    LogFailure::Unwitnessed { found, wanted, reasons: failed.collect::<Vec<_>>().join("; ") }
}

#[cfg(test)]
mod tests;
