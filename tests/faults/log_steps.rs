//! Kills the server at each step of the writing of its log while clients write: the log that is left is whole and has grown from
//! what it was before, and in the end it holds every commit once. `LEDGER_FAULTS_SEED=n` repeats one ledger, `LEDGER_FAULTS=full`
//! kills a hundred times at each step.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use futures::StreamExt;

use crate::plans::Plan;
use crate::scenario::{Ledger, PATIENCE, printed, program, repository};
use crate::store::{LEDGER, LOG, texts};

/// In CI two kills at each step, before and after it.
const PLAN: Plan = Plan { ledgers: 4, faults_of_each: STEPS.len() / 2, in_full: STEPS.len() * 25 };

/// The steps of a round: the calls and the files.
const STEPS: [&str; 15] = [
    "make directory",
    "create entries",
    "write entries",
    "sync entries",
    "rename entries",
    "create tile",
    "write tile",
    "sync tile",
    "rename tile",
    "sync directory",
    "remove partial",
    "create checkpoint",
    "write checkpoint",
    "sync checkpoint",
    "rename checkpoint",
];

/// Commands at once.
const CLIENTS: usize = 16;

/// Commands between two looks at whether it lives.
const COMMANDS: usize = 64;

/// Products that a ledger has at most, so that histories grow too.
const PRODUCTS: u64 = 400;

#[test]
fn killed_at_any_step_of_a_round_the_log_is_whole_and_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let Some(layer) = built(directory.path()) else {
        println!("skipped: killed_at_any_step_of_a_round, there is no cc on this machine");
        return;
    };
    let killed = PLAN.play(|seed, kills| kills_of(seed, kills, layer.clone()));
    let mut seen = BTreeMap::<String, usize>::new();
    for (step, times) in killed.iter().flatten() {
        *seen.entry(step.clone()).or_default() += times;
    }
    println!("killed: {seen:#?}");
    if killed.len() > 1 {
        let least = seen.values().sum::<usize>() / STEPS.len();
        assert!(least > 0 && STEPS.iter().all(|step| seen.get(*step) >= Some(&least)), "{seen:?}");
    }
}

/// The library for `LD_PRELOAD`.
fn built(directory: &Path) -> Option<PathBuf> {
    let layer = directory.join("layer.so");
    let mut cc = Command::new("cc");
    cc.args(["-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o"]).arg(&layer);
    let output = cc.arg(repository().join("tests/faults/log_steps/preload.c")).output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(layer)
}

/// A ledger that is killed again and again.
struct Doomed {
    _folder: tempfile::TempDir,
    data: PathBuf,
    layer: PathBuf,
    http: reqwest::Client,
    sent: u64,
}

/// Kills at the steps in turn, from another one for each ledger on; answers how often at which.
async fn kills_of(seed: u64, kills: usize, layer: PathBuf) -> BTreeMap<String, usize> {
    let folder = tempfile::tempdir().unwrap();
    let http = crate::scenario::client().timeout(Duration::from_secs(20)).build().unwrap();
    let mut ledger = Doomed { data: folder.path().join("data"), _folder: folder, layer, http, sent: 0 };
    let mut killed = BTreeMap::<String, usize>::new();
    let first = usize::try_from(seed % STEPS.len() as u64).unwrap() * kills;
    for life in first..first + kills {
        let step = STEPS[life % STEPS.len()];
        let when = if (life / STEPS.len()).is_multiple_of(2) { "before" } else { "after" };
        ledger.dies_at(&format!("{step} {when}")).await;
        ledger.left_a_whole_log();
        *killed.entry(step.to_owned()).or_default() += 1;
    }
    ledger.has_everything_in_its_log();
    killed
}

impl Doomed {
    /// Starts it and sends commands until it is killed at a step.
    async fn dies_at(&mut self, step: &str) {
        let armed = self.data.with_extension("step");
        std::fs::write(&armed, step).unwrap();
        let mut serve = program();
        serve
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(&self.data)
            .env("LD_PRELOAD", &self.layer);
        let log = File::options().create(true).append(true).open(self.data.with_extension("log")).unwrap();
        let mut process = serve.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let began = Instant::now();
        // No line: it was killed before it listened.
        if let Some(url) = line.trim().strip_prefix("Listening on ") {
            while is_alive(&mut process) {
                assert!(began.elapsed() < PATIENCE, "{step} is never reached");
                self.send_commands(url).await;
            }
        }
        let died = process.wait().unwrap();
        let said = || std::fs::read_to_string(self.data.with_extension("log")).unwrap();
        assert!(died.code().is_none() && !armed.exists(), "{step}: {died:?} {}", said());
    }

    async fn send_commands(&mut self, url: &str) {
        let first = self.sent;
        self.sent += COMMANDS as u64;
        let commands = (first..self.sent).map(|number| {
            let put = self.http.put(format!("{url}/products/p{}", number % PRODUCTS));
            let put = put.header("content-type", "application/json");
            put.body(format!(r#"{{"name":"{number}","price":"1"}}"#)).send()
        });
        // The killed server answers none of them.
        futures::stream::iter(commands).buffer_unordered(CLIENTS).for_each(async |_| ()).await;
    }

    /// An outsider's `log verify` against the checkpoint that it kept before.
    fn left_a_whole_log(&self) {
        // In its first start it may be killed before the key is bound.
        if let Some(key) = self.key() {
            let kept = self.data.with_extension("kept");
            let output = self.log_verify(&key, &["--keep", kept.to_str().unwrap()]);
            assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
        }
    }

    /// The key of the log, once the ledger names it.
    fn key(&self) -> Option<String> {
        let bound = program().args(["log", "key", "--data"]).arg(&self.data).output().unwrap();
        bound.status.success().then(|| String::from_utf8(bound.stdout).unwrap().trim().to_owned())
    }

    fn log_verify(&self, key: &str, more: &[&str]) -> Output {
        let mut verify = program();
        verify.args(["log", "verify"]).arg(self.data.join(LOG)).args(["--key", key]).args(more);
        verify.output().unwrap()
    }

    /// Once more without kills: all commits are in the log once, in the order of their positions.
    fn has_everything_in_its_log(&self) {
        let mut ledger = Ledger::on(self.data.clone());
        let verify =
            program().args(["verify", "--log", "--wait", "200", "--data"]).arg(&self.data).output().unwrap();
        assert_eq!(verify.status.code(), Some(0), "{}", printed(&verify));
        assert_eq!(ledger.terminate(), Some(0));
        let export = self.data.with_extension("export");
        let mut exported = program();
        exported.args(["export", "--data"]).arg(&self.data).arg("-o").arg(&export);
        assert!(exported.output().unwrap().status.success());
        let kept = self.data.with_extension("kept");
        let options = ["--keep", kept.to_str().unwrap(), "--export", export.to_str().unwrap()];
        let output = self.log_verify(&self.key().unwrap(), &options);
        assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
        let commits = texts(&self.data, LEDGER, "SELECT hash FROM commits").len();
        let of = format!("{commits} entries, {commits} commits");
        assert!(commits > COMMANDS && printed(&output).contains(&of), "{of}: {}", printed(&output));
    }
}

fn is_alive(process: &mut Child) -> bool {
    process.try_wait().unwrap().is_none()
}
