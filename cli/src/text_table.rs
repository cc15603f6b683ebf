//! Text tables: columns as wide as their widest cell and no line wider than the terminal, colours only on a terminal, and text
//! from the ledger escaped so that it cannot control the terminal.

use std::borrow::Cow;
use std::fmt::Write;

use console::{StyledObject, Term, measure_text_width, style, truncate_str};
use rustix::termios::tcgetwinsize;
use textwrap::{Options, WrapAlgorithm};

/// The narrowest last column; where there is less room, the cells of a row stand below each other.
pub(crate) const NARROWEST: usize = 30;

/// The margin of cells that stand below the others of their row.
const MARGIN: &str = "    ";

/// The longest text in columns, unless all of it is asked for.
const LONGEST: usize = 200;

/// A text table; cells of its last column may have several lines.
#[derive(Debug, Default)]
pub struct TextTable {
    titles: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    first_at_most: Option<usize>,
}

impl TextTable {
    /// A table with these columns.
    #[must_use]
    pub fn new(titles: &[&'static str]) -> Self {
        Self { titles: titles.to_vec(), rows: Vec::new(), first_at_most: None }
    }

    /// Adds a row, one cell a column.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Whether it has no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The first column gets no wider than this: a wider cell stands whole on a line of its own, above the others of its row.
    pub fn first_at_most(&mut self, width: usize) {
        self.first_at_most = Some(width);
    }

    /// The table as text, without columns whose cells are all empty; no line is wider than `width`, if there is one.
    #[must_use]
    pub fn draw(&self, width: Option<usize>) -> String {
        let widths: Vec<usize> = (0..self.titles.len()).map(|column| self.width(column)).collect();
        let last = widths.iter().rposition(|width| *width > 0).unwrap_or(0);
        let indent: usize = widths[..last].iter().filter(|width| **width > 0).map(|width| width + 2).sum();
        let room = width.map_or(usize::MAX, |width| width.saturating_sub(indent));
        if let Some(width) = width.filter(|_| room < NARROWEST.min(widths[last])) {
            return self.stacked(width, last);
        }
        // Colours would make an empty title a text that ends in spaces.
        let bold =
            |title: &&str| if title.is_empty() { String::new() } else { style(title).bold().to_string() };
        let titles = self.titles.iter().map(bold).collect();
        let mut text = String::new();
        for row in std::iter::once(&titles).chain(&self.rows) {
            let cells = row[..last].iter().zip(&widths).filter(|(_, width)| **width > 0);
            for (cell, width) in cells {
                let used = measure_text_width(cell);
                if used > *width {
                    let _ = write!(text, "{cell}\n{}  ", " ".repeat(*width));
                } else {
                    let _ = write!(text, "{cell}{}  ", " ".repeat(width - used));
                }
            }
            let wrapped =
                if widths[last] > room { filled(&row[last], Options::new(room)) } else { row[last].clone() };
            text.push_str(&wrapped.replace('\n', &format!("\n{}", " ".repeat(indent))));
            text.truncate(text.trim_end().len());
            text.push('\n');
        }
        text
    }

    /// The table without columns: the last cell of a row stands below the others, which have their titles.
    fn stacked(&self, width: usize, last: usize) -> String {
        let mut text = String::new();
        for row in &self.rows {
            let titled = self.titles[1..last].iter().zip(&row[1..last]).filter(|(_, cell)| !cell.is_empty());
            let titled = titled.map(|(title, cell)| format!("{} {cell}", style(title).bold()));
            let room = width.saturating_sub(MARGIN.len()).max(1);
            let head = packed(std::iter::once(row[0].clone()).chain(titled), room);
            for (text_of, margin) in [(&head, ""), (&row[last], MARGIN)] {
                let lines = filled(text_of, Options::new(room));
                for (n, line) in lines.lines().enumerate() {
                    let margin = if n > 0 { MARGIN } else { margin };
                    let _ = writeln!(text, "{margin}{line}");
                }
            }
        }
        text
    }

    /// Zero for a column without content.
    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        let most = self.first_at_most.filter(|_| column == 0).unwrap_or(usize::MAX);
        let widths: Vec<usize> = cells.flat_map(|cell| cell.lines()).map(measure_text_width).collect();
        let widest = widths.iter().filter(|width| **width <= most).max();
        let is_empty = widths.iter().all(|width| *width == 0);
        if is_empty { 0 } else { measure_text_width(self.titles[column]).max(widest.copied().unwrap_or(0)) }
    }
}

