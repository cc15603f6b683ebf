//! Walks the shards of an order as one: rows of all shards in order, each shard read only as far as a page needs.

use std::collections::VecDeque;

use async_trait::async_trait;
use event_store::StoreError;
use futures::future::try_join_all;

use crate::views::{Portion, SHARDS};

/// The rows of an order, shard by shard.
#[async_trait]
pub(super) trait ShardedRows: Sync {
    type Row: Send;
    /// The place of a row, in the order of the shard.
    type Place: Ord + Clone + Send + Sync;

    fn place(&self, row: &Self::Row) -> Self::Place;

    /// Rows behind `after`, in the direction of the walk.
    async fn read(
        &self,
        shard: u8,
        after: Option<&Self::Place>,
        limit: usize,
    ) -> Result<Portion<Self::Row>, StoreError>;

    /// Whether the page leaves the row out.
    fn leaves_out(&self, _: &Self::Row) -> bool {
        false
    }
}

/// The next step of a walk.
pub(super) enum WalkStep<Row> {
    Row(Box<Row>),
    End,
    /// A shard was read as far as one page may.
    Limit,
}

/// A walk through one page.
pub(super) struct Walk<'a, R: ShardedRows> {
    rows: &'a R,
    shards: Vec<Shard<R>>,
    descending: bool,
    /// Most rows that are read from a shard.
    most_read: usize,
}

struct Shard<R: ShardedRows> {
    number: u8,
    after: Option<R::Place>,
    rows: VecDeque<R::Row>,
    exhausted: bool,
    /// Rows read so far.
    read: usize,
    /// How many of them the page leaves out.
    left_out: usize,
}

impl<R: ShardedRows> Shard<R> {
    /// How many rows to request: doubles each time among many that are left out.
    fn limit(&self, wanted: usize, most_read: usize) -> usize {
        share(wanted).max(self.left_out).min(most_read - self.read)
    }

    fn take(&mut self, portion: Portion<R::Row>, rows: &R) {
        if let Some(last) = portion.rows.last() {
            self.after = Some(rows.place(last));
        }
        self.exhausted = portion.exhausted;
        self.read += portion.rows.len();
        self.left_out += portion.rows.iter().filter(|row| rows.leaves_out(row)).count();
        self.rows.extend(portion.rows);
    }

    fn is_drained(&self) -> bool {
        self.rows.is_empty() && !self.exhausted
    }
}

impl<'a, R: ShardedRows> Walk<'a, R> {
    pub(super) fn new(rows: &'a R, after: Option<&R::Place>, descending: bool, most_read: usize) -> Self {
        let shard = |number| Shard {
            number,
            after: after.cloned(),
            rows: VecDeque::new(),
            exhausted: false,
            read: 0,
            left_out: 0,
        };
        Self { rows, shards: (0..SHARDS).map(shard).collect(), descending, most_read }
    }

    /// The first row of all shards, while `wanted` rows are still missing.
    pub(super) async fn next(&mut self, wanted: usize) -> Result<WalkStep<R::Row>, StoreError> {
        // A portion may be empty although the shard continues.
        while self.shards.iter().any(Shard::is_drained) {
            if self.shards.iter().any(|shard| shard.is_drained() && shard.read >= self.most_read) {
                return Ok(WalkStep::Limit);
            }
            self.fill(wanted).await?;
        }
        let rows = self.rows;
        let heads = self.shards.iter_mut().filter(|shard| !shard.rows.is_empty());
        let place = |shard: &&mut Shard<R>| shard.rows.front().map(|row| rows.place(row));
        let first = if self.descending { heads.max_by_key(place) } else { heads.min_by_key(place) };
        Ok(first
            .and_then(|shard| shard.rows.pop_front())
            .map_or(WalkStep::End, |row| WalkStep::Row(Box::new(row))))
    }

    /// Reads more rows from every shard without any, concurrently.
    async fn fill(&mut self, wanted: usize) -> Result<(), StoreError> {
        let (rows, most_read) = (self.rows, self.most_read);
        let drained = self.shards.iter_mut().filter(|shard| shard.is_drained());
        try_join_all(drained.map(|shard| async move {
            let limit = shard.limit(wanted, most_read);
            let portion = rows.read(shard.number, shard.after.as_ref(), limit).await?;
            shard.take(portion, rows);
            Ok(())
        }))
        .await
        .map(drop)
    }
}

/// How many rows to request from one shard: its share plus two standard deviations, since ids are spread over the shards
/// at random.
fn share(wanted: usize) -> usize {
    let mean = wanted.div_ceil(usize::from(SHARDS));
    (mean + 2 * mean.isqrt()).min(wanted)
}
