//! Runs the program as a new user would: on a data directory of its own and a free port, and leaves nothing behind. The
//! same scenarios run on tables of DynamoDB in the target `whole_on_dynamodb`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use futures::StreamExt;
use loopback::{StreamServer, TableServer};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::oneshot;

/// The program.
pub const LEDGER: &str = env!("CARGO_BIN_EXE_ledger");

/// A test that still waits after this time waits for what never comes.
pub const PATIENCE: Duration = Duration::from_mins(4);

/// A server with its data directory, or its tables. It is killed when dropped, and they go with it.
pub struct Ledger {
    pub url: String,
    pub data: PathBuf,
    pub http: reqwest::Client,
    started: Instant,
    process: Child,
    begin: Begin,
    tables: Option<Tables>,
    _directory: Option<TempDir>,
}

/// Whether this suite runs on tables of DynamoDB and not on the files of a data directory.
pub fn on_dynamodb() -> bool {
    env!("CARGO_CRATE_NAME") == "whole_on_dynamodb"
}

/// Tables on loopback. They have a thread of their own, because a test waits for programs without giving its runtime a
/// turn, and end when this is dropped.
struct Tables {
    url: String,
    /// The stream of the event table in shards that can split and go, for those who ask it.
    streams: StreamServer,
    _stop: oneshot::Sender<()>,
}

impl Tables {
    fn serve() -> Self {
        let (started, servers) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let tables = TableServer::serve().await;
                let streams = StreamServer::serve(&tables, "ledger-events").await;
                started.send((tables.url().to_owned(), streams)).unwrap();
                // An error: the ledger is gone, and so is the need for tables.
                let _ = stopped.await;
            });
        });
        let (url, streams) = servers.recv().unwrap();
        Self { url, streams, _stop: stop }
    }

    /// The AWS SDK's environment that leads to them.
    fn settings(&self) -> [(&str, &str); 5] {
        [
            ("AWS_ENDPOINT_URL", &self.url),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "AKID"),
            ("AWS_SECRET_ACCESS_KEY", "SECRET"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ]
    }
}

/// How a server is started, also the next time.
#[derive(Clone, Default)]
struct Begin {
    /// The program that starts it, and that one's arguments.
    under: Vec<String>,
    arguments: Vec<String>,
    settings: Vec<(String, String)>,
}

/// A program without the settings of the surrounding shell.
pub fn program() -> Command {
    program_under(&[])
}

/// The program, started by another one: its name and arguments.
pub fn program_under(under: &[String]) -> Command {
    let mut words = under.iter().map(String::as_str).chain([LEDGER]);
    let mut command = any_program(words.next().unwrap_or(LEDGER));
    command.args(words);
    command
}

/// Any program, a shell for example, without the settings of the surrounding shell.
pub fn any_program(name: &str) -> Command {
    let mut command = Command::new(name);
    for (name, _) in
        std::env::vars().filter(|(name, _)| name.starts_with("LEDGER_") || name.starts_with("AWS_"))
    {
        command.env_remove(name);
    }
    command
}

/// A client with a new connection for each request: under load the server may close an idle one in the moment of its reuse.
pub fn client() -> reqwest::ClientBuilder {
    reqwest::Client::builder().pool_max_idle_per_host(0)
}

impl Ledger {
    /// An empty ledger.
    pub fn start() -> Self {
        Self::start_with(&[], &[])
    }

    /// An empty ledger with further arguments and settings.
    pub fn start_with(arguments: &[&str], settings: &[(&str, &str)]) -> Self {
        Self::start_under(&[], arguments, settings)
    }

    /// An empty ledger whose program is started by another one.
    pub fn start_under(under: &[&str], arguments: &[&str], settings: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        Self::begun(data, Some(directory), on_dynamodb().then(Tables::serve), under, arguments, settings)
    }

    /// The ledger of a data directory that somebody else keeps.
    pub fn on(data: PathBuf) -> Self {
        Self::begun(data, None, None, &[], &[], &[])
    }

    /// The same with further arguments.
    pub fn on_with(data: PathBuf, arguments: &[&str]) -> Self {
        Self::begun(data, None, None, &[], arguments, &[])
    }

