//! The decision, in the grammar given / when / then, and what holds for every decision.

use cqrs_es::test::TestFramework;
use proptest::prelude::*;
use schema::event::{ProductCreated, ProductDetailsChanged, ProductPriceChanged};
use schema::fixtures::{
    helmet_created, helmet_deleted, helmet_price_changed, helmet_renamed, helmet_restored, helmet_story,
    money,
};
use schema::{Attributes, Currency, Details, DetailsChange, Facts, Price, ProductEvent};

use super::*;

type Product = TestFramework<ProductAggregate>;

fn usd() -> Currency {
    Currency::parse("USD").unwrap()
}

fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}

/// The helmet as it was created, wanted again.
fn helmet() -> NewProduct {
    let ProductEvent::ProductCreated(ProductCreated { name, money, details }) = helmet_created() else {
        unreachable!("the story begins with a creation")
    };
    NewProduct {
        name,
        price: money.price(),
        currency: Some(money.currency()),
        default_currency: usd(),
        details,
    }
}

fn patch(patch: Patch) -> Command {
    Command::Patch(patch)
}

#[test]
fn a_product_is_created_with_all_its_fields() {
    Product::with(Pricing::default())
        .given_no_previous_events()
        .when(Command::Create(helmet()))
        .then_expect_events(vec![helmet_created()]);
}

#[test]
fn a_taken_id_cannot_be_created_again_even_when_deleted() {
    for history in [vec![helmet_created()], vec![helmet_created(), helmet_deleted()]] {
        Product::with(Pricing::default())
            .given(history)
            .when(Command::Create(helmet()))
            .then_expect_error(Refusal::AlreadyExists);
    }
}

#[test]
fn a_currency_left_out_is_the_default_on_create_and_the_product_s_own_on_replace() {
    let unnamed =
        NewProduct { currency: None, default_currency: Currency::parse("EUR").unwrap(), ..helmet() };
    let events = decide(None, &Command::Create(unnamed.clone()), &Pricing::default()).unwrap();
    let created = Facts::after(None, &events[0]).unwrap();
    assert_eq!(created.money, money("33.6442", "EUR"));
    Product::with(Pricing::default())
        .given(vec![helmet_created()])
        .when(Command::Replace(unnamed))
        .then_expect_events(vec![]);
}

#[test]
fn replacing_writes_what_differs_in_order_of_name_price_details() {
    let new = NewProduct {
        name: "Sport-100, Red".into(),
        price: price("34.99"),
        details: Details { sku: Some("HL-U509".into()), ..helmet().details },
        ..helmet()
    };
    let priced = ProductEvent::ProductPriceChanged(ProductPriceChanged {
        money: money("34.99", "USD"),
        previous_price: price("33.6442"),
        previous_currency: usd(),
    });
    let detailed = ProductEvent::ProductDetailsChanged(ProductDetailsChanged {
        changed: DetailsChange { sku: Some(Some("HL-U509".into())), ..DetailsChange::default() },
        previous: DetailsChange { sku: Some(Some("HL-U509-R".into())), ..DetailsChange::default() },
    });
    Product::with(Pricing::default())
        .given(vec![helmet_created()])
        .when(Command::Replace(new))
        .then_expect_events(vec![helmet_renamed(), priced, detailed]);
}

#[test]
fn replacing_a_deleted_product_restores_it_first() {
    let new = NewProduct { name: "Sport-100, Red".into(), ..helmet() };
    Product::with(Pricing::default())
        .given(vec![helmet_created(), helmet_deleted()])
        .when(Command::Replace(new))
        .then_expect_events(vec![helmet_restored(), helmet_renamed()]);
}

#[test]
fn a_patch_changes_only_what_it_names() {
    Product::with(Pricing::default())
        .given(vec![helmet_created(), helmet_renamed()])
        .when(patch(Patch { price: Some(price("34.9900")), ..Patch::default() }))
        .then_expect_events(vec![helmet_price_changed()]);
}

