//! Slow storage, because another program holds the lock on the ledger's file: every request gets an answer or a timely
//! `Retry-After`, no more requests are in progress than the limit allows, and everything catches up afterwards.

use std::time::{Duration, Instant};

use sqlite::rusqlite::Connection;

use crate::client::Clients;
use crate::scenario::Ledger;
use crate::store::{LEDGER, by_hand};
use crate::whole::assert_whole;

const LIMITS: [&str; 6] = ["--max-requests", "8", "--request-timeout", "1", "--retry-parked-every", "1"];
const CLIENTS: usize = 24;
const COMMANDS: usize = 60;
/// The timeout of a request is a second; the rest is a margin for a machine busy with other tests.
const IN_TIME: Duration = Duration::from_secs(15);

/// Holds the lock on the file, as a backup or another program might.
struct Hold(Connection);

impl Hold {
    fn take(ledger: &Ledger) -> Self {
        let connection = by_hand(&ledger.data, LEDGER);
        // The server may be writing.
        while connection.execute_batch("BEGIN IMMEDIATE").is_err() {}
        Self(connection)
    }

    fn let_go(self) {
        self.0.execute_batch("ROLLBACK").unwrap();
    }
}

/// The value of a metric.
async fn figure(ledger: &Ledger, name: &str) -> f64 {
    let asked = Instant::now();
    let response = ledger.http.get(format!("{}/metrics", ledger.url)).send().await.unwrap();
    let text = response.text().await.unwrap();
    assert!(asked.elapsed() < IN_TIME, "/metrics took {:?}", asked.elapsed());
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name} in {text}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_store_hardly_answers_nobody_waits_long_and_afterwards_everything_catches_up() {
    let ledger = Ledger::start_with(&LIMITS, &[]);
    let clients = Clients::start(&ledger, 4, CLIENTS);
    clients.until_answered(COMMANDS).await;
    let hold = Hold::take(&ledger);
    clients.until_told_to_come_again(clients.told_to_come_again() + 3 * CLIENTS).await;
    for _ in 0..10 {
        let asked = Instant::now();
        let (status, health) = ledger.get("/health").await;
        assert_eq!((status, &health["status"]), (200, &"ok".into()));
        assert!(asked.elapsed() < IN_TIME, "/health took {:?}", asked.elapsed());
        assert!(figure(&ledger, "ledger_http_requests_in_flight ").await <= 8.0);
        let status = ledger.get("/products/anvil").await.0;
        assert!([200, 404, 503].contains(&status), "{status}");
        assert!(asked.elapsed() < 2 * IN_TIME, "GET took {:?}", asked.elapsed());
    }
    for seen in
        ["ledger_http_timeouts_total{waited_for=\"answer\"}", "ledger_http_shed_total{limit=\"requests\"}"]
    {
        let began = Instant::now();
        while figure(&ledger, seen).await <= 0.0 {
            assert!(began.elapsed() < IN_TIME, "nobody was told: {seen}");
        }
    }
    hold.let_go();
    clients.until_answered(clients.answered() + COMMANDS).await;
    let told = clients.finish().await;
    for problem in told.come_again.lock().unwrap().iter() {
        assert_eq!(problem["status"], 503, "{problem}");
    }
    assert_whole(&ledger, &told).await;
}
