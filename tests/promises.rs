//! The table at the end of CONTRIBUTING.md names the tests behind each guarantee of the documents. These tests check that each
//! document contains the sentence as quoted, that the named tests exist, and that no guarantee of the README is missing.

use std::collections::{BTreeMap, BTreeSet};

use crate::architecture::sources;
use crate::scenario::{printed, program, repository};

/// Where the table of guarantees begins in CONTRIBUTING.md.
const HEADING: &str = "## Guarantees and their tests";
/// The heading above the list of guarantees in README.md.
const GUARANTEES: &str = "## Guarantees";
/// The documents whose guarantees the table lists.
const DOCUMENTS: [&str; 4] = ["README.md", "docs/interface.md", "docs/audit.md", "docs/import.md"];

/// A row of the table.
struct Row {
    document: String,
    /// The beginning or a part of each sentence.
    quotes: Vec<String>,
    /// The file and the name of each test.
    tests: Vec<(String, String)>,
}

fn read(path: &str) -> String {
    std::fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The code spans of a cell.
fn code(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The quotations in a cell.
fn quoted(cell: &str) -> Vec<String> {
    let ends = cell
        .split('“')
        .skip(1)
        .map(|quote| quote.split_once('”').unwrap_or_else(|| panic!("{cell}: no closing quotation mark")));
    ends.map(|(quote, _)| plain(quote)).collect()
}

/// A text without the backticks, asterisks, backslashes and line breaks of Markdown.
fn plain(text: &str) -> String {
    let text: String = text.chars().filter(|letter| !['`', '*', '\\'].contains(letter)).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The rows of the table. An empty first cell means the document of the row above.
fn rows() -> Vec<Row> {
    let contributing = read("CONTRIBUTING.md");
    let (_, table) = contributing.split_once(HEADING).unwrap();
    let lines = table.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let mut rows: Vec<Row> = Vec::new();
    for line in lines.take_while(|line| line.starts_with('|')) {
        let line = line.trim_matches('|').replace(r"\|", "∣");
        let cells: Vec<&str> = line.split('|').collect();
        assert_eq!(cells.len(), 3, "document, promise, tests: {line}");
        let named = code(cells[0]).into_iter().next();
        let before = rows.last().map(|row| row.document.clone());
        let mut file = String::new();
        let tests = code(cells[2]).into_iter().map(|test| {
            let (path, name) = test.split_once("::").unwrap_or_else(|| panic!("{test} names no test"));
            if !path.is_empty() {
                path.clone_into(&mut file);
            }
            (file.clone(), name.to_owned())
        });
        let tests = tests.collect();
        let document = named.or(before).unwrap_or_else(|| panic!("the first row names no document"));
        rows.push(Row { document, quotes: quoted(cells[1]), tests });
    }
    assert!(rows.len() > 40, "{} rows", rows.len());
    rows
}

/// The tests of a source file: functions with a test's attribute or in `proptest!`, and cases of `cases!`.
fn tests_of(text: &str) -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some(name) = function(line) {
            if is_test {
                tests.insert(name.to_owned());
            }
            is_test = false;
        }
    }
    for part in text.split("\ncases! {").skip(1) {
        let (_, names) = part.split_once(';').unwrap_or_default();
        tests.extend(names.split('}').next().unwrap_or_default().split_whitespace().map(str::to_owned));
    }
    tests
}

/// The name of the function that begins in this line.
fn function(line: &str) -> Option<&str> {
    let line = line.strip_prefix("pub ").unwrap_or(line);
    let line = line.strip_prefix("async ").unwrap_or(line);
    line.strip_prefix("fn ")?.split(['(', '<']).next()
}

/// The tests of a file of the infrastructure, by their sentences.
fn sentences_of(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter_map(|line| line.trim_start().strip_prefix("it(\""));
    lines.filter_map(|line| Some(line.split_once('"')?.0.to_owned())).collect()
}

#[test]
fn every_test_that_the_table_of_guarantees_names_exists() {
    let sources: BTreeMap<String, String> =
        sources().into_iter().map(|(path, text)| (path.to_str().unwrap().to_owned(), text)).collect();
    for row in rows() {
        assert!(!row.tests.is_empty(), "no test is named for {:?}", row.quotes);
        for (path, name) in row.tests {
            let tests = match sources.get(&path) {
                Some(text) => tests_of(text),
                None => sentences_of(&read(&path)),
            };
            assert!(tests.contains(&name), "{path} has no test {name}, named for {:?}", row.quotes);
        }
    }
}

#[test]
fn every_sentence_that_the_table_of_guarantees_quotes_is_in_its_document() {
    let documents = DOCUMENTS.map(|document| (document, plain(&read(document))));
    for row in rows() {
        let (_, text) = documents
            .iter()
            .find(|(document, _)| *document == row.document)
            .unwrap_or_else(|| panic!("{} is none of {DOCUMENTS:?}", row.document));
        assert!(!row.quotes.is_empty(), "a row of {} quotes nothing", row.document);
        for quote in row.quotes {
            assert!(quote.len() > 12, "“{quote}” is too short to be unique");
            assert!(text.contains(&quote), "{} does not say “{quote}”", row.document);
        }
    }
}

#[test]
fn every_guarantee_of_the_readme_is_in_the_table() {
    let readme = read("README.md");
    let (_, list) = readme.split_once(GUARANTEES).unwrap();
    let (list, _) = list.split_once("\n## ").unwrap();
    let guarantees: Vec<String> = list.split("\n- ").skip(1).map(plain).collect();
    assert!(guarantees.len() > 4, "{guarantees:?}");
    let rows = rows();
    let quotes = rows.iter().filter(|row| row.document == "README.md").flat_map(|row| &row.quotes);
    let quotes: Vec<&String> = quotes.collect();
    for guarantee in guarantees {
        assert!(
            quotes.iter().any(|quote| guarantee.starts_with(quote.as_str())),
            "no row of CONTRIBUTING.md quotes the beginning of this guarantee: {guarantee}"
        );
    }
}

/// The overlap that makes following by `updated_since` safe is derived from limits; these are the limits in the code.
#[test]
fn the_documented_overlap_is_the_sum_of_the_limits() {
    let interface = plain(&read("docs/interface.md"));
    let seconds = |before: &str| {
        let (_, behind) = interface.split_once(before).unwrap_or_else(|| panic!("no “{before}”"));
        behind.split_once(" s").unwrap().0.parse::<u64>().expect("a number")
    };
    let (command, ahead, view) =
        (seconds("The 300 s are "), seconds("15 s), "), seconds("ahead of the others, and "));
    assert_eq!(seconds("Subtract "), command + ahead + view);
    assert_eq!(seconds("from updated_at to LIST, stays below "), command + view);
    let help = printed(&program().args(["serve", "--help"]).output().unwrap());
    let (_, limit) = help.split_once("--request-timeout").unwrap();
    let (_, limit) = limit.split_once("[default: ").unwrap();
    assert_eq!(limit.split(']').next(), Some(command.to_string().as_str()), "{help}");
    let record = read("commands/src/execute/record.rs");
    assert!(
        record.contains(&format!("MOST_AHEAD_MS: i64 = {ahead}_000;")),
        "the clock may be {ahead} s ahead"
    );
}

#[test]
fn tests_are_read_out_of_a_source_file() {
    let text = "fn aside() {}\n#[tokio::test(flavor = \"multi_thread\")]\n#[ignore = \"long\"]\nasync fn a_test() {}\n\
                fn given() {}\nproptest! {\n    #[test]\n    fn any(n in 0..3) {}\n}\n\
                cases! { dyn Bus, [memory];\n    a_case\n    another\n}\nasync fn a_case() {}\n";
    let tests: Vec<String> = tests_of(text).into_iter().collect();
    assert_eq!(tests, ["a_case", "a_test", "another", "any"]);
}
