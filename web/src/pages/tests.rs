//! Which senders are answered, and how an allowed origin is written.

use axum::body::Body;

use super::*;

const OWN: &str = "127.0.0.1:8080";

fn rules(behind_proxy: bool) -> PageRules {
    PageRules::new(vec!["https://shop.example.com".parse().unwrap()], behind_proxy)
}

/// Whether the request is answered, and whether as one of an allowed origin.
fn judged(rules: &PageRules, method: &str, headers: &[(&str, &str)]) -> Option<bool> {
    let mut request = Request::builder().method(method).uri("/products/p").header("host", OWN);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let sender = rules.sender(&request.body(Body::empty()).unwrap())?;
    Some(matches!(sender, Sender::Allowed(_)))
}

#[test]
fn programs_and_the_server_s_own_pages_are_answered() {
    let own = format!("http://{OWN}");
    for headers in [
        &[][..],
        &[("origin", own.as_str())],
        &[("origin", &own), ("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors")],
        &[("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "no-cors")],
        &[("sec-fetch-site", "none")],
    ] {
        assert_eq!(judged(&rules(false), "POST", headers), Some(false), "{headers:?}");
    }
}

#[test]
fn pages_of_other_origins_are_refused_also_those_of_other_ports() {
    for origin in [
        "http://localhost:3000",
        "http://127.0.0.1:3000",
        "http://127.0.0.1",
        "https://127.0.0.1:8080",
        "http://localhost:8080",
        "https://evil.example.com",
        "https://shop.example.com:444",
        "http://shop.example.com",
        "https://shop.example.com.evil.example",
        "null",
        "",
        OWN,
    ] {
        for method in ["GET", "HEAD", "POST", "OPTIONS"] {
            assert_eq!(judged(&rules(false), method, &[("origin", origin)]), None, "{method} {origin}");
        }
    }
    let own = format!("http://{OWN}");
    let twice = [("origin", own.as_str()), ("origin", "https://evil.example.com")];
    assert_eq!(judged(&rules(false), "POST", &twice), None);
}

#[test]
fn what_a_page_of_another_site_loads_without_an_origin_is_refused() {
    for site in ["cross-site", "same-site", "anything"] {
        for mode in ["no-cors", "cors", "websocket"] {
            let headers = [("sec-fetch-site", site), ("sec-fetch-mode", mode), ("sec-fetch-dest", "script")];
            assert_eq!(judged(&rules(true), "GET", &headers), None, "{site} {mode}");
        }
    }
    // A browser never sends it; if it came, it would be a page of another site.
    let own = format!("http://{OWN}");
    assert_eq!(judged(&rules(false), "POST", &[("origin", &own), ("sec-fetch-site", "cross-site")]), None);
}

#[test]
fn a_link_may_be_followed_and_no_form_be_sent() {
    let from_elsewhere = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
    let to = |destination| [&from_elsewhere[..], &[("sec-fetch-dest", destination)]].concat();
    assert_eq!(judged(&rules(false), "GET", &from_elsewhere), Some(false));
    assert_eq!(judged(&rules(false), "GET", &to("document")), Some(false));
    assert_eq!(judged(&rules(false), "POST", &to("document")), None);
    for inside in ["iframe", "frame", "object", "embed"] {
        assert_eq!(judged(&rules(false), "GET", &to(inside)), None, "{inside}");
    }
}

#[test]
fn pages_of_an_allowed_origin_are_answered_as_such() {
    let allowed = [("origin", "https://shop.example.com"), ("sec-fetch-site", "cross-site")];
    for method in ["GET", "PUT", "OPTIONS"] {
        assert_eq!(judged(&rules(false), method, &allowed), Some(true), "{method}");
    }
}

#[test]
fn behind_a_proxy_the_server_s_own_pages_may_be_those_of_https() {
    for (origin, host) in [
        ("https://ledger.example.com", "ledger.example.com"),
        ("https://ledger.example.com", "Ledger.Example.com:443"),
        ("http://ledger.example.com", "ledger.example.com:80"),
        ("https://ledger.example.com:8443", "ledger.example.com:8443"),
    ] {
        let origin = HeaderValue::from_static(origin);
        assert!(rules(true).is_own(&origin, host), "{origin:?} {host}");
        assert_eq!(
            rules(false).is_own(&origin, host),
            origin.as_bytes().starts_with(b"http:"),
            "{origin:?} {host}"
        );
    }
    for (origin, host) in [
        ("https://ledger.example.com", "ledger.example.com:80"),
        ("https://ledger.example.com", "127.0.0.1:8080"),
        ("https://", ""),
        ("ftp://a", "a"),
    ] {
        assert!(!rules(true).is_own(&HeaderValue::from_static(origin), host), "{origin} {host}");
    }
}

#[test]
fn an_allowed_origin_is_written_as_browsers_send_it() {
    for (given, sent) in [
        ("https://shop.example.com", "https://shop.example.com"),
        ("HTTPS://Shop.Example.com:443", "https://shop.example.com"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("tauri://localhost", "tauri://localhost"),
        ("  https://a.example ", "https://a.example"),
    ] {
        assert_eq!(given.parse::<AllowedOrigin>().unwrap().0, sent, "{given}");
    }
    for refused in [
        "",
        "*",
        "null",
        "localhost:3000",
        "https://",
        "https://*.example.com",
        "https://a.example/",
        "https://a.example/path",
        "https://a.example?x",
        "https://a.example#x",
        "https://somebody@a.example",
        "https://a.example:port",
        "https://a.example:70000",
        "https://a b.example",
        "https://a.example\nx",
        "file:///etc",
        "https:a.example",
    ] {
        assert_eq!(refused.parse::<AllowedOrigin>(), Err(InvalidOrigin), "{refused:?}");
    }
}
