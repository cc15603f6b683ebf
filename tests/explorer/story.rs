//! A ledger whose times are spread over years: the life of a frame, a helmet, and an import, as an export that is restored.

use std::fmt::Write as _;

use event_store::seal;
use schema::event::{
    ProductDeleted, ProductPriceChanged, ProductPriceRecorded, ProductRenamed, ProductRestored,
};
use schema::recent::Recent;
use schema::{
    Commit, Fold, Hash, Metadata, Product, ProductEvent, ProductId, RecordedEvent, Unsealed, fixtures,
};
use ulid::Ulid;

use crate::scenario::{Ledger, printed, program};

/// The frame's id.
pub const FRAME: &str = "hl-road-frame-red-62";

/// The commits of one product, in order.
pub(super) struct Life {
    pub(super) product: ProductId,
    pub(super) commits: Vec<Commit>,
    pub(super) lines: String,
}

impl Life {
    pub(super) fn new(product: &str) -> Self {
        Self { product: fixtures::id(product), commits: Vec::new(), lines: String::new() }
    }

    /// Records an event; what happened then is recorded at another time if one is given.
    pub(super) fn then(self, actor: &str, happened: &str, recorded: &str, event: ProductEvent) -> Self {
        self.in_thread(actor, happened, recorded, event, None)
    }

    pub(super) fn in_thread(
        mut self,
        actor: &str,
        happened: &str,
        recorded: &str,
        event: ProductEvent,
        thread: Option<&str>,
    ) -> Self {
        let before = self.commits.last();
        let (happened, recorded) = (fixtures::at(happened), fixtures::at(recorded));
        let fold = Fold::of(before.map(|commit| &commit.state)).then(&event, happened).unwrap();
        let sequence = before.map_or(1, |commit| commit.last_sequence() + 1);
        let made = u64::try_from(recorded.millis()).unwrap();
        // Products that were recorded in the same millisecond have different ids.
        let product = self
            .product
            .as_str()
            .bytes()
            .fold(7_u64, |sum, byte| sum.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte));
        let id = |salt: u64| {
            let rest = u128::from(product >> 24) << 40 | u128::from(sequence << 8 | salt);
            Ulid::from_parts(made, rest)
        };
        let unsealed = Unsealed {
            product_id: self.product.clone(),
            sequence,
            commit_id: id(0),
            recorded_at: recorded,
            events: vec![RecordedEvent { event_id: id(1), event }],
            state: Product {
                id: self.product.clone(),
                facts: fold.facts.unwrap(),
                price_occurred_at: fold.price_occurred_at,
                version: sequence,
                created_at: before.map_or(recorded, |commit| commit.state.created_at),
                updated_at: recorded,
            },
            metadata: Metadata {
                actor: actor.into(),
                correlation_id: thread.map_or_else(|| id(2).to_string(), str::to_owned),
                causation_id: id(0).to_string(),
                occurred_at: happened,
                traceparent: None,
                idempotency_key: None,
                request_fingerprint: None,
            },
            recent: Recent::default(),
            previous_hash: before.map_or_else(Hash::genesis, |commit| commit.hash.clone()),
        };
        let (commit, stored) = seal(unsealed).unwrap();
        writeln!(self.lines, "{}", serde_json::to_string(&stored.0).unwrap()).unwrap();
        self.commits.push(commit);
        self
    }

    /// The price changes as it happens.
    pub(super) fn priced(self, actor: &str, at: &str, from: &str, to: &str) -> Self {
        self.then(actor, at, at, changed(from, to))
    }
}

fn created(name: &str, sku: &str, category: &str, price: &str) -> ProductEvent {
    let ProductEvent::ProductCreated(mut created) = fixtures::helmet_created() else { unreachable!() };
    created.name = name.into();
    created.money = fixtures::money(price, "USD");
    created.details.sku = Some(sku.into());
    created.details.category = Some(category.into());
    ProductEvent::ProductCreated(created)
}

pub(super) fn changed(from: &str, to: &str) -> ProductEvent {
    let before = fixtures::money(from, "USD");
    ProductEvent::ProductPriceChanged(ProductPriceChanged {
        money: fixtures::money(to, "USD"),
        previous_price: before.price(),
        previous_currency: before.currency(),
    })
}

pub(super) fn stated(price: &str, from: &str) -> ProductEvent {
    let from = fixtures::at(from);
    ProductEvent::ProductPriceRecorded(ProductPriceRecorded { money: fixtures::money(price, "USD"), from })
}

