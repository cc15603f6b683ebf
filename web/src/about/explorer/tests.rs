//! The routes of the explorer as a browser and other clients see them, and the sizes of its files.

use axum::http::Request;
use tower::ServiceExt;

use super::assets::ASSETS;
use super::*;

fn explorer() -> Explorer {
    Explorer {
        needs_token: false,
        sign_in: None,
        people_url: None,
        features: vec![Feature::Commits],
        orders: Orders::default(),
        default_currency: Currency::parse("USD").unwrap(),
        compresses: true,
    }
}

async fn asked(
    explorer: Option<Explorer>,
    base: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> (StatusCode, HeaderMap, Vec<u8>) {
    let mut request = Request::builder().uri(path).extension(BasePath::new(base));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = routes(explorer).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = answer.into_parts();
    let body = axum::body::to_bytes(body, 10_000_000).await.unwrap();
    (parts.status, parts.headers, body.to_vec())
}

#[tokio::test]
async fn browsers_get_the_page_and_others_five_lines() {
    let html = "text/html,application/xhtml+xml,*/*;q=0.8";
    for (accept, is_page) in
        [(html, true), ("*/*", false), ("text/html;q=0", false), ("application/json", false)]
    {
        let (_, headers, body) = asked(Some(explorer()), "", "/", &[("accept", accept)]).await;
        assert_eq!(headers["content-type"] == "text/html; charset=utf-8", is_page, "{accept}");
        assert_eq!(body.starts_with(b"<!doctype html>"), is_page, "{accept}");
        assert!(headers["vary"].to_str().unwrap().contains("Accept"), "{accept}");
    }
    let (_, headers, body) = asked(Some(explorer()), "", "/", &[]).await;
    assert_eq!((headers.get("content-security-policy"), body), (None, TEXT.as_bytes().to_vec()));
}

#[tokio::test]
async fn the_page_names_what_precedes_the_routes() {
    for (base, named) in
        [("", "<base href=\"./\">"), ("/v1", "<base href=\"/v1/\">"), ("/a\"b", "<base href=\"/a&quot;b/\">")]
    {
        let (_, _, body) = asked(Some(explorer()), base, "/", &[("accept", "text/html")]).await;
        assert!(String::from_utf8(body).unwrap().contains(named), "{named}");
    }
    let (_, _, told) = asked(Some(explorer()), "/v1", "/ui/config.json", &[]).await;
    let told: serde_json::Value = serde_json::from_slice(&told).unwrap();
    assert_eq!(told["base"], "/v1");
}

#[tokio::test]
async fn every_file_is_the_same_compressed_and_not() {
    for asset in ASSETS {
        let path = format!("/ui/{}", asset.name);
        let (status, headers, plain) = asked(Some(explorer()), "", &path, &[]).await;
        assert_eq!((status, headers.get("content-encoding")), (StatusCode::OK, None), "{path}");
        let (_, headers, packed) =
            asked(Some(explorer()), "", &path, &[("accept-encoding", "br, gzip")]).await;
        assert_eq!(headers["content-encoding"], "gzip", "{path}");
        let mut unpacked = Vec::new();
        let mut reader = flate2::read::GzDecoder::new(packed.as_slice());
        std::io::Read::read_to_end(&mut reader, &mut unpacked).unwrap();
        assert!(unpacked == plain && !plain.is_empty(), "{path}");
        let behind_gateway = Explorer { compresses: false, ..explorer() };
        let (_, headers, text) = asked(Some(behind_gateway), "", &path, &[("accept-encoding", "gzip")]).await;
        assert_eq!((headers.get("content-encoding"), text), (None, plain), "{path}");
    }
}

#[tokio::test]
async fn hashed_files_are_kept_for_ever_and_the_rest_is_asked_for_again() {
    let hashed = ASSETS.iter().find(|asset| asset.is_hashed()).unwrap();
    let path = format!("/ui/{}", hashed.name);
    let (_, headers, _) = asked(Some(explorer()), "", &path, &[]).await;
    assert_eq!(headers["cache-control"], FOR_EVER);
    for path in [path.as_str(), "/", "/ui/config.json", "/ui/runbook.html", "/ui/LICENSES.txt"] {
        let accept = ("accept", "text/html");
        let (_, headers, _) = asked(Some(explorer()), "", path, &[accept]).await;
        let etag = headers["etag"].to_str().unwrap().to_owned();
        assert_eq!(headers["cache-control"] == ALWAYS_NEW, !path.ends_with(hashed.name), "{path}");
        let (status, _, body) = asked(Some(explorer()), "", path, &[accept, ("if-none-match", &etag)]).await;
        assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0), "{path}");
    }
    let (status, _, _) = asked(Some(explorer()), "", "/ui/main-OLD.js", &[]).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_runbook_is_a_page_with_the_same_policy_and_no_script() {
    let (status, headers, page) = asked(Some(explorer()), "/v1", "/ui/runbook.html", &[]).await;
    assert_eq!(
        (status, &headers["content-type"]),
        (StatusCode::OK, &HeaderValue::from_static("text/html; charset=utf-8"))
    );
    assert_eq!(headers["content-security-policy"], POLICY);
    let page = String::from_utf8(page).unwrap();
    let style = ASSETS.iter().find(|asset| asset.name.starts_with("style-")).unwrap();
    assert!(page.contains(&format!("<link rel=\"stylesheet\" href=\"{}\">", style.name)));
    assert!(!page.contains("<script") && !page.contains("<style") && !page.contains("style=\""));
    for anchor in ["a-consumer-is-behind", "a-product-is-parked", "commands-fail", "tampering"] {
        assert!(page.contains(&format!("id=\"{anchor}\"")), "{anchor}");
    }
}

