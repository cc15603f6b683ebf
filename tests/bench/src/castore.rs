//! castore: driven by a Node program through the same proxy, which prints the results.

use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::measure::repeats;
use crate::measured::{COMPARED, CommandCost, Cost, Measured, folder};
use crate::meter::Metered;
use crate::product::{self, Work};
use crate::proxy::Proxy;

/// Long enough to write and read 200,000 events several times.
const LONGEST: Duration = Duration::from_mins(30);

/// The configurations, as `castore/measure.mjs` names them.
const DEFAULT: &str = "default";
const SNAPSHOTS: &str = "a snapshot kept by the application";
const LIMIT: &str = "`limit: 1`, newest first";

/// A line of `castore/measure.mjs`.
#[derive(Deserialize)]
struct Line {
    configuration: String,
    work: String,
    events: u64,
    seen: u64,
    loads: Metered,
    commands: Metered,
}

/// Measures castore at these lengths, and with the other changes.
///
/// # Errors
/// Node or castore is missing, or castore does not see an event.
pub async fn measure(proxy: &Proxy, lengths: &[u64]) -> anyhow::Result<Vec<Measured>> {
    let mut node = Command::new("node")
        .args(["--no-warnings", "measure.mjs"])
        .current_dir(folder().join("castore"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("castore needs Node.js")?;
    let mut input = node.stdin.take().context("Node reads from a pipe")?;
    input.write_all(orders(proxy, lengths)?.to_string().as_bytes()).await?;
    drop(input);
    let done = tokio::time::timeout(LONGEST, node.wait_with_output()).await??;
    anyhow::ensure!(done.status.success(), "castore/measure.mjs failed");
    String::from_utf8(done.stdout)?.lines().map(measured).collect()
}

fn orders(proxy: &Proxy, lengths: &[u64]) -> anyhow::Result<Value> {
    let works = [Work::Price, Work::Description, Work::PriceAlone];
    let told = works.map(|work| anyhow::Ok((work.name().to_owned(), events(work)?)));
    let at =
        |configuration: &'static str| lengths.iter().map(move |events| (configuration, Work::Price, *events));
    let asides = [
        (DEFAULT, Work::Description, COMPARED),
        (DEFAULT, Work::PriceAlone, COMPARED),
        (LIMIT, Work::Price, COMPARED),
    ];
    let jobs = at(DEFAULT).chain(at(SNAPSHOTS)).chain(asides).map(|(configuration, work, events)| {
        let id = product::id("castore", configuration, work, events);
        json!({ "configuration": configuration, "work": work.name(), "events": events, "id": id, "repeats": repeats(events) })
    });
    Ok(json!({
        "endpoint": format!("http://{}", proxy.address),
        "works": told.into_iter().collect::<Result<Map<_, _>, _>>()?,
        "jobs": jobs.collect::<Vec<_>>(),
    }))
}

/// The first event, the even and odd ones that follow, and the metadata of each.
fn events(work: Work) -> anyhow::Result<Value> {
    let story = work.story(3).map(|step| step.map(|(_, event, _)| event)).collect::<Result<Vec<_>, _>>()?;
    let metadata = Some(work.metadata(1)).filter(|metadata| !metadata.is_empty());
    Ok(json!({ "created": story[0], "changes": [story[1], story[2]], "metadata": metadata }))
}

fn measured(line: &str) -> anyhow::Result<Measured> {
    let Line { configuration, work, events, seen, loads, commands } = serde_json::from_str(line)?;
    let command = CommandCost::mean(&commands, repeats(events))?;
    let load = Cost::mean(loads.reads(), repeats(events));
    let system = "castore".into();
    let measured =
        Measured { system, configuration, work, events, seen, load, command: Some(command), failure: None };
    measured.check()?;
    Ok(measured)
}
