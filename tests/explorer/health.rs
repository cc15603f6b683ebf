//! The page Health: what it says of a real ledger and of every state that a server can tell, and its runbook.

use loopback::BusServer;
use serde_json::{Value, json};

use super::access::fits;
use super::{TEXT, axe, has_no_barriers, press, shows, told};
use crate::browser::browser;
use crate::browser::devtools::Browser;
use crate::scenario::{Ledger, printed, program};

/// A status in which everything is fine.
fn fine() -> Value {
    let done = json!({"lag_ms": 4, "oldest_behind_ms": 0});
    json!({
        "commits": 22, "first_recorded_at": "2026-11-23T11:10:28.270Z", "newest_recorded_at": "2026-11-30T08:15:00.000Z",
        "products": {"active": 9, "deleted": 1, "counted_at": "2026-11-30T08:15:30.000Z"},
        "views": {"products": done, "prices": done}, "bus": done, "parked": [],
        "log": {"size": 22, "signed_at": "2026-11-30T08:15:30.000Z", "unlogged": 0, "oldest_unlogged_ms": 0, "witnesses": []},
        "tampering": 0, "build": {"version": "0.1.0", "commit": "552861cdeadbeef"},
        "settings": [{"name": "--data", "value": "./ledger-data", "from": "default"},
                     {"name": "--log-witness", "value": "https://a v,https://b v", "from": "flag"}],
        "commands": {"recorded": 3780, "without_effect": 2, "refused": {"invalid": 6}, "p90_ms": 2.5},
        "load": {"requests": {"open": 3, "most": 128}, "streams": {"open": 5, "most": 64},
                 "page_streams": {"open": 1, "most": 64}, "turned_away": 0, "throttled": null},
        "refused": [],
    })
}

/// The fine status with other members.
fn with(changes: &Value) -> Value {
    let mut status = fine();
    for (name, value) in changes.as_object().unwrap() {
        status[name] = value.clone();
    }
    status
}

fn parked(retryable: bool) -> Value {
    json!([{"product_id": "hl-road-frame-red-62", "consumer": "publisher", "sequence": 4,
            "reason": "AccessDeniedException", "retryable": retryable, "since": "2026-11-27T00:00:09.000Z", "next_try": null}])
}

/// Has every page from now on get this status.
fn answers(browser: &mut Browser, status: &Value) {
    browser.before_each(format!(
        "(() => {{ const real = window.fetch; window.fetch = (input, init) => String(input).endsWith('/status') \
            ? Promise.resolve(new Response(JSON.stringify({status}), {{ headers: {{ 'content-type': 'application/json' }} }})) \
            : real(input, init); }})()"
    ));
}

/// The states of the lamps in their order.
const LAMPS: &str = "[...document.querySelectorAll('.lamp h2')].map(one => one.innerText.replace(/\\s+/g, ' ').trim()).join(' | ')";

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_product_is_found_with_what_to_do_in_two_steps_by_mouse_and_by_keyboard() {
    let Some(mut browser) = browser().await else { return };
    let bus = BusServer::serve().await;
    let settings = [
        ("LEDGER_EVENT_BUS", "product-ledger"),
        ("AWS_ENDPOINT_URL_EVENTBRIDGE", bus.url()),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "AKID"),
        ("AWS_SECRET_ACCESS_KEY", "SECRET"),
    ];
    let ledger = Ledger::start_with(&["--retry-parked-every", "1"], &settings);
    bus.refuse_requests(Some((400, "AccessDeniedException")));
    ledger
        .send("PUT", "/products/helmet", r#"{"name":"Sport-100 Helmet","price":"34.99","sku":"HL-U509"}"#)
        .await;
    ledger.until("/status", |_, status| status["parked"][0]["product_id"] == "helmet").await;
    for (width, by_keyboard) in [(1280, false), (1280, true), (390, false), (390, true)] {
        browser.open(&format!("{}/", ledger.url)).await;
        browser.emulate(width, "light").await;
        shows(&mut browser, &["Health 1"]).await;
        let named = "[...document.querySelectorAll('a')].filter(one => one.checkVisibility()).map(one => one.ariaLabel).join()";
        browser
            .until(named, |names| {
                names.as_str().is_some_and(|names| names.contains("Health, 1 thing to look at"))
            })
            .await;
        follow(&mut browser, "Health 1", by_keyboard).await;
        shows(
            &mut browser,
            &[
                "One product is parked and tried again.",
                "Sport-100 Helmet",
                "HL-U509",
                "ledger parked retry helmet",
            ],
        )
        .await;
        follow(&mut browser, "A product is parked", by_keyboard).await;
        shows(&mut browser, &["ledger parked retry ID"]).await;
        let at = "location.pathname + location.hash";
        browser.until(at, |at| *at == "/ui/runbook.html#a-product-is-parked").await;
    }
    // From the product to Health, where it stands out.
    browser.open(&format!("{}/#/p/helmet", ledger.url)).await;
    browser.emulate(1280, "light").await;
    press(&mut browser, "Health").await;
    shows(&mut browser, &["Parked products"]).await;
    let link = "[...document.querySelectorAll('#sent-title ~ p a')].map(one => one.hash).join()";
    browser.go("#/p/helmet").await;
    browser.until(link, |link| *link == "#/health?parked=helmet").await;
    browser.go("#/health?parked=helmet").await;
    browser
        .until("document.getElementById('parked-wanted')?.innerText ?? ''", |text| {
            text.as_str().is_some_and(|text| text.contains("ledger parked retry helmet"))
        })
        .await;
    browser.go("#/health?parked=cap").await;
    shows(&mut browser, &["cap is not parked."]).await;
    let told = program().args(["status", "--url", &ledger.url]).env("COLUMNS", "80").output().unwrap();
    let told = printed(&told);
    assert!(told.contains("1 row, tried again by itself") && told.contains("helmet  publisher"), "{told}");
    bus.refuse_requests(None);
    shows(&mut browser, &["Everything is fine.", "No product is parked."]).await;
}

