//! Rows of commits, views, receipts, parking and bus that cannot be read, or that lie under a false key: who asks for them gets
//! a 500, each is named once with its key, and everything else goes on. A rebuild replaces those of views, a backup the others.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::by_hand::touch;
use crate::scenario::{Ledger, PATIENCE, client, json as read_json, program};
use crate::store::{LEDGER, PUBLISHING, Server, Started, VIEWS, by_hand, copy, outcome, run, start};
use crate::whole::until_caught_up;

const INTERNAL: &str = "urn:product-ledger:problem:internal";

/// A stopped ledger of three products, one of them deleted.
async fn ended() -> Ledger {
    let mut ledger = Ledger::start();
    for product in ["p", "q", "r"] {
        let body = r#"{"name":"n","price":"1","category":"C"}"#;
        ledger.send("PUT", &format!("/products/{product}"), body).await;
        ledger.send("PATCH", &format!("/products/{product}"), r#"{"price":"2"}"#).await;
    }
    ledger.send("DELETE", "/products/r", "").await;
    until_caught_up(&ledger).await;
    assert_eq!(ledger.terminate(), Some(0));
    ledger
}

/// A server on a copy with this change made by hand.
struct Changed {
    _directory: TempDir,
    data: PathBuf,
    server: Server,
}

impl Changed {
    fn of(ledger: &Ledger, file: &str, statement: &str) -> Self {
        let (directory, data) = copy(ledger);
        touch(&data, file, statement);
        let Started::Serves(server) = start(&data) else { panic!("{statement}: it is not served") };
        Self { _directory: directory, data, server }
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.send("GET", path, "").await
    }

    async fn send(&self, method: &str, path: &str, body: &'static str) -> (u16, Value) {
        let client = client().build().unwrap();
        let request = client.request(method.parse().unwrap(), format!("{}{path}", self.server.url));
        let answer = request.header("content-type", "application/json").body(body).send().await.unwrap();
        (answer.status().as_u16(), read_json(&answer.text().await.unwrap()))
    }

    /// A query that meets the row: a 500 that says how to go on, and a line of the log that names the row.
    async fn is_unreadable(&self, path: &str, advice: &str, row: &str) {
        let (status, problem) = self.get(path).await;
        assert_eq!((status, &problem["type"]), (500, &INTERNAL.into()), "{path}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(advice), "{path}: {problem}");
        let log = std::fs::read_to_string(self.data.with_extension("log")).unwrap();
        let named = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).any(|line| {
            line["message"] == "a row cannot be read"
                && line["error"].as_str().unwrap_or_default().contains(row)
        });
        assert!(named, "{path}: {row} is not in {log}");
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        outcome(&run(arguments, &self.data))
    }

    /// The run of a command that asks the server by its URL.
    fn ask(&self, arguments: &[&str]) -> (Option<i32>, String) {
        outcome(&program().args(arguments).args(["--url", &self.server.url]).output().unwrap())
    }
}

#[tokio::test]
async fn a_row_under_a_false_key_answers_nobody_and_a_rebuild_removes_it() {
    let ledger = ended().await;
    let changed = Changed::of(
        &ledger,
        VIEWS,
        "INSERT INTO products SELECT generation, 'P', shard, version, product, by_id, by_name, by_price, changes, hash, sku, category \
         FROM products WHERE id = 'p'",
    );
    let row = "the row \"P\" of the view products cannot be read: it holds the product p";
    changed.is_unreadable("/products/P", "`ledger rebuild products` replaces it", row).await;
    for order in ["id", "name", "price&currency=USD", "updated_at&include=deleted"] {
        let path = format!("/products?sort={order}");
        changed.is_unreadable(&path, "`ledger verify --views` names it", row).await;
    }
    assert_eq!(changed.get("/products/p").await.0, 200);
    let counted = "the row \"P\" of the view products cannot be read: it counts the product p in a category";
    changed.is_unreadable("/categories", "`ledger verify --views` names it", counted).await;
    for (arguments, repaired) in [(&["reconcile"][..], ""), (&["reconcile", "--repair"], ", not repaired")] {
        let (code, said) = changed.run(arguments);
        let line = format!("P  no version  products: {row}{repaired}; run: ledger rebuild products\n");
        assert!(code == Some(1) && said.contains(&line), "{said}");
        let summary = "3 products: 0 behind, 1 with another content than the ledger, 0 repaired, 1 left";
        assert!(said.contains(summary), "{said}");
    }
    let (code, said) = changed.run(&["verify", "--views"]);
    assert!(
        code == Some(1) && said.contains("product P: unreadable: ") && said.contains("\n1 fault: "),
        "{said}"
    );
    let (code, said) = changed.run(&["rebuild", "products", "--dry-run"]);
    assert!(
        code == Some(1)
            && said.contains("P  the row \"P\" of the view products cannot be read: it holds the product p"),
        "{said}"
    );
    let (code, said) = changed.run(&["rebuild", "products", "--overlap", "6"]);
    assert!(code == Some(0) && said.contains("1 differed before"), "{said}");
    let (status, page) = changed.get("/products").await;
    assert_eq!((status, page["products"].as_array().map(Vec::len)), (200, Some(2)), "{page}");
    let (status, page) = changed.get("/categories").await;
    assert_eq!((status, &page["categories"]), (200, &json!([{"category": "C", "products": 2}])), "{page}");
    assert_eq!(changed.run(&["reconcile"]).0, Some(0));
    assert_eq!(changed.get("/products/P").await.0, 404);
    assert_eq!(changed.run(&["verify", "--views"]).0, Some(0));
    assert_eq!(changed.run(&["rebuild", "products", "--dry-run"]).0, Some(0));
}

#[tokio::test]
async fn an_unreadable_row_of_a_view_is_replaced_by_a_rebuild() {
    let ledger = ended().await;
    for (statement, view, of_product, row) in [
        ("UPDATE products SET product = 'x' WHERE id = 'p'", "products", "", "\"p\" of the view products"),
        ("UPDATE products SET version = 9 WHERE id = 'p'", "products", "", "it says version 9"),
        (
            "UPDATE prices SET entries = 'x' WHERE product_id = 'p'",
            "prices",
            "/prices",
            "of the table prices cannot be read",
        ),
    ] {
        let changed = Changed::of(&ledger, VIEWS, statement);
        let path = &format!("/products/p{of_product}");
        changed.is_unreadable(path, &format!("`ledger rebuild {view}` replaces it"), row).await;
        assert_eq!(changed.get(&format!("/products/q{of_product}")).await.0, 200);
        for arguments in [&["reconcile"][..], &["reconcile", "--repair"]] {
            let (code, said) = changed.run(arguments);
            assert!(code == Some(1) && said.contains(&format!("run: ledger rebuild {view}")), "{said}");
            assert!(!said.contains("ledger verify") && said.matches("cannot be read").count() == 1, "{said}");
        }
        let (code, said) = changed.run(&["verify", "--views"]);
        assert!(
            code == Some(1) && said.contains("product p: unreadable: ") && said.contains("3 products"),
            "{said}"
        );
        assert!(said.contains("\n1 fault: "), "{said}");
        let (code, said) = changed.run(&["rebuild", view, "--dry-run"]);
        assert!(code == Some(1) && said.contains("p  views.sqlite3: the row \"p\""), "{said}");
        let (code, said) = changed.run(&["rebuild", view, "--overlap", "6"]);
        assert!(code == Some(0) && said.contains("1 differed before"), "{said}");
        assert_eq!(changed.get(path).await.0, 200, "{statement}");
        assert_eq!(changed.run(&["verify", "--views"]).0, Some(0), "{statement}");
        assert_eq!(changed.run(&["reconcile"]).0, Some(0), "{statement}");
    }
}

#[tokio::test]
async fn prices_under_a_false_key_answer_nobody() {
    let ledger = ended().await;
    let statement = "INSERT INTO prices SELECT generation, 'P', sequence, entries, hash, recorded_at FROM prices \
                     WHERE product_id = 'p'";
    let changed = Changed::of(&ledger, VIEWS, statement);
    let row = "the row \"P\", 1 of the table prices cannot be read: it holds the prices of the product p";
    changed.is_unreadable("/products/P/prices", "`ledger rebuild prices` replaces it", row).await;
    let (code, said) = changed.run(&["rebuild", "prices", "--dry-run"]);
    assert!(code == Some(1) && said.contains("P  shows a product that the ledger does not have"), "{said}");
    let (code, said) = changed.run(&["reconcile"]);
    let line =
        "P  no version  prices: shows a product that the ledger does not have; run: ledger rebuild prices\n";
    assert!(code == Some(1) && said.contains(line), "{said}");
    assert_eq!(changed.run(&["rebuild", "prices", "--overlap", "6"]).0, Some(0));
    assert_eq!(changed.get("/products/P/prices").await.0, 404);
    assert_eq!(changed.run(&["verify", "--views"]).0, Some(0));
}

/// The row says something else, and stands where it stood.
#[tokio::test]
async fn a_changed_row_is_named_once_for_each_copy_that_is_wrong() {
    let ledger = ended().await;
    let (_directory, data) = copy(&ledger);
    let statement = "UPDATE products SET product = replace(product, '2.00', '9.00') WHERE id = 'p'";
    assert_eq!(by_hand(&data, VIEWS).execute(statement, []).unwrap(), 1);
    let (code, said) = outcome(&run(&["verify", "--views"], &data));
    assert_eq!(code, Some(1), "{said}");
    for (told, times) in [
        ("product p sequence 2: rewritten: the view saw price", 1),
        ("product p sequence 2: wrong_view: the view products shows another content", 1),
        ("product p: wrong_view: the view products does not stand in the order by price", 1),
        ("the order by", 1),
        ("\n3 faults: 3 products", 1),
    ] {
        assert_eq!(said.matches(told).count(), times, "{told}: {said}");
    }
}

#[tokio::test]
async fn an_unreadable_receipt_is_named_and_holds_up_no_other_product() {
    let ledger = ended().await;
    for statement in [
        "UPDATE receipts SET record = 'x' WHERE product_id = 'p'",
        "INSERT INTO restored VALUES ('p', 2, 'x')",
    ] {
        let changed = Changed::of(&ledger, PUBLISHING, statement);
        if statement.contains("receipts") {
            let row = "the row \"p\", 1 of the table receipts cannot be read";
            changed.is_unreadable("/products/p/history", "`ledger verify --receipts p` says why", row).await;
            let file = changed.data.with_extension("receipts");
            let export = changed.data.with_extension("export").display().to_string();
            let arguments = ["export", "-o", &export, "--receipts", file.to_str().unwrap()];
            let (code, said) = changed.run(&arguments);
            assert!(code == Some(1) && said.contains(row) && said.contains("exported 5 receipts"), "{said}");
            assert_eq!(std::fs::read_to_string(file).unwrap().lines().count(), 5);
        }
        let (code, said) = changed.run(&["verify", "--receipts"]);
        assert!(code == Some(1) && said.contains("product p") && said.contains("3 products, "), "{said}");
        assert!(said.contains("unreadable: publishing.sqlite3: the row \"p\""), "{said}");
        let remedy = "; put back a backup of the receipts";
        assert!(said.contains(remedy), "{said}");
        let (code, said) = changed.run(&["reconcile"]);
        assert!(code == Some(1) && said.contains(remedy), "{said}");
        assert!(said.contains("run: ledger verify --receipts p"), "{said}");
        // What is recorded now is published, but for the product whose receipts cannot be read.
        for product in ["p", "q"] {
            let path = format!("/products/{product}");
            assert_eq!(changed.send("PATCH", &path, r#"{"price":"3"}"#).await.0, 200);
        }
        let published = async || {
            let (_, history) = changed.get("/products/q/history").await;
            !history["commits"][2]["receipts"][0].is_null()
        };
        let began = Instant::now();
        while !published().await {
            assert!(began.elapsed() < PATIENCE, "{statement}: another product is not published");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let (code, said) = changed.run(&["parked"]);
        assert!(
            code == Some(0) && said.contains("publisher  p") && said.contains("cannot be read"),
            "{said}"
        );
        assert!(!said.contains("publisher  q"), "{said}");
    }
}

/// The backup that replaces unreadable receipts is older than the commits: what it lacks is published again.
#[tokio::test]
async fn a_backup_of_the_receipts_replaces_what_cannot_be_read_of_them() {
    let mut ledger = ended().await;
    let (_backup, backup) = copy(&ledger);
    ledger.restart();
    ledger.send("PATCH", "/products/q", r#"{"price":"3"}"#).await;
    until_caught_up(&ledger).await;
    assert_eq!(ledger.terminate(), Some(0));
    let (_directory, data) = copy(&ledger);
    touch(&data, PUBLISHING, "UPDATE receipts SET record = 'x' WHERE product_id = 'p'");
    assert_eq!(outcome(&run(&["reconcile"], &data)).0, Some(1));
    std::fs::copy(backup.join(PUBLISHING), data.join(PUBLISHING)).unwrap();
    let Started::Serves(_server) = start(&data) else { panic!("it is not served") };
    let (code, said) = outcome(&run(&["verify", "--receipts", "--wait", "60"], &data));
    assert!(code == Some(0) && said.contains("3 products, 8 commits"), "{said}");
    let (code, said) = outcome(&run(&["reconcile"], &data));
    assert_eq!(code, Some(0), "{said}");
}

/// One line of three is no JSON, the newest or another one: one fault, whoever verifies, and nothing is claimed of what it hides.
#[tokio::test]
async fn a_commit_that_cannot_be_read_is_one_fault_and_no_page_of_the_history() {
    let ledger = ended().await;
    for (product, sequence, commits) in [("p", 2, 2), ("p", 1, 2), ("r", 2, 3)] {
        let statement =
            format!("UPDATE commits SET line = 'x' WHERE product_id = '{product}' AND sequence = {sequence}");
        let changed = Changed::of(&ledger, LEDGER, &statement);
        let path = format!("/products/{product}");
        let (status, told) = changed.get(&format!("{path}/history")).await;
        let (_, problem) = changed.get(&format!("{path}?version={sequence}")).await;
        assert_eq!((status, &told["type"]), (500, &INTERNAL.into()), "{told}");
        assert_eq!((&told["type"], &told["detail"]), (&problem["type"], &problem["detail"]), "{told}");
        assert!(told["detail"].as_str().unwrap().contains(&format!("`ledger verify {product}` says why")));
        let (status, page) = changed.get(&format!("{path}/history?after={sequence}")).await;
        assert_eq!((status, page["commits"].as_array().map(Vec::len)), (200, Some(commits - sequence)));
        let fault = format!("product {product} sequence {sequence}: unreadable: line cannot be read as JSON");
        let (status, report) = changed.get(&format!("{path}/verification")).await;
        assert_eq!((status, &report["valid"]), (200, &false.into()), "{report}");
        assert_eq!(report["faults"].as_array().map(Vec::len), Some(1), "{report}");
        assert_eq!(report["faults"][0]["fault"], "unreadable");
        assert_eq!(report["faults"][0]["sequence"], sequence);
        let said = [
            changed.ask(&["verify"]),
            changed.ask(&["verify", product]),
            changed.run(&["verify"]),
            changed.run(&["verify", product]),
            changed.run(&["verify", "--receipts", "--views"]),
        ];
        for (code, said) in said {
            assert!(code == Some(1) && said.contains(&fault) && said.contains("1 fault: "), "{said}");
        }
    }
}

#[tokio::test]
async fn an_unreadable_row_of_parking_or_bus_is_named_by_its_key() {
    let ledger = ended().await;
    for row in ["'p', 5, 'x', 0, 'never', 1", "'no id', 5, 'x', 0, '2026-01-01T00:00:00.000Z', 1"] {
        for (file, consumer) in [(PUBLISHING, "publisher"), (VIEWS, "prices")] {
            let (_directory, data) = copy(&ledger);
            touch(&data, file, &format!("INSERT INTO parking VALUES ('{consumer}', {row})"));
            let (code, said) = outcome(&run(&["parked"], &data));
            let product = if row.contains("no id") { "no id" } else { "p" };
            let named = format!(
                "{file}: the row \"{consumer}\", \"{product}\" of the table parking cannot be read: "
            );
            assert!(code == Some(2) && said.contains(&named), "{code:?} {said}");
        }
    }
    let changed =
        Changed::of(&ledger, PUBLISHING, "UPDATE bus SET entry = CAST(x'ff' AS TEXT) WHERE position = 2");
    // The stream ends where the bus cannot be read.
    let stream =
        client().build().unwrap().get(format!("{}/events?from=start", changed.server.url)).send().await;
    assert_eq!(stream.unwrap().text().await.unwrap(), "");
    let log = std::fs::read_to_string(changed.data.with_extension("log")).unwrap();
    assert!(log.contains("the row \\\"local\\\", 2 of the table bus cannot be read"), "{log}");
}

/// Views that are not asked for need not be there.
#[tokio::test]
async fn damaged_views_concern_only_who_asks_for_them() {
    let ledger = ended().await;
    let whole = std::fs::read(ledger.data.join(VIEWS)).unwrap();
    let torn = [&whole[..4096], &vec![0xff; whole.len() - 4096]].concat();
    for damaged in [b"not a database, whatever its name says".repeat(30), torn] {
        let (_directory, data) = copy(&ledger);
        std::fs::write(data.join(VIEWS), damaged).unwrap();
        for arguments in [&["verify"][..], &["verify", "p"], &["verify", "--receipts"]] {
            let (code, said) = outcome(&run(arguments, &data));
            assert!(code == Some(0) && said.contains("whole: "), "{arguments:?}: {said}");
        }
        for arguments in [&["verify", "--views"][..], &["reconcile"]] {
            let (code, said) = outcome(&run(arguments, &data));
            assert!(code == Some(2) && said.contains("damaged"), "{arguments:?}: {said}");
            assert!(!said.contains("start the server first"), "{said}");
        }
    }
}
