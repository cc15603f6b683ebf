//! `ledger serve`: API, projector, publisher and bus in one process, on files of its own or on any `DynamoDB`.
//!
//! What it acknowledged is on disk before it answers; killed at any moment, it goes on where it was.

mod admission;
mod background;
mod body;
mod connections;
mod ending;
mod guard;
mod limits;
mod metrics;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use aws_config::SdkConfig;
use axum::Router;
use clap::{Args, ValueEnum};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use web::{ClockAndIds, finish_authenticated};

use crate::auth::{AuthArgs, Authentication};
use crate::backend::Backend;
use crate::directory::DataDirectory;
use crate::environment::{aws, settings};
use crate::interrupt::Signals;
use crate::operate;
use crate::out;
use crate::serve::admission::Admission;
use crate::serve::connections::Connections;
pub(crate) use crate::serve::metrics::documented;
use crate::system::{System, create_tables};
use schema::settings::Settings;

/// Where to listen and where the data is.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address to listen on; port 0 picks a free one. Others than loopback need --auth-jwks.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Data directory; it is created where it is missing.
    // An id of its own: clap would hand the default value down to the operators' commands, whose `--data` is global.
    #[arg(id = "serve_data", long = "data", value_name = "DATA", default_value = "./ledger-data",
        conflicts_with_all = ["in_memory", "dynamodb"])]
    data: PathBuf,
    /// Keep everything in memory and lose it at the end.
    #[arg(long, conflicts_with = "dynamodb")]
    in_memory: bool,
    /// Use the `DynamoDB` of the AWS SDK's environment instead of a data directory.
    #[arg(long)]
    dynamodb: Option<Dynamodb>,
    /// How often parked products are tried again, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    retry_parked_every: u64,
    /// Create the tables that are missing there.
    #[arg(long, requires = "dynamodb")]
    create_tables: bool,
    #[command(flatten)]
    auth: AuthArgs,
    #[command(flatten)]
    limits: limits::Limits,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Dynamodb {
    Aws,
}

/// What the system runs on.
struct Ground {
    backend: Backend,
    /// The stream that feeds the consumers of tables.
    stream: Option<background::Stream>,
    event_bridge: Option<SdkConfig>,
}

/// Serves until SIGINT or SIGTERM.
///
/// # Errors
/// One line that says which setting, address or directory to correct.
pub async fn run(arguments: ServeArgs) -> anyhow::Result<ExitCode> {
    let settings = settings()?;
    let clock_and_ids = ClockAndIds::system();
    let authentication = Authentication::configured(&arguments.auth, clock_and_ids.clock.clone()).await?;
    may_listen(arguments.listen, authentication.as_ref())?;
    // First, so that a port in use leaves no new data directory behind.
    let listener = TcpListener::bind(arguments.listen)
        .await
        .with_context(|| format!("--listen {}: cannot be listened on", arguments.listen))?;
    let address = listener.local_addr()?;
    let Ground { backend, stream, event_bridge } = ground(&arguments, &settings, &clock_and_ids).await?;
    let system = System::new(backend, event_bridge.as_ref(), settings, clock_and_ids.clone());
    let system = Arc::new(system);
    let directory = system.directory.clone();
    let (stop, stopping) = watch::channel(false);
    let figures = metrics::record()?;
    let admission = Admission::new(arguments.limits);
    let door = |routes| admission.around(door(authentication.as_ref())(routes));
    let routes = system.routes(stopping.clone()).merge(metrics::routes(figures.clone()));
    let connections = Connections::new(
        finish_authenticated(door, routes, clock_and_ids),
        arguments.limits,
        stopping.clone(),
    );
    let every = Duration::from_secs(arguments.retry_parked_every);
    let mut background = background::start(&system, stream, every, &stopping);
    background.extend(authentication.map(|tokens| tokio::spawn(tokens.keep_fresh(stopping.clone()))));
    if directory.is_some() {
        background.extend(operators(&arguments.data, system, stopping.clone()));
    }
    background.push(tokio::spawn(metrics::keep_small(figures, stopping)));
    let signals = Signals::listen()?;
    announce(address)?;
    let stopped = tokio::spawn(stopped(signals, directory.clone(), stop));
    let connections = connections.take(listener).await;
    ending::end(connections, &admission, background, arguments.limits.stop_timeout()).await;
    // Before the files are closed, which ends their writers too.
    let failure = stopped.await.ok().flatten();
    if let Some(directory) = &directory {
        directory.close().await;
    }
    match failure {
        Some(reason) => bail!("--data {}: {reason}", arguments.data.display()),
        None => Ok(ExitCode::SUCCESS),
    }
}

