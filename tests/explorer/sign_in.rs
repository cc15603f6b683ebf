//! People sign in on the pages: at an issuer by a code with PKCE, or with a token that they have. What they asked for is kept, what
//! ends is renewed, and what is refused is told in words.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::access::fits;
use super::issuer::PeopleIssuer;
use super::{TEXT, axe, has_no_barriers, press, shows};
use crate::browser::browser;
use crate::browser::devtools::Browser;
use crate::scenario::{Ledger, program};

/// Everything that the browser keeps.
const KEPT: &str = "JSON.stringify([{...localStorage}, {...sessionStorage}])";

async fn with_a_product(ledger: &Ledger) {
    ledger.send("PUT", "/products/helmet", r#"{"name":"Helmet","price":"34.99"}"#).await;
}

/// Opens a page and signs in at the issuer.
async fn signed_in(browser: &mut Browser, url: &str, fragment: &str) {
    browser.open(&format!("{url}/{fragment}")).await;
    shows(browser, &["Sign in to read this ledger."]).await;
    press(browser, "Continue with 127.0.0.1").await;
}

/// Loads the page again.
async fn reload(browser: &mut Browser) {
    browser.until("(window.isOldPage = true, location.reload(), true)", |done| *done == true).await;
    browser.until("window.isOldPage ?? false", |old| *old == false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_signs_in_at_the_issuer_and_gets_where_they_wanted_also_after_a_reload() {
    let Some(mut browser) = browser().await else { return };
    let issuer = PeopleIssuer::start().await;
    let ledger = issuer.ledger(&[]);
    with_a_product(&ledger).await;
    browser.open(&format!("{}/#/p/helmet?range=all&at=2024-06-01T23:59:59.999Z", ledger.url)).await;
    shows(
        &mut browser,
        &["the product helmet, on 1 Jun 2024", "Continue with 127.0.0.1", "Paste an access token"],
    )
    .await;
    fits(&mut browser, "sign-in").await;
    browser.open(&format!("{}/#/p/helmet?range=all", ledger.url)).await;
    press(&mut browser, "Continue with 127.0.0.1").await;
    shows(&mut browser, &["All 1 commit", "$34.99"]).await;
    let address = browser.until("location.href", Value::is_string).await;
    assert_eq!(address, format!("{}/#/p/helmet?range=all", ledger.url), "the code is gone from the address");
    press(&mut browser, "AL").await;
    shows(&mut browser, &["Signed in as a.lindt", "May read products and audit. Ends at"]).await;
    has_no_barriers(&mut browser, axe().as_deref(), "the menu of somebody who has signed in").await;
    assert_eq!((issuer.asked_for("authorize"), issuer.asked_for("code")), (1, 1));
    // A reload forgets the token, and the issuer is asked for another one without a word.
    let kept = browser.until(KEPT, Value::is_string).await;
    assert!(!kept.as_str().unwrap().contains("eyJ"), "{kept}");
    reload(&mut browser).await;
    shows(&mut browser, &["All 1 commit", "$34.99"]).await;
    assert_eq!((issuer.asked_for("authorize"), issuer.asked_for("code")), (2, 2));
    let (asked, complaints) = browser.heard();
    let elsewhere = asked.iter().find(|url| {
        ![&ledger.url, &issuer.url].iter().any(|known| url.starts_with(known.as_str()))
            && !url.starts_with("data:")
    });
    assert_eq!((elsewhere, complaints), (None, Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tab_keeps_the_token_only_if_it_is_told_to() {
    let Some(mut browser) = browser().await else { return };
    let issuer = PeopleIssuer::start().await;
    let ledger = issuer.ledger(&[]);
    with_a_product(&ledger).await;
    browser.open(&format!("{}/#/p/helmet", ledger.url)).await;
    shows(&mut browser, &["Keep me signed in in this tab"]).await;
    let tick = "(() => { const box = document.querySelector('input[type=checkbox]'); const was = box.checked; box.click(); \
        return was; })()";
    assert_eq!(browser.until(tick, Value::is_boolean).await, false, "off by default");
    press(&mut browser, "Continue with 127.0.0.1").await;
    shows(&mut browser, &["All 1 commit"]).await;
    reload(&mut browser).await;
    shows(&mut browser, &["All 1 commit"]).await;
    assert_eq!(issuer.asked_for("authorize"), 1);
    let kept = browser.until(KEPT, Value::is_string).await;
    assert_eq!(
        kept.as_str().unwrap().matches("eyJ").count(),
        1 + 1,
        "header and claims of one token: {kept}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ends_is_renewed_by_itself_or_by_a_press() {
    let Some(mut browser) = browser().await else { return };
    let issuer = PeopleIssuer::start().await;
    let ledger = issuer.ledger(&[]);
    with_a_product(&ledger).await;
    // With a refresh token, which is used once and replaced.
    (issuer.now().lifetime, issuer.now().gives_refresh_tokens) = (110, true);
    signed_in(&mut browser, &ledger.url, "#/p/helmet").await;
    shows(&mut browser, &["All 1 commit"]).await;
    browser.until("document.querySelector('.bar') === null", |none| *none == true).await;
    while issuer.asked_for("refresh") == 0 {
        let text = browser.until(TEXT, Value::is_string).await;
        assert!(!text.as_str().unwrap().contains("Your sign-in ends"), "{text}");
    }
    let kept = browser.until(KEPT, Value::is_string).await;
    assert!(!kept.as_str().unwrap().contains("refresh-"), "{kept}");
    // Without one, a bar tells it in time.
    issuer.now().gives_refresh_tokens = false;
    signed_in(&mut browser, &ledger.url, "#/p/helmet?range=all").await;
    shows(&mut browser, &["Your sign-in ends in 2 minutes.", "All 1 commit"]).await;
    has_no_barriers(&mut browser, axe().as_deref(), "the bar").await;
    issuer.now().lifetime = 3600;
    press(&mut browser, "Renew").await;
    browser
        .until(TEXT, |text| {
            text.as_str()
                .is_some_and(|text| text.contains("All 1 commit") && !text.contains("Your sign-in ends"))
        })
        .await;
    assert_eq!(browser.until("location.hash", Value::is_string).await, "#/p/helmet?range=all");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_is_refused_during_use_keeps_the_page_and_what_it_asked_for_is_sent_again() {
    let Some(mut browser) = browser().await else { return };
    let issuer = PeopleIssuer::start().await;
    let mut ledger = issuer.ledger(&[]);
    with_a_product(&ledger).await;
    let mut price = 30;
    for has_refresh_token in [true, false] {
        issuer.now().gives_refresh_tokens = has_refresh_token;
        signed_in(&mut browser, &ledger.url, "#/p/helmet").await;
        shows(&mut browser, &["All"]).await;
        browser.until("(window.isSamePage = true)", |done| *done == true).await;
        issuer.withdraw_tokens();
        ledger.http = issuer.bearer();
        price += 1;
        let body = format!(r#"{{"price":"{price}.00"}}"#);
        // The server believes the new key at once, and no longer the old one after its next read.
        let started = std::time::Instant::now();
        while ledger.send("PATCH", "/products/helmet", &body).await.0 == 401 {
            assert!(started.elapsed() < crate::scenario::PATIENCE);
        }
        if !has_refresh_token {
            shows(&mut browser, &["Sign in again", "The page stays as it is", "All"]).await;
            fits(&mut browser, "sign-in-again").await;
            // By keyboard it is put off, and taken up again.
            browser.press("Escape").await;
            shows(&mut browser, &["Your sign-in is not accepted any more."]).await;
            press(&mut browser, "Sign in again").await;
            shows(&mut browser, &["The page stays as it is"]).await;
            let token = issuer.now().signed(json!({}));
            let field = "(document.querySelector('dialog input[type=password]').focus(), true)";
            browser.until(field, |done| *done == true).await;
            browser.type_in(&token).await;
            press(&mut browser, "Use this token").await;
        }
        shows(&mut browser, &[&format!("${price}.00")]).await;
        let still = "window.isSamePage === true && document.querySelector('dialog') === null";
        browser.until(still, |same| *same == true).await;
    }
    assert_eq!(issuer.asked_for("authorize"), 2);
    assert!(issuer.asked_for("refresh") > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_not_asked_for_and_a_refusal_are_told_in_words() {
    let Some(mut browser) = browser().await else { return };
    let issuer = PeopleIssuer::start().await;
    let ledger = issuer.ledger(&[]);
    with_a_product(&ledger).await;
    // Nobody asked for this one, and its code is not sent to the issuer.
    browser.open(&format!("{}/?code=stolen&state=guessed#/p/helmet", ledger.url)).await;
    shows(&mut browser, &["belongs to no sign-in of this tab"]).await;
    assert_eq!(browser.until("location.search", Value::is_string).await, "");
    issuer.now().forged = Some("another");
    signed_in(&mut browser, &ledger.url, "#/p/helmet").await;
    shows(&mut browser, &["belongs to no sign-in of this tab"]).await;
    assert_eq!((issuer.asked_for("authorize"), issuer.asked_for("code")), (1, 0));
    issuer.now().forged = None;
    for (error, words) in [
        ("access_denied", "did not let you in"),
        ("invalid_scope", "does not give what this page asks for"),
        ("server_error", "Try again later."),
        ("something_new", "refused the sign-in (something_new)"),
    ] {
        issuer.now().refuses = Some(error);
        signed_in(&mut browser, &ledger.url, "#/p/helmet").await;
        shows(&mut browser, &[words, "the product helmet"]).await;
        has_no_barriers(&mut browser, axe().as_deref(), error).await;
    }
    // After a refusal the same page lets somebody in.
    issuer.now().refuses = None;
    press(&mut browser, "Continue with 127.0.0.1").await;
    shows(&mut browser, &["All 1 commit"]).await;
    assert_eq!(issuer.asked_for("code"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tab_that_nobody_has_signed_in_to_keeps_no_news_from_another() {
    let Some(mut browser) = browser().await else { return };
    let issuer = PeopleIssuer::start().await;
    let ledger = issuer.ledger(&[]);
    with_a_product(&ledger).await;
    browser.open(&format!("{}/#/p/helmet", ledger.url)).await;
    shows(&mut browser, &["Sign in to read this ledger."]).await;
    signed_in(&mut browser, &ledger.url, "#/p/helmet").await;
    shows(&mut browser, &["All 1 commit"]).await;
    ledger.send("PATCH", "/products/helmet", r#"{"price":"19.99"}"#).await;
    shows(&mut browser, &["All 2 commits", "$19.99"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_leaves_nothing_here_and_nothing_at_the_issuer() {
    let Some(mut browser) = browser().await else { return };
    let issuer = PeopleIssuer::start().await;
    let ledger = issuer.ledger(&[]);
    with_a_product(&ledger).await;
    signed_in(&mut browser, &ledger.url, "#/p/helmet").await;
    shows(&mut browser, &["All 1 commit"]).await;
    press(&mut browser, "AL").await;
    press(&mut browser, "Sign out").await;
    let text = shows(&mut browser, &["You are signed out.", "Sign in to read this ledger."]).await;
    assert!(!text.contains("Helmet"), "{text}");
    assert_eq!(issuer.asked_for("out"), 1);
    // A load of the page does not sign in by itself any more.
    reload(&mut browser).await;
    shows(&mut browser, &["Sign in to read this ledger."]).await;
    assert_eq!(issuer.asked_for("authorize"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_sign_in_may_not_read_is_told_by_its_own_token() {
    let Some(mut browser) = browser().await else { return };
    let issuer = PeopleIssuer::start().await;
    let ledger = issuer.ledger(&[]);
    with_a_product(&ledger).await;
    issuer.now().scopes = "products/read".into();
    signed_in(&mut browser, &ledger.url, "#/p/helmet").await;
    shows(&mut browser, &["Your sign-in may read products, not their history. It lacks products/audit"])
        .await;
    browser.go("#/").await;
    shows(&mut browser, &["Catalogue", "Helmet"]).await;
    // Behind a gateway this token gets the answer of none: the page tells them apart, and asks for nothing.
    issuer.now().scopes = "openid".into();
    signed_in(&mut browser, &ledger.url, "#/p/helmet").await;
    shows(&mut browser, &["Your sign-in may not read this ledger.", "It lacks products/read"]).await;
    has_no_barriers(&mut browser, axe().as_deref(), "lacking").await;
    let (asked, _) = browser.heard();
    let last = asked.iter().rposition(|url| url.contains("?code=")).unwrap();
    let since: Vec<_> =
        asked[last..].iter().filter(|url| url.contains("/products") || url.contains("/commits")).collect();
    assert_eq!(since, Vec::<&String>::new());
    press(&mut browser, "Sign in as somebody else").await;
    shows(&mut browser, &["You are signed out."]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pasted_token_is_read_at_once() {
    let Some(mut browser) = browser().await else { return };
    let issuer = PeopleIssuer::start().await;
    let ledger = issuer.ledger(&[]);
    let now = crate::auth::issuer::now();
    let token = |changes: Value| issuer.now().signed(changes);
    browser.open(&format!("{}/#/catalogue", ledger.url)).await;
    shows(&mut browser, &["Paste an access token"]).await;
    let clear = "(() => { const field = document.querySelector('input[type=password]'); field.focus(); field.select(); \
        return field.autocomplete; })()";
    for (text, words) in [
        (
            token(json!({"exp": now + 3500})),
            "It is for a.lindt, may read products and audit, and ends in 58 minutes.",
        ),
        (format!("Bearer {}", token(json!({}))), "never stored. It is for a.lindt"),
        (token(json!({"token_use": "id"})), "This is an id token; an access token is needed."),
        (token(json!({"scope": null, "nonce": "n"})), "This is an id token; an access token is needed."),
        (token(json!({"exp": now - 300})), "It ended 5 minutes ago."),
        (token(json!({"scope": "products/read"})), "It lacks products/audit: no history, no proof."),
        ("no.token".to_owned(), "That is no token."),
        ("a.b.c".to_owned(), "That is no token."),
    ] {
        assert_eq!(browser.until(clear, Value::is_string).await, "off");
        browser.type_in(&text).await;
        shows(&mut browser, &[words]).await;
        let usable = words.starts_with("It lacks") || words.contains("is for");
        let button = "[...document.querySelectorAll('button')].find(one => one.textContent === 'Use this token').disabled";
        assert_eq!(browser.until(button, Value::is_boolean).await, !usable, "{words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_is_away_at_the_start_is_asked_again_and_keeps_no_token_out() {
    let issuer = PeopleIssuer::start().await;
    issuer.now().is_down = true;
    let ledger = issuer.ledger(&[]);
    assert_eq!(ledger.get("/ui/config.json").await.1["mode"], "token");
    assert_eq!(ledger.get("/products").await.0, 200);
    let warned = |line: &Value| {
        line["message"].as_str().is_some_and(|text| text.contains("openid-configuration answers 503"))
    };
    assert!(ledger.log().iter().any(warned), "{:?}", ledger.log());
    issuer.now().is_down = false;
    let told = ledger.until("/ui/config.json", |_, told| told["mode"] == "oidc").await;
    let (url, scopes) = (&issuer.url, "products/read products/audit");
    for (name, value) in [
        ("authorize_url", format!("{url}/authorize")),
        ("token_url", format!("{url}/token")),
        ("end_session_url", format!("{url}/out")),
        ("client_id", "explorer".to_owned()),
        ("scopes", scopes.to_owned()),
    ] {
        assert_eq!(told[name], value, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_cannot_work_ends_the_start() {
    let issuer = PeopleIssuer::start().await;
    let keys = format!("{}/jwks.json", issuer.url);
    for (name, arguments, part) in [
        ("https://issuer.test", vec!["--auth-client", "two words"], "LEDGER_AUTH_CLIENT"),
        ("https://issuer.test", vec!["--auth-client", "a", "--auth-scopes", "a  b"], "LEDGER_AUTH_SCOPES"),
        ("issuer", vec!["--auth-client", "a"], "--auth-issuer issuer is not a URL"),
        ("http://issuer.test", vec!["--auth-client", "a"], "--auth-issuer http://issuer.test is plain http"),
        ("https://issuer.test", vec!["--people-url", "https://elsewhere.test/people.json"], "must be a path"),
    ] {
        let mut command = program();
        command.args(["serve", "--in-memory", "--listen", "127.0.0.1:0", "--auth-jwks", &keys]);
        command.args(["--auth-audience", "ledger", "--auth-issuer", name]).args(&arguments);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = crate::scenario::printed(&output).replace(": ", " ");
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(&part.replace(": ", " ")), "{part} in {text}");
    }
}

/// What stands in front of a ledger: it passes everything on, but for what is set to be answered here.
struct Proxy {
    url: String,
    instead: Arc<Mutex<BTreeMap<String, (u16, String)>>>,
}

impl Proxy {
    async fn before(ledger: &Ledger) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let instead: Arc<Mutex<BTreeMap<String, (u16, String)>>> = Arc::default();
        let (answers, http, to) = (instead.clone(), reqwest::Client::new(), ledger.url.clone());
        let pass = move |method: Method, uri: Uri, mut headers: HeaderMap, body: Bytes| {
            let (answers, http, to) = (answers.clone(), http.clone(), to.clone());
            async move {
                let set = answers
                    .lock()
                    .unwrap()
                    .iter()
                    .find(|(path, _)| uri.path().starts_with(*path))
                    .map(|(_, set)| set.clone());
                if let Some((status, text)) = set {
                    return (StatusCode::from_u16(status).unwrap(), text).into_response();
                }
                for name in ["host", "accept-encoding", "origin", "referer"] {
                    headers.remove(name);
                }
                let asked = http.request(method, format!("{to}{uri}")).headers(headers).body(body);
                // At the end of the test the ledger ends before the browser.
                let Ok(answer) = asked.send().await else { return StatusCode::BAD_GATEWAY.into_response() };
                let (status, headers) = (answer.status(), answer.headers().clone());
                let mut passed =
                    Response::new(axum::body::Body::from(answer.bytes().await.unwrap_or_default()));
                *passed.status_mut() = status;
                *passed.headers_mut() = headers;
                passed
            }
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(pass)).await });
        Self { url, instead }
    }

    fn answer(&self, path: &str, status: u16, text: &str) {
        self.instead.lock().unwrap().insert(path.to_owned(), (status, text.to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_shown_by_the_names_that_a_file_gives_them() {
    let Some(mut browser) = browser().await else { return };
    let issuer = PeopleIssuer::start().await;
    let ledger = issuer.ledger(&["--people-url", "/people.json"]);
    let proxy = Proxy::before(&ledger).await;
    issuer.know(&proxy.url);
    let names = json!({"a.lindt": "Anna Lindt", crate::auth::issuer::SUBJECT: "María López", "nobody": 7});
    proxy.answer("/people.json", 200, &names.to_string());
    with_a_product(&ledger).await;
    signed_in(&mut browser, &proxy.url, "#/ledger").await;
    shows(&mut browser, &["Helmet", "María López"]).await;
    let tip =
        "[...document.querySelectorAll('bdi')].find(one => one.textContent.startsWith('María López')).title";
    assert_eq!(browser.until(tip, Value::is_string).await, crate::auth::issuer::SUBJECT);
    press(&mut browser, "AL").await;
    shows(&mut browser, &["Signed in as Anna Lindt"]).await;
    // What is filtered by is what is recorded.
    browser.go(&format!("#/ledger?who={}", crate::auth::issuer::SUBJECT)).await;
    shows(&mut browser, &["María López", "1 of 1 commit"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_scripts_the_page_says_what_it_is_and_where_to_go_on() {
    let Some(mut browser) = browser().await else { return };
    let ledger = Ledger::start();
    browser.open(&format!("{}/", ledger.url)).await;
    shows(&mut browser, &["This ledger is empty."]).await;
    browser.without_scripts().await;
    shows(&mut browser, &["need JavaScript", "every route", "for programs", "curl -s"]).await;
    let links = "[...document.querySelectorAll('noscript a')].map(one => one.href)";
    let links = browser.until(links, |links| links.as_array().is_some_and(|links| links.len() > 1)).await;
    for link in links.as_array().unwrap() {
        let answer = ledger.http.get(link.as_str().unwrap()).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{link}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_without_a_secure_context_signs_in_and_checks_with_what_it_loads_instead() {
    let Some(mut browser) = browser().await else { return };
    let issuer = PeopleIssuer::start().await;
    let ledger = issuer.ledger(&[]);
    with_a_product(&ledger).await;
    let url = ledger.url.replace("127.0.0.1", "ledger.test");
    issuer.know(&url);
    signed_in(&mut browser, &url, "#/p/helmet").await;
    shows(&mut browser, &["All 1 commit", "✓ Whole"]).await;
    let lacks = "isSecureContext || crypto.subtle !== undefined";
    assert_eq!(browser.until(lacks, Value::is_boolean).await, false);
    browser.go("#/proof").await;
    press(&mut browser, "Check all 1").await;
    shows(&mut browser, &["It fits together."]).await;
    let (asked, _) = browser.heard();
    assert!(asked.iter().any(|url| url.contains("/ui/sha2-")), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_another_build_is_told_and_never_loaded_by_itself() {
    let Some(mut browser) = browser().await else { return };
    let ledger = Ledger::start();
    with_a_product(&ledger).await;
    let proxy = Proxy::before(&ledger).await;
    let (_, mut config) = ledger.get("/ui/config.json").await;
    config["build"] = json!("9.9.9+00000000");
    browser.open(&format!("{}/#/p/helmet", proxy.url)).await;
    shows(&mut browser, &["All 1 commit"]).await;
    browser.until("(window.isSamePage = true)", |done| *done == true).await;
    // A part of the page that is gone with the old build.
    proxy.answer("/ui/config.json", 200, &config.to_string());
    proxy.answer("/ui/About-", 404, "");
    browser.go("#/about").await;
    shows(&mut browser, &["This ledger runs a newer version now.", "Load it"]).await;
    has_no_barriers(&mut browser, axe().as_deref(), "another build").await;
    browser.until("window.isSamePage === true", |same| *same == true).await;
    // And one that is open while the build changes.
    proxy.instead.lock().unwrap().clear();
    browser.open(&format!("{}/#/p/helmet", proxy.url)).await;
    shows(&mut browser, &["All 1 commit"]).await;
    proxy.answer("/ui/config.json", 200, &config.to_string());
    browser.until("document.dispatchEvent(new Event('visibilitychange'))", |done| *done == true).await;
    shows(&mut browser, &["This ledger runs a newer version now.", "Load it", "All 1 commit"]).await;
    proxy.instead.lock().unwrap().clear();
    press(&mut browser, "Load it").await;
    browser
        .until(TEXT, |text| {
            text.as_str().is_some_and(|text| text.contains("All 1 commit") && !text.contains("newer version"))
        })
        .await;
}
