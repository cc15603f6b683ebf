//! `ledger verify`: proves that a ledger, a product or an export is unchanged, without a server; or that what a server answers
//! is whole.
//!
//! With `--proof`, that a commit is in a log. It names every fault; exit code 0 whole or proved, 1 faults found or no such product, 2 could not check.

mod arguments;
pub(crate) mod file;
mod files;
mod lag;
mod log;
mod lookups;
mod orders;
mod proof;
pub(crate) mod report;
mod server;
mod tables;
mod views;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use event_store::verify::{ExportVerifier, Verdict, Witness};

use crate::exit::Refused;
use crate::out;
pub use arguments::VerifyArgs;
use report::VerifyReport;

/// Verifies.
///
/// # Errors
/// [`Refused`] inside if there is no such product; any other error if something could not be checked.
pub async fn run(arguments: VerifyArgs) -> anyhow::Result<ExitCode> {
    if let Some(file) = &arguments.proof.proof {
        return proof::verify(file, &arguments.proof);
    }
    let seen = match &arguments.against {
        Some(earlier) => witnesses(earlier).await?,
        None => BTreeMap::new(),
    };
    let started = Instant::now();
    let mut found = VerifyReport::new(arguments.json, arguments.heads);
    match (&arguments.file, &arguments.url) {
        (Some(path), _) => {
            let export = ExportVerifier::witnessed(seen);
            let export = match &arguments.id {
                Some(id) => export.only(id.as_str()),
                None => export,
            };
            file::verify(path, export, &mut found).await?;
        }
        (None, Some(url)) => server::verify(url, &arguments, seen, &mut found).await?,
        (None, None) => tables::verify(&arguments, seen, &mut found).await?,
    }
    if let Some(id) = arguments.id.filter(|_| found.is_empty()) {
        return Err(Refused(format!("there is no product {id}")).into());
    }
    let verdict = found.print()?;
    out::message(format_args!("verified in {:.1} s", started.elapsed().as_secs_f64()));
    Ok(match verdict {
        Verdict::Whole if found.is_behind() => ExitCode::from(1),
        Verdict::Whole => ExitCode::SUCCESS,
        Verdict::Faulty => ExitCode::from(1),
        Verdict::NotUnderstood => {
            out::message("ledger: a later build wrote some commits; verify with that build");
            ExitCode::from(crate::exit::CANNOT)
        }
    })
}

/// The heads of an earlier export, which must be whole to be a witness.
async fn witnesses(earlier: &Path) -> anyhow::Result<BTreeMap<String, Vec<Witness>>> {
    let mut found = VerifyReport::quiet();
    file::verify(earlier, ExportVerifier::default(), &mut found).await?;
    found.witnesses().with_context(|| format!("--against {}: is not whole itself", earlier.display()))
}
