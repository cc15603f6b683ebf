//! The command line of the load generator.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};

pub const USAGE: &str = "rates [commands] [reading] --ledger PROGRAM [--peer PROGRAM] [--rounds 5] [--seconds 6] \
                         [--clients 1,8,64] [--below FOLDER]";

/// A full run, as in BENCHMARKS.md.
pub const ROUNDS: usize = 5;
pub const SECONDS: u64 = 6;
pub const CLIENTS: [usize; 3] = [1, 8, 64];

/// The command line.
#[derive(Debug, PartialEq)]
pub struct Arguments {
    /// `commands`, `reading`, or both.
    pub measurements: Vec<String>,
    pub ledger: PathBuf,
    pub peer: Option<PathBuf>,
    pub rounds: usize,
    pub time: Duration,
    pub clients: Vec<usize>,
    /// The folder for data directories, on the disk that is measured.
    pub below: PathBuf,
}

impl Arguments {
    /// Parses it.
    ///
    /// # Errors
    /// An argument is unknown or lacks its value.
    pub fn read(words: impl IntoIterator<Item = String>) -> anyhow::Result<Self> {
        let mut words = words.into_iter();
        let mut ledger = None;
        let mut read = Self {
            measurements: Vec::new(),
            ledger: PathBuf::new(),
            peer: None,
            rounds: ROUNDS,
            time: Duration::from_secs(SECONDS),
            clients: CLIENTS.to_vec(),
            below: std::env::temp_dir(),
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} needs a value: {USAGE}"));
            match word.as_str() {
                "commands" | "reading" => read.measurements.push(word),
                "--ledger" => ledger = Some(value()?.into()),
                "--peer" => read.peer = Some(value()?.into()),
                "--rounds" => read.rounds = value()?.parse()?,
                "--seconds" => read.time = Duration::from_secs(value()?.parse()?),
                "--clients" => {
                    read.clients = value()?.split(',').map(str::parse).collect::<Result<_, _>>()?;
                }
                "--below" => read.below = value()?.into(),
                _ => bail!("{word} is not known: {USAGE}"),
            }
        }
        if read.measurements.is_empty() {
            read.measurements = vec!["commands".to_owned(), "reading".to_owned()];
        }
        read.ledger = ledger.with_context(|| format!("--ledger is missing: {USAGE}"))?;
        Ok(read)
    }

    /// Whether it is a full run, as for the published results.
    #[must_use]
    pub fn are_whole(&self) -> bool {
        self.rounds >= ROUNDS && self.time >= Duration::from_secs(SECONDS) && self.clients == CLIENTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &str) -> anyhow::Result<Arguments> {
        Arguments::read(words.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn fewer_rounds_are_no_whole_run() {
        assert!(read("--ledger l").unwrap().are_whole());
        for less in ["--rounds 4", "--seconds 2", "--clients 8"] {
            assert!(!read(&format!("--ledger l {less}")).unwrap().are_whole(), "{less}");
        }
    }

    #[test]
    fn words_are_read_or_refused() {
        let given = read("reading --ledger l --clients 1,2 --rounds 2").unwrap();
        assert_eq!((given.clients, given.rounds), (vec![1, 2], 2));
        assert_eq!(given.measurements, ["reading"]);
        for wrong in ["", "--ledger", "--ledger l --round 2", "--ledger l --rounds x"] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
