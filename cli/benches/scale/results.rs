//! The results of a measurement: a table on standard output and at its place in `BENCHMARKS.md`, and
//! `tests/bench/results/NAME.json` for the plots.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value, json};

/// One measured picture: lines over an axis, and what else was seen.
pub struct Results {
    name: &'static str,
    title: &'static str,
    unit: &'static str,
    x: &'static str,
    series: Vec<(String, Vec<(f64, f64)>)>,
    /// In the order of their names.
    notes: Map<String, Value>,
}

impl Results {
    pub fn new(name: &'static str, title: &'static str, unit: &'static str, x: &'static str) -> Self {
        Self { name, title, unit, x, series: Vec::new(), notes: Map::new() }
    }

    /// A point of a line, which begins with its first point.
    pub fn point(&mut self, line: &str, x: f64, y: f64) {
        match self.series.iter_mut().find(|(name, _)| name == line) {
            Some((_, points)) => points.push((x, y)),
            None => self.series.push((line.to_owned(), vec![(x, y)])),
        }
    }

    /// Something that is no line.
    pub fn note(&mut self, name: &str, value: impl Into<Value>) {
        self.notes.insert(name.to_owned(), value.into());
    }

    /// Prints and writes everything.
    pub fn tell(self, command: &str) {
        let text = self.text();
        println!("\n## {} ({})\n{text}", self.title, self.unit);
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        self.put_into(&root.join("BENCHMARKS.md"), &text);
        let series: Vec<Value> = self
            .series
            .iter()
            .map(|(name, points)| {
                let points: Vec<Value> =
                    points.iter().map(|(x, y)| json!([number(*x), number(*y)])).collect();
                json!({"name": name, "points": points})
            })
            .collect();
        let all = json!({"title": self.title, "unit": self.unit, "x": self.x, "command": command,
            "series": series, "notes": self.notes});
        let folder = root.join("tests/bench/results");
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(self.name).with_extension("json");
        std::fs::write(file, serde_json::to_string_pretty(&all).unwrap() + "\n").unwrap();
    }

    /// Puts the text in the place of the last one.
    fn put_into(&self, file: &Path, text: &str) {
        let mark = |which: &str| format!("<!-- {}, written by `just bench`: {which} -->", self.name);
        let (begin, end) = (mark("begin"), mark("end"));
        let document = std::fs::read_to_string(file).unwrap();
        let (before, rest) = document.split_once(&begin).unwrap_or_else(|| panic!("no {begin}"));
        let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("no {end}"));
        std::fs::write(file, format!("{before}{begin}\n{text}\n{end}{after}")).unwrap();
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let heads: Vec<&str> = self.series.iter().map(|(name, _)| name.as_str()).collect();
        writeln!(text, "\n| {} | {} |", self.x, heads.join(" | ")).unwrap();
        writeln!(text, "|---|{}", "---|".repeat(heads.len())).unwrap();
        let all = self.series.iter().flat_map(|(_, points)| points);
        let places: BTreeSet<u64> = all.map(|(x, _)| x.to_bits()).collect();
        for place in places.into_iter().map(f64::from_bits) {
            let at = |points: &[(f64, f64)]| {
                let found = points.iter().find(|(x, _)| x.to_bits() == place.to_bits());
                found.map_or_else(String::new, |(_, y)| number(*y).to_string())
            };
            let row: Vec<String> = self.series.iter().map(|(_, points)| at(points)).collect();
            writeln!(text, "| {} | {} |", number(place), row.join(" | ")).unwrap();
        }
        writeln!(text).unwrap();
        for (name, value) in &self.notes {
            writeln!(text, "- {name}: {value}").unwrap();
        }
        text
    }
}

/// Three significant digits are more than a measurement is worth, so no more are kept.
#[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53")]
pub fn number(value: f64) -> Value {
    if value.abs() >= 100.0 || value.fract() == 0.0 {
        return json!(value.round() as i64);
    }
    let factor = if value.abs() >= 10.0 { 10.0 } else { 1000.0 };
    json!((value * factor).round() / factor)
}

/// A count as a number that can be divided.
pub fn real(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

/// The value below which this share of the sorted times lies, in milliseconds.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length")]
pub fn percentile(sorted: &[Duration], share: f64) -> f64 {
    let place = (real(sorted.len()) * share) as usize;
    let found = sorted.get(place.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default();
    found.as_secs_f64() * 1_000.0
}
