//! Dated prices give one history, whatever the order in which they are recorded: by requests, by an import, and after a
//! rebuild of the histories. `LEDGER_DATED=full` runs 200 sets of prices in 20 orders each.

use std::fmt::Write;

use fastrand::Rng;
use futures::StreamExt;
use serde_json::{Value, json};

use crate::scenario::{Ledger, printed};

/// A price in a currency on a day; each has a day of its own.
type Dated = (String, &'static str, String);

fn sets() -> (usize, usize) {
    let full = std::env::var("LEDGER_DATED").is_ok_and(|value| value == "full");
    if full { (200, 20) } else { (10, 6) }
}

/// 2 to 9 dated prices with equal ones among them.
fn prices(random: &mut Rng) -> Vec<Dated> {
    let mut days: Vec<u16> = (0..270).collect();
    random.shuffle(&mut days);
    days.truncate(random.usize(2..10));
    let dated = |day: u16| {
        let date = format!("2026-{:02}-{:02}T00:00:00.000Z", day / 28 + 1, day % 28 + 1);
        let currency = if random.u8(0..8) == 0 { "EUR" } else { "USD" };
        (format!("{}.50", random.u8(1..5)), currency, date)
    };
    days.into_iter().map(dated).collect()
}

fn fields((price, currency, date): &Dated) -> Value {
    json!({"price": price, "currency": currency, "occurred_at": date})
}

/// What a reader learns of the prices, with equal neighbours joined and without the numbers of events.
async fn history(ledger: &Ledger, product: &str, version: u64) -> Value {
    let path = format!("/products/{product}?min_version={version}");
    let (_, found) = ledger.get(&path).await;
    let in_force = json!([found["price"], found["currency"], found["price_occurred_at"]]);
    let path = format!("/products/{product}/prices");
    let newest = |_, prices: &Value| {
        let timeline = prices["timeline"].as_array();
        timeline.is_some_and(|timeline| timeline.len() as u64 == version)
    };
    let prices = ledger.until(&path, newest).await;
    let mut joined: Vec<Value> = Vec::new();
    for period in prices["timeline"].as_array().unwrap() {
        match joined.last_mut() {
            Some(last) if last["price"] == period["price"] && last["currency"] == period["currency"] => {
                last["to"] = period["to"].clone();
            }
            _ => joined.push(json!({"price": period["price"], "currency": period["currency"],
                "from": period["from"], "to": period["to"]})),
        }
    }
    json!([
        in_force,
        prices["current"],
        prices["lowest_30_days"],
        prices["reduction"],
        prices["reference"],
        joined
    ])
}

/// Records the prices in this order: the product is created with the first one.
async fn recorded(ledger: &Ledger, product: &str, prices: &[Dated]) {
    let path = format!("/products/{product}");
    for (n, dated) in prices.iter().enumerate() {
        let mut body = fields(dated);
        if n == 0 {
            body["name"] = json!("Cap");
        }
        let (status, receipt) =
            ledger.send(if n == 0 { "PUT" } else { "PATCH" }, &path, &body.to_string()).await;
        assert_eq!(
            (status, &receipt["version"]),
            (if n == 0 { 201 } else { 200 }, &json!(n + 1)),
            "{prices:?}"
        );
    }
}

fn lines(product: &str, prices: &[Dated]) -> String {
    let mut text = String::new();
    for (n, dated) in prices.iter().enumerate() {
        let mut line = fields(dated);
        line["product_id"] = json!(product);
        line["command"] = json!(if n == 0 { "create" } else { "update" });
        if n == 0 {
            line["name"] = json!("Cap");
        }
        writeln!(text, "{line}").unwrap();
    }
    text
}

/// Every order of a set has the same history.
async fn assert_one_history(ledger: &Ledger, sets: &[Vec<(String, Vec<Dated>)>]) {
    for orders in sets {
        let histories = futures::stream::iter(orders)
            .map(|(product, prices)| history(ledger, product, prices.len() as u64));
        let histories: Vec<Value> = histories.buffered(16).collect().await;
        for (history, (product, prices)) in histories.iter().zip(orders) {
            assert_eq!(history, &histories[0], "{product}: {prices:?}\n{:?}", orders[0]);
        }
    }
}

#[tokio::test]
async fn the_same_dated_prices_in_any_order_are_one_history() {
    let mut random = Rng::with_seed(12);
    let (count, orders) = sets();
    let mut sets = Vec::new();
    for set in 0..count {
        let mut prices = prices(&mut random);
        let orders = (0..orders).map(|order| {
            random.shuffle(&mut prices);
            (format!("p-{set}-{order}"), prices.clone())
        });
        sets.push(orders.collect::<Vec<_>>());
    }
    let ledger = Ledger::start();
    // The orders of every second set are sent one by one, the others come by an import.
    let (sent, imported): (Vec<_>, Vec<_>) = sets.iter().flatten().enumerate().partition(|(n, _)| n % 2 == 0);
    let sending = sent.iter().map(|(_, (product, prices))| recorded(&ledger, product, prices));
    futures::stream::iter(sending).buffer_unordered(16).collect::<()>().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let text: String = imported.iter().map(|(_, (product, prices))| lines(product, prices)).collect();
    std::fs::write(file.path(), text).unwrap();
    let import = ledger.import(file.path()).output().unwrap();
    assert!(import.status.success(), "{}", printed(&import));

    assert_one_history(&ledger, &sets).await;
    let rebuilt = ledger.operate(&["rebuild", "prices", "--overlap", "6"]);
    assert!(rebuilt.status.success(), "{}", printed(&rebuilt));
    assert_one_history(&ledger, &sets).await;
}
