//! Lines by the reason why they are, or may be, refused or left out. Memory is limited however many reasons there are.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::text_table::escaped;

/// Further reasons are only counted.
const MOST_REASONS: usize = 100;
/// Further lines of a reason are only counted.
const MOST_LINES: usize = 10;

/// Lines by reason.
#[derive(Debug, Default)]
pub(super) struct Reasons {
    lines: BTreeMap<String, ReasonLines>,
    /// Lines with reasons that are no longer listed.
    others: u64,
}

/// The lines of one reason.
#[derive(Debug, Default)]
struct ReasonLines {
    count: u64,
    lines: Vec<u64>,
}

/// How lines are named.
#[derive(Debug, Clone, Copy)]
pub(super) struct NamedLines {
    /// What a number counts, as one.
    pub(super) noun: &'static str,
    /// At most so many, up to ten.
    pub(super) most: usize,
}

impl Reasons {
    pub(super) fn add(&mut self, line: u64, reason: &str) {
        if self.lines.len() >= MOST_REASONS && !self.lines.contains_key(reason) {
            self.others += 1;
            return;
        }
        let lines = self.lines.entry(reason.to_owned()).or_default();
        lines.count += 1;
        if lines.lines.len() < MOST_LINES {
            lines.lines.push(line);
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.lines.values().map(|lines| lines.count).sum::<u64>() + self.others
    }

    #[cfg(test)]
    pub(super) fn reasons(&self) -> impl Iterator<Item = &str> {
        self.lines.keys().map(String::as_str)
    }

    /// The reasons, those with most lines first.
    pub(super) fn told(&self, what: &str, named: NamedLines) -> String {
        let mut text = String::new();
        let mut reasons: Vec<_> = self.lines.iter().collect();
        reasons.sort_by_key(|(_, lines)| (std::cmp::Reverse(lines.count), lines.lines.first().copied()));
        for (reason, ReasonLines { count, lines }) in reasons {
            let lines = &lines[..lines.len().min(named.most)];
            let more = if *count > lines.len() as u64 { ", …" } else { "" };
            let plural = if lines.len() == 1 { "" } else { "s" };
            let lines: Vec<String> = lines.iter().map(u64::to_string).collect();
            let _ = writeln!(
                text,
                "{count} {what}: {} ({}{plural} {}{more})",
                escaped(reason),
                named.noun,
                lines.join(", ")
            );
        }
        if self.others > 0 {
            let _ = writeln!(text, "{} {what} for further reasons", self.others);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_and_their_lines_are_limited() {
        let mut reasons = Reasons::default();
        for line in 0..1_000 {
            reasons.add(line, "the same");
            reasons.add(line, &format!("reason {line}"));
        }
        let (listed, others) = (&reasons.lines, reasons.others);
        assert_eq!((listed.len(), listed["the same"].lines.len()), (MOST_REASONS, MOST_LINES));
        assert_eq!((others, reasons.count()), (1_000 - (MOST_REASONS as u64 - 1), 2_000));
        let told = reasons.told("refused", NamedLines { noun: "item", most: 3 });
        assert!(
            told.starts_with("1000 refused: the same (items 0, 1, 2, …)\n1 refused: reason 0 (item 0)\n"),
            "{told}"
        );
        assert!(told.ends_with("901 refused for further reasons\n"), "{told}");
    }
}
