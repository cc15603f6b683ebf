//! `ledger completions`: the script that lets a shell complete commands, options, files and, where a server answers, ids of
//! products. The script calls the program, which answers within a moment, or with nothing.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::{CompleteEnv, Shells};

use crate::out;
use crate::remote::{DEFAULT_URL, LedgerClient};
use crate::text_table::escaped;

/// The variable by which the script asks the program.
const ASKED: &str = "LEDGER_COMPLETE";

/// How long a server may take: nobody waits for a completion.
const LIMIT: Duration = Duration::from_millis(300);

/// The most ids that are offered.
const MOST: usize = 100;

/// For which shell.
#[derive(Debug, Args)]
#[command(
    after_help = "Ids of products are completed where a server answers within 300 ms: that of --url or LEDGER_URL.

Examples:
  echo 'source <(ledger completions bash)' >> ~/.bashrc
  echo 'source <(ledger completions zsh)' >> ~/.zshrc
  echo 'ledger completions fish | source' >> ~/.config/fish/config.fish"
)]
pub struct CompletionsArgs {
    /// The shell.
    shell: clap_complete::Shell,
}

/// Prints the script.
///
/// # Errors
/// When it cannot be printed.
pub fn run(arguments: &CompletionsArgs) -> anyhow::Result<ExitCode> {
    let (shells, name) = (Shells::builtins(), arguments.shell.to_string());
    let shell = shells.completer(&name).ok_or_else(|| anyhow::anyhow!("{name} is not supported"))?;
    let mut script = Vec::new();
    shell.write_registration(ASKED, "ledger", "ledger", &called()?, &mut script)?;
    out::print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}

/// Answers a shell that asks for completions, and ends the process then.
pub fn answer(command: fn() -> clap::Command) {
    CompleteEnv::with_factory(command).var(ASKED).complete();
}

/// How the script calls this program: as it was called, by its name or its place.
fn called() -> io::Result<String> {
    let name = std::env::args_os().next().unwrap_or_else(|| "ledger".into());
    let path = Path::new(&name);
    let path = if path.components().count() > 1 { std::path::absolute(path)? } else { path.to_owned() };
    Ok(path.to_string_lossy().into_owned())
}

/// Completes the id of a product.
pub(crate) fn product_ids() -> ArgValueCompleter {
    ArgValueCompleter::new(candidates)
}

fn candidates(begun: &OsStr) -> Vec<CompletionCandidate> {
    let mut found = Vec::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let client = LedgerClient::new(&url(std::env::args_os()));
    if let (Ok(runtime), Ok(client), Some(begun)) = (runtime, client, begun.to_str()) {
        runtime.block_on(async {
            // What was found until then is offered; that something failed is nothing to say here.
            let _ = tokio::time::timeout(LIMIT, look_up(&client, begun, &mut found)).await;
        });
        runtime.shutdown_background();
    }
    found
}

/// Adds the products whose ids begin so, each with its name.
async fn look_up(
    client: &LedgerClient,
    begun: &str,
    found: &mut Vec<CompletionCandidate>,
) -> anyhow::Result<()> {
    let begins = Some(("id_prefix", begun.to_owned())).filter(|_| !begun.is_empty());
    let mut cursor = None;
    loop {
        let query: Vec<_> =
            [Some(("limit", "100".to_owned())), begins.clone(), cursor].into_iter().flatten().collect();
        let page = client.get(&["products"], &query).await?;
        for product in page["products"].as_array().into_iter().flatten() {
            let id = product["id"].as_str().unwrap_or_default();
            if id.starts_with(begun) && !id.is_empty() {
                let name = product["name"].as_str().map(|name| escaped(name).into());
                found.push(CompletionCandidate::new(id).help(name));
            }
        }
        match page["next"].as_str().filter(|_| found.len() < MOST) {
            Some(next) => cursor = Some(("cursor", next.to_owned())),
            None => return Ok(()),
        }
    }
}

/// The server of a command line: of its `--url`, or of the environment.
fn url(words: impl Iterator<Item = OsString>) -> String {
    let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let given = words.iter().enumerate().find_map(|(at, word)| match word.strip_prefix("--url") {
        Some("") => words.get(at + 1).cloned(),
        Some(value) => value.strip_prefix('=').map(str::to_owned),
        None => None,
    });
    let given = given.or_else(|| std::env::var("LEDGER_URL").ok().filter(|url| !url.is_empty()));
    given.unwrap_or_else(|| DEFAULT_URL.to_owned())
}

#[cfg(test)]
mod tests {
    use super::url;

    #[test]
    fn the_server_is_that_of_the_command_line() {
        let of = |line: &str| url(line.split(' ').map(Into::into));
        assert_eq!(of("ledger -- ledger show --url http://a:1 he"), "http://a:1");
        assert_eq!(of("ledger -- ledger show he --url=http://b:2"), "http://b:2");
    }
}
