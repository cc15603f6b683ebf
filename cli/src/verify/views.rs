//! The product view as a witness: whatever it shows was committed once, so a chain that ends before it was cut off, and
//! one that gives another product was written anew.

use std::collections::BTreeMap;

use event_store::verify::{Seen, Source, Witness};
use projections::Views;
use projections::catalogue::{Order, Range, SHARDS};
use projections::views::Slice;

/// Rows of one request.
const PAGE: usize = 500;

/// Adds what the view shows now, deleted products included.
pub(super) async fn add(
    views: &dyn Views,
    witnesses: &mut BTreeMap<String, Vec<Witness>>,
) -> anyhow::Result<()> {
    let generation = views.lineup().await?.products.read;
    for shard in 0..SHARDS {
        let mut range = Range::all();
        while !range.is_empty() {
            let slice =
                Slice { shard, order: Order::Changes, range: range.clone(), descending: false, limit: PAGE };
            let portion = views.slice(generation, &slice).await?;
            let last = portion.rows.last().filter(|_| !portion.exhausted).map(|row| row.position.clone());
            for row in portion.rows {
                let id = row.product.id.to_string();
                let (sequence, seen) = (row.product.version, Seen::Product(Box::new(row.product)));
                let seen_by = Source::View;
                witnesses.entry(id).or_default().push(Witness { sequence, seen, seen_by });
            }
            let Some(last) = last else { break };
            range = range.behind(&last, false);
        }
    }
    Ok(())
}
