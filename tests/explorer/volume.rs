//! Large ledgers and long visits: a product with many commits, many products, names of every script, and an hour of commits. The
//! page keeps few rows and little memory. `LEDGER_EXPLORER=full` takes the sizes of the specification.

use std::fmt::Write as _;
use std::time::Instant;

use schema::event::{ProductCreated, ProductEvent, ProductPriceChanged};
use schema::{Details, fixtures};
use serde_json::Value;

use super::between::front;
use super::press;
use super::questions::sees;
use super::story::Life;
use crate::browser::browser;
use crate::browser::devtools::Browser;
use crate::scenario::{Ledger, PATIENCE, printed, program};

/// Whether the sizes are those of the specification, which take minutes.
fn is_full() -> bool {
    std::env::var("LEDGER_EXPLORER").is_ok_and(|value| value == "full")
}

/// The most memory that a page may use, in bytes.
const HEAP: f64 = 150e6;

/// The most rows that a page may have.
const ROWS: u64 = 1000;

/// How many rows of tables and lists the page has.
const ROW_COUNT: &str = "document.querySelectorAll('main tr, main li').length";

const NAMES: [&str; 5] =
    ["خوذة حمراء للدراجة", "红色自行车头盔", "🚲🛞 Bell 👩🏽‍🔧", "Fahrradhelm, rot", "A\u{301}rbol y ñandú"];

fn created(name: &str, price: &str, currency: &str, description: Option<String>) -> ProductEvent {
    ProductEvent::ProductCreated(ProductCreated {
        name: name.into(),
        money: fixtures::money(price, currency),
        details: Details { description, ..Details::default() },
    })
}

/// A price that follows another one; every third of the time the currency changes.
fn price(nth: u64, count: u64) -> (String, &'static str) {
    let currency = ["USD", "EUR", "JPY"][usize::try_from(nth * 3 / count.max(1)).unwrap().min(2)];
    (
        if currency == "JPY" { format!("{}", 100 + nth % 97) } else { format!("{}.50", 10 + nth % 97) },
        currency,
    )
}

/// A product of so many commits with prices in three currencies, an hour between them.
fn long_life(count: u64) -> Life {
    let at = |nth: u64| {
        let hours = nth - 1;
        let (days, hour) = (hours / 24, hours % 24);
        let day = fixtures::at("2022-01-01T00:00:00Z").days_before(-i64::try_from(days).unwrap()).to_string();
        format!("{}T{hour:02}:00:00Z", &day[..10])
    };
    let text = "A description of four thousand characters. ".repeat(100).chars().take(4000).collect();
    let (first, currency) = price(1, count);
    let mut life =
        Life::new("..x").then("import", &at(1), &at(1), created(NAMES[0], &first, currency, Some(text)));
    for nth in 2..=count {
        let (before, after) = (price(nth - 1, count), price(nth, count));
        let event = ProductEvent::ProductPriceChanged(ProductPriceChanged {
            money: fixtures::money(&after.0, after.1),
            previous_price: fixtures::money(&before.0, before.1).price(),
            previous_currency: fixtures::money(&before.0, before.1).currency(),
        });
        life = life.then("price-bot", &at(nth), &at(nth), event);
    }
    life
}

/// The ledger of these products.
fn restored(lives: &[Life]) -> (tempfile::TempDir, Ledger) {
    let folder = tempfile::tempdir().unwrap();
    let export = folder.path().join("export.ndjson");
    std::fs::write(&export, lives.iter().map(|life| life.lines.as_str()).collect::<String>()).unwrap();
    let data = folder.path().join("data");
    let output = program().arg("restore").arg(&export).arg("--data").arg(&data).output().unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    (folder, Ledger::on(data))
}

