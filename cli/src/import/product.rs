//! How far an import is with one product, and what it sends next. Pure.
//!
//! The promise: from a product's second line on, each line is sent on the condition of the version that this import left, so
//! that a change by somebody else is never overwritten; and after a line that failed or was left alone, nothing is sent.

use schema::Hash;

use super::identity::LineMark;
use super::line::{Condition, ImportLine, Verb};
use super::server_answer::ServerAnswer;

/// How many skipped lines are named; the others are counted.
const NAMED: u64 = 10;

/// How far an import is with a product. It holds no lines, however many there are.
#[derive(Debug)]
pub(super) struct ProductProgress {
    /// The place of the last line.
    place: u64,
    recorded: Option<RecordedLine>,
    left: Option<Left>,
    stopped: Option<StoppedAt>,
}

/// The product's newest commit of this import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RecordedLine {
    pub(super) mark: LineMark,
    /// The product's version after it.
    pub(super) version: u64,
}

/// The state of the product that the lines so far have left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Left {
    version: u64,
    deleted: bool,
}

/// Why nothing more is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StopCause {
    /// A line failed.
    Failed,
    /// Somebody else has changed the product.
    LeftAlone,
}

/// Where a product's lines stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoppedAt {
    pub(super) why: StopCause,
    /// The line that failed, or the first that was left alone.
    pub(super) line: u64,
    /// Lines after it that were not named, and the first and the last of them.
    pub(super) unnamed: u64,
    pub(super) first: u64,
    pub(super) last: u64,
    named: u64,
}

/// What to do with a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing: an earlier run of this import recorded it.
    Repeated,
    /// Send it on this condition.
    Send(Condition, LineMark),
    /// Report that it cannot be sent.
    Fail(String),
    /// Skip it, because a line before it stopped the product; and whether to name it.
    Skip(StopCause, u64, bool),
}

/// The outcome of a line that was sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LineOutcome {
    Written,
    Unchanged,
    Repeated,
    LeftAlone(String),
    Failed(String),
}

impl ProductProgress {
    /// A product of which this run has sent nothing yet.
    pub(super) fn new(recorded: Option<RecordedLine>) -> Self {
        Self { place: 0, recorded, left: None, stopped: None }
    }

    pub(super) fn stopped(&self) -> Option<&StoppedAt> {
        self.stopped.as_ref()
    }

    /// What to do with the product's next line, or with one that cannot be read for this reason.
    pub(super) fn next(&mut self, number: u64, line: Result<&ImportLine, &str>) -> Step {
        self.place += 1;
        if let Some(stopped) = &mut self.stopped {
            return stopped.skip(number);
        }
        let line = match line {
            Ok(line) => line,
            Err(reason) => return Step::Fail(reason.to_owned()),
        };
        match self.recorded.clone() {
            Some(recorded) if self.place < recorded.mark.place => Step::Repeated,
            Some(recorded) if self.place == recorded.mark.place => self.go_on(line, &recorded),
            _ => match condition(self.left, line.verb) {
                Ok(condition) => Step::Send(condition, self.mark(line.hash())),
                Err(reason) => Step::Fail(reason),
            },
        }
    }

    /// The outcome of a line that was sent; it decides on the lines after it.
    pub(super) fn answered(
        &mut self,
        line: &ImportLine,
        condition: Condition,
        answer: &ServerAnswer,
    ) -> LineOutcome {
        if !answer.status.is_success() {
            return match self.somebody_else(condition, answer) {
                Some(reason) => LineOutcome::LeftAlone(reason),
                None => LineOutcome::Failed(answer.reason()),
            };
        }
        let receipt = match answer.receipt(&line.product_id, condition) {
            Ok(receipt) => receipt,
            Err(reason) => return LineOutcome::Failed(reason),
        };
        self.leave(line.verb, receipt.version);
        match (receipt.events.is_empty(), answer.replayed && !answer.repeated) {
            (true, _) => LineOutcome::Unchanged,
            (false, true) => LineOutcome::Repeated,
            (false, false) => LineOutcome::Written,
        }
    }

    /// Sends nothing from here on.
    pub(super) fn stop(&mut self, why: StopCause, line: u64) {
        self.stopped.get_or_insert(StoppedAt { why, line, unnamed: 0, first: 0, last: 0, named: 0 });
    }

    fn mark(&self, command: Hash) -> LineMark {
        LineMark { place: self.place, command }
    }

