//! `ledger verify`.

use event_store::chain;
use event_store::receipts::EventPublication;
use event_store::{Checkpoint, CheckpointStore};
use projections::views::ProductRow;
use projections::{Catalogue, Prices, Projection};
use schema::{PublicationReceipt, PublicationRecord, StoredCommit, fixtures};
use serde_json::{Value, json};

use super::given::{Ledger, Ran, lives};

fn one_line(ran: &Ran, code: i32, says: &str) {
    assert_eq!(ran.code, code, "{ran:?}");
    let told = ran.err.lines().filter(|line| line.starts_with("ledger: ")).collect::<Vec<_>>();
    assert!(told.len() == 1 && told[0].contains(says), "{}", ran.err);
}

fn rehash(commit: &mut StoredCommit) {
    commit.0["hash"] = json!(chain::hash_of(commit).unwrap().as_str());
}

#[tokio::test]
async fn a_whole_ledger_and_its_export_are_whole_with_the_same_heads() {
    let ledger = Ledger::of_two().await;
    let tables = ledger.run(&["verify"]);
    assert_eq!(tables.code, 0, "{tables:?}");
    assert!(tables.out.starts_with("whole: 2 products, 8 commits, 8 events, heads "), "{}", tables.out);
    assert_eq!(ledger.run(&["export", "-o", "export.ndjson"]).code, 0);
    let file = ledger.run_without(&["verify", "--file", "export.ndjson"]);
    assert_eq!((file.code, &file.out), (0, &tables.out), "{}", file.err);
    let heads = ledger.run_without(&["verify", "--file", "export.ndjson", "--heads"]);
    let expected = lives();
    let head = |at: usize, version| {
        let product = expected[at].text("product_id").unwrap();
        format!("{product} {version} {}\n", expected[at].text("hash").unwrap())
    };
    assert_eq!(heads.out, head(5, 6) + &head(7, 2) + &tables.out);
}

#[tokio::test]
async fn one_product_is_verified_in_the_tables_and_in_a_file() {
    let ledger = Ledger::of_two().await;
    ledger.run(&["export", "-o", "export.ndjson"]);
    for ran in
        [ledger.run(&["verify", "lamp"]), ledger.run_without(&["verify", "lamp", "--file", "export.ndjson"])]
    {
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.out.starts_with("whole: 1 product, 2 commits, 2 events"), "{}", ran.out);
    }
    let mut commit = lives().remove(1);
    commit.0["metadata"]["actor"] = json!("mallory");
    ledger.overwrite(&commit);
    assert_eq!(ledger.run(&["verify", "lamp"]).code, 0, "the other product is not looked at");
    assert_eq!(ledger.run(&["verify", "helmet"]).code, 1);
}

/// Whatever somebody makes of a row, it is named and hides none of the others, with the receipts and without.
#[tokio::test]
async fn a_row_that_cannot_be_read_or_says_something_else_than_its_line_is_named_and_hides_nothing() {
    for change in [
        "UPDATE commits SET line = 'not json' WHERE product_id = 'helmet' AND sequence = 2",
        "UPDATE commits SET line = '' WHERE product_id = 'helmet' AND sequence = 2",
        "UPDATE commits SET line = line || char(10) || '{}' WHERE product_id = 'helmet' AND sequence = 2",
        "UPDATE commits SET hash = 'another' WHERE product_id = 'helmet' AND sequence = 2",
        "UPDATE commits SET sequence = 9 WHERE product_id = 'helmet' AND sequence = 2",
        "UPDATE commits SET product_id = 'mitten' WHERE product_id = 'helmet' AND sequence = 2",
    ] {
        let ledger = Ledger::of_two().await;
        ledger.change(change, []);
        for arguments in [&["verify"][..], &["verify", "--receipts"]] {
            let ran = ledger.run(arguments);
            assert_eq!(ran.code, 1, "{change}: {ran:?}");
            assert!(ran.out.contains("helmet") && ran.out.contains(" products, "), "{change}: {}", ran.out);
        }
    }
}

