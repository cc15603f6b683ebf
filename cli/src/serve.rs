//! `ledger serve`: the whole system in this process.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum, value_parser};
use ledger_log::TrustedKeys;
use sequencer::LogPublic;
use server::auth::AuthSettings;
use server::environment::settings;
use server::log::{LogSettings, Unsigned, WitnessAddress, is_origin};
use server::serve::{Limits, ServerConfig, Storage};
use web::AllowedOrigin;
use web::about::explorer::{PublicClient, READING_SCOPES, people_url};

use crate::flags::Flagged;
use crate::out;
use crate::text_table::escaped;

/// Said once, below the flags.
const AFTER_HELP: &str = "The log has one line for each request on standard error: text on a terminal, JSON elsewhere; \
    LEDGER_LOG_FORMAT and RUST_LOG change that. All variables and their defaults: docs/settings.md. How to run the server as a service: docs/one-machine.md.";

/// Where to listen and where the data is.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct ServeArgs {
    /// Address to listen on; port 0 picks a free one. Any address but loopback needs --auth-jwks.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", value_parser = listen_address)]
    listen: SocketAddr,
    /// Data directory; created if it is missing.
    // An id of its own: clap would hand the default value down to the operators' commands, whose `--data` is global.
    #[arg(id = "serve_data", long = "data", value_name = "DIR", default_value = "./ledger-data",
        conflicts_with_all = ["in_memory", "dynamodb"])]
    data: PathBuf,
    /// Keep everything in memory and lose it at the end.
    #[arg(long, conflicts_with = "dynamodb")]
    in_memory: bool,
    // Not a doc comment: it would need backticks, which the help would show.
    #[arg(
        long,
        help = "Use DynamoDB instead of a data directory, as configured in the AWS SDK's environment"
    )]
    dynamodb: Option<Dynamodb>,
    /// How often parked products are retried, in seconds. With --dynamodb, views and publication are compared with a part of the
    /// event table at every fifth time; all of it takes a round a day.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = value_parser!(u64).range(1..))]
    retry_parked_every: u64,
    #[arg(long, requires = "dynamodb", help = "Create missing tables in DynamoDB")]
    create_tables: bool,
    /// Origin whose web pages may use the server, such as `https://shop.example.com`; may be given several times. Without it, only
    /// the server's own pages may. In the variable, origins are separated by commas.
    #[arg(long = "cors-origin", value_name = "ORIGIN", env = "LEDGER_CORS_ORIGINS", value_delimiter = ',')]
    cors_origins: Vec<AllowedOrigin>,
    /// Serve no pages for people at `/`; `/docs` stays.
    #[arg(long)]
    no_explorer: bool,
    /// Path of a JSON object with the names of people by subject, such as `/people.json`, which a proxy in front of the server
    /// answers; the pages for people show the names. It is on the ledger's own origin.
    #[arg(long, value_name = "PATH", env = "LEDGER_PEOPLE_URL", value_parser = people)]
    people_url: Option<String>,
    #[command(flatten)]
    log: KeepLogArgs,
    #[command(flatten)]
    auth: AuthArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Dynamodb {
    Aws,
}

