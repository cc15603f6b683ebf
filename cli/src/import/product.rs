//! How far an import is with one product, and what comes next. Pure: what is known is told, what is to be sent is asked.
//!
//! Its promise: from a product's second line on nothing is sent but on the version that this import left, so that what
//! somebody else recorded since is never overwritten; and behind a line that failed or was left alone nothing is sent at all.

use schema::Hash;

use super::answer::Answer;
use super::identity::Mark;
use super::line::{Condition, Line, Verb};

/// So many lines that are passed over are named one by one; of the others it is told how many there are.
const NAMED: u64 = 10;

/// A product's place in the import. It holds no line, however many there are.
#[derive(Debug)]
pub(super) struct Product {
    /// The place of the line that came last.
    place: u64,
    recorded: Option<Recorded>,
    left: Option<Left>,
    stopped: Option<Stopped>,
}

/// The product's newest commit of this import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recorded {
    pub(super) mark: Mark,
    /// The product's version after it.
    pub(super) version: u64,
}

/// What the lines so far left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Left {
    version: u64,
    deleted: bool,
}

/// Why nothing more is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// A line failed.
    Failed,
    /// Somebody else changed the product.
    LeftAlone,
}

/// Where a product's lines stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stopped {
    pub(super) why: Why,
    /// The line that failed, or was the first to be left alone.
    pub(super) line: u64,
    /// Lines behind it that were not named, and the first and the last of them.
    pub(super) unnamed: u64,
    pub(super) first: u64,
    pub(super) last: u64,
    named: u64,
}

/// What is to be done with a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// An earlier run of this import did it.
    Repeated,
    /// To be sent on this condition.
    Send(Condition, Mark),
    /// It cannot be sent.
    Fail(String),
    /// A line before it stopped the product; whether it is still to be named.
    PassOver(Why, u64, bool),
}

/// What became of a line that was sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Written,
    Unchanged,
    Repeated,
    LeftAlone(String),
    Failed(String),
}

impl Product {
    /// A product of which nothing was sent yet in this run.
    pub(super) fn new(recorded: Option<Recorded>) -> Self {
        Self { place: 0, recorded, left: None, stopped: None }
    }

    pub(super) fn stopped(&self) -> Option<&Stopped> {
        self.stopped.as_ref()
    }