fn may_listen(address: SocketAddr, authentication: Option<&Authentication>) -> anyhow::Result<()> {
    if authentication.is_none() && !address.ip().is_loopback() {
        bail!(
            "--listen {address}: without authentication (--auth-jwks) only a loopback address such as 127.0.0.1 is served"
        );
    }
    Ok(())
}

/// Lets in who has a token; without authentication, who is on this machine and no web page.
fn door(authentication: Option<&Authentication>) -> impl FnOnce(Router) -> Router {
    move |routes| match authentication {
        Some(tokens) => tokens.around(routes),
        None => guard::around(routes),
    }
}

/// The socket for operators' commands; without it the ledger serves all the same.
fn operators(data: &Path, system: Arc<System>, stopping: watch::Receiver<bool>) -> Option<JoinHandle<()>> {
    match operate::listen(data, operate::routes(system, stopping.clone()), stopping) {
        Ok(listening) => Some(tokio::spawn(listening)),
        Err(error) => {
            tracing::warn!(target: "ledger::server", %error, "operators' commands cannot reach this server; is the path of --data very long?");
            None
        }
    }
}

async fn ground(
    arguments: &ServeArgs,
    settings: &Settings,
    clock_and_ids: &ClockAndIds,
) -> anyhow::Result<Ground> {
    let (orders, clock) = (&settings.orders, &clock_and_ids.clock);
    if let Some(Dynamodb::Aws) = arguments.dynamodb {
        let aws = aws(true).await.filter(|aws| aws.region().is_some());
        let aws = aws.context("--dynamodb aws: no region is configured; set AWS_REGION")?;
        if arguments.create_tables {
            create_tables(&aws, settings).await.context("--create-tables")?;
        }
        let backend = Backend::on_dynamodb(&aws, &settings.tables, orders, clock);
        let stream = Some(background::Stream::of(&aws, &settings.tables));
        return Ok(Ground { backend, stream, event_bridge: Some(aws) });
    }
    let event_bridge = aws(settings.event_bus.is_some()).await;
    if arguments.in_memory {
        let backend = Backend::in_memory(orders, clock);
        return Ok(Ground { backend, stream: None, event_bridge });
    }
    let data = || format!("--data {}", arguments.data.display());
    let directory = DataDirectory::open(&arguments.data, orders, || (clock_and_ids.ids)().to_string());
    let directory = directory.await.with_context(data)?;
    let backend = Backend::on_sqlite(directory, orders, clock).await.with_context(data)?;
    Ok(Ground { backend, stream: None, event_bridge })
}

/// Says where, once requests can be answered: the sockets queue them from here on.
fn announce(address: SocketAddr) -> std::io::Result<()> {
    out::line(format_args!("Listening on http://{address}")).map(drop)
}

/// Ends when the process is asked to, or when a file can be written no more; then everything else is told. Why it cannot
/// go on, if it was not asked.
async fn stopped(
    signals: Signals,
    directory: Option<Arc<DataDirectory>>,
    stop: watch::Sender<bool>,
) -> Option<String> {
    let failed = async {
        match &directory {
            Some(directory) => directory.failed().await,
            None => std::future::pending().await,
        }
    };
    let failure = tokio::select! {
        () = signals.asked() => None,
        reason = failed => Some(reason),
    };
    match &failure {
        None => tracing::info!(target: "ledger::server", "stopping"),
        Some(reason) => {
            tracing::error!(target: "ledger::server", reason, "a file can be written no more; stopping");
        }
    }
    stop.send_replace(true);
    failure
}