#[test]
fn a_change_of_currency_alone_is_a_price_change_written_in_the_new_minor_unit() {
    let yen = Currency::parse("KWD").unwrap();
    let before = Facts::after(None, &helmet_created()).unwrap();
    let before = Facts { money: money("10", "USD"), ..before };
    let events =
        decide(Some(&before), &patch(Patch { currency: Some(yen), ..Patch::default() }), &Pricing::default())
            .unwrap();
    let ProductEvent::ProductPriceChanged(changed) = &events[0] else { panic!("{events:?}") };
    assert_eq!(
        (changed.money.price().to_string(), changed.previous_price.to_string()),
        ("10.000".into(), "10.00".into())
    );
}

#[test]
fn a_patch_merges_attributes_and_the_last_one_removed_leaves_none() {
    let before = Facts::after(None, &helmet_created()).unwrap();
    let with = |changes: &[(&str, Option<&str>)]| {
        let changes =
            changes.iter().map(|(key, value)| ((*key).to_owned(), value.map(str::to_owned))).collect();
        let events = decide(
            Some(&before),
            &patch(Patch { attributes: Some(Some(changes)), ..Patch::default() }),
            &Pricing::default(),
        )
        .unwrap();
        events
            .iter()
            .fold(before.clone(), |facts, event| Facts::after(Some(facts), event).unwrap())
            .details
            .attributes
    };
    let both = Attributes::from([("color".into(), "Red".into()), ("size".into(), "M".into())]);
    assert_eq!(with(&[("size", Some("M"))]), Some(both));
    assert_eq!(with(&[("color", None)]), None);
    assert_eq!(with(&[("absent", None)]), before.details.attributes);
}

#[test]
fn a_deleted_product_refuses_a_patch_and_ignores_a_second_delete() {
    let gone = vec![helmet_created(), helmet_deleted()];
    Product::with(Pricing::default())
        .given(gone.clone())
        .when(patch(Patch::default()))
        .then_expect_error(Refusal::Deleted);
    Product::with(Pricing::default()).given(gone.clone()).when(Command::Delete).then_expect_events(vec![]);
    Product::with(Pricing::default())
        .given(gone)
        .when(Command::Restore)
        .then_expect_events(vec![helmet_restored()]);
}

#[test]
fn only_a_deleted_product_can_be_restored() {
    Product::with(Pricing::default())
        .given(vec![helmet_created()])
        .when(Command::Restore)
        .then_expect_error(Refusal::NotDeleted);
}

#[test]
fn a_product_nobody_created_cannot_be_changed() {
    for command in [patch(Patch::default()), Command::Delete, Command::Restore] {
        Product::with(Pricing::default())
            .given_no_previous_events()
            .when(command)
            .then_expect_error(Refusal::UnknownProduct);
    }
}

fn commands() -> impl Strategy<Value = Command> {
    let name = prop::sample::select(vec!["Helmet", "Cap"]);
    let amount = prop::sample::select(vec!["0", "10.5", "10.50", "33.6442"]);
    let currency = prop::option::of(prop::sample::select(vec!["USD", "JPY"]));
    let sku = prop::option::of(prop::sample::select(vec!["A", "B"]));
    let new = (name.clone(), amount.clone(), currency.clone(), sku.clone()).prop_map(
        |(name, amount, currency, sku)| NewProduct {
            name: name.into(),
            price: price(amount),
            currency: currency.map(|code| Currency::parse(code).unwrap()),
            default_currency: usd(),
            details: Details { sku: sku.map(Into::into), ..Details::default() },
        },
    );
    let change = (prop::option::of(name), prop::option::of(amount), currency, prop::option::of(sku))
        .prop_map(|(name, amount, currency, sku)| Patch {
            name: name.map(Into::into),
            price: amount.map(price),
            currency: currency.map(|code| Currency::parse(code).unwrap()),
            sku: sku.map(|sku| sku.map(Into::into)),
            ..Patch::default()
        });
    prop_oneof![
        new.clone().prop_map(Command::Create),
        new.prop_map(Command::Replace),
        change.prop_map(Command::Patch),
        Just(Command::Delete),
        Just(Command::Restore)
    ]
}

