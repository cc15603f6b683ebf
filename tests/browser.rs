//! A real browser: `/docs` shows every route, sends a request, contacts no other server, and can be read in the dark and on a
//! phone; pages of other origins use the server only if they are allowed to.

pub mod devtools;

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

/// A browser; `None` and a message where there is none.
pub async fn browser() -> Option<Browser> {
    let Some(chromium) = chromium() else {
        println!("skipped: no Chromium on the path, and CHROMIUM does not name one");
        return None;
    };
    Some(Browser::start(&chromium).await)
}

#[tokio::test]
async fn the_page_for_people_shows_every_route_and_tries_one_without_leaving_this_server() {
    let Some(mut browser) = browser().await else {
        return;
    };
    let ledger = Ledger::start();
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

/// Opens the next operation; true once all are open.
const OPEN_ALL: &str = "(() => { \
    const all = document.querySelectorAll('.opblock'); \
    const closed = document.querySelector('.opblock:not(.is-open) .opblock-summary-control'); \
    if (closed) closed.click(); \
    return all.length > 10 && !closed; })()";

/// The headers that would be sent without anybody having entered them.
const PREFILLED: &str = "[...document.querySelectorAll('tr[data-param-in=header]')].filter(row => \
    [...row.querySelectorAll('input, select, textarea')].some(field => field.value !== '')) \
    .map(row => row.dataset.paramName)";

/// The operations without a button that sends them.
const WITHOUT_BUTTON: &str = "[...document.querySelectorAll('.opblock')].filter(block => \
    !block.querySelector('button.execute, button.try-out__btn')) \
    .map(block => block.querySelector('.opblock-summary-path').dataset.path)";

/// How wide the page is, and whether the text is lighter than what is behind it.
const LOOK: &str = "(() => { \
    const light = colour => colour.match(/[0-9]+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0); \
    const style = getComputedStyle(document.querySelector('.swagger-ui .opblock-tag')); \
    const behind = getComputedStyle(document.documentElement).backgroundColor; \
    const none = behind === 'rgba(0, 0, 0, 0)'; \
    return { width: document.documentElement.scrollWidth, seen: innerWidth, \
        dark: light(style.color) > (none ? 765 : light(behind)) }; })()";

#[tokio::test]
async fn the_page_for_people_fits_a_phone_follows_dark_mode_and_fills_in_no_headers() {
    let Some(mut browser) = browser().await else {
        return;
    };
    let ledger = Ledger::start();
    browser.open(&format!("{}/docs", ledger.url)).await;
    browser.until(OPEN_ALL, |open| open == true).await;
    for (width, colours) in [(1280, "light"), (1280, "dark"), (390, "dark"), (390, "light")] {
        browser.emulate(width, colours).await;
        let fits = |look: &Value| {
            let seen = look["seen"].as_u64();
            seen == Some(width.into())
                && look["width"].as_u64() <= seen
                && look["dark"] == (colours == "dark")
        };
        browser.until(LOOK, fits).await;
    }
    assert_eq!(browser.until(PREFILLED, Value::is_array).await, serde_json::json!([]));
    assert_eq!(browser.until(WITHOUT_BUTTON, Value::is_array).await, serde_json::json!(["/events"]));
    let (_, complaints) = browser.heard();
    assert_eq!(complaints, Vec::<Value>::new(), "the page breaks its own policy");
}

/// Opens the form of an operation, fills it in as a person does, who leaves each field, and sends it; true once it is sent.
fn send_with(operation: &str, if_match: &str) -> String {
    format!(
        "(() => {{ \
            const block = document.querySelector('#operations-Commands-{operation}'); \
            const field = name => block.querySelector(`tr[data-param-name=\"${{name}}\"] input`); \
            const button = block.querySelector('button.execute'); \
            if (!block.classList.contains('is-open')) {{ \
                block.querySelector('.opblock-summary-control').click(); return false; }} \
            if (!button) return false; \
            if (!field('If-Match')) return 'If-Match is no field of text'; \
            for (const [name, value] of [['id', 'p'], ['If-Match', '{if_match}']]) {{ \
                const input = field(name); \
                if (input.value === value && input.left) continue; \
                if (input.value === value) {{ \
                    input.left = true; \
                    input.dispatchEvent(new Event('focusout', {{ bubbles: true }})); return false; }} \
                Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(input, value); \
                input.dispatchEvent(new Event('input', {{ bubbles: true }})); \
                return false; }} \
            button.click(); return true; }})()"
    )
}

#[tokio::test]
async fn a_version_or_a_star_can_be_typed_into_if_match() {
    let Some(mut browser) = browser().await else {
        return;
    };
    let ledger = Ledger::start();
    ledger.send("PUT", "/products/p", r#"{"name":"n","price":"1"}"#).await;
    for (operation, if_match, status) in
        [("deleteProduct", "\"7\"", "412"), ("deleteProduct", "*", "200"), ("restoreProduct", "\"2\"", "200")]
    {
        browser.open(&format!("{}/docs", ledger.url)).await;
        browser.until(SHOWN, |shown| shown.as_array().is_some_and(|shown| !shown.is_empty())).await;
        let sent = browser.until(&send_with(operation, if_match), |sent| *sent != false).await;
        assert_eq!(sent, true, "{operation}");
        let answered = |answer: &Value| answer["status"].as_str().is_some_and(|text| !text.is_empty());
        let answer = browser.until(ANSWER, answered).await;
        assert!(answer["status"].as_str().unwrap().starts_with(status), "{operation} {if_match}: {answer}");
    }
}

/// A page of another origin: the same machine, another port.
async fn elsewhere() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let page = || async { axum::response::Html("<!doctype html><title>Elsewhere</title>") };
    let router = axum::Router::new().route("/", axum::routing::get(page));
    tokio::spawn(async move { axum::serve(listener, router).await });
    origin
}

/// Sends a request from the page, once, and gives what the page can read of the answer.
fn from_page(name: &str, url: &str, options: &str) -> String {
    format!(
        "(window.asked_{name} ??= fetch('{url}', {options}).then(answer => {{ \
            window.answer_{name} = answer.type + ' ' + answer.status + ' ' + answer.headers.get('etag'); }}, \
            () => {{ window.answer_{name} = 'refused'; }})) && window.answer_{name}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_origin_uses_the_server_only_if_it_is_allowed() {
    let Some(mut browser) = browser().await else {
        return;
    };
    let origin = elsewhere().await;
    for allowed in [false, true] {
        let arguments = if allowed { vec!["--cors-origin", origin.as_str()] } else { Vec::new() };
        let ledger = Ledger::start_with(&arguments, &[]);
        assert_eq!(ledger.send("PUT", "/products/p", r#"{"name":"n","price":"1"}"#).await.0, 201);
        assert_eq!(ledger.send("DELETE", "/products/p", "").await.0, 200);
        browser.open(&origin).await;
        browser.until("document.title", |title| title == "Elsewhere").await;
        let product = format!("{}/products/p", ledger.url);
        // Not even an opaque answer is given if the resource policy forbids it.
        let restore =
            from_page("restore", &format!("{product}/restore"), "{method: 'POST', mode: 'no-cors'}");
        let put = r#"{method: 'PUT', headers: {'content-type': 'application/json', 'if-match': '*'},
            body: '{"name":"n","price":"2"}'}"#;
        let read = format!("{product}?version=1");
        let cases = [
            ("restore", restore, if allowed { "opaque 0 null" } else { "refused" }),
            ("put", from_page("put", &product, put), if allowed { "cors 200 \"4\"" } else { "refused" }),
            ("read", from_page("read", &read, "{}"), if allowed { "cors 200 \"1\"" } else { "refused" }),
        ];
        for (name, expression, expected) in cases {
            let answer = browser.until(&expression, Value::is_string).await;
            assert_eq!(answer, expected, "{name}, allowed: {allowed}");
        }
        let commits = ledger.history("p").await.len();
        assert_eq!(commits, if allowed { 4 } else { 2 }, "nothing is executed without leave");
    }
}

#[tokio::test]
async fn every_part_of_the_page_forbids_what_it_does_not_need() {
    let ledger = Ledger::start();
    for part in [
        "",
        "/start.js",
        "/theme.js",
        "/page.css",
        "/swagger-ui-bundle.js",
        "/swagger-ui.css",
        "/LICENSE",
        "/NOTICE",
    ] {
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
