//! The contract of the port `Rounds`, for every adapter.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use event_store::reconcile::{ConsumerTally, FinishedRound, Round, RoundTally, StateTally};
use event_store::{
    DynamoParking, DynamoRounds, MemoryRounds, Parking, ParkingCause, Rounds, parking, sqlite as files, table,
};
use schema::fixtures;
use sqlite::{Access, Schema};

use crate::given::{Given, Port, Way};

type RoundStore = Given<dyn Rounds>;

impl Port for dyn Rounds {
    type Setting = ();
    const SCHEMA: Schema = files::PUBLISHING;
    const WAYS: &[Way] = &[];

    async fn memory((): ()) -> Arc<Self> {
        Arc::new(MemoryRounds::default())
    }

    async fn sqlite(_: Access, (): ()) -> Arc<Self> {
        panic!("the functions alone reconcile in rounds")
    }

    async fn dynamodb(client: Client, new: bool, (): ()) -> Arc<Self> {
        if new {
            table::create(&client, "parking", parking::TABLE).await.unwrap();
        }
        Arc::new(DynamoRounds::new(client, "parking"))
    }
}

cases! { dyn event_store::Rounds, [memory dynamodb];
    before_the_first_there_is_an_empty_round
    a_round_is_loaded_as_it_was_saved
    of_two_that_save_the_same_revision_one_succeeds
    the_rounds_of_two_functions_are_independent
}

fn round(after: &str) -> Round {
    let oldest = Some(fixtures::at("2026-11-20T00:00:00Z"));
    let tally = ConsumerTally { agrees: 7, repaired: 3, parked: 2, left: 1, oldest };
    let consumers = BTreeMap::from([("prices".to_owned(), tally)]);
    let states = Some(StateTally { active: 11, deleted: 2 });
    let tally = RoundTally { products: 13, consumers, states };
    let (started_at, finished_at) =
        (fixtures::at("2026-11-22T00:00:00Z"), fixtures::at("2026-11-22T01:00:00Z"));
    Round {
        after: after.to_owned(),
        started_at: Some(fixtures::at("2026-11-23T00:00:00Z")),
        tally: tally.clone(),
        last: Some(FinishedRound { started_at, finished_at, tally }),
    }
}

async fn before_the_first_there_is_an_empty_round(rounds: &RoundStore) {
    assert_eq!(rounds.load("projector").await.unwrap(), (0, Round::default()));
}

async fn a_round_is_loaded_as_it_was_saved(rounds: &RoundStore) {
    for (revision, round) in [(0, round("p")), (1, Round::default()), (2, round("ü\"'"))] {
        assert!(rounds.save("projector", revision, &round).await.unwrap());
        assert_eq!(rounds.opened_again(()).await.load("projector").await.unwrap(), (revision + 1, round));
    }
}

async fn of_two_that_save_the_same_revision_one_succeeds(rounds: &RoundStore) {
    for revision in 0..3 {
        let (a, b) = (round("a"), round("b"));
        let (one, other) =
            tokio::join!(rounds.save("projector", revision, &a), rounds.save("projector", revision, &b));
        let (one, other) = (one.unwrap(), other.unwrap());
        assert!(one != other, "{one} {other}");
        let (next, saved) = rounds.load("projector").await.unwrap();
        assert_eq!((next, saved.after.as_str()), (revision + 1, if one { "a" } else { "b" }));
    }
    assert!(!rounds.save("projector", 9, &round("c")).await.unwrap(), "a revision that never was");
}

async fn the_rounds_of_two_functions_are_independent(rounds: &RoundStore) {
    assert!(rounds.save("projector", 0, &round("a")).await.unwrap());
    assert_eq!(rounds.load("publisher").await.unwrap().0, 0);
    assert!(rounds.save("publisher", 0, &round("b")).await.unwrap());
    assert_eq!(rounds.load("projector").await.unwrap().1.after, "a");
}

/// They share the table with parked products, and neither is in the way of the other.
#[tokio::test]
async fn on_dynamodb_a_round_is_no_parked_product_and_a_parked_product_no_round() {
    let engine = engine::Engine::in_memory().unwrap();
    let client = Client::new(&engine.sdk_config());
    table::create(&client, "parking", parking::TABLE).await.unwrap();
    let (parking, rounds) =
        (DynamoParking::new(client.clone(), "parking"), DynamoRounds::new(client, "parking"));
    let named = fixtures::id("publisher");
    let at = fixtures::at("2026-11-23T00:00:00Z");
    let cause = ParkingCause { from_sequence: 1, reason: "away".into(), retryable: true, at };
    parking.park("publisher", &named, &cause).await.unwrap();
    assert!(rounds.save("publisher", 0, &round("a")).await.unwrap());
    let rows = parking.list("publisher", None, 10).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.product_id.as_str()).collect::<Vec<_>>(), ["publisher"]);
    assert!(parking.release(&rows[0]).await.unwrap());
    assert_eq!(rounds.load("publisher").await.unwrap(), (1, round("a")));
}
