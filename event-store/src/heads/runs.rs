//! Sorted runs of heads in temporary files, and their merge.
//!
//! The promise: the files have no name from the moment they are there, so nothing of them is left behind, and nobody else
//! can read them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Head;

/// So many files are open at the same time; more are made one.
const MOST: usize = 256;

/// A sorted run: a line of JSON for each head.
pub(super) struct Run(BufReader<File>);

impl Run {
    /// Writes a run; heads come in order.
    pub(super) fn write(heads: impl Iterator<Item = io::Result<Head>>) -> io::Result<Self> {
        let mut writer = BufWriter::new(nameless()?);
        for head in heads {
            serde_json::to_writer(&mut writer, &head?)?;
            writer.write_all(b"\n")?;
        }
        let mut file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        Ok(Self(BufReader::new(file)))
    }

    fn read(&mut self) -> io::Result<Option<Head>> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        Ok(Some(serde_json::from_str(&line)?))
    }
}

/// A new file that nobody else can open.
fn nameless() -> io::Result<File> {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("ledger-products-{}-{number}", std::process::id()));
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

/// No more runs than may be open at the same time.
pub(super) fn few(runs: Vec<Run>) -> io::Result<Vec<Run>> {
    if runs.len() < MOST {
        return Ok(runs);
    }
    let mut merge = Merge::of(runs, std::iter::empty());
    Ok(vec![Run::write(std::iter::from_fn(|| merge.head().transpose()))?])
}

/// Runs read together in order.
pub(super) struct Merge {
    runs: Vec<Source>,
    /// The next head of each source, once it was read.
    next: BinaryHeap<Reverse<(String, usize, u64, u64)>>,
    begun: bool,
}

enum Source {
    File(Run),
    Memory(std::vec::IntoIter<Head>),
}

impl Merge {
    /// The runs, and heads that are in memory, in order as well.
    pub(super) fn of(runs: Vec<Run>, kept: impl Iterator<Item = Head>) -> Self {
        let kept = Source::Memory(kept.collect::<Vec<_>>().into_iter());
        let runs = runs.into_iter().map(Source::File).chain([kept]).collect();
        Self { runs, next: BinaryHeap::new(), begun: false }
    }

    /// Up to `most` heads, and the rest if there may be one.
    pub(super) fn next(mut self, most: usize) -> io::Result<(Vec<Head>, Option<Self>)> {
        let mut heads = Vec::new();
        while heads.len() < most {
            match self.head()? {
                Some(head) => heads.push(head),
                None => return Ok((heads, None)),
            }
        }
        Ok((heads, Some(self)))
    }

    /// The next product: what several runs have of it is one head.
    fn head(&mut self) -> io::Result<Option<Head>> {
        if !self.begun {
            self.begun = true;
            (0..self.runs.len()).try_for_each(|run| self.fill(run))?;
        }
        let Some(mut head) = self.pop()? else { return Ok(None) };
        while self.next.peek().is_some_and(|Reverse((id, ..))| *id == head.product_id) {
            if let Some(more) = self.pop()? {
                head.meet(more.version, more.commits);
            }
        }
        Ok(Some(head))
    }

    fn pop(&mut self) -> io::Result<Option<Head>> {
        let Some(Reverse((product_id, run, version, commits))) = self.next.pop() else { return Ok(None) };
        self.fill(run)?;
        Ok(Some(Head { product_id, version, commits }))
    }

    fn fill(&mut self, run: usize) -> io::Result<()> {
        let head = match &mut self.runs[run] {
            Source::File(file) => file.read()?,
            Source::Memory(heads) => heads.next(),
        };
        let next = head.map(|head| Reverse((head.product_id, run, head.version, head.commits)));
        self.next.extend(next);
        Ok(())
    }
}
