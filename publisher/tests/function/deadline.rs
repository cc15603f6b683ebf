//! Lambda ends an invocation at its deadline; the publisher returns before it and leaves the rest to the schedule.

use std::time::Duration;

use loopback::EntryResult;

use crate::given::{all_well, given, retried, schedule, two_shards};

/// Far less than the publisher would otherwise wait for a throttling bus.
const LIMIT: Duration = Duration::from_secs(8);

#[tokio::test]
async fn a_bus_that_stays_busy_is_left_to_the_schedule_before_the_deadline() {
    let given = given().await;
    given.bus.respond_with(|_| EntryResult::Refused("ThrottlingException"));
    let answer = given.function.invoke_within(two_shards().to_string(), LIMIT).await;
    assert_eq!(answer.expect("an answer before the deadline"), all_well());
    let mut parked = given.parked().await;
    parked.sort();
    assert_eq!(parked, ["shard-one", "shard-two"]);

    given.bus.respond_with(|_| EntryResult::Accepted);
    assert_eq!(given.invoke(&schedule()).await, retried(2, 0, 0));
    assert_eq!((given.accepted("shard-one"), given.accepted("shard-two")), (vec![1, 2, 3], vec![1, 2, 3]));
    assert_eq!(given.parked().await, [""; 0]);
}
