//! The decision: from what a product is and what is wanted to what happens. Pure; time and ids come later.

use schema::product::{
    ProductCreated, ProductDeleted, ProductDetailsChanged, ProductPriceChanged, ProductRenamed,
    ProductRestored,
};
use schema::{Attributes, Details, DetailsChange, Facts, Money, ProductEvent, Status};

use super::{Command, MOST_ATTRIBUTES, NewProduct, Patch, Refusal};

/// What happens to a product (`None`: it does not exist) when it gets this command; nothing when nothing changes.
///
/// # Errors
/// [`Refusal`]: the fact that stands against it.
pub fn decide(before: Option<&Facts>, command: &Command) -> Result<Vec<ProductEvent>, Refusal> {
    match command {
        Command::Create(new) => match before {
            None => Ok(vec![created(new)]),
            Some(_) => Err(Refusal::AlreadyExists),
        },
        Command::Replace(new) => Ok(match before {
            None => vec![created(new)],
            Some(facts) => replaced(facts, new),
        }),
        Command::Patch(patch) => match existing(before)? {
            facts if facts.status == Status::Deleted => Err(Refusal::Deleted),
            facts => {
                let after = patched(facts, patch);
                if after.details.attributes.as_ref().is_some_and(|all| all.len() > MOST_ATTRIBUTES) {
                    return Err(Refusal::TooManyAttributes);
                }
                Ok(changes(facts, &after))
            }
        },
        Command::Delete => Ok(match existing(before)?.status {
            Status::Active => vec![ProductEvent::ProductDeleted(ProductDeleted {})],
            Status::Deleted => vec![],
        }),
        Command::Restore => match existing(before)?.status {
            Status::Active => Err(Refusal::NotDeleted),
            Status::Deleted => Ok(vec![restored()]),
        },
    }
}

fn existing(before: Option<&Facts>) -> Result<&Facts, Refusal> {
    before.ok_or(Refusal::UnknownProduct)
}

fn created(new: &NewProduct) -> ProductEvent {
    ProductEvent::ProductCreated(ProductCreated {
        name: new.name.clone(),
        money: Money::new(new.price, new.currency.unwrap_or(new.default_currency)),
        details: new.details.clone(),
    })
}

fn restored() -> ProductEvent {
    ProductEvent::ProductRestored(ProductRestored {})
}

fn replaced(before: &Facts, new: &NewProduct) -> Vec<ProductEvent> {
    let after = Facts {
        name: new.name.clone(),
        money: Money::new(new.price, new.currency.unwrap_or(before.money.currency())),
        details: new.details.clone(),
        status: Status::Active,
    };
    let undone = (before.status == Status::Deleted).then(restored);
    undone.into_iter().chain(changes(before, &after)).collect()
}

fn patched(before: &Facts, patch: &Patch) -> Facts {
    let price = patch.price.unwrap_or(before.money.price());
    let currency = patch.currency.unwrap_or(before.money.currency());
    let old = &before.details;
    Facts {
        name: patch.name.clone().unwrap_or_else(|| before.name.clone()),
        money: Money::new(price, currency),
        details: Details {
            sku: patch.sku.clone().unwrap_or_else(|| old.sku.clone()),
            category: patch.category.clone().unwrap_or_else(|| old.category.clone()),
            description: patch.description.clone().unwrap_or_else(|| old.description.clone()),
            attributes: patched_attributes(old.attributes.as_ref(), patch),
        },
        status: before.status,
    }
}

/// No attributes and an empty set of them are the same.
fn patched_attributes(before: Option<&Attributes>, patch: &Patch) -> Option<Attributes> {
    let changes = match &patch.attributes {
        None => return before.cloned(),
        Some(None) => return None,
        Some(Some(changes)) => changes,
    };
    let mut attributes = before.cloned().unwrap_or_default();
    for (key, value) in changes {
        match value {
            Some(value) => drop(attributes.insert(key.clone(), value.clone())),
            None => drop(attributes.remove(key)),
        }
    }
    Some(attributes).filter(|attributes| !attributes.is_empty())
}

/// The events between two sets of facts, in the order the interface promises: name, price, details.
fn changes(before: &Facts, after: &Facts) -> Vec<ProductEvent> {
    let renamed = (before.name != after.name).then(|| {
        ProductEvent::ProductRenamed(ProductRenamed {
            name: after.name.clone(),
            previous_name: before.name.clone(),
        })
    });
    let priced = (before.money != after.money).then(|| {
        ProductEvent::ProductPriceChanged(ProductPriceChanged {
            money: after.money,
            previous_price: before.money.price(),
            previous_currency: before.money.currency(),
        })
    });
    let changed = DetailsChange::between(&before.details, &after.details);
    let detailed = (!changed.is_empty()).then(|| {
        let previous = DetailsChange::between(&after.details, &before.details);
        ProductEvent::ProductDetailsChanged(ProductDetailsChanged { changed, previous })
    });
    [renamed, priced, detailed].into_iter().flatten().collect()
}
