//! A data directory without write permission: the server says so in one line and does not start, and the ledger can still be
//! verified.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use crate::scenario::{Ledger, printed, program_under};

/// Drops root's capability to write despite the file mode.
const UNPRIVILEGED: [&str; 3] =
    ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"];

fn obeying_modes(arguments: &[&str], data: &Path) -> Output {
    let root = std::fs::metadata("/proc/self").is_ok_and(|process| owner(&process) == 0);
    let under: Vec<String> = UNPRIVILEGED.iter().filter(|_| root).map(|&word| word.to_owned()).collect();
    program_under(&under).args(arguments).arg("--data").arg(data).output().unwrap()
}

fn owner(metadata: &std::fs::Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::uid(metadata)
}

fn mode(path: &Path, mode: u32) {
    set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Asserts exit code 2 and one line that says what to do.
fn refused(output: &Output, what_to_do: &str) {
    let said = printed(output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("ledger: ") && said.contains(what_to_do), "{said}");
}

#[test]
fn where_nothing_may_be_written_it_does_not_start_and_says_what_to_change() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    mode(directory.path(), 0o555);
    let output = obeying_modes(&["serve", "--listen", "127.0.0.1:0"], &data);
    mode(directory.path(), 0o755);
    refused(&output, "change its owner or mode, or choose another data directory");
    assert!(!data.exists());
}

#[tokio::test]
async fn a_ledger_that_became_read_only_is_not_served_and_is_whole() {
    let mut ledger = Ledger::start();
    ledger.send("PUT", "/products/p", r#"{"name":"n","price":"1"}"#).await;
    crate::whole::until_caught_up(&ledger).await;
    assert_eq!(ledger.terminate(), Some(0));
    let files: Vec<_> = std::fs::read_dir(&ledger.data).unwrap().map(|file| file.unwrap().path()).collect();
    for file in &files {
        mode(file, 0o444);
    }
    mode(&ledger.data, 0o555);
    let serve = obeying_modes(&["serve", "--listen", "127.0.0.1:0"], &ledger.data);
    let verify = obeying_modes(&["verify", "--receipts", "--views"], &ledger.data);
    mode(&ledger.data, 0o755);
    refused(&serve, "change its owner or mode, or choose another data directory");
    assert_eq!(verify.status.code(), Some(0), "{}", printed(&verify));
}
