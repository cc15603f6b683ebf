//! `ledger watch`: shows the events that a server puts on its bus, one a line, as they come.
//!
//! The promise: after an interruption it continues behind the last event that it showed, or from its start if it has shown none,
//! and it never waits without saying for what. It ends when it is interrupted or nobody reads its output any more.

mod event_line;
mod event_stream;

use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use clap::builder::PossibleValuesParser;
use event_store::backoff::Backoff;
use event_store::error::causes;
use futures::StreamExt;
use reqwest::StatusCode;
use schema::ProductId;
use schema::message::EVENT_NAMES;
use tokio::io::Interest;
use tokio::net::unix::pipe::Sender;

use crate::completions::product_ids;
use crate::out::{self, Output};
use crate::remote::{LedgerClient, RemoteServer};
use crate::text_table::{escaped, wrapped};
use event_stream::EventDecoder;

/// The wait before the server is asked again.
const BACKOFF: Backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(30) };

/// Which events.
#[derive(Debug, Args)]
#[command(after_help = "Only `ledger serve` has a stream of events; on AWS they are on the EventBridge bus.

Examples:
  ledger watch
  ledger watch --product helmet --type PRODUCT_PRICE_CHANGED
  ledger watch --from start --json")]
pub struct WatchArgs {
    /// Only the events of this product.
    #[arg(long, value_name = "ID", add = product_ids())]
    product: Option<ProductId>,
    /// Only events of this type; may be given several times.
    #[arg(long = "type", value_name = "NAME", value_parser = PossibleValuesParser::new(EVENT_NAMES))]
    types: Vec<String>,
    /// Begin with the oldest event that the server keeps instead of the next one.
    #[arg(long, value_name = "start", value_parser = PossibleValuesParser::new(["start"]))]
    from: Option<String>,
    /// Print each event as JSON, as EventBridge delivers it.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: RemoteServer,
}

/// Shows events until nobody reads them.
///
/// # Errors
/// When the server cannot be reached at the start or refuses, or an event cannot be printed.
pub async fn run(arguments: WatchArgs) -> anyhow::Result<ExitCode> {
    tokio::select! {
        watched = watch(&arguments) => watched?,
        () = nobody_reads() => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// Where a stream stands.
#[derive(Default)]
struct Watched {
    /// The id after which the next stream begins: of the newest event that was shown, or of the place where the first stream began.
    after: Option<String>,
    has_shown: bool,
    /// Attempts without an event or a sign of life, since there was one.
    failures: u32,
    was_connected: bool,
}

async fn watch(arguments: &WatchArgs) -> anyhow::Result<()> {
    let client = arguments.server.client()?;
    let mut watched = Watched::default();
    loop {
        let why = match connect(arguments, &client, &watched).await? {
            Ok(response) => {
                let note = match (watched.was_connected, arguments.json) {
                    (true, _) => " again",
                    (false, true) => "",
                    (false, false) => " (times in UTC)",
                };
                out::message(format_args!("watching {}{note}", escaped(&client.url)));
                watched.was_connected = true;
                match follow(arguments.json, response, &mut watched).await? {
                    (Output::Closed, _) => return Ok(()),
                    (Output::Open, why) => why,
                }
            }
            Err(error) if watched.was_connected => error,
            Err(error) => return Err(error),
        };
        watched.failures += 1;
        let pause = BACKOFF.pause(watched.failures);
        out::message(format_args!(
            "ledger: {}; connecting again in {:.0} s, {}",
            escaped(&causes(why.as_ref())),
            pause.as_secs_f64().ceil(),
            watched.place(arguments.from.is_some())
        ));
        tokio::time::sleep(pause).await;
    }
}

impl Watched {
    /// Where the next stream begins.
    fn place(&self, from_start: bool) -> String {
        match &self.after {
            Some(id) if self.has_shown => format!("after event {}", escaped(id)),
            Some(_) => "with the first event since the start, since none was shown yet".to_owned(),
            None if from_start => "with the oldest event, since none was shown yet".to_owned(),
            None => "with the next event, since none was shown yet".to_owned(),
        }
    }
}

/// The stream; the inner error is one that another attempt may not have.
async fn connect(
    arguments: &WatchArgs,
    client: &LedgerClient,
    watched: &Watched,
) -> anyhow::Result<anyhow::Result<reqwest::Response>> {
    let product = arguments.product.iter().map(|id| ("product", id.to_string()));
    let types = arguments.types.iter().map(|name| ("type", name.clone()));
    let from = arguments.from.iter().filter(|_| watched.after.is_none()).map(|from| ("from", from.clone()));
    let query: Vec<_> = product.chain(types).chain(from).collect();
    let request = client.request(&["events"], &query)?;
    let request = match &watched.after {
        Some(id) => request.header("last-event-id", id),
        None => request,
    };
    let response = match client.sent(request).await {
        Ok(response) => response,
        Err(error) => return Ok(Err(error)),
    };
    let status = response.status();
    if status.is_success() {
        return Ok(Ok(response));
    }
    let refused = client.accepted(client.whole(response).await?).err();
    let refused = refused.context("the server answered nothing")?;
    match status {
        StatusCode::NOT_FOUND => {
            anyhow::bail!("{} has no stream of events; only ledger serve has one", client.url)
        }
        _ if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => Ok(Err(refused)),
        // Whatever it is, the same question will be refused again.
        _ => anyhow::bail!("{refused}"),
    }
}

/// Shows the events of a stream to its end, and says why it ended.
async fn follow(
    json: bool,
    response: reqwest::Response,
    watched: &mut Watched,
) -> anyhow::Result<(Output, anyhow::Error)> {
    let (mut parts, mut decoder) = (response.bytes_stream(), EventDecoder::default());
    while let Some(part) = parts.next().await {
        let part = match part {
            Ok(part) => part,
            Err(error) if error.is_timeout() => {
                return Ok((Output::Open, anyhow::anyhow!("the server is silent")));
            }
            Err(error) => return Ok((Output::Open, error.into())),
        };
        watched.failures = 0;
        for event in decoder.push(&part)? {
            if let Some(data) = &event.data {
                let line = if json { data.clone() } else { wrapped(&event_line::of(&event.event, data)) };
                if out::line(line)? == Output::Closed {
                    return Ok((Output::Closed, anyhow::anyhow!("nobody reads")));
                }
                watched.has_shown = true;
            }
            watched.after = event.id.or(watched.after.take());
        }
    }
    Ok((Output::Open, anyhow::anyhow!("the server ended the stream")))
}

/// Waits until the other end of standard output is closed; for ever where that cannot be known, as of a file.
async fn nobody_reads() {
    // Only asked whether it has failed, so it need not be a pipe, nor non-blocking.
    let output = std::io::stdout().as_fd().try_clone_to_owned().and_then(Sender::from_owned_fd_unchecked);
    match output {
        Ok(output) => drop(output.ready(Interest::ERROR).await),
        Err(_) => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A server whose stream begins and then says nothing.
    async fn silent() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 1_024]).await.unwrap();
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: hello\n\n")
                .await
                .unwrap();
            std::future::pending::<()>().await;
        });
        url
    }

    #[tokio::test]
    async fn a_stream_without_a_sign_of_life_is_given_up() {
        let client = LedgerClient::silent_for(&silent().await, Duration::from_millis(200)).unwrap();
        let response = client.sent(client.request(&["events"], &[]).unwrap()).await.unwrap();
        let (output, why) = follow(false, response, &mut Watched::default()).await.unwrap();
        assert_eq!((output, why.to_string().as_str()), (Output::Open, "the server is silent"));
    }
}
