//! `ledger verify --url`, against a server that answers as it likes.

use std::collections::BTreeMap;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use event_store::chain;
use schema::StoredCommit;
use serde_json::{Value, json};

use super::given::{Ledger, Ran, lives, program, ran};

/// What a server lists, and the histories that it answers, each commit as text.
#[derive(Clone)]
struct Answers {
    listed: Vec<(&'static str, u64)>,
    histories: BTreeMap<&'static str, Vec<String>>,
    /// How many commits a page has.
    page: usize,
    /// The sequences of commits of the helmet that the server cannot read.
    unreadable: Vec<usize>,
    /// Whether its verification names them.
    admits: bool,
}

impl Answers {
    /// The whole ledger, as [`Ledger::of_two`] has it.
    fn whole() -> Self {
        let text = |commit: &StoredCommit| {
            let mut shown = commit.0.clone();
            shown.insert("receipts".into(), json!([null]));
            Value::Object(shown).to_string()
        };
        let all = lives();
        let histories = [("helmet", &all[..6]), ("lamp", &all[6..])];
        Self {
            listed: vec![("lamp", 2), ("helmet", 5), ("helmet", 6)],
            histories: histories.map(|(id, commits)| (id, commits.iter().map(text).collect())).into(),
            page: 4,
            unreadable: Vec::new(),
            admits: true,
        }
    }

    fn history(&mut self, id: &str) -> &mut Vec<String> {
        self.histories.get_mut(id).unwrap()
    }
}

async fn list(State(answers): State<Answers>, Query(asked): Query<BTreeMap<String, String>>) -> Json<Value> {
    assert_eq!((asked["sort"].as_str(), asked["include"].as_str()), ("updated_at", "deleted"));
    let at: usize = asked.get("cursor").map_or(0, |cursor| cursor.parse().unwrap());
    let products: Vec<Value> = answers.listed[at..]
        .iter()
        .take(1)
        .map(|(id, version)| json!({"id": id, "version": version}))
        .collect();
    let next = (at + 1 < answers.listed.len()).then(|| (at + 1).to_string());
    Json(json!({"products": products, "next": next}))
}

async fn history(
    State(answers): State<Answers>,
    Path(id): Path<String>,
    Query(asked): Query<BTreeMap<String, String>>,
) -> Response {
    let Some(commits) = answers.histories.get(id.as_str()) else {
        let problem = json!({"detail": format!("There is no product {id}.")});
        return (StatusCode::NOT_FOUND, Json(problem)).into_response();
    };
    // Each commit of these ledgers has one event.
    let after: usize = asked["after"].parse().unwrap();
    let rest = &commits[after.min(commits.len())..];
    let page = &rest[..rest.len().min(answers.page).min(asked["limit"].parse().unwrap())];
    if id == "helmet" && answers.unreadable.iter().any(|at| (after + 1..=after + page.len()).contains(at)) {
        let problem = json!({"detail": "A commit of product helmet cannot be read."});
        return (StatusCode::INTERNAL_SERVER_ERROR, Json(problem)).into_response();
    }
    let next = if rest.len() > page.len() { (after + page.len()).to_string() } else { "null".into() };
    format!("{{\"commits\":[{}],\"next\":{next}}}", page.join(",")).into_response()
}

async fn verification(State(answers): State<Answers>) -> Json<Value> {
    let fault =
        |at| json!({"product_id": "helmet", "sequence": at, "fault": "unreadable", "detail": "line is torn"});
    let named = answers.unreadable.iter().filter(|_| answers.admits);
    Json(json!({"valid": false, "commits": 0, "events": 0, "faults": named.map(fault).collect::<Vec<_>>()}))
}

/// Runs a command against a server with these answers.
async fn run(answers: Answers, arguments: &[&str]) -> Ran {
    let routes = Router::new()
        .route("/products", get(list))
        .route("/products/{id}/history", get(history))
        .route("/products/{id}/verification", get(verification));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes.with_state(answers)).await.unwrap() });
    let mut program = program();
    program.arg("verify").args(arguments).args(["--url", &url]);
    tokio::task::spawn_blocking(move || ran(&mut program)).await.unwrap()
}

