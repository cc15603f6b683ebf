//! `ledger import --dry-run`: runs the lines through the command routes on a ledger in memory, so that each refusal is the
//! server's own. No server is asked, and nothing is sent.
//!
//! What the server holds is not known here. A product that the input creates is assumed not to exist, another one to exist, or to
//! be deleted if its first line restores it; and a line that one state of the product allows and another refuses is not refused,
//! but listed. One commit is held for each product, however many lines it has.

use std::collections::HashMap;
use std::fmt::Write;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use commands::Executor;
use commands::http::CommandApi;
use event_store::chain::seal;
use event_store::{AppendError, Journal, ScanPage, ScanPosition, StoreError};
use schema::{Currency, Product, ProductId, StoredCommit};
use serde_json::{Map, Value};
use tower::ServiceExt;
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;
use web::{ClockAndIds, finish};

use super::line::{Condition, ImportLine, NumberedLine, Verb};
use super::plan::{KnownProduct, PlannedOutcome};
use super::product::{LineOutcome, ProductProgress, RecordedLines, Step, StopCause};
use super::reasons::{NamedLines, Reasons};
use super::server_answer::ServerAnswer;
use crate::counts::counted;
use crate::out;

/// Of a reason, so many lines are named.
const LINES: NamedLines = NamedLines { noun: "line", most: 10 };
/// No product has a greater version.
const MOST_VERSION: u64 = 1 << 53;
/// Answers are far smaller.
const LARGEST_ANSWER: usize = 1 << 20;
/// The command and the fields of a product about which nothing is known.
const ANY: &str = r#"{"command":"put","name":"?","price":"0""#;
/// Texts, of which only changed ones have to keep some rules.
const TEXTS: [&str; 5] = ["name", "sku", "category", "description", "attributes"];

/// The lines so far.
pub(super) struct DryRun {
    router: Router,
    heads: Arc<Heads>,
    products: HashMap<ProductId, RehearsedProduct>,
    found: Expected,
}

/// What the lines so far say of a product.
struct RehearsedProduct {
    progress: ProductProgress,
    /// They say all of its fields.
    is_whole: bool,
}

/// What is expected of a line.
enum Judgement {
    Accepted,
    /// Some state of the product refuses it.
    Depends(String),
    Refused(String),
}