#[tokio::test]
async fn without_the_explorer_there_are_five_lines_and_no_files() {
    let (_, _, body) = asked(None, "", "/", &[("accept", "text/html")]).await;
    assert_eq!(body, TEXT.as_bytes());
    for path in ["/ui/config.json", "/ui/LICENSES.txt", "/ui/runbook.html"] {
        assert_eq!(asked(None, "", path, &[]).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn the_features_are_those_of_the_server() {
    let without = Explorer { features: Vec::new(), needs_token: true, ..explorer() };
    for (explorer, mode, first) in [(explorer(), "open", "commits"), (without, "token", "as_of")] {
        let (_, _, told) = asked(Some(explorer), "", "/ui/config.json", &[]).await;
        let told: serde_json::Value = serde_json::from_slice(&told).unwrap();
        assert_eq!((&told["mode"], &told["features"][0]), (&json!(mode), &json!(first)));
    }
}

/// What an answer is in gzip, the first page and everything: issue 17 and the budget of decision 45.
#[test]
fn the_files_stay_within_their_budget() {
    let size = |asset: &Asset| asset.gzipped.len();
    let named =
        |start: &str| ASSETS.iter().filter(|asset| asset.name.starts_with(start)).map(size).sum::<usize>();
    let html = INDEX.text().unwrap();
    let first =
        ASSETS.iter().filter(|asset| html.contains(asset.name)).map(size).sum::<usize>() + size(&INDEX);
    let is_program = |asset: &&Asset| matches!(asset.name.rsplit_once('.'), Some((_, "js" | "css")));
    let all = ASSETS.iter().filter(is_program).map(size).sum::<usize>() + size(&INDEX);
    assert!(first <= 45_000, "the first page has {first} bytes");
    assert!(all <= 150_000, "all files have {all} bytes");
    for (start, most) in [
        ("style-", 10_000),
        ("Catalogue-", 9_000),
        ("Product-", 16_000),
        ("Evidence-", 9_000),
        ("SignIn-", 4_000),
        ("Health-", 6_000),
        ("runbook.html", 15_000),
    ] {
        let found = named(start);
        assert!(found > 0 && found <= most, "{start} has {found} bytes");
    }
    assert!(named("Proof-") + named("worker-") <= 14_000, "the proof has more than 14000 bytes");
}

#[test]
fn no_file_names_another_server() {
    for asset in ASSETS.iter().filter(|asset| asset.name != "LICENSES.txt") {
        let text = asset.text().unwrap();
        // The namespaces of SVG and MathML are names, not addresses.
        let text = text.replace("http://www.w3.org/", "");
        for scheme in ["http://", "https://"] {
            let found = text.find(scheme).map(|at| &text[at.saturating_sub(40)..(at + 60).min(text.len())]);
            assert_eq!(found, None, "{}", asset.name);
        }
    }
}

fn people(is_ready: bool) -> Arc<PeopleSignIn> {
    let sign_in = PeopleSignIn::of(PublicClient::new("explorer", READING_SCOPES).unwrap());
    if is_ready {
        let (authorize, token) = ("https://id.example.com/authorize?a=b", "https://tokens.example.com/token");
        sign_in.found(IssuerEndpoints::new(authorize, token, Some("https://id.example.com/out")).unwrap());
    }
    Arc::new(sign_in)
}

#[tokio::test]
async fn people_sign_in_at_the_issuer_once_its_endpoints_are_known_and_where_a_token_is_needed() {
    for (needs_token, is_ready, mode) in [(true, true, "oidc"), (true, false, "token"), (false, true, "open")]
    {
        let explorer = Explorer { needs_token, sign_in: Some(people(is_ready)), ..explorer() };
        let (_, headers, told) = asked(Some(explorer.clone()), "", "/ui/config.json", &[]).await;
        let told: serde_json::Value = serde_json::from_slice(&told).unwrap();
        assert_eq!(told["mode"], mode);
        let sign_in = json!({
            "authorize_url": "https://id.example.com/authorize?a=b", "token_url": "https://tokens.example.com/token",
            "end_session_url": "https://id.example.com/out", "client_id": "explorer", "scopes": READING_SCOPES,
        });
        for (name, value) in sign_in.as_object().unwrap() {
            assert_eq!(told.get(name), (mode == "oidc").then_some(value), "{mode}: {name}");
        }
        // The one other origin that the pages may connect to, and nothing else of the policy changes.
        let policy = headers["content-security-policy"].to_str().unwrap();
        let added = " https://tokens.example.com";
        assert_eq!(policy.contains(added), mode == "oidc", "{policy}");
        assert_eq!(policy.replace(added, ""), POLICY);
        for path in ["/", "/ui/LICENSES.txt"] {
            let (_, headers, _) = asked(Some(explorer.clone()), "", path, &[("accept", "text/html")]).await;
            assert_eq!(headers["content-security-policy"], policy, "{path}");
        }
    }
}

#[tokio::test]
async fn a_page_that_a_browser_keeps_is_another_one_under_another_policy() {
    let sign_in = people(false);
    let explorer = Explorer { needs_token: true, sign_in: Some(sign_in.clone()), ..explorer() };
    let accept = ("accept", "text/html");
    let (_, headers, _) = asked(Some(explorer.clone()), "", "/", &[accept]).await;
    let etag = headers["etag"].to_str().unwrap().to_owned();
    sign_in.found(IssuerEndpoints::new("https://a.example/a", "https://a.example/t", None).unwrap());
    let (status, headers, _) = asked(Some(explorer), "", "/", &[accept, ("if-none-match", &etag)]).await;
    assert_eq!(status, StatusCode::OK);
    assert!(headers["content-security-policy"].to_str().unwrap().contains("https://a.example;"));
}

#[tokio::test]
async fn the_page_is_told_where_the_names_of_people_are() {
    for people_url in [None, Some("/people.json".to_owned())] {
        let explorer = Explorer { people_url: people_url.clone(), ..explorer() };
        let (_, _, told) = asked(Some(explorer), "", "/ui/config.json", &[]).await;
        let told: serde_json::Value = serde_json::from_slice(&told).unwrap();
        assert_eq!(told.get("people_url"), people_url.map(|path| json!(path)).as_ref());
    }
}
