//! A key is written once, and is a product with a first sequence that is a positive whole number below 2^53.

use event_store::AppendError;
use schema::{StoredCommit, fixtures};
use serde_json::{Value, json};

use super::{Journals, append_all, scanned, sequences, whole};
use crate::given::commits::{LAST, awkward_ids, made, run};

cases! { dyn event_store::Journal, [memory sqlite dynamodb];
    a_new_journal_has_no_commit
    a_key_is_written_once
    the_very_same_commit_is_refused_the_second_time
    a_refused_commit_leaves_the_first_as_it_was
    every_commit_of_a_long_product_keeps_its_key
    the_same_sequence_of_two_products_is_two_keys
    commits_may_come_in_any_order
    a_commit_may_begin_inside_another_without_replacing_it
    a_commit_without_a_product_is_refused_for_good
    a_commit_whose_product_is_no_text_is_refused_for_good
    a_commit_without_a_sequence_is_refused_for_good
    sequence_zero_is_refused_for_good
    a_sequence_of_two_to_the_power_of_53_is_refused_for_good
    a_sequence_that_is_no_whole_number_is_refused_for_good
    the_greatest_sequence_is_a_key_like_any_other
    what_was_refused_leaves_nothing_behind
    a_journal_goes_on_after_a_refusal
    awkward_ids_are_different_products
    ids_differ_by_case
    an_id_of_64_characters_is_whole
    a_commit_is_there_when_the_store_is_opened_again
    a_key_stays_written_when_the_store_is_opened_again
}

async fn refused(journals: &Journals, name: &str, value: Option<Value>) {
    let mut commit = made("p", 1);
    match value {
        Some(value) => drop(commit.0.insert(name.into(), value)),
        None => drop(commit.0.remove(name)),
    }
    let error = journals.append(&commit).await.unwrap_err();
    assert!(matches!(error, AppendError::Refused(_)), "{name}: {error:?}");
    assert_eq!(scanned(&**journals, 10).await, []);
}

async fn a_new_journal_has_no_commit(journals: &Journals) {
    assert_eq!(journals.newest(&fixtures::id("p"), LAST).await.unwrap(), None);
    assert_eq!(whole(&**journals, &fixtures::id("p")).await.unwrap(), []);
    assert_eq!(scanned(&**journals, 10).await, []);
}

async fn a_key_is_written_once(journals: &Journals) {
    let mut other = made("p", 1);
    other.0["commit_id"] = json!("another");
    journals.append(&made("p", 1)).await.unwrap();
    let again = journals.append(&other).await;
    assert!(matches!(again, Err(AppendError::Occupied)), "{again:?}");
}

async fn the_very_same_commit_is_refused_the_second_time(journals: &Journals) {
    journals.append(&made("p", 1)).await.unwrap();
    let again = journals.append(&made("p", 1)).await;
    assert!(matches!(again, Err(AppendError::Occupied)), "{again:?}");
    assert_eq!(scanned(&**journals, 10).await, [made("p", 1)]);
}

async fn a_refused_commit_leaves_the_first_as_it_was(journals: &Journals) {
    let mut longer = made("p", 1);
    longer.0["commit_id"] = json!("another");
    longer.0.insert("more".into(), json!("of it"));
    journals.append(&made("p", 1)).await.unwrap();
    journals.append(&longer).await.unwrap_err();
    assert_eq!(journals.newest(&fixtures::id("p"), 9).await.unwrap(), Some(made("p", 1)));
}

async fn every_commit_of_a_long_product_keeps_its_key(journals: &Journals) {
    append_all(&**journals, &run("p", 40)).await;
    for commit in run("p", 40) {
        assert!(matches!(journals.append(&commit).await, Err(AppendError::Occupied)));
    }
    assert_eq!(whole(&**journals, &fixtures::id("p")).await.unwrap(), run("p", 40));
}

async fn the_same_sequence_of_two_products_is_two_keys(journals: &Journals) {
    append_all(&**journals, &[made("p", 1), made("q", 1)]).await;
    for product in ["p", "q"] {
        let newest = journals.newest(&fixtures::id(product), 1).await.unwrap();
        assert_eq!(newest, Some(made(product, 1)));
    }
}

async fn commits_may_come_in_any_order(journals: &Journals) {
    for sequence in [5, 2, 11, 1, 9] {
        journals.append(&made("p", sequence)).await.unwrap();
    }
    let commits = whole(&**journals, &fixtures::id("p")).await.unwrap();
    assert_eq!(sequences(&commits), [1, 2, 5, 9, 11]);
    assert_eq!(journals.newest(&fixtures::id("p"), 10).await.unwrap(), Some(made("p", 9)));
}

/// The journal keeps what a faulty writer appended, so that `verify` can name it.
async fn a_commit_may_begin_inside_another_without_replacing_it(journals: &Journals) {
    let mut long = made("p", 1);
    long.0["state"]["version"] = json!(3);
    append_all(&**journals, &[long.clone(), made("p", 2)]).await;
    assert_eq!(whole(&**journals, &fixtures::id("p")).await.unwrap(), [long, made("p", 2)]);
}

