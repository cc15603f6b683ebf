//! Rows by the thousand: items of the product table, written in batches, in the form that the adapter writes.

use std::collections::HashMap;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use projections::views::RowOrder;
use projections::views::shard_of;
use schema::{Product, Status};

use super::PRODUCTS;

/// What one `BatchWriteItem` takes.
const AT_ONCE: usize = 25;

/// Writes the rows of new products into the first generation.
pub(crate) async fn fill(config: &SdkConfig, products: &[Product]) {
    let client = Client::new(config);
    for some in products.chunks(AT_ONCE) {
        let put = |product| {
            let put = PutRequest::builder().set_item(Some(item(product))).build().unwrap();
            WriteRequest::builder().put_request(put).build()
        };
        let batch = some.iter().map(put).collect();
        let answer = client.batch_write_item().request_items(PRODUCTS, batch).send().await.unwrap();
        assert!(answer.unprocessed_items.is_none_or(|left| left.is_empty()));
    }
}

/// The item of a product; `whatever_is_filled_in_is_what_the_adapter_writes` compares it with the adapter's.
fn item(product: &Product) -> HashMap<String, AttributeValue> {
    let text = |text: String| AttributeValue::S(text);
    let shard = text(format!("1#{}", shard_of(&product.id)));
    let mut item = HashMap::from([
        ("key".to_owned(), text(format!("1#{}", product.id))),
        ("version".to_owned(), AttributeValue::N(product.version.to_string())),
        ("product".to_owned(), text(serde_json::to_string(product).unwrap())),
        ("shard".to_owned(), shard.clone()),
    ]);
    if product.facts.status == Status::Deleted {
        item.insert("live".to_owned(), text(format!("1#{}#deleted", shard_of(&product.id))));
        item.insert("by_id".to_owned(), text(product.id.to_string()));
    } else {
        item.insert("live".to_owned(), shard);
        let details = &product.facts.details;
        for (name, value) in [("sku", &details.sku), ("category", &details.category)] {
            if let Some(value) = value {
                item.insert(name.to_owned(), text(format!("1#{}#{value}", shard_of(&product.id))));
            }
        }
        if let Some(category) = &details.category {
            item.insert("by_category".to_owned(), text(format!("{category}\u{1}{}", product.id)));
        }
    }
    let names = ["by_id", "by_name", "by_price", "by_updated_at"];
    for (order, name) in RowOrder::ALL.into_iter().zip(names) {
        if let Some(position) = order.position(product) {
            item.insert(name.to_owned(), text(position));
        }
    }
    item
}
