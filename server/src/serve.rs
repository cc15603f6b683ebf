//! The whole system in one process: API, projector, publisher and bus, on files of its own or on any `DynamoDB`.
//!
//! The promise: what it acknowledged is on disk before it answers; killed at any moment, it goes on where it was.

mod admission;
mod background;
mod body;
mod connections;
mod guard;
mod host;
mod limits;
mod metrics;
mod refusals;
mod shutdown;
mod status;

use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use aws_config::SdkConfig;
use axum::Router;
use event_store::Feed;
use ledger_log::TrustedKeys;
use projections::http;
use projections::http::status::SettingInfo;
use publisher::bus::presence_in_time;
use publisher::{BusPresence, on_event_bridge};
use schema::settings::{BusKind, CloudLogSettings, Settings};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use web::about::explorer::{Explorer, Feature};
use web::api::{Describe, Endpoint};
use web::{AllowedOrigin, ClockAndIds, PageRules, finish_authenticated};

use crate::auth::{AuthSettings, Authentication};
use crate::backend::Backend;
use crate::directory::DataDirectory;
use crate::environment::{aws, settings};
use crate::log::{self, CloudLogFiles, LogSettings, LogStarted, Unsigned};
use crate::operators;
use crate::signals::Signals;
use crate::system::{System, create_tables};
use sequencer::{KeptLog, LogApi, LogPublic, ProofSources};

use admission::Admission;
pub use background::TIME_LIMIT as BATCH_TIME_LIMIT;
use background::TableStream;
use connections::Connections;
pub use limits::Limits;
use status::ServerStatus;

/// How to serve.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// The address to listen on; any other than loopback needs `auth`.
    pub listen: SocketAddr,
    /// Where the ledger is.
    pub storage: Storage,
    /// How often parked products are retried.
    pub retry_parked_every: Duration,
    /// Which tokens are accepted; `None`: no authentication.
    pub auth: Option<AuthSettings>,
    /// The origins whose web pages are answered, besides the server's own.
    pub cors_origins: Vec<AllowedOrigin>,
    /// The limits on requests and connections.
    pub limits: Limits,
    /// How the log is kept; `None`: no log is kept.
    pub log: Option<LogSettings>,
    /// Whether commits on tables of `DynamoDB` are put into one order here; one of several servers is enough.
    pub sequences: bool,
    /// Who may read the log without a scope.
    pub log_public: LogPublic,
    /// Whether the pages for people are served.
    pub explorer: bool,
    /// The path of the file with the names of people, if there is one.
    pub people_url: Option<String>,
    /// What was set on the command line, for the status.
    pub flags: Vec<SettingInfo>,
}

/// Where a ledger is.
#[derive(Debug, Clone)]
pub enum Storage {
    /// In the files of a data directory, which is created if it is missing.
    Directory(PathBuf),
    /// In memory, until the process ends.
    Memory,
    /// In the `DynamoDB` of the AWS SDK's environment.
    DynamoDb {
        /// Whether missing tables are created.
        create_tables: bool,
    },
}

/// What the system runs on.
struct Platform {
    backend: Backend,
    /// The stream that feeds the consumers, with tables.
    stream: Option<TableStream>,
    event_bridge: Option<SdkConfig>,
    /// The log of a ledger on this machine, unless it is switched off.
    log: Option<(LogStarted, Duration)>,
    /// The log of a ledger in tables, unless it is switched off or no bucket is named for it.
    cloud: Option<CloudLogFiles>,
}

