//! A receiver that is killed again and again has exactly one effect for each event: cursor and effect are one transaction.

use std::process::Stdio;

use aws_sdk_dynamodb::Client;
use fastrand::Rng;
use ledger_subscriber::Store as _;
use loopback::TableServer;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::contract::{Place as _, inbox, is_whole, sent};
use crate::fake::{FakeLedger, deliveries, recorded};
use crate::on_dynamodb::{OnDynamoDb, client_at};

/// How a worker finds the tables: the address, the names of both, and the first delivery that is not acknowledged.
const GIVEN: [&str; 4] =
    ["SUBSCRIBER_WORKER_URL", "SUBSCRIBER_WORKER_INBOX", "SUBSCRIBER_WORKER_LOG", "SUBSCRIBER_WORKER_FROM"];

/// The same in each process.
fn ledger() -> FakeLedger {
    recorded(50, 2000, 7)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_has_one_effect_however_often_the_receiver_is_killed() {
    let kills: u32 = std::env::var("SUBSCRIBER_KILLS").map_or(50, |kills| kills.parse().unwrap());
    let (mut chance, tables) = (Rng::with_seed(6), TableServer::serve().await);
    let place = OnDynamoDb::on(Client::new(&tables.sdk_config())).await;
    let mut done = 0;
    for _ in 0..kills {
        let mut worker = work(&place, tables.url(), done);
        // It is killed after some deliveries, not after a time in which a slow machine does none.
        let enough = done + chance.usize(1..60);
        assert!(acknowledged(&mut worker, &mut done, enough).await, "all deliveries were done; deliver more");
        worker.kill().await.unwrap();
    }
    assert!(place.store().cursor("p1").await.unwrap().is_some());
    let mut worker = work(&place, tables.url(), done);
    assert!(!acknowledged(&mut worker, &mut done, usize::MAX).await);
    assert!(worker.wait().await.unwrap().success());
    is_whole(&place, &ledger()).await;
    println!("{kills} kills, {done} deliveries");
}

fn work(place: &OnDynamoDb, url: &str, from: usize) -> Child {
    let mut worker = Command::new(std::env::current_exe().unwrap());
    let given = [url.to_owned(), place.inbox.clone(), place.log.clone(), from.to_string()];
    worker.args(["--ignored", "--exact", "--nocapture", "killed::worker"]).envs(GIVEN.into_iter().zip(given));
    worker.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap()
}

/// Reads acknowledgements until there are so many; `false` if the worker ended before.
async fn acknowledged(worker: &mut Child, done: &mut usize, enough: usize) -> bool {
    let mut lines = BufReader::new(worker.stdout.as_mut().unwrap()).lines();
    while *done < enough {
        match lines.next_line().await.unwrap() {
            Some(line) if line == "acknowledged" => *done += 1,
            Some(_) => {}
            None => return false,
        }
    }
    true
}

#[tokio::test]
#[ignore = "the process that the test above starts and kills"]
async fn worker() {
    let Ok(url) = std::env::var(GIVEN[0]) else { return };
    let given = |n: usize| std::env::var(GIVEN[n]).unwrap();
    let place = OnDynamoDb { client: client_at(&url), inbox: given(1), log: given(2) };
    let ledger = ledger();
    let inbox = inbox(&place, &ledger);
    println!();
    for delivery in deliveries(&ledger, 8).into_iter().skip(given(3).parse().unwrap()) {
        inbox.receive(sent(delivery), &place).await.unwrap();
        println!("acknowledged");
    }
    inbox.catch_up(&place).await.unwrap();
}
