//! From the start of the process to its first invocation: nothing is asked of any server before somebody needs it.

use std::process::ExitCode;

use crate::emf::Emf;
use aws_config::SdkConfig;
use schema::settings::Settings;
use web::ClockAndIds;

use crate::{logs, surroundings};

/// The namespace of all figures. Dashboards and alarms rely on it.
const NAMESPACE: &str = "ProductLedger";

/// What a function works with.
pub struct Function {
    /// The ledger's settings.
    pub settings: Settings,
    /// The AWS SDK's settings; clients made from them connect when they are first used.
    pub aws: SdkConfig,
    /// Time and ids.
    pub clock_and_ids: ClockAndIds,
    pub(crate) figures: Emf,
}

/// Runs `main` with what it finds in its surroundings. What cannot work is one line in the log and an exit code, which
/// Lambda reports as a failure of the start.
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
        let name = surroundings::function_name(lookup)?;
        let settings = Settings::read(lookup)?;
        let aws = surroundings::aws(lookup)?;
        let figures = Emf::new(NAMESPACE, name);
        // A recorder that is there already can only be one of a test.
        let _ = metrics::set_global_recorder(figures.clone());
        Ok(Self { settings, aws, clock_and_ids: ClockAndIds::system(), figures })
    }
}
