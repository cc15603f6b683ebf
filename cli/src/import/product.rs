//! Sends the lines of a product in order, and leaves out those an earlier import has already done.
//!
//! The server remembers the keys of a product's newest commands only, and of commands that changed nothing none at all.
//! So when a product's first line turns out to have been imported before, its history is read: every line up to the last
//! one that was recorded is done.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tokio::sync::mpsc;

use super::client::{Answer, Client, Stop};
use super::line::Line;
use super::report::Report;

/// What is known of a product's earlier import.
enum Earlier {
    /// This import created it.
    None,
    /// Keys of all its commits, and lines that are held back until it is known whether a later one was recorded.
    Recorded { keys: HashSet<String>, held: Vec<Line> },
}

/// Sends lines until there are no more, or the server is gone or refuses us.
pub(super) async fn work(client: Client, mut lines: mpsc::Receiver<Line>, report: Arc<Report>) {
    let mut products: HashMap<String, Earlier> = HashMap::new();
    while let Some(line) = lines.recv().await {
        if report.stopped() {
            continue;
        }
        if let Err(stop) = advance(&client, &mut products, line, &report).await {
            report.stop(stop);
        }
    }
    for (_, earlier) in products {
        if let Earlier::Recorded { held, .. } = earlier {
            for line in held {
                if report.stopped() {
                    break;
                }
                if let Err(stop) = send(&client, &line, &report).await {
                    report.stop(stop);
                }
            }
        }
    }
}

async fn advance(
    client: &Client,
    products: &mut HashMap<String, Earlier>,
    line: Line,
    report: &Report,
) -> Result<(), Stop> {
    match products.get_mut(&line.product_id) {
        None => {
            let answer = send(client, &line, report).await?;
            let earlier = if answer.status == 201 && !answer.replayed {
                Earlier::None
            } else {
                Earlier::Recorded { keys: client.recorded_keys(&line.product_id).await?, held: Vec::new() }
            };
            products.insert(line.product_id, earlier);
        }
        Some(Earlier::None) => drop(send(client, &line, report).await?),
        Some(Earlier::Recorded { keys, held }) => {
            if keys.remove(&line.idempotency_key()) {
                // What lies before a recorded line was tried then, and wrote nothing.
                report.unchanged(held.drain(..).count() as u64);
                report.repeated(1);
            } else if keys.is_empty() {
                held.push(line);
                for line in std::mem::take(held) {
                    send(client, &line, report).await?;
                }
            } else {
                held.push(line);
            }
        }
    }
    Ok(())
}

async fn send(client: &Client, line: &Line, report: &Report) -> Result<Answer, Stop> {
    let answer = client.command(line).await?;
    if !answer.status.is_success() {
        report.failed(line.number, &answer.reason());
    } else if answer.replayed {
        report.repeated(1);
    } else if answer.body["events"].as_array().is_none_or(Vec::is_empty) {
        report.unchanged(1);
    } else {
        report.written();
    }
    Ok(answer)
}
