//! The start of a function, up to its first invocation: no server is contacted before a request needs it.

use std::process::ExitCode;
use std::sync::Arc;

use crate::emf::Emf;
use aws_config::SdkConfig;
use schema::settings::{Settings, unknown};
use web::about::explorer::{self, PeopleSignIn};
use web::{AllowedOrigin, ClockAndIds, PageRules};

use crate::{environment, logs};

/// The namespace of all metrics. Dashboards and alarms depend on it.
const NAMESPACE: &str = "ProductLedger";

/// What of the log needs no token. `serve` reads it as an option.
const LOG_PUBLIC: &str = "LEDGER_LOG_PUBLIC";

/// What a function reads beside [`Settings`].
const OTHERS: [&str; 8] = [
    AllowedOrigin::VARIABLE,
    LOG_PUBLIC,
    explorer::CLIENT,
    explorer::CLIENT_SCOPES,
    explorer::PEOPLE_URL,
    explorer::ENDPOINTS[0],
    explorer::ENDPOINTS[1],
    explorer::ENDPOINTS[2],
];

/// A function's settings, clients and metrics.
pub struct Function {
    /// The ledger's settings.
    pub settings: Settings,
    /// The AWS SDK's settings; clients made from them connect on first use.
    pub aws: SdkConfig,
    /// The clock and the source of ids.
    pub clock_and_ids: ClockAndIds,
    /// What of the log needs no token, as it is set.
    pub log_public: Option<String>,
    /// How people sign in on the pages. The stack knows the endpoints of its user pool, so nobody is asked for them.
    pub sign_in: Option<Arc<PeopleSignIn>>,
    /// The path of the file with the names of people, if there is one.
    pub people_url: Option<String>,
    pub(crate) pages: PageRules,
    pub(crate) metrics: Emf,
}

/// Runs `main` with the settings from the environment. An error becomes one log line and an exit code, which Lambda reports
/// as a failed start.
pub fn run(main: impl AsyncFnOnce(Function) -> anyhow::Result<()>) -> ExitCode {
    logs::start();
    let started = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = match started {
        Ok(runtime) => runtime.block_on(async { main(Function::found()?).await }),
        Err(error) => Err(error.into()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(target: "ledger::function", error = format!("{error:#}"), "the function cannot start");
            ExitCode::FAILURE
        }
    }
}

impl Function {
    fn found() -> anyhow::Result<Self> {
        let lookup = |name: &str| std::env::var(name).ok();
        let name = environment::function_name(lookup)?;
        let settings = Settings::read(lookup)?;
        let names = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
        for unknown in unknown(names, &OTHERS) {
            tracing::warn!(target: "ledger::settings", variable = unknown.name, similar = unknown.similar, "this is no setting and is ignored");
        }
        let pages = environment::page_rules(lookup)?;
        let sign_in = PeopleSignIn::read(lookup)?.map(Arc::new);
        let people_url = lookup(explorer::PEOPLE_URL).filter(|path| !path.is_empty());
        let people_url = people_url.map(|path| explorer::people_url(&path)).transpose()?;
        let aws = environment::aws(lookup)?;
        let metrics = Emf::new(NAMESPACE, name);
        // Only a test can have installed a recorder already.
        let _ = metrics::set_global_recorder(metrics.clone());
        let clock_and_ids = ClockAndIds::system();
        let log_public = lookup(LOG_PUBLIC);
        Ok(Self { settings, aws, clock_and_ids, log_public, sign_in, people_url, pages, metrics })
    }
}
