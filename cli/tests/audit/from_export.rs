//! `ledger show`, `history` and `prices` of a product in an export.

use serde_json::Value;

use super::given::{Ledger, Ran, program, ran, read};

/// A ledger, and its export.
async fn exported() -> Ledger {
    let ledger = Ledger::of_two().await;
    assert_eq!(ledger.run(&["export", "-o", "export.ndjson"]).code, 0);
    ledger
}

/// Runs a command with the export `file` where no server can be asked.
fn of_file(ledger: &Ledger, file: &str, arguments: &[&str]) -> Ran {
    let mut program = program();
    program.args(arguments).args(["--file", file]).env("LEDGER_URL", "http://127.0.0.1:1");
    ran(program.current_dir(ledger.path(".")))
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:?}"))
}

#[tokio::test]
async fn a_product_of_an_export_is_shown_without_a_network_and_what_was_checked_is_said() {
    let ledger = exported().await;
    let head = ledger.run_without(&["verify", "helmet", "--file", "export.ndjson", "--heads"]);
    let head = head.out.lines().next().unwrap().rsplit(' ').next().unwrap().to_owned();
    for name in ["show", "history", "prices"] {
        let shown = of_file(&ledger, "export.ndjson", &[name, "helmet"]);
        assert_eq!(shown.code, 0, "{shown:?}");
        let checked = format!(
            "checked: the chain of helmet in export.ndjson is whole: 6 commits, 6 events, head {head}\n"
        );
        assert_eq!(shown.err, checked);
    }
    let history = of_file(&ledger, "export.ndjson", &["history", "helmet"]);
    assert!(history.out.contains("price: 33.6442 USD → 34.99 USD"), "{}", history.out);
    assert!(!history.out.contains("not yet") && !history.out.contains("published"), "{}", history.out);
    let commits = json(&of_file(&ledger, "export.ndjson", &["history", "helmet", "--json"]));
    let lines: Vec<Value> = read(&ledger.path("export.ndjson"))
        .lines()
        .take(6)
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(commits["commits"], Value::from(lines), "as exported");
}

#[tokio::test]
async fn the_past_of_an_export_is_that_of_its_product() {
    let ledger = exported().await;
    let version = |arguments: &[&str]| {
        let shown = of_file(&ledger, "export.ndjson", &[&["show", "helmet", "--json"], arguments].concat());
        json(&shown)["version"].clone()
    };
    assert_eq!(version(&[]), 6);
    assert_eq!(version(&["--version", "2"]), 2);
    assert_eq!(version(&["--as-of", "2999-01-01"]), 6);
    let early = of_file(&ledger, "export.ndjson", &["show", "helmet", "--as-of", "2000-01-01"]);
    assert!(early.code == 1 && early.err.contains("did not exist at 2000-01-01T23:59:59.999Z"), "{early:?}");
    let zoned = ["show", "helmet", "--as-of", "2000-01-01", "--time-zone", "Asia/Tokyo"];
    let early = of_file(&ledger, "export.ndjson", &zoned);
    assert!(early.err.contains("did not exist at 2000-01-01T14:59:59.999Z"), "{early:?}");
    let prices = json(&of_file(&ledger, "export.ndjson", &["prices", "helmet", "--json"]));
    assert_eq!((&prices["version"], &prices["currency"]), (&6.into(), &"USD".into()));
}

#[tokio::test]
async fn what_is_not_in_an_export_or_not_whole_in_it_is_not_shown() {
    let ledger = exported().await;
    let none = of_file(&ledger, "export.ndjson", &["show", "nobody"]);
    assert_eq!((none.code, none.err.as_str()), (1, "ledger: there is no product nobody in export.ndjson\n"));
    for command in [&["show", "helmet", "--file", "."][..], &["verify", "--file", "."]] {
        let directory = ledger.run_without(command);
        let said = "ledger: . cannot be read: it is a directory; an export is a file or - (standard input)\n";
        assert_eq!((directory.code, directory.err.as_str()), (2, said), "{command:?}");
    }
    assert_eq!(of_file(&ledger, "nowhere", &["show", "helmet"]).code, 2);
    for command in ["show", "history", "prices"] {
        let both = of_file(&ledger, "export.ndjson", &[command, "helmet", "--url", "http://127.0.0.1:1"]);
        assert!(
            both.code == 2 && both.err.contains("'--file <EXPORT>' cannot be used with '--url <URL>'"),
            "{both:?}"
        );
    }
    let whole = read(&ledger.path("export.ndjson"));
    let write = |text: &str| std::fs::write(ledger.path("changed"), text).unwrap();
    write(&whole.replacen("\"34.99\"", "\"34.98\"", 1));
    let changed = of_file(&ledger, "changed", &["history", "helmet"]);
    assert!(changed.code == 1 && changed.out.is_empty(), "{changed:?}");
    assert!(changed.err.contains("line 3: product helmet sequence 3: changed"), "{changed:?}");
    assert_eq!(of_file(&ledger, "changed", &["history", "lamp"]).code, 0, "the other product is whole");
    let unreadable = format!("{{\"product_id\n{whole}");
    write(&unreadable);
    let unread = of_file(&ledger, "changed", &["show", "lamp"]);
    assert!(unread.code == 1 && unread.err.contains("line 1"), "a line that may be anybody's: {unread:?}");
}
