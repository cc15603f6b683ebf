//! Data directories and exports of earlier builds can be read, verified and continued. `tests/data/before-price-times`
//! is one whose states do not have the time of the price in force.

use std::io::Read;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::scenario::{Ledger, printed, program, repository};

fn kept() -> PathBuf {
    repository().join("tests/data/before-price-times")
}

/// The directory as it was left.
fn unpacked(into: &Path) -> PathBuf {
    let data = into.join("data");
    std::fs::DirBuilder::new().mode(0o700).create(&data).unwrap();
    for name in ["ledger", "publishing", "views"] {
        let zipped = std::fs::File::open(kept().join(format!("{name}.sqlite3.gz"))).unwrap();
        let mut file = Vec::new();
        flate2::read::GzDecoder::new(zipped).read_to_end(&mut file).unwrap();
        std::fs::write(data.join(format!("{name}.sqlite3")), file).unwrap();
    }
    data
}

fn heads(text: &str) -> &str {
    text.split("heads ").nth(1).and_then(|rest| rest.lines().next()).unwrap_or_else(|| panic!("{text}"))
}

#[tokio::test]
async fn a_directory_whose_states_have_no_time_of_the_price_opens_verifies_and_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = Ledger::on(unpacked(directory.path()));
    // The server builds the views of the earlier version again, and answers requests for the rest meanwhile.
    ledger.until("/products/cap", |status, _| status == 200).await;
    let whole = printed(&ledger.operate(&["verify", "--receipts", "--views"]));
    let of_export = program().args(["verify", "--file"]).arg(kept().join("export.ndjson")).output().unwrap();
    assert!(of_export.status.success(), "{}", printed(&of_export));
    assert_eq!(heads(&whole), heads(&printed(&of_export)), "{whole}");

    let (_, cap) = ledger.get("/products/cap").await;
    assert_eq!((&cap["price"], cap.get("price_occurred_at")), (&json!("90.00"), None));
    let (_, inside) = ledger.get("/products/hat?version=3").await;
    assert_eq!((&inside["price"], inside.get("price_occurred_at")), (&json!("25.00"), None));

    let late = r#"{"price":"95","occurred_at":"2026-08-01T00:00:00Z"}"#;
    let (_, receipt) = ledger.send("PATCH", "/products/cap", late).await;
    assert_eq!(receipt["events"][0]["type"], "ProductPriceRecorded");
    let again = r#"{"price":"120","occurred_at":"2026-09-01T00:00:00Z"}"#;
    let (_, receipt) = ledger.send("PATCH", "/products/cap", again).await;
    assert_eq!(receipt["events"][0]["type"], "ProductPriceChanged");
    ledger.send("PUT", "/products/hat", r#"{"name":"Hat","price":"20"}"#).await;
    ledger.send("PATCH", "/products/scarf", r#"{"name":"Silk scarf"}"#).await;
    let (_, cap) = ledger.get("/products/cap?min_version=5").await;
    assert_eq!(
        (&cap["price"], &cap["price_occurred_at"]),
        (&json!("120.00"), &json!("2026-09-01T00:00:00.000Z"))
    );
    let prices = ledger
        .until("/products/cap/prices", |_, prices| prices["timeline"].as_array().unwrap().len() == 5)
        .await;
    assert_eq!(prices["current"], "120.00");

    ledger.until("/products/scarf", |_, product| product["name"] == "Silk scarf").await;
    ledger.bus(|entries| entries.len() >= 14).await;
    let verified = ledger.operate(&["verify", "--receipts", "--views"]);
    assert!(verified.status.success(), "{}", printed(&verified));
    let script = repository().join("docs/audit/verify.py");
    let by_hand = std::process::Command::new("python3").arg(script).arg(&ledger.url).output().unwrap();
    assert!(by_hand.status.success(), "{}", printed(&by_hand));
}

#[tokio::test]
async fn an_export_of_such_a_ledger_is_restored_byte_for_byte() {
    let directory = tempfile::tempdir().unwrap();
    let (data, out) = (directory.path().join("data"), directory.path().join("export.ndjson"));
    let export = kept().join("export.ndjson");
    let restored = program().arg("restore").arg(&export).arg("--data").arg(&data).output().unwrap();
    assert!(restored.status.success(), "{}", printed(&restored));
    let ledger = Ledger::on(data);
    assert!(ledger.operate(&["export", "-o", out.to_str().unwrap()]).status.success());
    assert_eq!(std::fs::read(out).unwrap(), std::fs::read(export).unwrap());
    let patch = r#"{"price":"80","occurred_at":"2026-07-15T00:00:00Z"}"#;
    assert_eq!(
        ledger.send("PATCH", "/products/cap", patch).await.1["events"][0]["type"],
        "ProductPriceRecorded"
    );
    let verified = ledger.operate(&["verify"]);
    assert!(verified.status.success(), "{}", printed(&verified));
}
