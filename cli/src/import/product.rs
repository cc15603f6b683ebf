//! How far an import is with one product, and what it sends next. Pure.
//!
//! The promise: from a product's second line on, each line is sent on the condition of the version that this import left, so
//! that a change by somebody else is never overwritten; after a line that failed or was left alone, nothing is sent; and a line
//! counts as imported before only if the import recorded no other command at its place.

use std::num::NonZeroU64;

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
    recorded: RecordedLines,
    left: Option<Left>,
    stopped: Option<StoppedAt>,
}

/// A commit of this import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RecordedLine {
    pub(super) mark: LineMark,
    /// The product's version after it.
    pub(super) version: u64,
}

/// What this import has recorded of a product: the newest commit, and enough of those before it to notice another command at
/// their places. That takes 8 bytes a commit, and nothing where a place cannot have another command.
#[derive(Debug, Default)]
pub(super) struct RecordedLines {
    newest: Option<RecordedLine>,
    earlier: Vec<EarlierLine>,
    /// How many of the earlier ones the lines have passed.
    passed: usize,
}

/// A place, and the first 32 bits of the hash of its command: one changed command in 4 billion has the same ones.
#[derive(Debug, Clone, Copy)]
struct EarlierLine {
    place: u32,
    command: u32,
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

/// The input ends before a line of a product that this import recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MissingLines {
    /// The place of the product's last line in the input.
    pub(super) place: u64,
    /// The place of the newest commit.
    pub(super) recorded: u64,
    pub(super) count: NonZeroU64,
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
    pub(super) fn new(recorded: RecordedLines) -> Self {
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
        match &self.recorded.newest {
            Some(newest) if self.place <= newest.mark.place => self.go_on(line),
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
                None => LineOutcome::Failed(refusal(line, condition, answer)),
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

    /// How many lines are missing at the end of the input, which this import recorded; `None` if none is, or the product stopped.
    pub(super) fn missing(&self) -> Option<MissingLines> {
        let recorded = self.recorded.newest.as_ref().filter(|_| self.stopped.is_none())?.mark.place;
        let count = NonZeroU64::new(recorded.saturating_sub(self.place))?;
        Some(MissingLines { place: self.place, recorded, count })
    }

    /// Sends nothing from here on.
    pub(super) fn stop(&mut self, why: StopCause, line: u64) {
        self.stopped.get_or_insert(StoppedAt { why, line, unnamed: 0, first: 0, last: 0, named: 0 });
    }

    fn mark(&self, command: Hash) -> LineMark {
        LineMark { place: self.place, command }
    }

    /// Passes a line at a place up to that of the newest commit.
    fn go_on(&mut self, line: &ImportLine) -> Step {
        if self.recorded.is_another(self.place, line) {
            return Step::Fail(format!(
                "this import recorded another command as line {} of the product, and what is recorded stays; \
                 correct it by a further line, or import this input under another --batch NAME",
                self.place
            ));
        }
        if let Some(version) = self.recorded.passed_newest(self.place) {
            self.leave(line.verb, version);
        }
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
            ("precondition-failed", _) => match answer.current_version() {
                // The line itself carries a field that is not the product's.
                Some(version) if version == left.version => return None,
                Some(version) => format!("at version {version}"),
                None => "elsewhere".into(),
            },
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

impl RecordedLines {
    /// Adds a later commit; `may_differ` says whether the input may now have another command at a place.
    pub(super) fn add(&mut self, line: RecordedLine, may_differ: bool) {
        let Some(before) = self.newest.replace(line).filter(|_| may_differ) else { return };
        self.earlier.extend(EarlierLine::of(&before.mark));
        // Two runs at once may have recorded places in another order; then the newest commit counts.
        let newest = self.newest.as_ref().map_or(0, |newest| newest.mark.place);
        while self.earlier.last().is_some_and(|earlier| u64::from(earlier.place) >= newest) {
            self.earlier.pop();
        }
    }

    /// Whether another command than this line was recorded at its place. Places are asked for in their order.
    fn is_another(&mut self, place: u64, line: &ImportLine) -> bool {
        if let Some(newest) = self.newest.as_ref().filter(|newest| newest.mark.place == place) {
            return newest.mark.command != line.hash();
        }
        let Some(earlier) = self.earlier.get(self.passed).filter(|earlier| u64::from(earlier.place) == place)
        else {
            return false;
        };
        self.passed += 1;
        first_bits(&line.hash()) != earlier.command
    }

    /// The version after the newest commit, if this is its place. What was kept of the earlier ones is no longer needed.
    fn passed_newest(&mut self, place: u64) -> Option<u64> {
        let newest = self.newest.as_ref().filter(|newest| newest.mark.place == place)?;
        self.earlier = Vec::new();
        Some(newest.version)
    }
}

impl EarlierLine {
    /// `None` for a place beyond 4 billion.
    fn of(mark: &LineMark) -> Option<Self> {
        Some(Self { place: u32::try_from(mark.place).ok()?, command: first_bits(&mark.command) })
    }
}

fn first_bits(hash: &Hash) -> u32 {
    // A hash is 64 hex digits.
    hash.as_str().get(..8).and_then(|digits| u32::from_str_radix(digits, 16).ok()).unwrap_or_default()
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

/// Why a line failed: the server's reason, but for a `create` that the product exists.
fn refusal(line: &ImportLine, condition: Condition, answer: &ServerAnswer) -> String {
    let is_there =
        condition == Condition::Absent && answer.kind() == "precondition-failed" && line.carried().is_empty();
    if !is_there {
        return answer.reason();
    }
    let version = answer.current_version().map(|version| format!(" at version {version}"));
    let version = version.unwrap_or_default();
    format!("412 The product exists{version}: `update` changes it, and `put` replaces it")
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
        let mut product = ProductProgress::new(RecordedLines::default());
        for (verb, version) in verbs.iter().zip(1..) {
            let line = line(verb);
            let condition = condition_of(&mut product, &line);
            assert_eq!(product.answered(&line, condition, &receipt(version, 1)), LineOutcome::Written);
        }
        product
    }

    /// A product of whose lines a batch recorded these, by place.
    fn recorded(lines: &[(u64, &ImportLine)]) -> ProductProgress {
        let mut recorded = RecordedLines::default();
        for ((place, line), version) in lines.iter().zip(1..) {
            let mark = LineMark { place: *place, command: line.hash() };
            recorded.add(RecordedLine { mark, version }, true);
        }
        ProductProgress::new(recorded)
    }

    /// The steps of a product's lines, until one fails.
    fn steps(product: &mut ProductProgress, lines: &[&ImportLine]) -> Vec<bool> {
        let mut steps = Vec::new();
        for line in lines {
            match product.next(1, Ok(line)) {
                Step::Repeated => steps.push(true),
                Step::Fail(_) => {
                    steps.push(false);
                    return steps;
                }
                other => panic!("{other:?}"),
            }
        }
        steps
    }

    #[test]
    fn the_first_line_is_sent_as_it_is_and_each_further_one_on_the_version_that_was_left() {
        for (verb, first) in
            [("create", Condition::Absent), ("put", Condition::None), ("update", Condition::None)]
        {
            let mut product = ProductProgress::new(RecordedLines::default());
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
        let mut product = recorded(&[(1, &update), (3, &delete)]);
        assert_eq!(steps(&mut product, &[&update, &update, &delete]), [true; 3]);
        assert_eq!(condition_of(&mut product, &line("create")), Condition::Version(2));
    }

    #[test]
    fn another_command_at_the_place_of_any_commit_is_not_taken_for_it() {
        let (create, update, delete) = (line("create"), line("update"), line("delete"));
        // The line at place 2 had no effect, so nobody knows what it was.
        let recorded = || recorded(&[(1, &create), (3, &update), (4, &delete)]);
        for (lines, expected) in [
            (&[&create, &update, &update, &delete][..], &[true, true, true, true][..]),
            (&[&create, &delete, &update, &delete], &[true, true, true, true]),
            (&[&update, &update, &update, &delete], &[false]),
            (&[&create, &update, &delete, &delete], &[true, true, false]),
            (&[&create, &update, &update, &update], &[true, true, true, false]),
        ] {
            assert_eq!(steps(&mut recorded(), lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn where_two_runs_recorded_places_in_another_order_the_newest_commit_counts() {
        let (create, update, delete) = (line("create"), line("update"), line("delete"));
        let all = [(1, &update), (2, &update), (4, &update), (1, &create), (2, &delete), (3, &create)];
        let mut product = recorded(&all);
        assert_eq!(steps(&mut product, &[&create, &delete, &create]), [true; 3]);
        assert_eq!(condition_of(&mut product, &update), Condition::Version(6));
    }

    #[test]
    fn of_an_import_whose_input_cannot_differ_the_newest_commit_alone_is_kept() {
        let (update, mut recorded) = (line("update"), RecordedLines::default());
        for place in 1..100 {
            recorded.add(
                RecordedLine { mark: LineMark { place, command: update.hash() }, version: place },
                false,
            );
        }
        assert_eq!((recorded.earlier.len(), recorded.newest.unwrap().version), (0, 99));
    }

    #[test]
    fn lines_that_are_recorded_and_not_in_the_input_are_missing() {
        let update = line("update");
        let all = [(1, &update), (2, &update), (5, &update)];
        for (lines, missing) in [(0, 5), (2, 3), (4, 1)] {
            let mut product = recorded(&all);
            steps(&mut product, &vec![&update; lines]);
            let found = product.missing().unwrap();
            assert_eq!((found.place, found.recorded, found.count.get()), (lines as u64, 5, missing));
            product.stop(StopCause::Failed, 1);
            assert_eq!(product.missing(), None);
        }
        let mut product = recorded(&all);
        steps(&mut product, &[&update; 5]);
        assert_eq!((product.missing(), after(&["create"]).missing()), (None, None));
    }

    #[test]
    fn a_create_of_a_product_that_exists_says_so() {
        let create = line("create");
        for (body, reason) in [
            (json!({"current_version": 9}), "412 The product exists at version 9: "),
            (json!({}), "412 The product exists: "),
        ] {
            let mut problem = body;
            problem["type"] = "urn:product-ledger:problem:precondition-failed".into();
            let refused = answer(412, &problem);
            let mut product = ProductProgress::new(RecordedLines::default());
            let condition = condition_of(&mut product, &create);
            let LineOutcome::Failed(said) = product.answered(&create, condition, &refused) else {
                panic!("it was taken");
            };
            assert!(said.starts_with(reason) && said.contains("`update`"), "{said}");
        }
        let carrying = ImportLine::parse(br#"{"command":"create","product_id":"p","version":2}"#).unwrap();
        let mut product = ProductProgress::new(RecordedLines::default());
        let condition = condition_of(&mut product, &carrying);
        let said = product.answered(&carrying, condition, &problem(412, "precondition-failed"));
        assert_eq!(said, LineOutcome::Failed("412 No: never".into()), "another version may be the reason");
    }

    #[test]
    fn what_somebody_else_changed_is_left_alone_and_other_refusals_are_failures() {
        let (update, restore) = (line("update"), line("restore"));
        let (active, deleted) = (after(&["create"]), after(&["create", "delete"]));
        let kind = "urn:product-ledger:problem:precondition-failed";
        let stale_version = answer(412, &json!({"type": kind, "title": "No", "current_version": 1}));
        for (mut product, line, answer, alone) in [
            (after(&["create"]), &update, problem(412, "precondition-failed"), true),
            (active, &update, problem(409, "product-deleted"), true),
            (after(&["create", "delete"]), &restore, problem(409, "product-not-deleted"), true),
            (deleted, &update, problem(409, "product-deleted"), false),
            (after(&["create"]), &restore, problem(409, "product-not-deleted"), false),
            (after(&["create"]), &update, problem(422, "invalid"), false),
            // Nobody else has changed it: the line carries another version than it has.
            (after(&["create"]), &update, stale_version, false),
            (
                ProductProgress::new(RecordedLines::default()),
                &line("create"),
                problem(412, "precondition-failed"),
                false,
            ),
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
            let mut product = ProductProgress::new(RecordedLines::default());
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