    /// An empty ledger on tables whose stream has shards that can split and go.
    #[allow(dead_code, reason = "only the suite on DynamoDB has streams")]
    pub fn start_on_shards() -> (Self, StreamServer) {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        let tables = Tables::serve();
        let streams = tables.streams.clone();
        let settings = [("AWS_ENDPOINT_URL_DYNAMODB_STREAMS", streams.url())];
        (Self::begun(data, Some(directory), Some(tables), &[], &[], &settings), streams)
    }

    fn begun(
        data: PathBuf,
        directory: Option<TempDir>,
        tables: Option<Tables>,
        under: &[&str],
        arguments: &[&str],
        settings: &[(&str, &str)],
    ) -> Self {
        let texts = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        let of_tables = tables.iter().flat_map(Tables::settings);
        let settings = of_tables.chain(settings.iter().copied());
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let begin = Begin { under: texts(under), arguments: texts(arguments), settings };
        let (process, url) = serve(&data, &begin);
        let (http, started) = (client().build().unwrap(), Instant::now());
        Self { url, data, http, started, process, begin, tables, _directory: directory }
    }

    /// `kill -9`; false if it had ended before.
    pub fn kill(&mut self) -> bool {
        self.process.kill().unwrap();
        self.process.wait().unwrap().code().is_none()
    }

    /// Starts again on the same data, on another port.
    pub fn restart(&mut self) {
        (self.process, self.url) = serve(&self.data, &self.begin);
    }

    /// Starts again with these arguments too.
    #[allow(dead_code, reason = "only the suite on DynamoDB uses it")]
    pub fn restart_with(&mut self, arguments: &[&str]) {
        self.begin.arguments.extend(arguments.iter().map(|&text| text.to_owned()));
        self.restart();
    }

    /// Changes a setting from the next start on.
    #[allow(dead_code, reason = "only the suite on DynamoDB uses it")]
    pub fn set(&mut self, name: &str, value: &str) {
        self.begin.settings.push((name.to_owned(), value.to_owned()));
    }

    /// SIGTERM, and the exit code.
    pub fn terminate(&mut self) -> Option<i32> {
        self.ask_to_stop();
        self.ended()
    }

    /// The exit code, once it has ended.
    pub fn ended(&mut self) -> Option<i32> {
        self.process.wait().unwrap().code()
    }

    /// SIGTERM.
    pub fn ask_to_stop(&self) {
        let id = self.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Every line it logged so far.
    pub fn log(&self) -> Vec<Value> {
        let log = std::fs::read_to_string(self.data.with_extension("log")).unwrap();
        // The last line may be half written.
        log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// `ledger import` of a file against this server.
    pub fn import(&self, file: &Path) -> Command {
        let mut command = program();
        command.arg("import").arg(file).args(["--url", &self.url]);
        command
    }

    /// An operator's or auditor's command on this ledger, while the server runs on it or not.
    pub fn operate(&self, arguments: &[&str]) -> Output {
        assert!(self.started.elapsed() < PATIENCE, "timed out waiting for an answer to {arguments:?}");
        self.operator(arguments).output().unwrap()
    }

    /// An operator's or auditor's command that is still to be started.
    pub fn operator(&self, arguments: &[&str]) -> Command {
        let mut command = program();
        command.args(arguments);
        match &self.tables {
            Some(tables) => command.envs(tables.settings()),
            None => command.arg("--data").arg(&self.data),
        };
        command
    }

    /// A client of the tables it is on.
    pub fn dynamodb(&self) -> aws_config::SdkConfig {
        use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
        let credentials = Credentials::new("AKID", "SECRET", None, None, "test");
        aws_config::SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .region(aws_config::Region::new("us-east-1"))
            .endpoint_url(&self.tables.as_ref().unwrap().url)
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build()
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        assert!(self.started.elapsed() < PATIENCE, "timed out waiting for an answer of {path}");
        answer(self.http.get(format!("{}{path}", self.url))).await
    }

    pub async fn send(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.url));
        answer(request.header("content-type", "application/json").body(body.to_owned())).await
    }

    /// Every product of LIST, walked page by page.
    pub async fn list(&self, limit: usize) -> Vec<Value> {
        let mut products = Vec::new();
        let mut cursor = String::new();
        loop {
            let (status, page) = self.get(&format!("/products?limit={limit}{cursor}")).await;
            assert_eq!(status, 200, "{page}");
            products.extend(page["products"].as_array().unwrap().iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return products,
            }
        }
    }

