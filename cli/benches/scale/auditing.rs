//! Times of auditors' and operators' work: export, verify and rebuild of a whole ledger, next to a plain read of the
//! same file, with the peak memory of each.

use std::path::Path;
use std::time::{Duration, Instant};

use event_store::sqlite::LEDGER;
use projections::rebuild::{Rebuild, RebuildConflict};
use projections::views::View;
use rusqlite::{Connection, OpenFlags};

use crate::filled::fill;
use crate::results::{Results, number, real};
use crate::server::run;
use crate::world;

const COMMAND: &str = "cargo bench -p cli --bench scale -- auditing 20000 100000";

pub fn measure(sizes: &[usize]) {
    let sizes = if sizes.is_empty() { &[20_000, 100_000] } else { sizes };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut rates = Results::new("auditing", "Work through a whole ledger", "events/s", "events");
    for size in sizes {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        runtime.block_on(fill(&data, *size));
        let bare = read(&data, *size);
        rates.point("bare read", real(*size), real(*size) / bare.as_secs_f64());
        let mut tell = |what: &str, taken: Duration, peak: Option<f64>| {
            rates.point(what, real(*size), real(*size) / taken.as_secs_f64());
            let share = bare.as_secs_f64() / taken.as_secs_f64() * 100.0;
            rates.note(&format!("share of the bare read, {what}, {size} events"), number(share));
            if let Some(peak) = peak {
                rates.note(&format!("MiB at the peak, {what}, {size} events"), number(peak));
            }
        };
        let file = directory.path().join("ledger.ndjson");
        let (place, file) = (data.to_str().unwrap(), file.to_str().unwrap());
        for (what, arguments) in [
            ("export", ["export", "-o", file, "--data", place].as_slice()),
            ("verify --data", &["verify", "--data", place]),
            ("verify --file", &["verify", "--file", file]),
        ] {
            let (taken, peak) = run(arguments);
            tell(what, taken, Some(peak));
        }
        for view in View::ALL {
            let taken = runtime.block_on(rebuild(&data, view, *size));
            tell(&format!("rebuild {}", view.name()), taken, None);
        }
    }
    rates.tell(COMMAND);
}

/// Every row of the file in the order of the key, by SQLite alone, on one thread.
fn read(data: &Path, events: usize) -> Duration {
    let connection = Connection::open_with_flags(data.join(LEDGER.file), OpenFlags::SQLITE_OPEN_READ_ONLY);
    let connection = connection.unwrap();
    let started = Instant::now();
    let mut statement = connection.prepare("SELECT line FROM commits ORDER BY product_id, sequence").unwrap();
    let lines = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let bytes: Vec<usize> = lines.map(|line| line.unwrap().len()).collect();
    assert_eq!(bytes.len(), events);
    started.elapsed()
}

/// Builds a view beside an equal one, compares both with the commits, switches to it and drops the old one; no time for
/// readers to notice.
async fn rebuild(data: &Path, view: View, events: usize) -> Duration {
    let system = world::system(data).await;
    let found = system.read_models.iter().find(|projection| projection.view() == view).cloned();
    let rebuild = Rebuild {
        views: system.views.clone(),
        projection: found.unwrap(),
        journal: system.journal.clone(),
        overlap: Duration::ZERO,
        pause: Duration::ZERO,
        on_conflict: RebuildConflict::TakeOver,
    };
    // The first one builds the view that the second one then finds in order.
    rebuild.run(&|_| {}).await.unwrap();
    let started = Instant::now();
    let report = rebuild.run(&|_| {}).await.unwrap();
    let taken = started.elapsed();
    assert_eq!((report.commits, report.differing), (u64::try_from(events).unwrap(), 0));
    system.directory.as_ref().unwrap().close().await;
    taken
}