/// Follows the link of this text, with the mouse or, from the focus that it gets by the Tab key, with Enter.
async fn follow(browser: &mut Browser, words: &str, by_keyboard: bool) {
    if !by_keyboard {
        press(browser, words).await;
        return;
    }
    for _ in 0..200 {
        browser.press("Tab").await;
        let focused = browser.until("document.activeElement.innerText ?? ''", Value::is_string).await;
        if focused.as_str().unwrap().split_whitespace().collect::<Vec<_>>().join(" ") == words {
            browser.press("Enter").await;
            return;
        }
    }
    panic!("{words} is not reached by Tab");
}

/// A log in which commits wait for nine minutes.
fn late_log() -> Value {
    json!({"size": 19, "signed_at": "2026-11-30T08:15:30.000Z", "unlogged": 3, "oldest_unlogged_ms": 540_000,
           "witnesses": ["a.example"]})
}

/// A problem that the server answered with.
fn refused(status: u16, kind: &str, errors: &Value) -> Value {
    json!([{"at": "2026-11-30T08:15:30.000Z", "method": "PUT", "route": "/products/{id}", "status": status,
            "kind": kind, "detail": "The store did not answer; try again.", "errors": errors,
            "correlation_id": "01M841K9DC3M5ZQYPS2Y3BRKSE"}])
}

/// A status of which the server knows little.
fn dark() -> Value {
    let none = json!({"lag_ms": null, "oldest_behind_ms": null});
    json!({"views": {"products": none, "prices": none}, "bus": none, "commands": null, "load": null,
           "refused": null, "tampering": null, "products": null, "settings": []})
}

const ALL_FINE: &str = "✓ Fine Commands | ✓ Fine Views | ✓ Fine Bus | ✓ Fine Parked";

/// What a server may tell, with the lamps and the words that it leads to.
fn states() -> Vec<(Value, &'static str, Vec<&'static str>)> {
    let behind = |millis: u64| json!({"lag_ms": 4, "oldest_behind_ms": millis});
    let late = json!({"bus": behind(240_000), "views": {"products": behind(0), "prices": behind(12_000)}});
    let fault = json!([{"pointer": "/price", "detail": "is no plain decimal"}]);
    vec![
        (json!({}), ALL_FINE, vec!["Everything is fine.", "No product is parked.", "3 of 128", "none seen"]),
        (
            json!({}),
            ALL_FINE,
            vec!["0 of 2 cosigned", "Nothing was refused since the start.", "3,780 recorded"],
        ),
        (
            json!({"parked": parked(false)}),
            "✓ Fine Commands | ✓ Fine Views | ✓ Fine Bus | ✕ Act Parked",
            vec![
                "One product waits for somebody. Everything else is fine.",
                "Time does not heal it",
                "not by itself",
                "HL Road Frame - Red, 62",
            ],
        ),
        (
            late,
            "✓ Fine Commands | ! Look Views | ✕ Act Bus | ✓ Fine Parked",
            vec!["The views are 12 s behind; nothing is lost. The bus is 4 minutes behind; nothing is lost."],
        ),
        (json!({"tampering": 2}), ALL_FINE, vec!["A commit was touched", "2 seen. What to do"]),
        (
            json!({"log": late_log()}),
            ALL_FINE,
            vec!["Nothing was signed for 9 minutes although commits wait.", "1 of 2 cosigned: a.example"],
        ),
        (
            json!({"refused": refused(422, "invalid", &fault)}),
            ALL_FINE,
            vec![
                "PUT /products/{id}",
                "422 invalid",
                "/price is no plain decimal",
                "01M841K9DC3M5ZQYPS2Y3BRKSE",
            ],
        ),
        (
            dark(),
            "? Not known Commands | ? Not known Views | ? Not known Bus | ✓ Fine Parked",
            vec![
                "What is known is fine. Not known here: Commands, Views, Bus.",
                "not counted yet",
                "the alarm tampering tells",
            ],
        ),
    ]
}