/// Whether and how the log is kept, the record of all commits that outsiders can check.
#[derive(Debug, Args)]
#[command(next_help_heading = "Log of all commits")]
struct KeepLogArgs {
    /// Whether all commits are logged: in the data directory under `log/`, with --dynamodb in the bucket that is set for it.
    #[arg(long = "log", value_name = "on|off", env = "LEDGER_LOG", default_value = "on")]
    is_kept: OnOff,
    /// Name of the log, such as `ledger.example.com/log`, for the first start: a log keeps its name. Without it, the name is
    /// made from the key.
    #[arg(long = "log-origin", value_name = "NAME", conflicts_with = "dynamodb", value_parser = log_origin)]
    origin: Option<String>,
    /// The least time between two signed checkpoints; with --dynamodb a variable sets it.
    #[arg(long = "log-interval", value_name = "SECONDS", default_value_t = 1, conflicts_with = "dynamodb")]
    #[arg(value_parser = value_parser!(u64).range(1..=3600))]
    interval: u64,
    /// File in which the newest checkpoint is kept too, outside the data directory, best on another machine: a start on an older data
    /// directory is refused by it.
    #[arg(long = "log-keep", value_name = "FILE", conflicts_with_all = ["in_memory", "dynamodb"])]
    keep: Option<PathBuf>,
    /// Witness that is asked to cosign each checkpoint, by the URL below which it has `add-checkpoint` and by its key; may be given
    /// several times.
    #[arg(long = "log-witness", value_name = "URL VKEY", conflicts_with_all = ["in_memory", "dynamodb"])]
    witnesses: Vec<WitnessAddress>,
    /// How many witnesses have to cosign a checkpoint before it is published; without it, a witness that does not answer holds up
    /// nothing.
    #[arg(long = "log-quorum", value_name = "K", default_value_t = 0)]
    quorum: usize,
    /// What of the log needs no token with --auth-jwks: nothing, checkpoint, key and tiles of hashes, or the entries too. Without
    /// it, all needs the scope `products/audit`.
    #[arg(long = "log-public", value_name = "hashes|all", env = "LEDGER_LOG_PUBLIC")]
    public: Option<OpenPart>,
    // Not a doc comment: it would need backticks, which the help would show.
    #[arg(
        long,
        requires = "dynamodb",
        help = "Leave it to another server or to the function to put the commits in DynamoDB into one order and to sign the log"
    )]
    no_sequencer: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OpenPart {
    Hashes,
    All,
}

impl OpenPart {
    fn of(part: Option<Self>) -> LogPublic {
        match part {
            None => LogPublic::No,
            Some(Self::Hashes) => LogPublic::Hashes,
            Some(Self::All) => LogPublic::All,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OnOff {
    On,
    Off,
}

/// Which tokens are accepted; without these options there is no authentication, and only this machine is served.
#[derive(Debug, Args)]
#[command(next_help_heading = "Authentication (without it, only this machine is served)")]
struct AuthArgs {
    /// JSON Web Key Set of the issuer: a file or a URL.
    #[arg(long = "auth-jwks", value_name = "FILE|URL", value_parser = NonEmptyStringValueParser::new())]
    #[arg(requires_all = ["issuer", "audiences"])]
    jwks: Option<String>,
    /// Required `iss` of a token.
    #[arg(long = "auth-issuer", value_parser = NonEmptyStringValueParser::new())]
    #[arg(requires_all = ["jwks", "audiences"])]
    issuer: Option<String>,
    /// Required `aud` of a token, or one of several; for a Cognito access token, which has none, its `client_id`. May be given
    /// several times: a token for any of them is accepted.
    #[arg(long = "auth-audience", value_parser = NonEmptyStringValueParser::new())]
    #[arg(requires_all = ["jwks", "issuer"])]
    audiences: Vec<String>,
    /// How often the key set is read again, in seconds [default: 300 from a URL, 5 from a file].
    #[arg(long = "auth-refresh-every", value_name = "SECONDS", requires = "jwks")]
    #[arg(value_parser = value_parser!(u64).range(1..))]
    refresh_every: Option<u64>,
    /// Id of the issuer's public client with which people sign in on the pages at `/`, by a code with PKCE; its redirect URI is
    /// the address of the pages. Without it they give a token that they have.
    #[arg(long = "auth-client", value_name = "ID", env = "LEDGER_AUTH_CLIENT", requires = "jwks")]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    client: Option<String>,
    /// Scopes that the client asks for, separated by spaces; with `offline_access` some issuers give a refresh token.
    #[arg(long = "auth-scopes", value_name = "SCOPES", env = "LEDGER_AUTH_SCOPES", default_value = READING_SCOPES)]
    scopes: String,
}

/// What the server takes at most.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
struct LimitArgs {
    /// Requests in progress at once; others are answered 503 with `Retry-After`.
    #[arg(long, value_name = "N", default_value_t = Limits::DEFAULT.max_requests)]
    #[arg(value_parser = value_parser!(u32).range(1..=100_000))]
    max_requests: u32,
    /// Event streams and waits for commits open at once, without those of web pages; others are answered 503 with `Retry-After`.
    #[arg(long, value_name = "N", default_value_t = Limits::DEFAULT.max_streams)]
    #[arg(value_parser = value_parser!(u32).range(1..=100_000))]
    max_streams: u32,
    /// Event streams and waits for commits that web pages have open at once; others are answered 503 with `Retry-After`.
    #[arg(long, value_name = "N", default_value_t = Limits::DEFAULT.max_page_streams)]
    #[arg(value_parser = value_parser!(u32).range(1..=100_000))]
    max_page_streams: u32,
    /// Connections open at once; others wait until one is closed.
    #[arg(long, value_name = "N", default_value_t = Limits::DEFAULT.max_connections)]
    #[arg(value_parser = value_parser!(u32).range(1..=100_000))]
    max_connections: u32,
    /// How long a request may take before it is answered 503 with `Retry-After`.
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::DEFAULT.request_timeout.as_secs())]
    #[arg(value_parser = value_parser!(u64).range(1..=3600))]
    request_timeout: u64,
    /// How long a client may take to send a body before it is answered 408.
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::DEFAULT.body_timeout.as_secs())]
    #[arg(value_parser = value_parser!(u64).range(1..=3600))]
    body_timeout: u64,
    /// How long a connection may wait for the head of a request, or for its client to read, before it is closed.
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::DEFAULT.idle_timeout.as_secs())]
    #[arg(value_parser = value_parser!(u64).range(1..=3600))]
    idle_timeout: u64,
    /// How long accepted requests may take after a signal to stop.
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::DEFAULT.stop_timeout.as_secs())]
    #[arg(value_parser = value_parser!(u64).range(1..=3600))]
    stop_timeout: u64,
}