    fn go_on(&mut self, line: &ImportLine, recorded: &RecordedLine) -> Step {
        if self.mark(line.hash()) != recorded.mark {
            return Step::Fail(
                "this import recorded another command at this place of the product; another input needs a \
                 --batch NAME of its own"
                    .into(),
            );
        }
        self.leave(line.verb, recorded.version);
        Step::Repeated
    }

    fn leave(&mut self, verb: Verb, version: u64) {
        self.left = Some(Left { version, deleted: verb == Verb::Delete });
    }

    /// Whether a refusal is due to a change that somebody else made after this import's last line. Some refusals are decided
    /// before the condition is checked, so the state of the product counts too.
    fn somebody_else(&self, condition: Condition, answer: &ServerAnswer) -> Option<String> {
        let (Condition::Version(_), Some(left)) = (condition, self.left) else { return None };
        let now = match (answer.kind().as_str(), left.deleted) {
            ("precondition-failed", _) => {
                answer.current_version().map_or("elsewhere".into(), |version| format!("at version {version}"))
            }
            ("product-deleted", false) => "deleted".into(),
            ("product-not-deleted", true) => "restored".into(),
            _ => return None,
        };
        Some(format!(
            "somebody else changed the product: it is {now}, and this import left version {}",
            left.version
        ))
    }
}

impl StoppedAt {
    fn skip(&mut self, number: u64) -> Step {
        let naming = self.named < NAMED;
        if naming {
            self.named += 1;
        } else {
            if self.unnamed == 0 {
                self.first = number;
            }
            self.unnamed += 1;
            self.last = number;
        }
        Step::Skip(self.why, self.line, naming)
    }
}

