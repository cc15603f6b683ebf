//! A batch of stream records as Lambda delivers it. Properties: no record stops the others; only records of the batch are
//! reported as failed; a record decoded as a commit is exactly its item.

use std::sync::Arc;

use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use event_store::follow::{Change, change};
use event_store::{MemoryJournal, MemoryParking};
use projections::{Catalogue, MemoryPriceLog, MemoryViews, Prices, Projector};

use crate::export::has_float;
use crate::routes::{clock_and_ids, wait};

/// The bytes are the JSON of an event.
pub fn check(data: &[u8]) -> bool {
    let Ok(event) = serde_json::from_slice::<Event>(data) else {
        return false;
    };
    let read = event.records.iter().filter(|record| is_commit(record)).count();
    let numbers: Vec<Option<String>> =
        event.records.iter().map(|record| record.change.sequence_number.clone()).collect();
    let views = Arc::<MemoryViews>::default();
    let journal = Arc::<MemoryJournal>::default();
    let prices = Prices::new(Arc::<MemoryPriceLog>::default(), journal.clone());
    let catalogue = Catalogue::new(views.clone(), journal);
    let parking = Arc::<MemoryParking>::default();
    let projector =
        Projector::new(views, vec![Arc::new(catalogue), Arc::new(prices)], parking, clock_and_ids().clock);
    for failure in wait(projector.project(event)).batch_item_failures {
        assert!(numbers.contains(&failure.item_identifier), "{failure:?}");
    }
    read > 0
}

fn is_commit(record: &EventRecord) -> bool {
    let Change::Committed(commit) = change(record) else {
        return false;
    };
    let item: serde_dynamo::Item = serde_dynamo::to_item(&commit.0).unwrap();
    let mut again = EventRecord::default();
    again.event_name = "INSERT".into();
    again.change.new_image = item;
    let Change::Committed(second) = change(&again) else {
        panic!("what was read cannot be written");
    };
    assert!(commit == second || has_float(&commit), "{commit:?} {second:?}");
    // Decoding never panics.
    commit.decode().is_ok()
}
