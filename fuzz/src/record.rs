//! A batch of stream records as Lambda delivers it. Properties: no record stops the others; only records of the batch are
//! reported as failed; a record decoded as a commit is exactly its item; of a record that the library reads, the same is read.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lambda_events::event::dynamodb::EventRecord;
use event_store::follow::{Change, change, event};
use event_store::{MemoryJournal, MemoryParking};
use projections::{Catalogue, MemoryPriceLog, MemoryViews, Prices, Projector};
use serde_json::value::RawValue;

use crate::export::has_float;
use crate::routes::{clock_and_ids, wait};

/// The bytes are the JSON of an event.
pub fn check(data: &[u8]) -> bool {
    let Some(records) = records(data) else {
        return false;
    };
    let event = event(&records);
    for (raw, read) in records.iter().zip(&event.records) {
        if let Ok(strict) = serde_json::from_str::<EventRecord>(raw.get()) {
            assert_eq!(essence(&strict), essence(read));
        }
    }
    let read = event.records.iter().filter(|record| is_commit(record)).count();
    let number = |record: &EventRecord| Some(record.change.sequence_number.clone().unwrap_or_default());
    let numbers: Vec<Option<String>> = event.records.iter().map(number).collect();
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

fn records(data: &[u8]) -> Option<Vec<Box<RawValue>>> {
    let members: HashMap<String, Box<RawValue>> = serde_json::from_slice(data).ok()?;
    serde_json::from_str(members.get("Records")?.get()).ok()
}

/// What consumers use of a record.
fn essence(record: &EventRecord) -> (&String, &Option<String>, &serde_dynamo::Item, &serde_dynamo::Item) {
    let change = &record.change;
    (&record.event_name, &change.sequence_number, &change.keys, &change.new_image)
}

fn is_commit(record: &EventRecord) -> bool {
    let Change::Committed(commit) = change(record) else {
        return false;
    };
    let item: serde_dynamo::Item = serde_dynamo::to_item(&commit.0).unwrap();
    let mut again = EventRecord::default();
    again.event_name = "INSERT".into();
    again.change.keys = record.change.keys.clone();
    again.change.new_image = item;
    let Change::Committed(second) = change(&again) else {
        panic!("what was read cannot be written");
    };
    assert!(commit == second || has_float(&commit), "{commit:?} {second:?}");
    // Decoding never panics.
    commit.decode().is_ok()
}
