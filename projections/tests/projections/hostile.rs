//! LIST with hostile queries: any query string gives a page or a 400 that names the parameter, never a 5xx, and costs no more
//! than a page.

use std::sync::Arc;

use engine::probe::RequestRecorder;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use projections::catalogue::ListQuery;
use projections::cursor;
use projections::views::{Generation, View};
use projections::views::{PositionRange, RowOrder};
use schema::Product;

use crate::given::{
    Deed, Life, PutProduct, asked, front, front_with_time, setting, some_lives, tables, unwatched, views_of,
};

/// Names that need every byte of an index key, get longer in lower case, or contain the greatest character.
const NAMES: [&str; 6] = ["İ", "\u{10ffff}", "Ⱥ", "𐐀", "ΟΔΟΣ", "a"];

fn named(id: &str, name: &str) -> Product {
    Life::begins(id, name, "1").newest().state.clone()
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

#[tokio::test]
async fn bounds_are_exact() {
    let front = front(Arc::new(views_of(&tables().await)));
    for (limit, status) in [
        ("1", 200),
        ("100", 200),
        ("%31%30", 200),
        ("", 400),
        ("0", 400),
        ("101", 400),
        ("01", 400),
        ("1e9", 400),
        ("1e1", 400),
        ("1.0", 400),
        ("-1", 400),
        ("%2B1", 400),
        ("+1", 400),
        ("1+", 400),
        ("0x10", 400),
        ("%EF%BC%91", 400),
        ("18446744073709551617", 400),
        ("340282366920938463463374607431768211456", 400),
    ] {
        let (answered, problem) = asked(&front, &format!("/products?limit={limit}")).await;
        assert_eq!(answered, status, "{limit} {problem}");
        assert!(status == 200 || problem["detail"].as_str().unwrap().contains("limit"), "{problem}");
    }
}

#[tokio::test]
async fn what_is_not_utf_8_is_refused_and_never_read_as_something_else() {
    let views = views_of(&tables().await);
    views.put(Generation(1), &named("p", "\u{fffd} 100% a+b a&b")).await.unwrap();
    let front = front(Arc::new(views));
    for (prefix, answer) in [
        ("%FF", None),
        ("a%C3", None),
        ("%ED%A0%80", None),
        ("%C0%80", None),
        ("%00", None),
        ("%C2%85", None),
        ("%EF%BF%BD", Some(1)),
        ("%EF%BF%BD+100%", Some(1)),
        ("%EF%BF%BD%20100%25%20A%2BB%20A%26b", Some(1)),
        ("%EF%BF%BD%20100%25%20a+b", Some(0)),
        ("%25EF", Some(0)),
        ("%zz", Some(0)),
        ("", Some(1)),
    ] {
        let (status, page) = asked(&front, &format!("/products?sort=name&name_prefix={prefix}")).await;
        let found = page["products"].as_array().map(Vec::len);
        assert_eq!((status == 200).then_some(found).flatten(), answer, "{prefix} {page}");
        assert!(matches!(status, 200 | 400), "{prefix} {status}");
    }
    for query in ["limit=1&limit=1", "limit=1&%6Cimit=1", "sort=id&sort=name", "LIMIT=1", "=1", "&&%FF="] {
        let (status, problem) = asked(&front, &format!("/products?{query}")).await;
        assert_eq!(status, 400, "{query} {problem}");
    }
}

#[tokio::test]
async fn a_name_of_the_greatest_length_is_listed_and_found_by_any_prefix() {
    let views = views_of(&tables().await);
    for (n, name) in NAMES.iter().enumerate() {
        views.put(Generation(1), &named(&format!("p{n}"), &name.repeat(200))).await.unwrap();
    }
    let front = front(Arc::new(views));
    for order in ["asc", "desc"] {
        let (_, page) = asked(&front, &format!("/products?sort=name&order={order}")).await;
        assert_eq!(page["products"].as_array().unwrap().len(), NAMES.len());
    }
    for (n, name) in NAMES.iter().enumerate() {
        for letters in [1, 2, 199, 200] {
            let whole = name.repeat(200);
            let prefix: String = whole.chars().take(letters).collect();
            let (status, page) =
                asked(&front, &format!("/products?sort=name&name_prefix={}", encoded(&prefix))).await;
            assert_eq!(status, 200, "{letters} of {name}: {page}");
            assert_eq!(page["products"][0]["id"], format!("p{n}"), "{letters} of {name}");
        }
    }
    let (status, _) = asked(&front, &format!("/products?sort=name&name_prefix={}", "a".repeat(201))).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_cursor_computed_with_the_public_checksum_gets_no_further_than_its_query() {
    let views = views_of(&tables().await);
    for id in ["B", "m", "~"] {
        views.put(Generation(1), &named(id, "Helmet")).await.unwrap();
    }
    let front = front(Arc::new(views));
    let range = PositionRange::name_prefix("hel");
    let query = |position: &str| cursor::encode(&["name", "asc", &range.from, &range.to], position);
    let genuine = ListQuery {
        order: RowOrder::Name,
        deleted: false,
        descending: false,
        range: range.clone(),
        lookups: Vec::new(),
    };
    assert_eq!(query("helmet\u{1}m"), genuine.cursor("helmet\u{1}m"));
    for (position, status) in [
        ("helmet\u{1}m", 200),
        ("help\u{1}never-was", 200),
        ("a\u{1}m", 400),
        ("hem\u{1}m", 400),
        ("", 400),
        ("helmet\u{1}", 400),
        ("helmet\u{1}m\u{0}", 400),
        (&*format!("hel{}", "x".repeat(2_000)), 400),
    ] {
        let path = format!("/products?sort=name&name_prefix=HEL&cursor={}", query(position));
        let (answered, page) = asked(&front, &path).await;
        assert_eq!(answered, status, "{position:?} {page}");
    }
}

#[tokio::test]
async fn an_empty_range_makes_no_request() {
    let (config, recorder) = RequestRecorder::record(&tables().await);
    let front = front(Arc::new(views_of(&config)));
    asked(&front, "/products").await;
    recorder.clear();
    for order in ["asc", "desc"] {
        let path = format!("/products?sort=price&currency=USD&min_price=10&max_price=9.9999&order={order}");
        let (status, page) = asked(&front, &path).await;
        assert_eq!((status, page), (200, serde_json::json!({"products": [], "next": null})));
    }
    assert!(recorder.take().is_empty());
}

#[tokio::test]
async fn a_walk_continues_after_a_rebuild_switched_the_generation() {
    let setting = setting(&tables().await, Arc::default());
    let mut lives = some_lives(&setting, 30).await;
    let (front, time) = front_with_time(setting.views.clone());
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    for round in 0_i64.. {
        let (status, page) = asked(&front, &format!("/products?sort=name&limit=4{cursor}")).await;
        assert_eq!(status, 200, "{page}");
        let ids = page["products"].as_array().unwrap().iter();
        seen.extend(ids.map(|product| product["id"].as_str().unwrap().to_owned()));
        if round < 3 {
            let report = setting.rebuild(View::Products).run(&unwatched()).await.unwrap();
            assert!(report.generation.is_some(), "{report:?}");
            setting.happens(&mut lives[4], &Deed::Reprice(format!("{}", 70 + round), "USD")).await;
            time.set(5_000 * (round + 1));
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let stood =
        |life: &&Life| life.newest().state.facts.status == schema::Status::Active && life.id != lives[4].id;
    let expected: Vec<String> = lives.iter().filter(stood).map(|life| life.id.to_string()).collect();
    seen.retain(|id| *id != lives[4].id.to_string());
    assert_eq!(seen, expected);
    assert_eq!(setting.generations(View::Products).await.read, Generation(4));
}