/// Serves until SIGINT or SIGTERM. `announce` gets the address, and the keys of the log if one is kept, or why nothing signs it, as soon
/// as requests are answered: the sockets queue them from then on.
///
/// # Errors
/// One line that names the setting, address or directory to correct, as an option of `ledger serve`.
pub async fn run(
    config: ServerConfig,
    announce: impl FnOnce(SocketAddr, Option<&Result<TrustedKeys, Unsigned>>) -> std::io::Result<()>,
) -> anyhow::Result<()> {
    let ServerConfig { listen, storage, retry_parked_every, auth, cors_origins, .. } = config;
    let ServerConfig { limits, log, sequences, log_public, explorer, people_url, flags, .. } = config;
    let settings = settings()?;
    let clock_and_ids = ClockAndIds::system();
    let authentication = match auth {
        Some(auth) => Some(Authentication::new(auth, clock_and_ids.clock.clone()).await?),
        None => None,
    };
    may_listen(listen, authentication.as_ref())?;
    // First, so that a port in use leaves no new data directory behind.
    let listener = TcpListener::bind(listen).await.map_err(|error| cannot_listen(listen, &error))?;
    let address = listener.local_addr()?;
    let Platform { backend, stream, event_bridge, log, cloud } =
        platform(&storage, log, &settings, &clock_and_ids).await?;
    let settings = naming_log(settings, &storage, log.as_ref().map(|(log, _)| log));
    let system = Arc::new(System::new(backend, event_bridge.as_ref(), settings, clock_and_ids.clone()));
    let directory = system.directory.clone();
    let (stop, stopping) = watch::channel(false);
    let recorder = metrics::record()?;
    let admission = Admission::new(limits);
    // Only a server with authentication listens where a proxy on another machine reaches it.
    let pages = PageRules::new(cors_origins, authentication.is_some());
    let authenticated = |routes| authenticated(authentication.as_ref(), log_public, routes);
    let of_log = sequencer::routes(of_log(&system, log.as_ref(), cloud.as_ref(), log_public));
    let routes = system.routes(stopping.clone()).merge(metrics::routes(recorder.clone()));
    let has_log = log.is_some() || cloud.is_some();
    let explorer = explorer.then(|| Explorer {
        sign_in: authentication.as_ref().and_then(Authentication::sign_in),
        people_url,
        ..of_explorer(&system, has_log, authentication.is_some())
    });
    let mut background = background::start(&system, stream, retry_parked_every, &stopping);
    background
        .extend(authentication.as_ref().map(|tokens| tokio::spawn(tokens.keep_fresh(stopping.clone()))));
    let signed = log.as_ref().map(|(log, _)| log.signer.clone().map(|_| log.log.keys.clone()));
    let (tasks, progress) = background::keep_log(&system, log, directory_of(&storage), &stopping);
    background.extend(tasks);
    let status = ServerStatus::new(&system, (&recorder, &admission), progress, flags);
    let refusals = status.refusals.clone();
    let layers = |routes| refusals.wrap(host::wrap(pages.wrap(admission.wrap(authenticated, routes))));
    let routes = routes.merge(web::about::routes(explorer)).merge(of_log);
    let routes = routes.merge(http::status::routes(Arc::new(status)));
    let connections =
        Connections::new(finish_authenticated(layers, routes, clock_and_ids), limits, stopping.clone());
    background.extend(sequences.then(|| background::sequence(&system, cloud, &stopping)).flatten());
    if let Storage::Directory(data) = &storage {
        background.extend(serve_operators(data, system, stopping.clone()));
    }
    background.push(tokio::spawn(metrics::upkeep(recorder, stopping)));
    let signals = Signals::listen()?;
    announce(address, signed.as_ref())?;
    let stopped = tokio::spawn(stopped(signals, directory.clone(), stop));
    let connections = connections.accept(listener).await;
    shutdown::finish(connections, &admission, background, limits.stop_timeout).await;
    // Before the files are closed, which ends their writers too.
    let failure = stopped.await.ok().flatten();
    if let Some(directory) = &directory {
        directory.close().await;
    }
    match (failure, storage) {
        (Some(reason), Storage::Directory(data)) => bail!("--data {}: {reason}", data.display()),
        (Some(reason), _) => bail!(reason),
        (None, _) => Ok(()),
    }
}

