//! Commits a second that the projector writes to both views, all of one product and each of another.

use std::time::{Duration, Instant};

use event_store::CheckpointStore;

use crate::results::{Results, real};
use crate::world::{Stories, World};

const COMMAND: &str = "cargo bench -p cli --bench scale -- projecting";

/// Commits of a batch, as many as a follower is handed.
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
    for products in [1, 10, 100, 1_000] {
        let spent = runtime.block_on(projected(products));
        rates.point("both views", real(products), real(RECORDS * BATCHES) / spent.as_secs_f64());
    }
    rates.tell(COMMAND);
}

async fn projected(products: usize) -> Duration {
    let world = World::new().await;
    let mut stories = Stories::of(products);
    let mut spent = Duration::ZERO;
    let [progress, _] = world.system.directory.as_ref().unwrap().progress();
    for _ in 0..BATCHES {
        let batch = stories.batch(RECORDS);
        let started = Instant::now();
        progress.begin();
        let failed = world.system.projector.follow(batch).await;
        progress.end().await.unwrap();
        spent += started.elapsed();
        assert_eq!(failed, Vec::<String>::new());
    }
    spent
}