/// Serves until SIGINT or SIGTERM.
///
/// # Errors
/// One line that names the setting, address or directory to correct.
pub async fn run(given: Flagged<ServeArgs>) -> anyhow::Result<ExitCode> {
    let log = &given.arguments.log;
    let (quorum, witnesses) = (log.quorum, log.witnesses.len());
    anyhow::ensure!(
        quorum <= witnesses,
        "--log-quorum {quorum}: only {witnesses} witnesses are given (--log-witness)"
    );
    let config = ServerConfig::try_from(given)?;
    let (data, sign_in) = (data(&config.storage)?, sign_in(config.auth.as_ref()));
    let announce = |address, log: Option<&Result<TrustedKeys, Unsigned>>| {
        out::print(&start_lines(address, &data, &sign_in, log)).map(drop)
    };
    Box::pin(server::serve::run(config, announce)).await?;
    Ok(ExitCode::SUCCESS)
}

/// What is printed once requests are answered. Programs read the first line, which stays as it is.
fn start_lines(
    address: SocketAddr,
    data: &str,
    sign_in: &str,
    log: Option<&Result<TrustedKeys, Unsigned>>,
) -> String {
    // Nobody can open the address that stands for all of them.
    let host = if address.ip().is_unspecified() {
        format!("localhost:{}", address.port())
    } else {
        address.to_string()
    };
    // In the form of `ledger log key`.
    let key = log.map(|signed| match signed {
        Ok(keys) => keys.to_string().lines().last().unwrap_or_default().to_owned(),
        Err(Unsigned::NoKey(file)) => {
            format!("missing: {}; nothing is signed", escaped(&file.to_string_lossy()))
        }
        Err(Unsigned::HandedOver(key)) => format!("handed over to {key}; nothing is signed"),
    });
    let key = key.map(|key| format!("  log key  {key}\n")).unwrap_or_default();
    format!(
        "Listening on http://{address}\n  docs     http://{host}/docs\n  data     {data}\n  sign-in  {sign_in}\n  log      one line \
         for each request on standard error, times in UTC\n{key}"
    )
}

/// Where the ledger is, for people.
fn data(storage: &Storage) -> anyhow::Result<String> {
    Ok(match storage {
        Storage::Memory => "in memory, lost at the end".into(),
        Storage::Directory(path) => {
            let path = std::path::absolute(path).with_context(|| format!("--data {}", path.display()))?;
            escaped(&path.to_string_lossy())
        }
        Storage::DynamoDb { .. } => format!("in DynamoDB, event table {}", settings()?.tables.events),
    })
}

