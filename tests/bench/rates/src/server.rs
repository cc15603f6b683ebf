//! The measured servers: `ledger serve` on a new data directory, and the peer on a new PostgreSQL. Each is a process that
//! prints `Listening on http://ADDRESS`, and is stopped on drop.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::Context;
use tempfile::TempDir;

use crate::postgres::Postgres;
use crate::process::Used;

/// A system that can be started.
pub enum System {
    Ledger { program: PathBuf },
    Peer { program: PathBuf, postgres: PathBuf },
}

/// A running system. Fields are dropped in order: the server, then its database.
pub struct Server {
    pub address: SocketAddr,
    process: Running,
    postgres: Option<Postgres>,
    _directory: TempDir,
}

struct Running(Child);

impl System {
    /// The name in tables and plots.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ledger { .. } => "ledger serve",
            Self::Peer { .. } => "cqrs-es on PostgreSQL",
        }
    }

    /// Whether views and bus follow the commands; the peer writes its view in the same request.
    #[must_use]
    pub fn follows(&self) -> bool {
        matches!(self, Self::Ledger { .. })
    }

    /// Starts it on new data below this folder.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(&self, below: &Path) -> anyhow::Result<Server> {
        let directory = tempfile::Builder::new().prefix("server-").tempdir_in(below)?;
        let (mut command, postgres) = match self {
            Self::Ledger { program } => {
                let mut command = Command::new(program);
                command
                    .args(["serve", "--listen", "127.0.0.1:0", "--data"])
                    .arg(directory.path().join("data"));
                (command, None)
            }
            Self::Peer { program, postgres } => {
                let postgres = Postgres::start(postgres, below)?;
                let mut command = Command::new(program);
                command.arg(&postgres.url);
                (command, Some(postgres))
            }
        };
        // Without the settings of the current user.
        for (name, _) in std::env::vars() {
            if ["LEDGER_", "AWS_", "OTEL_", "RUST_LOG", "PG"].iter().any(|prefix| name.starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        let log = File::create(directory.path().join("log"))?;
        let child =
            command.stdout(Stdio::piped()).stderr(log).spawn().with_context(|| format!("{command:?}"))?;
        let mut process = Running(child);
        let mut line = String::new();
        let output = process.0.stdout.take().context("its standard output")?;
        BufReader::new(output).read_line(&mut line)?;
        let said = || std::fs::read_to_string(directory.path().join("log")).unwrap_or_default();
        let address = line.trim().strip_prefix("Listening on http://");
        let address = address.with_context(|| format!("{} did not start: {line}{}", self.name(), said()))?;
        Ok(Server { address: address.parse()?, process, postgres, _directory: directory })
    }
}

impl Server {
    /// The resources used so far, including its database.
    ///
    /// # Errors
    /// It has ended.
    pub fn used(&self) -> anyhow::Result<Used> {
        let mut roots = vec![self.process.0.id()];
        roots.extend(self.postgres.as_ref().map(Postgres::process));
        Used::by(&roots)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}
