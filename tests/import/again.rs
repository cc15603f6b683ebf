//! The same import again, other imports, and changes by others in between.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use axum::http::Response;
use serde_json::Value;
use tempfile::NamedTempFile;

use super::between::{Between, Fate, answer};
use super::{file, import_at, summary};
use crate::scenario::{Ledger, PATIENCE, printed};

const CREATE: &str = r#"{"command":"create","product_id":"p","name":"n","price":"100"}"#;

fn update(price: &str) -> String {
    format!(r#"{{"command":"update","product_id":"p","price":"{price}"}}"#)
}

/// The price and the version of a product that is there.
async fn stands(ledger: &Ledger, version: u64) -> (String, u64) {
    let (status, product) = ledger.get(&format!("/products/p?min_version={version}")).await;
    assert_eq!(status, 200, "{product}");
    (product["price"].as_str().unwrap().to_owned(), product["version"].as_u64().unwrap())
}

/// Every price of a product, oldest first.
async fn prices(ledger: &Ledger) -> Vec<String> {
    let commits = ledger.history("p").await;
    commits.iter().map(|commit| commit["state"]["price"].as_str().unwrap().to_owned()).collect()
}

fn ended(output: &Output, code: i32, counts: &str) {
    let text = printed(output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert_eq!(summary(output), counts, "{text}");
}

fn batch(ledger: &Ledger, file: &Path, name: &str) -> Command {
    let mut command = ledger.import(file);
    command.args(["--batch", name]);
    command
}

#[tokio::test]
async fn a_product_stops_at_its_first_failure_and_the_same_import_goes_on_there() {
    let ledger = Ledger::start();
    let left = std::sync::atomic::AtomicU32::new(6);
    let between = Between::start(&ledger.url, move |seen| {
        let refuse = seen.body == r#"{"price":"11"}"#
            && left
                .try_update(std::sync::atomic::Ordering::Relaxed, std::sync::atomic::Ordering::Relaxed, |n| {
                    n.checked_sub(1)
                })
                .is_ok();
        if refuse { Fate::Answer(answer(503, "{}".into())) } else { Fate::Pass }
    });
    let lines = file(&[CREATE, &update("11"), &update("12")]);
    let first = import_at(&between.url, lines.path()).output().unwrap();
    ended(&first, 1, "3 commands: 1 written, 0 imported before, 0 without effect, 1 failure, 1 not sent");
    let text = printed(&first);
    assert!(
        text.contains("line 2: 503 ") && text.contains("line 3: not sent, because line 2 failed (product p)"),
        "{text}"
    );
    assert_eq!(prices(&ledger).await, ["100.00"]);
    let second = import_at(&between.url, lines.path()).output().unwrap();
    ended(&second, 0, "3 commands: 2 written, 1 imported before, 0 without effect, 0 failures");
    assert_eq!(prices(&ledger).await, ["100.00", "11.00", "12.00"]);
}

#[tokio::test]
async fn a_line_that_the_server_refused_is_sent_again_and_its_batch_takes_the_mended_one() {
    let ledger = Ledger::start();
    let between = Between::start(&ledger.url, |_| Fate::Pass);
    let wrong = file(&[CREATE, &update("-1"), &update("12")]);
    for before in 0..2 {
        let output = import_at(&between.url, wrong.path()).args(["--batch", "b"]).output().unwrap();
        let counts = format!(
            "3 commands: {} written, {before} imported before, 0 without effect, 1 failure, 1 not sent",
            1 - before
        );
        ended(&output, 1, &counts);
        assert!(printed(&output).contains("line 2: 422 "), "{}", printed(&output));
    }
    let refused = between.commands().into_iter().filter(|seen| seen.body.contains("-1")).count();
    assert_eq!(refused, 2, "a failed line is sent again");
    let mended = file(&[CREATE, &update("11"), &update("12")]);
    let output = batch(&ledger, mended.path(), "b").output().unwrap();
    ended(&output, 0, "3 commands: 2 written, 1 imported before, 0 without effect, 0 failures");
    assert_eq!(prices(&ledger).await, ["100.00", "11.00", "12.00"]);
    let other = file(&[CREATE, &update("11"), &update("13")]);
    let output = batch(&ledger, other.path(), "b").output().unwrap();
    ended(&output, 1, "3 commands: 0 written, 2 imported before, 0 without effect, 1 failure");
    assert!(
        printed(&output).contains("line 3: this import recorded another command"),
        "{}",
        printed(&output)
    );
}

#[tokio::test]
async fn a_recorded_line_of_a_batch_that_was_changed_is_a_failure_and_nothing_behind_it_is_sent() {
    let ledger = Ledger::start();
    let between = Between::start(&ledger.url, |_| Fate::Pass);
    let named = |name: &str| CREATE.replace(r#""n""#, &format!("{name:?}"));
    let run =
        |lines: &[&str]| import_at(&between.url, file(lines).path()).args(["--batch", "b"]).output().unwrap();
    let first = run(&[&named("wrong"), &update("2"), &update("-1")]);
    ended(&first, 1, "3 commands: 2 written, 0 imported before, 0 without effect, 1 failure");
    let sent = between.commands().len();
    for (lines, line, counts) in [
        (
            vec![named("right"), update("2")],
            1,
            "2 commands: 0 written, 0 imported before, 0 without effect, 1 failure, 1 not sent",
        ),
        (
            vec![named("right"), update("2"), update("3")],
            1,
            "3 commands: 0 written, 0 imported before, 0 without effect, 1 failure, 2 not sent",
        ),
        (
            vec![named("wrong"), update("5"), update("2"), update("3")],
            2,
            "4 commands: 0 written, 1 imported before, 0 without effect, 1 failure, 2 not sent",
        ),
    ] {
        let output = run(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        ended(&output, 1, counts);
        let text = printed(&output);
        let told = format!("line {line}: this import recorded another command as line {line} of the product");
        assert!(text.contains(&told) && !text.contains("was imported before"), "{text}");
    }
    assert_eq!(between.commands().len(), sent, "nothing was sent");
    let corrected =
        run(&[&named("wrong"), &update("2"), r#"{"command":"update","product_id":"p","name":"right"}"#]);
    ended(&corrected, 0, "3 commands: 1 written, 2 imported before, 0 without effect, 0 failures");
    assert_eq!(ledger.history("p").await.last().unwrap()["state"]["name"], "right");
}

#[tokio::test]
async fn recorded_lines_that_a_batch_no_longer_has_are_missing() {
    let ledger = Ledger::start();
    let other = CREATE.replace(r#""p""#, r#""q""#);
    let whole = file(&[CREATE, &other, &update("2"), &update("2"), &update("3")]);
    assert_eq!(batch(&ledger, whole.path(), "b").output().unwrap().status.code(), Some(0));
    let short = batch(&ledger, file(&[CREATE, &other]).path(), "b").output().unwrap();
    ended(&short, 1, "2 commands: 0 written, 2 imported before, 0 without effect, 0 failures, 3 missing");
    let text = printed(&short);
    assert!(
        text.contains("product p: the input ends with its line 1, but this import recorded its line 4")
            && !text.contains("product q")
            && !text.contains("was imported before"),
        "{text}"
    );
    let again = batch(&ledger, whole.path(), "b").output().unwrap();
    ended(&again, 0, "5 commands: 0 written, 5 imported before, 0 without effect, 0 failures");
    assert!(printed(&again).contains("this batch was imported before"), "{}", printed(&again));
}

#[tokio::test]
async fn a_changed_line_of_a_batch_that_had_no_effect_before_is_not_noticed() {
    let ledger = Ledger::start();
    for (price, counts) in [
        ("100", "3 commands: 2 written, 0 imported before, 1 without effect, 0 failures"),
        ("90", "3 commands: 0 written, 3 imported before, 0 without effect, 0 failures"),
    ] {
        let lines = file(&[CREATE, &update(price), &update("80")]);
        ended(&batch(&ledger, lines.path(), "b").output().unwrap(), 0, counts);
    }
    assert_eq!(prices(&ledger).await, ["100.00", "80.00"]);
}

#[tokio::test]
async fn a_product_of_which_no_line_was_recorded_is_imported_again_over_what_somebody_else_changed() {
    let ledger = Ledger::start();
    ledger.send("PUT", "/products/p", r#"{"name":"n","price":"10"}"#).await;
    let lines = file(&[&update("10")]);
    let first = ledger.import(lines.path()).output().unwrap();
    ended(&first, 0, "1 command: 0 written, 0 imported before, 1 without effect, 0 failures");
    ledger.send("PATCH", "/products/p", r#"{"price":"99"}"#).await;
    let again = ledger.import(lines.path()).output().unwrap();
    ended(&again, 0, "1 command: 1 written, 0 imported before, 0 without effect, 0 failures");
    assert_eq!(prices(&ledger).await, ["10.00", "99.00", "10.00"]);
}

#[tokio::test]
async fn what_somebody_else_changed_meanwhile_is_left_alone() {
    let ledger = Ledger::start();
    let lines = file(&[CREATE, &update("100")]);
    let first = ledger.import(lines.path()).output().unwrap();
    ended(&first, 0, "2 commands: 1 written, 0 imported before, 1 without effect, 0 failures");
    ledger.send("PATCH", "/products/p", r#"{"price":"99"}"#).await;
    let again = ledger.import(lines.path()).output().unwrap();
    ended(&again, 0, "2 commands: 0 written, 1 imported before, 0 without effect, 0 failures, 1 left alone");
    let text = printed(&again);
    assert!(
        text.contains("line 2: left alone, because somebody else changed the product: it is at version 2")
            && !text.contains("was imported before"),
        "{text}"
    );
    assert_eq!(stands(&ledger, 2).await, ("99.00".into(), 2));
}

#[tokio::test]
async fn a_line_that_carries_another_version_than_the_import_left_is_a_failure() {
    let ledger = Ledger::start();
    let stale = r#"{"command":"update","product_id":"p","version":1,"price":"3"}"#;
    let output = ledger.import(file(&[CREATE, &update("2"), stale]).path()).output().unwrap();
    ended(&output, 1, "3 commands: 2 written, 0 imported before, 0 without effect, 1 failure");
    assert!(printed(&output).contains("line 3: 412 The precondition does not hold"), "{}", printed(&output));
}

#[tokio::test]
async fn an_import_that_was_interrupted_leaves_what_changed_and_all_behind_it_alone() {
    for (meanwhile, body, now) in [
        ("PATCH", r#"{"price":"99"}"#, "at version 2"),
        ("DELETE", "", "deleted"),
        ("PUT", r#"{"name":"mine","price":"100"}"#, "at version 2"),
    ] {
        let ledger = Ledger::start();
        // With a batch's name what is imported first is a part of the same import.
        let part = file(&[CREATE]);
        ended(
            &batch(&ledger, part.path(), "b").output().unwrap(),
            0,
            "1 command: 1 written, 0 imported before, 0 without effect, 0 failures",
        );
        assert_eq!(ledger.send(meanwhile, "/products/p", body).await.0, 200, "{meanwhile}");
        let many: Vec<String> = (0..20).map(|price| update(&price.to_string())).collect();
        let lines: Vec<&str> = std::iter::once(CREATE).chain(many.iter().map(String::as_str)).collect();
        let output = batch(&ledger, file(&lines).path(), "b").output().unwrap();
        ended(
            &output,
            0,
            "21 commands: 0 written, 1 imported before, 0 without effect, 0 failures, 20 left alone",
        );
        let text = printed(&output);
        assert!(
            text.contains(&format!(
                "line 2: left alone, because somebody else changed the product: it is {now}"
            )),
            "{text}"
        );
        assert!(text.contains("line 3: left alone, because line 2 was left alone (product p)"), "{text}");
        assert!(text.contains("lines 13 to 21: 9 more left alone, because of line 2 (product p)"), "{text}");
        assert_eq!(ledger.history("p").await.len(), 2, "{meanwhile}");
    }
}

#[tokio::test]
async fn the_same_bytes_are_the_same_import_and_a_batch_makes_another_one() {
    let ledger = Ledger::start();
    let (base, sale, back) = (file(&[CREATE]), file(&[&update("80")]), file(&[&update("100")]));
    for lines in [&base, &sale, &back] {
        ended(
            &ledger.import(lines.path()).output().unwrap(),
            0,
            "1 command: 1 written, 0 imported before, 0 without effect, 0 failures",
        );
    }
    let again = ledger.import(sale.path()).output().unwrap();
    ended(&again, 0, "1 command: 0 written, 1 imported before, 0 without effect, 0 failures");
    let text = printed(&again);
    assert!(text.contains("this input was imported before") && text.contains("--batch NAME"), "{text}");
    assert_eq!(stands(&ledger, 3).await, ("100.00".into(), 3));
    for (name, version, counts) in [
        ("another-day", 4, "1 command: 1 written, 0 imported before, 0 without effect, 0 failures"),
        ("another-day", 4, "1 command: 0 written, 1 imported before, 0 without effect, 0 failures"),
    ] {
        ended(&batch(&ledger, sale.path(), name).output().unwrap(), 0, counts);
        assert_eq!(stands(&ledger, version).await, ("80.00".into(), version));
    }
}

#[tokio::test]
async fn a_delete_that_was_imported_and_undone_is_done_again_only_as_another_batch() {
    let ledger = Ledger::start();
    let lines = |verb: &str| file(&[&format!(r#"{{"command":"{verb}","product_id":"p"}}"#)]);
    let (delete, restore) = (lines("delete"), lines("restore"));
    ledger.send("PUT", "/products/p", r#"{"name":"n","price":"1"}"#).await;
    for lines in [&delete, &restore] {
        assert!(ledger.import(lines.path()).output().unwrap().status.success());
    }
    let again = ledger.import(delete.path()).output().unwrap();
    ended(&again, 0, "1 command: 0 written, 1 imported before, 0 without effect, 0 failures");
    assert_eq!(stands(&ledger, 3).await.1, 3);
    let other = batch(&ledger, delete.path(), "b").output().unwrap();
    ended(&other, 0, "1 command: 1 written, 0 imported before, 0 without effect, 0 failures");
    assert_eq!(ledger.get("/products/p?min_version=4").await.0, 404);
}

#[tokio::test]
async fn an_equal_line_at_an_equal_place_of_another_input_is_another_line() {
    let ledger = Ledger::start();
    let first = file(&[CREATE, &update("80")]);
    let second = file(&[&update("90"), &update("80")]);
    for lines in [first, second] {
        ended(
            &ledger.import(lines.path()).output().unwrap(),
            0,
            "2 commands: 2 written, 0 imported before, 0 without effect, 0 failures",
        );
    }
    assert_eq!(prices(&ledger).await, ["100.00", "80.00", "90.00", "80.00"]);
}

#[tokio::test]
async fn a_create_that_was_imported_long_ago_does_not_bring_back_what_somebody_deleted() {
    let ledger = Ledger::start();
    ledger.send("PUT", "/products/p", r#"{"name":"theirs","price":"1"}"#).await;
    ledger.send("DELETE", "/products/p", "").await;
    let lines = file(&[CREATE, &update("80")]);
    assert!(ledger.import(lines.path()).output().unwrap().status.success());
    // More commands with keys than a server remembers of a product, even of the last hour.
    for n in 0..300 {
        let request =
            ledger.http.patch(format!("{}/products/p", ledger.url)).header("idempotency-key", n.to_string());
        let request =
            request.header("content-type", "application/json").body(format!(r#"{{"price":"{n}"}}"#));
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    ledger.send("DELETE", "/products/p", "").await;
    let again = ledger.import(lines.path()).output().unwrap();
    ended(&again, 0, "2 commands: 0 written, 2 imported before, 0 without effect, 0 failures");
    let history = ledger.history("p").await;
    assert_eq!(history.last().unwrap()["state"]["status"], "deleted");
}

#[tokio::test]
async fn each_line_behind_a_product_s_first_is_sent_on_the_version_that_was_left() {
    let ledger = Ledger::start();
    let between = Between::start(&ledger.url, |_| Fate::Pass);
    let put = r#"{"command":"put","product_id":"p","name":"m","price":"7"}"#;
    let delete = r#"{"command":"delete","product_id":"p","occurred_at":"2023-05-29T00:00:00Z"}"#;
    let restore = r#"{"command":"restore","product_id":"p"}"#;
    let lines = file(&[CREATE, put, put, delete, restore, delete, CREATE, delete, put, &update("8")]);
    let output = import_at(&between.url, lines.path()).output().unwrap();
    ended(&output, 0, "10 commands: 9 written, 0 imported before, 1 without effect, 0 failures");
    let conditions: Vec<(String, String)> = between
        .commands()
        .iter()
        .map(|seen| (seen.header("if-none-match").to_owned(), seen.header("if-match").to_owned()))
        .collect();
    // Name and price are two events of one commit; so are a restore and what a create or put brings back changed.
    let versions =
        [1, 3, 3, 4, 5, 6, 9, 10, 13].map(|version: u64| (String::new(), format!("\"{version}\"")));
    let mut expected = vec![("*".to_owned(), String::new())];
    expected.extend(versions);
    assert_eq!(conditions, expected);
    let asked = between.seen().iter().filter(|seen| seen.path.contains("/history")).count();
    assert_eq!(asked, 1, "the history is read once, before the first line");
    let keys: Vec<String> =
        between.commands().iter().map(|seen| seen.header("idempotency-key").to_owned()).collect();
    let import = format!("import/sha256:{}/", sha256(&std::fs::read(lines.path()).unwrap()));
    for (key, place) in keys.iter().zip(1..) {
        assert!(key.starts_with(&format!("{import}{place}/")), "{key}");
    }
    let recorded: Vec<Value> = ledger.history("p").await;
    assert!(
        recorded.iter().all(|commit| keys.iter().any(|key| commit["metadata"]["idempotency_key"] == **key))
    );
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    schema::Hash::of_digest(&sha2::Sha256::digest(bytes).into()).into()
}

#[tokio::test]
async fn put_creates_replaces_and_brings_back() {
    let ledger = Ledger::start();
    let put = |price: &str| format!(r#"{{"command":"put","product_id":"p","name":"n","price":"{price}"}}"#);
    for (price, version) in [("1", 1), ("2", 2)] {
        let lines: NamedTempFile = file(&[&put(price)]);
        assert!(ledger.import(lines.path()).output().unwrap().status.success());
        assert_eq!(stands(&ledger, version).await, (format!("{price}.00"), version));
    }
    ledger.send("DELETE", "/products/p", "").await;
    let lines = file(&[&put("3")]);
    assert!(ledger.import(lines.path()).output().unwrap().status.success());
    assert_eq!(stands(&ledger, 5).await, ("3.00".into(), 5));
}

#[tokio::test]
async fn a_line_that_cannot_be_read_stops_its_product_and_no_other() {
    let ledger = Ledger::start();
    let other = r#"{"command":"create","product_id":"q","name":"n","price":"1"}"#;
    let lines = file(&[CREATE, r#"{"command":"drop","product_id":"p"}"#, &update("2"), other]);
    for (counts, code) in [
        ("4 commands: 2 written, 0 imported before, 0 without effect, 1 failure, 1 not sent", 1),
        ("4 commands: 0 written, 2 imported before, 0 without effect, 1 failure, 1 not sent", 1),
    ] {
        let output = ledger.import(lines.path()).output().unwrap();
        ended(&output, code, counts);
        let text = printed(&output);
        assert!(text.contains("line 2: `command` is") && text.contains("(product p)"), "{text}");
        assert!(text.contains("line 3: not sent") && !text.contains("imported before;"), "{text}");
    }
    assert_eq!(prices(&ledger).await, ["100.00"]);
}

#[tokio::test]
async fn the_newest_commit_of_an_import_is_found_behind_pages_of_other_s() {
    let ledger = Ledger::start();
    let many: Vec<String> = (0..120).map(|price| update(&price.to_string())).collect();
    let lines: Vec<&str> = std::iter::once(CREATE).chain(many.iter().map(String::as_str)).collect();
    let lines = file(&lines);
    let counts = "121 commands: 121 written, 0 imported before, 0 without effect, 0 failures";
    ended(&ledger.import(lines.path()).output().unwrap(), 0, counts);
    for price in 0..120 {
        ledger.send("PATCH", "/products/p", &format!(r#"{{"price":"{price}.5"}}"#)).await;
    }
    let between = Between::start(&ledger.url, |_| Fate::Pass);
    let again = import_at(&between.url, lines.path()).output().unwrap();
    ended(&again, 0, "121 commands: 0 written, 121 imported before, 0 without effect, 0 failures");
    assert_eq!((between.seen().len(), between.commands().len()), (1 + 3, 0), "health and three pages");
}

#[tokio::test]
async fn a_line_that_is_cut_off_stops_the_product_that_it_names() {
    let ledger = Ledger::start();
    let lines = file(&[CREATE, r#"{"command":"update","product_id":"p","price":"#, &update("2")]);
    let output = ledger.import(lines.path()).output().unwrap();
    ended(&output, 1, "3 commands: 1 written, 0 imported before, 0 without effect, 1 failure, 1 not sent");
    assert!(printed(&output).contains("line 2: is not a JSON object: EOF"), "{}", printed(&output));
}

/// SIGINT comes while the input is still being written.
#[tokio::test]
async fn an_interrupted_import_says_how_to_continue_and_does() {
    let ledger = Ledger::start();
    let import = |input: Stdio| {
        let mut command = ledger.import(Path::new("-"));
        command.args(["--batch", "b"]).stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let (first, second) = (CREATE, CREATE.replace("\"p\"", "\"q\""));
    let (reader, mut writer) = std::io::pipe().unwrap();
    let child = import(reader.into());
    writeln!(writer, "{first}").unwrap();
    ledger.until("/products/p/history", |status, _| status == 200).await;
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let text = printed(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    // The answer to the line may still have been on its way.
    assert!(
        summary(&output).ends_with(" written, 0 imported before, 0 without effect, 0 failures"),
        "{text}"
    );
    let left =
        "the rest of the input was not sent; the same command with the same input continues this import";
    assert!(text.contains(&format!("ledger: stopped: {left}\n")), "{text}");
    drop(writer);

    let (reader, mut writer) = std::io::pipe().unwrap();
    let child = import(reader.into());
    write!(writer, "{first}\n{second}\n").unwrap();
    drop(writer);
    ended(
        &child.wait_with_output().unwrap(),
        0,
        "2 commands: 1 written, 1 imported before, 0 without effect, 0 failures",
    );
}

/// What it waits for would come in half a minute, or never.
#[tokio::test]
async fn an_import_that_is_interrupted_while_it_waits_says_at_once_what_was_done() {
    for (signal, is_answered) in [("-INT", false), ("-TERM", true)] {
        let ledger = Ledger::start();
        let between = Between::start(&ledger.url, move |seen| {
            if !seen.is_command() || !seen.path.ends_with("/q") {
                return Fate::Pass;
            }
            let busy = Response::builder().status(429).header("retry-after", "30");
            if is_answered { Fate::Answer(busy.body("{}".into()).unwrap()) } else { Fate::Hold }
        });
        let of_q = [CREATE, &update("2")].map(|line| line.replace("\"p\"", "\"q\""));
        let lines = file(&[CREATE, &of_q[0], &of_q[1]]);
        let mut import = import_at(&between.url, lines.path());
        // One after the other: when the second line is sent, the first is counted.
        import.args(["--concurrency", "1"]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let import = import.spawn().unwrap();
        let begun = Instant::now();
        while !between.commands().iter().any(|seen| seen.path.ends_with("/q")) {
            assert!(begun.elapsed() < PATIENCE, "no second line was sent");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let interrupted = Instant::now();
        assert!(Command::new("kill").args([signal, &import.id().to_string()]).status().unwrap().success());
        let output = import.wait_with_output().unwrap();
        assert!(interrupted.elapsed() < Duration::from_secs(20), "it waited {:?}", interrupted.elapsed());
        ended(&output, 1, "1 command: 1 written, 0 imported before, 0 without effect, 0 failures");
        let left = "2 lines were not sent, or not answered; the same command with the same input continues this import";
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(said.lines().last(), Some(&*format!("ledger: stopped: {left}")), "{said}");
        let again = ledger.import(lines.path()).output().unwrap();
        ended(&again, 0, "3 commands: 2 written, 1 imported before, 0 without effect, 0 failures");
    }
}
