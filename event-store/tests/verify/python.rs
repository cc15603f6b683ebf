//! The verifier of the documentation, in Python's standard library, agrees with this one: on a whole ledger about its
//! heads, on a faulty one that it is faulty; from a file and over HTTP. Skipped where there is no `python3`.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use schema::StoredCommit;
use serde_json::{Value, json};

use super::given::{helmet, ledger, lines, rechain, rehash, verify, verify_commits};

/// Runs the documented verifier; `None` and a message where there is no Python.
fn python(source: &str) -> Option<Output> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/audit/verify.py");
    match Command::new("python3").arg(script).arg(source).output() {
        Ok(output) => Some(output),
        Err(error) => {
            eprintln!("skipped: python3 cannot be run ({error})");
            None
        }
    }
}

fn file(name: &str, export: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(name);
    std::fs::write(&file, export).unwrap();
    (directory, file)
}

/// Whether the documented verifier finds an export whole, and what it printed.
fn accepts(export: &[u8]) -> Option<(bool, String)> {
    let (_directory, file) = file("export.ndjson", export);
    let output = python(file.to_str().unwrap())?;
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    Some((output.status.success(), text))
}

#[test]
fn it_accepts_an_export_with_any_attribute_keys_and_finds_the_same_heads() {
    let export = lines(&ledger());
    let Some((whole, printed)) = accepts(&export) else {
        return;
    };
    let heads = verify(&export).summary.heads();
    assert!(whole, "{printed}");
    assert_eq!(printed, format!("whole: 3 products, 8 commits, heads {heads}\n"));
}

#[test]
fn it_accepts_json_written_in_any_way() {
    let loose: Vec<String> = ledger()
        .iter()
        .map(|commit| serde_json::to_string_pretty(commit).unwrap().replace('\n', " "))
        .collect();
    let Some((whole, printed)) = accepts((loose.join("\n") + "\n").as_bytes()) else {
        return;
    };
    assert!(whole, "{printed}");
}

/// Arrays in each other, so many.
fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!([inner]))
}

#[test]
fn it_accepts_what_is_nested_as_deeply_as_this_one_reads() {
    let mut commits = helmet("helmet");
    commits[1].0["metadata"]["n"] = nested(125);
    rechain(&mut commits, 1);
    assert!(verify_commits(&commits).is_whole());
    let Some((whole, printed)) = accepts(&lines(&commits)) else {
        return;
    };
    assert!(whole, "{printed}");
}

#[test]
fn its_help_says_how_it_is_called() {
    let Some(output) = python("--help") else {
        return;
    };
    assert!(output.status.success());
    let help = String::from_utf8_lossy(&output.stdout);
    for part in ["verify.py EXPORT", "Exit code 0: whole, 1: faults, 2: could not check."] {
        assert!(help.contains(part), "{help}");
    }
}

/// Answers every request with this.
fn answering(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut connection in listener.incoming().map(Result::unwrap) {
            let mut request = BufReader::new(connection.try_clone().unwrap()).lines();
            while !request.next().unwrap().unwrap().is_empty() {}
            connection.write_all(answer.as_bytes()).unwrap();
        }
    });
    format!("http://{address}")
}

#[test]
fn what_it_cannot_check_is_one_line_and_exit_code_2() {
    let directory = tempfile::tempdir().unwrap();
    let named = |name: &str| directory.path().join(name).display().to_string();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let without_order = "HTTP/1.1 422 Unprocessable Entity\r\ncontent-length: 39\r\n\r\n{\"detail\":\n\"updated_at is not kept \u{1b}\"}";
    for (source, told) in [
        (named("missing"), "No such file or directory"),
        (named(""), "Is a directory"),
        (format!("http://{closed}"), "Connection refused"),
        ("http://".to_owned(), "no host given"),
        ("nothing://here".to_owned(), "unknown url type"),
        (
            answering(without_order),
            "HTTP Error 422: Unprocessable Entity: {\"detail\": \"updated_at is not kept  \"}",
        ),
        (answering("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n<p>"), "JSONDecodeError"),
        (answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"), "KeyError: 'products'"),
        (answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]"), "TypeError"),
        (answering("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}"), "IncompleteRead"),
        (answering("hello\r\n\r\n"), "BadStatusLine"),
    ] {
        let Some(output) = python(&source) else {
            return;
        };
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said.lines().count()), (Some(2), 1), "{source}: {said}");
        assert!(said.starts_with("could not check ") && said.contains(told), "{source}: {said}");
        assert!(output.stdout.is_empty(), "{source}");
    }
}

