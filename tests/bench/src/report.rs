//! The report on the results: the series for the plots, and the section of BENCHMARKS.md.

use anyhow::Context;
use serde::Serialize;

use crate::measured::{COMPARED, Cost, LENGTHS, Measured, folder, write_json};
use crate::product::Work;

const COMMAND: &str = "just bench-peers";
/// The markers of the generated section in BENCHMARKS.md.
const BEGIN: &str = "<!-- written by `just bench-peers`: begin -->\n";
const END: &str = "<!-- written by `just bench-peers`: end -->";

/// The data of a plot, in the format of `plots`.
#[derive(Serialize)]
struct Plot {
    title: &'static str,
    unit: &'static str,
    x: &'static str,
    command: &'static str,
    series: Vec<Series>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Series {
    name: String,
    points: Vec<(f64, f64)>,
}

/// Writes `results/*.json` and the section.
///
/// # Errors
/// A file cannot be written, or BENCHMARKS.md lacks the markers.
pub fn write(measured: &[Measured]) -> anyhow::Result<()> {
    let cost = Plot {
        title: "One load and one append: USD for a million commands",
        unit: "USD",
        x: "events in the product",
        command: COMMAND,
        series: series(measured, Measured::usd),
        notes: notes(measured),
    };
    let load = Plot {
        title: "One load: read units",
        unit: "read units",
        x: "events in the product",
        command: COMMAND,
        series: series(measured, |one| one.command.is_some().then_some(one.load.units)),
        notes: notes(measured),
    };
    let results = folder().join("results");
    write_json(&results.join("peers-cost.json"), &cost)?;
    write_json(&results.join("peers-load.json"), &load)?;
    write_section(measured)
}

fn write_section(measured: &[Measured]) -> anyhow::Result<()> {
    let file = folder().join("../../BENCHMARKS.md");
    let text = std::fs::read_to_string(&file)?;
    let (before, rest) = text.split_once(BEGIN).context("BENCHMARKS.md has the mark of the begin")?;
    let (_, after) = rest.split_once(END).context("BENCHMARKS.md has the mark of the end")?;
    let section = format!("{before}{BEGIN}{}{END}{after}", tables(measured));
    Ok(std::fs::write(file, section)?)
}

/// The rows: the systems measured at every length, in the order of measurement.
fn names(measured: &[Measured]) -> Vec<String> {
    measured.iter().filter(|one| one.events == LENGTHS[0]).map(Measured::name).collect()
}

/// One measurement.
#[must_use]
pub fn at<'a>(measured: &'a [Measured], name: &str, work: Work, events: u64) -> Option<&'a Measured> {
    measured.iter().find(|one| one.name() == name && one.work == work.name() && one.events == events)
}

fn series(measured: &[Measured], value: impl Fn(&Measured) -> Option<f64>) -> Vec<Series> {
    let of = |name: String| {
        let mine = LENGTHS.into_iter().filter_map(|events| at(measured, &name, Work::Price, events));
        let point = |one: &Measured| Some((f64::from(u32::try_from(one.events).ok()?), value(one)?));
        let points = mine.filter_map(point).collect();
        Series { name, points }
    };
    names(measured).into_iter().map(of).collect()
}

/// The impossible combinations.
fn notes(measured: &[Measured]) -> Vec<String> {
    let failed = measured.iter().filter_map(|one| Some((one, one.failure.as_ref()?)));
    let note = |(one, failure): (&Measured, &String)| {
        let (name, events, seen) = (one.name(), grouped(one.events), grouped(one.seen));
        format!("{name}: of {events} events its load sees {seen}, and the command fails: {failure}.")
    };
    failed.map(note).collect()
}

fn tables(measured: &[Measured]) -> String {
    let names = names(measured);
    let find = |name: &str, events| at(measured, name, Work::Price, events);
    let done = |name: &str, events| find(name, events).filter(|one| one.command.is_some());
    let append = |one: &Measured| one.command.map(|command| command.append);

    let of = |name: &str| {
        let appends = [0, COMPARED].map(|events| done(name, events).and_then(append));
        let loads = LENGTHS.map(|events| done(name, events).map(|one| one.load));
        row(name, appends.into_iter().chain(loads).map(requests_and_units))
    };
    let costs =
        |name: &str| row(name, LENGTHS.map(|events| dollars(find(name, events).and_then(Measured::usd))));
    let besides = |one: &Measured| {
        let costs = [append(one), Some(one.load)].map(requests_and_units);
        row(&one.name(), [one.work.clone()].into_iter().chain(costs).chain([dollars(one.usd())]))
    };
    let is_aside = |one: &&Measured| one.work != Work::Price.name() || !names.contains(&one.name());
    let mut text =
        vec!["\nRequests · units of an append (write units) and of a load (read units):\n".to_owned()];
    text.push(head(["creation", "append"].map(str::to_owned).into_iter().chain(lengths("load at "))));
    text.extend(names.iter().map(|name| of(name)));
    text.push("\nUSD for a million commands, each one load and one append:\n".to_owned());
    text.push(head(lengths("at ")));
    text.extend(names.iter().map(|name| costs(name)));
    text.push(format!("\nOther work, and another way to ask, at {} events:\n", grouped(COMPARED)));
    text.push(head(["work", "append", "load", "USD for a million"].map(str::to_owned).into_iter()));
    text.extend(measured.iter().filter(is_aside).map(besides));
    text.push("\n".to_owned());
    text.extend(notes(measured).into_iter().map(|note| format!("- {note}\n")));
    text.concat() + "\n"
}

fn lengths(before: &str) -> impl Iterator<Item = String> {
    LENGTHS.into_iter().map(move |events| format!("{before}{}", grouped(events)))
}

fn head(columns: impl Iterator<Item = String>) -> String {
    let columns: Vec<String> = columns.collect();
    format!("\n{}{}", row("", columns.iter().cloned()), row("---", columns.iter().map(|_| "---".to_owned())))
}

fn row(first: &str, cells: impl IntoIterator<Item = String>) -> String {
    let cells: Vec<String> = cells.into_iter().collect();
    format!("| {first} | {} |\n", cells.join(" | "))
}

fn requests_and_units(cost: Option<Cost>) -> String {
    cost.map_or("–".to_owned(), |cost| format!("{} · {}", figure(cost.requests, 0), figure(cost.units, 0)))
}

fn dollars(usd: Option<f64>) -> String {
    usd.map_or("–".to_owned(), |usd| figure(usd, 2))
}

/// A number with at least this many decimals and at most three, with thousands separators.
fn figure(value: f64, least: usize) -> String {
    let text = format!("{value:.3}");
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let part = format!("{:0<least$}", part.trim_end_matches('0'));
    let whole = whole.parse().map_or(whole.to_owned(), grouped);
    if part.is_empty() { whole } else { format!("{whole}.{part}") }
}

/// A count with thousands separators.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_people_write_them() {
        assert_eq!([1, 1_000, 100_000, 1_234_567].map(grouped), ["1", "1,000", "100,000", "1,234,567"]);
        assert_eq!([1.0, 129.5, 9_643.0].map(|units| figure(units, 0)), ["1", "129.5", "9,643"]);
        assert_eq!([1.5, 1_207.875, 4.0].map(|usd| figure(usd, 2)), ["1.50", "1,207.875", "4.00"]);
    }
}
