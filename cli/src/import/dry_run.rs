//! `ledger import --dry-run`: runs the lines through the command routes on a ledger in memory, so that each refusal is the
//! server's own. No server is asked, and nothing is sent.
//!
//! What the server holds is not known here: a product that the input does not create is assumed to exist, or to be deleted if
//! its first line restores it. One commit is held for each product, however many lines it has.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use commands::Executor;
use commands::http::CommandApi;
use event_store::{AppendError, Journal, ScanPage, ScanPosition, StoreError};
use schema::{Currency, ProductId, StoredCommit};
use tower::ServiceExt;
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;
use web::{ClockAndIds, finish};

use super::line::{Condition, ImportLine, NumberedLine, Verb};
use super::product::{LineOutcome, ProductProgress, Step, StopCause};
use super::server_answer::ServerAnswer;
use crate::counts::counted;
use crate::out;
use crate::text_table::escaped;

/// Further reasons are only counted.
const MOST_REASONS: usize = 100;
/// Further lines of a reason are only counted.
const MOST_LINES: usize = 10;
/// Answers are far smaller.
const LARGEST_ANSWER: usize = 1 << 20;

/// The lines so far.
pub(super) struct DryRun {
    router: Router,
    heads: Arc<Heads>,
    products: HashMap<ProductId, ProductProgress>,
    found: Expected,
}

/// The expected outcome of the lines.
#[derive(Debug, Default)]
struct Expected {
    lines: u64,
    accepted: u64,
    /// After a refused line of their product.
    behind: u64,
    refused: BTreeMap<String, RefusedLines>,
    /// Refused for reasons that are no longer listed.
    others: u64,
}

/// Lines that are refused for one reason.
#[derive(Debug, Default)]
struct RefusedLines {
    count: u64,
    lines: Vec<u64>,
}

impl DryRun {
    pub(super) fn new(default_currency: Currency) -> Self {
        let heads = Arc::<Heads>::default();
        let api = CommandApi {
            executor: Executor::new(heads.clone(), ClockAndIds::system()),
            clock_and_ids: ClockAndIds::system(),
            default_currency,
        };
        let router = finish(commands::http::routes(api), ClockAndIds::system());
        Self { router, heads, products: HashMap::new(), found: Expected::default() }
    }

    /// Counts a line that names no product.
    pub(super) fn refuse(&mut self, number: u64, reason: &str) {
        self.found.lines += 1;
        self.found.refuse(number, reason);
    }

    /// Runs a line.
    ///
    /// # Errors
    /// When the routes do not answer; no body of a line makes them.
    pub(super) async fn line(&mut self, entry: &NumberedLine) -> anyhow::Result<()> {
        self.found.lines += 1;
        let id = &entry.product_id;
        let is_new = !self.products.contains_key(id);
        let mut product = self.products.remove(id).unwrap_or_else(|| ProductProgress::new(None));
        // After a refusal a line is judged by itself, as if it were the product's first.
        let is_behind = product.stopped().is_some();
        if is_behind {
            self.heads.forget(id);
        }
        let mut judged = if is_behind { ProductProgress::new(None) } else { product };
        let refusal =
            match (judged.next(entry.number, entry.line.as_ref().map_err(String::as_str)), &entry.line) {
                (Step::Send(condition, _), Ok(line)) => {
                    if is_new || is_behind {
                        self.seed(line).await?;
                    }
                    let answer = self.answer(line, condition).await?;
                    match judged.answered(line, condition, &answer) {
                        LineOutcome::Written | LineOutcome::Unchanged | LineOutcome::Repeated => None,
                        LineOutcome::LeftAlone(reason) | LineOutcome::Failed(reason) => Some(reason),
                    }
                }
                (Step::Fail(reason), _) => Some(reason),
                (Step::Send(..), Err(reason)) => Some(reason.clone()),
                (Step::Repeated | Step::Skip(..), _) => None,
            };
        match refusal {
            Some(reason) => {
                self.found.refuse(entry.number, &reason);
                judged.stop(StopCause::Failed, entry.number);
            }
            None if is_behind => {
                self.found.behind += 1;
                judged.stop(StopCause::Failed, entry.number);
            }
            None => self.found.accepted += 1,
        }
        product = judged;
        self.products.insert(id.clone(), product);
        Ok(())
    }

