//! Stream records that the projector brings into both views in a second, and how many writes a batch costs, when all are of
//! one product and when each is of another.

use std::time::{Duration, Instant};

use crate::results::{Results, real};
use crate::world::{Stories, World};

const COMMAND: &str = "cargo bench -p cli --bench scale -- projecting";

/// Records of a batch, the most a mapping gives.
const RECORDS: usize = 1_000;
const BATCHES: usize = 5;

pub fn measure() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut rates = Results::new(
        "projector",
        "Projector, batches of 1,000 records",
        "records/s",
        "products in the batch",
    );
    let mut writes = Results::new(
        "projector-writes",
        "Writes of a batch of 1,000 records",
        "items",
        "products in the batch",
    );
    for products in [1, 10, 100, 1_000] {
        let (spent, items) = runtime.block_on(projected(products));
        rates.point("both views", real(products), real(RECORDS * BATCHES) / spent.as_secs_f64());
        writes.point("both views", real(products), real(items) / real(BATCHES));
    }
    rates.tell(COMMAND);
    writes.tell(COMMAND);
}

async fn projected(products: usize) -> (Duration, usize) {
    let world = World::new().await;
    let mut stories = Stories::of(products);
    let (mut spent, mut items) = (Duration::ZERO, 0);
    world.wire.clear();
    for _ in 0..BATCHES {
        let batch = stories.batch(RECORDS);
        let started = Instant::now();
        let answer = world.system.projector.project(batch).await;
        spent += started.elapsed();
        assert!(answer.batch_item_failures.is_empty());
        items += world.writes().1;
    }
    (spent, items)
}