/// Twelve commits: prices, a removal, a return, two prices of the past, a sale.
fn frame() -> Life {
    let (import, maria, jonas) = ("catalogue-import", "maria.lopez", "jonas.weber");
    let first = created("HL Road Frame - Red, 62", "FR-R92R-62", "Components / Road Frames", "1263.4598");
    let details = fixtures::helmet_details_changed();
    let ProductEvent::ProductDetailsChanged(mut details) = details else { unreachable!() };
    details.changed.category = None;
    details.previous.category = None;
    let late = "2026-08-19T14:10:00Z";
    Life::new(FRAME)
        .then(import, "2022-05-30T00:00:00Z", "2022-05-30T06:00:00Z", first)
        .priced(import, "2023-05-30T00:00:00Z", "1263.4598", "1301.3636")
        .priced(import, "2024-05-29T00:00:00Z", "1301.3636", "1431.50")
        .priced(maria, "2025-09-01T08:00:00Z", "1431.50", "1389.00")
        .then(
            maria,
            "2025-10-15T09:00:00Z",
            "2025-10-15T09:00:00Z",
            ProductEvent::ProductDeleted(ProductDeleted {}),
        )
        .then(
            maria,
            "2026-02-01T09:00:00Z",
            "2026-02-01T09:00:00Z",
            ProductEvent::ProductRestored(ProductRestored {}),
        )
        .then(
            maria,
            "2026-03-12T11:00:00Z",
            "2026-03-12T11:00:00Z",
            ProductEvent::ProductDetailsChanged(details),
        )
        .then(jonas, "2025-07-01T00:00:00Z", late, stated("999.00", "2025-07-01T00:00:00Z"))
        .then(
            jonas,
            "2025-08-01T00:00:00Z",
            "2026-08-19T14:11:00Z",
            stated("1431.50", "2025-08-01T00:00:00Z"),
        )
        .priced(jonas, "2026-11-06T08:00:00Z", "1389.00", "1249.00")
        .priced(jonas, "2026-11-13T08:00:00Z", "1249.00", "1349.00")
        .in_thread(
            "price-bot",
            "2026-11-27T00:00:00Z",
            "2026-11-27T00:00:02Z",
            changed("1349.00", "1199.00"),
            Some("black-friday-2026"),
        )
}

fn helmet() -> Life {
    let first = created("Sport-100 Helmet, Red", "HL-U509-R", "Accessories / Helmets", "34.99");
    let renamed = ProductEvent::ProductRenamed(ProductRenamed {
        name: "Sport-100 Helmet, Bright Red".into(),
        previous_name: "Sport-100 Helmet, Red".into(),
    });
    let at = "2026-11-26T09:30:01Z";
    Life::new("helmet")
        .then("catalogue-import", "2022-05-30T00:00:00Z", "2022-05-30T06:00:01Z", first)
        .then("jonas.weber", at, at, renamed)
        .in_thread(
            "price-bot",
            "2026-11-27T00:00:00Z",
            "2026-11-27T00:00:03Z",
            changed("34.99", "27.99"),
            Some("black-friday-2026"),
        )
}

/// Products that one import recorded within a second.
fn imported() -> impl Iterator<Item = Life> {
    ["S", "M", "L", "XL", "خوذة حمراء", "红色头盔", "🚲 bell"].into_iter().zip(2..).map(|(size, second)| {
        let first = created(
            &format!("Classic Vest, {size}"),
            &format!("VE-C304-{second}"),
            "Clothing / Vests",
            "63.50",
        );
        let recorded = format!("2022-05-30T06:00:0{second}Z");
        Life::new(&format!("vest-{second}")).then(
            "catalogue-import",
            "2022-05-30T00:00:00Z",
            &recorded,
            first,
        )
    })
}

/// The ledger, restored from an export and served with these further arguments.
pub fn told() -> (tempfile::TempDir, Ledger) {
    let directory = tempfile::tempdir().unwrap();
    let mut lives: Vec<Life> = [frame(), helmet()].into_iter().chain(imported()).collect();
    lives.sort_by(|a, b| a.product.as_str().cmp(b.product.as_str()));
    let export = directory.path().join("export.ndjson");
    std::fs::write(&export, lives.iter().map(|life| life.lines.as_str()).collect::<String>()).unwrap();
    let data = directory.path().join("data");
    let output = program().arg("restore").arg(&export).arg("--data").arg(&data).output().unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    (directory, Ledger::on(data))
}

/// A helmet whose price went up so many times since the beginning of 2022, each so many hours after the one before.
pub fn dearer(changes: u32, hours: u32) -> (tempfile::TempDir, Ledger) {
    let first = created("Helmet", "HL-1", "Helmets", "1.00");
    let start = fixtures::at("2022-01-01T00:00:00Z").millis();
    let at = |number: u32| {
        let millis = start + i64::from(number) * i64::from(hours) * 3_600_000;
        schema::Timestamp::new(chrono::DateTime::from_timestamp_millis(millis).unwrap()).unwrap().to_string()
    };
    let begun = Life::new("helmet").then("importer", &at(0), &at(0), first);
    let life = (1..=changes).fold(begun, |life, number| {
        let (before, after) = (format!("{number}.00"), format!("{}.00", number + 1));
        life.priced("price-bot", &at(number), &before, &after)
    });
    let directory = tempfile::tempdir().unwrap();
    let export = directory.path().join("export.ndjson");
    std::fs::write(&export, &life.lines).unwrap();
    let data = directory.path().join("data");
    let output = program().arg("restore").arg(&export).arg("--data").arg(&data).output().unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    (directory, Ledger::on(data))
}
