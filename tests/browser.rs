//! `/docs` in a real browser: it shows every route, sends a request, and contacts no other server.

mod devtools;

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;

use crate::scenario::Ledger;
use devtools::Browser;

/// The browser of the variable `CHROMIUM`, or the first one on the path.
fn chromium() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("CHROMIUM") {
        return Some(named.into());
    }
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome", "chrome"];
    std::env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|file| file.is_file())
}

/// Every operation that the page shows, as method and path.
const SHOWN: &str = "[...document.querySelectorAll('.opblock')].map(block => \
    block.querySelector('.opblock-summary-method').textContent + ' ' + \
    block.querySelector('.opblock-summary-path').dataset.path)";

/// Opens an operation, and presses the button that sends its example.
const SEND: &str = "(() => { \
    const block = document.querySelector('#operations-Commands-createProduct'); \
    const button = block.querySelector('button.execute'); \
    if (button) { button.click(); return true; } \
    if (!block.classList.contains('is-open')) block.querySelector('.opblock-summary-control').click(); \
    return false; })()";

/// What the page shows of the answer.
const ANSWER: &str = "(() => { const answer = document.querySelector('.live-responses-table'); \
    if (!answer || !answer.querySelector('tbody .response-col_status')) return null; \
    return { status: answer.querySelector('tbody .response-col_status').textContent, text: answer.textContent }; })()";

#[tokio::test]
async fn the_page_for_people_shows_every_route_and_tries_one_without_leaving_this_server() {
    let Some(chromium) = chromium() else {
        println!("skipped: no Chromium on the path, and CHROMIUM does not name one");
        return;
    };
    let ledger = Ledger::start();
    let mut browser = Browser::start(&chromium).await;
    browser.open(&format!("{}/docs", ledger.url)).await;

    let document = server::openapi::document();
    let mut documented = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        documented.extend(
            operations.as_object().unwrap().keys().map(|method| format!("{} {path}", method.to_uppercase())),
        );
    }
    let shown = browser.until(SHOWN, |shown| shown.as_array().is_some_and(|shown| !shown.is_empty())).await;
    // Long paths have marks in them where a line may break.
    let shown = shown.as_array().unwrap().iter().map(|name| name.as_str().unwrap().replace('\u{200b}', ""));
    assert_eq!(shown.collect::<BTreeSet<_>>(), documented);

    browser.until(SEND, |sent| sent == true).await;
    let answer =
        browser.until(ANSWER, |answer| answer["status"].as_str().is_some_and(|text| !text.is_empty())).await;
    assert!(answer["status"].as_str().unwrap().starts_with("201"), "{answer}");
    let listed =
        ledger.until("/products", |_, page| page["products"][0]["name"] == "Sport-100 Helmet, Red").await;
    let id = listed["products"][0]["id"].as_str().unwrap();
    assert!(answer["text"].as_str().unwrap().contains(id), "{answer}");

    let (asked, complaints) = browser.heard();
    let here = format!("{}/", ledger.url);
    let elsewhere: Vec<&String> =
        asked.iter().filter(|url| !url.starts_with(&here) && !url.starts_with("data:")).collect();
    assert!(asked.iter().any(|url| url.ends_with("/docs/swagger-ui-bundle.js")), "{asked:?}");
    assert_eq!(elsewhere, Vec::<&String>::new());
    assert_eq!(complaints, Vec::<Value>::new(), "the page breaks its own policy");
}

#[tokio::test]
async fn every_part_of_the_page_forbids_what_it_does_not_need() {
    let ledger = Ledger::start();
    for part in ["", "/start.js", "/theme.js", "/page.css", "/swagger-ui-bundle.js", "/swagger-ui.css", "/LICENSE", "/NOTICE"] {
        let response = ledger.http.get(format!("{}/docs{part}", ledger.url)).send().await.unwrap();
        assert_eq!(response.status(), 200, "{part}");
        let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
        for rule in
            ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"]
        {
            assert!(policy.split("; ").any(|stated| stated == rule), "{part}: {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{part}: {policy}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff", "{part}");
        assert!(!response.bytes().await.unwrap().is_empty(), "{part}");
    }
    assert_eq!(ledger.get("/docs/index.html").await.0, 404);
}
