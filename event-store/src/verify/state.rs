//! Compares the fold of the events with the state that a commit carries.
//!
//! The promise: a fault is reported once and not again in every commit that follows. After a fault it is not known whether the
//! events or the carried state are right, so the next commit may be folded from either.

use schema::{Commit, Fold, Product};
use serde_json::{Map, Value};

use super::examine::State;
use super::fault::FaultKind;

/// Characters of a value that a fault shows.
const SHOWN: usize = 200;

/// What a product may have been before a commit.
#[derive(Debug, Clone)]
pub(super) enum Before {
    /// It did not exist.
    Nothing,
    /// One of these.
    OneOf(Vec<Product>),
    /// Unknown: a commit is missing or was not understood.
    Unknown,
}

/// A fault with the sequence of the commit or of the event it is in.
pub(super) type Placed = (u64, FaultKind);

/// What the product may be after a commit that is understood, and the fault if no fold gives the carried state.
pub(super) fn after(before: &Before, commit: &Commit, carried: &State) -> (Before, Option<Placed>) {
    let folds: Vec<Result<Product, Placed>> = match before {
        Before::Nothing => vec![fold(None, commit, carried)],
        Before::OneOf(products) => {
            products.iter().map(|product| fold(Some(product), commit, carried)).collect()
        }
        Before::Unknown => return (as_carried(Some(carried)), None),
    };
    let mut fault = None;
    let mut next = Vec::new();
    for folded in folds {
        let found = match folded {
            Ok(folded) => {
                let fields = differing(&folded, &carried.fields);
                if fields.is_empty() {
                    return (as_carried(Some(carried)), None);
                }
                next.push(folded);
                (commit.sequence, FaultKind::WrongState { fields })
            }
            Err(misfit) => misfit,
        };
        fault.get_or_insert(found);
    }
    next.truncate(1);
    next.push(carried.product.clone());
    (Before::OneOf(next), fault)
}

/// What the product is after a commit of which at most the state can be read.
pub(super) fn as_carried(carried: Option<&State>) -> Before {
    carried.map_or(Before::Unknown, |state| Before::OneOf(vec![state.product.clone()]))
}

/// The product after the commit, in the form of the state that the commit carries.
fn fold(before: Option<&Product>, commit: &Commit, carried: &State) -> Result<Product, Placed> {
    let mut fold = Fold::of(before);
    for (sequence, recorded) in commit.numbered() {
        let after = fold.then(&recorded.event, commit.metadata.occurred_at);
        fold = after.map_err(|error| (sequence, FaultKind::Misfit { reason: error.to_string() }))?;
    }
    let nothing = || (commit.sequence, FaultKind::Misfit { reason: "there is no event".into() });
    Ok(Product {
        id: commit.product_id.clone(),
        facts: fold.facts.ok_or_else(nothing)?,
        price_occurred_at: fold.price_occurred_at.filter(|_| carried.keeps_price_time),
        version: commit.last_sequence(),
        created_at: before.map_or(commit.recorded_at, |product| product.created_at),
        updated_at: commit.recorded_at,
    })
}

/// Each field that differs: its name, the expected value, the carried value. The id is compared elsewhere.
pub(super) fn differing(expected: &Product, carried: &Map<String, Value>) -> Vec<(String, String, String)> {
    let given = match serde_json::to_value(expected) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    let absent = carried.keys().filter(|name| !given.contains_key(*name));
    given
        .keys()
        .chain(absent)
        .filter(|name| *name != "id" && given.get(*name) != carried.get(*name))
        .map(|name| (name.clone(), shown(given.get(name)), shown(carried.get(name))))
        .collect()
}

fn shown(value: Option<&Value>) -> String {
    let Some(value) = value else {
        return "nothing".into();
    };
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
