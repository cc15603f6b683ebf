//! The start of a function, up to its first invocation: no server is contacted before a request needs it.

use std::process::ExitCode;

use crate::emf::Emf;
use aws_config::SdkConfig;
use schema::settings::{Settings, unknown};
use web::{AllowedOrigin, ClockAndIds, PageRules};

use crate::{environment, logs};

/// The namespace of all metrics. Dashboards and alarms depend on it.
const NAMESPACE: &str = "ProductLedger";

/// What of the log needs no token. `serve` reads it as an option.
const LOG_PUBLIC: &str = "LEDGER_LOG_PUBLIC";

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
        for unknown in unknown(names, &[AllowedOrigin::VARIABLE, LOG_PUBLIC]) {
            tracing::warn!(target: "ledger::settings", variable = unknown.name, similar = unknown.similar, "this is no setting and is ignored");
        }
        let pages = environment::page_rules(lookup)?;
        let aws = environment::aws(lookup)?;
        let metrics = Emf::new(NAMESPACE, name);
        // Only a test can have installed a recorder already.
        let _ = metrics::set_global_recorder(metrics.clone());
        let clock_and_ids = ClockAndIds::system();
        Ok(Self { settings, aws, clock_and_ids, log_public: lookup(LOG_PUBLIC), pages, metrics })
    }
}
