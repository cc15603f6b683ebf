//! The catalogue of another time and the tables, over HTTP and with the program, from a server and from the files of its data directory.

use std::time::Duration;

use serde_json::{Value, json};
use web::ClockAndIds;

use crate::scenario::{Ledger, adventure_works, json as parsed, on_dynamodb, printed, program};

/// A ledger with the sample file, all of it shown.
async fn given() -> Ledger {
    let ledger = Ledger::start();
    assert!(ledger.import(&adventure_works()).output().unwrap().status.success());
    shown(&ledger).await;
    ledger
}

async fn shown(ledger: &Ledger) {
    while !ledger.operate(&["reconcile"]).status.success() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// All pages of a listing of products.
async fn walk(ledger: &Ledger, query: &str) -> Vec<Value> {
    let (mut met, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = ledger.get(&format!("/products?{query}&limit=100{cursor}")).await;
        assert_eq!(status, 200, "{page}");
        met.extend(page["products"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next"].as_str() else { return met };
        cursor = format!("&cursor={next}");
    }
}

async fn csv(ledger: &Ledger, uri: &str) -> (String, Option<String>) {
    let request = ledger.http.get(format!("{}{uri}", ledger.url)).header("accept", "text/csv");
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200, "{uri}");
    let link = answer.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
    (answer.text().await.unwrap(), link)
}

fn now() -> String {
    (ClockAndIds::system().clock)().to_string()
}

#[tokio::test]
async fn the_catalogue_of_a_moment_is_that_of_its_products_whatever_happened_since() {
    let ledger = Ledger::start();
    for id in ["a", "b", "c"] {
        ledger.send("PUT", &format!("/products/{id}"), r#"{"name":"n","price":"1"}"#).await;
    }
    tokio::time::sleep(Duration::from_millis(5)).await;
    let before = now();
    tokio::time::sleep(Duration::from_millis(5)).await;
    ledger.send("PATCH", "/products/a", r#"{"name":"other","price":"2"}"#).await;
    ledger.send("DELETE", "/products/b", "").await;
    ledger.send("PUT", "/products/d", r#"{"name":"n","price":"1"}"#).await;
    shown(&ledger).await;
    let at = |moment: String| walk_ids(&ledger, format!("as_of={moment}"));
    assert_eq!(at(before.clone()).await, ["a", "b", "c"]);
    assert_eq!(at(now()).await, ["a", "c", "d"]);
    assert_eq!(at("2020-01-01T00:00:00Z".to_owned()).await, [""; 0]);
    for product in walk(&ledger, &format!("as_of={before}")).await {
        let id = product["id"].as_str().unwrap();
        assert_eq!(ledger.get(&format!("/products/{id}?as_of={before}")).await, (200, product.clone()));
        assert_eq!((&product["name"], &product["price"]), (&json!("n"), &json!("1.00")));
    }
}

async fn walk_ids(ledger: &Ledger, query: String) -> Vec<String> {
    let ids = walk(ledger, &query).await;
    ids.iter().map(|product| product["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_sample_had_406_products_in_the_summer_of_2024() {
    let ledger = given().await;
    let query = "in_force=2024-06-01T23:59:59.999Z";
    let products = walk(&ledger, query).await;
    assert_eq!(products.len(), 406);
    assert!(products.iter().all(|product| product["status"] == "active"));
    assert!(products.iter().all(|product| product["price_occurred_at"].as_str() < Some("2024-06-02")));
    let frame = products.iter().find(|product| product["sku"] == "FR-R92R-62").unwrap();
    assert_eq!(
        (&frame["price"], &frame["price_occurred_at"]),
        (&json!("1431.50"), &json!("2024-05-29T00:00:00.000Z"))
    );
    // A day earlier it had those too that were withdrawn, without those that were new.
    assert_eq!(walk(&ledger, "in_force=2024-05-27T23:59:59.999Z").await.len(), 339);
    let (text, link) = csv(&ledger, &format!("/products?{query}")).await;
    assert_eq!((text.lines().count(), link), (407, None));
}

#[tokio::test]
async fn every_table_comes_in_one_answer() {
    let ledger = given().await;
    let frame = "/products/052e4f8b-0a2a-46b2-9f42-10febcfae416";
    for (uri, name, rows) in [
        ("/products", "products.csv", 406),
        ("/products?in_force=2024-06-01T00:00:00Z", "products.csv", 406),
        (&*format!("{frame}/history"), "history.csv", 8),
        (&*format!("{frame}/prices"), "prices.csv", 3),
    ] {
        let (page, link) = csv(&ledger, uri).await;
        assert_eq!((page.lines().count() - 1, link), (rows, None), "{uri}");
        let all = if uri.contains('?') { "&all=true" } else { "?all=true" };
        let request = ledger.http.get(format!("{}{uri}{all}", ledger.url)).header("accept", "text/csv");
        let answer = request.send().await.unwrap();
        assert_eq!(answer.headers()["content-disposition"], format!("attachment; filename=\"{name}\""));
        assert_eq!(answer.text().await.unwrap(), page, "{uri}");
    }
}

/// What a command prints, of the server and of the files.
fn both(ledger: &Ledger, arguments: &[&str]) -> [String; 2] {
    let [mut server, mut files] = [program(), program()];
    server.args(arguments).args(["--url", &ledger.url]);
    files.args(arguments).arg("--data").arg(&ledger.data);
    [server, files].map(|mut command| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{command:?}: {}", printed(&output));
        String::from_utf8(output.stdout).unwrap()
    })
}

#[tokio::test]
async fn the_program_lists_and_compares_catalogues_from_a_server_and_from_its_files() {
    if on_dynamodb() {
        // It has no files.
        return;
    }
    let ledger = given().await;
    let [server, files] = both(&ledger, &["catalogue", "--in-force", "2024-06-01", "--format", "json"]);
    assert!(server == files);
    let listed = parsed(&server);
    assert_eq!(
        listed["products"].as_array().unwrap(),
        &walk(&ledger, "in_force=2024-06-01T23:59:59.999Z").await
    );
    let [server, files] = both(&ledger, &["catalogue", "--in-force", "2024-06-01", "--format", "csv"]);
    assert_eq!(server, csv(&ledger, "/products?in_force=2024-06-01T23:59:59.999Z").await.0);
    assert!(server == files);
    let [server, files] = both(&ledger, &["catalogue", "--as-of", "2999-01-01"]);
    assert!(
        server == files && server.ends_with("406 products as recorded by 2999-01-01T23:59:59.999Z\n"),
        "{server}"
    );
    let [server, files] = both(&ledger, &["diff", "2024-05-15", "2024-06-01", "--format", "json"]);
    assert!(server == files);
    let compared = parsed(&server);
    let count = |name: &str| {
        let changes = compared["changes"].as_array().unwrap().iter();
        let named = changes.filter(|change| change["change"] == name).count();
        assert_eq!(compared["counts"][name], named, "{name}");
        named
    };
    assert_eq!(count("removed"), 69);
    let all: usize = ["new", "removed", "dearer", "cheaper", "currency"].map(count).iter().sum();
    assert_eq!(compared["changes"].as_array().unwrap().len(), all);
    let same = compared["counts"]["same"].as_u64().unwrap();
    let after = usize::try_from(same).unwrap() + count("new") + count("dearer") + count("cheaper");
    assert_eq!(after, 406);
    let [table, _] = both(&ledger, &["diff", "2024-05-15", "2024-06-01"]);
    assert!(table.contains("69 removed") && table.contains(&format!("{same} the same")), "{table}");
    let [rows, files] = both(&ledger, &["diff", "2024-05-15", "2024-06-01", "--format", "csv"]);
    assert!(rows == files);
    assert!(rows.starts_with("product_id,name,change,from,to,from_currency,to_currency\r\n"), "{rows}");
    assert_eq!(rows.lines().count(), all + 1);
    let [recorded, _] =
        both(&ledger, &["diff", "2020-01-01", "2999-01-01", "--by", "recorded", "--format", "json"]);
    assert_eq!(parsed(&recorded)["counts"]["new"], 406);
    let [nothing, _] = both(&ledger, &["diff", "2024-06-01", "2024-06-01", "--format", "csv"]);
    assert_eq!(nothing.lines().count(), 1);
}
