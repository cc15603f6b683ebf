//! The page of a product: long texts, code, many commits, several currencies, the keys, and what it says of ids that nobody has.

use serde_json::{Value, json};

use super::access::fits;
use super::story::{FRAME, dearer, told};
use super::{TEXT, axe, has_no_barriers, press, shows};
use crate::browser::browser;
use crate::browser::devtools::Browser;
use crate::scenario::Ledger;

async fn run(browser: &mut Browser, script: &str) {
    browser.until(script, |done| *done == true).await;
}

/// A description of so many characters.
fn description(characters: usize, first: &str) -> String {
    let words = "welded and heat-treated for strength; ".repeat(characters / 38 + 1);
    format!("{first} {words}").chars().take(characters).collect()
}

#[tokio::test]
async fn long_texts_are_folded_and_their_changes_shown_by_the_words_that_differ() {
    let Some(mut browser) = browser().await else { return };
    let ledger = Ledger::start();
    let (before, after) = (description(4000, "Lightest"), description(4000, "Heaviest"));
    let body = json!({"name": "Helmet", "price": "34.99", "description": before});
    ledger.send("PUT", "/products/helmet", &body.to_string()).await;
    ledger.send("PATCH", "/products/helmet", &json!({"description": after}).to_string()).await;
    // So many other words that a diff would take longer than it is worth.
    let other: String = (0..900).map(|word| word.to_string()).collect::<Vec<_>>().join(" ");
    ledger.send("PATCH", "/products/helmet", &json!({"description": other}).to_string()).await;
    browser.open(&format!("{}/#/p/helmet?commit=2", ledger.url)).await;
    browser.emulate(1280, "light").await;
    browser
        .until("[document.querySelector('.text-change del')?.textContent, document.querySelector('.text-change ins')?.textContent]", |pair| {
            *pair == json!(["Lightest", "Heaviest"])
        })
        .await;
    // Forty characters around the change, not four thousand.
    browser
        .until("document.querySelector('.text-change').textContent.length", |length| {
            length.as_u64().is_some_and(|length| (50..80).contains(&length))
        })
        .await;
    fits(&mut browser, "word-diff").await;
    browser.go("#/p/helmet?commit=3").await;
    browser
        .until("[...document.querySelectorAll('.both > *')].map(one => one.textContent.length)", |pair| {
            *pair == json!([4000, other.len()])
        })
        .await;
    fits(&mut browser, "both-texts").await;
    browser.go("#/p/helmet?v=2").await;
    press(&mut browser, "show all 4,000 characters").await;
    shows(&mut browser, &["show less", "You see this product at version 2"]).await;
}

