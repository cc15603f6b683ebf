//! Sorted runs of heads in temporary files, and their merge.
//!
//! The promise: a file is unlinked as soon as it is created, so nothing is left behind and nobody else can open it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::journal::Head;

/// So many files are open at the same time; above that they are merged into one.
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

/// A new file without a name.
fn nameless() -> io::Result<File> {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("ledger-products-{}-{number}", std::process::id()));
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

/// Merges the runs where there are as many as may be open.
pub(super) fn few(runs: Vec<Run>) -> io::Result<Vec<Run>> {
    if runs.len() < MOST {
        return Ok(runs);
    }
    let mut merge = Merge::of(runs, std::iter::empty());
    Ok(vec![Run::write(std::iter::from_fn(|| merge.head().transpose()))?])
}

/// The merge of sorted runs.
pub(super) struct Merge {
    runs: Vec<Source>,
    /// The next head of each source, after the first read.
    next: BinaryHeap<Reverse<(String, usize, u64, u64)>>,
    begun: bool,
}

enum Source {
    File(Run),
    Memory(std::vec::IntoIter<Head>),
}

impl Merge {
    /// The merge of runs and of heads in memory, which are in order too.
    pub(super) fn of(runs: Vec<Run>, kept: impl Iterator<Item = Head>) -> Self {
        let kept = Source::Memory(kept.collect::<Vec<_>>().into_iter());
        let runs = runs.into_iter().map(Source::File).chain([kept]).collect();
        Self { runs, next: BinaryHeap::new(), begun: false }
    }

    /// Up to `most` heads, and the rest of the merge unless it has ended.
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

    /// The next product, with the commits that several runs have of it as one head.
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