/// Texts on as few lines as their order allows, each whole on one line.
fn packed(texts: impl Iterator<Item = String>, width: usize) -> String {
    let (mut lines, mut used) = (String::new(), 0);
    for text in texts {
        let needed = measure_text_width(&text);
        if used > 0 && used + 2 + needed > width {
            lines.push('\n');
            used = 0;
        } else if used > 0 {
            lines.push_str("  ");
            used += 2;
        }
        lines.push_str(&text);
        used += needed;
    }
    lines
}

/// A text whose lines are no wider than the terminal; from the second on they begin with a margin.
#[must_use]
pub fn wrapped(text: &str) -> String {
    let wrap = |width| filled(text, Options::new(width).subsequent_indent(MARGIN));
    terminal_width().map_or_else(|| text.to_owned(), wrap)
}

/// A text with line ends so that no line is too wide. Not by the algorithm that looks for lines of similar length: it lets a line
/// become too wide where that looks better than a short one before it.
fn filled(text: &str, options: Options<'_>) -> String {
    textwrap::fill(text, options.wrap_algorithm(WrapAlgorithm::FirstFit))
}

/// The width of the terminal; `None` where the output is none, or nothing says how wide it is.
#[must_use]
pub fn terminal_width() -> Option<usize> {
    Term::stdout().is_term().then(|| {
        let reported = tcgetwinsize(std::io::stdout()).map_or(0, |size| size.ws_col);
        width_of(reported, std::env::var("COLUMNS").ok().as_deref())
    })?
}

/// What the terminal reports, which may be zero, or else what the environment says.
fn width_of(reported: u16, columns: Option<&str>) -> Option<usize> {
    let said = || columns.and_then(|columns| columns.trim().parse().ok());
    Some(reported).filter(|width| *width > 0).or_else(said).map(usize::from).filter(|width| *width > 0)
}

/// Whether standard output is a terminal that shows more than ASCII, by the locale of the environment.
#[must_use]
pub fn shows_blocks() -> bool {
    Term::stdout().is_term() && is_unicode(|name| std::env::var(name).ok())
}

/// POSIX: of these variables the first that is not empty decides.
fn is_unicode(variable: impl Fn(&str) -> Option<String>) -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable);
    let locale = set.into_iter().find(|value| !value.is_empty()).unwrap_or_default().to_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// A text from the ledger on one line, with control and bidirectional characters escaped, also the marks that names may have: in a
/// row they could exchange the places of what stands beside them. Accents and the joints of emoji are part of the letter before
/// them and stay.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (at, letter) in text.char_indices() {
        match letter {
            '"' | '\'' | '\\' => shown.push(letter),
            '\u{200c}' | '\u{200d}' if at > 0 => shown.push(letter),
            // After another letter only what is no part of that one is escaped.
            _ if at > 0 => shown.extend(['a', letter].iter().collect::<String>().escape_debug().skip(1)),
            _ => shown.extend(letter.escape_debug()),
        }
    }
    shown
}

