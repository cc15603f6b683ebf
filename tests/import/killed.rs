//! An import is killed again and again, behind a proxy that rejects commands and loses answers, while others write too.
//! Repeated until it succeeds, it has done each line once and in order, and overwritten no change of others.
//! `LEDGER_IMPORTS_SEED=n` repeats a plan, though not the exact moments; `LEDGER_IMPORTS=full` runs fifty kills.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::Value;

use super::between::{Between, Fate, answer};
use super::{file, import_at, summary};
use crate::scenario::{Ledger, printed};

/// How many kills, in CI and with `LEDGER_IMPORTS=full`, and at most of one file.
const KILLS: usize = 6;
const IN_FULL: usize = 50;
const KILLS_OF_EACH: usize = 5;
/// Of each file, in no order.
const PRODUCTS: usize = 40;
const LINES: usize = 800;
/// A kill comes within this time after a start.
const LIVES: u64 = 1_200;
/// Of a hundred requests, so many are turned away and so many answers are lost.
const TURNED_AWAY: u8 = 3;
const LOST: u8 = 5;
/// A file that is not done after so many runs never is.
const MOST_RUNS: usize = 40;
const THEIRS: &str = "777.00";

/// What a file says of a product.
#[derive(Clone, Default)]
struct Product {
    price: usize,
    name: usize,
    deleted: bool,
    /// The places of the lines that change something.
    effects: Vec<u64>,
    lines: u64,
}

/// What was done to the imports.
#[derive(Debug, Default)]
struct Done {
    files: usize,
    kills: usize,
    runs: usize,
    intrusions: usize,
    left_alone: u64,
}

#[tokio::test]
async fn killed_at_any_moment_an_import_ends_as_its_file_says_and_overwrites_nobody() {
    let seed = std::env::var("LEDGER_IMPORTS_SEED").ok().map(|seed| seed.parse().unwrap());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..1_000_000_000));
    println!("LEDGER_IMPORTS_SEED={seed}");
    let is_full = std::env::var("LEDGER_IMPORTS").is_ok_and(|imports| imports == "full");
    let kills = if is_full { IN_FULL } else { KILLS };
    let (mut rng, ledger, started) = (fastrand::Rng::with_seed(seed), Ledger::start(), Instant::now());
    let mut done = Done::default();
    while done.kills < kills {
        assert!(done.files < kills * 3, "hardly any run is still there to be killed: {done:?}");
        import_a_file(&ledger, &mut rng, &mut done, kills).await;
    }
    println!("{done:?} in {:.0} s", started.elapsed().as_secs_f64());
    assert!(done.intrusions > 0 && done.runs > done.kills, "{done:?}");
}

async fn import_a_file(ledger: &Ledger, rng: &mut fastrand::Rng, done: &mut Done, kills: usize) {
    let fates = Mutex::new(rng.fork());
    let between = Between::start(&ledger.url, move |_| match fates.lock().unwrap().u8(..100) {
        chance if chance < TURNED_AWAY => Fate::Answer(answer(503, "{}".into())),
        chance if chance < TURNED_AWAY + LOST => Fate::Lose,
        _ => Fate::Pass,
    });
    let prefix = format!("file-{}", done.files);
    let (text, products) = lines(rng, &prefix);
    let (lines, mut theirs) = (file(&[&text]), BTreeMap::<String, u64>::new());
    let mut of_this_file = 0;
    for run in 0.. {
        assert!(run < MOST_RUNS, "it never says that it is done");
        done.runs += 1;
        let mut command = import_at(&between.url, lines.path());
        let mut import = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        if of_this_file < KILLS_OF_EACH && done.kills < kills {
            intrude(ledger, rng, &prefix, &mut theirs).await;
            if killed(&mut import, rng).await {
                (of_this_file, done.kills) = (of_this_file + 1, done.kills + 1);
                continue;
            }
        }
        let output = import.wait_with_output().unwrap();
        if output.status.code() == Some(0) {
            let counts = summary(&output);
            let alone = counts.rsplit(", ").next().and_then(|last| last.strip_suffix(" left alone"));
            done.left_alone += alone.map_or(0, |count| count.parse().unwrap());
            break;
        }
        // Six answers of one line that say to come again, or were lost, are a failure.
        assert!(output.status.code() == Some(1), "{}", printed(&output));
    }
    done.files += 1;
    done.intrusions += theirs.len();
    for (product, expected) in products {
        check(&ledger.history(&product).await, &product, &expected, theirs.get(&product).copied());
    }
}

/// Lets it live for a while and kills it; false if it had ended by itself.
async fn killed(import: &mut Child, rng: &mut fastrand::Rng) -> bool {
    tokio::time::sleep(Duration::from_millis(rng.u64(..LIVES))).await;
    import.kill().unwrap();
    import.wait().unwrap().code().is_none()
}

