//! `ledger serve`: API, projector, publisher and bus in one process, on the embedded engine or on any `DynamoDB`.
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

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use axum::Router;
use clap::{Args, ValueEnum};
use engine::Engine;
use schema::http::{Edge, finish_behind};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::auth::{AuthArgs, Authentication};
use crate::environment::{aws, settings};
use crate::mapping::Source;
use crate::operate;
use crate::serve::admission::Admission;
use crate::serve::connections::Connections;
pub(crate) use crate::serve::metrics::documented;
use crate::system::{Reach, System, create_tables, create_unlisted_tables};
use schema::settings::Settings;

/// Where to listen and where the data is.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address to listen on; port 0 picks a free one. Others than loopback need --auth-jwks.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Directory of the embedded engine.
    #[arg(long, default_value = "./ledger-data", conflicts_with_all = ["in_memory", "dynamodb"])]
    data: PathBuf,
    /// Keep everything in memory and lose it at the end.
    #[arg(long, conflicts_with = "dynamodb")]
    in_memory: bool,
    /// Use the `DynamoDB` of the AWS SDK's environment instead of the embedded engine.
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
    engine: Option<Engine>,
    reach: Reach,
    source: Source,
}

/// Serves until SIGINT or SIGTERM.
///
/// # Errors
/// One line that says which setting, address or directory to correct.
pub async fn run(arguments: ServeArgs) -> anyhow::Result<ExitCode> {
    let settings = settings()?;
    let edge = Edge::system();
    let authentication = Authentication::configured(&arguments.auth, edge.clock.clone()).await?;
    may_listen(arguments.listen, authentication.as_ref())?;
    // First, so that a port in use leaves no new data directory behind.
    let listener = TcpListener::bind(arguments.listen)
        .await
        .with_context(|| format!("--listen {}: cannot be listened on", arguments.listen))?;
    let address = listener.local_addr()?;
    let ground = ground(&arguments, &settings).await?;
    prepare(&ground, &arguments, &settings).await?;
    let tables = settings.tables.clone();
    let system = Arc::new(System::new(&ground.reach, settings, edge.clone()));
    let (stop, stopping) = watch::channel(false);
    let figures = metrics::record()?;
    let admission = Admission::new(arguments.limits);
    let door = |routes| admission.around(door(authentication.as_ref())(routes));
    let routes = system.routes(stopping.clone()).merge(metrics::routes(figures.clone()));
    let connections = Connections::new(finish_behind(door, routes, edge), arguments.limits, stopping.clone());
    let mut background = background::start(
        system.clone(),
        &ground.source,
        ground.engine.as_ref(),
        &ground.reach.following,
        &tables,
        Duration::from_secs(arguments.retry_parked_every),
        &stopping,
    );
    background.extend(authentication.map(|tokens| tokio::spawn(tokens.keep_fresh(stopping.clone()))));
    if ground.engine.is_some() && !arguments.in_memory {
        background.extend(operators(&arguments.data, system, stopping.clone()));
    }
    background.push(tokio::spawn(metrics::keep_small(figures, stopping)));
    announce(address)?;
    tokio::spawn(stopped(ground.engine.clone(), stop));
    let connections = connections.take(listener).await;
    ending::end(connections, &admission, background, arguments.limits.stop_timeout()).await;
    if let Some(engine) = &ground.engine {
        engine.close().await;
    }
    Ok(ExitCode::SUCCESS)
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
    match operate::listen(data, operate::routes(system), stopping) {
        Ok(listening) => Some(tokio::spawn(listening)),
        Err(error) => {
            tracing::warn!(%error, "operators' commands cannot reach this server; is the path of --data very long?");
            None
        }
    }
}

async fn ground(arguments: &ServeArgs, settings: &Settings) -> anyhow::Result<Ground> {
    if let Some(Dynamodb::Aws) = arguments.dynamodb {
        let aws = aws(true).await.filter(|aws| aws.region().is_some());
        let aws = aws.context("--dynamodb aws: no region is configured; set AWS_REGION")?;
        return Ok(Ground { engine: None, source: Source::endpoint(&aws), reach: Reach::aws(aws) });
    }
    let engine = if arguments.in_memory {
        Engine::in_memory()?
    } else {
        Engine::open(&arguments.data).with_context(|| format!("--data {}", arguments.data.display()))?
    };
    let event_bridge = aws(settings.event_bus.is_some()).await;
    let reach = Reach::embedded(&engine, event_bridge);
    Ok(Ground { source: Source::embedded(&engine), engine: Some(engine), reach })
}

/// Creates the tables that are missing, where that is asked for or goes without saying.
async fn prepare(ground: &Ground, arguments: &ServeArgs, settings: &Settings) -> anyhow::Result<()> {
    if ground.engine.is_none() && !arguments.create_tables {
        return Ok(());
    }
    let dynamodb = &ground.reach.dynamodb;
    let created = match &ground.engine {
        Some(_) => create_unlisted_tables(dynamodb, settings).await,
        None => create_tables(dynamodb, settings).await,
    };
    created.with_context(|| match &ground.engine {
        Some(_) => {
            let data = arguments.data.display();
            format!("--data {data}: cannot be prepared; make room, or restore it from a copy")
        }
        None => "--create-tables".to_owned(),
    })
}

/// Says where, once requests can be answered: the sockets queue them from here on.
fn announce(address: SocketAddr) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "Listening on http://{address}")?;
    out.flush()
}

/// Ends when the process is asked to, or when the engine can go on no longer; then everything else is told.
async fn stopped(engine: Option<Engine>, stop: watch::Sender<bool>) {
    let failed = async {
        match &engine {
            Some(engine) => engine.failed().await.to_string(),
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = asked() => tracing::info!("stopping"),
        reason = failed => tracing::error!(reason, "the embedded engine failed; stopping"),
    }
    stop.send_replace(true);
}

async fn asked() {
    use tokio::signal::unix::{SignalKind, signal};
    let interrupted = tokio::signal::ctrl_c();
    match signal(SignalKind::terminate()) {
        Ok(mut terminated) => {
            tokio::select! { _ = interrupted => {}, _ = terminated.recv() => {} }
        }
        Err(_) => drop(interrupted.await),
    }
}
