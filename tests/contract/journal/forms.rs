//! What was appended is read back field for field, known to this build or not.

use event_store::{chain, export};
use schema::{Metadata, StoredCommit, Unsealed, fixtures};
use serde_json::{Map, Value, json};

use super::{Journals, append_all, scanned, whole};
use crate::given::commits::{LAST, commit, life, made, made_with};

cases! { dyn event_store::Journal, [memory sqlite dynamodb];
    what_was_appended_is_read_back_field_for_field
    every_event_of_this_build_is_read_back_as_it_was
    every_way_of_reading_answers_the_same_commit
    a_field_of_a_later_build_survives_beside_the_known_ones
    a_field_of_a_later_build_survives_inside_events_state_and_metadata
    an_event_of_a_later_build_survives
    the_hash_still_fits_what_is_read
    the_canonical_line_is_the_same_byte_for_byte
    a_text_with_quotes_and_statements_is_only_a_text
    control_characters_survive
    the_character_zero_survives
    characters_beyond_the_basic_plane_survive
    composed_and_decomposed_letters_stay_different
    names_of_fields_may_be_any_text
    empty_texts_lists_and_objects_stay_what_they_are
    null_is_not_a_missing_field
    numbers_texts_and_truth_values_stay_apart
    numbers_survive_up_to_the_greatest_that_is_exact
    fractions_survive
    a_text_that_looks_like_json_stays_a_text
    lists_keep_their_order
    deep_nesting_survives
    a_commit_of_350_kb_is_whole
    a_commit_of_many_thousand_small_values_is_whole
}

/// A commit with this in its metadata is read back as it was.
async fn survives(journals: &Journals, metadata: Value) {
    let stored = made_with("p", 1, &metadata);
    journals.append(&stored).await.unwrap();
    assert_eq!(journals.newest(&fixtures::id("p"), 1).await.unwrap(), Some(stored.clone()));
    assert_eq!(whole(&**journals, &fixtures::id("p")).await.unwrap(), [stored]);
}

async fn what_was_appended_is_read_back_field_for_field(journals: &Journals) {
    let product = fixtures::id("helmet");
    let unsealed = fixtures::commit_after(None, &product, vec![fixtures::helmet_created()]);
    let metadata = Metadata {
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
        idempotency_key: Some("k-1".into()),
        ..unsealed.metadata
    };
    let (sealed, stored) = event_store::seal(Unsealed { metadata, ..unsealed }).unwrap();
    journals.append(&stored).await.unwrap();
    let read = journals.newest(&product, 1).await.unwrap().unwrap();
    assert_eq!(read, stored);
    assert_eq!(read.decode().unwrap(), sealed);
}

async fn every_event_of_this_build_is_read_back_as_it_was(journals: &Journals) {
    let product = fixtures::id("helmet");
    let (sealed, stored): (Vec<_>, Vec<_>) = life(&product).into_iter().unzip();
    append_all(&**journals, &stored).await;
    let read = whole(&**journals, &product).await.unwrap();
    assert_eq!(read.iter().map(|commit| commit.decode().unwrap()).collect::<Vec<_>>(), sealed);
}

async fn every_way_of_reading_answers_the_same_commit(journals: &Journals) {
    let (_, stored) = commit(None, &fixtures::id("p"), fixtures::helmet_story());
    journals.append(&stored).await.unwrap();
    assert_eq!(journals.newest(&fixtures::id("p"), 6).await.unwrap(), Some(stored.clone()));
    assert_eq!(journals.page(&fixtures::id("p"), 0, 1).await.unwrap(), std::slice::from_ref(&stored));
    assert_eq!(scanned(&**journals, 1).await, [stored]);
}

async fn a_field_of_a_later_build_survives_beside_the_known_ones(journals: &Journals) {
    let mut stored = made("p", 1);
    stored.0.insert("of_a_later_build".into(), json!({"list": [1, "two", null, true], "empty": {}}));
    stored.0.insert("Sequence".into(), json!("another name"));
    journals.append(&stored).await.unwrap();
    assert_eq!(journals.newest(&fixtures::id("p"), 1).await.unwrap(), Some(stored));
}

async fn a_field_of_a_later_build_survives_inside_events_state_and_metadata(journals: &Journals) {
    let (_, mut stored) = commit(None, &fixtures::id("p"), vec![fixtures::helmet_created()]);
    for place in ["state", "metadata"] {
        stored.0[place]["approved_by"] = json!({"name": "x", "at": 7});
    }
    stored.0["events"][0]["data"]["weight"] = json!(1.25);
    journals.append(&stored).await.unwrap();
    assert_eq!(journals.newest(&fixtures::id("p"), 1).await.unwrap(), Some(stored));
}

async fn an_event_of_a_later_build_survives(journals: &Journals) {
    let mut stored = made("p", 1);
    stored.0["events"] = json!([{"type": "ProductWeighed", "schema_version": 7, "data": {"grams": [1, 2]}}]);
    journals.append(&stored).await.unwrap();
    assert_eq!(whole(&**journals, &fixtures::id("p")).await.unwrap(), [stored]);
}

async fn the_hash_still_fits_what_is_read(journals: &Journals) {
    let (sealed, stored) = commit(None, &fixtures::id("p"), fixtures::helmet_story());
    journals.append(&stored).await.unwrap();
    let read = journals.newest(&fixtures::id("p"), 1).await.unwrap().unwrap();
    assert_eq!(chain::hash_of(&read).unwrap(), sealed.hash);
}

