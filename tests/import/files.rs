//! Files as people have them: made-up ones in the forms of shop systems and feeds, imported by presets and maps, again with other
//! prices, and mended.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use tempfile::NamedTempFile;

use super::{import_at, summary};
use crate::scenario::{Ledger, printed, program};

/// A file, how it is imported, how many products it has, and the id, the price and the currency of one.
struct Catalogue {
    file: &'static str,
    arguments: &'static [&'static str],
    products: usize,
    one: (&'static str, &'static str, &'static str),
}

const NORTHWIND: &str = "id=ProductID,name=ProductName,price=UnitPrice,currency='USD',attributes=*";

const CATALOGUES: [Catalogue; 10] = [
    Catalogue {
        file: "shopify.csv",
        arguments: &["--preset", "shopify", "--currency", "USD"],
        products: 65,
        one: ("JK~201~2F0", "41.00", "USD"),
    },
    Catalogue {
        file: "woocommerce.csv",
        arguments: &["--preset", "woocommerce", "--currency", "EUR"],
        products: 16,
        one: ("id~3A200~2FRed", "45.50", "EUR"),
    },
    Catalogue {
        file: "google.tsv",
        arguments: &["--preset", "google"],
        products: 12,
        one: ("G-1", "26.00", "EUR"),
    },
    Catalogue {
        file: "google.xml",
        arguments: &["--preset", "google"],
        products: 12,
        one: ("X~263", "23.00", "GBP"),
    },
    Catalogue {
        file: "prestashop.csv",
        arguments: &[
            "--preset",
            "prestashop",
            "--encoding",
            "windows-1252",
            "--decimal",
            ",",
            "--currency",
            "EUR",
        ],
        products: 10,
        one: ("demo_2", "11.92", "EUR"),
    },
    Catalogue {
        file: "magento.csv",
        arguments: &["--preset", "magento", "--currency", "USD"],
        products: 8,
        one: ("24-MB02", "36.00", "USD"),
    },
    Catalogue {
        file: "northwind.csv",
        arguments: &["--map", NORTHWIND],
        products: 12,
        one: ("1", "19.00", "USD"),
    },
    Catalogue {
        file: "northwind-utf-16.txt",
        arguments: &["--map", NORTHWIND],
        products: 12,
        one: ("12", "30.00", "USD"),
    },
    Catalogue {
        file: "cups.json",
        arguments: &["--map", "id=sku,name=title,price=price.amount,currency=price.currency,attributes=*"],
        products: 10,
        one: ("J~209", "14.00", "CHF"),
    },
    Catalogue {
        file: "cups.ndjson",
        arguments: &["--map", "id=code,name=name,price=cost", "--currency", "USD"],
        products: 10,
        one: ("N~2F9", "1009.50", "USD"),
    },
];

fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/catalogues").join(file)
}

fn import(ledger: &Ledger, file: &Path, arguments: &[&str]) -> Command {
    let mut command = ledger.import(file);
    command.args(arguments);
    command
}

