//! Texts that show nothing or change the direction of others are refused where they are new, and so is too much text.

use event_store::chain::MOST_BYTES;
use event_store::{Journal, MemoryJournal, export, seal};
use schema::event::ProductCreated;
use schema::{ProductEvent, fixtures};
use serde_json::{Map, Value, json};

use std::sync::Arc;

use super::front::{Front, HELMET};

fn pointers(body: &Value) -> Vec<&str> {
    let errors = body["errors"].as_array().unwrap().iter();
    errors.map(|error| error["pointer"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_text_that_shows_nothing_or_turns_others_around_is_refused_by_its_pointer() {
    let front = Front::in_memory();
    front.send("PUT /products/p", &[], HELMET).await;
    for (fields, expected) in [
        (json!({"name": "\u{200b}", "sku": "\u{2800}", "category": " "}), vec!["/name", "/sku", "/category"]),
        (json!({"name": "\u{3164}\u{200d}"}), vec!["/name"]),
        (json!({"name": "a\u{202e}b"}), vec!["/name"]),
        (json!({"sku": "a\u{2066}b", "category": "\u{202a}b"}), vec!["/sku", "/category"]),
        (json!({"description": "a\u{2069}"}), vec!["/description"]),
        (
            json!({"attributes": {"a/\u{202d}": "x", "b": "\u{2068}"}}),
            vec!["/attributes/a~1\u{202d}", "/attributes/b"],
        ),
    ] {
        let mut whole = json!({"name": "n", "price": "1"});
        whole.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        for (request, body) in [
            ("PATCH /products/p", &fields),
            ("PUT /products/p", &whole),
            ("PUT /products/q", &whole),
            ("POST /products", &whole),
        ] {
            let answer = front.send(request, &[], &body.to_string()).await;
            assert_eq!(
                (answer.refusal(), pointers(&answer.body)),
                ((422, "invalid"), expected.clone()),
                "{request} {body}"
            );
        }
    }
    // Marks that only tell the direction of what they stand beside are no overrides.
    let marked =
        json!({"name": "\u{200f}ع\u{200e}", "description": "\u{200b}", "attributes": {"\u{200b}": " "}});
    assert_eq!(front.send("PATCH /products/p", &[], &marked.to_string()).await.status, 200);
    assert_eq!(front.commits("p").await.len(), 2);
}

/// A product of an earlier build, which took any text.
async fn earlier(created: ProductCreated) -> Front {
    let unsealed =
        fixtures::commit_after(None, &fixtures::id("p"), vec![ProductEvent::ProductCreated(created)]);
    let journal = Arc::<MemoryJournal>::default();
    journal.append(&seal(unsealed).unwrap().1).await.unwrap();
    Front::over(journal)
}

fn helmet() -> ProductCreated {
    let ProductEvent::ProductCreated(helmet) = fixtures::helmet_created() else {
        unreachable!("the story begins with a creation")
    };
    helmet
}

#[tokio::test]
async fn what_was_recorded_before_stands_in_the_way_of_no_command() {
    let mut before = helmet();
    before.name = "\u{200b}".into();
    before.details.sku = Some("\u{202e}s".into());
    before.details.attributes = Some([("\u{202e}k".to_owned(), "\u{202e}v".to_owned())].into());
    let front = earlier(before).await;
    let whole = json!({"name": "\u{200b}", "price": "7", "sku": "\u{202e}s",
        "attributes": {"\u{202e}k": "\u{202e}v", "new": "x"}});
    for (request, body) in [
        ("PATCH /products/p", r#"{"price":"8"}"#.to_owned()),
        ("PUT /products/p", whole.to_string()),
        ("PATCH /products/p", json!({"attributes": {"\u{202e}k": "plain"}}).to_string()),
        ("DELETE /products/p", String::new()),
        ("POST /products/p/restore", String::new()),
    ] {
        let answer = front.send(request, &[], &body).await;
        assert_eq!(answer.status, 200, "{request} {body}: {}", answer.body);
    }
    let other = front.send("PATCH /products/p", &[], &json!({"name": "\u{200c}"}).to_string()).await;
    assert_eq!((other.refusal(), pointers(&other.body)), ((422, "invalid"), vec!["/name"]));
}

/// Attributes of a product that is as large as one can be, of `letter`.
fn largest(letter: &str, from: usize, to: usize) -> Value {
    let length = 112 * 1024 / 48 - 160;
    let pairs = (from..to).map(|n| (format!("{n:0128}"), json!(letter.repeat(length / letter.len()))));
    json!({"attributes": pairs.collect::<Map<_, _>>()})
}

/// The product `p` with 48 attributes of four-byte characters: all that a product can hold, in commands of less than 64 KB.
async fn fill(front: &Front, letter: &str) {
    for (from, to) in [(0, 24), (24, 48)] {
        let answer = front.send("PATCH /products/p", &[], &largest(letter, from, to).to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

async fn the_largest_product_can_be_replaced_deleted_and_restored(front: Front) {
    let name = |letter: &str| json!({"name": letter.repeat(200), "price": "1"}).to_string();
    front.send("PUT /products/p", &[], &name("🎩")).await;
    // Keys of the greatest length, until the commit remembers as many as it can.
    for n in 0..34 {
        let key = format!("{n:0>255}");
        let body = format!(r#"{{"price":"{}"}}"#, n + 2);
        assert_eq!(front.send("PATCH /products/p", &[("idempotency-key", &key)], &body).await.status, 200);
    }
    fill(&front, "🎩").await;
    // Every text changes, and the largest events are those between two largest products.
    fill(&front, "🧢").await;
    let full =
        front.send("PATCH /products/p", &[], &json!({"description": "🧢".repeat(1_500)}).to_string()).await;
    assert_eq!(full.refusal(), (422, "commit-too-large"), "{}", full.body);
    assert!(full.body["detail"].as_str().unwrap().contains("at most 114688 are allowed"), "{}", full.body);
    let key = "k".repeat(255);
    let headers = [("idempotency-key", &*key), ("x-correlation-id", &"c".repeat(128))];
    for (request, body) in [
        ("PATCH /products/p", json!({"name": "🧢".repeat(200), "currency": "EUR"}).to_string()),
        ("DELETE /products/p", String::new()),
        ("POST /products/p/restore", String::new()),
        ("PATCH /products/p", json!({"attributes": {format!("{:0128}", 7): null}}).to_string()),
        ("PATCH /products/p", json!({"attributes": null}).to_string()),
    ] {
        let answer = front.send(request, &headers[1..], &body).await;
        assert_eq!(answer.status, 200, "{request}: {}", answer.body);
    }
    let sizes: Vec<usize> =
        front.commits("p").await.iter().map(|commit| export::canonical(commit).unwrap().len()).collect();
    let most = *sizes.iter().max().unwrap();
    assert!(most > 300 * 1024 && most <= MOST_BYTES, "{most}");
}

#[tokio::test]
async fn the_largest_product_can_be_changed_in_memory() {
    the_largest_product_can_be_replaced_deleted_and_restored(Front::in_memory()).await;
}

#[tokio::test]
async fn the_largest_product_can_be_changed_on_dynamodb() {
    let engine = engine::Engine::in_memory().unwrap();
    the_largest_product_can_be_replaced_deleted_and_restored(Front::on(&engine.sdk_config()).await).await;
}

#[tokio::test]
async fn a_product_that_an_earlier_build_let_grow_larger_can_shrink_but_not_grow() {
    let mut before = helmet();
    let attributes = (0..50).map(|n| (format!("{n:064}"), "🎩".repeat(500)));
    before.details.attributes = Some(attributes.collect());
    before.details.description = Some("🎩".repeat(4_000));
    let front = earlier(before).await;
    let grown = front.send("PATCH /products/p", &[], r#"{"sku":"a longer one than before"}"#).await;
    assert_eq!(grown.refusal(), (422, "commit-too-large"));
    for body in [
        r#"{"price":"7"}"#,
        r#"{"description":"short"}"#,
        r#"{"attributes":null}"#,
        r#"{"sku":"a longer one"}"#,
    ] {
        let answer = front.send("PATCH /products/p", &[], body).await;
        assert_eq!(answer.status, 200, "{body}: {}", answer.body);
    }
}