#[tokio::test]
async fn a_product_whose_commits_are_gone_is_named_by_its_receipts() {
    let ledger = Ledger::of_two().await;
    let receipt = PublicationRecord::Receipt(PublicationReceipt {
        event_id: "e".into(),
        receipt_id: "r".into(),
        bus_sequence: None,
        bus: "local".into(),
        published_at: fixtures::at("2026-11-23T05:20:00Z"),
        attempts: 1,
        hash: schema::Hash::genesis(),
    });
    let record = EventPublication { product: fixtures::id("gone"), sequence: 3, outcome: receipt };
    ledger.backend.publisher.receipts.record(&[record]).await.unwrap();
    let ran = ledger.run(&["verify", "--receipts"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.lines().any(|line| line.starts_with("product gone")), "{}", ran.out);
    assert_eq!(ledger.run(&["verify"]).code, 0, "the chains alone cannot tell");
}

#[tokio::test]
async fn a_fault_in_the_tables_is_named_with_product_and_sequence() {
    let ledger = Ledger::of_two().await;
    let mut commit = lives().remove(2);
    commit.0["state"]["price"] = json!("0.01");
    rehash(&mut commit);
    ledger.overwrite(&commit);
    let ran = ledger.run(&["verify"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let lines: Vec<&str> = ran.out.lines().collect();
    assert!(
        lines[0].starts_with("product helmet sequence 3: wrong_state: price: the events give \"34.99\""),
        "{}",
        ran.out
    );
    assert!(lines[1].starts_with("product helmet sequence 4: broken_link: "), "{}", ran.out);
    assert!(lines[2].starts_with("2 faults: 2 products, 8 commits, 8 events"), "{}", ran.out);
    let json: Value = serde_json::from_str(&ledger.run(&["verify", "--json"]).out).unwrap();
    assert_eq!((&json["valid"], &json["commits"]), (&json!(false), &json!(8)));
    assert_eq!(json["faults"][1]["fault"], json!("broken_link"));
    assert_eq!(json["faults"][1]["sequence"], json!(4));
}

#[tokio::test]
async fn a_fault_in_a_file_is_named_with_its_line_too() {
    let ledger = Ledger::of_two().await;
    ledger.run(&["export", "-o", "export.ndjson"]);
    let export = super::given::read(&ledger.path("export.ndjson"));
    let mut lines: Vec<&str> = export.lines().collect();
    lines.remove(3);
    std::fs::write(ledger.path("less.ndjson"), lines.join("\n")).unwrap();
    let ran = ledger.run_without(&["verify", "--file", "less.ndjson"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.out.starts_with("line 4: product helmet sequence 5: missing: event 4 is missing\n"),
        "{}",
        ran.out
    );
    std::fs::write(ledger.path("damaged.ndjson"), "oops").unwrap();
    let ran = ledger.run_without(&["verify", "--file", "damaged.ndjson"]);
    assert!(ran.code == 1 && ran.out.starts_with("line 1: unreadable: "), "nothing is known of it: {ran:?}");
}

#[tokio::test]
async fn an_earlier_export_shows_what_was_cut_off_and_what_was_written_anew() {
    let ledger = Ledger::of_two().await;
    ledger.run(&["export", "-o", "earlier.ndjson"]);
    assert_eq!(ledger.run(&["verify", "--against", "earlier.ndjson"]).code, 0);
    let mut commit = lives().remove(7);
    commit.0["metadata"]["actor"] = json!("mallory");
    rehash(&mut commit);
    ledger.overwrite(&commit);
    assert_eq!(ledger.run(&["verify"]).code, 0, "a chain alone cannot show it");
    let ran = ledger.run(&["verify", "--against", "earlier.ndjson"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains("product lamp sequence 2: rewritten: the earlier export saw"), "{}", ran.out);
    std::fs::write(ledger.path("damaged.ndjson"), "oops").unwrap();
    one_line(&ledger.run(&["verify", "--against", "damaged.ndjson"]), 2, "is not whole itself");
}

/// Brings both views to where the ledger is, and says that the projector has handled the first `handled` commits.
async fn projected(ledger: &Ledger, handled: u64) {
    let (ports, journal) = (&ledger.backend.projector, &ledger.backend.journal);
    let catalogue = Catalogue::new(ports.views.clone(), journal.clone());
    let prices = Prices::new(ports.prices.clone(), journal.clone());
    let lineup = ports.views.generations().await.unwrap();
    for product in ["helmet", "lamp"].map(fixtures::id) {
        catalogue.catch_up(lineup.products.read, &product).await.unwrap();
        prices.catch_up(lineup.prices.read, &product).await.unwrap();
    }
    handled_by(&*ledger.backend.feed.as_ref().unwrap().projector, handled).await;
}

async fn handled_by(progress: &dyn CheckpointStore, commits: u64) {
    progress.begin();
    progress.keep(&Checkpoint { position: commits - 1, hash: "h".into() }).await.unwrap();
}

#[tokio::test]
async fn the_view_is_compared_on_request() {
    let ledger = Ledger::of_two().await;
    projected(&ledger, 8).await;
    let views = &ledger.backend.projector.views;
    let generation = views.generations().await.unwrap().products.read;
    for arguments in [&["verify", "--views"][..], &["verify", "--views", "helmet"]] {
        let ran = ledger.run(arguments);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let mut later = lives().remove(7).decode().unwrap().unsealed.state;
    later.version = 3;
    for id in [later.id.clone(), fixtures::id("gone")] {
        later.id = id;
        views.show(generation, &ProductRow { product: later.clone(), hash: None }).await.unwrap();
    }
    let ran = ledger.run(&["verify", "--views"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines[0], "product lamp sequence 2: cut_off: the view saw event 3, the newest here is 2");
    assert_eq!(
        lines[1],
        "product gone: cut_off: the view saw event 3, and there is no commit of the product"
    );
    let wrong = "product lamp sequence 3: wrong_view: the view products shows a version 3 that the ledger does not have";
    assert!(lines[2].starts_with(wrong), "{}", lines[2]);
}

/// A rebuild would build the view from what is left of the commits, and with the view the only trace of the others is lost.
#[tokio::test]
async fn where_commits_have_faults_a_rebuild_of_a_view_is_recommended_only_after_they_are_restored() {
    let remedy = "; restore the commits that other faults name, if they were recorded; only then run: ledger rebuild products";
    for (first, told) in [(false, "; run: ledger rebuild products"), (true, remedy)] {
        let ledger = Ledger::of_two().await;
        projected(&ledger, 8).await;
        // No event has a receipt, which is a fault, but none of the commits.
        handled_by(&*ledger.backend.feed.as_ref().unwrap().publisher, 8).await;
        let views = &ledger.backend.projector.views;
        let generation = views.generations().await.unwrap().products.read;
        views.remove(generation, "lamp").await.unwrap();
        if first {
            ledger.change("DELETE FROM commits WHERE product_id = 'helmet' AND sequence = 6", []);
        }
        for flags in [&[][..], &["--receipts"]] {
            let ran = ledger.run(&[&["verify", "--views", "--wait", "0"], flags].concat());
            assert_eq!((ran.code, ran.out.contains("helmet sequence 5: cut_off")), (1, first), "{ran:?}");
            let missing: Vec<&str> =
                ran.out.lines().filter(|line| line.contains("the view products is missing")).collect();
            let told = format!("is missing{told}");
            assert!(missing.len() == 1 && missing[0].ends_with(&told), "{}", ran.out);
            assert!(
                ran.out.lines().all(|line| line.contains("only then") == (first && line.contains("run: ")))
            );
        }
    }
}

/// What the projector has passed and does not stand in a view was taken away; what it has not come to is on its way.
#[tokio::test]
async fn what_a_view_does_not_show_is_a_fault_once_the_projector_has_passed_it() {
    for (handled, told) in [
        (
            8,
            "product lamp sequence 1: wrong_view: the view products is missing; run: ledger rebuild products",
        ),
        (5, "not shown yet: 1 product, from lamp on"),
    ] {
        let ledger = Ledger::of_two().await;
        projected(&ledger, handled).await;
        let views = &ledger.backend.projector.views;
        let generation = views.generations().await.unwrap().products.read;
        views.remove(generation, "lamp").await.unwrap();
        for arguments in
            [&["verify", "--views", "--wait", "0"][..], &["verify", "--views", "lamp", "--wait", "0"]]
        {
            let ran = ledger.run(arguments);
            assert_eq!(ran.code, 1, "{ran:?}");
            assert!(ran.out.starts_with(told), "{}", ran.out);
        }
        let told: Value =
            serde_json::from_str(&ledger.run(&["verify", "--views", "--json", "--wait", "0"]).out).unwrap();
        assert_eq!(told["valid"], json!(handled == 5));
        assert_eq!(told["not_shown_yet"], if handled == 5 { json!(1) } else { Value::Null });
    }
}

#[tokio::test]
async fn receipts_are_compared_on_request() {
    let ledger = Ledger::of_two().await;
    let receipts = &ledger.backend.publisher.receipts;
    let mut records = Vec::new();
    for commit in lives() {
        let commit = commit.decode().unwrap();
        for (sequence, recorded) in commit.numbered() {
            let receipt = PublicationReceipt {
                event_id: recorded.event_id.to_string(),
                receipt_id: "r".into(),
                bus_sequence: None,
                bus: "local".into(),
                published_at: commit.recorded_at,
                attempts: 1,
                hash: commit.hash.clone(),
            };
            let outcome = PublicationRecord::Receipt(receipt);
            records.push(EventPublication { product: commit.product_id.clone(), sequence, outcome });
        }
    }
    let last = records.pop().unwrap();
    receipts.record(&records).await.unwrap();
    let publisher = &ledger.backend.feed.as_ref().unwrap().publisher;
    for (handled, told) in [
        (7, "not published yet: 1 event, from product lamp sequence 2 on; the publisher is behind"),
        (8, "product lamp sequence 2: unpublished: "),
    ] {
        handled_by(&**publisher, handled).await;
        let ran = ledger.run(&["verify", "--receipts", "--wait", "1"]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.out.starts_with(told), "{}", ran.out);
        assert_eq!(ran.out.contains("\nwhole: "), handled == 7, "{}", ran.out);
    }
    receipts.record(&[last]).await.unwrap();
    assert_eq!(ledger.run(&["verify", "--receipts"]).code, 0);
}

#[tokio::test]
async fn a_commit_of_a_later_build_is_neither_whole_nor_damaged() {
    let ledger = Ledger::of_two().await;
    let mut commit = lives().remove(7);
    commit.0["events"][0]["schema_version"] = json!(2);
    rehash(&mut commit);
    ledger.overwrite(&commit);
    let ran = ledger.run(&["verify"]);
    one_line(&ran, 2, "a later build");
    assert!(
        ran.out.starts_with("product lamp sequence 2: not_understood: ProductRenamed version 2"),
        "{}",
        ran.out
    );
}

#[tokio::test]
async fn what_could_not_be_checked_is_said_in_one_line() {
    let ledger = Ledger::of_two().await;
    one_line(&ledger.run(&["verify", "nobody"]), 1, "there is no product nobody");
    ledger.run(&["export", "-o", "export.ndjson"]);
    let file = |arguments: &[&str]| ledger.run_without(&[&["verify", "--file"], arguments].concat());
    one_line(&file(&["export.ndjson", "nobody"]), 1, "there is no product nobody");
    one_line(&file(&["missing.ndjson"]), 2, "missing.ndjson cannot be read");
    one_line(&file(&["."]), 2, "cannot be read");
    one_line(&ledger.run_without(&["verify"]), 2, "--data");
    one_line(&ledger.run_without(&["verify", "--data", "nowhere"]), 2, "--data nowhere");
    assert_eq!(file(&["export.ndjson", "--receipts"]).code, 2, "an export has no receipts");
}