fn faulty(ran: &Ran, says: &str) {
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains(says), "{says} in {}", ran.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_answers_is_as_whole_as_its_tables_and_has_the_same_heads() {
    let ledger = Ledger::of_two().await;
    let tables = ledger.run(&["verify", "--heads"]);
    let server = run(Answers::whole(), &["--heads"]).await;
    assert_eq!((server.code, &server.out), (0, &tables.out), "{server:?}");
    assert!(server.err.starts_with("asked: http://127.0.0.1:"), "{}", server.err);
    let one = run(Answers::whole(), &["lamp"]).await;
    assert!(one.code == 0 && one.out.starts_with("whole: 1 product, 2 commits"), "{one:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_changes_cuts_off_or_confuses_is_named() {
    let changed = |change: fn(&mut Answers)| {
        let mut answers = Answers::whole();
        change(&mut answers);
        answers
    };
    let price = changed(|answers| {
        let commit = &mut answers.history("helmet")[2];
        *commit = commit.replacen("34.99", "34.98", 1);
    });
    faulty(&run(price, &[]).await, "product helmet sequence 3: changed: ");
    let cut = changed(|answers| drop(answers.history("helmet").pop()));
    faulty(&run(cut.clone(), &[]).await, "product helmet sequence 5: cut_off: ");
    assert_eq!(run(cut, &["helmet"]).await.code, 0, "without the list nobody knows of the sixth");
    let gone = changed(|answers| drop(answers.histories.remove("lamp")));
    faulty(&run(gone, &[]).await, "product lamp: cut_off: ");
    let another = changed(|answers| {
        let helmet = answers.histories["helmet"].clone();
        *answers.history("lamp") = helmet;
    });
    faulty(&run(another, &[]).await, "product lamp sequence 1: wrong_product: ");
    let twice = changed(|answers| {
        let commit = &mut answers.history("lamp")[1];
        *commit = commit.replacen('{', "{\"hash\":\"x\",", 1);
    });
    faulty(&run(twice, &[]).await, "the name \"hash\" occurs twice");
    let rewritten = changed(|answers| {
        let text = answers.history("helmet")[5].clone();
        let mut commit = StoredCommit(serde_json::from_str(&text).unwrap());
        commit.0.remove("receipts");
        commit.0["metadata"]["actor"] = json!("mallory");
        commit.0["hash"] = json!(chain::hash_of(&commit).unwrap().as_str());
        answers.history("helmet")[5] = Value::Object(commit.0).to_string();
    });
    let ledger = Ledger::of_two().await;
    ledger.run(&["export", "-o", "earlier"]);
    let earlier = ledger.path("earlier");
    let earlier = earlier.to_str().unwrap();
    assert_eq!(run(rewritten.clone(), &[]).await.code, 0, "a chain alone cannot tell");
    faulty(&run(rewritten, &["--against", earlier]).await, "product helmet sequence 6: rewritten: ");
    let silent = changed(|answers| {
        answers.histories.remove("lamp");
        answers.listed.retain(|(id, _)| *id != "lamp");
    });
    faulty(&run(silent, &["--against", earlier]).await, "product lamp");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_is_exit_code_2_and_one_line() {
    let empty = ran(program().args(["verify", "--url", "http://127.0.0.1:1"]));
    assert!(empty.code == 2 && empty.err.contains("cannot be reached"), "{empty:?}");
    let none = run(Answers::whole(), &["nobody"]).await;
    assert!(none.code == 1 && none.err.contains("there is no product nobody"), "{none:?}");
    let mut endless = Answers::whole();
    endless.page = 0;
    let endless = run(endless, &["lamp"]).await;
    assert!(endless.code == 2 && endless.err.contains("does not go on"), "{endless:?}");
    for option in ["--receipts", "--views", "--data=x", "--file=x", "--wait=1"] {
        assert_eq!(run(Answers::whole(), &[option]).await.code, 2, "{option}");
    }
}

/// A server answers no page of a history with a commit that it cannot read: the commits around it are read all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_the_server_cannot_read_is_one_fault_and_hides_no_other() {
    let with = |unreadable: &[usize]| Answers { unreadable: unreadable.to_vec(), ..Answers::whole() };
    for (unreadable, faults) in [(&[1][..], "1 fault: "), (&[3, 4], "2 faults: "), (&[6], "1 fault: ")] {
        let told = run(with(unreadable), &[]).await;
        for at in unreadable {
            faulty(&told, &format!("product helmet sequence {at}: unreadable: line is torn\n"));
        }
        assert!(told.out.contains(faults), "{}", told.out);
    }
    let mut changed_too = with(&[2, 5]);
    let commit = &mut changed_too.history("helmet")[3];
    *commit = commit.replacen("anonymous", "mallory", 1);
    let told = run(changed_too, &[]).await;
    faulty(&told, "product helmet sequence 4: changed: ");
    assert!(told.out.contains("3 faults: "), "{}", told.out);
    let refused = run(Answers { admits: false, ..with(&[6]) }, &[]).await;
    assert!(refused.code == 2 && refused.err.contains("cannot be read"), "{refused:?}");
}
