//! The contract of the port `Parking`, for every adapter.

mod lists;
mod release;
mod rows;

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use event_store::{
    DynamoParking, MemoryParking, Parked, Parking, ParkingCause, SqliteParking, parking, sqlite as files,
    table,
};
use schema::{ProductId, fixtures};
use sqlite::{Access, Schema};

use crate::given::{Given, Port, Way};

type ParkingRows = Given<dyn Parking>;

const MORNING: &str = "2026-11-23T08:00:00.000Z";
const NOON: &str = "2026-11-23T12:00:00.000Z";

impl Port for dyn Parking {
    type Setting = ();
    const SCHEMA: Schema = files::PUBLISHING;
    const WAYS: &[Way] = Way::ALL;

    async fn memory((): ()) -> Arc<Self> {
        Arc::new(MemoryParking::default())
    }

    async fn sqlite(access: Access, (): ()) -> Arc<Self> {
        Arc::new(SqliteParking::new(access))
    }

    async fn dynamodb(client: Client, new: bool, (): ()) -> Arc<Self> {
        if new {
            table::create(&client, "parking", parking::TABLE).await.unwrap();
        }
        Arc::new(DynamoParking::new(client, "parking"))
    }
}

fn trouble(from_sequence: u64, reason: &str, retryable: bool, at: &str) -> ParkingCause {
    ParkingCause { from_sequence, reason: reason.into(), retryable, at: fixtures::at(at) }
}

/// A cause at an event.
fn at(from_sequence: u64) -> ParkingCause {
    trouble(from_sequence, "away", true, MORNING)
}

async fn row(parking: &dyn Parking, product: &ProductId) -> Parked {
    parking.of("publisher", product).await.unwrap().unwrap()
}
