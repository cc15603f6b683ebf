//! The product view as a witness: whatever it shows was committed once, so a chain that ends before it was cut off, and
//! one that gives another product was written anew.

use std::collections::BTreeMap;

use event_store::verify::{Seen, Source, Witness};
use projections::Views;

/// Rows of one request.
const PAGE: usize = 500;

/// Adds what the view shows now, deleted products included.
pub(super) async fn add(
    views: &dyn Views,
    witnesses: &mut BTreeMap<String, Vec<Witness>>,
) -> anyhow::Result<()> {
    let generation = views.lineup().await?.products.read;
    let mut from = None;
    loop {
        let page = views.rows(generation, from, PAGE).await?;
        for product in page.products {
            let (id, sequence) = (product.id.to_string(), product.version);
            let (seen, seen_by) = (Seen::Product(Box::new(product)), Source::View);
            witnesses.entry(id).or_default().push(Witness { sequence, seen, seen_by });
        }
        from = page.next;
        if from.is_none() {
            return Ok(());
        }
    }
}
