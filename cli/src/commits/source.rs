//! Where `ledger commits` reads from: a server, or the files of a data directory, which answer as a server does.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use axum::{Extension, Router};
use clap::{ArgMatches, Args, Command, FromArgMatches};
use event_store::{FeedReader, MemoryReceipts, Receipts};
use projections::http::feed::{FeedApi, routes};
use serde_json::Value;
use tokio::sync::watch;
use tower::ServiceExt;
use web::{Actor, Problem, Scope};

use crate::out;
use crate::read_only::of_files;
use crate::remote::{LedgerClient, not_beside_url, refusal};

/// The error if neither a server nor a directory is named.
const NO_LEDGER: &str =
    "which ledger? Give --data DIR for one on this machine, or --url URL of its server or of its API on AWS";

/// A server or a data directory, not both.
#[derive(Debug)]
pub struct FeedSourceArgs(SourceOptions);

#[derive(Debug, Args)]
struct SourceOptions {
    /// Data directory of the ledger, also while `serve` runs on it.
    #[arg(long)]
    data: Option<PathBuf>,
    /// URL of the server; `LEDGER_TOKEN` is sent as bearer token.
    #[arg(long, env = "LEDGER_URL")]
    url: Option<String>,
}

/// Answers requests for commits.
pub(super) enum FeedSource {
    Server(LedgerClient),
    Files(FeedOfFiles),
}

/// The route for commits on the files of a directory.
pub(super) struct FeedOfFiles {
    routes: Router,
    name: String,
}

/// A page of CSV.
pub(super) struct CsvPage {
    pub(super) text: String,
    /// Where the next one begins.
    pub(super) next: Option<u64>,
}

/// A body, and the value of `Link`.
struct FeedAnswer {
    body: Vec<u8>,
    link: Option<String>,
}

impl FromArgMatches for FeedSourceArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        not_beside_url(matches, "data", "--data <DATA>")?;
        SourceOptions::from_arg_matches(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for FeedSourceArgs {
    fn augment_args(command: Command) -> Command {
        SourceOptions::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        SourceOptions::augment_args_for_update(command)
    }
}

impl FeedSourceArgs {
    /// Opens the directory, or a client of the server.
    ///
    /// # Errors
    /// When neither is named, or there is no ledger in the directory.
    pub(super) async fn open(&self) -> anyhow::Result<FeedSource> {
        match (&self.0.data, &self.0.url) {
            (Some(data), _) => Ok(FeedSource::Files(FeedOfFiles::open(data).await?)),
            (None, Some(url)) => Ok(FeedSource::Server(LedgerClient::new(url)?)),
            (None, None) => anyhow::bail!(NO_LEDGER),
        }
    }
}

impl FeedSource {
    /// A page as JSON.
    ///
    /// # Errors
    /// [`crate::exit::Refused`] inside if the ledger does not reach the position; any other error if there is no answer.
    pub(super) async fn json(&self, query: &[(&str, String)]) -> anyhow::Result<Value> {
        let answer = self.answer(query, "application/json").await?;
        serde_json::from_slice(&answer.body).context("the answer is not JSON")
    }

    /// A page as CSV.
    ///
    /// # Errors
    /// As [`FeedSource::json`].
    pub(super) async fn csv(&self, query: &[(&str, String)]) -> anyhow::Result<CsvPage> {
        let answer = self.answer(query, "text/csv").await?;
        let text = String::from_utf8(answer.body).context("the answer is not text")?;
        let next =
            answer.link.map(|link| position_in(&link).context("the link to the next page cannot be read"));
        Ok(CsvPage { text, next: next.transpose()? })
    }

    async fn answer(&self, query: &[(&str, String)], accept: &str) -> anyhow::Result<FeedAnswer> {
        match self {
            Self::Files(files) => files.answer(query, accept).await,
            Self::Server(client) => {
                let request = client.request(&["commits"], query)?.header("accept", accept);
                let answer = client.whole(client.sent(request).await?).await?;
                anyhow::ensure!(
                    answer.status != reqwest::StatusCode::NOT_FOUND,
                    "{} has no /commits: it is no ledger, or of an earlier build",
                    client.url
                );
                let link = answer.headers.get("link").and_then(|link| link.to_str().ok()).map(str::to_owned);
                Ok(FeedAnswer { body: client.accepted(answer)?, link })
            }
        }
    }
}

impl FeedOfFiles {
    async fn open(data: &Path) -> anyhow::Result<Self> {
        let name = format!("--data {}", data.display());
        let ports = of_files(data).await.with_context(|| name.clone())?;
        let feed = ports.feed.clone().context("a data directory has positions")?;
        // Without receipts nothing is said about publication.
        let (receipts, actor) = match ports.receipts() {
            Ok(receipts) => (receipts, Actor::anonymous()),
            Err(error) => {
                out::message(format_args!("commits are listed without receipts: {error}"));
                let actor = Actor::subject("files", vec![Scope::Subscribe.name().to_owned()])?;
                (Arc::<MemoryReceipts>::default() as Arc<dyn Receipts>, actor)
            }
        };
        let stopping = watch::channel(false).1;
        let api = FeedApi { feed: FeedReader::new(feed), journal: ports.journal, receipts, stopping };
        Ok(Self { routes: routes(api).layer(Extension(actor)), name })
    }

    async fn answer(&self, query: &[(&str, String)], accept: &str) -> anyhow::Result<FeedAnswer> {
        let mut url = reqwest::Url::parse("http://files/commits")?;
        url.query_pairs_mut().extend_pairs(query);
        let uri = format!("{}?{}", url.path(), url.query().unwrap_or_default());
        let request = Request::get(uri).header(header::ACCEPT, accept).body(Body::empty())?;
        let response = self.routes.clone().oneshot(request).await?;
        if let Some(problem) = response.extensions().get::<Problem>() {
            return Err(refusal(&self.name, response.status(), &problem.to_json("", "")));
        }
        anyhow::ensure!(response.status() == StatusCode::OK, "{}: no answer", self.name);
        let link =
            response.headers().get(header::LINK).and_then(|link| link.to_str().ok()).map(str::to_owned);
        Ok(FeedAnswer { body: to_bytes(response.into_body(), usize::MAX).await?.to_vec(), link })
    }
}

/// The position in a link to the next page, whose last parameter it is.
fn position_in(link: &str) -> Option<u64> {
    let target = link.strip_prefix('<')?.split('>').next()?;
    target.rsplit('=').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::position_in;

    #[test]
    fn the_position_is_the_last_parameter_of_the_link() {
        assert_eq!(position_in("</commits?actor=a%3Db&after=17>; rel=\"next\""), Some(17));
        assert_eq!(position_in("</commits?before=0>; rel=\"next\""), Some(0));
        assert_eq!(position_in("nonsense"), None);
    }
}