#[tokio::test]
async fn a_product_is_shown_as_the_answer_came_and_as_programs_with_its_version() {
    let Some(mut browser) = browser().await else { return };
    let (_directory, ledger) = told();
    browser.open(&format!("{}/#/p/{FRAME}?view=json", ledger.url)).await;
    browser.emulate(1280, "light").await;
    // The view of a ledger that was just restored lags.
    let path = format!("/products/{FRAME}?min_version=12");
    ledger.until(&path, |status, _| status == 200).await;
    let answer = ledger.http.get(format!("{}{path}", ledger.url)).send().await.unwrap();
    let text = answer.text().await.unwrap();
    browser.until("document.querySelector('pre.raw')?.textContent", |shown| *shown == json!(text)).await;
    fits(&mut browser, "product-json").await;
    browser.go(&format!("#/p/{FRAME}?view=code")).await;
    for (language, wanted) in [
        ("curl", "-H 'if-match: \"12\"' -H \"idempotency-key: $(uuidgen)\""),
        ("TypeScript", "\"idempotency-key\": crypto.randomUUID(),"),
        ("Python", "\"idempotency-key\": str(uuid.uuid4()),"),
    ] {
        press(&mut browser, language).await;
        let text = shows(&mut browser, &[wanted]).await;
        assert!(text.contains("\"12\"") && !text.contains("LEDGER_TOKEN"), "{text}");
    }
    // What is shown runs as it stands: here the last one.
    let python =
        browser.until("[...document.querySelectorAll('pre.raw')].at(-1).textContent", Value::is_string).await;
    let output = std::process::Command::new("python3").arg("-c").arg(python.as_str().unwrap()).output();
    let Ok(output) = output else {
        println!("skipped: Python is missing");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fits(&mut browser, "product-code").await;
}

#[tokio::test]
async fn many_commits_are_walked_in_a_window_and_checked_from_the_first() {
    let Some(mut browser) = browser().await else { return };
    let (_directory, ledger) = dearer(1299, 24);
    browser.open(&format!("{}/#/p/helmet", ledger.url)).await;
    browser.emulate(1280, "light").await;
    shows(&mut browser, &["Showing commits 1,251–1,300 of 1,300.", "Check all 1,300"]).await;
    let rows = "document.querySelectorAll('.timeline > li').length";
    for loaded in 1..=12_u64 {
        press(&mut browser, "Earlier").await;
        let wanted = (50 + loaded * 100).min(1000);
        let first = 1251 - loaded * 100;
        browser
            .until(TEXT, |text| {
                text.as_str()
                    .is_some_and(|text| text.contains(&format!("Showing commits {}–", grouped(first))))
            })
            .await;
        browser.until(rows, |count| count.as_u64() == Some(wanted)).await;
    }
    shows(&mut browser, &["Showing commits 51–1,050 of 1,300."]).await;
    has_no_barriers(&mut browser, axe().as_deref(), "a window of commits").await;
    press(&mut browser, "Later").await;
    shows(&mut browser, &["Showing commits 151–1,150 of 1,300."]).await;
    press(&mut browser, "The newest").await;
    shows(&mut browser, &["Showing commits 1,251–1,300 of 1,300."]).await;
    press(&mut browser, "Check all 1,300").await;
    shows(&mut browser, &["All 1,300 commits", "✓ Whole"]).await;
}

#[tokio::test]
async fn a_year_leads_to_what_was_recorded_by_its_end() {
    let Some(mut browser) = browser().await else { return };
    // From January 2022 to August 2025.
    let (_directory, ledger) = dearer(665, 48);
    browser.open(&format!("{}/#/p/helmet", ledger.url)).await;
    browser.emulate(1280, "light").await;
    shows(&mut browser, &["Showing commits 617–666 of 666."]).await;
    let choose = "(() => { const one = document.querySelector('.timeline-foot select'); one.value = '2023'; \
        one.dispatchEvent(new Event('change', { bubbles: true })); return true; })()";
    run(&mut browser, choose).await;
    // The last day of 2023 is the 729th after the first, so that 364 changes had been recorded.
    shows(&mut browser, &["Showing commits 266–365 of 666.", "Later", "Earlier"]).await;
    press(&mut browser, "Later").await;
    shows(&mut browser, &["Showing commits 266–465 of 666."]).await;
    press(&mut browser, "The newest").await;
    shows(&mut browser, &["Showing commits 617–666 of 666."]).await;
}

fn grouped(number: u64) -> String {
    if number < 1000 { number.to_string() } else { format!("{},{:03}", number / 1000, number % 1000) }
}

#[tokio::test]
async fn every_kind_of_price_history_has_a_picture_and_a_table() {
    let Some(mut browser) = browser().await else { return };
    let ledger = Ledger::start();
    let put = |id: &str, body: Value| {
        let (path, body) = (format!("/products/{id}"), body.to_string());
        let ledger = &ledger;
        async move { assert!(ledger.send("PUT", &path, &body).await.0 < 300) }
    };
    put("one", json!({"name": "One", "price": "63.50", "occurred_at": "2025-09-29T00:00:00Z"})).await;
    put("free", json!({"name": "Free", "price": "0", "occurred_at": "2025-09-29T00:00:00Z"})).await;
    put("large", json!({"name": "Large", "price": "999999999999.9999"})).await;
    put("many", json!({"name": "Many", "price": "10", "occurred_at": "2025-01-01T00:00:00Z"})).await;
    for (month, currency, price) in [(3, "EUR", "9"), (5, "JPY", "1600"), (7, "GBP", "8"), (9, "EUR", "9.5")]
    {
        let at = format!("2025-{month:02}-01T00:00:00Z");
        let body = json!({"price": price, "currency": currency, "occurred_at": at}).to_string();
        assert_eq!(ledger.send("PATCH", "/products/many", &body).await.0, 200);
    }
    for (id, wanted) in [
        ("one", vec!["$63.50 since 29 Sep 2025, never changed"]),
        ("free", vec!["$0.00 since 29 Sep 2025", "$0\n"]),
        ("large", vec!["$999,999,999,999.9999", "$1T"]),
        ("many", vec!["GBP → EUR 1 Sep 2025", "JPY → GBP 1 Jul 2025", "1 more currency in the table"]),
    ] {
        browser.open(&format!("{}/#/p/{id}?range=all", ledger.url)).await;
        browser.emulate(1280, "light").await;
        let drawn = "document.querySelector('main').innerText + '\\n' + [...document.querySelectorAll('.plot text')].map(text => text.textContent).join('\\n') + '\\n'";
        browser
            .until(drawn, |text| {
                text.as_str().is_some_and(|text| wanted.iter().all(|part| text.contains(part)))
            })
            .await;
        fits(&mut browser, &format!("chart-{id}")).await;
    }
    // One panel for each of the newest three currencies, the newest first; the table has all.
    browser
        .until("[...document.querySelectorAll('.plot svg')].map(svg => \
            [...svg.querySelectorAll('.strong')].map(text => text.textContent).find(text => text.length === 3))", |names| {
            *names == json!(["EUR", "GBP", "JPY"])
        })
        .await;
    browser.go("#/p/many?range=all&view=table").await;
    shows(&mut browser, &["Days", "Set by", "$10.00", "¥1,600", "£8.00"]).await;
    // Nothing is broken within a word, and the last column is in view.
    let cut = "(() => { const box = document.querySelector('.scroll-x'); return box.scrollWidth - box.clientWidth; })()";
    browser.until(cut, |over| *over == 0).await;
    let lines = "(() => { const cell = document.querySelector('td.actor'); const range = document.createRange(); \
        range.selectNodeContents(document.createTreeWalker(cell, NodeFilter.SHOW_TEXT).nextNode()); return range.getClientRects().length; })()";
    browser.until(lines, |lines| *lines == 1).await;
}

#[tokio::test]
async fn five_thousand_prices_are_a_line_in_front_of_a_band() {
    let Some(mut browser) = browser().await else { return };
    let (_directory, ledger) = dearer(4999, 8);
    browser.open(&format!("{}/#/p/helmet?range=all", ledger.url)).await;
    browser.emulate(1280, "light").await;
    browser
        .until("document.querySelector('.price-range')?.getAttribute('d').length ?? 0", |length| {
            length.as_u64().is_some_and(|length| length > 1000)
        })
        .await;
    browser
        .until("document.querySelector('path.price').getAttribute('d').length", |length| {
            length.as_u64().is_some_and(|length| length < 60_000)
        })
        .await;
    fits(&mut browser, "chart-5000").await;
}

#[tokio::test]
async fn every_key_of_the_list_does_what_it_says() {
    let Some(mut browser) = browser().await else { return };
    let (_directory, ledger) = told();
    browser.open(&format!("{}/#/ledger", ledger.url)).await;
    browser.emulate(1280, "light").await;
    // The seal counts the commits before the list is here.
    browser
        .until("document.querySelectorAll('[data-row]').length", |rows| {
            rows.as_u64().is_some_and(|rows| rows > 1)
        })
        .await;
    let hash = "location.hash";
    browser.press("j").await;
    browser.press("o").await;
    browser.until(hash, |hash| hash == "#/ledger?open=21").await;
    browser.press("[").await;
    browser.until(hash, |hash| hash == "#/ledger?open=20").await;
    browser.press("]").await;
    browser.until(hash, |hash| hash == "#/ledger?open=21").await;
    browser.press("Escape").await;
    browser.until(hash, |hash| hash == "#/ledger").await;
    browser.press("j").await;
    browser.press("Enter").await;
    browser.until(hash, |hash| hash.as_str().is_some_and(|hash| hash.starts_with("#/ledger?open="))).await;
    for (second, wanted) in [("c", "#/catalogue"), ("p", "#/proof"), ("l", "#/ledger")] {
        browser.press("g").await;
        browser.press(second).await;
        browser.until(hash, |hash| *hash == json!(wanted)).await;
    }
    browser.press("?").await;
    let listed = shows(&mut browser, &["What it does"]).await;
    for key in ["o", "[", "]", "x", "t", "n", "u", "c", ".", "?", "Esc", "Enter", "/"] {
        assert!(listed.contains(key), "{listed}");
    }
    browser.go(&format!("#/p/{FRAME}?commit=11")).await;
    shows(&mut browser, &["All 12 commits"]).await;
    browser.press("[").await;
    browser.until(hash, |hash| *hash == json!(format!("#/p/{FRAME}?commit=10"))).await;
    browser.press("]").await;
    browser.press("]").await;
    browser.until(hash, |hash| *hash == json!(format!("#/p/{FRAME}?commit=12"))).await;
    browser.press("x").await;
    browser.until(hash, |hash| *hash == json!(format!("#/p/{FRAME}?commit=12&view=table"))).await;
    browser.press("u").await;
    browser
        .until("document.querySelector('.zone').innerText", |name| {
            name.as_str().unwrap_or("").starts_with("Local")
        })
        .await;
    browser.press("u").await;
    browser.press("/").await;
    browser.until("document.activeElement.id", |id| id == "search").await;
}

#[tokio::test]
async fn what_is_said_of_unknown_ids_of_a_day_with_two_prices_and_of_a_reduction_in_steps() {
    let Some(mut browser) = browser().await else { return };
    let ledger = Ledger::start();
    let at = |day: u32, hour: u32| format!("2024-11-{day:02}T{hour:02}:00:00Z");
    let body = json!({"name": "Helmet", "price": "40.00", "occurred_at": "2024-09-01T00:00:00Z"});
    ledger.send("PUT", "/products/Helmet", &body.to_string()).await;
    for (price, when) in [("38.00", at(10, 9)), ("35.00", at(20, 9))] {
        let body = json!({"price": price, "occurred_at": when}).to_string();
        ledger.send("PATCH", "/products/Helmet", &body).await;
    }
    browser.open(&format!("{}/#/p/helmet", ledger.url)).await;
    browser.emulate(1280, "light").await;
    shows(
        &mut browser,
        &[
            "No product has the id helmet.",
            "Ids distinguish upper and lower case.",
            "Search names for helmet",
        ],
    )
    .await;
    fits(&mut browser, "unknown-id").await;
    browser.go("#/p/Helmet").await;
    shows(
        &mut browser,
        &["Prior price: $40.00. The lowest in force in the 30 days before the first step of this reduction"],
    )
    .await;
    let band = "document.querySelector('.band ~ .label.prior')?.textContent";
    browser.until(band, |words| *words == "30 days before the first step").await;
    browser.go("#/p/Helmet?at=2024-11-10T23:59:59.999Z").await;
    shows(
        &mut browser,
        &["On 10 Nov 2024 it cost $40.00 until 09:00, then $38.00, set by anonymous in commit 2"],
    )
    .await;
}
