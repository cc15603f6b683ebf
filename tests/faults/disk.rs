//! A full disk, and one that becomes read-only while the server runs. Both are simulated by the kernel's limit on the size of
//! files of a process: above it a write fails, at zero every write does, and it can be changed from outside while the server
//! runs. SQLite takes the same path as on a full (`ENOSPC`) or read-only (`EROFS`) file system; only the error number differs.

use std::process::Command;

use crate::client::Clients;
use crate::scenario::{Ledger, printed, program_under};
use crate::store::{Started, one_line, start};
use crate::whole::assert_whole;

/// Without this the kernel ends a process that reaches the limit.
const NO_SIGNAL: [&str; 3] = ["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""];
const CLIENTS: usize = 4;
/// The number of commands before and after the fault.
const COMMANDS: usize = 60;

/// Sets the limit on the size of the server's files, in bytes.
#[derive(Clone, Copy)]
enum Room {
    Endless,
    UpTo(u64),
}

fn leave(ledger: &Ledger, room: Room) {
    let size = match room {
        Room::Endless => "unlimited".to_owned(),
        Room::UpTo(bytes) => bytes.to_string(),
    };
    // Only the soft limit, which can be raised again without privileges.
    let arguments = ["--pid", &ledger.id().to_string(), &format!("--fsize={size}:")];
    let output = Command::new("prlimit").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The size of the largest file of the ledger, and a little more.
fn nearly_full(ledger: &Ledger) -> Room {
    let files = std::fs::read_dir(&ledger.data).unwrap();
    let largest = files.map(|file| file.unwrap().metadata().unwrap().len()).max().unwrap();
    Room::UpTo(largest + (64 << 10))
}

/// Waits until commands are answered with a problem with `Retry-After`, and checks the other answers.
async fn commands_are_turned_away_and_reads_are_not(ledger: &Ledger, clients: &Clients) {
    clients.until_told_to_come_again(8).await;
    for problem in clients.told.come_again.lock().unwrap().iter() {
        assert_eq!(problem["status"], 503, "{problem}");
        assert_eq!(problem["type"], "urn:product-ledger:problem:unavailable", "{problem}");
    }
    assert_eq!(ledger.get("/health").await.0, 200);
    let (status, page) = ledger.get("/products?limit=100").await;
    assert_eq!(status, 200, "{page}");
    assert_eq!(ledger.get("/metrics").await.0, 200);
}

#[test]
fn a_ledger_that_finds_no_room_does_not_start_and_says_so_in_one_line() {
    for kilobytes in [0, 8, 24, 40, 48] {
        let directory = tempfile::tempdir().unwrap();
        let room = format!("ulimit -S -f {}; {}", kilobytes * 2, NO_SIGNAL[2]);
        let under = ["sh", "-c", &room].map(str::to_owned);
        let mut serve = program_under(&under);
        serve.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(directory.path().join("data"));
        let output = serve.output().unwrap();
        let said = printed(&output);
        assert_eq!(output.status.code(), Some(2), "{kilobytes} KB: {said}");
        let line = one_line(&said);
        assert!(line.starts_with("ledger: --data "), "{kilobytes} KB: {said}");
        assert!(line.contains("room") && !line.contains("damaged"), "{kilobytes} KB: {said}");
        // An incomplete directory is no ledger yet and does not prevent a start.
        assert!(matches!(start(&directory.path().join("data")), Started::Serves(_)), "{kilobytes} KB");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_full_disk_commands_are_turned_away_and_with_room_the_same_server_goes_on() {
    let ledger = Ledger::start_under(&NO_SIGNAL, &["--retry-parked-every", "1"], &[]);
    let clients = Clients::start(&ledger, 1, CLIENTS);
    clients.until_answered(COMMANDS).await;
    leave(&ledger, nearly_full(&ledger));
    commands_are_turned_away_and_reads_are_not(&ledger, &clients).await;
    leave(&ledger, Room::Endless);
    clients.until_answered(clients.answered() + COMMANDS).await;
    let told = clients.finish().await;
    assert_whole(&ledger, &told).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_on_a_full_disk_it_goes_on_where_there_is_room() {
    let mut ledger = Ledger::start_under(&NO_SIGNAL, &["--retry-parked-every", "1"], &[]);
    let clients = Clients::start(&ledger, 2, CLIENTS);
    clients.until_answered(COMMANDS).await;
    leave(&ledger, nearly_full(&ledger));
    commands_are_turned_away_and_reads_are_not(&ledger, &clients).await;
    clients.hold();
    ledger.kill();
    ledger.restart();
    clients.go_on(&ledger);
    clients.until_answered(clients.answered() + COMMANDS).await;
    let told = clients.finish().await;
    assert_whole(&ledger, &told).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_disk_that_became_read_only_nothing_is_torn_and_writable_again_the_same_server_goes_on() {
    let ledger = Ledger::start_under(&NO_SIGNAL, &["--retry-parked-every", "1"], &[]);
    let clients = Clients::start(&ledger, 3, CLIENTS);
    clients.until_answered(COMMANDS).await;
    leave(&ledger, Room::UpTo(0));
    commands_are_turned_away_and_reads_are_not(&ledger, &clients).await;
    leave(&ledger, Room::Endless);
    clients.until_answered(clients.answered() + COMMANDS).await;
    let told = clients.finish().await;
    assert_whole(&ledger, &told).await;
}