    /// What is to be done with the product's next line, or with what cannot be one for this reason.
    pub(super) fn next(&mut self, number: u64, line: Result<&Line, &str>) -> Step {
        self.place += 1;
        if let Some(stopped) = &mut self.stopped {
            return stopped.pass_over(number);
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

    /// What became of a line that was sent; the lines behind it follow from that.
    pub(super) fn answered(&mut self, line: &Line, condition: Condition, answer: &Answer) -> Outcome {
        if !answer.status.is_success() {
            return match self.somebody_else(condition, answer) {
                Some(reason) => Outcome::LeftAlone(reason),
                None => Outcome::Failed(answer.reason()),
            };
        }
        let receipt = match answer.receipt(&line.product_id, condition) {
            Ok(receipt) => receipt,
            Err(reason) => return Outcome::Failed(reason),
        };
        self.leave(line.verb, receipt.version);
        match (receipt.events.is_empty(), answer.replayed && !answer.repeated) {
            (true, _) => Outcome::Unchanged,
            (false, true) => Outcome::Repeated,
            (false, false) => Outcome::Written,
        }
    }

    /// From here on nothing is sent.
    pub(super) fn stop(&mut self, why: Why, line: u64) {
        self.stopped.get_or_insert(Stopped { why, line, unnamed: 0, first: 0, last: 0, named: 0 });
    }

    fn mark(&self, command: Hash) -> Mark {
        Mark { place: self.place, command }
    }

    fn go_on(&mut self, line: &Line, recorded: &Recorded) -> Step {
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

    /// Whether a refusal is owed to a change that somebody else made since this import's last line. Some refusals are decided
    /// before the condition is looked at, so what the product is tells, too.
    fn somebody_else(&self, condition: Condition, answer: &Answer) -> Option<String> {
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

impl Stopped {
    fn pass_over(&mut self, number: u64) -> Step {
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
        Step::PassOver(self.why, self.line, naming)
    }
}

/// On what a line is sent, after what the lines before it left.
fn condition(left: Option<Left>, verb: Verb) -> Result<Condition, String> {
    match (left, verb) {
        (None, Verb::Create) => Ok(Condition::Absent),
        (None, _) => Ok(Condition::None),
        // One request cannot ask for both a version and a product that is not there.
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

    fn line(verb: &str) -> Line {
        Line::parse(format!(r#"{{"command":"{verb}","product_id":"p"}}"#).as_bytes()).unwrap()
    }

    fn answer(status: u16, body: &Value) -> Answer {
        let status = StatusCode::from_u16(status).unwrap();
        Answer { status, replayed: false, repeated: false, body: body.to_string().into_bytes() }
    }

    fn receipt(version: u64, events: u64) -> Answer {
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

    fn problem(status: u16, kind: &str) -> Answer {
        let kind = format!("urn:product-ledger:problem:{kind}");
        answer(status, &json!({"type": kind, "title": "No", "detail": "never", "current_version": 9}))
    }

    /// The condition on which the next line is sent.
    fn condition_of(product: &mut Product, line: &Line) -> Condition {
        match product.next(1, Ok(line)) {
            Step::Send(condition, _) => condition,
            other => panic!("{other:?}"),
        }
    }

    /// A product after one line of each verb, each with an effect.
    fn after(verbs: &[&str]) -> Product {
        let mut product = Product::new(None);
        for (verb, version) in verbs.iter().zip(1..) {
            let line = line(verb);
            let condition = condition_of(&mut product, &line);
            assert_eq!(product.answered(&line, condition, &receipt(version, 1)), Outcome::Written);
        }
        product
    }

    fn recorded(place: u64, line: &Line, version: u64) -> Product {
        Product::new(Some(Recorded { mark: Mark { place, command: line.hash() }, version }))
    }

    #[test]
    fn the_first_line_is_sent_as_it_is_and_each_further_one_on_the_version_that_was_left() {
        for (verb, first) in
            [("create", Condition::Absent), ("put", Condition::None), ("update", Condition::None)]
        {
            let mut product = Product::new(None);
            let line = line(verb);
            assert_eq!(condition_of(&mut product, &line), first, "{verb}");
            assert_eq!(product.answered(&line, first, &receipt(7, 0)), Outcome::Unchanged);
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
    fn an_import_goes_on_behind_its_newest_commit() {
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
            (Product::new(None), &line("create"), problem(412, "precondition-failed"), false),
        ] {
            let condition = condition_of(&mut product, line);
            let outcome = product.answered(line, condition, &answer);
            assert_eq!(matches!(outcome, Outcome::LeftAlone(_)), alone, "{outcome:?}");
            assert!(alone || matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
        }
    }

    #[test]
    fn an_answer_that_is_no_receipt_is_a_failure() {
        let update = line("update");
        for answer in [answer(200, &json!({})), answer(204, &Value::Null), receipt(5, 1)] {
            let mut product = after(&["create"]);
            let condition = condition_of(&mut product, &update);
            assert!(matches!(product.answered(&update, condition, &answer), Outcome::Failed(_)));
        }
    }

    #[test]
    fn what_was_recorded_by_a_sending_of_this_run_was_not_imported_before() {
        let create = line("create");
        for (repeated, outcome) in [(false, Outcome::Repeated), (true, Outcome::Written)] {
            let answer = Answer { replayed: true, repeated, ..receipt(1, 1) };
            let mut product = Product::new(None);
            let condition = condition_of(&mut product, &create);
            assert_eq!(product.answered(&create, condition, &answer), outcome);
        }
    }

    #[test]
    fn behind_a_stop_lines_are_named_and_then_counted() {
        let mut product = after(&["create"]);
        product.stop(Why::Failed, 2);
        product.stop(Why::LeftAlone, 3);
        for number in 10..1_000 {
            let named = number < 10 + NAMED;
            assert_eq!(product.next(number, Ok(&line("update"))), Step::PassOver(Why::Failed, 2, named));
        }
        let stopped = product.stopped().unwrap();
        assert_eq!((stopped.unnamed, stopped.first, stopped.last), (990 - NAMED, 10 + NAMED, 999));
    }
}
