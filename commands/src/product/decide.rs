//! The decision: from the facts of a product and a command to events. Pure; times and ids come later.

use schema::event::{ProductCreated, ProductDeleted, ProductDetailsChanged, ProductRenamed, ProductRestored};
use schema::{Attributes, Details, DetailsChange, Facts, Money, ProductEvent, Status};

use super::{Command, MOST_ATTRIBUTES, NewProduct, Patch, Pricing, Refusal, texts};

/// The events of a command on a product (`None`: it does not exist); none when nothing changes.
///
/// # Errors
/// [`Refusal`]: why the product does not allow it.
pub fn decide(
    before: Option<&Facts>,
    command: &Command,
    pricing: &Pricing,
) -> Result<Vec<ProductEvent>, Refusal> {
    match command {
        Command::Create(new) => match before {
            None => created(new),
            Some(_) => Err(Refusal::AlreadyExists),
        },
        Command::Replace(new) => match before {
            None => created(new),
            Some(facts) => replaced(facts, new, pricing),
        },
        Command::Patch(patch) => match existing(before)? {
            facts if facts.status == Status::Deleted => Err(Refusal::Deleted),
            facts => {
                let details = patched(&facts.details, patch);
                if details.attributes.as_ref().is_some_and(|all| all.len() > MOST_ATTRIBUTES) {
                    return Err(Refusal::TooManyAttributes);
                }
                let priced = pricing.decide(facts, patch.price, patch.currency);
                changes(facts, patch.name.as_deref().unwrap_or(&facts.name), priced, &details)
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

fn created(new: &NewProduct) -> Result<Vec<ProductEvent>, Refusal> {
    texts::check(None, &new.name, &new.details)?;
    Ok(vec![ProductEvent::ProductCreated(ProductCreated {
        name: new.name.clone(),
        money: Money::new(new.price, new.currency.unwrap_or(new.default_currency)),
        details: new.details.clone(),
    })])
}

fn restored() -> ProductEvent {
    ProductEvent::ProductRestored(ProductRestored {})
}

fn replaced(before: &Facts, new: &NewProduct, pricing: &Pricing) -> Result<Vec<ProductEvent>, Refusal> {
    let undone = (before.status == Status::Deleted).then(restored);
    let priced = pricing.decide(before, Some(new.price), new.currency);
    let changes = changes(before, &new.name, priced, &new.details)?;
    Ok(undone.into_iter().chain(changes).collect())
}

fn patched(before: &Details, patch: &Patch) -> Details {
    Details {
        sku: patch.sku.clone().unwrap_or_else(|| before.sku.clone()),
        category: patch.category.clone().unwrap_or_else(|| before.category.clone()),
        description: patch.description.clone().unwrap_or_else(|| before.description.clone()),
        attributes: patched_attributes(before.attributes.as_ref(), patch),
    }
}

/// An empty set of attributes is the same as none.
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

/// The events of changed fields, in the order that the interface promises: name, price, details.
fn changes(
    before: &Facts,
    name: &str,
    priced: Option<ProductEvent>,
    details: &Details,
) -> Result<Vec<ProductEvent>, Refusal> {
    texts::check(Some(before), name, details)?;
    let renamed = (before.name != name).then(|| {
        ProductEvent::ProductRenamed(ProductRenamed {
            name: name.to_owned(),
            previous_name: before.name.clone(),
        })
    });
    let changed = DetailsChange::between(&before.details, details);
    let detailed = (!changed.is_empty()).then(|| {
        let previous = DetailsChange::between(details, &before.details);
        ProductEvent::ProductDetailsChanged(ProductDetailsChanged { changed, previous })
    });
    Ok([renamed, priced, detailed].into_iter().flatten().collect())
}