/// The settings with the name of the log, for messages. On tables the setting names one that is kept elsewhere.
fn naming_log(settings: Settings, storage: &Storage, log: Option<&LogStarted>) -> Settings {
    match storage {
        Storage::DynamoDb { .. } => settings,
        Storage::Memory | Storage::Directory(_) => {
            let origin = log.map(|log| log.key.name().to_owned());
            Settings { log: CloudLogSettings { origin, ..settings.log }, ..settings }
        }
    }
}

/// The data directory, if the ledger is in one.
fn directory_of(storage: &Storage) -> Option<&Path> {
    match storage {
        Storage::Directory(data) => Some(data),
        Storage::Memory | Storage::DynamoDb { .. } => None,
    }
}

/// What the routes of the log work on.
fn of_log(
    system: &System,
    log: Option<&(LogStarted, Duration)>,
    cloud: Option<&CloudLogFiles>,
    public: LogPublic,
) -> LogApi {
    let log: Option<KeptLog> = log.map(|(log, _)| log.kept());
    let log = log.or_else(|| cloud?.kept(system));
    let on_tables = || system.table_log.as_ref().map(|log| log.feed.clone() as Arc<dyn Feed>);
    let feed = system.feed.as_ref().map(|feed| feed.feed.clone()).or_else(on_tables);
    let sources = feed.map(|feed| ProofSources { journal: system.journal.clone(), feed });
    LogApi { log: log.zip(sources), public }
}

/// What the pages for people are told about this server.
fn of_explorer(system: &System, has_log: bool, needs_token: bool) -> Explorer {
    let has_positions = system.feed.is_some() || system.table_log.is_some();
    let features = [
        (Feature::Commits, has_positions),
        (Feature::Days, has_positions),
        (Feature::Log, has_log),
        (Feature::Events, !system.publishes_elsewhere),
    ];
    let features = features.into_iter().filter_map(|(feature, has)| has.then_some(feature));
    Explorer {
        needs_token,
        sign_in: None,
        people_url: None,
        features: features.collect(),
        orders: system.settings().orders,
        default_currency: system.settings().default_currency,
        compresses: true,
    }
}

/// Why the address is not listened on, and what to do.
fn cannot_listen(address: SocketAddr, error: &Error) -> anyhow::Error {
    let advice = match error.kind() {
        ErrorKind::AddrInUse => {
            "; stop the program that uses the port, or choose another one (port 0 picks a free one)"
        }
        ErrorKind::AddrNotAvailable => "; it is no address of this machine",
        ErrorKind::PermissionDenied => "; choose a port above 1023, or let a proxy listen on the one below",
        _ => "",
    };
    anyhow!("--listen {address}: cannot be listened on: {error}{advice}")
}

/// The routes that only this server has, with their descriptions.
pub(crate) fn documented() -> Vec<(Endpoint, Describe)> {
    [metrics::documented(), sequencer::documented()].concat()
}

fn may_listen(address: SocketAddr, authentication: Option<&Authentication>) -> anyhow::Result<()> {
    if authentication.is_none() && !address.ip().is_loopback() {
        bail!(
            "--listen {address}: without authentication (--auth-jwks) only a loopback address such as 127.0.0.1 is served"
        );
    }
    Ok(())
}

/// Lets requests with a token pass; without authentication, those that name this machine.
fn authenticated(authentication: Option<&Authentication>, log: LogPublic, routes: Router) -> Router {
    match authentication {
        Some(tokens) => tokens.wrap(routes, move |path| log.opens(path)),
        None => guard::wrap(routes),
    }
}

/// Serves operators' commands; if that fails, the ledger is served all the same.
fn serve_operators(
    data: &Path,
    system: Arc<System>,
    stopping: watch::Receiver<bool>,
) -> Option<JoinHandle<()>> {
    match operators::listen(data, operators::routes(system, stopping.clone()), stopping) {
        Ok(listening) => Some(tokio::spawn(listening)),
        Err(error) => {
            tracing::warn!(target: "ledger::server", %error, "operators' commands cannot reach this server; is the path of --data very long?");
            None
        }
    }
}