/// Asserts what holds of every page, whatever the ledger's size.
async fn is_small(browser: &mut Browser, name: &str) {
    let is_there = |rows: &Value| rows.as_u64().is_some_and(|rows| rows > 0);
    let rows = browser.until(ROW_COUNT, is_there).await.as_u64().unwrap();
    assert!(rows <= ROWS, "{name} has {rows} rows");
    let heap = browser.figure("JSHeapUsedSize").await;
    assert!(heap < HEAP, "{name} uses {heap} bytes");
    println!("{name}: {rows} rows, {:.1} MB", heap / 1e6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_of_many_commits_shows_the_newest_and_goes_back_page_by_page() {
    let Some(mut browser) = browser().await else { return };
    let count = if is_full() { 10_000 } else { 700 };
    let (_folder, ledger) = restored(&[long_life(count)]);
    let url = front(&ledger.url).await;
    ledger.until("/products/..x", |_, product| product["version"] == count).await;
    browser.open_afresh(&format!("{url}/#/ledger"), 1280, "light").await;
    sees(&mut browser, NAMES[0]).await;
    let started = Instant::now();
    browser.go("#/p/..x").await;
    sees(&mut browser, &format!("{} | version {count}", NAMES[0])).await;
    println!("first rows of a product of {count} commits after {:?}", started.elapsed());
    is_small(&mut browser, "the product").await;
    for _ in 0..if is_full() { 12 } else { 2 } {
        press(&mut browser, "Earlier").await;
        browser.until("!document.querySelector('main [aria-busy=true]')", |still| *still == true).await;
        is_small(&mut browser, "the product, earlier").await;
    }
    browser.open_afresh(&format!("{url}/#/p/..x?view=table&range=all"), 1280, "light").await;
    let shown = |from: u64, to: u64| {
        format!("Set by | Showing prices {}–{} of {}.", grouped(from), grouped(to), grouped(count))
    };
    sees(&mut browser, &shown(count - 499, count)).await;
    is_small(&mut browser, "its prices").await;
    press(&mut browser, "Earlier prices").await;
    sees(&mut browser, &shown(count.saturating_sub(999).max(1), count - 500)).await;
    is_small(&mut browser, "its earlier prices").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalogue_of_many_products_is_asked_for_page_by_page() {
    let Some(mut browser) = browser().await else { return };
    let count: u64 = if is_full() { 100_000 } else { 1200 };
    let lives: Vec<Life> = (0..count)
        .map(|nth| {
            let name = format!("{} {nth}", NAMES[usize::try_from(nth % 5).unwrap()]);
            let at = format!("2026-01-01T{:02}:{:02}:{:02}Z", nth / 3600 % 24, nth / 60 % 60, nth % 60);
            let id = format!("product-{nth:06}");
            Life::new(&id).then("import", &at, &at, created(&name, "9.50", "EUR", None))
        })
        .collect();
    let (_folder, ledger) = restored(&lives);
    let url = front(&ledger.url).await;
    ledger.until(&format!("/products/product-{:06}", count - 1), |status, _| status == 200).await;
    browser.open_afresh(&format!("{url}/"), 1280, "light").await;
    let started = Instant::now();
    browser.go("#/catalogue").await;
    sees(&mut browser, "9.50").await;
    println!("first rows of {count} products after {:?}", started.elapsed());
    for _ in 0..3 {
        press(&mut browser, "Show 100 more").await;
        is_small(&mut browser, "the catalogue").await;
    }
    let (asked, _) = browser.heard();
    let pages = asked.iter().filter(|url| url.contains("/products?")).count();
    assert!(pages < 10, "{asked:?}");
    browser.go("#/ledger").await;
    sees(&mut browser, "commits").await;
    is_small(&mut browser, "the ledger").await;
}

/// How many times faster the clock of the page runs in the test of an hour.
const HASTE: u32 = 20;

/// Makes the page's clock and its timers faster, but for those that are limits of a request: the server's clock is as ever.
fn hasty() -> String {
    format!(
        "(() => {{ const Real = Date; const began = Real.now(); \
            const now = () => began + (Real.now() - began) * {HASTE}; \
            globalThis.passed = () => (now() - began) / 1000; \
            globalThis.Date = class extends Real {{ \
                constructor(...given) {{ if (given.length === 0) super(now()); else super(...given); }} \
                static now() {{ return now(); }} }}; \
            const [timeout, interval] = [globalThis.setTimeout, globalThis.setInterval]; \
            globalThis.setTimeout = (then, after = 0, ...rest) => \
                timeout(then, after > 20000 ? after : after / {HASTE}, ...rest); \
            globalThis.setInterval = (then, after = 0, ...rest) => interval(then, after / {HASTE}, ...rest); }})()"
    )
}

/// How many commits an hour of twenty a second has, or a part of it.
fn hour() -> u64 {
    if is_full() { 72_000 } else { 600 }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_of_commits_leaves_no_more_rows_listeners_and_requests_than_its_beginning() {
    let Some(mut browser) = browser().await else { return };
    let ledger = Ledger::start_with(&["--max-requests", "512"], &[]);
    let url = front(&ledger.url).await;
    ledger.send("PUT", "/products/p", r#"{"name":"Helmet","price":"1"}"#).await;
    browser.before_each(hasty());
    browser.open_afresh(&format!("{url}/"), 1280, "light").await;
    sees(&mut browser, "1 commit").await;
    let mut figures = Vec::new();
    let parts = 6;
    for part in 1..=parts {
        let until = hour() * part / parts;
        let from = hour() * (part - 1) / parts;
        let writes = (from..until).map(|nth| {
            let body = format!(r#"{{"name":"Helmet {nth}","price":"{}"}}"#, 1 + nth % 90);
            let (ledger, path) = (&ledger, format!("/products/p-{nth}"));
            async move { ledger.send("PUT", &path, &body).await.0 }
        });
        let answers: Vec<u16> = futures::StreamExt::collect(futures::StreamExt::buffer_unordered(
            futures::stream::iter(writes),
            8,
        ))
        .await;
        assert!(answers.iter().all(|status| *status == 201), "{answers:?}");
        let mut newest = String::new();
        write!(newest, "{} commits", grouped(until + 1)).unwrap();
        sees(&mut browser, &newest).await;
        is_small(&mut browser, &format!("the ledger after {until} commits")).await;
        let open: Vec<_> = browser.pending().into_iter().filter(|url| url.contains("wait=")).collect();
        assert!(open.len() <= 1, "{open:?}");
        figures.push((
            browser.figure("JSEventListeners").await,
            browser.figure("Nodes").await,
            browser.figure("JSHeapUsedSize").await,
        ));
    }
    // As long as the commits of an hour take with twenty a second.
    let commits = f64::from(u32::try_from(hour()).unwrap());
    let passed = |seconds: &Value| seconds.as_f64().is_some_and(|passed| passed * 20.0 >= commits);
    let seconds = browser.until("globalThis.passed()", passed).await;
    println!("listeners, nodes and heap: {figures:?}, after {seconds} s of the page's clock");
    // The list is full, or nearly, after the first parts; what grows behind them grows for ever.
    let (middle, end) = (figures[figures.len() / 2], figures[figures.len() - 1]);
    let rows = browser.until(ROW_COUNT, Value::is_u64).await.as_f64().unwrap();
    assert!(end.0 <= middle.0.max(rows * 8.0) + 50.0, "{figures:?}");
}

/// How often the page has asked for what is new.
async fn polls(browser: &mut Browser) -> usize {
    browser.until("1", Value::is_number).await;
    browser.heard().0.iter().filter(|url| url.contains("wait=")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_for_what_is_new_leaves_no_listener_behind() {
    let Some(mut browser) = browser().await else { return };
    let ledger = Ledger::start();
    let url = front(&ledger.url).await;
    ledger.send("PUT", "/products/p", r#"{"name":"Helmet","price":"1"}"#).await;
    // A page without rows, whose listeners are always the same.
    browser.open_afresh(&format!("{url}/#/keys"), 1280, "light").await;
    sees(&mut browser, "What it does").await;
    let mut listeners = Vec::new();
    for nth in 0..80 {
        let before = polls(&mut browser).await;
        if nth % 40 == 0 {
            listeners.push(browser.figure("JSEventListeners").await);
        }
        ledger.send("PUT", &format!("/products/p-{nth}"), r#"{"name":"Helmet","price":"1"}"#).await;
        let started = Instant::now();
        while polls(&mut browser).await == before {
            assert!(started.elapsed() < PATIENCE, "the page does not ask again");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
    listeners.push(browser.figure("JSEventListeners").await);
    assert!(listeners[2] <= listeners[1] + 20.0, "{listeners:?}");
}

/// A count with its digits grouped, as the page shows it.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