/// A text without its end, if it is long.
#[must_use]
pub fn shortened(text: &str) -> Cow<'_, str> {
    truncate_str(text, LONGEST, "…")
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
        let drawn = console::strip_ansi_codes(&table.draw(None)).into_owned();
        assert_eq!(drawn, "a     what\n1     first\n1234  second\n      third\n");
    }

    #[test]
    fn text_from_the_ledger_cannot_control_the_terminal() {
        let shown = escaped("a\u{1b}[2J\n\u{202e}b\"é😀");
        assert_eq!(shown, "a\\u{1b}[2J\\n\\u{202e}b\"é😀");
        assert_eq!(escaped("\u{200d}\u{301}"), "\\u{200d}\u{301}");
        assert_eq!(escaped("a\u{200e}\u{200f}\u{61c}"), "a\\u{200e}\\u{200f}\\u{61c}");
    }

    #[test]
    fn the_locale_decides_what_a_terminal_shows() {
        let decided = |values: [&str; 3]| {
            is_unicode(|name| {
                let at = ["LC_ALL", "LC_CTYPE", "LANG"].iter().position(|known| *known == name);
                at.map(|at| values[at].to_owned())
            })
        };
        assert!(decided(["", "", "de_DE.UTF-8"]) && decided(["C.utf8", "C", "C"]));
        assert!(!decided(["C", "", "de_DE.UTF-8"]) && !decided(["", "en_US.ISO-8859-1", "en_US.UTF-8"]));
        assert!(!decided(["", "", ""]) && !is_unicode(|_| None));
    }

    #[test]
    fn accents_and_joined_emoji_are_shown() {
        for text in ["e\u{301}clair", "👨\u{200d}👩\u{200d}👧", "❤\u{fe0f}", "نی\u{200c}ست", "自転車"]
        {
            assert_eq!(escaped(text), text);
        }
    }

    #[test]
    fn a_long_text_loses_its_end() {
        assert_eq!(shortened("short"), "short");
        let short = shortened(&"自".repeat(4_000)).into_owned();
        assert_eq!((measure_text_width(&short) <= LONGEST, short.ends_with('…')), (true, true));
    }

    fn story() -> TextTable {
        let mut table = TextTable::new(&["#", "recorded", "who", "what"]);
        for (n, what) in
            ["created: a lamp for the desk, with a shade of glass", "name: 自転車自転車自転車自転車 → \nx"]
                .iter()
                .enumerate()
        {
            table.row(vec![n.to_string(), "2026-11-23 05:20:00".into(), "ann".into(), (*what).to_owned()]);
        }
        table
    }

    #[test]
    fn the_last_column_is_wrapped_at_words() {
        let drawn = console::strip_ansi_codes(&story().draw(Some(60))).into_owned();
        let expected = [
            "#  recorded             who  what",
            "0  2026-11-23 05:20:00  ann  created: a lamp for the desk,",
            "                             with a shade of glass",
            "1  2026-11-23 05:20:00  ann  name: 自転車自転車自転車自転車",
            "                             →",
            "                             x",
        ];
        assert_eq!(drawn.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_word_that_is_wider_than_its_column_is_broken_however_wide_the_terminal_is() {
        let mut table = TextTable::new(&["field", "value"]);
        for length in [150, 190, 195, 250, 900] {
            table.row(vec!["description".into(), format!("x {}", "a".repeat(length))]);
        }
        for width in [40, 80, 120, 200, 300] {
            let drawn = console::strip_ansi_codes(&table.draw(Some(width))).into_owned();
            assert!(drawn.lines().all(|line| measure_text_width(line) <= width), "{width}: {drawn}");
            let letters = drawn.lines().filter(|line| line.contains("aa")).flat_map(str::chars);
            assert_eq!(
                letters.filter(|letter| *letter == 'a').count(),
                150 + 190 + 195 + 250 + 900,
                "{width}"
            );
        }
    }

    #[test]
    fn scripts_without_spaces_are_broken_between_words() {
        let filled = filled("ภาษาไทยภาษาไทย", Options::new(5));
        assert_eq!(filled.lines().collect::<Vec<_>>(), ["ภาษา", "ไทย", "ภาษา", "ไทย"]);
    }

    #[test]
    fn a_terminal_is_as_wide_as_it_reports_or_the_environment_says() {
        assert_eq!(width_of(80, Some("120")), Some(80));
        assert_eq!(
            [Some("120"), Some("0"), Some("wide"), None].map(|columns| width_of(0, columns)),
            [Some(120), None, None, None]
        );
    }

    #[test]
    fn a_first_cell_that_is_too_wide_stands_above_the_others_of_its_row() {
        let mut table = TextTable::new(&["id", "name"]);
        for id in ["short", "much-too-long"] {
            table.row(vec![id.into(), "n".into()]);
        }
        table.first_at_most(6);
        let drawn = console::strip_ansi_codes(&table.draw(Some(20))).into_owned();
        assert_eq!(drawn, "id     name\nshort  n\nmuch-too-long\n       n\n");
    }

    #[test]
    fn on_a_narrow_terminal_no_cell_before_the_last_is_broken() {
        let mut table = TextTable::new(&["#", "recorded", "published", "what"]);
        let moment = "2026-11-23 05:20:00".to_owned();
        table.row(vec!["1".into(), moment.clone(), moment, "created: a lamp with a shade of glass".into()]);
        let drawn = console::strip_ansi_codes(&table.draw(Some(59))).into_owned();
        let expected = [
            "1  recorded 2026-11-23 05:20:00",
            "    published 2026-11-23 05:20:00",
            "    created: a lamp with a shade of glass",
        ];
        assert_eq!(drawn.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_nothing_is_lost() {
        let letters = |text: &str| text.chars().filter(|letter| !letter.is_whitespace()).collect::<String>();
        let whole = console::strip_ansi_codes(&story().draw(None)).into_owned();
        for width in [10, 20, 40, 58, 60, 80, 200] {
            let drawn = console::strip_ansi_codes(&story().draw(Some(width))).into_owned();
            assert!(drawn.lines().all(|line| measure_text_width(line) <= width), "{width}: {drawn}");
            if width >= 60 {
                assert_eq!(letters(&drawn), letters(&whole), "{width}");
            }
        }
    }
}
