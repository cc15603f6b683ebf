//! The time from the start of `serve` to its first answer, and its memory, on data directories of several sizes. The
//! largest must be requested by its number: `-- starting 1000000` takes a minute.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::connection::Connection;
use crate::filled::fill;
use crate::results::{Results, percentile, real};
use crate::server::Server;

const COMMAND: &str = "cargo bench -p cli --bench scale -- starting 0 20000 1000000";
const STARTS: usize = 5;
const QUERIES: usize = 1_000;

pub fn measure(sizes: &[usize]) {
    let sizes = if sizes.is_empty() { &[0, 20_000] } else { sizes };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut starts = Results::new("start", "From the start of serve to its first answer", "ms", "events");
    let mut memory = Results::new("memory", "Memory of serve", "MiB resident", "events");
    for size in sizes {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        let filling = Instant::now();
        runtime.block_on(fill(&data, *size));
        starts.note(&format!("s to make a directory of {size}"), filling.elapsed().as_secs());
        let mut times = Vec::new();
        for _ in 0..STARTS {
            let (time, resident) = runtime.block_on(started(&data));
            times.push((time, resident));
        }
        let mut taken: Vec<Duration> = times.iter().map(|(time, _)| *time).collect();
        taken.sort_unstable();
        starts.point("median", real(*size), percentile(&taken, 0.5));
        starts.point("slowest", real(*size), percentile(&taken, 1.0));
        for (place, name) in ["at rest", "after 1,000 GET and 100 LIST"].into_iter().enumerate() {
            let most = times.iter().map(|(_, resident)| resident[place]).fold(0.0, f64::max);
            memory.point(name, real(*size), most);
        }
    }
    starts.tell(COMMAND);
    memory.tell(COMMAND);
}

/// The time to the first answer, and the memory after it and after some queries.
async fn started(data: &Path) -> (Duration, [f64; 2]) {
    let before = Instant::now();
    let server = Server::start(data);
    let mut connection = Connection::open(server.address).await;
    let (status, _) = connection.send("GET", "/products/product-0000000?min_version=1", "").await;
    let time = before.elapsed();
    assert!([200, 404].contains(&status), "{status}");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let rest = server.resident();
    for n in 0..QUERIES {
        connection.send("GET", &format!("/products/product-{n:07}?min_version=1"), "").await;
        if n % 10 == 0 {
            connection.send("GET", "/products?limit=100", "").await;
        }
    }
    let used = server.resident();
    server.stop();
    (time, [rest, used])
}
