//! The ledger of the questions that auditors ask: the sample, and a story that goes on from it; 714 commits, whose recorded times are
//! spread over the years 2022 to 2026. It is restored once for all tests that run at the same time; each has a copy.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};

use schema::event::{
    ProductCreated, ProductDeleted, ProductDetailsChanged, ProductEvent, ProductRenamed, ProductRestored,
};
use schema::{Details, DetailsChange, Timestamp, fixtures};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::between::front;
use super::story::{Life, changed, stated};
use crate::scenario::{Ledger, adventure_works, json, printed, program};

/// The moment at which the questions are asked, a few seconds after the newest commit.
pub const NOW: &str = "2026-11-27T00:00:08Z";

/// How many commits there are.
pub const COMMITS: usize = 714;

/// The restored data directory; it goes with the last test that has a copy of it.
static MADE: Mutex<Weak<TempDir>> = Mutex::new(Weak::new());

/// A copy of the ledger, and what keeps its folder.
pub struct Years {
    /// Where a browser finds its pages.
    pub url: String,
    pub ledger: Ledger,
    pub folder: TempDir,
    _made: Arc<TempDir>,
}

/// The ledger, served.
pub async fn years() -> Years {
    let made = made();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    copy(&made.path().join("data"), &data);
    let ledger = Ledger::on(data);
    Years { url: front(&ledger.url).await, ledger, folder, _made: made }
}

fn made() -> Arc<TempDir> {
    // A test that failed while it made the ledger has left nothing behind.
    let mut kept = MADE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(made) = kept.upgrade() {
        return made;
    }
    let made = Arc::new(made_anew());
    *kept = Arc::downgrade(&made);
    made
}

fn made_anew() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (export, receipts) = written(folder.path());
    let data = folder.path().join("data");
    let mut restore = program();
    restore.arg("restore").arg(&export).arg("--receipts").arg(&receipts).arg("--data").arg(&data);
    let output = restore.output().unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    // The views and the log follow once, and not in each copy.
    let mut ledger = Ledger::on(data);
    while !ledger.operate(&["verify", "--views", "--log"]).status.success() {}
    assert_eq!(ledger.terminate(), Some(0));
    folder
}

/// Copies a folder with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    std::fs::set_permissions(to, std::fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (kind, goal) = (entry.file_type().unwrap(), to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &goal);
        } else if kind.is_file() {
            std::fs::copy(entry.path(), goal).unwrap();
        }
    }
}

/// The export, and its receipts: each event was accepted by the bus 0.3 s after it was recorded, at the first attempt.
fn written(folder: &Path) -> (PathBuf, PathBuf) {
    let stories = told(sample());
    assert_eq!(stories.values().map(|life| life.commits.len()).sum::<usize>(), COMMITS);
    let lines: String = stories.values().map(|life| life.lines.as_str()).collect();
    let mut receipts = String::new();
    for commit in stories.values().flat_map(|life| &life.commits) {
        for (event, sequence) in commit.events.iter().zip(commit.sequence..) {
            let line = json!({
                "attempts": 1,
                "bus": "local",
                "event_id": event.event_id.to_string(),
                "hash": commit.hash,
                "product_id": commit.product_id,
                "published_at": a_moment_after(commit.recorded_at),
                "receipt_id": format!("receipt-{}", event.event_id),
                "sequence": sequence,
            });
            writeln!(receipts, "{line}").unwrap();
        }
    }
    let files = (folder.join("export.ndjson"), folder.join("receipts.ndjson"));
    std::fs::write(&files.0, lines).unwrap();
    std::fs::write(&files.1, receipts).unwrap();
    files
}

/// 0.3 s later; nothing is recorded in the last 0.3 s of a second.
fn a_moment_after(recorded: Timestamp) -> String {
    let text = recorded.to_string();
    let (second, rest) = text.split_once('.').unwrap();
    format!("{second}.{:03}Z", rest.trim_end_matches('Z').parse::<u32>().unwrap() + 300)
}

/// The products, by id.
type Lives = BTreeMap<String, Life>;

/// The sample: what happened on a day was recorded at six o'clock of that day, or, before there was a ledger, of its first one.
fn sample() -> Lives {
    let mut lives = Lives::new();
    let (mut day, mut nth) = (String::new(), 0);
    for line in std::fs::read_to_string(adventure_works()).unwrap().lines() {
        let command = json(line);
        let of = |name: &str| command[name].as_str().map(str::to_owned);
        let (id, happened) = (of("product_id").unwrap(), of("occurred_at").unwrap());
        nth = if happened == day { nth + 1 } else { 0 };
        day.clone_from(&happened);
        let life = lives.remove(&id).unwrap_or_else(|| Life::new(&id));
        let event = match of("command").unwrap().as_str() {
            "create" => created(&command),
            "update" => priced(&life, &of("price").unwrap()),
            "delete" => ProductEvent::ProductDeleted(ProductDeleted {}),
            other => panic!("the sample has a command {other}"),
        };
        let first = (happened.as_str() < "2022").then_some("05");
        let date = if first.is_some() { "2022-05-30" } else { &happened[..10] };
        let recorded = format!("{date}T{}:00:00.{nth:03}Z", first.unwrap_or("06"));
        lives.insert(id, life.then("catalogue-import", &happened, &recorded, event));
    }
    lives
}