/// The condition of a line, from the state that the lines before it have left.
fn condition(left: Option<Left>, verb: Verb) -> Result<Condition, String> {
    match (left, verb) {
        (None, Verb::Create) => Ok(Condition::Absent),
        (None, _) => Ok(Condition::None),
        // One request cannot ask for both a version and a product that does not exist.
        (Some(Left { deleted: false, version }), Verb::Create) => {
            Err(format!("the product exists: this import left it at version {version}"))
        }
        (Some(left), _) => Ok(Condition::Version(left.version)),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use serde_json::{Value, json};

    use super::*;

    fn line(verb: &str) -> ImportLine {
        ImportLine::parse(format!(r#"{{"command":"{verb}","product_id":"p"}}"#).as_bytes()).unwrap()
    }

    fn answer(status: u16, body: &Value) -> ServerAnswer {
        let status = StatusCode::from_u16(status).unwrap();
        ServerAnswer { status, replayed: false, repeated: false, body: body.to_string().into_bytes() }
    }

    fn receipt(version: u64, events: u64) -> ServerAnswer {
        let event = |sequence| json!({"event_id": "01", "type": "ProductDeleted", "sequence": sequence});
        let events: Vec<Value> = (version - events + 1..=version).map(event).collect();
        answer(
            200,
            &json!({
                "product_id": "p", "version": version, "commit_id": "01", "hash": "0".repeat(64),
                "recorded_at": "2026-11-23T05:20:00.001Z", "events": events,
            }),
        )
    }

    fn problem(status: u16, kind: &str) -> ServerAnswer {
        let kind = format!("urn:product-ledger:problem:{kind}");
        answer(status, &json!({"type": kind, "title": "No", "detail": "never", "current_version": 9}))
    }

    /// The condition on which the next line is sent.
    fn condition_of(product: &mut ProductProgress, line: &ImportLine) -> Condition {
        match product.next(1, Ok(line)) {
            Step::Send(condition, _) => condition,
            other => panic!("{other:?}"),
        }
    }

    /// A product after one line of each verb, each with an effect.
    fn after(verbs: &[&str]) -> ProductProgress {
        let mut product = ProductProgress::new(None);
        for (verb, version) in verbs.iter().zip(1..) {
            let line = line(verb);
            let condition = condition_of(&mut product, &line);
            assert_eq!(product.answered(&line, condition, &receipt(version, 1)), LineOutcome::Written);
        }
        product
    }

    fn recorded(place: u64, line: &ImportLine, version: u64) -> ProductProgress {
        ProductProgress::new(Some(RecordedLine { mark: LineMark { place, command: line.hash() }, version }))
    }

    #[test]
    fn the_first_line_is_sent_as_it_is_and_each_further_one_on_the_version_that_was_left() {
        for (verb, first) in
            [("create", Condition::Absent), ("put", Condition::None), ("update", Condition::None)]
        {
            let mut product = ProductProgress::new(None);
            let line = line(verb);
            assert_eq!(condition_of(&mut product, &line), first, "{verb}");
            assert_eq!(product.answered(&line, first, &receipt(7, 0)), LineOutcome::Unchanged);
            for verb in ["update", "put", "delete", "restore"] {
                let mut product = after(&["create", "update"]);
                assert_eq!(condition_of(&mut product, &self::line(verb)), Condition::Version(2), "{verb}");
            }
        }
    }

    #[test]
    fn a_create_follows_a_delete_and_nothing_else() {
        let create = line("create");
        assert_eq!(condition_of(&mut after(&["create", "delete"]), &create), Condition::Version(2));
        let refused = after(&["create"]).next(2, Ok(&create));
        assert_eq!(refused, Step::Fail("the product exists: this import left it at version 1".into()));
    }

    #[test]
    fn an_import_goes_on_after_its_newest_commit() {
        let (update, delete) = (line("update"), line("delete"));
        let mut product = recorded(3, &delete, 8);
        for line in [&update, &update, &delete] {
            assert_eq!(product.next(1, Ok(line)), Step::Repeated);
        }
        assert_eq!(condition_of(&mut product, &line("create")), Condition::Version(8));
    }

    #[test]
    fn another_command_at_the_place_of_the_newest_commit_is_not_taken_for_it() {
        let mut product = recorded(1, &line("update"), 1);
        assert!(matches!(product.next(1, Ok(&line("delete"))), Step::Fail(_)));
    }

    #[test]
    fn what_somebody_else_changed_is_left_alone_and_other_refusals_are_failures() {
        let (update, restore) = (line("update"), line("restore"));
        let (active, deleted) = (after(&["create"]), after(&["create", "delete"]));
        for (mut product, line, answer, alone) in [
            (after(&["create"]), &update, problem(412, "precondition-failed"), true),
            (active, &update, problem(409, "product-deleted"), true),
            (after(&["create", "delete"]), &restore, problem(409, "product-not-deleted"), true),
            (deleted, &update, problem(409, "product-deleted"), false),
            (after(&["create"]), &restore, problem(409, "product-not-deleted"), false),
            (after(&["create"]), &update, problem(422, "invalid"), false),
            (ProductProgress::new(None), &line("create"), problem(412, "precondition-failed"), false),
        ] {
            let condition = condition_of(&mut product, line);
            let outcome = product.answered(line, condition, &answer);
            assert_eq!(matches!(outcome, LineOutcome::LeftAlone(_)), alone, "{outcome:?}");
            assert!(alone || matches!(outcome, LineOutcome::Failed(_)), "{outcome:?}");
        }
    }

    #[test]
    fn an_answer_that_is_no_receipt_is_a_failure() {
        let update = line("update");
        for answer in [answer(200, &json!({})), answer(204, &Value::Null), receipt(5, 1)] {
            let mut product = after(&["create"]);
            let condition = condition_of(&mut product, &update);
            assert!(matches!(product.answered(&update, condition, &answer), LineOutcome::Failed(_)));
        }
    }

    #[test]
    fn a_commit_of_an_earlier_attempt_of_this_run_was_not_imported_before() {
        let create = line("create");
        for (repeated, outcome) in [(false, LineOutcome::Repeated), (true, LineOutcome::Written)] {
            let answer = ServerAnswer { replayed: true, repeated, ..receipt(1, 1) };
            let mut product = ProductProgress::new(None);
            let condition = condition_of(&mut product, &create);
            assert_eq!(product.answered(&create, condition, &answer), outcome);
        }
    }

    #[test]
    fn after_a_stop_lines_are_named_and_then_counted() {
        let mut product = after(&["create"]);
        product.stop(StopCause::Failed, 2);
        product.stop(StopCause::LeftAlone, 3);
        for number in 10..1_000 {
            let named = number < 10 + NAMED;
            assert_eq!(product.next(number, Ok(&line("update"))), Step::Skip(StopCause::Failed, 2, named));
        }
        let stopped = product.stopped().unwrap();
        assert_eq!((stopped.unnamed, stopped.first, stopped.last), (990 - NAMED, 10 + NAMED, 999));
    }
}
