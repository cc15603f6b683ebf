//! A temporary PostgreSQL cluster with the defaults of `initdb`, so with fsync on each commit, on a free port of loopback;
//! stopped and removed on drop. PostgreSQL does not run as root, so root runs it as the user `postgres`.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tempfile::TempDir;

const USER: &str = "postgres";
/// Debian's folder for the server programs, which are not in the search path.
const DEBIAN: &str = "/usr/lib/postgresql";
const PATIENCE: Duration = Duration::from_secs(30);

/// A running cluster.
pub struct Postgres {
    pub url: String,
    process: Child,
    _directory: TempDir,
}

/// The folder with the programs of the newest PostgreSQL on this machine.
#[must_use]
pub fn installed() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<(u32, PathBuf)> = std::fs::read_dir(DEBIAN)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let folder = entry.ok()?.path();
            Some((folder.file_name()?.to_str()?.parse().ok()?, folder.join("bin")))
        })
        .collect();
    folders.sort();
    let newest = folders.into_iter().rev().map(|(_, folder)| folder);
    newest.chain(std::env::split_paths(&path)).find(|folder| folder.join("initdb").is_file())
}

impl Postgres {
    /// Creates a cluster in a new folder below this one and starts it.
    ///
    /// # Errors
    /// It cannot be created or started; the error contains its log.
    pub fn start(programs: &Path, below: &Path) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix("peer-").tempdir_in(below)?;
        let (data, log) = (directory.path().join("data"), directory.path().join("log"));
        if is_root() {
            let owner = Command::new("chown").arg(USER).arg(directory.path()).status()?;
            ensure!(owner.success(), "there is no user {USER} to run PostgreSQL as");
        }
        let made = program(programs, "initdb")
            .args(["--auth=trust", "--username", USER, "--pgdata"])
            .arg(&data)
            .output()?;
        ensure!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let process = program(programs, "postgres")
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"])
            .args(["-c", "unix_socket_directories="])
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log)?)
            .spawn()?;
        let url = format!("postgresql://{USER}@127.0.0.1:{port}/postgres");
        let mut postgres = Self { url, process, _directory: directory };
        postgres.wait(&data.join("postmaster.pid"), &log)?;
        Ok(postgres)
    }

    /// Its main process, the parent of all others.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.process.id()
    }

    /// Waits until it accepts connections, which the last line of its pid file says.
    fn wait(&mut self, status: &Path, log: &Path) -> anyhow::Result<()> {
        let started = Instant::now();
        while !std::fs::read_to_string(status).is_ok_and(|text| text.trim_end().ends_with("ready")) {
            if self.process.try_wait()?.is_some() || started.elapsed() > PATIENCE {
                bail!("PostgreSQL did not start: {}", std::fs::read_to_string(log).unwrap_or_default());
            }
            sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Postgres {
    /// Stops it with SIGINT, which does not wait for clients, and kills it only if that fails.
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-INT", &self.process.id().to_string()]).status();
        let asked = Instant::now();
        while asked.elapsed() < PATIENCE {
            if !matches!(self.process.try_wait(), Ok(None)) {
                return;
            }
            sleep(Duration::from_millis(20));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Its version, as it reports it.
///
/// # Errors
/// It does not run.
pub fn version(programs: &Path) -> anyhow::Result<String> {
    let output = Command::new(programs.join("postgres")).arg("--version").output()?;
    let text = String::from_utf8(output.stdout)?;
    let version = text.trim().strip_prefix("postgres (PostgreSQL) ").context("the version of PostgreSQL")?;
    Ok(version.to_owned())
}

/// A program of PostgreSQL as a user other than root. `setpriv` executes it in its own place, so the process keeps its id.
fn program(programs: &Path, name: &str) -> Command {
    let path = programs.join(name);
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.arg(format!("--reuid={USER}")).arg(format!("--regid={USER}")).arg("--init-groups").arg(path);
        command
    } else {
        Command::new(path)
    };
    // That user may have no access to the current directory.
    command.current_dir("/").stdin(Stdio::null());
    command
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_syncs_what_it_commits_and_leaves_nothing_behind() {
        let Some(programs) = installed() else {
            println!("skipped: there is no PostgreSQL on this machine");
            return;
        };
        let below = tempfile::tempdir().unwrap();
        std::fs::set_permissions(below.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let postgres = Postgres::start(&programs, below.path()).unwrap();
        let process = postgres.process();
        for setting in ["fsync", "synchronous_commit"] {
            let show = Command::new(programs.join("psql"))
                .args([&postgres.url, "-Atc", &format!("SHOW {setting}")])
                .output()
                .unwrap();
            assert_eq!(String::from_utf8(show.stdout).unwrap().trim(), "on", "{setting}");
        }
        drop(postgres);
        assert!(!Path::new(&format!("/proc/{process}")).exists());
        assert_eq!(std::fs::read_dir(below.path()).unwrap().count(), 0);
    }
}
