//! Rows of the view that somebody else wrote: under the key of another product, or unreadable. Whoever reads one is told, it
//! hides no other row, and a rebuild removes it.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use event_store::MemoryJournal;
use projections::Views;
use projections::projection::Difference;
use projections::views::{Generation, PositionRange, RowOrder, SHARDS, Slice, View};
use schema::fixtures;
use serde_json::json;

use crate::given::{asked, front, setting, some_lives, tables, unwatched, views_of};

const FIRST: Generation = Generation(1);

/// Copies the row of a product to another key, with this attribute changed.
async fn copy_row(client: &Client, from: &str, to: &str, change: Option<(&str, AttributeValue)>) {
    let key = AttributeValue::S(format!("1#{from}"));
    let found = client.get_item().table_name("products").key("key", key).send().await.unwrap();
    let mut item = found.item.unwrap();
    item.insert("key".to_owned(), AttributeValue::S(format!("1#{to}")));
    if let Some((name, value)) = change {
        item.insert(name.to_owned(), value);
    }
    client.put_item().table_name("products").set_item(Some(item)).send().await.unwrap();
}

#[tokio::test]
async fn on_dynamodb_a_false_key_is_unreadable_wherever_it_is_read_and_hides_no_other_row() {
    let config = tables().await;
    let setting = setting(&config, Arc::<MemoryJournal>::default());
    some_lives(&setting, 3).await;
    let client = Client::new(&config);
    copy_row(&client, "p01", "P01", None).await;
    let broken = ("product", AttributeValue::S("x".to_owned()));
    copy_row(&client, "p02", "p02", Some(broken)).await;
    let views = views_of(&config);
    let said = |key: &str, reason: &str| {
        format!("the product table: the row {key:?} of the view products cannot be read: {reason}")
    };
    let error = views.get(FIRST, &fixtures::id("P01")).await.unwrap_err();
    assert_eq!((error.is_unreadable(), error.to_string()), (true, said("P01", "it holds the product p01")));
    let error = views.get(FIRST, &fixtures::id("p02")).await.unwrap_err();
    assert!(error.is_unreadable() && error.to_string().starts_with(&said("p02", "its product")), "{error}");
    let page = views.rows(FIRST, None, 100).await.unwrap();
    let mut keys: Vec<_> = page.unreadable.iter().map(|row| row.key.as_str()).collect();
    keys.sort_unstable();
    assert_eq!((keys, page.products.len()), (vec!["P01", "p02"], 2));
    let (mut readable, mut unreadable) = (0, 0);
    for shard in 0..SHARDS {
        let (order, range) = (RowOrder::Id, PositionRange::all());
        let slice = Slice { shard, order, range, descending: false, limit: 100 };
        let page = views.slice(FIRST, &slice).await.unwrap();
        assert_eq!(page.last.is_some(), page.rows.len() + page.unreadable.len() > 0);
        readable += page.rows.len();
        unreadable += page.unreadable.len();
    }
    assert_eq!((readable, unreadable), (2, 2));
}

/// A copy under another key would be one product more in its category.
#[tokio::test]
async fn on_dynamodb_a_false_key_is_not_counted_in_a_category() {
    let config = tables().await;
    let setting = setting(&config, Arc::<MemoryJournal>::default());
    some_lives(&setting, 1).await;
    let (status, page) = asked(&front(setting.views.clone()), "/categories").await;
    assert_eq!((status, &page["categories"][0]["products"]), (200, &json!(1)), "{page}");
    copy_row(&Client::new(&config), "p00", "P00", None).await;
    let (status, problem) = asked(&front(setting.views.clone()), "/categories").await;
    assert_eq!((status, &problem["type"]), (500, &json!("urn:product-ledger:problem:internal")), "{problem}");
    setting.rebuild(View::Products).run(&unwatched()).await.unwrap();
    assert_eq!(asked(&front(setting.views.clone()), "/categories").await, (200, page));
}

#[tokio::test]
async fn a_dry_run_names_rows_of_products_that_the_ledger_does_not_have() {
    let config = tables().await;
    let setting = setting(&config, Arc::<MemoryJournal>::default());
    let lives = some_lives(&setting, 4).await;
    let client = Client::new(&config);
    copy_row(&client, "p01", "P01", None).await;
    let broken = ("product", AttributeValue::S("x".to_owned()));
    copy_row(&client, "p02", "p02", Some(broken)).await;
    // The row of a product that is missing does not make up for one that is not in the ledger.
    setting.views.remove(FIRST, "p03").await.unwrap();
    let text = serde_json::to_string(&lives[0].newest().state).unwrap().replace("p00", "other");
    copy_row(&client, "p00", "other", Some(("product", AttributeValue::S(text)))).await;
    let report = setting.rebuild(View::Products).dry_run(&unwatched()).await.unwrap();
    let mut found: Vec<_> =
        report.differences.iter().map(|(key, difference)| (key.as_str(), difference)).collect();
    found.sort_by_key(|(key, _)| *key);
    assert_eq!(report.differing, 4, "{found:?}");
    assert!(
        matches!(found[0], ("P01", Difference::Unreadable { reason }) if reason.ends_with("cannot be read: it holds the product p01"))
    );
    assert_eq!(found[1], ("other", &Difference::Unknown));
    assert!(matches!(found[2], ("p02", Difference::Unreadable { .. })), "{found:?}");
    assert_eq!(found[3], ("p03", &Difference::Missing));
    setting.rebuild(View::Products).run(&unwatched()).await.unwrap();
    setting.agrees(&lives).await;
    let report = setting.rebuild(View::Products).dry_run(&unwatched()).await.unwrap();
    assert_eq!((report.differing, report.differences), (0, Vec::new()));
    let left = client.scan().table_name("products").send().await.unwrap();
    assert_eq!(left.items.unwrap().len(), 5, "four rows and the generations: the old rows are gone");
}