/// One ledger for each thing it checks.
fn faulty() -> Vec<(&'static str, Vec<u8>)> {
    let with = |name, change: &dyn Fn(&mut Vec<StoredCommit>)| {
        let mut commits = ledger();
        change(&mut commits);
        (name, lines(&commits))
    };
    let forged = |name, change: &dyn Fn(&mut StoredCommit)| {
        let mut commits = helmet("helmet");
        change(&mut commits[1]);
        rechain(&mut commits, 1);
        (name, lines(&commits))
    };
    let line = String::from_utf8(lines(&helmet("helmet")[..1])).unwrap();
    let utf_16 = line.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut twice = String::from_utf8(lines(&ledger())).unwrap();
    twice = twice.replacen("{\"commit_id\"", "{\"commit_id\":\"x\",\"commit_id\"", 1);
    vec![
        with("changed", &|commits| commits[1].0["metadata"]["actor"] = json!("mallory")),
        with("removed", &|commits| drop(commits.remove(1))),
        with("doubled", &|commits| commits.insert(1, commits[1].clone())),
        with("swapped", &|commits| commits.swap(1, 2)),
        with("products swapped", &|commits| commits.rotate_left(5)),
        with("link", &|commits| {
            commits[1].0["metadata"]["actor"] = json!("mallory");
            rehash(&mut commits[1]);
        }),
        forged("time", &|commit| {
            commit.0["recorded_at"] = json!("2024-01-01T00:00:00.000Z");
            commit.0["state"]["updated_at"] = json!("2024-01-01T00:00:00.000Z");
        }),
        forged("state of another product", &|commit| commit.0["state"]["id"] = json!("lamp")),
        forged("version", &|commit| commit.0["state"]["version"] = json!(9)),
        forged("number", &|commit| commit.0["metadata"]["n"] = json!(1_u64 << 53)),
        forged("float", &|commit| commit.0["metadata"]["n"] = json!(1.5)),
        forged("no field", &|commit| drop(commit.0.remove("state"))),
        ("name twice", twice.into_bytes()),
        forged("nested", &|commit| commit.0["metadata"]["n"] = nested(126)),
        ("nested beyond any stack", [vec![b'['; 100_000], b"\n".to_vec()].concat()),
        ("byte order mark", format!("\u{feff}{line}").into_bytes()),
        ("utf-16", utf_16),
        (
            "no utf-8",
            line.replacen("Sport", "\u{1}", 1)
                .into_bytes()
                .iter()
                .map(|byte| if *byte == 1 { 0xff } else { *byte })
                .collect(),
        ),
        ("half a character", line.replacen("Sport", r"\ud800", 1).into_bytes()),
        ("no json", b"oops\n".to_vec()),
        ("no object", b"[]\n".to_vec()),
    ]
}

#[test]
fn it_finds_what_this_one_finds() {
    for (name, export) in faulty() {
        assert!(!verify(&export).is_whole(), "{name}");
        let Some((whole, printed)) = accepts(&export) else {
            return;
        };
        assert!(!whole && printed.contains("line "), "{name}: {printed}");
    }
}

/// Responds as the query API does: one product a page, and histories with two commits a page.
fn answer(path: &str, commits: &[StoredCommit]) -> Value {
    let mut products: Vec<&str> = commits.iter().map(|commit| commit.text("product_id").unwrap()).collect();
    products.dedup();
    let (path, query) = path.split_once('?').unwrap();
    let parameter = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
    if path == "/products" {
        assert_eq!(
            (parameter("include"), parameter("sort")),
            (Some("deleted"), Some("updated_at")),
            "deleted ones too"
        );
        let at: usize = parameter("cursor").map_or(0, |cursor| cursor.parse().unwrap());
        let next = (at + 1 < products.len()).then(|| (at + 1).to_string());
        // Not in order of id: it has to sort them itself.
        return json!({"products": [{"id": products[products.len() - 1 - at]}], "next": next});
    }
    let product = path.strip_prefix("/products/").unwrap().strip_suffix("/history").unwrap();
    let after: u64 = parameter("after").unwrap().parse().unwrap();
    let of_product = commits.iter().filter(|commit| commit.0["product_id"] == product);
    let rest: Vec<&StoredCommit> = of_product.filter(|commit| commit.sequence().unwrap() > after).collect();
    let page: Vec<Value> = rest
        .iter()
        .take(2)
        .map(|commit| {
            let mut shown = commit.0.clone();
            shown.insert("receipts".into(), json!([null]));
            Value::Object(shown)
        })
        .collect();
    let next = (rest.len() > 2).then(|| rest[1].sequence().unwrap());
    json!({"commits": page, "next": next})
}

fn serve(commits: Vec<StoredCommit>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut connection in listener.incoming().map(Result::unwrap) {
            let mut request = BufReader::new(connection.try_clone().unwrap()).lines();
            let first = request.next().unwrap().unwrap();
            while !request.next().unwrap().unwrap().is_empty() {}
            let body = answer(first.split(' ').nth(1).unwrap(), &commits).to_string();
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            connection.write_all((head + &body).as_bytes()).unwrap();
        }
    });
    format!("http://{address}")
}

#[test]
fn it_verifies_the_history_of_every_product_over_http() {
    let Some(output) = python(&serve(ledger())) else {
        return;
    };
    let heads = verify_commits(&ledger()).summary.heads();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(printed, format!("whole: 3 products, 8 commits, heads {heads}\n"));
    let mut commits = ledger();
    commits[1].0["metadata"]["actor"] = json!("mallory");
    let output = python(&serve(commits)).unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
}