#[tokio::test]
async fn every_state_has_its_sign_and_its_sentence() {
    let Some(mut browser) = browser().await else { return };
    let (_directory, ledger) = told();
    for (changes, lamps, said) in states() {
        answers(&mut browser, &with(&changes));
        browser.open(&format!("{}/#/health", ledger.url)).await;
        browser.emulate(1280, "light").await;
        browser.until(LAMPS, |shown| *shown == lamps).await;
        shows(&mut browser, &said).await;
    }
    // That nothing is signed is said on every page.
    answers(&mut browser, &with(&json!({"log": late_log()})));
    browser.open(&format!("{}/#/catalogue", ledger.url)).await;
    let seal = "document.querySelector('.seal')?.innerText.replace(/\\s+/g, ' ') ?? ''";
    let is_late =
        |seal: &Value| seal.as_str().is_some_and(|seal| seal.contains("! Signed") && seal.contains("ago"));
    browser.until(seal, is_late).await;
}

#[tokio::test]
async fn health_and_its_runbook_fit_every_screen_and_have_no_barriers() {
    let Some(mut browser) = browser().await else { return };
    let (_directory, ledger) = told();
    let refused = refused(503, "unavailable", &json!([]));
    answers(&mut browser, &with(&json!({"parked": parked(false), "refused": refused})));
    for (name, path, wanted) in [
        ("health-parked", "/#/health", "ledger parked retry hl-road-frame-red-62"),
        ("runbook", "/ui/runbook.html#a-product-is-parked", "A product is parked"),
    ] {
        browser.open(&format!("{}{path}", ledger.url)).await;
        shows(&mut browser, &[wanted]).await;
        fits(&mut browser, name).await;
        let (asked, complaints) = browser.heard();
        assert_eq!(complaints, Vec::<Value>::new(), "{name}");
        let elsewhere = |url: &&String| !url.starts_with(&ledger.url) && !url.starts_with("data:");
        assert_eq!(asked.iter().find(elsewhere), None, "{name}");
    }
}

#[tokio::test]
async fn a_status_is_asked_for_again_by_itself_unless_somebody_pauses_it_and_a_failure_keeps_what_is_shown() {
    let Some(mut browser) = browser().await else { return };
    let (_directory, mut ledger) = told();
    let count = "performance.getEntriesByType('resource').filter(one => one.name.endsWith('/status')).length";
    browser.open(&format!("{}/#/health", ledger.url)).await;
    browser.emulate(1280, "light").await;
    shows(&mut browser, &["Everything is fine.", "again in"]).await;
    browser.until(count, |asked| asked.as_u64() >= Some(2)).await;
    press(&mut browser, "Pause").await;
    let text = shows(&mut browser, &["Go on"]).await;
    assert!(!text.contains("again in"), "{text}");
    press(&mut browser, "Go on").await;
    ledger.kill();
    let text = shows(&mut browser, &["This part could not be shown."]).await;
    assert!(text.contains("No product is parked."), "{text}");
}

#[tokio::test]
async fn an_empty_ledger_shows_why_the_last_command_was_refused() {
    let Some(mut browser) = browser().await else { return };
    let ledger = Ledger::start();
    browser.open(&format!("{}/", ledger.url)).await;
    browser.emulate(1280, "light").await;
    let text = shows(&mut browser, &["Waiting for the first commit"]).await;
    assert!(!text.contains("was refused"), "{text}");
    ledger.send("PUT", "/products/helmet", r#"{"name":"","price":"34.99"}"#).await;
    shows(&mut browser, &["Your last request was refused: PUT /products/{id}, 422 invalid: /name"]).await;
    has_no_barriers(&mut browser, axe().as_deref(), "empty, refused").await;
    let text = browser.until(TEXT, Value::is_string).await;
    assert!(text.as_str().unwrap().contains("Runbook"), "{text}");
}
