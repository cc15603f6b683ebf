//! Text tables: columns as wide as their widest cell, colours only on a terminal, and text from the ledger escaped so that it
//! cannot control the terminal.

use std::fmt::Write;

use console::{StyledObject, measure_text_width, style};

/// A text table; cells of its last column may have several lines.
#[derive(Debug, Default)]
pub struct TextTable {
    titles: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl TextTable {
    /// A table with these columns.
    #[must_use]
    pub fn new(titles: &[&'static str]) -> Self {
        Self { titles: titles.to_vec(), rows: Vec::new() }
    }

    /// Adds a row, one cell a column.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The table as text, without columns whose cells are all empty.
    #[must_use]
    pub fn draw(&self) -> String {
        let widths: Vec<usize> = (0..self.titles.len()).map(|column| self.width(column)).collect();
        let titles = self.titles.iter().map(|title| style(title).bold().to_string()).collect();
        let mut text = String::new();
        for row in std::iter::once(&titles).chain(&self.rows) {
            line(&mut text, row, &widths);
        }
        text
    }

    /// Zero for a column without content.
    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        let widest = cells.flat_map(|cell| cell.lines()).map(measure_text_width).max().unwrap_or(0);
        if widest == 0 { 0 } else { widest.max(measure_text_width(self.titles[column])) }
    }
}

fn line(text: &mut String, row: &[String], widths: &[usize]) {
    let last = widths.iter().rposition(|width| *width > 0).unwrap_or(0);
    let mut indent = 0;
    for (column, (cell, width)) in row.iter().zip(widths).enumerate().filter(|(_, (_, width))| **width > 0) {
        if column == last {
            let margin = format!("\n{}", " ".repeat(indent));
            text.push_str(&cell.replace('\n', &margin));
        } else {
            let padding = width.saturating_sub(measure_text_width(cell));
            let _ = write!(text, "{cell}{}  ", " ".repeat(padding));
            indent += width + 2;
        }
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
}

/// A text from the ledger on one line, with control and bidirectional characters escaped.
#[must_use]
pub fn escaped(text: &str) -> String {
    let shown = |letter: char| match letter {
        '"' | '\'' | '\\' => letter.to_string(),
        _ => letter.escape_debug().to_string(),
    };
    text.chars().map(shown).collect()
}

/// The old value of a change.
#[must_use]
pub fn removed(text: &str) -> StyledObject<String> {
    style(escaped(text)).red()
}

/// The new value of a change.
#[must_use]
pub fn added(text: &str) -> StyledObject<String> {
    style(escaped(text)).green()
}

/// A time for people: in UTC, to the second; `-` if there is none.
#[must_use]
pub fn moment(text: Option<&str>) -> String {
    let Some(text) = text else {
        return "-".into();
    };
    match (text.get(..10), text.get(11..19)) {
        (Some(day), Some(time)) => escaped(&format!("{day} {time}")),
        _ => escaped(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_empty_ones_are_left_out() {
        let mut table = TextTable::new(&["a", "none", "what"]);
        table.row(vec!["1".into(), String::new(), "first".into()]);
        table.row(vec!["1234".into(), String::new(), "second\nthird".into()]);
        let drawn = console::strip_ansi_codes(&table.draw()).into_owned();
        assert_eq!(drawn, "a     what\n1     first\n1234  second\n      third\n");
    }

    #[test]
    fn text_from_the_ledger_cannot_control_the_terminal() {
        let shown = escaped("a\u{1b}[2J\n\u{202e}b\"é😀");
        assert_eq!(shown, "a\\u{1b}[2J\\n\\u{202e}b\"é😀");
    }
}