proptest! {
    #[test]
    fn whatever_is_decided_can_follow_and_a_repeated_command_decides_nothing_more(wishes in prop::collection::vec(commands(), 1..20)) {
        let mut facts: Option<Facts> = None;
        for wish in wishes {
            let Ok(events) = decide(facts.as_ref(), &wish, &Pricing::default()) else { continue };
            prop_assert!(events.len() as u64 <= MOST_EVENTS);
            for event in &events {
                facts = Some(Facts::after(facts.take(), event).unwrap());
            }
            let again = decide(facts.as_ref(), &wish, &Pricing::default());
            prop_assert!(again.as_ref().map_or(true, Vec::is_empty), "{wish:?} decided {again:?} the second time");
        }
    }
}

#[test]
fn the_whole_story_can_be_told_by_the_aggregate() {
    Product::with(Pricing::default())
        .given(helmet_story())
        .when(Command::Delete)
        .then_expect_events(vec![helmet_deleted()]);
}

/// A product whose texts are all of `letter`, each as long as it may be, with as many attributes as fit.
fn largest(letter: &str) -> NewProduct {
    let attribute = |n: usize| (format!("{n}{}", letter.repeat(120)), letter.repeat(2_000));
    let with = |attributes: usize| Details {
        sku: Some(letter.repeat(64)),
        category: Some(letter.repeat(200)),
        description: Some(letter.repeat(4_000)),
        attributes: Some((0..attributes).map(attribute).collect()),
    };
    let name = letter.repeat(200);
    let fits = |attributes: &usize| texts::check(None, &name, &with(*attributes)).is_ok();
    let attributes = (0..=MOST_ATTRIBUTES).rev().find(fits).unwrap();
    NewProduct { name: name.clone(), details: with(attributes), ..helmet() }
}

#[test]
fn two_largest_products_fit_into_the_commit_that_replaces_one_by_the_other() {
    // The last one is longer as JSON than as text.
    for letters in [["🎩", "🧢"], ["a", "b"], ["\"", "\\"]] {
        let [before, after] = letters.map(largest);
        let pricing = Pricing::default();
        let created = decide(None, &Command::Replace(before), &pricing).unwrap();
        let id = schema::fixtures::id(&"p".repeat(64));
        let mut first = schema::fixtures::commit_after(None, &id, created);
        first.state.facts.status = schema::Status::Deleted;
        let (first, _) = event_store::seal(first).unwrap();
        let replaced = decide(Some(&first.state.facts), &Command::Replace(after.clone()), &pricing).unwrap();
        let replaced = [replaced, vec![helmet_price_changed()]].concat();
        assert_eq!(replaced.len(), 4, "every event that a command can write");
        let mut second = schema::fixtures::commit_after(Some(&first), &id, replaced);
        second.metadata.actor = "a".repeat(255);
        second.metadata.correlation_id = "c".repeat(128);
        second.metadata.idempotency_key = Some("k".repeat(255));
        let sealed = event_store::seal(second);
        assert!(sealed.is_ok(), "{letters:?}: {:?}", sealed.err());
    }
}

#[test]
fn attributes_of_the_greatest_length_fit_if_they_are_of_ascii() {
    let attributes = (0..MOST_ATTRIBUTES).map(|n| (format!("{n:0128}"), "x".repeat(2_000))).collect();
    let details =
        Details { attributes: Some(attributes), description: Some("x".repeat(4_000)), ..helmet().details };
    assert_eq!(texts::check(None, &"n".repeat(200), &details), Ok(()));
}