/// The expected outcome of the lines.
#[derive(Debug, Default)]
struct Expected {
    lines: u64,
    accepted: u64,
    /// After a refused line of their product.
    behind: u64,
    refused: Reasons,
    /// Of all lines, those that may be refused.
    uncertain: Reasons,
    /// How many of them would be sent.
    uncertain_sent: u64,
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
        self.found.refused.add(number, reason);
    }

    /// Runs a line.
    ///
    /// # Errors
    /// When the routes do not answer; no body of a line makes them.
    pub(super) async fn line(&mut self, entry: &NumberedLine) -> anyhow::Result<()> {
        self.found.lines += 1;
        let id = &entry.product_id;
        let known = self.products.remove(id);
        // After a refusal a line is judged by itself, as if it were the product's first.
        let is_behind = known.as_ref().is_some_and(|product| product.progress.stopped().is_some());
        if is_behind {
            self.heads.forget(id);
        }
        let mut product = known.filter(|_| !is_behind).unwrap_or_else(RehearsedProduct::new);
        let judgement = self.judge(&mut product, entry).await?;
        let is_refused = matches!(judgement, Judgement::Refused(_));
        match judgement {
            Judgement::Accepted => {}
            Judgement::Depends(reason) => {
                self.found.uncertain.add(entry.number, &reason);
                self.found.uncertain_sent += u64::from(!is_behind);
            }
            Judgement::Refused(reason) => self.found.refused.add(entry.number, &reason),
        }
        if is_refused || is_behind {
            product.progress.stop(StopCause::Failed, entry.number);
        }
        self.found.behind += u64::from(is_behind && !is_refused);
        self.found.accepted += u64::from(!is_behind && !is_refused);
        self.products.insert(id.clone(), product);
        Ok(())
    }

    async fn judge(&self, product: &mut RehearsedProduct, entry: &NumberedLine) -> anyhow::Result<Judgement> {
        let line = match &entry.line {
            Ok(line) => line,
            Err(reason) => return Ok(Judgement::Refused(reason.clone())),
        };
        let condition = match product.progress.next(entry.number, Ok(line)) {
            Step::Send(condition, _) => condition,
            Step::Fail(reason) => return Ok(Judgement::Refused(reason)),
            // Nothing is recorded here, and a product that stopped begins anew.
            Step::Repeated | Step::Skip(..) => return Ok(Judgement::Accepted),
        };
        self.seed(line).await?;
        let answer = self.answer(line, condition).await?;
        if !matches!(answer.status.as_u16(), 412 | 422) {
            return Ok(product.take(line, condition, &answer, Judgement::Accepted));
        }
        let Some(assumed) = self.assume(line, condition, product.is_whole).await? else {
            return Ok(product.take(line, condition, &answer, Judgement::Accepted));
        };
        let second = self.answer(line, assumed).await?;
        let carried = line.carried().join(", ");
        let depends = Judgement::Depends(match carried.as_str() {
            "" => answer.reason(),
            names => format!("must match the product: {names}"),
        });
        Ok(product.take(line, assumed, &second, depends))
    }

    /// What a line does to a product as the server has it. Nothing is kept of it.
    ///
    /// # Errors
    /// When the routes do not answer; no body of a line makes them.
    pub(super) async fn outcome(
        &self,
        entry: &NumberedLine,
        known: KnownProduct,
    ) -> anyhow::Result<PlannedOutcome> {
        let line = match &entry.line {
            Ok(line) => line,
            Err(reason) => return Ok(PlannedOutcome::Refused(reason.clone())),
        };
        let is_present = match known {
            KnownProduct::Unknown => {
                let judged = self.judge(&mut RehearsedProduct::new(), entry).await;
                self.heads.forget(&entry.product_id);
                return Ok(match judged? {
                    Judgement::Accepted | Judgement::Depends(_) => PlannedOutcome::Sent,
                    Judgement::Refused(reason) => PlannedOutcome::Refused(reason),
                });
            }
            KnownProduct::Absent => false,
            KnownProduct::Present(product) => {
                self.record(&entry.product_id, &[ANY]).await?;
                let any = self.heads.get(&entry.product_id).context("a product was not recorded")?;
                let head = with_state(&any, *product)?.context("the server's product has no version")?;
                self.heads.put(&entry.product_id, head);
                true
            }
        };
        let mut product = RehearsedProduct::new();
        let Step::Send(condition, _) = product.progress.next(entry.number, Ok(line)) else {
            anyhow::bail!("a product's first line is not sent");
        };
        let answer = self.answer(line, condition).await?;
        self.heads.forget(&entry.product_id);
        Ok(match product.progress.answered(line, condition, &answer) {
            LineOutcome::Unchanged => PlannedOutcome::Unchanged,
            LineOutcome::Written | LineOutcome::Repeated if is_present => PlannedOutcome::Replaced,
            LineOutcome::Written | LineOutcome::Repeated => PlannedOutcome::Created,
            LineOutcome::LeftAlone(reason) | LineOutcome::Failed(reason) => PlannedOutcome::Refused(reason),
        })
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

    /// Creates the product that a line needs, if there is none.
    async fn seed(&self, line: &ImportLine) -> anyhow::Result<()> {
        if self.heads.get(&line.product_id).is_some() {
            return Ok(());
        }
        let commands = match line.verb {
            Verb::Create | Verb::Put => return Ok(()),
            Verb::Update | Verb::Delete => &[ANY][..],
            Verb::Restore => &[ANY, r#"{"command":"delete""#],
        };
        self.record(&line.product_id, commands).await
    }

    async fn record(&self, product: &ProductId, commands: &[&str]) -> anyhow::Result<()> {
        for command in commands {
            let text = format!(r#"{command},"product_id":"{product}"}}"#);
            let line = ImportLine::parse(text.as_bytes()).map_err(|error| anyhow::anyhow!(error.reason))?;
            self.answer(&line, Condition::None).await?;
        }
        Ok(())
    }

    /// Makes the product one that has the values of this line already, where the lines before it have not said them, and says
    /// on what condition the line then is sent; `None` if there is no such product.
    async fn assume(
        &self,
        line: &ImportLine,
        condition: Condition,
        is_whole: bool,
    ) -> anyhow::Result<Option<Condition>> {
        if condition == Condition::Absent {
            return Ok(None);
        }
        if self.heads.get(&line.product_id).is_none() {
            self.record(&line.product_id, &[ANY]).await?;
        }
        let Some(head) = self.heads.get(&line.product_id) else { return Ok(None) };
        let is_first = condition == Condition::None;
        let mut names = line.carried();
        // The lines before it have left the status that they say.
        names.retain(|name| is_first || *name != "status");
        names.extend(TEXTS.into_iter().filter(|_| !is_whole));
        let Some(head) = with_values(&head, &line.members(), &names)? else { return Ok(None) };
        let assumed = if is_first { condition } else { Condition::Version(head.decode()?.state.version) };
        self.heads.put(&line.product_id, head);
        Ok(Some(assumed))
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

impl RehearsedProduct {
    fn new() -> Self {
        Self { progress: ProductProgress::new(RecordedLines::default()), is_whole: false }
    }

    /// Takes the answer to a line, which is judged so if it was accepted.
    fn take(
        &mut self,
        line: &ImportLine,
        condition: Condition,
        answer: &ServerAnswer,
        accepted: Judgement,
    ) -> Judgement {
        match self.progress.answered(line, condition, answer) {
            LineOutcome::Written | LineOutcome::Unchanged | LineOutcome::Repeated => {
                self.is_whole |= matches!(line.verb, Verb::Create | Verb::Put);
                accepted
            }
            LineOutcome::LeftAlone(reason) | LineOutcome::Failed(reason) => Judgement::Refused(reason),
        }
    }
}

/// A commit after which the product has these values of a line; `None` if no product has them.
fn with_values(
    head: &StoredCommit,
    members: &Map<String, Value>,
    names: &[&str],
) -> anyhow::Result<Option<StoredCommit>> {
    let mut state = serde_json::to_value(&head.decode()?.unsealed.state)?;
    for name in names {
        match (members.get(*name), *name) {
            (None | Some(Value::Null), _) => {}
            (Some(Value::Object(attributes)), "attributes") => {
                for (key, value) in attributes.iter().filter(|(_, value)| !value.is_null()) {
                    state["attributes"][key] = value.clone();
                }
            }
            (Some(Value::String(name)), "name") => state["name"] = name.trim().into(),
            (Some(value), name) => state[name] = value.clone(),
        }
    }
    let Ok(state) = serde_json::from_value::<Product>(state) else { return Ok(None) };
    with_state(head, state)
}

/// A commit after which the product is this one; `None` if it has a version that no product has.
fn with_state(head: &StoredCommit, state: Product) -> anyhow::Result<Option<StoredCommit>> {
    let mut commit = head.decode()?.unsealed;
    if !(1..MOST_VERSION).contains(&state.version) {
        return Ok(None);
    }
    commit.events.truncate(1);
    (commit.sequence, commit.state) = (state.version, state);
    Ok(seal(commit).ok().map(|(_, stored)| stored))
}

impl Expected {
    /// The reasons and a closing line.
    fn told(&self) -> String {
        let mut text = self.refused.told("refused", LINES) + &self.uncertain.told("may be refused", LINES);
        let uncertain = match self.uncertain_sent {
            0 => String::new(),
            lines => format!(" ({lines} may be refused)"),
        };
        let behind = match self.behind {
            0 => String::new(),
            lines => format!(", {lines} not sent behind a refused one"),
        };
        let (total, accepted, refused) =
            (counted(self.lines, "command"), self.accepted, self.refused.count());
        let _ = writeln!(
            text,
            "{total}: {accepted} would be sent{uncertain}, {refused} refused{behind}; nothing was sent"
        );
        text
    }
}

/// A journal that holds only the newest commit of each product: enough to decide the next command.
#[derive(Debug, Default)]
struct Heads(Mutex<HashMap<String, StoredCommit>>);

impl Heads {
    fn get(&self, product: &ProductId) -> Option<StoredCommit> {
        self.heads().get(product.as_str()).cloned()
    }

    fn put(&self, product: &ProductId, head: StoredCommit) {
        self.heads().insert(product.as_str().to_owned(), head);
    }

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
        let head = self.get(product);
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
            assert_eq!((rehearsal.found.accepted, rehearsal.found.refused.count()), (1, 0), "{first}");
        }
        for (lines, reason) in [
            (["create", "create"], "the product exists: this import left it at version 1"),
            (["delete", "update"], "409 The product is deleted"),
            (["update", "restore"], "409 The product is not deleted"),
        ] {
            let all = r#","name":"n","price":"1""#;
            let lines = lines.map(|verb| line(verb, if verb == "create" { all } else { "" }));
            let found = rehearsed(&lines.each_ref().map(String::as_str)).await.found;
            assert!(found.refused.reasons().any(|key| key.starts_with(reason)), "{found:?}");
        }
        let put = line("put", r#","name":"n","price":"1""#);
        let found = rehearsed(&[&put, &line("delete", ""), &put, &put]).await.found;
        assert_eq!(found.accepted, 4, "{found:?}");
    }

    /// What GET answers, as the members of a line.
    const READ: &str = r#","id":"p","name":"n","price":"1","currency":"EUR","sku":"s","attributes":{"a":"b"},"status":"active",
        "version":7,"created_at":"2026-01-01T00:00:00.000Z","updated_at":"2026-02-01T00:00:00.000Z",
        "price_occurred_at":"2026-02-01T00:00:00.000Z""#;

    #[tokio::test]
    async fn fields_that_only_the_server_knows_are_not_judged() {
        let price = r#","price":"2""#;
        for lines in [
            vec![line("put", READ)],
            vec![line("update", READ)],
            vec![line("update", r#","version":7"#), line("update", price)],
            vec![line("put", r#","name":"n","price":"1""#), line("update", READ), line("delete", "")],
            vec![line("create", r#","name":"n","price":"1""#), line("update", r#","version":9"#)],
        ] {
            let found = rehearsed(&lines.iter().map(String::as_str).collect::<Vec<_>>()).await.found;
            assert_eq!((found.refused.count(), found.accepted), (0, lines.len() as u64), "{found:?}");
            assert_eq!((found.uncertain.count(), found.uncertain_sent), (1, 1), "{found:?}");
            let told = found.told();
            assert!(told.starts_with("1 may be refused: must match the product: version"), "{told}");
            assert!(
                told.contains(" would be sent (1 may be refused), 0 refused; nothing was sent"),
                "{told}"
            );
        }
    }

    #[tokio::test]
    async fn what_every_product_refuses_is_refused_with_such_fields_too() {
        for (verb, members) in [
            ("put", READ.replace(r#""id":"p""#, r#""id":"q""#)),
            ("update", READ.replace(r#""price":"1""#, r#""price":"-1""#)),
            ("update", READ.replace("active", "deleted")),
            ("update", r#","version":0"#.to_owned()),
            ("update", r#","version":9007199254740992"#.to_owned()),
            ("update", r#","version":"7""#.to_owned()),
            ("update", r#","created_at":"yesterday""#.to_owned()),
            // What the input creates does not exist before.
            ("create", READ.to_owned()),
        ] {
            let found = rehearsed(&[&line(verb, &members)]).await.found;
            assert_eq!((found.refused.count(), found.uncertain.count()), (1, 0), "{members}: {found:?}");
        }
    }

    #[tokio::test]
    async fn a_text_that_the_product_may_have_already_is_not_judged_and_any_other_is() {
        const TURNED: &str = r#","name":"a\u202eb","price":"1","attributes":{"k":"\u202e","gone":null}"#;
        const PLAIN: &str = r#","name":"n","price":"1""#;
        for (lines, uncertain) in [
            (vec![line("update", TURNED)], 1),
            (vec![line("put", TURNED)], 1),
            (vec![line("update", PLAIN), line("update", TURNED)], 1),
            (vec![line("create", TURNED)], 0),
            (vec![line("put", PLAIN), line("update", TURNED)], 0),
        ] {
            let found = rehearsed(&lines.iter().map(String::as_str).collect::<Vec<_>>()).await.found;
            assert_eq!(
                (found.uncertain.count(), found.refused.count()),
                (uncertain, 1 - uncertain),
                "{found:?}"
            );
            let told = found.told();
            assert!(
                told.contains("refused: 422 ") && told.contains("change the direction of text"),
                "{told}"
            );
        }
    }

    #[tokio::test]
    async fn of_a_product_with_many_lines_one_commit_is_held() {
        let lines: Vec<String> =
            (0..200).map(|price| line("update", &format!(r#","price":"{price}""#))).collect();
        let rehearsal = rehearsed(&lines.iter().map(String::as_str).collect::<Vec<_>>()).await;
        assert_eq!(rehearsal.found.accepted, 200);
        assert_eq!((rehearsal.heads.heads().len(), rehearsal.products.len()), (1, 1));
    }
}
