//! The writer: a thread that owns the only connection that writes to a file, and groups writes into transactions.
//!
//! A transaction begins with the first write and ends when no further write waits, or when it is full. A write that joins the
//! transaction of a follower ([`Job::Joined`]) is answered at once; the follower ends the transaction itself.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};

use rusqlite::Connection;
use tokio::sync::{oneshot, watch};

use crate::error::{Error, is_damage, is_fatal};

/// The most writes in one transaction.
const TOGETHER: usize = 512;

/// Runs on the connection, or is told why it cannot; the returned function is called when the transaction has ended.
type Work = Box<dyn FnOnce(Result<&Connection, String>) -> Answer + Send>;
type Answer = Box<dyn FnOnce(Result<(), Error>) + Send>;

enum Job {
    /// A write of its own: answered after the sync.
    Write(Work),
    /// A write of a follower: answered at once, synced with the follower's transaction.
    Joined(Work),
    /// A follower begins its transaction.
    Begin,
    /// A follower ends its transaction, and is answered after the sync.
    End(Answer),
    /// The last job.
    Close,
}

/// The state of the writer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    Closed,
    Failed(String),
}

/// A handle on the thread.
#[derive(Debug)]
pub(crate) struct Writer {
    file: &'static str,
    jobs: Sender<Job>,
    state: watch::Receiver<State>,
    committed: watch::Receiver<u64>,
    foreign: watch::Receiver<u64>,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Job")
    }
}

impl Writer {
    /// Hands `connection` to a thread of its own.
    pub(crate) fn start(file: &'static str, connection: Connection) -> std::io::Result<Self> {
        let (jobs, inbox) = channel();
        let (report, state) = watch::channel(State::Open);
        let (commits, committed) = watch::channel(0);
        let (changes, foreign) = watch::channel(0);
        // Changes by others are noticed from now on, even before the first write.
        let data_version = connection.query_row("PRAGMA data_version", [], |row| row.get(0)).ok();
        let mut thread = Thread { file, connection, inbox, commits, changes, data_version };
        std::thread::Builder::new().name(format!("write {file}")).spawn(move || {
            let end = catch_unwind(AssertUnwindSafe(|| thread.serve()));
            let failed = match end {
                Ok(Ok(())) => None,
                Ok(Err(reason)) => Some(reason),
                Err(_) => Some("it panicked; the log has its message".to_owned()),
            };
            // Before the report, so that who waits for it can open the same file again.
            drop(thread);
            report.send_replace(failed.map_or(State::Closed, State::Failed));
        })?;
        Ok(Self { file, jobs, state, committed, foreign })
    }

    /// Runs `work` in a transaction and returns after the sync. Queued work runs even if its caller no longer waits.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let file = self.file;
        self.ask(|answer| Job::Write(boxed(file, work, answer))).await
    }

    /// Runs `work` in the follower's transaction and returns at once; without such a transaction as [`Writer::write`].
    pub(crate) async fn join<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let file = self.file;
        self.ask(|answer| Job::Joined(boxed(file, work, answer))).await
    }

    /// Begins the transaction of the follower.
    pub(crate) fn begin(&self) {
        // If the writer has ended, the follower's next write fails.
        drop(self.jobs.send(Job::Begin));
    }

    /// Ends the follower's transaction: all of its writes are synced, or none since the last sync.
    pub(crate) async fn end(&self) -> Result<(), Error> {
        self.ask(|answer| Job::End(Box::new(move |end| drop(answer.send(end))))).await
    }

    async fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> Job) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        if self.jobs.send(job(answer)).is_ok()
            && let Ok(answer) = answered.await
        {
            return answer;
        }
        Err(Error::Ended { file: self.file, reason: self.ended().await })
    }

    /// Lets the thread finish the queued work, and waits for it.
    pub(crate) async fn close(&self) {
        drop(self.jobs.send(Job::Close));
        self.ended().await;
    }

    /// Waits until the thread has ended, and returns why.
    pub(crate) async fn ended(&self) -> String {
        let mut state = self.state.clone();
        match state.wait_for(|state| *state != State::Open).await.as_deref() {
            Ok(State::Failed(reason)) => reason.clone(),
            Ok(State::Open | State::Closed) | Err(_) => "it was closed".to_owned(),
        }
    }

    /// A count that changes after each transaction.
    pub(crate) fn committed(&self) -> watch::Receiver<u64> {
        self.committed.clone()
    }

    /// A count that changes when another connection has changed the file.
    pub(crate) fn foreign(&self) -> watch::Receiver<u64> {
        self.foreign.clone()
    }
}

fn boxed<T: Send + 'static>(
    file: &'static str,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    answer: oneshot::Sender<Result<T, Error>>,
) -> Work {
    Box::new(move |connection| {
        let done = match connection {
            Ok(connection) => in_savepoint(connection, work).map_err(|source| Error::of(file, source)),
            Err(reason) => Err(Error::NotCommitted { file, reason }),
        };
        Box::new(move |end| {
            let answered = match (done, end) {
                (Ok(value), Ok(())) => Ok(value),
                (Ok(_), Err(error)) | (Err(error), _) => Err(error),
            };
            drop(answer.send(answered));
        })
    })
}