async fn a_commit_without_a_product_is_refused_for_good(journals: &Journals) {
    refused(journals, "product_id", None).await;
}

async fn a_commit_whose_product_is_no_text_is_refused_for_good(journals: &Journals) {
    for value in [json!(1), json!(null), json!(true), json!(["p"])] {
        refused(journals, "product_id", Some(value)).await;
    }
}

async fn a_commit_without_a_sequence_is_refused_for_good(journals: &Journals) {
    refused(journals, "sequence", None).await;
}

async fn sequence_zero_is_refused_for_good(journals: &Journals) {
    refused(journals, "sequence", Some(json!(0))).await;
}

async fn a_sequence_of_two_to_the_power_of_53_is_refused_for_good(journals: &Journals) {
    refused(journals, "sequence", Some(json!(LAST + 1))).await;
    refused(journals, "sequence", Some(json!(u64::MAX))).await;
}

async fn a_sequence_that_is_no_whole_number_is_refused_for_good(journals: &Journals) {
    for value in [json!("1"), json!(1.5), json!(-1), json!(null), json!([1])] {
        refused(journals, "sequence", Some(value)).await;
    }
}

async fn the_greatest_sequence_is_a_key_like_any_other(journals: &Journals) {
    append_all(&**journals, &[made("p", LAST), made("p", LAST - 1), made("p", 1)]).await;
    assert!(matches!(journals.append(&made("p", LAST)).await, Err(AppendError::Occupied)));
    let newest = async |at_most| journals.newest(&fixtures::id("p"), at_most).await.unwrap();
    assert_eq!(newest(LAST).await, Some(made("p", LAST)));
    assert_eq!(newest(LAST - 1).await, Some(made("p", LAST - 1)));
    assert_eq!(newest(LAST - 2).await, Some(made("p", 1)));
    let beyond = journals.page(&fixtures::id("p"), LAST - 1, 10).await.unwrap();
    assert_eq!(beyond, [made("p", LAST)]);
}

async fn what_was_refused_leaves_nothing_behind(journals: &Journals) {
    journals.append(&made("p", 1)).await.unwrap();
    journals.append(&made("p", 0)).await.unwrap_err();
    journals.append(&made("p", 1)).await.unwrap_err();
    journals.append(&StoredCommit(serde_json::Map::new())).await.unwrap_err();
    assert_eq!(scanned(&**journals, 10).await, [made("p", 1)]);
}

async fn a_journal_goes_on_after_a_refusal(journals: &Journals) {
    for sequence in 1..=5 {
        journals.append(&made("p", 0)).await.unwrap_err();
        journals.append(&made("p", sequence)).await.unwrap();
        journals.append(&made("p", sequence)).await.unwrap_err();
    }
    assert_eq!(whole(&**journals, &fixtures::id("p")).await.unwrap(), run("p", 5));
}

async fn awkward_ids_are_different_products(journals: &Journals) {
    for id in awkward_ids() {
        append_all(&**journals, &run(id.as_str(), 2)).await;
    }
    for id in awkward_ids() {
        assert_eq!(whole(&**journals, &id).await.unwrap(), run(id.as_str(), 2), "{id}");
        assert_eq!(journals.newest(&id, LAST).await.unwrap(), Some(made(id.as_str(), 2)), "{id}");
    }
}

async fn ids_differ_by_case(journals: &Journals) {
    append_all(&**journals, &[made("helmet", 1), made("Helmet", 2)]).await;
    assert_eq!(journals.newest(&fixtures::id("HELMET"), LAST).await.unwrap(), None);
    assert_eq!(journals.newest(&fixtures::id("helmet"), LAST).await.unwrap(), Some(made("helmet", 1)));
    assert_eq!(journals.newest(&fixtures::id("Helmet"), 1).await.unwrap(), None);
}

async fn an_id_of_64_characters_is_whole(journals: &Journals) {
    let ids = ["a", "b"].map(|last| format!("{}{last}", "x".repeat(63)));
    append_all(&**journals, &[made(&ids[0], 1), made(&ids[1], 1)]).await;
    for id in &ids {
        assert_eq!(whole(&**journals, &fixtures::id(id)).await.unwrap(), [made(id, 1)]);
    }
}

async fn a_commit_is_there_when_the_store_is_opened_again(journals: &Journals) {
    append_all(&**journals, &run("p", 3)).await;
    let again = journals.opened_again(()).await;
    assert_eq!(whole(&*again, &fixtures::id("p")).await.unwrap(), run("p", 3));
}

async fn a_key_stays_written_when_the_store_is_opened_again(journals: &Journals) {
    journals.append(&made("p", 1)).await.unwrap();
    let again = journals.opened_again(()).await;
    assert!(matches!(again.append(&made("p", 1)).await, Err(AppendError::Occupied)));
    again.append(&made("p", 2)).await.unwrap();
    assert_eq!(whole(&*again, &fixtures::id("p")).await.unwrap(), run("p", 2));
}