fn created(command: &Value) -> ProductEvent {
    let of = |name: &str| command[name].as_str().map(str::to_owned);
    ProductEvent::ProductCreated(ProductCreated {
        name: of("name").unwrap(),
        money: fixtures::money(&of("price").unwrap(), &of("currency").unwrap()),
        details: Details {
            sku: of("sku"),
            category: of("category"),
            description: None,
            attributes: serde_json::from_value(command["attributes"].clone()).unwrap(),
        },
    })
}

/// The price changes from the present one.
fn priced(life: &Life, to: &str) -> ProductEvent {
    let before = life.commits.last().unwrap().state.facts.money.price().to_string();
    changed(&before, to)
}

/// What goes on after the sample.
fn told(mut lives: Lives) -> Lives {
    let mut on = |name: &str, more: &dyn Fn(Life) -> Life| {
        let named = |life: &&Life| life.commits[0].state.facts.name == name;
        let id = lives.values().find(named).unwrap().product.as_str().to_owned();
        let life = more(lives.remove(&id).unwrap());
        lives.insert(id, life);
    };
    let at = |life: Life, actor: &str, when: &str, event: ProductEvent| life.then(actor, when, when, event);
    let to = |life: Life, actor: &str, when: &str, price: &str| {
        let event = priced(&life, price);
        at(life, actor, when, event)
    };
    let sale = |life: Life, recorded: &str, price: &str| {
        let event = priced(&life, price);
        life.in_thread("price-bot", "2026-11-27T00:00:00Z", recorded, event, Some("black-friday-2026"))
    };
    let (maria, jonas) = ("maria.lopez", "jonas.weber");
    on("HL Road Frame - Red, 62", &|life| sale(frame(life), "2026-11-27T00:00:04Z", "1199.00"));
    on("Mountain-200 Silver, 42", &|life| to(life, jonas, "2026-03-10T10:15:00Z", "2199.00"));
    on("Water Bottle - 30 oz.", &|life| to(life, maria, "2026-11-17T09:12:44Z", "5.49"));
    on("Mountain Tire Tube", &|life| to(life, maria, "2026-11-18T14:03:20Z", "5.29"));
    on("Classic Vest, S", &|life| {
        let renamed =
            ProductRenamed { name: "Classic Vest, Small".into(), previous_name: "Classic Vest, S".into() };
        at(life, jonas, "2026-11-26T09:30:01Z", ProductEvent::ProductRenamed(renamed))
    });
    on("LL Road Frame - Black, 60", &|life| {
        at(life, maria, "2026-11-26T11:05:33Z", ProductEvent::ProductDeleted(ProductDeleted {}))
    });
    on("Touring-1000 Blue, 46", &|life| {
        let life = to(life, maria, "2026-11-20T16:40:00Z", "2299.00");
        let event =
            described(&life, "25.13", "A touring bike for long days, with room for bags at both wheels.");
        at(life, maria, "2026-11-26T16:42:10Z", event)
    });
    on("Mountain-200 Silver, 38", &|life| sale(life, "2026-11-27T00:00:03Z", "1999.00"));
    on("Sport-100 Helmet, Red", &|life| sale(life, "2026-11-27T00:00:02Z", "27.99"));
    lives
}

/// The frame after the three prices of the sample: a price, a removal, a return with the price stated again, two prices of the past,
/// two of autumn. A price counts as one of the past if a later one was stated before it was recorded.
fn frame(life: Life) -> Life {
    let (maria, jonas) = ("maria.lopez", "jonas.weber");
    let (gone, back) = ("2025-10-15T09:00:00Z", "2026-02-01T09:00:00Z");
    life.priced(maria, "2025-05-29T08:00:00Z", "1431.50", "1389.00")
        .then(maria, gone, gone, ProductEvent::ProductDeleted(ProductDeleted {}))
        .then(maria, back, back, ProductEvent::ProductRestored(ProductRestored {}))
        .then(maria, back, "2026-02-01T09:02:00Z", stated("1389.00", back))
        .then(jonas, "2025-07-01T00:00:00Z", "2026-08-19T14:10:00Z", stated("999.00", "2025-07-01T00:00:00Z"))
        .then(
            jonas,
            "2025-08-01T00:00:00Z",
            "2026-08-19T14:11:00Z",
            stated("1389.00", "2025-08-01T00:00:00Z"),
        )
        .priced(jonas, "2026-11-06T08:00:00Z", "1389.00", "1249.00")
        .priced(jonas, "2026-11-13T08:00:00Z", "1249.00", "1349.00")
}

/// A weight and a description are added.
fn described(life: &Life, weight: &str, description: &str) -> ProductEvent {
    let before = life.commits.last().unwrap().state.facts.details.attributes.clone();
    let mut attributes = before.clone().unwrap_or_default();
    attributes.insert("weight_lb".into(), weight.into());
    ProductEvent::ProductDetailsChanged(ProductDetailsChanged {
        changed: DetailsChange {
            attributes: Some(Some(attributes)),
            description: Some(Some(description.into())),
            ..DetailsChange::default()
        },
        previous: DetailsChange {
            attributes: Some(before),
            description: Some(None),
            ..DetailsChange::default()
        },
    })
}
