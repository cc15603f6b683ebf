//! The shape of the product table: an index for each order that is kept, those of look-ups in these orders, and only the
//! attributes they need.

use schema::Orders;
use serde_json::Value;

use super::row;
use crate::views::RowOrder;

/// The shape of the product table for these orders, as input of `CreateTable`.
#[must_use]
pub fn products_table(orders: Orders) -> String {
    let whole: Result<Value, _> = serde_json::from_str(crate::PRODUCTS_TABLE);
    whole.map_or_else(|_| crate::PRODUCTS_TABLE.to_owned(), |whole| with_indexes(whole, orders).to_string())
}

fn with_indexes(mut shape: Value, orders: Orders) -> Value {
    let kept = RowOrder::ALL.into_iter().filter(|order| orders.keep(order.sort()));
    let indexes_of = |order| [&[row::index(order).name], row::lookup_indexes(order)].concat();
    let names: Vec<&str> = kept.flat_map(indexes_of).collect();
    if let Some(indexes) = shape["GlobalSecondaryIndexes"].as_array_mut() {
        indexes.retain(|index| names.iter().any(|name| index["IndexName"] == *name));
    }
    let used: Vec<Value> = keys(&shape).cloned().collect();
    if let Some(attributes) = shape["AttributeDefinitions"].as_array_mut() {
        attributes.retain(|attribute| used.contains(&attribute["AttributeName"]));
    }
    shape
}

/// The key attributes of the table and its indexes.
fn keys(shape: &Value) -> impl Iterator<Item = &Value> {
    let indexes = shape["GlobalSecondaryIndexes"].as_array().into_iter().flatten();
    let schemas = indexes.chain([shape]).filter_map(|keyed| keyed["KeySchema"].as_array());
    schemas.flatten().map(|key| &key["AttributeName"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kept_order_has_an_index_and_there_are_no_other_attributes() {
        let names = |shape: &Value, list: &str, name: &str| -> Vec<String> {
            let entries = shape[list].as_array().unwrap().iter();
            entries.map(|entry| entry[name].as_str().unwrap().to_owned()).collect()
        };
        for (kept, indexes, attributes) in [
            (
                "id",
                vec!["by_id", "by_sku", "by_category"],
                vec!["key", "live", "by_id", "sku", "by_category"],
            ),
            (
                "id,name",
                vec!["by_id", "by_name", "by_sku", "by_sku_name", "by_category", "by_category_name"],
                vec!["key", "live", "by_id", "by_name", "sku", "category", "by_category"],
            ),
            (
                "id,updated_at",
                vec!["by_id", "changes", "by_sku", "by_category"],
                vec!["key", "shard", "live", "by_id", "by_updated_at", "sku", "by_category"],
            ),
        ] {
            let shape: Value = serde_json::from_str(&products_table(Orders::parse(kept).unwrap())).unwrap();
            assert_eq!(names(&shape, "GlobalSecondaryIndexes", "IndexName"), indexes, "{kept}");
            assert_eq!(names(&shape, "AttributeDefinitions", "AttributeName"), attributes, "{kept}");
        }
        let whole: Value = serde_json::from_str(crate::PRODUCTS_TABLE).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&products_table(Orders::default())).unwrap(), whole);
    }
}
