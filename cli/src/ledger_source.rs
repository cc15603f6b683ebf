//! Where listings of the whole ledger are read from: a server, or the files of a data directory, which answer as a server does.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use axum::{Extension, Router};
use clap::{ArgMatches, Args, Command, FromArgMatches};
use event_store::{FeedReader, MemoryReceipts, Receipts};
use projections::http::feed::{self, FeedApi};
use projections::http::{self, QueryApi};
use serde_json::Value;
use server::directory::NoViews;
use tokio::sync::watch;
use tower::ServiceExt;
use web::{Actor, ClockAndIds, Problem, Scope};

use crate::out;
use crate::read_only::{ReadOnlyViews, of_files};
use crate::remote::{LedgerClient, not_beside_url, refusal};

/// The error if neither a server nor a directory is named.
const NO_LEDGER: &str =
    "which ledger? Give --data DIR for one on this machine, or --url URL of its server or of its API on AWS";

/// A server or a data directory, not both.
#[derive(Debug)]
pub struct LedgerSourceArgs(SourceOptions);

#[derive(Debug, Args)]
struct SourceOptions {
    /// Data directory of the ledger, also while `serve` runs on it.
    #[arg(long)]
    data: Option<PathBuf>,
    /// URL of the server; `LEDGER_TOKEN` is sent as bearer token.
    #[arg(long, env = "LEDGER_URL")]
    url: Option<String>,
}

/// Answers requests.
pub(crate) enum LedgerSource {
    Server(LedgerClient),
    Files(RoutesOfFiles),
}

/// The routes on the files of a directory.
pub(crate) struct RoutesOfFiles {
    routes: Router,
    name: String,
    /// Why there are no routes that need the views, if so.
    no_views: Option<NoViews>,
}

/// A page of CSV.
pub(crate) struct CsvPage {
    pub(crate) text: String,
    /// The parameter with which the next one begins.
    pub(crate) next: Option<String>,
}

/// A body, and the value of `Link`.
struct PageAnswer {
    body: Vec<u8>,
    link: Option<String>,
}

impl FromArgMatches for LedgerSourceArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        not_beside_url(matches, "data", "--data <DATA>")?;
        SourceOptions::from_arg_matches(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for LedgerSourceArgs {
    fn augment_args(command: Command) -> Command {
        SourceOptions::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        SourceOptions::augment_args_for_update(command)
    }
}

impl LedgerSourceArgs {
    /// Opens the directory, or a client of the server.
    ///
    /// # Errors
    /// When neither is named, or there is no ledger in the directory.
    pub(crate) async fn open(&self) -> anyhow::Result<LedgerSource> {
        match (&self.0.data, &self.0.url) {
            (Some(data), _) => Ok(LedgerSource::Files(RoutesOfFiles::open(data).await?)),
            (None, Some(url)) => Ok(LedgerSource::Server(LedgerClient::new(url)?)),
            (None, None) => anyhow::bail!(NO_LEDGER),
        }
    }
}

impl LedgerSource {
    /// A page as JSON.
    ///
    /// # Errors
    /// [`crate::exit::Refused`] inside if the ledger does not reach the position; any other error if there is no answer.
    pub(crate) async fn json(&self, path: &'static str, query: &[(&str, String)]) -> anyhow::Result<Value> {
        let answer = self.answer(path, query, "application/json").await?;
        serde_json::from_slice(&answer.body).context("the answer is not JSON")
    }

    /// A page as CSV.
    ///
    /// # Errors
    /// As [`LedgerSource::json`].
    pub(crate) async fn csv(&self, path: &'static str, query: &[(&str, String)]) -> anyhow::Result<CsvPage> {
        let answer = self.answer(path, query, "text/csv").await?;
        let text = String::from_utf8(answer.body).context("the answer is not text")?;
        let next = answer.link.map(|link| next_in(&link).context("the link to the next page cannot be read"));
        Ok(CsvPage { text, next: next.transpose()? })
    }

    async fn answer(
        &self,
        path: &'static str,
        query: &[(&str, String)],
        accept: &str,
    ) -> anyhow::Result<PageAnswer> {
        match self {
            Self::Files(files) => files.answer(path, query, accept).await,
            Self::Server(client) => {
                let request = client.request(&[path], query)?.header("accept", accept);
                let answer = client.whole(client.sent(request).await?).await?;
                anyhow::ensure!(
                    path != "commits" || answer.status != reqwest::StatusCode::NOT_FOUND,
                    "{} has no /commits: it is no ledger, or of an earlier build",
                    client.url
                );
                let link = answer.headers.get("link").and_then(|link| link.to_str().ok()).map(str::to_owned);
                Ok(PageAnswer { body: client.accepted(answer)?, link })
            }
        }
    }
}

impl RoutesOfFiles {
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
        let (stopping, journal) = (watch::channel(false).1, ports.journal);
        let api = FeedApi {
            feed: FeedReader::new(feed),
            journal: journal.clone(),
            receipts: receipts.clone(),
            stopping,
        };
        let routes = feed::routes(api).layer(Extension(actor));
        let (routes, no_views) = match ports.views {
            Err(none) => (routes, Some(none)),
            Ok(ReadOnlyViews { products, prices, .. }) => {
                let clock = ClockAndIds::system().clock;
                let api = QueryApi { views: products, prices, journal, receipts, clock, stopping: None };
                (routes.merge(http::routes(api).layer(Extension(Actor::anonymous()))), None)
            }
        };
        Ok(Self { routes, name, no_views })
    }

    async fn answer(
        &self,
        path: &'static str,
        query: &[(&str, String)],
        accept: &str,
    ) -> anyhow::Result<PageAnswer> {
        if path != "commits"
            && let Some(none) = &self.no_views
        {
            anyhow::bail!("{}: {none}", self.name);
        }
        let mut url = reqwest::Url::parse("http://files/")?.join(path)?;
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
        Ok(PageAnswer { body: to_bytes(response.into_body(), usize::MAX).await?.to_vec(), link })
    }
}

/// The value of the last parameter of a link to the next page.
fn next_in(link: &str) -> Option<String> {
    let target = link.strip_prefix('<')?.split('>').next()?;
    Some(target.rsplit_once('=')?.1.to_owned())
}

#[cfg(test)]
mod tests {
    use super::next_in;

    #[test]
    fn the_next_page_begins_with_the_last_parameter_of_the_link() {
        let next = |link| next_in(link);
        assert_eq!(next("</commits?actor=a%3Db&after=17>; rel=\"next\"").as_deref(), Some("17"));
        assert_eq!(next("</products?cursor=Ab_-9>; rel=\"next\"").as_deref(), Some("Ab_-9"));
        assert_eq!(next("nonsense"), None);
    }
}
