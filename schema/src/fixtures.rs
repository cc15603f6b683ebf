//! Events and commits of one product, for the tests of every crate.

use ulid::Ulid;

use crate::details::{Attributes, Details, DetailsChange};
use crate::event::{
    ProductCreated, ProductDeleted, ProductDetailsChanged, ProductEvent, ProductPriceChanged,
    ProductPriceRecorded, ProductRenamed, ProductRestored,
};
use crate::hash::Hash;
use crate::id::ProductId;
use crate::message::MessageSource;
use crate::metadata::Metadata;
use crate::money::{Currency, Money, Price};
use crate::product::{Fold, Product};
use crate::receipt::FailureDetails;
use crate::recent::Recent;
use crate::time::Timestamp;
use crate::{Commit, PublicationFailure, PublicationReceipt, RecordedEvent, Unsealed};

/// A price in a currency, from its text.
///
/// # Panics
/// When the text is not a price or not a currency.
#[must_use]
#[expect(clippy::expect_used, reason = "fixtures are written by hand")]
pub fn money(price: &str, currency: &str) -> Money {
    Money::new(Price::parse(price).expect("a price"), Currency::parse(currency).expect("a currency"))
}

/// A moment, from its text.
///
/// # Panics
/// When the text is not RFC 3339.
#[must_use]
#[expect(clippy::expect_used, reason = "fixtures are written by hand")]
pub fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a moment")
}

/// An id, from its text.
///
/// # Panics
/// When the text is not a product id.
#[must_use]
#[expect(clippy::expect_used, reason = "fixtures are written by hand")]
pub fn id(text: &str) -> ProductId {
    ProductId::new(text).expect("a product id")
}

/// The source of messages if no setting says another, without a log.
#[must_use]
pub fn message_source() -> MessageSource {
    MessageSource { name: "product-ledger.products".into(), log_origin: None }
}

/// A red helmet for 33.6442 USD.
#[must_use]
pub fn helmet_created() -> ProductEvent {
    ProductEvent::ProductCreated(ProductCreated {
        name: "Sport-100 Helmet, Red".into(),
        money: money("33.6442", "USD"),
        details: Details {
            sku: Some("HL-U509-R".into()),
            category: Some("Accessories / Helmets".into()),
            description: None,
            attributes: Some(Attributes::from([("color".into(), "Red".into())])),
        },
    })
}

/// The helmet gets a shorter name.
#[must_use]
pub fn helmet_renamed() -> ProductEvent {
    ProductEvent::ProductRenamed(ProductRenamed {
        name: "Sport-100, Red".into(),
        previous_name: "Sport-100 Helmet, Red".into(),
    })
}

/// The helmet's price rises to 34.99 USD.
#[must_use]
pub fn helmet_price_changed() -> ProductEvent {
    let before = money("33.6442", "USD");
    ProductEvent::ProductPriceChanged(ProductPriceChanged {
        money: money("34.99", "USD"),
        previous_price: before.price(),
        previous_currency: before.currency(),
    })
}

/// The helmet's price on 1 October 2025 becomes known: 29.99 USD.
#[must_use]
pub fn helmet_price_recorded() -> ProductEvent {
    ProductEvent::ProductPriceRecorded(ProductPriceRecorded {
        money: money("29.99", "USD"),
        from: at("2025-10-01T00:00:00Z"),
    })
}

/// The helmet gets a description and loses its category.
#[must_use]
pub fn helmet_details_changed() -> ProductEvent {
    ProductEvent::ProductDetailsChanged(ProductDetailsChanged {
        changed: DetailsChange {
            category: Some(None),
            description: Some(Some("Universal fit, well-vented.".into())),
            ..DetailsChange::default()
        },
        previous: DetailsChange {
            category: Some(Some("Accessories / Helmets".into())),
            description: Some(None),
            ..DetailsChange::default()
        },
    })
}

/// The helmet is deleted.
#[must_use]
pub fn helmet_deleted() -> ProductEvent {
    ProductEvent::ProductDeleted(ProductDeleted {})
}

