//! The report on the runs: medians, a table, and the data of the plots.

use std::fmt::Write;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::arithmetic::{median, rounded};

/// All runs of one system with the same number of clients.
#[derive(Debug, Serialize)]
pub struct Cell {
    pub system: &'static str,
    pub clients: usize,
    /// One object of results by name for each round.
    pub runs: Vec<Map<String, Value>>,
}

/// A column of the table: the name of the result and the heading.
pub type Column = (&'static str, &'static str);

impl Cell {
    /// Adds a run.
    ///
    /// # Errors
    /// It is not an object.
    pub fn add(&mut self, run: impl Serialize) -> anyhow::Result<()> {
        let Value::Object(run) = serde_json::to_value(run)? else { anyhow::bail!("a run is an object") };
        self.runs.push(run);
        Ok(())
    }

    /// The result in every run.
    fn all(&self, figure: &str) -> Vec<f64> {
        self.runs.iter().filter_map(|run| run.get(figure)?.as_f64()).collect()
    }

    #[must_use]
    pub fn median(&self, figure: &str) -> f64 {
        median(self.all(figure))
    }
}

/// A row for each cell: the medians, the first one with its minimum and maximum.
#[must_use]
pub fn table(cells: &[Cell], columns: &[Column]) -> String {
    let heads: Vec<&str> = columns.iter().map(|(_, head)| *head).collect();
    let mut text =
        format!("| clients | system | {} |\n|---|---|{}\n", heads.join(" | "), "---|".repeat(heads.len()));
    for cell in cells {
        let mut row = Vec::new();
        for (n, (figure, _)) in columns.iter().enumerate() {
            let mut place = grouped(cell.median(figure));
            if n == 0 && cell.all(figure).len() > 1 {
                let all = cell.all(figure);
                let least = all.iter().copied().fold(f64::INFINITY, f64::min);
                let most = all.iter().copied().fold(0.0, f64::max);
                let _ = write!(place, " ({} to {})", grouped(least), grouped(most));
            }
            row.push(place);
        }
        let _ = writeln!(text, "| {} | {} | {} |", cell.clients, cell.system, row.join(" | "));
    }
    text
}

/// The first system's results as multiples of the second one's, a row for each number of clients: the median over the rounds,
/// in which both were measured one after the other. Empty without two systems.
#[must_use]
pub fn multiples(cells: &[Cell], columns: &[Column]) -> String {
    let Some(first) = cells.first().map(|cell| cell.system) else { return String::new() };
    let mut rows = String::new();
    let mut second = None;
    for ours in cells.iter().filter(|cell| cell.system == first) {
        let peer = cells.iter().find(|other| other.clients == ours.clients && other.system != first);
        let Some(peer) = peer else { continue };
        second = Some(peer.system);
        let multiples = columns.iter().map(|(figure, _)| {
            let pairs = ours.all(figure).into_iter().zip(peer.all(figure));
            grouped(median(pairs.map(|(ours, peer)| ours / peer).collect()))
        });
        let _ = writeln!(rows, "| {} | {} |", ours.clients, multiples.collect::<Vec<_>>().join(" | "));
    }
    let Some(second) = second else { return rows };
    let heads: Vec<&str> = columns.iter().map(|(_, head)| *head).collect();
    let line = "---|".repeat(heads.len());
    format!(
        "{first} in multiples of {second}, median of the rounds; of the first two more is better, of the others less:\n\n\
         | clients | {} |\n|---|{line}\n{rows}",
        heads.join(" | ")
    )
}

/// The data of the plots: for each system and result a line over the clients, with the runs.
#[must_use]
pub fn plot(title: &str, unit: &str, command: &str, cells: &[Cell], figures: &[Column]) -> Value {
    let mut systems: Vec<&str> = Vec::new();
    for cell in cells {
        if !systems.contains(&cell.system) {
            systems.push(cell.system);
        }
    }
    let mut series = Vec::new();
    for system in systems {
        for (figure, name) in figures {
            let points: Vec<Value> = cells
                .iter()
                .filter(|cell| cell.system == system)
                .map(|cell| json!([cell.clients, rounded(cell.median(figure))]))
                .collect();
            series.push(json!({"name": format!("{system}{name}"), "points": points}));
        }
    }
    json!({"title": title, "unit": unit, "x": "clients", "command": command, "series": series, "runs": cells})
}