/// Runs `work`, and undoes it if it fails.
fn in_savepoint<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let run = |statement: &str| connection.prepare_cached(statement)?.execute([]).map(drop);
    run("SAVEPOINT work")?;
    let done = work(connection);
    // A full disk rolls back the whole transaction, savepoints included.
    if done.is_err() && !connection.is_autocommit() {
        run("ROLLBACK TO work")?;
    }
    if !connection.is_autocommit() {
        run("RELEASE work")?;
    }
    done
}

struct Thread {
    file: &'static str,
    connection: Connection,
    inbox: Receiver<Job>,
    commits: watch::Sender<u64>,
    changes: watch::Sender<u64>,
    data_version: Option<i64>,
}

/// The open transaction.
#[derive(Default)]
struct Group {
    open: bool,
    waiting: Vec<Answer>,
    /// Whether a follower has begun and not ended.
    followed: bool,
    /// Why the follower's transaction was rolled back so far.
    undone: Option<String>,
}

impl Thread {
    /// Serves until it is closed. An error says why what is on disk is unknown.
    fn serve(&mut self) -> Result<(), String> {
        let mut group = Group::default();
        loop {
            let job = match self.inbox.try_recv() {
                Ok(job) => job,
                Err(TryRecvError::Empty) => {
                    if !group.waiting.is_empty() || (group.open && !group.followed) {
                        self.commit(&mut group)?;
                    }
                    let Ok(job) = self.inbox.recv() else { break };
                    job
                }
                Err(TryRecvError::Disconnected) => break,
            };
            match job {
                Job::Close => break,
                Job::Begin => (group.followed, group.undone) = (true, None),
                Job::Write(work) => self.run(work, &mut group, true)?,
                Job::Joined(work) => {
                    if let Some(reason) = &group.undone {
                        work(Err(reason.clone()))(Ok(()));
                    } else {
                        let waits = !group.followed;
                        self.run(work, &mut group, waits)?;
                    }
                }
                Job::End(answer) => {
                    group.followed = false;
                    match group.undone.take() {
                        None => group.waiting.push(answer),
                        Some(reason) => answer(Err(Error::NotCommitted { file: self.file, reason })),
                    }
                }
            }
            if group.waiting.len() >= TOGETHER {
                self.commit(&mut group)?;
            }
        }
        self.commit(&mut group)
    }

    /// Runs one write; its answer waits for the sync unless it is a follower's.
    fn run(&mut self, work: Work, group: &mut Group, waits: bool) -> Result<(), String> {
        if !group.open {
            if let Err(error) = self.begin() {
                work(Err(error.to_string()))(Ok(()));
                return self.failed(&error, group);
            }
            group.open = true;
        }
        let answer = work(Ok(&self.connection));
        if self.connection.is_autocommit() {
            let reason = "the disk is full, or could not be written".to_owned();
            answer(Err(Error::NotCommitted { file: self.file, reason: reason.clone() }));
            self.undo(group, &reason);
        } else if waits {
            group.waiting.push(answer);
        } else {
            answer(Ok(()));
        }
        Ok(())
    }

    fn begin(&mut self) -> rusqlite::Result<()> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let version =
            self.connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        if self.data_version.replace(version).is_some_and(|known| known != version) {
            self.changes.send_modify(|count| *count += 1);
        }
        Ok(())
    }

    fn commit(&mut self, group: &mut Group) -> Result<(), String> {
        if group.open {
            let committed =
                self.connection.prepare_cached("COMMIT").and_then(|mut statement| statement.execute([]));
            if let Err(error) = committed {
                return self.failed(&error, group);
            }
            group.open = false;
            self.commits.send_modify(|count| *count += 1);
        }
        for answer in group.waiting.drain(..) {
            answer(Ok(()));
        }
        Ok(())
    }

    /// Rolls the transaction back. An error after which what is on disk is unknown ends the thread.
    fn failed(&mut self, error: &rusqlite::Error, group: &mut Group) -> Result<(), String> {
        let reason = error.to_string();
        if is_damage(error) {
            return Err(format!("it is damaged ({reason}); restore it from a copy"));
        }
        if is_fatal(error) {
            return Err(format!("{reason}; start the program again once the disk can be written"));
        }
        tracing::warn!(target: "ledger::files",
            file = self.file,
            reason,
            "a transaction was not committed; nothing of it was written"
        );
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            return Err(format!("{reason}; it could not be undone: {error}"));
        }
        self.undo(group, &reason);
        Ok(())
    }

    fn undo(&mut self, group: &mut Group, reason: &str) {
        group.open = false;
        for answer in group.waiting.drain(..) {
            answer(Err(Error::NotCommitted { file: self.file, reason: reason.to_owned() }));
        }
        if group.followed {
            group.undone = Some(reason.to_owned());
        }
    }
}
