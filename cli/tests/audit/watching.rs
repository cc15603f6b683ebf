//! `ledger watch` against a server whose streams end, fall silent or begin again.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::given::{program, ran};

/// What each request asked for: its query, and its `Last-Event-ID`.
type Asked = Arc<Mutex<Vec<(String, Option<String>)>>>;

fn event(id: &str, product: &str) -> String {
    format!(
        "id: {id}\nevent: PRODUCT_DELETED\ndata: {{\"detail\":{{\"metadata\":{{\"event_name\":\"PRODUCT_DELETED\",\
         \"event_version\":\"v1\",\"product_id\":\"{product}\",\"created_at\":\"2026-11-23T05:20:00.001Z\"}},\"data\":{{}}}}}}\n\n"
    )
}

/// The first stream has an event and ends; the second is refused for now; the third has another event.
async fn events(State(asked): State<Asked>, uri: Uri, headers: HeaderMap) -> Response {
    let last = headers.get("last-event-id").map(|id| id.to_str().unwrap().to_owned());
    let mut asked = asked.lock().unwrap();
    asked.push((uri.query().unwrap_or_default().to_owned(), last));
    match asked.len() {
        1 => (": hello\n\n".to_owned() + &event("e-1", "helmet")).into_response(),
        2 => (StatusCode::SERVICE_UNAVAILABLE, "{\"detail\":\"The bus cannot be read at the moment.\"}")
            .into_response(),
        _ => event("e-2", "lamp").into_response(),
    }
}

async fn served(asked: Asked) -> String {
    let routes = Router::new().route("/events", get(events)).with_state(asked);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    url
}

fn watch(arguments: &[&str]) -> Child {
    let mut program = program();
    program.arg("watch").args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    program.spawn().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_ends_is_continued_behind_the_last_event_and_that_is_said() {
    let asked = Asked::default();
    let url = served(asked.clone()).await;
    let watched = format!("watching {url} (times in UTC)\n");
    let (shown, said) = tokio::task::spawn_blocking(move || {
        let mut child =
            watch(&["--url", &url, "--from", "start", "--product", "p", "--type", "PRODUCT_DELETED"]);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let shown = [lines.next().unwrap(), lines.next().unwrap()];
        let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        assert!(interrupt.success());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        (shown, String::from_utf8(output.stderr).unwrap())
    })
    .await
    .unwrap();
    assert_eq!(shown[0], "2026-11-23 05:20:00  PRODUCT_DELETED          helmet  deleted");
    assert_eq!(shown[1], "2026-11-23 05:20:00  PRODUCT_DELETED          lamp  deleted");
    let query = "product=p&type=PRODUCT_DELETED";
    let last = Some("e-1".to_owned());
    let expected =
        [(format!("{query}&from=start"), None), (query.to_owned(), last.clone()), (query.to_owned(), last)];
    assert_eq!(asked.lock().unwrap()[..3], expected);
    for part in [
        "the server ended the stream; connecting again in 1 s, after event e-1\n",
        "The bus cannot be read at the moment.; connecting again in ",
        " again\n",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert!(said.starts_with(&watched) && said.matches("UTC").count() == 1, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_refuses_or_has_no_stream_is_exit_code_2_at_once() {
    let dead = ran(program().args(["watch", "--url", "http://127.0.0.1:1"]));
    assert!(
        dead.code == 2 && dead.err.starts_with("ledger: http://127.0.0.1:1 cannot be reached"),
        "{dead:?}"
    );
    assert_eq!(dead.err.matches("127.0.0.1:1").count(), 1, "{dead:?}");
    for (status, says) in [(401, "LEDGER_TOKEN"), (404, "has no stream of events"), (403, "answers 403")] {
        let routes = Router::new().fallback(move || async move { StatusCode::from_u16(status).unwrap() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        let mut program = program();
        program.args(["watch", "--url", &url]);
        let refused = tokio::task::spawn_blocking(move || ran(&mut program)).await.unwrap();
        assert!(refused.code == 2 && refused.err.contains(says), "{status}: {refused:?}");
        assert_eq!(refused.err.lines().count(), 1, "{refused:?}");
    }
}
