//! In which order the lines of an export are: product by product, or by position.
//!
//! An export by position begins with a checkpoint if its ledger has a log. Without one only the lines can tell: they are in the
//! order in which they step back less often, in that of products or in that of time; if equally often, in that of products.

use event_store::verify::{LineBatch, guess};

use super::line::{ExportLine, read};

/// The order of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineOrder {
    /// Products in order of id, those of a product by sequence.
    Product,
    /// Commits as they were recorded.
    Position,
}

/// The order that the first line tells, if it is no commit.
pub(super) fn told_by(first: &[u8]) -> Option<LineOrder> {
    let is_position = matches!(read(Some(first)), ExportLine::Checkpoint(_) | ExportLine::Entry { .. });
    is_position.then_some(LineOrder::Position)
}

/// How often lines step back.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct OrderClues {
    ends: Option<(LineKey, LineKey)>,
    products_back: u64,
    times_back: u64,
}

/// The product of a line and when it was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
struct LineKey {
    product: String,
    recorded_at: String,
}

impl OrderClues {
    /// Those of a batch. An entry that is no commit is met by position alone.
    pub(super) fn of(batch: &LineBatch) -> Self {
        let mut clues = Self::default();
        for line in batch.texts().flatten() {
            let (product, recorded_at) = guess(line);
            if let (Some(product), Some(recorded_at)) = (product, recorded_at) {
                let key = LineKey { product, recorded_at };
                clues.follow(Self { ends: Some((key.clone(), key)), ..Self::default() });
            }
        }
        clues
    }

    /// Adds those of the lines behind them.
    pub(super) fn follow(&mut self, next: Self) {
        self.products_back += next.products_back;
        self.times_back += next.times_back;
        self.ends = match (self.ends.take(), next.ends) {
            (Some((first, last)), Some((of_next, end))) => {
                self.products_back += u64::from(of_next.product < last.product);
                self.times_back += u64::from(of_next.recorded_at < last.recorded_at);
                Some((first, end))
            }
            (before, after) => before.or(after),
        };
    }

    pub(super) fn order(&self) -> LineOrder {
        if self.products_back > self.times_back { LineOrder::Position } else { LineOrder::Product }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(lines: &[(&str, u64)]) -> LineOrder {
        let text: String = lines
            .iter()
            .map(|(product, at)| {
                format!(r#"{{"product_id":"{product}","recorded_at":"2026-05-01T00:00:00.{at:03}Z"}}"#) + "\n"
            })
            .collect();
        let whole = OrderClues::of(&LineBatch::read(&mut text.as_bytes()).unwrap().unwrap());
        let mut parts = OrderClues::default();
        for line in text.lines() {
            parts.follow(OrderClues::of(&LineBatch::read(&mut line.as_bytes()).unwrap().unwrap()));
        }
        assert_eq!(whole, parts, "batches end anywhere");
        whole.order()
    }

    #[test]
    fn without_a_checkpoint_lines_are_in_the_order_in_which_they_step_back_less_often() {
        for (lines, expected) in [
            (&[("a", 1), ("a", 3), ("b", 2)][..], LineOrder::Product),
            (&[("a", 1), ("b", 2), ("a", 3)], LineOrder::Position),
            // Commits of the same moment may be recorded in the other order than they were made.
            (&[("c", 2), ("b", 1), ("a", 3), ("d", 3), ("b", 4)], LineOrder::Position),
            // A line that somebody moved is not taken for another order.
            (&[("b", 2), ("a", 1), ("c", 3)], LineOrder::Product),
            (&[("a", 1), ("a", 5), ("c", 2), ("b", 1), ("d", 3)], LineOrder::Product),
        ] {
            assert_eq!(order(lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn a_first_line_without_a_commit_tells_the_order() {
        for first in [r#"{"checkpoint":"x"}"#, r#"{"entry":"AA==","position":0}"#] {
            assert_eq!(told_by(first.as_bytes()), Some(LineOrder::Position), "{first}");
        }
        for first in [r#"{"checkpoint":"x","product_id":"a"}"#, r#"{"product_id":"a"}"#, "", "{"] {
            assert_eq!(told_by(first.as_bytes()), None, "{first}");
        }
    }
}
