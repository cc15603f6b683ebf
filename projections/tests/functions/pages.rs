//! The pages for people by the query function, below the stage that precedes the routes: as text, with the client and the endpoints
//! that the stack names.

use loopback::{FunctionResponse, TableServer};
use serde_json::{Value, json};

use crate::given::{invoke, query_api, recorded};

/// GET of a path of the pages, as the gateway sends it from the stage `v1`.
fn asked(resource: &str, path: &str, file: Option<&str>) -> Value {
    let mut event = recorded("without-claims");
    event["resource"] = json!(resource);
    event["path"] = json!(path);
    event["pathParameters"] = file.map_or(Value::Null, |name| json!({"file": name}));
    event["requestContext"]["path"] = json!(format!("/v1{path}"));
    event["requestContext"]["resourcePath"] = json!(resource);
    event["headers"] = json!({"Accept": "text/html"});
    event["multiValueHeaders"] = json!({"Accept": ["text/html"], "Accept-Encoding": ["gzip"]});
    event
}

#[tokio::test]
async fn the_pages_for_people_are_text_below_a_stage_and_name_their_client_and_its_endpoints() {
    let tables = TableServer::serve().await;
    let issuer = "https://people.example.com";
    let queries = query_api(&tables)
        .with("LEDGER_AUTH_CLIENT", "explorer")
        .with("LEDGER_AUTH_AUTHORIZE_URL", &format!("{issuer}/oauth2/authorize"))
        .with("LEDGER_AUTH_TOKEN_URL", &format!("{issuer}/oauth2/token"))
        .with("LEDGER_AUTH_END_SESSION_URL", &format!("{issuer}/logout"));
    let queries = queries.start().await;
    let answer = async |event: Value| {
        let FunctionResponse::Response(answer) = invoke(&queries, &event).await else { panic!("it failed") };
        // What is no tile is never in Base64.
        assert_eq!(answer["isBase64Encoded"], false);
        answer
    };
    let page = answer(asked("/", "/", None)).await;
    let html = page["body"].as_str().unwrap();
    assert!(html.contains("<base href=\"/v1/\">"), "{html}");
    let policy = page["multiValueHeaders"]["content-security-policy"][0].as_str().unwrap();
    assert!(policy.contains(&format!("connect-src 'self' {issuer};")), "{policy}");
    let told = answer(asked("/ui/config.json", "/ui/config.json", None)).await;
    let told: Value = serde_json::from_str(told["body"].as_str().unwrap()).unwrap();
    assert_eq!((&told["mode"], &told["base"]), (&json!("oidc"), &json!("/v1")));
    assert_eq!(told["token_url"], format!("{issuer}/oauth2/token"));
    let script = html.split("src=\"ui/").nth(1).unwrap().split('"').next().unwrap();
    let file = answer(asked("/ui/{file}", &format!("/ui/{script}"), Some(script))).await;
    let kept = &file["multiValueHeaders"]["cache-control"][0];
    assert_eq!((&file["statusCode"], kept), (&json!(200), &json!("public, max-age=31536000, immutable")));
    assert_eq!(file["multiValueHeaders"].get("content-encoding"), None);
    let old = answer(asked("/ui/{file}", "/ui/main-OLD.js", Some("main-OLD.js"))).await;
    assert_eq!(old["statusCode"], 404);
    // Nobody was asked for anything.
    assert_eq!(tables.take_requests(), []);
}

#[tokio::test]
async fn an_endpoint_that_cannot_be_used_stops_the_start_with_a_line_that_names_it() {
    let tables = TableServer::serve().await;
    let wrong = query_api(&tables).with("LEDGER_AUTH_CLIENT", "explorer");
    let wrong = wrong.with("LEDGER_AUTH_AUTHORIZE_URL", "https://people.example.com/a");
    let missing = wrong.start().await.start_error().await;
    assert!(missing.starts_with("LEDGER_AUTH_TOKEN_URL=\"\""), "{missing}");
}
