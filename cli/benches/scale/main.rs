//! What the system does in a given time on this machine; what it asks of the tables is asserted by tests instead.
//!
//! `cargo bench -p cli --bench scale` measures everything but the large directories; `-- freshness auditing` only these, and
//! numbers behind a name are its sizes in events: `-- auditing 200000`, `-- starting 1000000`.
#![expect(clippy::unwrap_used, reason = "a measurement fails by panicking")]

mod auditing;
mod commits;
mod connection;
mod filled;
mod freshness;
mod projecting;
mod publishing;
mod results;
mod server;
mod starting;
mod world;

/// As the program has it, so that what is compared with it is not held up by another one.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A measurement, given sizes where it has any.
type Measure = fn(&[usize]);

const ALL: [(&str, Measure); 5] = [
    ("freshness", |_| freshness::measure()),
    ("projecting", |_| projecting::measure()),
    ("publishing", |_| publishing::measure()),
    ("auditing", auditing::measure),
    ("starting", starting::measure),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let (sizes, names): (Vec<&String>, Vec<&String>) =
        arguments.iter().partition(|word| word.chars().all(|c| c.is_ascii_digit()));
    let sizes: Vec<usize> = sizes.into_iter().map(|size| size.parse().unwrap()).collect();
    for name in &names {
        assert!(ALL.iter().any(|(known, _)| known == name), "there is no measurement {name:?}");
    }
    for (_, measure) in
        ALL.iter().filter(|(name, _)| names.is_empty() || names.iter().any(|given| given == name))
    {
        measure(&sizes);
    }
}