/// Replaces the text between the markers of this name.
///
/// # Errors
/// The document lacks one of them.
pub fn put_into(document: &str, name: &str, text: &str) -> anyhow::Result<String> {
    let mark = |which: &str| format!("<!-- {name}, written by `just bench`: {which} -->");
    let (begin, end) = (mark("begin"), mark("end"));
    let parts =
        document.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
    let Some((before, after)) = parts else { anyhow::bail!("BENCHMARKS.md lacks {begin} or {end}") };
    Ok(format!("{before}{begin}\n\n{}\n\n{end}{after}", text.trim_end()))
}

/// With thousands separators.
fn grouped(value: f64) -> String {
    let value = rounded(value);
    if !value.is_finite() {
        return "–".to_owned();
    }
    let text = value.to_string();
    if value < 1_000.0 {
        return text;
    }
    let mut grouped = String::new();
    for (n, digit) in text.chars().enumerate() {
        if n > 0 && (text.len() - n).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 2] = [("rate", "commands/s"), ("p50_ms", "p50 ms")];

    fn cells() -> Vec<Cell> {
        [("ours", [3_000.0, 1_000.0, 2_000.0]), ("theirs", [800.0, 1_000.0, 900.0])]
            .map(|(system, rates)| {
                let mut cell = Cell { system, clients: 8, runs: Vec::new() };
                for rate in rates {
                    cell.add(json!({"rate": rate, "p50_ms": 1.5})).unwrap();
                }
                cell
            })
            .into()
    }

    #[test]
    fn a_row_has_medians_and_how_far_the_first_one_varies() {
        let table = table(&cells(), &COLUMNS);
        assert!(table.contains("| 8 | ours | 2,000 (1,000 to 3,000) | 1.5 |\n"), "{table}");
        assert!(table.contains("| 8 | theirs | 900 (800 to 1,000) | 1.5 |\n"), "{table}");
    }

    #[test]
    fn ours_is_a_multiple_of_theirs() {
        let multiples = multiples(&cells(), &COLUMNS);
        assert!(multiples.starts_with("ours in multiples of theirs, "), "{multiples}");
        assert!(multiples.ends_with("|---|---|---|\n| 8 | 2.22 | 1 |\n"), "{multiples}");
        assert_eq!(super::multiples(&cells()[..1], &COLUMNS), "");
    }

    #[test]
    fn a_slow_round_of_both_changes_no_multiple() {
        let mut cells = cells();
        for (cell, rates) in cells.iter_mut().zip([[100.0, 2_000.0, 4_000.0], [50.0, 60.0, 2_000.0]]) {
            cell.runs.clear();
            for rate in rates {
                cell.add(json!({"rate": rate})).unwrap();
            }
        }
        let multiples = multiples(&cells, &COLUMNS[..1]);
        assert!(multiples.ends_with("| 8 | 2 |\n"), "{multiples}");
    }

    #[test]
    fn what_was_not_seen_is_a_dash() {
        assert!(table(&cells(), &[("disk_kb", "KB")]).contains("| 8 | ours | – "));
        assert_eq!(grouped(1_234_567.0), "1,234,567");
    }

    #[test]
    fn a_plot_has_a_line_for_each_system_and_figure() {
        let plot = plot("Title", "commands/s", "just bench", &cells(), &[("rate", ""), ("p50_ms", ", p50")]);
        let names: Vec<&Value> =
            plot["series"].as_array().unwrap().iter().map(|line| &line["name"]).collect();
        assert_eq!(names, ["ours", "ours, p50", "theirs", "theirs, p50"]);
        assert_eq!(plot["series"][2]["points"], json!([[8, 900.0]]));
    }

    #[test]
    fn the_last_text_is_replaced_and_nothing_else() {
        let document = "a\n<!-- x, written by `just bench`: begin -->\nold\n<!-- x, written by `just bench`: end -->\nb\n";
        let new = put_into(document, "x", "new\n").unwrap();
        assert_eq!(new, document.replace("\nold\n", "\n\nnew\n\n"));
        assert_eq!(put_into(&new, "x", "new\n").unwrap(), new);
        assert!(put_into(document, "y", "new").is_err());
    }
}