/// The helmet is restored.
#[must_use]
pub fn helmet_restored() -> ProductEvent {
    ProductEvent::ProductRestored(ProductRestored {})
}

/// The events of a helmet in order, which fit into one commit: each event once, but for a price of another time.
#[must_use]
pub fn helmet_story() -> Vec<ProductEvent> {
    vec![
        helmet_created(),
        helmet_renamed(),
        helmet_price_changed(),
        helmet_details_changed(),
        helmet_deleted(),
        helmet_restored(),
    ]
}

/// Every kind of event once.
#[must_use]
pub fn every_event() -> Vec<ProductEvent> {
    let mut events = helmet_story();
    events.push(helmet_price_recorded());
    events
}

/// The commit that records `events` after `before`, with ids and times that follow from its sequence.
///
/// # Panics
/// When the events cannot follow.
#[must_use]
#[expect(clippy::expect_used, reason = "fixtures are written by hand")]
pub fn commit_after(before: Option<&Commit>, product: &ProductId, events: Vec<ProductEvent>) -> Unsealed {
    let sequence = before.map_or(1, |commit| commit.last_sequence() + 1);
    let millis = 1_763_000_000_000 + sequence * 1000;
    let ulid = |salt: u64| Ulid::from_parts(millis, u128::from(sequence << 16 | salt));
    let recorded_at =
        Timestamp::new(chrono::DateTime::from_timestamp_millis(millis.cast_signed()).expect("a time"))
            .expect("a moment");
    let version = sequence + events.len() as u64 - 1;
    let commit_id = ulid(0);
    let occurred_at = events.iter().find_map(|event| match event {
        ProductEvent::ProductPriceRecorded(recorded) => Some(recorded.from),
        _ => None,
    });
    let occurred_at = occurred_at.unwrap_or(recorded_at);
    let before_it = Fold::of(before.map(|commit| &commit.state));
    let fold = events.iter().try_fold(before_it, |fold, event| fold.then(event, occurred_at));
    let fold = fold.expect("events that can follow");
    Unsealed {
        product_id: product.clone(),
        sequence,
        commit_id,
        recorded_at,
        events: (1..).zip(events).map(|(n, event)| RecordedEvent { event_id: ulid(n), event }).collect(),
        state: Product {
            id: product.clone(),
            facts: fold.facts.expect("at least one event"),
            price_occurred_at: fold.price_occurred_at,
            version,
            created_at: before.map_or(recorded_at, |commit| commit.state.created_at),
            updated_at: recorded_at,
        },
        metadata: Metadata {
            actor: "anonymous".into(),
            correlation_id: ulid(99).to_string(),
            causation_id: commit_id.to_string(),
            occurred_at,
            traceparent: None,
            idempotency_key: None,
            request_fingerprint: None,
        },
        recent: Recent::default(),
        previous_hash: before.map_or_else(Hash::genesis, |commit| commit.hash.clone()),
    }
}

/// The receipt of a product's event.
#[must_use]
pub fn receipt(sequence: u64) -> PublicationReceipt {
    PublicationReceipt {
        event_id: format!("event-{sequence}"),
        receipt_id: "11710aed-b79e-4468-a20b-bb3c0c3b4860".into(),
        bus_sequence: None,
        bus: "product-ledger".into(),
        published_at: at("2026-11-23T05:20:00.250Z"),
        attempts: 1,
        hash: Hash::genesis(),
    }
}

/// What is kept of a product's event that the bus refused so often.
#[must_use]
pub fn failure(sequence: u64, attempts: u32) -> PublicationFailure {
    PublicationFailure {
        event_id: format!("event-{sequence}"),
        receipt_id: String::new(),
        error: "Rate exceeded".into(),
        details: FailureDetails { error_code: "ThrottlingException".into() },
        attempts,
        failed_at: at("2026-11-23T05:20:00.100Z"),
    }
}
