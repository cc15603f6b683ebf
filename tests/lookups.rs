//! Products are found by SKU and category over HTTP, and by `ledger list` and `ledger find` in a terminal.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Output;

use serde_json::{Value, json};

use crate::scenario::{Ledger, adventure_works, any_program, expected, printed, program};

/// Runs the program against this ledger.
fn run(ledger: &Ledger, arguments: &[&str]) -> Output {
    program().args(arguments).args(["--url", &ledger.url]).output().unwrap()
}

/// What it prints; it has to succeed.
fn said(ledger: &Ledger, arguments: &[&str]) -> String {
    let output = run(ledger, arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", printed(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// All products, page by page.
async fn all(ledger: &Ledger) -> Vec<Value> {
    let (mut products, mut cursor) = (Vec::new(), String::new());
    loop {
        let (_, page) = ledger.get(&format!("/products?limit=100{cursor}")).await;
        products.extend(page["products"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return products,
        }
    }
}

/// The sample, as soon as all of it is shown: the ids of its active products by SKU, and their number by category.
async fn sample(ledger: &Ledger) -> (BTreeMap<String, Vec<String>>, BTreeMap<String, u64>) {
    let output = run(ledger, &["import", adventure_works().to_str().unwrap()]);
    assert!(output.status.success(), "{}", printed(&output));
    let active: BTreeSet<String> =
        expected().into_iter().filter(|(_, (_, deleted))| !deleted).map(|(id, _)| id).collect();
    let id = |product: &Value| product["id"].as_str().unwrap().to_owned();
    let mut products = all(ledger).await;
    while products.iter().map(id).collect::<BTreeSet<_>>() != active {
        products = all(ledger).await;
    }
    let (mut skus, mut categories) = (BTreeMap::<String, Vec<String>>::new(), BTreeMap::new());
    for product in &products {
        if let Some(sku) = product["sku"].as_str() {
            skus.entry(sku.into()).or_default().push(id(product));
        }
        if let Some(category) = product["category"].as_str() {
            *categories.entry(category.to_owned()).or_default() += 1;
        }
    }
    (skus, categories)
}

#[tokio::test]
async fn the_products_of_a_real_file_are_found_by_sku_and_by_category() {
    let ledger = Ledger::start();
    let (skus, categories) = sample(&ledger).await;
    assert!(skus.len() > 100 && categories.len() > 10, "{} {}", skus.len(), categories.len());
    let url = |query: &[(&str, &str)]| {
        let url = reqwest::Url::parse_with_params(&format!("{}/products", ledger.url), query).unwrap();
        url.as_str().strip_prefix(&ledger.url).unwrap().to_owned()
    };
    for (sku, ids) in skus.iter().step_by(50) {
        let (status, page) = ledger.get(&url(&[("sku", sku)])).await;
        let found: Vec<&str> = page["products"]
            .as_array()
            .unwrap()
            .iter()
            .map(|product| product["id"].as_str().unwrap())
            .collect();
        assert_eq!(
            (status, found, &page["next"]),
            (200, ids.iter().map(String::as_str).collect(), &Value::Null)
        );
    }
    let (mut counted, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = ledger.get(&format!("/categories?limit=7{cursor}")).await;
        assert_eq!(status, 200, "{page}");
        counted.extend(page["categories"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let expected: Vec<Value> = categories
        .iter()
        .map(|(category, products)| json!({"category": category, "products": products}))
        .collect();
    assert_eq!(counted, expected);
    let (category, products) = categories.iter().max_by_key(|(_, products)| **products).unwrap();
    let (_, page) = ledger.get(&url(&[("category", category), ("sort", "name"), ("limit", "100")])).await;
    let listed = page["products"].as_array().unwrap();
    assert_eq!(listed.len() as u64, (*products).min(100));
    assert!(listed.iter().all(|product| product["category"] == **category));
    let names = |product: &Value| product["name"].as_str().unwrap().to_lowercase();
    assert!(listed.is_sorted_by_key(names), "{category}");
}

#[tokio::test]
async fn what_a_command_changes_is_found_anew() {
    let ledger = Ledger::start();
    let found = async |query: &str, expected: &[&str]| {
        let ids = |page: &Value| -> Vec<String> {
            let products = page["products"].as_array().unwrap().iter();
            products.map(|product| product["id"].as_str().unwrap().to_owned()).collect()
        };
        ledger
            .until(&format!("/products?{query}"), |status, page| status == 200 && ids(page) == expected)
            .await;
    };
    let body = r#"{"name":"Helmet","price":"1","sku":"S-1","category":"Helmets"}"#;
    ledger.send("PUT", "/products/p", body).await;
    ledger.send("PUT", "/products/q", body).await;
    found("sku=S-1", &["p", "q"]).await;
    found("category=Helmets&sort=name&order=desc", &["q", "p"]).await;
    ledger.send("PATCH", "/products/p", r#"{"sku":"S-2"}"#).await;
    found("sku=S-1", &["q"]).await;
    found("sku=S-2&category=Helmets", &["p"]).await;
    ledger.send("PATCH", "/products/p", r#"{"category":null}"#).await;
    found("category=Helmets", &["q"]).await;
    ledger.send("DELETE", "/products/q", "").await;
    found("sku=S-1", &[]).await;
    assert_eq!(ledger.get("/categories").await, (200, json!({"categories": [], "next": null})));
    ledger.send("POST", "/products/q/restore", "").await;
    found("sku=S-1&sort=name", &["q"]).await;
    let (_, page) = ledger.get("/categories").await;
    assert_eq!(page["categories"], json!([{"category": "Helmets", "products": 1}]));
}

/// Products with names that a terminal shows wide, and one that is deleted.
async fn shop() -> Ledger {
    let ledger = Ledger::start();
    for (id, name, price, sku) in [
        ("helmet", "Sport-100 Helmet, Red", "34.99", "HL-U509-R"),
        ("helmet-2", "自転車ヘルメット", "12", "HL-U510"),
        ("hl-u509", "Helmet light", "5", "hl-u509"),
        ("cap", "Cap", "8.99", "helmet"),
    ] {
        let body = format!(r#"{{"name":"{name}","price":"{price}","sku":"{sku}"}}"#);
        ledger.send("PUT", &format!("/products/{id}"), &body).await;
    }
    ledger.send("DELETE", "/products/cap", "").await;
    ledger
        .until("/products?sort=name", |_, page| page["products"].as_array().is_some_and(|all| all.len() == 3))
        .await;
    ledger
        .until("/products?sort=updated_at&include=deleted&limit=4", |_, page| {
            page["products"].as_array().is_some_and(|all| all.len() == 4 && all[3]["version"] == 2)
        })
        .await;
    ledger
}

#[tokio::test]
async fn products_are_listed_as_a_table_and_as_json() {
    let ledger = shop().await;
    let table = said(&ledger, &["list"]);
    let expected = [
        "id        name                   price      status",
        "helmet    Sport-100 Helmet, Red  34.99 USD  active",
        "helmet-2  自転車ヘルメット       12.00 USD  active",
        "hl-u509   Helmet light           5.00 USD   active",
    ];
    assert_eq!(table.lines().collect::<Vec<_>>(), expected);
    let ids = |arguments: &[&str]| -> Vec<String> {
        let all = [&["list", "--json"][..], arguments].concat();
        let page: Value = serde_json::from_str(&said(&ledger, &all)).unwrap();
        let products = page["products"].as_array().unwrap().iter();
        products.map(|product| product["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&["--sort", "name"]), ["hl-u509", "helmet", "helmet-2"]);
    assert_eq!(
        ids(&["--sort", "price", "--currency", "USD", "--descending"]),
        ["helmet", "helmet-2", "hl-u509"]
    );
    assert_eq!(ids(&["--sku", "HL-U510"]), ["helmet-2"]);
    assert_eq!(ids(&["--category", "none"]), [""; 0]);
    assert_eq!(ids(&["--limit", "2"]), ["helmet", "helmet-2"]);
    let deleted = said(&ledger, &["list", "--sort", "updated_at", "--deleted"]);
    assert!(deleted.lines().last().unwrap().ends_with("deleted"), "{deleted}");
    assert_eq!(said(&ledger, &["list", "--sku", "none"]), "no products\n");
}

#[tokio::test]
async fn a_list_of_many_pages_is_whole_and_a_limit_ends_it() {
    const ALL: usize = 230;
    let ledger = Ledger::start();
    let folder = tempfile::tempdir().unwrap();
    let line = |n| format!(r#"{{"command":"create","product_id":"p{n:03}","name":"Hat {n}","price":"1"}}"#);
    let lines: Vec<String> = (0..ALL).map(line).collect();
    let file = folder.path().join("lines.ndjson");
    std::fs::write(&file, lines.join("\n")).unwrap();
    assert!(run(&ledger, &["import", file.to_str().unwrap()]).status.success());
    while all(&ledger).await.len() < ALL {}
    let listed: Value = serde_json::from_str(&said(&ledger, &["list", "--json", "--sort", "name"])).unwrap();
    assert_eq!((listed["products"].as_array().unwrap().len(), &listed["next"]), (ALL, &Value::Null));
    assert_eq!(said(&ledger, &["list"]).lines().count(), ALL + 1);
    let some: Value = serde_json::from_str(&said(&ledger, &["list", "--json", "--limit", "150"])).unwrap();
    assert_eq!(some["products"].as_array().unwrap().len(), 150);
    let next = some["next"].as_str().unwrap();
    let (_, page) = ledger.get(&format!("/products?limit=1&cursor={next}")).await;
    assert_eq!(page["products"][0]["id"], "p150");
}

#[tokio::test]
async fn what_a_list_cannot_mean_is_said_and_exit_code_2() {
    let ledger = shop().await;
    for (arguments, word) in [
        (&["list", "--sort", "price"][..], "--currency"),
        (&["list", "--sort", "colour"], "updated_at"),
        (&["list", "--limit", "0"], "invalid value '0' for '--limit <N>': 0 is not in 1.."),
        (&["find", "a", "--limit", "0"], "invalid value '0' for '--limit <N>': 0 is not in 1.."),
        (&["list", "--deleted"], "ledger: --deleted needs --sort updated_at: "),
        (&["list", "--deleted", "--sort", "name"], "ledger: --deleted needs --sort updated_at: "),
        (&["list", "--deleted", "--sku", "a"], "ledger: --deleted cannot be used with --sku or --category"),
        (&["list", "--sku", "a", "--sort", "updated_at"], "ledger: --sku and --category need --sort id"),
        (
            &["list", "--category", "a", "--sort", "price", "--currency", "EUR"],
            "need --sort id or --sort name",
        ),
        (&["list", "--currency", "EUR"], "ledger: --currency needs --sort price"),
        (&["list", "--sku", ""], "--sku <TEXT>"),
        (&["list", "--category", ""], "--category <TEXT>"),
        (&["list", "--category", "a\tb"], "ledger: --category: http://"),
        (&["list", "--sort", "price", "--currency", "euro"], "ledger: --currency: http://"),
        (&["find", ""], "<TEXT>"),
        (&["ls"], "list"),
        (&["lst"], "list"),
        (&["finds", "x"], "find"),
    ] {
        let output = run(&ledger, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", printed(&output));
        assert!(printed(&output).contains(word), "{arguments:?}: {}", printed(&output));
    }
}

#[tokio::test]
async fn a_product_is_found_once_by_whatever_of_it_matches() {
    let ledger = shop().await;
    let found = |text: &str| -> Vec<(String, Vec<String>)> {
        let found: Value = serde_json::from_str(&said(&ledger, &["find", text, "--json"])).unwrap();
        let entries = found["found"].as_array().unwrap().iter();
        entries
            .map(|entry| {
                let matched = entry["matched"].as_array().unwrap().iter();
                let matched = matched.map(|one| one.as_str().unwrap().to_owned()).collect();
                (entry["product"]["id"].as_str().unwrap().to_owned(), matched)
            })
            .collect()
    };
    let one =
        |id: &str, matched: &[&str]| (id.to_owned(), matched.iter().map(|one| (*one).to_owned()).collect());
    assert_eq!(
        found("helmet"),
        [one("helmet", &["id"]), one("helmet-2", &["id_prefix"]), one("hl-u509", &["name_prefix"])]
    );
    assert_eq!(found("hl"), [one("hl-u509", &["id_prefix"])], "of a SKU all of it");
    assert_eq!(found("hl-u509"), [one("hl-u509", &["id", "sku"])], "once");
    assert_eq!(found("HL-U509-R"), [one("helmet", &["sku"])]);
    assert_eq!(found("SPORT"), [one("helmet", &["name_prefix"])]);
    assert_eq!(found("自転"), [one("helmet-2", &["name_prefix"])]);
    assert_eq!(found("cap"), [], "it is deleted");
    let table = said(&ledger, &["find", "helmet"]);
    let expected = [
        "id        name                   price      matched",
        "helmet    Sport-100 Helmet, Red  34.99 USD  id",
        "helmet-2  自転車ヘルメット       12.00 USD  id begins",
        "hl-u509   Helmet light           5.00 USD   name begins",
    ];
    assert_eq!(table.lines().collect::<Vec<_>>(), expected);
    let nothing = said(&ledger, &["find", "a\u{1b}b"]);
    assert_eq!(nothing, "no product has the SKU a\\u{1b}b, or a name or id that begins with it\n");
    let limited = run(&ledger, &["find", "he", "--limit", "1"]);
    assert_eq!(limited.status.code(), Some(0));
    assert!(printed(&limited).contains("more products match; --limit shows more"), "{}", printed(&limited));
}

#[tokio::test]
async fn where_names_have_no_order_the_others_are_looked_through_and_it_is_said() {
    let ledger = Ledger::start_with(&[], &[("LEDGER_ORDERS", "id")]);
    ledger.send("PUT", "/products/p", r#"{"name":"Helmet","price":"1","sku":"p"}"#).await;
    ledger.until("/products/p", |status, _| status == 200).await;
    let output = run(&ledger, &["find", "p"]);
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("id, SKU"), "{}", printed(&output));
    assert!(String::from_utf8_lossy(&output.stderr).contains("names were not looked through"));
    assert_eq!(said(&ledger, &["find", "x"]), "no product has the SKU x, or an id that begins with it\n");
    assert_eq!(ledger.get("/products?sku=p").await.0, 200);
    let (status, problem) = ledger.get("/products?sku=p&sort=name").await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (400, &json!("sort")));
}

/// The whole list has no one who reads it to the end.
#[tokio::test]
async fn nobody_has_to_read_a_list_to_its_end() {
    let ledger = shop().await;
    let script = format!("\"$0\" list --json --url {} | head -c 10", ledger.url);
    let output = any_program("sh").args(["-c", &script, crate::scenario::LEDGER]).output().unwrap();
    assert_eq!(printed(&output), "{\"products");
}
