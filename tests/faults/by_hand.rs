//! One row of a data directory is changed by hand, in a copy each time: some command names it, in the words of the table, or
//! docs/audit.md lists it under "Undetected changes".

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::scenario::{Ledger, PATIENCE, printed, repository};
use crate::store::{LEDGER, PUBLISHING, Server, Started, VIEWS, by_hand, copy, run, start};
use crate::whole::until_caught_up;

/// What reports a change, and in which words.
#[derive(Debug, Clone, Copy)]
enum Named {
    /// `ledger verify --receipts --views`.
    Verify(&'static str),
    /// The server, which does not start.
    Start(&'static str),
    /// The server's log after the start.
    Log(&'static str),
    /// A command while the server runs.
    Command(&'static [&'static str], &'static str),
    /// Nothing: the line in docs/audit.md that says so.
    Nobody(&'static str),
}
use Named::{Command, Log, Nobody, Start, Verify};

const RECONCILE: &[&str] = &["reconcile"];
const PARKED: &[&str] = &["parked"];
/// Commands that only read, and report what they find.
const COMMANDS: [&[&str]; 3] =
    [RECONCILE, &["rebuild", "prices", "--dry-run"], &["rebuild", "products", "--dry-run"]];

const TAMPERED: &str = "the ledger was tampered with: the commit at the checkpoint was changed or removed";

const ORDER: &str = "which of two commits of different products was recorded first";
const COLUMNS: &str = "the columns `commit_id` and `recorded_at`: nothing reads them";
const SPACES: &str = "the bytes of a line, as long as they encode the same JSON";
const RECEIPT: &str = "`receipt_id`, `bus`, `bus_sequence`, `published_at` and `attempts` of a receipt, and the column `is_receipt`";
const BUS: &str = "entries of the local bus: subscribers have already received them";
const CHECKPOINT: &str =
    "a deleted checkpoint: its consumer starts over and recognises what it has already handled";
const LOOKUP: &str = "the columns `sku` and `category` of a deleted product, and `sku` of one without an SKU: nothing is found by them";
const MARK: &str =
    "a mark in `restored` with the hash of its commit, which hides events that were never published";
const MOVED_BACK: &str = "a checkpoint moved back to an earlier commit and its hash: as a deleted one";
const STRANGER: &str = "a checkpoint of a consumer that does not exist: nothing reads it";
const MEMBERS: &str = "white space and unknown members in the JSON of receipts and views";
const RECORDED: &str = "`recorded_at` of a row in the price history";
const EMPTY: &str = "rows of the price history without a price, below the newest row of their product";
const GENERATIONS: &str = "rows of generations of a view that are neither read nor written";
const ABOUT: &str = "a missing `ledger_id` of the views: they are assigned to the ledger again";
const HASH: &str = "the hash column of a row in the views, until the product's next commit";

/// A row of the view under the key of a product that never existed.
const FALSE_KEY: &str = "INSERT INTO products SELECT generation, 'P', shard, version, product, by_id, by_name, by_price, changes, hash, sku, category FROM products WHERE id = 'p'";

/// The changes, and what reports each. `p` has four commits (positions 0 to 3), `q` two (4 and 5).
type Changes = &'static [(&'static str, Named)];

const COMMITS: Changes = &[
    (
        r#"UPDATE commits SET line = replace(line, '"name":"two"', '"name":"xxx"') WHERE position = 2"#,
        Verify("sequence 3: changed"),
    ),
    (
        r#"UPDATE commits SET line = replace(line, '"name":"two"', '"name":"xxx"') WHERE position = 3"#,
        Verify("sequence 4: changed"),
    ),
    (
        r#"UPDATE commits SET line = replace(line, '"anonymous"', '"somebody"') WHERE position = 1"#,
        Verify("sequence 2: changed"),
    ),
    (
        r#"UPDATE commits SET line = replace(line, '"2.00"', '"9.00"') WHERE position = 1"#,
        Verify("sequence 2: changed"),
    ),
    (
        "UPDATE commits SET line = json_set(line, '$.events[0].event_id', '01K00000000000000000000000') WHERE position = 1",
        Verify("sequence 2: foreign_receipt"),
    ),
    (
        "UPDATE commits SET line = json_set(line, '$.recorded_at', '2020-01-01T00:00:00.000Z') WHERE position = 3",
        Verify("sequence 4: time_backwards"),
    ),
    (
        "UPDATE commits SET line = json_set(line, '$.metadata.occurred_at', '2020-01-01T00:00:00.000Z') WHERE position = 3",
        Verify("sequence 4: changed"),
    ),
    (
        "UPDATE commits SET line = json_set(line, '$.previous_hash', hash) WHERE position = 2",
        Verify("sequence 3: broken_link"),
    ),
    (
        "UPDATE commits SET line = json_set(line, '$.commit_id', '01K00000000000000000000000') WHERE position = 2",
        Verify("sequence 3: changed"),
    ),
    (
        "UPDATE commits SET line = json_set(line, '$.sequence', 9) WHERE position = 3",
        Verify("sequence 4: unreadable"),
    ),
    (
        "UPDATE commits SET line = json_set(line, '$.product_id', 'q') WHERE position = 3",
        Verify("sequence 4: unreadable"),
    ),
    (
        "UPDATE commits SET line = json_set(line, '$.extra', 'x') WHERE position = 3",
        Verify("sequence 4: changed"),
    ),
    (
        "UPDATE commits SET line = replace(line, hash, printf('%064d', 7)), hash = printf('%064d', 7) WHERE position = 1",
        Verify("sequence 2: rewritten"),
    ),
    ("UPDATE commits SET hash = printf('%064d', 7) WHERE position = 1", Verify("sequence 2: unreadable")),
    ("UPDATE commits SET product_id = 'z' WHERE position = 3", Verify("product z sequence 4: unreadable")),
    ("UPDATE commits SET sequence = 7 WHERE position = 3", Verify("product p sequence 7: unreadable")),
    ("UPDATE commits SET line = 'x' WHERE position = 1", Verify("sequence 2: unreadable")),
    (
        "UPDATE commits SET line = '{\"actor\":1,' || substr(line, 2) WHERE position = 1",
        Verify("sequence 2: changed"),
    ),
    ("DELETE FROM commits WHERE position = 1", Verify("missing: event 2 is missing")),
    ("DELETE FROM commits WHERE position = 0", Verify("missing: event 1 is missing")),
    ("DELETE FROM commits WHERE position = 3", Verify("cut_off: the receipts saw event 4")),
    ("DELETE FROM commits WHERE position = 5", Log(TAMPERED)),
    ("DELETE FROM commits WHERE product_id = 'p'", Verify("product p: cut_off")),
    ("DELETE FROM commits", Verify("product q: cut_off")),
    (
        "INSERT INTO commits SELECT 6, 5, product_id, commit_id, recorded_at, hash, line FROM commits WHERE position = 3",
        Verify("product p sequence 5: unreadable"),
    ),
    (
        "INSERT INTO commits SELECT 6, 1, 'z', commit_id, recorded_at, hash, line FROM commits WHERE position = 0",
        Verify("product z sequence 1: unreadable"),
    ),
    ("UPDATE commits SET position = 90 WHERE position = 5", Log(TAMPERED)),
    ("DROP TRIGGER commits_are_not_changed", Start("trigger commits_are_not_changed is missing")),
    ("CREATE TABLE planted (a)", Start("table planted does not belong there")),
    (
        "UPDATE about SET value = 'another' WHERE name = (SELECT name FROM about LIMIT 1)",
        Start("put the right file there"),
    ),
    (
        "UPDATE commits SET position = position + 100 WHERE position IN (3, 4); UPDATE commits SET position = 107 - position WHERE position > 100",
        Nobody(ORDER),
    ),
    (
        "UPDATE commits SET position = position + 100 WHERE position IN (1, 2); UPDATE commits SET position = 103 - position WHERE position > 100",
        Verify("product p sequence 2: out_of_order: it is behind sequence 3 by its position"),
    ),
    (
        "UPDATE commits SET position = 9 WHERE position = 5",
        Verify("ledger: missing: no commit has the positions 5 to 8"),
    ),
    (
        "UPDATE commits SET position = -1 WHERE position = 0",
        Verify("ledger: unexpected: a commit has the position -1"),
    ),
    (
        "INSERT INTO about VALUES ('next_position', '3')",
        Verify("the next position is 3, but no position was"),
    ),
    ("INSERT INTO about VALUES ('next_position', 'x')", Verify("the next position is x")),
    ("DELETE FROM about WHERE name = 'ledger_id'", Start("does not say which ledger it belongs to")),
    ("UPDATE commits SET commit_id = 'x' WHERE position = 1", Nobody(COLUMNS)),
    ("UPDATE commits SET recorded_at = '2020-01-01T00:00:00.000Z' WHERE position = 1", Nobody(COLUMNS)),
    ("UPDATE commits SET line = '{ ' || substr(line, 2) WHERE position = 1", Nobody(SPACES)),
];

const PUBLISHED: Changes = &[
    ("DELETE FROM receipts WHERE product_id = 'p' AND sequence = 2", Verify("sequence 2: unpublished")),
    ("DELETE FROM receipts WHERE product_id = 'p'", Verify("sequence 4: unpublished")),
    (
        "UPDATE receipts SET record = json_set(record, '$.hash', printf('%064d', 7)) WHERE product_id = 'p' AND sequence = 2",
        Verify("sequence 2: rewritten: the receipts saw"),
    ),
    (
        "UPDATE receipts SET record = json_set(record, '$.hash', printf('%064d', 7)) WHERE product_id = 'p' AND sequence = 4",
        Command(RECONCILE, "publisher"),
    ),
    (
        "UPDATE receipts SET record = json_set(record, '$.event_id', '01K00000000000000000000000') WHERE product_id = 'p' AND sequence = 2",
        Verify("sequence 2: foreign_receipt"),
    ),
    (
        r#"UPDATE receipts SET record = '{"event_id":"x","receipt_id":"","error":"e","details":{"error_code":"c"},"attempts":1,"failed_at":"2026-01-01T00:00:00.000Z"}', is_receipt = 0 WHERE product_id = 'p' AND sequence = 2"#,
        Verify("sequence 2: publication_failed"),
    ),
    (
        "UPDATE receipts SET record = 'x' WHERE product_id = 'p' AND sequence = 2",
        Verify(
            "product p sequence 2: unreadable: publishing.sqlite3: the row \"p\", 2 of the table receipts cannot be read",
        ),
    ),
    (
        "UPDATE receipts SET record = 'x'",
        Verify("product q sequence 2: unreadable: publishing.sqlite3: the row \"q\", 2"),
    ),
    ("UPDATE receipts SET record = 'x'", Command(RECONCILE, "the row \"p\", 4 of the table receipts")),
    (
        "INSERT INTO receipts SELECT product_id, 0, is_receipt, record FROM receipts WHERE product_id = 'p' AND sequence = 1",
        Verify("product p: unexpected: a receipt or a mark is there for event 0"),
    ),
    (
        "INSERT INTO receipts SELECT product_id, -3, is_receipt, record FROM receipts WHERE product_id = 'p' AND sequence = 1",
        Verify("product p: unexpected: a receipt or a mark is there for event -3"),
    ),
    (
        "INSERT INTO receipts SELECT 'no id', 1, is_receipt, record FROM receipts WHERE product_id = 'p' AND sequence = 1",
        Verify("product no id: unexpected"),
    ),
    (
        r#"INSERT INTO receipts VALUES ('p', 9, 0, '{"event_id":"x","receipt_id":"","error":"e","details":{"error_code":"c"},"attempts":1,"failed_at":"2026-01-01T00:00:00.000Z"}')"#,
        Verify("product p sequence 4: cut_off"),
    ),
    (
        "INSERT INTO receipts SELECT product_id, 5, is_receipt, record FROM receipts WHERE product_id = 'p' AND sequence = 4",
        Verify("cut_off: the receipts saw event 5"),
    ),
    (
        "INSERT INTO receipts SELECT 'z', 1, is_receipt, record FROM receipts WHERE product_id = 'p' AND sequence = 1",
        Verify("product z: cut_off"),
    ),
    (
        "UPDATE receipts SET sequence = 9 WHERE product_id = 'p' AND sequence = 4",
        Verify("cut_off: the receipts saw event 9"),
    ),
    (
        "INSERT INTO restored VALUES ('p', 2, printf('%064d', 7))",
        Verify("sequence 2: rewritten: the receipts saw"),
    ),
    ("INSERT INTO restored VALUES ('z', 2, printf('%064d', 7))", Verify("product z: cut_off")),
    ("INSERT INTO restored VALUES ('no id', 2, printf('%064d', 7))", Verify("product no id: unexpected")),
    ("INSERT INTO restored VALUES ('p', 0, printf('%064d', 7))", Verify("is there for event 0")),
    (
        "INSERT INTO restored VALUES ('p', 2, 'x')",
        Verify(
            "product p: unreadable: publishing.sqlite3: the row \"p\" of the table restored cannot be read",
        ),
    ),
    (
        "INSERT INTO restored SELECT product_id, sequence, json_extract(record, '$.hash') FROM receipts \
         WHERE product_id = 'p' AND sequence = 4; DELETE FROM receipts WHERE product_id = 'p'",
        Nobody(MARK),
    ),
    ("UPDATE checkpoints SET position = 90", Log(TAMPERED)),
    ("UPDATE checkpoints SET hash = 'x'", Log(TAMPERED)),
    (
        "UPDATE checkpoints SET position = 3, hash = \
         (SELECT json_extract(record, '$.hash') FROM receipts WHERE product_id = 'p' AND sequence = 4)",
        Nobody(MOVED_BACK),
    ),
    ("INSERT INTO checkpoints VALUES ('somebody', 2, 'x')", Nobody(STRANGER)),
    ("DELETE FROM about WHERE name = 'ledger_id'", Start("does not say which ledger it belongs to")),
    (
        "INSERT INTO parking VALUES ('somebody', 'p', 5, 'x', 0, '2026-01-01T00:00:00.000Z', 1)",
        Verify("product p: unexpected: it is parked by \"somebody\""),
    ),
    (
        "UPDATE receipts SET record = json_set(record, '$.extra', 1) WHERE product_id = 'p' AND sequence = 2",
        Nobody(MEMBERS),
    ),
    ("UPDATE receipts SET record = ' ' || record", Nobody(MEMBERS)),
    (
        "INSERT INTO parking VALUES ('publisher', 'p', 5, 'x', 0, '2026-01-01T00:00:00.000Z', 1)",
        Command(PARKED, "publisher  p"),
    ),
    (
        "UPDATE about SET value = 'another' WHERE name = (SELECT name FROM about LIMIT 1)",
        Start("put the right file there"),
    ),
    ("DROP TABLE restored", Start("table restored is missing")),
    (
        "UPDATE receipts SET record = json_set(record, '$.published_at', '2020-01-01T00:00:00.000Z') WHERE product_id = 'p' AND sequence = 2",
        Nobody(RECEIPT),
    ),
    (
        "UPDATE receipts SET record = json_set(record, '$.receipt_id', 'x') WHERE product_id = 'p' AND sequence = 2",
        Nobody(RECEIPT),
    ),
    (
        "UPDATE receipts SET record = json_set(record, '$.bus', 'x') WHERE product_id = 'p' AND sequence = 2",
        Nobody(RECEIPT),
    ),
    (
        "UPDATE receipts SET record = json_set(record, '$.attempts', 9) WHERE product_id = 'p' AND sequence = 2",
        Nobody(RECEIPT),
    ),
    ("UPDATE receipts SET is_receipt = 0 WHERE product_id = 'p' AND sequence = 2", Nobody(RECEIPT)),
    ("DELETE FROM bus WHERE position = 2", Nobody(BUS)),
    ("UPDATE bus SET entry = replace(entry, '2.00', '9.00')", Nobody(BUS)),
    ("UPDATE bus SET position = 90 WHERE position = (SELECT max(position) FROM bus)", Nobody(BUS)),
    ("UPDATE bus SET event_id = 'x' WHERE id = 2", Nobody(BUS)),
    ("DELETE FROM checkpoints", Nobody(CHECKPOINT)),
];

const SHOWN: Changes = &[
    (
        "UPDATE products SET product = replace(product, '3.00', '9.00') WHERE id = 'p'",
        Verify("product p sequence 4"),
    ),
    (
        r#"UPDATE products SET product = replace(product, '"version":4', '"version":5'), version = 5 WHERE id = 'p'"#,
        Verify("cut_off: the view saw event 5"),
    ),
    (
        r#"UPDATE products SET product = replace(product, '"version":4', '"version":3'), version = 3 WHERE id = 'p'"#,
        Verify("product p sequence 3"),
    ),
    (
        "UPDATE products SET version = 9 WHERE id = 'p'",
        Verify("product p: unreadable: the row \"p\" of the view products cannot be read: it says version 9"),
    ),
    (
        "UPDATE products SET version = 0 WHERE id = 'p'",
        Verify("product p: unreadable: the row \"p\" of the view products cannot be read: it says version 0"),
    ),
    (
        "UPDATE products SET product = 'x' WHERE id = 'p'",
        Verify("product p: unreadable: the row \"p\" of the view products cannot be read: its product"),
    ),
    ("UPDATE products SET product = 'x' WHERE id = 'p'", Command(RECONCILE, "run: ledger rebuild products")),
    (
        "UPDATE products SET product = 'x' WHERE id = 'p'",
        Command(COMMANDS[2], "p  views.sqlite3: the row \"p\" of the view products"),
    ),
    (
        FALSE_KEY,
        Verify(
            "product P: unreadable: the row \"P\" of the view products cannot be read: it holds the product p",
        ),
    ),
    (
        FALSE_KEY,
        Command(COMMANDS[2], "P  the row \"P\" of the view products cannot be read: it holds the product p"),
    ),
    (
        FALSE_KEY,
        Command(
            RECONCILE,
            "P  no version  products: the row \"P\" of the view products cannot be read: it holds the product p; run: ledger rebuild products",
        ),
    ),
    (
        "UPDATE prices SET entries = 'x' WHERE product_id = 'p' AND sequence = 2",
        Verify("product p: unreadable: views.sqlite3: the row \"p\", 2 of the table prices cannot be read"),
    ),
    (
        "UPDATE prices SET entries = 'x' WHERE product_id = 'p' AND sequence = 2",
        Command(RECONCILE, "run: ledger rebuild prices"),
    ),
    (
        "UPDATE prices SET entries = 'x' WHERE product_id = 'p' AND sequence = 2",
        Command(COMMANDS[1], "p  views.sqlite3: the row \"p\", 2 of the table prices"),
    ),
    ("DELETE FROM products WHERE id = 'p'", Command(RECONCILE, "p ")),
    ("DELETE FROM products WHERE id = 'q'", Command(RECONCILE, "q ")),
    (
        r#"INSERT INTO products SELECT generation, 'z', shard, version, replace(product, '"id":"p"', '"id":"z"'), by_id, by_name, by_price, changes, hash, sku, category FROM products WHERE id = 'p'"#,
        Verify("product z: cut_off"),
    ),
    (
        r#"INSERT INTO products SELECT generation, 'z', shard, version, replace(product, '"id":"p"', '"id":"z"'), by_id, by_name, by_price, changes, hash, sku, category FROM products WHERE id = 'p'"#,
        Command(COMMANDS[2], "z  shows a product that the ledger does not have"),
    ),
    (
        r#"INSERT INTO products SELECT generation, 'z', shard, version, replace(product, '"id":"p"', '"id":"z"'), by_id, by_name, by_price, changes, hash, sku, category FROM products WHERE id = 'p'"#,
        Command(RECONCILE, "z  no version  products: shows a product that the ledger does not have"),
    ),
    ("UPDATE products SET id = 'z' WHERE id = 'p'", Command(RECONCILE, "p ")),
    ("UPDATE products SET id = 'z' WHERE id = 'p'", Verify("product z: unreadable: the row \"z\"")),
    (
        "UPDATE prices SET entries = replace(entries, '2.00', '9.00') WHERE product_id = 'p' AND sequence = 2",
        Command(RECONCILE, "prices"),
    ),
    ("DELETE FROM prices WHERE product_id = 'p' AND sequence = 2", Command(RECONCILE, "prices")),
    ("DELETE FROM prices WHERE product_id = 'p' AND sequence = 4", Command(RECONCILE, "prices")),
    ("DELETE FROM prices WHERE product_id = 'p'", Command(RECONCILE, "prices")),
    ("UPDATE prices SET sequence = 9 WHERE product_id = 'p' AND sequence = 4", Command(RECONCILE, "prices")),
    ("INSERT OR REPLACE INTO folded VALUES (1, 'p', 9, NULL, NULL)", Command(RECONCILE, "prices")),
    ("UPDATE checkpoints SET hash = 'x'", Log(TAMPERED)),
    ("UPDATE checkpoints SET position = 90", Log(TAMPERED)),
    (
        "INSERT INTO parking VALUES ('products', 'p', 5, 'x', 0, '2026-01-01T00:00:00.000Z', 1)",
        Command(PARKED, "products  p"),
    ),
    (
        r#"INSERT OR REPLACE INTO about VALUES ('lineup', '{"revision":1,"products":{"read":7,"write":[7],"last":7},"prices":{"read":1,"write":[1],"last":1}}')"#,
        Command(RECONCILE, "q "),
    ),
    (
        "INSERT OR REPLACE INTO about VALUES ('lineup', 'x')",
        Command(RECONCILE, "stop the server and delete the file"),
    ),
    (
        "INSERT INTO parking VALUES ('publisher', 'p', 5, 'x', 0, '2026-01-01T00:00:00.000Z', 1)",
        Verify("product p: unexpected: it is parked by \"publisher\""),
    ),
    (
        "INSERT OR REPLACE INTO about VALUES ('building_up_to', '900')",
        Verify("the views are not built yet: they are built at the next start of the server"),
    ),
    (
        "UPDATE about SET value = 'id' WHERE name = 'orders'",
        Log("other orders are configured; the views are rebuilt"),
    ),
    (
        "UPDATE about SET value = 'sku' WHERE name = 'orders'",
        Verify(
            "the file of the views names no orders that this build knows; they are built at the next start",
        ),
    ),
    ("UPDATE products SET hash = printf('%064d', 7) WHERE id = 'p'", Nobody(HASH)),
    ("UPDATE prices SET hash = printf('%064d', 7) WHERE product_id = 'p' AND sequence = 4", Nobody(HASH)),
    (
        "INSERT INTO prices SELECT generation, 'z', sequence, entries, hash, recorded_at FROM prices WHERE product_id = 'p'",
        Verify(
            "product z: unreadable: views.sqlite3: the row \"z\", 1 of the table prices cannot be read: it holds the prices of",
        ),
    ),
    (
        "INSERT INTO prices SELECT generation, 'z', sequence, entries, hash, recorded_at FROM prices WHERE product_id = 'p'",
        Command(COMMANDS[1], "z  shows a product that the ledger does not have"),
    ),
    (
        "INSERT INTO prices SELECT generation, 'z', sequence, entries, hash, recorded_at FROM prices WHERE product_id = 'p'",
        Command(RECONCILE, "z  no version  prices: shows a product that the ledger does not have"),
    ),
    (
        r#"INSERT INTO prices SELECT generation, 'z', sequence, replace(entries, '"p"', '"z"'), hash, recorded_at FROM prices WHERE product_id = 'p'"#,
        Verify("product z: wrong_view: the view prices shows a product that the ledger does not have"),
    ),
    ("DELETE FROM checkpoints", Nobody(CHECKPOINT)),
    ("UPDATE prices SET recorded_at = '2020-01-01T00:00:00.000Z'", Nobody(RECORDED)),
    ("UPDATE products SET product = ' ' || product", Nobody(MEMBERS)),
    ("UPDATE products SET product = json_set(product, '$.extra', 1)", Nobody(MEMBERS)),
    ("UPDATE prices SET entries = ' ' || entries", Nobody(MEMBERS)),
    (
        "INSERT INTO prices SELECT generation, product_id, 3, '[]', hash, recorded_at FROM prices \
         WHERE product_id = 'p' AND sequence = 2",
        Nobody(EMPTY),
    ),
    ("INSERT OR REPLACE INTO folded VALUES (1, 'p', 1, NULL, NULL)", Nobody(EMPTY)),
    (
        "INSERT INTO products SELECT 7, id, shard, version, product, by_id, by_name, by_price, changes, hash, sku, category FROM products",
        Nobody(GENERATIONS),
    ),
    ("DELETE FROM about WHERE name = 'ledger_id'", Nobody(ABOUT)),
];

/// The positions of a row in the orders of LIST, and its place in look-ups.
const PLACES: Changes = &[
    ("UPDATE products SET by_name = 'zzz' WHERE id = 'p'", Verify("p")),
    ("UPDATE products SET by_name = NULL WHERE id = 'p'", Verify("p")),
    ("UPDATE products SET by_price = NULL WHERE id = 'p'", Verify("p")),
    ("UPDATE products SET by_id = NULL WHERE id = 'p'", Verify("p")),
    ("UPDATE products SET changes = NULL WHERE id = 'p'", Verify("p")),
    ("UPDATE products SET by_id = 'q' WHERE id = 'q'", Verify("q")),
    ("UPDATE products SET sku = NULL WHERE id = 'p'", Verify("is not found by its sku")),
    ("UPDATE products SET sku = 's' WHERE id = 'p'", Verify("is not found by its sku")),
    ("UPDATE products SET category = NULL WHERE id = 'p'", Verify("is not found by its category")),
    (
        "UPDATE products SET category = 'c' WHERE id = 'p'",
        Verify("is counted in a category that GET does not show"),
    ),
    ("UPDATE products SET sku = 's', category = 'c' WHERE id = 'q'", Nobody(LOOKUP)),
];

/// A stopped ledger.
async fn ended() -> Ledger {
    let mut ledger = Ledger::start();
    for body in [
        r#"{"name":"one","price":"1","sku":"S","category":"C"}"#,
        r#"{"name":"one","price":"2","sku":"S","category":"C"}"#,
        r#"{"name":"two","price":"2","sku":"S","category":"C"}"#,
        r#"{"name":"two","price":"3","sku":"S","category":"C"}"#,
    ] {
        ledger.send("PUT", "/products/p", body).await;
    }
    ledger.send("PUT", "/products/q", r#"{"name":"three","price":"5"}"#).await;
    ledger.send("DELETE", "/products/q", "").await;
    until_caught_up(&ledger).await;
    assert_eq!(ledger.terminate(), Some(0));
    ledger
}

/// Makes a change without the triggers, and restores them.
pub fn touch(data: &Path, file: &str, statements: &str) {
    let connection = by_hand(data, file);
    let triggers: Vec<(String, String)> = {
        let mut found =
            connection.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").unwrap();
        let rows = found.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    let is_schema = statements.starts_with("CREATE") || statements.starts_with("DROP");
    if !is_schema {
        for (name, _) in &triggers {
            connection.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
        }
    }
    connection.execute_batch(statements).unwrap();
    if !is_schema {
        assert!(connection.total_changes() > 0, "{statements} changed nothing");
        for (_, text) in &triggers {
            connection.execute_batch(text).unwrap();
        }
    }
}

/// What reports this change, if anything: tries each in turn.
fn naming(ledger: &Ledger, file: &str, (statements, named): (&str, Named)) {
    let (_directory, data) = copy(ledger);
    touch(&data, file, statements);
    match named {
        Verify(words) => {
            let output = run(&["verify", "--receipts", "--views"], &data);
            let said = printed(&output);
            assert!(output.status.code() != Some(0) && said.contains(words), "{statements}: {said}");
        }
        Start(words) => match start(&data) {
            Started::Refused(said) => assert!(said.contains(words), "{statements}: {said}"),
            Started::Serves(_) => panic!("{statements}: it is served"),
        },
        Log(words) => {
            let server = serves(&data, statements);
            // It serves before its consumers have read their checkpoints.
            let began = Instant::now();
            while !logged(&data, words) {
                assert!(began.elapsed() < PATIENCE, "{statements}: nothing is logged");
                std::thread::sleep(Duration::from_millis(20));
            }
            drop(server);
        }
        Command(command, words) => {
            let _server = serves(&data, statements);
            let output = run(command, &data);
            let said = printed(&output);
            let listed = command == PARKED || output.status.code() != Some(0);
            assert!(listed && said.contains(words), "{statements}: {said}");
        }
        Nobody(_) => named_by_nobody(&data, statements),
    }
}

/// Nothing reports it, which is why docs/audit.md lists it.
fn named_by_nobody(data: &Path, statements: &str) {
    let verify = run(&["verify", "--receipts", "--views"], data);
    assert_eq!(verify.status.code(), Some(0), "{statements}: {}", printed(&verify));
    let _server = serves(data, statements);
    for command in COMMANDS {
        let output = run(command, data);
        assert_eq!(output.status.code(), Some(0), "{statements}: {command:?}: {}", printed(&output));
    }
    assert!(run(&["parked", "--json"], data).stdout.is_empty(), "{statements}");
    assert!(!logged(data, "tampered"), "{statements}");
}

fn serves(data: &Path, statements: &str) -> Server {
    match start(data) {
        Started::Serves(server) => server,
        Started::Refused(said) => panic!("{statements}: {said}"),
    }
}

fn logged(data: &Path, words: &str) -> bool {
    std::fs::read_to_string(data.with_extension("log")).unwrap().contains(words)
}

async fn each_is_named(file: &str, changes: Changes) {
    let ledger = ended().await;
    for change in changes {
        naming(&ledger, file, *change);
    }
}

#[tokio::test]
async fn a_change_of_the_commits_is_named() {
    each_is_named(LEDGER, COMMITS).await;
}

#[tokio::test]
async fn a_change_of_receipts_bus_or_checkpoint_is_named() {
    each_is_named(PUBLISHING, PUBLISHED).await;
}

#[tokio::test]
async fn a_change_of_the_views_is_named() {
    each_is_named(VIEWS, SHOWN).await;
}

#[tokio::test]
async fn a_change_of_a_place_in_an_order_is_named() {
    each_is_named(VIEWS, PLACES).await;
}

#[test]
fn docs_audit_lists_exactly_the_undetected_changes() {
    let all = [COMMITS, PUBLISHED, SHOWN, PLACES];
    assert!(all.iter().map(|changes| changes.len()).sum::<usize>() >= 48);
    let nobody = all.into_iter().flatten().filter_map(|(_, named)| match named {
        Nobody(line) => Some((*line).to_owned()),
        _ => None,
    });
    let page = std::fs::read_to_string(repository().join("docs/audit.md")).unwrap();
    let section = page.split("## Undetected changes\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let listed = section.lines().filter_map(|line| line.strip_prefix("- "));
    let listed = listed.map(|line| line.trim_end_matches([';', '.']).to_owned());
    assert_eq!(listed.collect::<BTreeSet<_>>(), nobody.collect::<BTreeSet<_>>());
}
