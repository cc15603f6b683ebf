//! What an operator can do to a log with its key, and what an outsider finds with and without a checkpoint that was kept.

use std::path::PathBuf;

use super::operator::{COMMITS, Operator, entries, rewrite};

/// A checkpoint of the true log that somebody keeps.
fn kept(operator: &Operator, log: &[Vec<u8>], size: usize) -> PathBuf {
    let kept = operator.file(&format!("kept at {size}"));
    operator.rebuild_log(&log[..size]);
    operator.log_verify(&[("--keep", &kept)]).whole("the true log");
    kept
}

#[tokio::test]
async fn each_row_of_the_attack_table_is_found_by_whom_it_says() {
    let operator = Operator::new().await;
    let commits = operator.commits();
    let log = entries(&commits);
    let [at_300, at_400] = [300, 400].map(|size| kept(&operator, &log, size));
    let against = |kept: &PathBuf| operator.log_verify(&[("--keep", &operator.copy_of(kept))]);
    let alone = || operator.log_verify(&[]);

    operator.rebuild_log(&log);
    against(&at_300).whole("the true log has grown");
    against(&at_400).whole("the true log has grown");

    let what = "commit 5 is rewritten, every tile rebuilt and signed";
    let mut rewritten = commits.clone();
    rewrite(&mut rewritten, 5);
    operator.rebuild_log(&entries(&rewritten));
    against(&at_300).finds("rewritten", what);
    alone().whole(what);

    let what = "the log is cut off";
    operator.rebuild_log(&log[..250]);
    against(&at_300).finds("rolled_back", what);
    alone().whole(what);

    let what = "commit 500 is rewritten, behind the checkpoint that was kept";
    let mut rewritten = commits.clone();
    rewrite(&mut rewritten, 500);
    operator.rebuild_log(&entries(&rewritten));
    against(&at_300).whole(what);
    alone().whole(what);

    let what = "a rewritten commit 5 is appended as a new one";
    let mut rewritten = commits.clone();
    rewrite(&mut rewritten, 5);
    let mut appended = log.clone();
    appended.push(entries(&rewritten[5..6]).remove(0));
    operator.rebuild_log(&appended);
    let fork = format!("fork: the commits of entries 5 and {COMMITS} follow the same one");
    against(&at_300).finds(&fork, what);
    alone().finds(&fork, what);

    let what = "a commit is logged twice";
    let mut twice = log.clone();
    twice.push(log[7].clone());
    operator.rebuild_log(&twice);
    let double = format!("double: the entries 7 and {COMMITS} are the same commit");
    against(&at_300).finds(&double, what);
    alone().finds(&double, what);

    for (file, fault) in [
        ("tile/0/000", "differs: tile/0/000"),
        ("tile/1/000.p/2", "differs: tile/1/000.p/2"),
        ("tile/entries/001", "differs: tile/0/001"),
    ] {
        operator.rebuild_log(&log);
        let path = operator.log().join(file);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[40] ^= 4;
        std::fs::write(&path, bytes).unwrap();
        alone().finds(fault, file);
    }
}
