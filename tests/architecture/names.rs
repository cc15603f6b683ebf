//! One name, one type: no two public types of the workspace have the same name, unless CONTRIBUTING says why. Public is what
//! another file can see; tests, the workspaces of the benchmarks and the package for subscribers have names of their own.

use std::collections::BTreeMap;

use super::sources;
use crate::scenario::repository;

/// Where CONTRIBUTING lists the exceptions.
const HEADING: &str = "### Names used twice";

#[test]
fn no_public_type_has_the_name_of_another_one_without_a_reason() {
    let reasons = reasons(&std::fs::read_to_string(repository().join("CONTRIBUTING.md")).unwrap());
    let mut types: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, text) in sources() {
        let path = path.display().to_string();
        let is_source = path.split('/').any(|part| part == "src")
            && !path.starts_with("tests/bench/")
            && !path.starts_with("subscriber/")
            && !path
                .split('/')
                .any(|part| ["tests", "tests.rs"].contains(&part) && !path.starts_with("tests/"));
        for name in text.lines().filter(|_| is_source).filter_map(public_type) {
            types.entry(name.to_owned()).or_default().push(path.clone());
        }
    }
    assert!(types.len() > 100, "{} types", types.len());
    types.retain(|_, files| files.len() > 1);
    let unexplained: Vec<_> = types.iter().filter(|(name, _)| !reasons.contains_key(*name)).collect();
    assert!(unexplained.is_empty(), "names used twice, without a row under \"{HEADING}\":\n{unexplained:#?}");
    for (name, reason) in &reasons {
        assert!(types.contains_key(name), "{name} is used once; take its row away");
        assert!(!reason.is_empty(), "{name} has no reason");
    }
}

/// The name of the type that a line defines for other files.
fn public_type(line: &str) -> Option<&str> {
    let visible = line.strip_prefix("pub")?;
    let visible =
        visible.strip_prefix('(').and_then(|scope| scope.split_once(')')).map_or(visible, |(_, rest)| rest);
    let (keyword, rest) = visible.strip_prefix(' ')?.split_once(' ')?;
    let is_type = ["struct", "enum", "trait", "type"].contains(&keyword);
    is_type.then(|| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next())?
}

/// The rows `| name | where | why |` below the heading: each name with its reason.
fn reasons(contributing: &str) -> BTreeMap<String, String> {
    let below = contributing.split(&format!("\n{HEADING}\n")).nth(1).unwrap_or_default();
    let rows =
        below.lines().take_while(|line| !line.starts_with('#')).filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 5, "name, where and why: {row}");
        (cells[1].trim_matches('`').to_owned(), cells[3].to_owned())
    })
    .collect()
}

#[test]
fn a_type_for_other_files_is_recognised() {
    for line in
        ["pub struct Name;", "pub(crate) enum Name {", "pub(super) type Name = u8;", "pub trait Name<T> {"]
    {
        assert_eq!(public_type(line), Some("Name"), "{line}");
    }
    for line in ["struct Name;", "pub fn name() {", "    pub struct Name;", "pub mod name;"] {
        assert_eq!(public_type(line), None, "{line}");
    }
    let page = "\n### Names used twice\n\n| name | where | why |\n|---|---|---|\n| `A` | here | so |\n\n## Next\n| `B` | | |";
    assert_eq!(reasons(page), BTreeMap::from([("A".to_owned(), "so".to_owned())]));
}