    /// Every commit of a product.
    pub async fn history(&self, product: &str) -> Vec<Value> {
        let mut commits = Vec::new();
        let mut after = 0;
        loop {
            let (status, page) =
                self.get(&format!("/products/{product}/history?after={after}&limit=100")).await;
            assert_eq!(status, 200, "{page}");
            commits.extend(page["commits"].as_array().unwrap().iter().cloned());
            match page["next"].as_u64() {
                Some(next) => after = next,
                None => return commits,
            }
        }
    }

    /// Every commit of many products.
    pub async fn histories(&self, products: impl Iterator<Item = String>) -> BTreeMap<String, Vec<Value>> {
        let history = async |product: String| (product.clone(), self.history(&product).await);
        futures::stream::iter(products).map(history).buffer_unordered(16).collect().await
    }

    /// Reads the bus from its start until `enough` says so: the entries in their order.
    pub async fn bus(&self, mut enough: impl FnMut(&[Value]) -> bool) -> Vec<Value> {
        let response = self.http.get(format!("{}/events?from=start", self.url)).send().await.unwrap();
        let mut bytes = response.bytes_stream();
        let (mut entries, mut text) = (Vec::new(), String::new());
        while !enough(&entries) {
            let more = tokio::time::timeout(PATIENCE, bytes.next()).await;
            let more = more.unwrap_or_else(|_| panic!("{} entries came, and no more", entries.len()));
            text.push_str(std::str::from_utf8(&more.unwrap().unwrap()).unwrap());
            while let Some(end) = text.find("\n\n") {
                let event: String = text.drain(..end + 2).collect();
                entries.extend(event.lines().filter_map(|line| line.strip_prefix("data: ")).map(json));
            }
        }
        entries
    }

    /// Waits until what is asked for is answered as wanted.
    pub async fn until(&self, path: &str, wanted: impl Fn(u16, &Value) -> bool) -> Value {
        loop {
            let (status, body) = self.get(path).await;
            if wanted(status, &body) {
                return body;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts the program and waits until it says where it listens.
fn serve(data: &Path, begin: &Begin) -> (Child, String) {
    let mut command = program_under(&begin.under);
    command.args(["serve", "--listen", "127.0.0.1:0"]);
    if on_dynamodb() {
        command.args(["--dynamodb", "aws", "--create-tables"]);
    } else {
        command.arg("--data").arg(data);
    }
    command.args(&begin.arguments).envs(begin.settings.iter().cloned());
    let log = OpenOptions::new().create(true).append(true).open(data.with_extension("log")).unwrap();
    let mut process = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("Listening on ").unwrap_or_else(|| panic!("the server said {line:?}"));
    (process, url.to_owned())
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null))
}

pub fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

pub fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

pub fn adventure_works() -> PathBuf {
    repository().join("tests/data/adventureworks.ndjson")
}

/// What the file says of each product: how many commands, and whether it ends deleted.
pub fn expected() -> BTreeMap<String, (usize, bool)> {
    let mut products = BTreeMap::new();
    for line in std::fs::read_to_string(adventure_works()).unwrap().lines() {
        let command = json(line);
        let product =
            products.entry(command["product_id"].as_str().unwrap().to_owned()).or_insert((0, false));
        product.0 += 1;
        product.1 = command["command"] == "delete";
    }
    products
}

/// Each product's sequence numbers in the order of their first arrival, and how many different events there are.
pub fn arrivals(entries: &[Value]) -> (BTreeMap<String, Vec<u64>>, usize) {
    let mut seen = BTreeSet::new();
    let mut sequences: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for entry in entries {
        let metadata = &entry["detail"]["metadata"];
        if seen.insert(metadata["event_id"].as_str().unwrap().to_owned()) {
            let product = metadata["product_id"].as_str().unwrap().to_owned();
            sequences.entry(product).or_default().push(metadata["sequence"].as_u64().unwrap());
        }
    }
    (sequences, seen.len())
}

/// Every product's events arrived, each product's in order.
pub fn assert_complete(entries: &[Value]) {
    let (sequences, _) = arrivals(entries);
    for (product, (commands, _)) in expected() {
        assert_eq!(sequences[&product], (1..=commands as u64).collect::<Vec<_>>(), "{product}");
    }
}