async fn the_canonical_line_is_the_same_byte_for_byte(journals: &Journals) {
    let text = json!({"é": "\u{1f6b2}\u{7}\"\\/", "a": [0.1, 33.6442, 1, -0.5, {"": null}], "Z": LAST});
    let stored = made_with("p", 1, &json!({"of_a_later_build": text.to_string(), "more": {"b": [], "a": 2}}));
    journals.append(&stored).await.unwrap();
    let read = journals.newest(&fixtures::id("p"), 1).await.unwrap().unwrap();
    assert_eq!(export::canonical(&read).unwrap(), export::canonical(&stored).unwrap());
}

async fn a_text_with_quotes_and_statements_is_only_a_text(journals: &Journals) {
    survives(journals, json!({"a": "'; DROP TABLE commits; --", "b": "\"}]'\\", "c": "?1 :x $y @z %s"}))
        .await;
}

async fn control_characters_survive(journals: &Journals) {
    let all: String = ('\u{1}'..='\u{1f}').chain('\u{7f}'..='\u{9f}').collect();
    survives(journals, json!({"text": all, "lines": "a\r\nb\tc\u{2028}d\u{2029}e"})).await;
}

async fn the_character_zero_survives(journals: &Journals) {
    survives(journals, json!({"text": "before\u{0}after", "alone": "\u{0}"})).await;
}

async fn characters_beyond_the_basic_plane_survive(journals: &Journals) {
    survives(
        journals,
        json!({"text": "🚲👩🏽‍🚀𝔘𝔫𝔦\u{10ffff}\u{e000}\u{feff}\u{fffd}", "right to left": "مرحبا"}),
    )
    .await;
}

async fn composed_and_decomposed_letters_stay_different(journals: &Journals) {
    survives(journals, json!({"\u{e9}": "\u{e9}", "e\u{301}": "e\u{301}", "ß": "ss", "ẞ": "SS"})).await;
}

async fn names_of_fields_may_be_any_text(journals: &Journals) {
    let names = json!({" ": 1, "a.b": 2, "a[0]": 3, "#x": 4, ":y": 5, "$z": 6, "'": 7, "\"": 8, "名": 9, "sequence": 10,
        "product_id": "q", "\u{1}": 11});
    survives(journals, json!({"inside": names})).await;
}

async fn empty_texts_lists_and_objects_stay_what_they_are(journals: &Journals) {
    survives(journals, json!({"text": "", "list": [], "object": {}, "nested": [[], {}, "", [[]]]})).await;
}

async fn null_is_not_a_missing_field(journals: &Journals) {
    survives(journals, json!({"nothing": null, "list": [null, null]})).await;
    let read = journals.newest(&fixtures::id("p"), 1).await.unwrap().unwrap();
    assert!(read.0["metadata"].as_object().unwrap().contains_key("nothing"));
    assert!(!read.0["metadata"].as_object().unwrap().contains_key("something"));
}

async fn numbers_texts_and_truth_values_stay_apart(journals: &Journals) {
    survives(journals, json!({"values": [1, "1", true, "true", 0, "0", false, null, "null", "", 10, "1e1"]}))
        .await;
}

async fn numbers_survive_up_to_the_greatest_that_is_exact(journals: &Journals) {
    let greatest = LAST.cast_signed();
    survives(journals, json!({"numbers": [0, 1, -1, greatest, -greatest, 4_294_967_296_u64, 1_000_000]}))
        .await;
}

async fn fractions_survive(journals: &Journals) {
    survives(
        journals,
        json!({"numbers": [0.1, -0.1, 33.6442, 1.5e-7, 0.000_001, 12_345_678.9, 0.300_000_000_000_000_04]}),
    )
    .await;
}

async fn a_text_that_looks_like_json_stays_a_text(journals: &Journals) {
    survives(journals, json!({"text": "{\"a\": [1, 2]}", "number": "007", "S": {"S": "x"}, "N": {"N": "1"}}))
        .await;
}

async fn lists_keep_their_order(journals: &Journals) {
    let numbers: Vec<u64> = (0..500).map(|n| n * 7919 % 500).collect();
    survives(journals, json!({"numbers": numbers, "twice": ["b", "a", "b", "a"]})).await;
}

async fn deep_nesting_survives(journals: &Journals) {
    let deep = (0..12).fold(json!("in the middle"), |inner, _| json!({"in": [inner]}));
    survives(journals, json!({"deep": deep})).await;
}

async fn a_commit_of_350_kb_is_whole(journals: &Journals) {
    let mut unsealed = fixtures::commit_after(None, &fixtures::id("p"), vec![fixtures::helmet_created()]);
    unsealed.metadata.actor = "é".repeat(chain::MOST_BYTES / 2 - 2_000);
    let (_, stored) = event_store::seal(unsealed).unwrap();
    assert!(export::canonical(&stored).unwrap().len() > 340 * 1024);
    journals.append(&stored).await.unwrap();
    assert_eq!(journals.newest(&fixtures::id("p"), 1).await.unwrap(), Some(stored));
}

async fn a_commit_of_many_thousand_small_values_is_whole(journals: &Journals) {
    let values: Map<String, Value> = (0..5_000).map(|n| (format!("field {n}"), json!([n, "x"]))).collect();
    let stored = made_with("p", 1, &Value::Object(values));
    journals.append(&stored).await.unwrap();
    let read: StoredCommit = journals.newest(&fixtures::id("p"), 1).await.unwrap().unwrap();
    assert_eq!(read, stored);
}
