//! The process of a function: the real program with the environment variables that Lambda sets, and no others.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use axum::body::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::{
    BucketServer, BusServer, FifoBusServer, FunctionResponse, KeyServer, Log, RuntimeApi, TableServer,
};

/// Only reached by an invocation that hangs.
const TIMEOUT: Duration = Duration::from_mins(1);

/// A function that has not been started.
pub struct FunctionCommand {
    command: Command,
}

/// A running function; the process ends when this is dropped.
pub struct FunctionProcess {
    api: RuntimeApi,
    child: Mutex<Child>,
    out: JoinHandle<String>,
    err: JoinHandle<String>,
}

/// The end of a process.
#[derive(Debug)]
pub struct FunctionExit {
    /// The exit status.
    pub status: ExitStatus,
    /// The output.
    pub log: Log,
}

impl FunctionCommand {
    /// The program at this path as the function `name`.
    #[must_use]
    pub fn new(program: &str, name: &str) -> Self {
        let mut command = Command::new(program);
        command.env_clear().kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let start = Self { command };
        let environment = [
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "SECRET"),
            ("AWS_SESSION_TOKEN", "TOKEN"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("AWS_REGION", "us-east-1"),
            // The SDK would query it for missing settings, and a test connects to loopback only.
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_LAMBDA_FUNCTION_NAME", name),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/alone"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/23/[$LATEST]0123456789abcdef"),
            ("LAMBDA_TASK_ROOT", "/var/task"),
            ("TZ", ":UTC"),
            ("_HANDLER", "bootstrap"),
        ];
        environment.into_iter().fold(start, |start, (name, value)| start.with(name, value))
    }

    /// Sets a variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Removes a variable.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Connects it to these tables.
    #[must_use]
    pub fn with_tables(self, tables: &TableServer) -> Self {
        self.with("AWS_ENDPOINT_URL_DYNAMODB", tables.url())
    }

    /// Connects it to this bus.
    #[must_use]
    pub fn with_bus(self, bus: &BusServer) -> Self {
        self.with("AWS_ENDPOINT_URL_EVENTBRIDGE", bus.url())
    }

    /// Connects it to this FIFO bus.
    #[must_use]
    pub fn with_fifo_bus(self, bus: &FifoBusServer) -> Self {
        self.with("AWS_ENDPOINT_URL_EVENTBRIDGEV2", bus.url())
            .with("LEDGER_EVENT_BUS_KIND", "fifo")
            .with("LEDGER_EVENT_BUS", FifoBusServer::ARN)
    }

    /// Connects it to this bucket of S3.
    #[must_use]
    pub fn with_bucket(self, bucket: &BucketServer) -> Self {
        self.with("AWS_ENDPOINT_URL_S3", bucket.url()).with("LEDGER_LOG_BUCKET", "ledger-log")
    }

    /// Connects it to this key of KMS, for a log of this name.
    #[must_use]
    pub fn with_key(self, keys: &KeyServer, origin: &str) -> Self {
        let key = "1234abcd-12ab-34cd-56ef-1234567890ab";
        self.with("AWS_ENDPOINT_URL_KMS", keys.url())
            .with("LEDGER_LOG_KEY_ID", key)
            .with("LEDGER_LOG_ORIGIN", origin)
    }

    /// Starts it with its own Runtime API.
    pub async fn start(mut self) -> FunctionProcess {
        let api = RuntimeApi::serve().await;
        self.command.env("AWS_LAMBDA_RUNTIME_API", api.address());
        let mut child = self.command.spawn().unwrap();
        let out = tokio::spawn(read(child.stdout.take().unwrap()));
        let err = tokio::spawn(read(child.stderr.take().unwrap()));
        FunctionProcess { api, child: Mutex::new(child), out, err }
    }
}

async fn read(mut pipe: impl AsyncRead + Unpin) -> String {
    let mut text = Vec::new();
    pipe.read_to_end(&mut text).await.unwrap();
    String::from_utf8(text).unwrap()
}

impl FunctionProcess {
    /// The response to an event, within a minute.
    pub async fn invoke(&self, event: impl Into<Bytes>) -> FunctionResponse {
        self.invoke_within(event, TIMEOUT).await.expect("an answer before the deadline")
    }

    /// The response to an event, or `None` if it takes longer than `limit`, which the function gets as its deadline.
    ///
    /// # Panics
    /// If the process ends instead.
    pub async fn invoke_within(&self, event: impl Into<Bytes>, limit: Duration) -> Option<FunctionResponse> {
        let answer = self.api.invoke(event.into(), limit);
        let mut child = self.child.lock().await;
        tokio::select! {
            answer = timeout(limit, answer) => answer.ok(),
            ended = child.wait() => panic!("the function ended in the middle of an invocation: {ended:?}"),
        }
    }

    /// Waits until it has handled all events and polls for the next one, ends it, and returns its output.
    pub async fn stop(self) -> Log {
        timeout(TIMEOUT, self.api.polled(self.api.invocations() + 1)).await.expect("it polls");
        self.child.lock().await.start_kill().unwrap();
        self.ended().await.log
    }

    /// Waits for the end of a function that cannot start, and returns the one error that it logged.
    ///
    /// # Panics
    /// If it logs anything else or exits with another code than 1.
    pub async fn start_error(self) -> String {
        let ended = self.ended().await;
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        let lines = ended.log.lines();
        let [line] = lines.as_slice() else { panic!("one line: {ended:?}") };
        assert_eq!(line["level"], "ERROR");
        line["error"].as_str().unwrap().to_owned()
    }

    /// Waits until it ends.
    pub async fn ended(self) -> FunctionExit {
        let status = timeout(TIMEOUT, self.child.lock().await.wait()).await.expect("it ends").unwrap();
        let log = Log { out: self.out.await.unwrap(), err: self.err.await.unwrap() };
        FunctionExit { status, log }
    }
}