    /// Lists refused lines by reason; success if there are none.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(super) fn finish(&self) -> anyhow::Result<ExitCode> {
        out::print(&self.found.told())?;
        let is_clean = self.found.accepted == self.found.lines;
        Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Creates the product that a line needs.
    async fn seed(&self, line: &ImportLine) -> anyhow::Result<()> {
        let there = match line.verb {
            Verb::Create | Verb::Put => return Ok(()),
            Verb::Update | Verb::Delete => &[r#"{"command":"put","name":"?","price":"0""#][..],
            Verb::Restore => &[r#"{"command":"put","name":"?","price":"0""#, r#"{"command":"delete""#],
        };
        for begin in there {
            let text = format!(r#"{begin},"product_id":"{}"}}"#, line.product_id);
            let seed = ImportLine::parse(text.as_bytes()).map_err(|error| anyhow::anyhow!(error.reason))?;
            self.answer(&seed, Condition::None).await?;
        }
        Ok(())
    }

    async fn answer(&self, line: &ImportLine, condition: Condition) -> anyhow::Result<ServerAnswer> {
        let (method, path, body) = line.request();
        let request = Request::builder().method(method.as_str()).uri(path);
        let request = match condition {
            Condition::None => request,
            Condition::Absent => request.header(header::IF_NONE_MATCH, "*"),
            Condition::Version(version) => request.header(header::IF_MATCH, format!("\"{version}\"")),
        };
        let request = match body {
            Some(body) => {
                request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_owned()))?
            }
            None => request.body(Body::empty())?,
        };
        // A server's request log is of no use here.
        let response = self.router.clone().oneshot(request).with_subscriber(NoSubscriber::default()).await?;
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, LARGEST_ANSWER).await?.to_vec();
        let status = reqwest::StatusCode::from_u16(parts.status.as_u16())?;
        Ok(ServerAnswer { status, replayed: false, repeated: false, body })
    }
}

impl Expected {
    fn refuse(&mut self, line: u64, reason: &str) {
        if self.refused.len() >= MOST_REASONS && !self.refused.contains_key(reason) {
            self.others += 1;
            return;
        }
        let refused = self.refused.entry(reason.to_owned()).or_default();
        refused.count += 1;
        if refused.lines.len() < MOST_LINES {
            refused.lines.push(line);
        }
    }

    /// The reasons, those with most lines first, and a closing line.
    fn told(&self) -> String {
        let mut text = String::new();
        let mut reasons: Vec<_> = self.refused.iter().collect();
        reasons
            .sort_by_key(|(_, refused)| (std::cmp::Reverse(refused.count), refused.lines.first().copied()));
        for (reason, refused) in reasons {
            let lines: Vec<String> = refused.lines.iter().map(u64::to_string).collect();
            let noun = if lines.len() == 1 { "line" } else { "lines" };
            let more = if refused.count > lines.len() as u64 { ", …" } else { "" };
            let (count, reason, lines) = (refused.count, escaped(reason), lines.join(", "));
            let _ = writeln!(text, "{count} refused: {reason} ({noun} {lines}{more})");
        }
        if self.others > 0 {
            let _ = writeln!(text, "{} refused for further reasons", self.others);
        }
        let refused = self.refused.values().map(|refused| refused.count).sum::<u64>() + self.others;
        let behind = match self.behind {
            0 => String::new(),
            lines => format!(", {lines} not sent behind a refused one"),
        };
        let (total, accepted) = (counted(self.lines, "command"), self.accepted);
        text + &format!("{total}: {accepted} would be sent, {refused} refused{behind}; nothing was sent\n")
    }
}

/// A journal that holds only the newest commit of each product: enough to decide the next command.
#[derive(Debug, Default)]
struct Heads(Mutex<HashMap<String, StoredCommit>>);

impl Heads {
    fn forget(&self, product: &ProductId) {
        self.heads().remove(product.as_str());
    }

    fn heads(&self) -> MutexGuard<'_, HashMap<String, StoredCommit>> {
        // Every change is one insert or one removal, so a panic elsewhere cannot have left half of one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Journal for Heads {
    async fn append(&self, commit: &StoredCommit) -> Result<(), AppendError> {
        let unreadable = |error: schema::DecodeError| AppendError::Refused(StoreError::new(error.into()));
        let (product, sequence) =
            (commit.text("product_id").map_err(unreadable)?, commit.sequence().map_err(unreadable)?);
        let mut heads = self.heads();
        if let Some(head) = heads.get(product)
            && head.sequence().map_err(unreadable)? >= sequence
        {
            return Err(AppendError::Occupied);
        }
        heads.insert(product.to_owned(), commit.clone());
        Ok(())
    }

