//! The Catalogue in a real browser: at a moment, compared, on its slider, as a file, and where the server has less; the same
//! answers by page, HTTP and program.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, Response};
use serde_json::{Value, json};

use super::access::fits;
use super::story::{FRAME, told};
use super::{Guarded, axe, give_token, has_no_barriers, press, shows};
use crate::browser::browser;
use crate::browser::devtools::Browser;
use crate::scenario::{Ledger, adventure_works, json as parsed, printed, program};

const FIRST_OF_JUNE: &str = "at=2024-06-01T23:59:59.999Z";
const FIRST_OF_MAY: &str = "vs=2024-05-01T23:59:59.999Z";

/// A ledger with the sample, all of it shown.
async fn sample() -> Ledger {
    let ledger = Ledger::start();
    assert!(ledger.import(&adventure_works()).output().unwrap().status.success());
    while !ledger.operate(&["reconcile"]).status.success() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    ledger
}

/// What the program prints as JSON.
fn asked(ledger: &Ledger, arguments: &[&str]) -> Value {
    let output = program().args(arguments).args(["--format", "json", "--url", &ledger.url]).output().unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    parsed(&String::from_utf8(output.stdout).unwrap())
}

/// The ids of a list of the program's, sorted.
fn ids(list: &Value, member: &str) -> Vec<String> {
    let mut ids: Vec<String> =
        list.as_array().unwrap().iter().map(|one| one[member].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

/// Evaluates an expression that is at once what it should be, or becomes it.
async fn is(browser: &mut Browser, expression: &str, wanted: Value) {
    browser.until(expression, move |found| *found == wanted).await;
}

/// Notes the files that the page saves, with their names, instead of saving them.
async fn catch_files(browser: &mut Browser) {
    let catch = "(() => { window.saved = []; URL.createObjectURL = blob => { \
        blob.text().then(text => saved.push(text)); return 'data:,'; }; window.named = []; \
        const press = HTMLAnchorElement.prototype.click; HTMLAnchorElement.prototype.click = function () { \
        if (this.download) named.push(this.download); else press.call(this); }; return true; })()";
    is(browser, catch, json!(true)).await;
}

/// Types into the field that has the focus and presses Enter.
async fn enter(browser: &mut Browser, text: &str) {
    browser.type_in(text).await;
    browser.press("Enter").await;
}

/// Goes from the first page to the Catalogue of the first of June, by a press and a typed day.
async fn to_the_first_of_june(browser: &mut Browser, ledger: &Ledger, width: u32) {
    browser.open(&format!("{}/", ledger.url)).await;
    browser.emulate(width, "light").await;
    shows(browser, &["696 commits"]).await;
    press(browser, "Catalogue").await;
    shows(browser, &["406 products", "Bars: commits a day"]).await;
    browser.press("t").await;
    is(browser, "document.activeElement.id", json!("catalogue-date")).await;
    enter(browser, "1 Jun 2024").await;
}

/// The tiles of what was in force, by the counts of the program.
fn tiles_of(counts: &Value) -> Value {
    let count = |name: &str| counts[name].as_u64().unwrap();
    let changed: u64 = ["new", "removed", "dearer", "cheaper", "currency"].map(count).iter().sum();
    let [new, removed, dearer, cheaper, same] = ["new", "removed", "dearer", "cheaper", "same"].map(count);
    json!(format!(
        "{changed} changed, {new} new, {removed} removed, {dearer} dearer, {cheaper} cheaper, {same} unchanged"
    ))
}

/// The ids of the products that a list shows, by their links, sorted.
const SHOWN: &str = "[...document.querySelectorAll('main .row a.name')] \
    .map(link => decodeURIComponent(link.hash.slice(4).split('?')[0])).sort()";

/// The tiles in words.
const TILES: &str = "[...document.querySelectorAll('[role=tab]')].map(tile => tile.textContent).join(', ')";

#[tokio::test]
async fn the_catalogue_of_a_day_comes_as_a_file_in_three_presses() {
    let Some(mut browser) = browser().await else { return };
    let ledger = sample().await;
    let listed = asked(&ledger, &["catalogue", "--in-force", "2024-06-01"]);
    for width in [1280, 390] {
        to_the_first_of_june(&mut browser, &ledger, width).await;
        let wanted =
            ["406 products in force on 1 Jun 2024", "in force at the end of 1 Jun 2024, UTC", "406 rows"];
        shows(&mut browser, &wanted).await;
        is(&mut browser, "location.hash.includes('at=2024-06-01T23%3A59%3A59.999Z')", json!(true)).await;
        catch_files(&mut browser).await;
        press(&mut browser, "Download CSV").await;
        let saved = browser.until("window.saved", |saved| saved[0].is_string()).await;
        is(&mut browser, "window.named", json!(["catalogue-2024-06-01-in-force.csv"])).await;
        let mut rows = csv::Reader::from_reader(saved[0].as_str().unwrap().as_bytes());
        let header = "product_id,sku,name,category,price,currency,status,version,recorded_at";
        assert_eq!(rows.headers().unwrap().iter().collect::<Vec<_>>().join(","), header);
        let mut saved: Vec<String> =
            rows.records().map(|row| row.unwrap()).map(|row| format!("{} {}", &row[0], &row[4])).collect();
        saved.sort();
        let mut expected: Vec<String> = listed["products"]
            .as_array()
            .unwrap()
            .iter()
            .map(|product| {
                format!("{} {}", product["id"].as_str().unwrap(), product["price"].as_str().unwrap())
            })
            .collect();
        expected.sort();
        assert!(saved == expected && saved.len() == 406);
        // The address shows a fresh page the same.
        let address = browser.until("location.href", Value::is_string).await;
        browser.open(address.as_str().unwrap()).await;
        shows(&mut browser, &wanted).await;
    }
}

#[tokio::test]
async fn what_was_removed_between_two_days_and_by_whom_is_found_in_four_presses() {
    let Some(mut browser) = browser().await else { return };
    let ledger = sample().await;
    let compared = asked(&ledger, &["diff", "2024-05-01", "2024-06-01"]);
    let changed: Vec<Value> = compared["changes"].as_array().unwrap().clone();
    let of = |kind: &str| json!(changed.iter().filter(|one| one["change"] == kind).collect::<Vec<_>>());
    for width in [1280, 390] {
        to_the_first_of_june(&mut browser, &ledger, width).await;
        shows(&mut browser, &["406 products in force on 1 Jun 2024"]).await;
        browser.press("Tab").await;
        enter(&mut browser, "1 May 2024").await;
        shows(&mut browser, &["What changed between 1 May and 1 June 2024", "264 rows"]).await;
        let tiles = "264 changed, 136 new, 69 removed, 59 dearer, 0 cheaper, 211 unchanged";
        is(&mut browser, TILES, json!(tiles)).await;
        press(&mut browser, "69 removed").await;
        shows(&mut browser, &["Showing 50 of 69.", "69 rows"]).await;
        press(&mut browser, "Show 100 more").await;
        shows(&mut browser, &["Showing 69 of 69."]).await;
        is(&mut browser, SHOWN, json!(ids(&of("removed"), "product_id"))).await;
        let by = "[...document.querySelectorAll('#compared .row')] \
            .filter(row => /anonymous, commit [1-9]/.test(row.innerText)).length";
        is(&mut browser, by, json!(69)).await;
        catch_files(&mut browser).await;
        press(&mut browser, "Download CSV").await;
        let saved = browser.until("window.saved", |saved| saved[0].is_string()).await;
        let name = "catalogue-removed-2024-05-01-to-2024-06-01-in-force.csv";
        is(&mut browser, "window.named", json!([name])).await;
        let saved = saved[0].as_str().unwrap();
        assert!(saved.starts_with("product_id,sku,name,category,price,currency,status,version,recorded_at,before_price,before_currency,change\r\n"));
        assert_eq!(saved.lines().filter(|row| row.ends_with(",USD,removed")).count(), 69);
        let address = browser.until("location.href", Value::is_string).await;
        browser.open(address.as_str().unwrap()).await;
        shows(&mut browser, &["What changed between 1 May and 1 June 2024", "Showing 50 of 69."]).await;
        is(&mut browser, TILES, json!(tiles)).await;
    }
    // The other tiles have the products of the program's comparison too.
    for kind in ["new", "dearer"] {
        let wanted = of(kind);
        browser.go(&format!("#/catalogue?{FIRST_OF_JUNE}&{FIRST_OF_MAY}&show={kind}")).await;
        shows(&mut browser, &[&format!("Showing 50 of {}.", wanted.as_array().unwrap().len())]).await;
        press(&mut browser, "Show 100 more").await;
        is(&mut browser, SHOWN, json!(ids(&wanted, "product_id"))).await;
    }
    assert_eq!(
        tiles_of(&compared["counts"]),
        "264 changed, 136 new, 69 removed, 59 dearer, 0 cheaper, 211 unchanged"
    );
    // The other way round: what was new is removed, and the commit is the same.
    press(&mut browser, "Swap").await;
    shows(&mut browser, &["What changed from 1 Jun 2024 back to 1 May 2024"]).await;
    let tiles = "264 changed, 69 new, 136 removed, 0 dearer, 59 cheaper, 211 unchanged";
    is(&mut browser, TILES, json!(tiles)).await;
    // The commit leads to the product with it.
    press(&mut browser, "136 removed").await;
    press(&mut browser, "commit 1").await;
    shows(&mut browser, &["You see this product at version 1"]).await;
}

#[tokio::test]
async fn what_was_recorded_between_two_moments_is_compared_with_names_and_people() {
    let Some(mut browser) = browser().await else { return };
    let (_directory, ledger) = told();
    browser.open(&format!("{}/", ledger.url)).await;
    browser.emulate(1280, "light").await;
    let compare = |vs: &str, at: &str| {
        format!("#/catalogue?at={at}T23:59:59.999Z&clock=recorded&vs={vs}T23:59:59.999Z")
    };
    let between =
        |vs: &str, at: &str| asked(&ledger, &["diff", vs, at, "--by", "recorded"])["counts"].clone();
    browser.go(&compare("2026-11-20", "2026-11-28")).await;
    let tiles = "2 changed, 0 new, 0 removed, 0 dearer, 2 cheaper, 1 renamed, 7 unchanged";
    is(&mut browser, TILES, json!(tiles)).await;
    shows(&mut browser, &["$34.99", "$27.99", "renamed from Sport-100 Helmet, Red", "price-bot, commit"])
        .await;
    let counts = between("2026-11-20", "2026-11-28");
    assert_eq!((&counts["cheaper"], &counts["renamed"], &counts["same"]), (&json!(2), &json!(1), &json!(7)));
    // Removed in between; and back again, as if it were new.
    for (vs, at, words, name) in [
        ("2025-10-01", "2025-12-01", "maria.lopez, commit 5", "removed"),
        ("2025-12-01", "2026-02-15", "maria.lopez, commit 6", "new"),
    ] {
        browser.go(&compare(vs, at)).await;
        is(&mut browser, SHOWN, json!([FRAME])).await;
        shows(&mut browser, &[words, name]).await;
        assert_eq!(between(vs, at)[name], 1);
    }
    // It came and went, details were changed: no other tile counts that.
    browser.go(&compare("2025-12-01", "2026-04-01")).await;
    is(
        &mut browser,
        TILES,
        json!("1 changed, 1 new, 0 removed, 0 dearer, 0 cheaper, 0 renamed, 8 unchanged"),
    )
    .await;
    browser.go(&compare("2026-03-01", "2026-04-01")).await;
    is(
        &mut browser,
        TILES,
        json!("1 changed, 0 new, 0 removed, 0 dearer, 0 cheaper, 0 renamed, 8 unchanged"),
    )
    .await;
    shows(&mut browser, &["details"]).await;
    // As in force at the same days, of which names are not known.
    press(&mut browser, "In force on").await;
    browser.go("#/catalogue?at=2026-11-28T23:59:59.999Z&vs=2026-11-20T23:59:59.999Z&show=renamed").await;
    is(&mut browser, TILES, json!("2 changed, 0 new, 0 removed, 0 dearer, 2 cheaper, 7 unchanged")).await;
    shows(&mut browser, &["Who was renamed is known as recorded alone"]).await;
}

#[tokio::test]
async fn the_slider_says_what_it_is_at_and_asks_for_nothing_until_it_rests() {
    let Some(mut browser) = browser().await else { return };
    let ledger = sample().await;
    browser.open(&format!("{}/#/catalogue?{FIRST_OF_JUNE}&{FIRST_OF_MAY}", ledger.url)).await;
    browser.emulate(1280, "light").await;
    is(&mut browser, "document.querySelectorAll('.slider input').length", json!(2)).await;
    let says =
        |handle: &str| format!("document.querySelector('.slider .{handle}').getAttribute('aria-valuetext')");
    is(&mut browser, &says("at"), json!("1 June 2024, 195 commits on 29 May")).await;
    is(&mut browser, &says("vs"), json!("1 May 2024, 120 commits on 30 May 2023")).await;
    for (handle, key, words) in [
        ("at", "PageUp", "1 July 2024, 195 commits on 29 May"),
        ("at", "ArrowLeft", "30 June 2024, 195 commits on 29 May"),
        ("vs", "PageDown", "1 April 2024, 120 commits on 30 May 2023"),
        ("vs", "Home", "30 April 2019, 211 commits"),
        ("vs", "ArrowRight", "1 May 2019, 211 commits on 30 April"),
    ] {
        let focus = format!("(document.querySelector('.slider .{handle}').focus(), true)");
        is(&mut browser, &focus, json!(true)).await;
        browser.press(key).await;
        is(&mut browser, &says(handle), json!(words)).await;
    }
    let at = "decodeURIComponent(location.hash)";
    let wanted = "#/catalogue?at=2024-06-30T23:59:59.999Z&vs=2019-05-01T23:59:59.999Z";
    is(&mut browser, at, json!(wanted)).await;
    let counts = asked(&ledger, &["diff", "2019-05-01", "2024-06-30"])["counts"].clone();
    is(&mut browser, TILES, tiles_of(&counts)).await;
    // Dragged over a hundred days, in one go.
    let before = asked_for(&browser);
    let drag = "(() => { const one = document.querySelector('.slider .at'); for (let days = 0; days < 100; days += 1) { \
        one.value = Number(one.value) - 1; one.dispatchEvent(new Event('input', { bubbles: true })); } \
        return document.querySelector('h1 + p').textContent; })()";
    browser.until(drag, Value::is_string).await;
    shows(&mut browser, &["What changed between 1 May 2019 and 22 March 2024"]).await;
    browser.until(at, |hash| hash.as_str().is_some_and(|hash| hash.contains("at=2024-03-22T"))).await;
    browser.until(TILES, |tiles| tiles.as_str().is_some_and(|tiles| tiles.contains("changed"))).await;
    let mut new = asked_for(&browser);
    new.retain(|url| !before.contains(url));
    assert_eq!(new, ["2024-03-22T23:59:59.999Z"]);
}

/// The moments that were asked for.
fn asked_for(browser: &Browser) -> Vec<String> {
    let (asked, _) = browser.heard();
    let mut moments: Vec<String> = asked
        .iter()
        .filter_map(|url| Some(url.split_once("in_force=")?.1.split('&').next()?.replace("%3A", ":")))
        .collect();
    moments.sort();
    moments.dedup();
    moments
}

#[tokio::test]
async fn every_state_of_the_catalogue_fits_every_screen_and_has_no_barriers() {
    let Some(mut browser) = browser().await else { return };
    let sample = sample().await;
    let (_directory, story) = told();
    let states = [
        (&sample, "at", FIRST_OF_JUNE.to_owned(), vec!["406 products in force on 1 Jun 2024", "406 rows"]),
        (&sample, "compared", format!("{FIRST_OF_JUNE}&{FIRST_OF_MAY}"), vec!["264 rows", "unchanged"]),
        (&sample, "before", "at=2018-01-01T23:59:59.999Z".into(), vec!["The ledger begins on 30 Apr 2019."]),
        (
            &story,
            "recorded",
            "at=2026-11-28T23:59:59.999Z&clock=recorded&vs=2026-11-20T23:59:59.999Z".into(),
            vec!["renamed from", "price-bot"],
        ),
        (
            &story,
            "nothing",
            "q=Sport-1000".into(),
            vec!["No product begins with “Sport-1000”.", "Search SKUs"],
        ),
        (&story, "same", "at=2024-06-01T00:00:00Z&vs=2024-05-31T00:00:00Z".into(), vec!["Nothing changed"]),
    ];
    for (ledger, name, parameters, wanted) in &states {
        browser.open(&format!("{}/#/catalogue?{parameters}", ledger.url)).await;
        browser.emulate(1280, "light").await;
        shows(&mut browser, wanted).await;
        fits(&mut browser, &format!("catalogue-{name}")).await;
        assert_eq!(browser.heard().1, Vec::<Value>::new(), "{name}");
    }
}

#[tokio::test]
async fn an_order_stays_while_a_name_is_typed_and_one_that_cannot_be_had_says_why() {
    let Some(mut browser) = browser().await else { return };
    let ledger = sample().await;
    browser.open(&format!("{}/#/catalogue?sort=price&order=desc", ledger.url)).await;
    browser.emulate(1280, "light").await;
    shows(&mut browser, &["Dearest first", "Prices in USD alone."]).await;
    is(&mut browser, "(document.querySelector('.pill-input').focus(), true)", json!(true)).await;
    browser.type_in("hl r").await;
    let (_, named) = ledger.get("/products?sort=name&name_prefix=hl%20r&limit=100").await;
    let number = named["products"].as_array().unwrap().len();
    shows(&mut browser, &["Dearest first", &format!("{number} products"), &format!("{number} rows")]).await;
    is(&mut browser, "location.hash", json!("#/catalogue?order=desc&q=hl+r&sort=price")).await;
    let prices = "[...document.querySelectorAll('td.price')].map(cell => Number(cell.textContent.replace(/[^0-9.]/g, '')))";
    let sorted = format!(
        "(() => {{ const all = {prices}; return all.every((one, at) => at === 0 || one <= all[at - 1]) && all.length; }})()"
    );
    is(&mut browser, &sorted, json!(number)).await;
    // Of a past day too, from and to a price.
    browser.go(&format!("#/catalogue?{FIRST_OF_JUNE}&sort=price&min=1431.5&max=1431.50&currency=USD")).await;
    let then = asked(&ledger, &["catalogue", "--in-force", "2024-06-01"]);
    let number = then["products"].as_array().unwrap().iter().filter(|one| one["price"] == "1431.50").count();
    let counted = format!("{number} products in force on 1 Jun 2024");
    shows(&mut browser, &[&counted, "USD 1431.5 to 1431.50"]).await;
    press(&mut browser, "Sorted by").await;
    let disabled = "[...document.querySelectorAll('.panel .choice:disabled')].map(one => one.textContent)";
    is(&mut browser, disabled, json!(["Changed not known of what was in force"])).await;
    has_no_barriers(&mut browser, axe().as_deref(), "the orders of a past day").await;
    // Removed ones are looked for as others are.
    browser.go("#/catalogue?q=Sport-100").await;
    shows(&mut browser, &["Sport-100 Helmet, Red"]).await;
    let few = browser.until("document.querySelectorAll('tr.row').length", |rows| *rows != 0).await;
    press(&mut browser, "Show removed ones too").await;
    is(&mut browser, "location.hash", json!("#/catalogue?deleted=1&order=desc&q=Sport-100")).await;
    browser.until("document.querySelectorAll('tr.row').length", |rows| rows.as_u64() >= few.as_u64()).await;
    browser.go("#/catalogue?deleted=1&q=ll+road+frame").await;
    shows(&mut browser, &["removed", "LL Road Frame - Red, 44"]).await;
}

#[tokio::test]
async fn a_page_that_does_not_come_leaves_the_rows_and_is_asked_for_again() {
    let Some(mut browser) = browser().await else { return };
    let ledger = sample().await;
    browser.open(&format!("{}/#/catalogue", ledger.url)).await;
    browser.emulate(1280, "light").await;
    shows(&mut browser, &["406 products", "Showing 50."]).await;
    let refuse = "(() => { window.real = fetch; window.fetch = (url, ...rest) => String(url).includes('cursor=') \
        ? Promise.resolve(new Response('{\"type\":\"urn:product-ledger:problem:internal\",\"title\":\"t\",\"status\":500,\"detail\":\"The page is gone.\",\"correlation_id\":\"c\"}', { status: 500 })) \
        : real(url, ...rest); return true; })()";
    is(&mut browser, refuse, json!(true)).await;
    press(&mut browser, "Show 100 more").await;
    shows(&mut browser, &["The page is gone.", "Showing 50.", "All-Purpose Bike Stand"]).await;
    is(&mut browser, "(window.fetch = real, true)", json!(true)).await;
    press(&mut browser, "Try again").await;
    let text = shows(&mut browser, &["Showing 150."]).await;
    assert!(!text.contains("The page is gone."), "{text}");
    is(
        &mut browser,
        "new Set([...document.querySelectorAll('tr.row a')].map(one => one.href)).size",
        json!(150),
    )
    .await;
    // A file of what is not loaded is made of the ledger's pages; somebody who does not want to wait gets none.
    let hold = "(() => { window.fetch = (url, asked) => String(url).includes('limit=10000') \
        ? new Promise((_, fail) => asked.signal.addEventListener('abort', () => fail(asked.signal.reason))) \
        : real(url, asked); return true; })()";
    is(&mut browser, hold, json!(true)).await;
    press(&mut browser, "Download CSV").await;
    shows(&mut browser, &["Preparing 406 rows…"]).await;
    press(&mut browser, "Cancel").await;
    shows(&mut browser, &["No file was made.", "Download CSV"]).await;
    is(&mut browser, "(window.fetch = real, true)", json!(true)).await;
    catch_files(&mut browser).await;
    press(&mut browser, "Download CSV").await;
    let saved = browser.until("window.saved", |saved| saved[0].is_string()).await;
    assert_eq!(saved[0].as_str().unwrap().lines().count(), 407);
}

#[tokio::test]
async fn the_moment_stays_on_the_way_to_a_product_and_back() {
    let Some(mut browser) = browser().await else { return };
    let (_directory, ledger) = told();
    browser.open(&format!("{}/#/catalogue?at=2024-06-01T23:59:59.999Z&clock=recorded", ledger.url)).await;
    browser.emulate(1280, "light").await;
    shows(&mut browser, &["9 products as recorded by 1 Jun 2024", "as recorded by end of 1 Jun 2024, UTC"])
        .await;
    press(&mut browser, "HL Road Frame - Red, 62").await;
    shows(&mut browser, &["as recorded by end of 1 Jun 2024, UTC", "the ledger said $1,431.50"]).await;
    is(&mut browser, "(document.querySelector('.crumbs a').click(), true)", json!(true)).await;
    shows(&mut browser, &["9 products as recorded by 1 Jun 2024"]).await;
    // By the search, and by the pages' bar too.
    browser.press("/").await;
    browser.type_in("FR-R92R-62").await;
    browser.press("Enter").await;
    shows(&mut browser, &["the ledger said $1,431.50"]).await;
    press(&mut browser, "Catalogue").await;
    shows(&mut browser, &["9 products as recorded by 1 Jun 2024"]).await;
    is(&mut browser, "(document.activeElement.blur(), true)", json!(true)).await;
    browser.press("n").await;
    shows(&mut browser, &["9 products", "Show removed ones too"]).await;
    is(&mut browser, "location.hash", json!("#/catalogue")).await;
    // What is no moment is said, and changes nothing.
    browser.press("t").await;
    enter(&mut browser, "the other day").await;
    shows(&mut browser, &["A moment is 2024-06-01, 1 Jun 2024, yesterday, last monday, -30d"]).await;
    is(&mut browser, "location.hash", json!("#/catalogue")).await;
}

#[tokio::test]
async fn what_is_too_much_for_a_page_is_said_and_comes_in_parts_or_as_files() {
    let Some(mut browser) = browser().await else { return };
    let ledger = sample().await;
    browser.open(&format!("{}/#/proof", ledger.url)).await;
    browser.emulate(1280, "light").await;
    shows(&mut browser, &["Keep this"]).await;
    // The page is told of more products and more commits than there are.
    let more = "(() => { window.real = fetch; const answer = value => Promise.resolve(new Response(JSON.stringify(value))); \
        window.fetch = (url, asked) => String(url).endsWith('/status') ? answer({ products: { active: 20000, deleted: 0 } }) \
        : String(url).includes('/commits?from=') ? answer({ commits: Array(100).fill({ position: 0, commit: null }), next: 99, newest: 99 }) \
        : real(url, asked); return true; })()";
    is(&mut browser, more, json!(true)).await;
    browser.go(&format!("#/catalogue?{FIRST_OF_JUNE}")).await;
    let wanted = ["More products fit than this page sorts", "by id", "products in force on 1 Jun 2024"];
    shows(&mut browser, &wanted).await;
    press(&mut browser, "Sorted by").await;
    let disabled = "[...document.querySelectorAll('.panel .choice:disabled')].map(one => one.textContent)";
    let by_id = "the ledger lists a past day by id";
    let reasons =
        [format!("Name {by_id}"), format!("Price {by_id}"), "Changed not known of what was in force".into()];
    is(&mut browser, disabled, json!(reasons)).await;
    has_no_barriers(&mut browser, axe().as_deref(), "too long").await;
    browser.go(&format!("#/catalogue?{FIRST_OF_JUNE}&{FIRST_OF_MAY}")).await;
    shows(&mut browser, &["There are too many products to compare here: more than 10,000."]).await;
    has_no_barriers(&mut browser, axe().as_deref(), "too many").await;
    catch_files(&mut browser).await;
    press(&mut browser, "Download both as CSV").await;
    let both = browser.until("window.saved", |saved| saved[1].is_string()).await;
    let rows: Vec<usize> =
        both.as_array().unwrap().iter().map(|file| file.as_str().unwrap().lines().count()).collect();
    assert_eq!(rows, [340, 407]);
    is(
        &mut browser,
        "window.named",
        json!(["catalogue-2024-05-01-in-force.csv", "catalogue-2024-06-01-in-force.csv"]),
    )
    .await;
    // A category is compared all the same.
    browser.go(&format!("#/catalogue?{FIRST_OF_JUNE}&{FIRST_OF_MAY}&category=Accessories+/+Helmets")).await;
    is(&mut browser, TILES, json!("3 changed, 0 new, 0 removed, 3 dearer, 0 cheaper, 0 unchanged")).await;
    browser.go(&format!("#/catalogue?{FIRST_OF_JUNE}&{FIRST_OF_MAY}&clock=recorded")).await;
    shows(&mut browser, &["Too much happened between these days to compare here", "Download both as CSV"])
        .await;
}

/// A proxy in front of a ledger that says it has these features alone.
async fn with_features(ledger: &Ledger, features: &'static [&'static str]) -> String {
    let (to, http) = (ledger.url.clone(), ledger.http.clone());
    let pass = move |request: Request| {
        let (to, http) = (to.clone(), http.clone());
        async move {
            let path = request.uri().path_and_query().unwrap().to_string();
            let accept = request.headers().get("accept").cloned().unwrap_or(HeaderValue::from_static("*/*"));
            let asked = http.get(format!("{to}{path}")).header("accept", accept).send().await;
            // The ledger ends before the page does.
            let Ok(answer) = asked else {
                return Response::builder().status(502).body(Body::empty()).unwrap();
            };
            let mut passed = Response::builder().status(answer.status());
            for name in ["content-type", "link", "retry-after"] {
                if let Some(value) = answer.headers().get(name) {
                    passed = passed.header(name, value);
                }
            }
            let mut body = answer.bytes().await.unwrap().to_vec();
            if path == "/ui/config.json" {
                let mut config: Value = serde_json::from_slice(&body).unwrap();
                config["features"] = json!(features);
                body = config.to_string().into_bytes();
            }
            passed.body(Body::from(body)).unwrap()
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(pass)).await });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_has_less_is_shown_with_what_it_has() {
    let Some(mut browser) = browser().await else { return };
    let (_directory, ledger) = told();
    // Without other times there is no panel, and a link to one says that it shows now.
    let url = with_features(&ledger, &["commits", "log", "days", "csv", "status"]).await;
    browser.open(&format!("{url}/#/catalogue?at=2024-06-01T23:59:59.999Z")).await;
    let text = shows(&mut browser, &["lists what there is now alone", "9 products"]).await;
    assert!(!text.contains("compared with"), "{text}");
    is(&mut browser, "document.querySelector('.pill-input').placeholder", json!("Id begins with…")).await;
    // One clock, no days, no CSV of the server: no switch to the other clock, no slider, pages in JSON.
    let both = "2 changed, 0 new, 0 removed, 0 dearer, 2 cheaper";
    for (features, has, lacks, tiles) in [
        (&["commits", "as_of", "orders:id,name"][..], "As recorded by", "In force on", ", 1 renamed"),
        (&["commits", "in_force", "orders:id,name"][..], "In force on", "As recorded by", ""),
    ] {
        let url = with_features(&ledger, features).await;
        browser
            .open(&format!("{url}/#/catalogue?at=2026-11-28T23:59:59.999Z&vs=2026-11-20T23:59:59.999Z"))
            .await;
        is(&mut browser, TILES, json!(format!("{both}{tiles}, 7 unchanged"))).await;
        let text = shows(&mut browser, &[has]).await;
        assert!(!text.contains(lacks) && !text.contains("Bars"), "{text}");
        let (asked, _) = browser.heard();
        let (own, absent) = (format!("{url}/"), ["/status", "/commits/days", "limit=1000"]);
        let more =
            asked.iter().filter(|url| url.starts_with(&own) && absent.iter().any(|part| url.contains(part)));
        assert_eq!(more.collect::<Vec<_>>(), Vec::<&String>::new());
    }
}

#[tokio::test]
async fn whoever_may_not_audit_sees_the_catalogue_of_now() {
    let Some(mut browser) = browser().await else { return };
    let guarded = Guarded::start().await;
    for (scopes, is_there) in [("products/read", false), ("products/read products/audit", true)] {
        browser.open(&format!("{}/#/catalogue", guarded.ledger.url)).await;
        shows(&mut browser, &["Sign in to read this ledger."]).await;
        give_token(&mut browser, &guarded.token(scopes)).await;
        let text = shows(&mut browser, &["1 product", "Helmet"]).await;
        assert_eq!(text.contains("compared with"), is_there, "{text}");
        assert_eq!(browser.heard().1, Vec::<Value>::new());
    }
}