async fn platform(
    storage: &Storage,
    log: Option<LogSettings>,
    settings: &Settings,
    clock_and_ids: &ClockAndIds,
) -> anyhow::Result<Platform> {
    let (orders, clock) = (&settings.orders, &clock_and_ids.clock);
    let started = |settings: LogSettings, log| (log, settings.interval);
    let (backend, event_bridge, log) = match storage {
        Storage::DynamoDb { create_tables: missing } => {
            let aws = aws(true).await?.filter(|aws| aws.region().is_some());
            let aws = aws.context("--dynamodb aws: no region is configured; set AWS_REGION")?;
            bus_must_exist(settings, Some(&aws)).await?;
            if *missing {
                create_tables(&aws, settings).await.context("--create-tables")?;
            }
            let backend = Backend::on_dynamodb(&aws, &settings.tables, orders, clock);
            let stream = Some(TableStream::new(&aws, &settings.tables));
            let cloud = match log {
                Some(_) => CloudLogFiles::named(&settings.log, &aws)?,
                None => None,
            };
            return Ok(Platform { backend, stream, event_bridge: Some(aws), log: None, cloud });
        }
        Storage::Memory => {
            let log = match log {
                Some(settings) => Some(log::in_memory(&settings).map(|log| started(settings, log))?),
                None => None,
            };
            let event_bridge = aws(settings.event_bus.is_some()).await?;
            bus_must_exist(settings, event_bridge.as_ref()).await?;
            (Backend::in_memory(orders, clock), event_bridge, log)
        }
        Storage::Directory(path) => {
            let event_bridge = aws(settings.event_bus.is_some()).await?;
            // First, so that a wrong name leaves no new data directory behind.
            bus_must_exist(settings, event_bridge.as_ref()).await?;
            let data = || format!("--data {}", path.display());
            let directory = DataDirectory::open(path, orders, || (clock_and_ids.ids)().to_string());
            let directory = directory.await.with_context(data)?;
            let log = match log {
                Some(settings) => {
                    let log =
                        log::on_files(path, &directory.ledger, &settings, clock).await.with_context(data)?;
                    Some(started(settings, log))
                }
                None => None,
            };
            (Backend::on_sqlite(directory, orders, clock).await.with_context(data)?, event_bridge, log)
        }
    };
    Ok(Platform { backend, stream: None, event_bridge, log, cloud: None })
}

/// # Errors
/// There is no bus of the configured name: a classic one would accept events and lose them. If that cannot be asked, a warning
/// says so, and it is asked again before the first event is sent.
async fn bus_must_exist(settings: &Settings, event_bridge: Option<&SdkConfig>) -> anyhow::Result<()> {
    let (Some(name), Some(aws)) = (&settings.event_bus, event_bridge) else { return Ok(()) };
    match presence_in_time(&*on_event_bridge(aws, settings), name).await {
        BusPresence::Exists => Ok(()),
        BusPresence::Missing => {
            let why = match settings.event_bus_kind {
                BusKind::Classic => "because EventBridge would accept events for it and lose them",
                BusKind::Fifo => "because no event can be published before",
            };
            let region = aws.region().map(|region| format!(" in {region}")).unwrap_or_default();
            bail!(
                "LEDGER_EVENT_BUS={name}: there is no such bus{region}; create it or correct the name, {why}"
            )
        }
        BusPresence::Unknown(reason) => {
            tracing::warn!(target: "ledger::server", bus = name, reason, "whether the bus exists cannot be determined; it is asked again before the first event is sent");
            Ok(())
        }
    }
}

/// Waits for a signal to stop, or until a file can no longer be written, and then tells every task; answers why the server
/// cannot go on, unless it was a signal.
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
        () = signals.received() => None,
        reason = failed => Some(reason),
    };
    match &failure {
        None => tracing::info!(target: "ledger::server", "stopping"),
        Some(reason) => {
            tracing::error!(target: "ledger::server", reason, "a file can no longer be written; stopping");
        }
    }
    stop.send_replace(true);
    failure
}
