//! The vectors that inboxes in all languages run.

use std::time::Duration;

use ledger_subscriber::{Inbox, InboxError, LedgerEvent, Outcome, Start};
use serde_json::Value;

use crate::beside;
use crate::contract::{Place, inbox, is_whole};
use crate::fake::{Effect, FakeLedger, Recorded};

fn read(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(beside("vectors").join(name)).unwrap()).unwrap()
}

fn sent(event: &Recorded, step: &Value) -> LedgerEvent {
    match (step["omitted"] == true, step["replay"] == true) {
        (true, _) => event.omitted(),
        (_, true) => event.replayed(),
        _ => event.sent(),
    }
}

fn said(outcome: Result<Outcome, InboxError>) -> &'static str {
    match outcome {
        Ok(Outcome::Applied) => "applied",
        Ok(Outcome::Seen) => "seen",
        Ok(Outcome::Parked) => "parked",
        Err(InboxError::Ledger(_)) => "error",
        Err(error) => panic!("{error}"),
    }
}

pub async fn scenarios<P: Place>() {
    let scenarios = read("scenarios.json");
    let scenarios = scenarios.as_array().unwrap();
    assert!(scenarios.len() > 10, "{}", scenarios.len());
    for scenario in scenarios {
        let name = scenario["name"].as_str().unwrap();
        let (place, ledger) = (P::open().await, FakeLedger::default());
        let start = if scenario["start"] == "now" { Start::Now } else { Start::Beginning };
        let inbox = Inbox::new(place.store(), ledger.clone()).start(start).wait(Duration::ZERO);
        for step in scenario["steps"].as_array().unwrap() {
            played(step, &inbox, &ledger, &place, name).await;
        }
        let effects: Vec<Effect> = serde_json::from_value(scenario["effects"].clone()).unwrap();
        assert_eq!(place.effects().await, P::ordered(effects), "{name}");
        let parked: Vec<String> = inbox.parked().await.unwrap().into_keys().collect();
        assert_eq!(Value::from(parked), scenario["parked"], "{name}");
    }
}

async fn played<P: Place>(
    step: &Value,
    inbox: &Inbox<P::Store, FakeLedger>,
    ledger: &FakeLedger,
    place: &P,
    name: &str,
) {
    if let Some(product) = step["record"].as_str() {
        ledger.record(
            product,
            step["events"].as_u64().unwrap_or(1),
            step["salt"].as_str().unwrap_or_default(),
        );
    } else if let Some(product) = step["cut"].as_str() {
        ledger.cut(product, usize::try_from(step["to"].as_u64().unwrap()).unwrap());
    } else if let Some(event) = step["receive"].as_str() {
        let event = ledger.with(|kept| kept.known[event].clone());
        let outcome = said(inbox.receive(sent(&event, step), place).await);
        assert_eq!(outcome, step["outcome"], "{name}: {step}");
    } else if let Some(passed) = step["catch_up"].as_u64() {
        assert_eq!(inbox.catch_up(place).await.unwrap(), passed, "{name}");
    } else if let Some(product) = step["retry"].as_str() {
        assert_eq!(said(inbox.retry(product, place).await), step["outcome"], "{name}: {step}");
    } else {
        panic!("{name}: {step}");
    }
}

pub async fn hostile<P: Place>() {
    let (vector, place, ledger) = (read("hostile.json"), P::open().await, FakeLedger::default());
    let commits: Vec<(String, u64)> = serde_json::from_value(vector["commits"].clone()).unwrap();
    for (product, events) in &commits {
        ledger.record(product, *events, "");
    }
    let inbox = inbox(&place, &ledger);
    for delivery in vector["deliveries"].as_array().unwrap() {
        let delivery = delivery.as_str().unwrap();
        let replay = delivery.strip_prefix("replay ");
        let event = ledger.with(|kept| kept.known[replay.unwrap_or(delivery)].clone());
        let event = if replay.is_some() { event.replayed() } else { event.sent() };
        inbox.receive(event, &place).await.unwrap();
    }
    inbox.catch_up(&place).await.unwrap();
    let effects: Vec<Effect> = serde_json::from_value(vector["effects"].clone()).unwrap();
    assert_eq!(place.effects().await, P::ordered(effects));
    is_whole(&place, &ledger).await;
}