/// Who may send requests, for people.
fn sign_in(auth: Option<&AuthSettings>) -> String {
    match auth {
        None => "none: whoever can reach this address on this machine may do everything".into(),
        Some(auth) => {
            format!("with tokens of {} for {}", escaped(&auth.issuer), escaped(&auth.audiences.join(" or ")))
        }
    }
}

/// An address with its port; `localhost` is 127.0.0.1.
fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let address = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    let address = address.as_deref().unwrap_or(text);
    address.parse().map_err(|_| "an address has a port, such as 127.0.0.1:8080 or [::1]:8080".to_owned())
}

impl TryFrom<Flagged<ServeArgs>> for ServerConfig {
    type Error = anyhow::Error;

    fn try_from(Flagged { arguments, flags }: Flagged<ServeArgs>) -> anyhow::Result<Self> {
        let storage = match (arguments.dynamodb, arguments.in_memory) {
            (Some(Dynamodb::Aws), _) => Storage::DynamoDb { create_tables: arguments.create_tables },
            (None, true) => Storage::Memory,
            (None, false) => Storage::Directory(arguments.data),
        };
        Ok(Self {
            listen: arguments.listen,
            storage,
            retry_parked_every: Duration::from_secs(arguments.retry_parked_every),
            auth: arguments.auth.settings()?,
            cors_origins: arguments.cors_origins,
            limits: arguments.limits.into(),
            log_public: OpenPart::of(arguments.log.public),
            sequences: !arguments.log.no_sequencer,
            log: arguments.log.settings(),
            explorer: !arguments.no_explorer,
            people_url: arguments.people_url,
            flags,
        })
    }
}

/// A path on the ledger's own origin.
fn people(text: &str) -> Result<String, String> {
    people_url(text).map_err(|_| "must be a path on the ledger's own origin, such as /people.json".to_owned())
}

/// A name that a log can have.
fn log_origin(text: &str) -> Result<String, String> {
    let what =
        "the name of a log is like the beginning of a URL without its scheme, such as ledger.example.com/log";
    is_origin(text).then(|| text.to_owned()).ok_or_else(|| what.to_owned())
}

impl KeepLogArgs {
    fn settings(self) -> Option<LogSettings> {
        let interval = Duration::from_secs(self.interval);
        let Self { origin, keep, witnesses, quorum, .. } = self;
        (self.is_kept == OnOff::On).then_some(LogSettings { origin, interval, keep, witnesses, quorum })
    }
}

impl AuthArgs {
    /// `None` without authentication; clap sees to it that the three come together.
    fn settings(self) -> anyhow::Result<Option<AuthSettings>> {
        let refresh_every = self.refresh_every.map(Duration::from_secs);
        let Some((jwks, issuer)) = self.jwks.zip(self.issuer) else { return Ok(None) };
        let client = self.client.map(|id| PublicClient::new(&id, &self.scopes));
        let client = client.transpose().context("--auth-client, --auth-scopes")?;
        Ok(Some(AuthSettings { jwks, issuer, audiences: self.audiences, refresh_every, client }))
    }
}

impl From<LimitArgs> for Limits {
    fn from(arguments: LimitArgs) -> Self {
        Self {
            max_requests: arguments.max_requests,
            max_streams: arguments.max_streams,
            max_page_streams: arguments.max_page_streams,
            max_connections: arguments.max_connections,
            request_timeout: Duration::from_secs(arguments.request_timeout),
            body_timeout: Duration::from_secs(arguments.body_timeout),
            idle_timeout: Duration::from_secs(arguments.idle_timeout),
            stop_timeout: Duration::from_secs(arguments.stop_timeout),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::listen_address;

    #[test]
    fn an_address_has_a_port_and_may_be_localhost() {
        assert_eq!(listen_address("localhost:0").unwrap().to_string(), "127.0.0.1:0");
        assert_eq!(listen_address("[::1]:80").unwrap().to_string(), "[::1]:80");
        for wrong in ["8080", ":8080", "localhost", "localhost:http", "127.0.0.1"] {
            assert!(listen_address(wrong).unwrap_err().contains("127.0.0.1:8080"), "{wrong}");
        }
    }
}