    async fn newest(&self, product: &ProductId, at_most: u64) -> Result<Option<StoredCommit>, StoreError> {
        let head = self.heads().get(product.as_str()).cloned();
        Ok(head.filter(|head| head.sequence().is_ok_and(|sequence| sequence <= at_most)))
    }

    async fn page(&self, product: &ProductId, after: u64, _: usize) -> Result<Vec<StoredCommit>, StoreError> {
        let head = self.newest(product, u64::MAX).await?;
        Ok(head.filter(|head| head.sequence().is_ok_and(|sequence| sequence > after)).into_iter().collect())
    }

    async fn scan(&self, _: Option<ScanPosition>, limit: usize) -> Result<ScanPage, StoreError> {
        Ok(ScanPage { commits: self.heads().values().take(limit).cloned().collect(), next: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn rehearsed(lines: &[&str]) -> DryRun {
        let mut rehearsal = DryRun::new(Currency::parse("USD").unwrap());
        for (line, number) in lines.iter().zip(1..) {
            match NumberedLine::parse(number, line.as_bytes()) {
                Ok(entry) => rehearsal.line(&entry).await.unwrap(),
                Err(reason) => rehearsal.refuse(number, &reason),
            }
        }
        rehearsal
    }

    fn line(verb: &str, members: &str) -> String {
        format!(r#"{{"command":"{verb}","product_id":"p"{members}}}"#)
    }

    #[tokio::test]
    async fn refusals_are_the_server_s_and_are_listed_by_reason() {
        let (create, update) = (r#","name":"n","price":"1""#, r#","price":"-1""#);
        let lines = [
            line("create", create),
            line("update", update),
            line("update", r#","price":"2""#),
            line("update", update),
            "nonsense".to_owned(),
            line("restore", ""),
        ];
        let rehearsal = rehearsed(&lines.each_ref().map(String::as_str)).await;
        let told = rehearsal.found.told();
        let first = told.lines().next().unwrap();
        assert!(first.starts_with("2 refused: 422 The request violates a rule: /price "), "{told}");
        assert!(first.ends_with("(lines 2, 4)"), "{told}");
        assert!(told.contains("1 refused: is not a JSON object"), "{told}");
        assert!(
            told.ends_with(
                "6 commands: 1 would be sent, 3 refused, 2 not sent behind a refused one; nothing was sent\n"
            ),
            "{told}"
        );
    }

    #[tokio::test]
    async fn a_product_that_the_input_does_not_create_is_assumed_to_be_as_its_first_line_needs_it() {
        for first in ["update", "delete", "restore"] {
            let rehearsal = rehearsed(&[&line(first, "")]).await;
            assert_eq!((rehearsal.found.accepted, rehearsal.found.refused.len()), (1, 0), "{first}");
        }
        for (lines, reason) in [
            (["create", "create"], "the product exists: this import left it at version 1"),
            (["delete", "update"], "409 The product is deleted"),
            (["update", "restore"], "409 The product is not deleted"),
        ] {
            let all = r#","name":"n","price":"1""#;
            let lines = lines.map(|verb| line(verb, if verb == "create" { all } else { "" }));
            let found = rehearsed(&lines.each_ref().map(String::as_str)).await.found;
            assert!(found.refused.keys().any(|key| key.starts_with(reason)), "{found:?}");
        }
        let put = line("put", r#","name":"n","price":"1""#);
        let found = rehearsed(&[&put, &line("delete", ""), &put, &put]).await.found;
        assert_eq!(found.accepted, 4, "{found:?}");
    }

    #[tokio::test]
    async fn of_a_product_with_many_lines_one_commit_is_held() {
        let lines: Vec<String> =
            (0..200).map(|price| line("update", &format!(r#","price":"{price}""#))).collect();
        let rehearsal = rehearsed(&lines.iter().map(String::as_str).collect::<Vec<_>>()).await;
        assert_eq!(rehearsal.found.accepted, 200);
        assert_eq!((rehearsal.heads.heads().len(), rehearsal.products.len()), (1, 1));
    }

    #[test]
    fn reasons_and_their_lines_are_limited() {
        let mut found = Expected::default();
        for line in 0..1_000 {
            found.refuse(line, "the same");
            found.refuse(line, &format!("reason {line}"));
        }
        assert_eq!((found.refused.len(), found.refused["the same"].lines.len()), (MOST_REASONS, MOST_LINES));
        assert_eq!(found.others, 1_000 - (MOST_REASONS as u64 - 1));
        assert!(found.told().contains("2000 refused"), "{}", found.told());
    }
}
