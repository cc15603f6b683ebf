//! An export is read strictly, line by line, and an unreadable line is named as well as possible.

use event_store::export;
use event_store::verify::{ExaminedLine, ExportVerifier, LONGEST_LINE, LineBatch};
use schema::StoredCommit;
use serde_json::json;

use super::given::{helmet, ledger, lines, rehash, verify, verify_commits, verify_with};

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
    assert_eq!(with_line(2, "oops"), unreadable("", 0));
    assert_eq!(with_line(2, ""), unreadable("", 0));
    assert_eq!(with_line(2, "[1]"), unreadable("", 0));
    assert_eq!(with_line(2, r#"{"product_id": "", "sequence": 4, oops"#), unreadable("", 4));
    assert_eq!(with_line(0, r#"{"product_id": "lamp", "sequence": 4, oops"#)[0], unreadable("lamp", 4)[0]);
    assert_eq!(with_line(0, "oops")[0], (String::new(), 0, "unreadable"));
    assert!(with_line(2, "{}").iter().all(|(product, _, name)| product.is_empty() && *name == "unreadable"));
    let after = with_line(2, r#"{"state":{"id":"helmet"}}"#);
    assert!(after.iter().all(|(product, ..)| product == "helmet"), "{after:?}");
}

/// What is found wrong behind the line is that of the product it is about.
#[test]
fn a_line_that_names_no_product_is_named_by_its_number_alone() {
    let export = [lines(&helmet("helmet")), b"oops\n".to_vec()].concat();
    let found = verify(&export);
    let told = found.faults()[0].to_string();
    assert!(found.faults().len() == 1 && told.starts_with("line 6: unreadable: line "), "{told}");
    let seen = verify(&lines(&helmet("helmet"))).witnesses();
    let cut = [lines(&helmet("helmet")[..4]), b"oops\n".to_vec()].concat();
    let found = verify_with(ExportVerifier::witnessed(seen), &cut).named();
    assert_eq!(found, [(String::new(), 0, "unreadable"), ("helmet".to_owned(), 5, "cut_off")]);
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
    let mut commits = helmet("helmet");
    commits[4].0["metadata"]["of_a_later_build"] = json!([null, true, false, -1, 0, "", {}]);
    rehash(&mut commits[4]);
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

#[test]
fn a_batch_ends_with_the_line_that_reaches_256_kib() {
    let half = [vec![b'x'; (128 << 10) - 1], vec![b'\n']].concat();
    let file = half.repeat(3);
    let mut reader = file.as_slice();
    let mut sizes = Vec::new();
    while let Some(batch) = LineBatch::read(&mut reader).unwrap() {
        assert!(!batch.is_empty());
        sizes.push((batch.len(), batch.bytes));
    }
    assert_eq!(sizes, [(2, 256 << 10), (1, 128 << 10)]);
}

#[test]
fn a_canonical_line_is_located_with_what_it_says() {
    let export = lines(&ledger());
    let batch = LineBatch::read(&mut export.as_slice()).unwrap().unwrap();
    let examined = batch.examine_in_place();
    assert_eq!(examined.len(), ledger().len());
    for ((_, location), stored) in examined.into_iter().zip(ledger()) {
        let (location, commit) = (location.unwrap(), stored.decode().unwrap());
        assert_eq!(
            (location.product_id.as_str(), location.sequence),
            (commit.product_id.as_str(), commit.sequence)
        );
        assert_eq!(location.recorded_at, commit.recorded_at.to_string());
        assert_eq!(location.hash, commit.hash.to_string());
        let events: Vec<String> = commit.events.iter().map(|event| event.event_id.to_string()).collect();
        assert_eq!(location.events, events);
        let (from, length) = (
            usize::try_from(location.place.offset).unwrap(),
            usize::try_from(location.place.length).unwrap(),
        );
        assert_eq!(export[from..from + length], export::canonical(&stored).unwrap());
    }
}

#[test]
fn a_line_in_another_form_is_read_but_not_located() {
    let commits: Vec<StoredCommit> = helmet("helmet");
    let canonical = String::from_utf8(lines(&commits)).unwrap();
    let mut all: Vec<String> = canonical.lines().map(str::to_owned).collect();
    all[1].insert(1, ' ');
    all[3] = "oops".into();
    let text = all.join("\n");
    let batch = LineBatch::read(&mut text.as_bytes()).unwrap().unwrap();
    let examined = batch.examine_in_place();
    let located: Vec<bool> = examined.iter().map(|(_, location)| location.is_some()).collect();
    assert_eq!(located, [true, false, true, false, true]);
    assert!(matches!(examined[1].0, ExaminedLine::Commit(_)));
    assert!(matches!(examined[3].0, ExaminedLine::Unreadable { .. }));
    let last = examined[4].1.as_ref().unwrap();
    let (from, length) =
        (usize::try_from(last.place.offset).unwrap(), usize::try_from(last.place.length).unwrap());
    assert_eq!(&text[from..from + length], all[4]);
}
