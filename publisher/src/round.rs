//! Which events are sent next: chunks of at most ten entries below the size limit, at most one event of each product.
//!
//! Its promise: as long as nothing fails and sizes permit, n events take max(⌈n/10⌉, most events of one product)
//! requests. Longest lane first attains that (Hu 1961); several requests go out at once only when that keeps it true.

use schema::message::Replay;
use tokio::time::Instant;

use crate::bus::{Entry, MOST_BYTES, MOST_ENTRIES};
use crate::lane::Lane;
use crate::message::Address;

/// One request: the lanes whose first events it carries, and their entries.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    pub(crate) lanes: Vec<usize>,
    pub(crate) entries: Vec<Entry>,
    bytes: usize,
    closed: bool,
}

impl Chunk {
    fn has_room(&self, entry: &Entry, alone: bool) -> bool {
        let fits = self.entries.len() < MOST_ENTRIES && self.bytes + entry.size() < MOST_BYTES;
        self.entries.is_empty() || (fits && !self.closed && !alone)
    }

    fn add(&mut self, lane: usize, entry: &Entry, alone: bool) {
        self.lanes.push(lane);
        self.bytes += entry.size();
        self.entries.push(entry.clone());
        self.closed |= alone;
    }
}

/// The requests to send now, none of them empty; empty when every open lane is in a pause.
pub(crate) fn plan(
    lanes: &mut [Lane],
    now: Instant,
    at_once: usize,
    address: &Address,
    replay: Option<&Replay>,
) -> Vec<Chunk> {
    let may_go = |lane: &Lane| lane.is_open() && lane.not_before().is_none_or(|at| at <= now);
    let mut ready: Vec<usize> = (0..lanes.len()).filter(|index| may_go(&lanes[*index])).collect();
    ready.sort_by_key(|index| std::cmp::Reverse(lanes[*index].len()));
    let mut chunks: Vec<Chunk> = Vec::new();
    let at_once = requests_at_once(lanes, ready.len(), at_once);
    for index in ready {
        let alone = lanes[index].alone;
        let Some(entry) = lanes[index].entry(address, replay) else {
            continue;
        };
        if let Some(chunk) = chunks.iter_mut().find(|chunk| chunk.has_room(entry, alone)) {
            chunk.add(index, entry, alone);
        } else if chunks.len() < at_once {
            let mut chunk = Chunk::default();
            chunk.add(index, entry, alone);
            chunks.push(chunk);
        } else if chunks.iter().all(|chunk| chunk.closed || chunk.entries.len() == MOST_ENTRIES) {
            break;
        }
    }
    chunks
}

/// With c full requests at once the longest lane gets shorter by one only, so after them L - 1 more are needed at
/// least: c may be as large as ⌈n/10⌉ - L + 1 without exceeding the budget.
fn requests_at_once(lanes: &[Lane], ready: usize, most: usize) -> usize {
    let open = || lanes.iter().filter(|lane| lane.is_open()).map(Lane::len);
    let fewest: usize = open().sum::<usize>().div_ceil(MOST_ENTRIES);
    let longest = open().max().unwrap_or_default();
    let within_budget = (fewest + 1).saturating_sub(longest);
    within_budget.min(ready / MOST_ENTRIES).clamp(1, most)
}