/// Somebody else changes a product of the file, if it is there by now: the version that leaves.
async fn intrude(ledger: &Ledger, rng: &mut fastrand::Rng, prefix: &str, theirs: &mut BTreeMap<String, u64>) {
    tokio::time::sleep(Duration::from_millis(rng.u64(..LIVES / 3))).await;
    let product = format!("{prefix}-{}", rng.usize(..PRODUCTS));
    let (key, url) = (format!("theirs-{:x}", rng.u64(..)), format!("{}/products/{product}", ledger.url));
    let (mut status, mut receipt) = (StatusCode::SERVICE_UNAVAILABLE, Value::Null);
    // On a busy machine the outcome may be open; sent again with its key it is known.
    for _ in 0..20 {
        let request = ledger.http.patch(&url).header("content-type", "application/json");
        let request = request.header("idempotency-key", &key).body(format!(r#"{{"price":"{THEIRS}"}}"#));
        let answer = request.send().await.unwrap();
        status = answer.status();
        receipt = answer.json().await.unwrap();
        if status != StatusCode::SERVICE_UNAVAILABLE {
            break;
        }
    }
    assert!([200, 404, 409].contains(&status.as_u16()), "{product}: {status} {receipt}");
    if status == 200 && receipt["events"].as_array().is_some_and(|events| !events.is_empty()) {
        theirs.insert(product, receipt["version"].as_u64().unwrap());
    }
}

/// A file in which the products' lines are mixed, and what it makes of them.
fn lines(rng: &mut fastrand::Rng, prefix: &str) -> (String, BTreeMap<String, Product>) {
    let mut products: Vec<Product> = vec![Product::default(); PRODUCTS];
    let mut text = String::new();
    for _ in 0..LINES {
        let number = rng.usize(..PRODUCTS);
        let product = &mut products[number];
        let (price, name) = (rng.usize(1..6), rng.usize(..3));
        let after = Product { price, name, deleted: false, ..product.clone() };
        let (verb, members, after) = match (product.lines, product.deleted, rng.u8(..6)) {
            (0, ..) | (_, true, 0..=2) => ("create", format!(r#","name":"{name}","price":{price}"#), after),
            (_, true, 3) | (_, false, 0) => ("put", format!(r#","name":"{name}","price":{price}"#), after),
            (_, true, _) => ("restore", String::new(), Product { deleted: false, ..product.clone() }),
            (_, false, 1) => ("delete", String::new(), Product { deleted: true, ..product.clone() }),
            (_, false, _) => ("update", format!(r#","price":{price}"#), Product { price, ..product.clone() }),
        };
        writeln!(text, r#"{{"command":"{verb}","product_id":"{prefix}-{number}"{members}}}"#).unwrap();
        let facts = |product: &Product| (product.price, product.name, product.deleted);
        let is_effective = product.lines == 0 || facts(product) != facts(&after);
        *product = Product { lines: product.lines + 1, ..after };
        if is_effective {
            product.effects.push(product.lines);
        }
    }
    let named = products.into_iter().enumerate().filter(|(_, product)| product.lines > 0);
    (text, named.map(|(number, product)| (format!("{prefix}-{number}"), product)).collect())
}

/// Each line with an effect was recorded once and in order; where somebody else wrote, up to there and no further.
fn check(history: &[Value], product: &str, expected: &Product, theirs: Option<u64>) {
    let place = |commit: &Value| -> Option<u64> {
        let key = commit["metadata"]["idempotency_key"].as_str()?;
        key.rsplit('/').nth(1)?.parse().ok()
    };
    let places: Vec<u64> = history.iter().filter_map(place).collect();
    let newest = history.last().unwrap_or_else(|| panic!("{product} is not there"));
    let state = &newest["state"];
    if let Some(version) = theirs {
        assert!(expected.effects.starts_with(&places), "{product}: {places:?} of {:?}", expected.effects);
        assert_eq!(places.len(), history.iter().take_while(|commit| place(commit).is_some()).count());
        assert_eq!((&state["version"], &state["price"]), (&version.into(), &THEIRS.into()), "{product}");
        return;
    }
    assert_eq!(places, expected.effects, "{product} ends with {newest}");
    let status = if expected.deleted { "deleted" } else { "active" };
    let facts = (
        state["price"].as_str().unwrap(),
        state["name"].as_str().unwrap(),
        state["status"].as_str().unwrap(),
    );
    let (price, name) = (format!("{}.00", expected.price), expected.name.to_string());
    assert_eq!(facts, (&*price, &*name, status), "{product}");
}