fn ended(output: &Output, code: i32, counts: &str) {
    let text = printed(output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert_eq!(summary(output), counts, "{text}");
}

/// A file of this name in a folder that is removed at the end.
fn written(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

#[tokio::test]
async fn each_catalogue_is_planned_imported_and_imported_before() {
    for Catalogue { file, arguments, products, one: (id, price, currency) } in CATALOGUES {
        let ledger = Ledger::start();
        let plan = import(&ledger, &path(file), arguments).arg("--dry-run").output().unwrap();
        let planned =
            format!("{products} would be created, 0 replaced, 0 unchanged, 0 refused; nothing was sent");
        assert!(printed(&plan).contains(&planned), "{file}: {}", printed(&plan));
        let first = import(&ledger, &path(file), arguments).output().unwrap();
        let counts = |written, before| {
            format!(
                "{products} commands: {written} written, {before} imported before, 0 without effect, 0 failures"
            )
        };
        ended(&first, 0, &counts(products, 0));
        let product = ledger.until(&format!("/products/{id}?min_version=1"), |status, _| status == 200).await;
        assert_eq!(
            (product["price"].as_str(), product["currency"].as_str()),
            (Some(price), Some(currency)),
            "{file}"
        );
        let again = import(&ledger, &path(file), arguments).output().unwrap();
        ended(&again, 0, &counts(0, products));
    }
}

#[tokio::test]
async fn a_second_export_changes_exactly_the_products_whose_prices_changed() {
    let ledger = Ledger::start();
    let arguments = ["--preset", "shopify", "--currency", "USD"];
    ended(
        &import(&ledger, &path("shopify.csv"), &arguments).output().unwrap(),
        0,
        "65 commands: 65 written, 0 imported before, 0 without effect, 0 failures",
    );
    while ledger.list(100).await.len() != 65 {}
    let text = std::fs::read_to_string(path("shopify.csv")).unwrap();
    let second = text.replace(",47.00,", ",37.00,");
    assert_ne!(second, text);
    let (_folder, second) = written("second.csv", second.as_bytes());
    let plan = import(&ledger, &second, &arguments).arg("--dry-run").output().unwrap();
    let planned = "65 commands: 0 would be created, 3 replaced, 62 unchanged, 0 refused; nothing was sent";
    assert!(printed(&plan).contains(planned), "{}", printed(&plan));
    ended(
        &import(&ledger, &second, &arguments).output().unwrap(),
        0,
        "65 commands: 3 written, 0 imported before, 62 without effect, 0 failures",
    );
}

#[tokio::test]
async fn refused_rows_are_written_to_a_file_that_can_be_mended_and_imported() {
    let ledger = Ledger::start();
    let rows =
        "id;name;price;currency\nA 1;Cap;9,50;EUR\nB;Hat;call us;EUR\nC;Scarf;1,00;EUR\nC;Shawl;2,00;EUR\n";
    let (folder, file) = written("rows.csv", rows.as_bytes());
    let refused = folder.path().join("refused.csv");
    let to = refused.to_str().unwrap();
    let first = import(&ledger, &file, &["--decimal", ",", "--refused", to]).output().unwrap();
    ended(&first, 1, "4 commands: 1 written, 0 imported before, 0 without effect, 3 failures");
    let text = printed(&first);
    assert!(text.contains("line 3: the price \"call us\" has no digits (product B)"), "{text}");
    assert!(text.contains("line 4: another row has the same id, so both are refused"), "{text}");
    let kept = std::fs::read_to_string(&refused).unwrap();
    assert!(
        kept.starts_with("product_id;id;name;price;currency;refused_because\nB;B;Hat;call us;EUR;"),
        "{kept}"
    );
    std::fs::write(&refused, kept.replace("call us", "3,00").replace(";C;Shawl", ";C2;Shawl")).unwrap();
    let mended = import(&ledger, &refused, &["--decimal", ","]).output().unwrap();
    ended(&mended, 0, "3 commands: 3 written, 0 imported before, 0 without effect, 0 failures");
    ledger
        .until("/products/C2?min_version=1", |status, product| status == 200 && product["price"] == "2.00")
        .await;
    ledger
        .until("/products/B?min_version=1", |status, product| status == 200 && product["price"] == "3.00")
        .await;
}

#[test]
fn a_plan_without_a_server_says_that_products_are_not_known() {
    let output = import_at("http://127.0.0.1:9", &path("google.tsv"))
        .args(["--preset", "google", "--dry-run"])
        .output()
        .unwrap();
    let text = printed(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("which products exist is not known"), "{text}");
    assert!(text.contains("12 commands: 12 would be sent, 0 refused; nothing was sent"), "{text}");
    assert!(text.contains("sale to come, not sent: from 2999-01-01T00:00+0100 (lines 5, 9, 13)"), "{text}");
}

#[test]
fn what_cannot_be_read_is_one_reason_and_exit_code_2() {
    let text = b"Handle,Title,Variant Price\nx,M\xfctze,1\n";
    let (_folder, windows) = written("windows.csv", text);
    let (_other, plain) = written("plain.csv", b"Handle,Title,Variant Price\nx,y,1\n");
    for (file, arguments, reason) in [
        (&windows, &["--preset", "shopify"][..], "line 2 is not UTF-8: 0xFC"),
        (&plain, &[], "they look like those of --preset shopify"),
        (&plain, &["--preset", "magento"], "has no column \"sku\""),
        (&plain, &["--map", "id=Code,name=Title,price=Variant Price"], "\"Code\", which no row has"),
        (&plain, &["--map", "colour=Title"], "is no field"),
        (&plain, &["--format", "json"], "is not a JSON array"),
        (&plain, &["--encoding", "none"], "is no encoding"),
        (&plain, &["--format", "ndjson", "--currency", "EUR"], "--currency is for files of rows"),
    ] {
        let output = program().arg("import").arg(file).args(arguments).output().unwrap();
        let text = printed(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(reason), "{reason} in {text}");
    }
}

/// How many kills, in CI and with `LEDGER_IMPORTS=full`, and how many rows.
const KILLS: usize = 3;
const IN_FULL: usize = 20;
const ROWS: usize = 300;
/// A kill comes within this time after a start.
const LIVES: u64 = 1_500;

#[tokio::test]
async fn killed_at_any_moment_an_import_of_rows_records_each_row_once() {
    let is_full = std::env::var("LEDGER_IMPORTS").is_ok_and(|imports| imports == "full");
    let (ledger, mut rows, mut killed) = (Ledger::start(), "id,name,price\n".to_owned(), 0);
    for row in 0..ROWS {
        writeln!(rows, "row {row},Row {row},{row}.50").unwrap();
    }
    let (_folder, file) = written("rows.csv", rows.as_bytes());
    while killed < if is_full { IN_FULL } else { KILLS } {
        let mut import =
            import(&ledger, &file, &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(fastrand::u64(..LIVES))).await;
        import.kill().unwrap();
        // One that has ended by itself is started again: its rows are imported before, and it can be killed, too.
        killed += usize::from(import.wait().unwrap().code().is_none());
    }
    let last = import(&ledger, &file, &[]).output().unwrap();
    assert_eq!(last.status.code(), Some(0), "{}", printed(&last));
    for row in 0..ROWS {
        let commits = ledger.history(&format!("row~20{row}")).await;
        assert_eq!(commits.len(), 1, "row {row}");
        assert_eq!(commits[0]["state"]["price"], format!("{row}.50"), "row {row}");
    }
}

#[tokio::test]
async fn the_commands_of_an_array_are_checked_and_sent_in_their_order() {
    let ledger = Ledger::start();
    let commands = r#"[{"command":"create","product_id":"p","name":"n","price":"1"},
        {"command":"update","product_id":"p","price":"2"}, {"command":"delete","product_id":"p"}]"#;
    let (_folder, file) = written("commands.json", commands.as_bytes());
    let plan = import(&ledger, &file, &["--dry-run"]).output().unwrap();
    let text = printed(&plan);
    assert!(text.contains("3 commands: 3 would be sent, 0 refused; nothing was sent"), "{text}");
    let sent = import(&ledger, &file, &[]).output().unwrap();
    ended(&sent, 0, "3 commands: 3 written, 0 imported before, 0 without effect, 0 failures");
    assert_eq!(ledger.history("p").await.len(), 3);
}

#[tokio::test]
async fn lines_that_were_refused_or_not_sent_are_kept_as_they_are() {
    let ledger = Ledger::start();
    let lines = NamedTempFile::new().unwrap();
    let create = r#"{"command":"create","product_id":"p","name":"n","price":"1"}"#;
    let bad = r#"{"command":"update","product_id":"p","price":"-1"}"#;
    let behind = r#"{"command":"update","product_id":"p","price":"2"}"#;
    std::fs::write(lines.path(), [create, bad, behind].join("\n")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let refused = folder.path().join("refused.ndjson");
    let output = import(&ledger, lines.path(), &["--refused", refused.to_str().unwrap()]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", printed(&output));
    assert_eq!(std::fs::read_to_string(&refused).unwrap(), format!("{bad}\n{behind}\n"));
}
