//! An export is read strictly, line by line, and an unreadable line is named as well as possible.

use event_store::verify::{LONGEST_LINE, LineBatch};

use super::given::{helmet, lines, verify, verify_commits};

/// The export of a helmet with one line replaced.
fn with_line(at: usize, line: &str) -> Vec<(String, u64, &'static str)> {
    let export = String::from_utf8(lines(&helmet("helmet"))).unwrap();
    let mut all: Vec<&str> = export.lines().collect();
    all[at] = line;
    verify(all.join("\n").as_bytes()).named()
}

#[test]
fn a_name_that_stands_twice_is_refused_because_readers_would_disagree() {
    let export = String::from_utf8(lines(&helmet("helmet"))).unwrap();
    let line = export.lines().nth(2).unwrap();
    for (from, to) in [
        ("\"sequence\":4", "\"sequence\":9,\"sequence\":4"),
        ("\"price\":\"34.99\"", "\"price\":\"0.01\",\"price\":\"34.99\""),
    ] {
        let twice = line.replacen(from, to, 1);
        assert_ne!(twice, line);
        assert_eq!(with_line(2, &twice)[0].2, "unreadable", "{from}");
    }
}

#[test]
fn a_line_that_is_no_commit_is_named_by_what_can_be_guessed_of_it() {
    let unreadable = |product: &str, sequence| [(product.to_owned(), sequence, "unreadable")];
    assert_eq!(with_line(2, r#"{"product_id": "helmet", "sequence": 4, oops"#), unreadable("helmet", 4));
    assert_eq!(with_line(2, "oops"), unreadable("helmet", 0));
    assert_eq!(with_line(2, ""), unreadable("helmet", 0));
    assert_eq!(with_line(2, "[1]"), unreadable("helmet", 0));
    assert_eq!(with_line(0, "oops")[0], (String::new(), 0, "unreadable"));
    assert!(with_line(2, "{}").iter().all(|(product, _, name)| product == "helmet" && *name == "unreadable"));
}

#[test]
fn every_fault_tells_its_line() {
    let mut commits = helmet("helmet");
    commits.remove(1);
    let found = verify_commits(&commits);
    assert_eq!(
        found.faults()[0].to_string(),
        "line 2: product helmet sequence 4: missing: events 2 to 3 are missing"
    );
}

#[test]
fn a_fault_is_one_line_whatever_the_commit_contains() {
    let mut commits = helmet("helmet");
    commits[0].0["product_id"] = "a\nproduct whole\u{1b}[32m".into();
    let found = verify_commits(&commits[..1]);
    for fault in found.faults() {
        assert!(!fault.to_string().contains(char::is_control), "{fault}");
    }
}

#[test]
fn json_may_be_written_in_any_way() {
    let commits = helmet("helmet");
    let loose: Vec<String> = commits
        .iter()
        .map(|commit| serde_json::to_string_pretty(commit).unwrap().replace('\n', "\t") + " \r")
        .collect();
    assert!(verify(loose.join("\n").as_bytes()).is_whole());
}

#[test]
fn an_endless_line_is_neither_kept_nor_the_end() {
    let mut export = vec![b'x'; 3 * LONGEST_LINE];
    export.push(b'\n');
    export.extend(lines(&helmet("helmet")));
    assert_eq!(verify(&export).named(), [(String::new(), 0, "unreadable")]);
    let batch = LineBatch::read(&mut export.as_slice()).unwrap().unwrap();
    assert_eq!(batch.bytes, 3 * LONGEST_LINE as u64 + 1, "progress counts every byte");
}

#[test]
fn an_empty_file_is_an_empty_ledger() {
    assert!(verify(b"").is_whole());
}
