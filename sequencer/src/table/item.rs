//! The items of the log table. They are stored for ever: names and forms never change, and attributes are only ever added.
//!
//! The promise: what is read is what was written. A batch whose tree is not the one over its size, or whose lists differ in
//! length, is not read. What an earlier build would misread lacks an attribute that it needs.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use event_store::StoreError;
use event_store::dynamodb::{DynamoItem, number, number_of, read_row};
use event_store::feed_reader::{CommitDays, CommitSummary, CountedBlock, SummarisedCommits};
use ledger_log::leaf::LEAF_BYTES;
use ledger_log::{Leaf, RightEdge, TreeHash};
use schema::{ProductId, Timestamp};
use ulid::Ulid;

use super::{BatchedAcceptance, BatchedCommit, IndexBranch, InitialKey, KeyRun, LogBatch, LogIndexEntry};

/// The partition of the batches; `sk` is the index of the first leaf.
pub(super) const BATCHES: &str = "log";

/// The partition of how the log began: `sk` is 0 for when, 1 for its end.
pub(super) const BEGINNING: &str = "begin";

/// The partition of the summaries of blocks; `sk` is the first position.
pub(super) const BLOCKS: &str = "block";

/// The partition of the counts of days of blocks; `sk` is the first position.
pub(super) const DAYS: &str = "days";

/// The partition of the sorted runs of keys with which the log begins; `sk` is the number of the run.
pub(super) const RUNS: &str = "runs";

/// What precedes a run's id in the partition of its chunks of keys; `sk` is the number of the chunk.
const KEYS: &str = "keys#";

/// What precedes a product's id in the partition of its index; `sk` is the sequence.
const PRODUCT: &str = "p#";

/// What separates the id from the index of the acceptance, in the partition of a branch of the index. No id has it.
const BRANCH: char = '#';

/// The sort keys of branches, which are in the partition of the product, begin here: behind all sequences, which are below 2^53
/// (`StoredCommit::sequence`).
pub(super) const BRANCHES_FROM: u64 = 1 << 53;

/// The partition of a product's index, or of a branch of it.
pub(super) fn index_of(product: &ProductId, branch: Option<u64>) -> String {
    match branch {
        None => format!("{PRODUCT}{product}"),
        Some(at) => format!("{PRODUCT}{product}{BRANCH}{at}"),
    }
}

/// The partition of the chunks of a run.
pub(super) fn chunks_of(run: Ulid) -> String {
    format!("{KEYS}{run}")
}

/// An item with its key.
pub(super) fn keyed(partition: impl Into<String>, sort: u64) -> DynamoItem {
    DynamoItem::from([
        ("pk".to_owned(), AttributeValue::S(partition.into())),
        ("sk".to_owned(), number(sort)),
    ])
}

/// The item of a batch.
pub(super) fn of_batch(batch: &LogBatch) -> Result<DynamoItem, StoreError> {
    let edge: Vec<u8> = batch.edge.hashes().iter().flat_map(|hash| hash.0).collect();
    let mut item = keyed(BATCHES, batch.first);
    match &batch.acceptance {
        None => item.extend(of_commits(&batch.commits)),
        Some(acceptance) => item.extend(of_acceptance(acceptance)),
    }
    item.extend([
        ("batch_id".to_owned(), AttributeValue::S(batch.batch_id.to_string())),
        ("size".to_owned(), number(batch.size())),
        ("root".to_owned(), bytes(batch.edge.root().0.to_vec())),
        ("edge".to_owned(), bytes(edge)),
        ("summary".to_owned(), of_member(&batch.summary)?),
    ]);
    if let Some(days) = &batch.days {
        item.insert("days".to_owned(), of_member(days)?);
    }
    if batch.is_initial {
        item.insert("initial".to_owned(), AttributeValue::Bool(true));
    }
    if let Some(read_to) = batch.read_to {
        item.insert("read_to".to_owned(), AttributeValue::S(read_to.to_string()));
    }
    if let Some(settled_to) = batch.settled_to {
        item.insert("settled_to".to_owned(), AttributeValue::S(settled_to.to_string()));
    }
    Ok(item)
}

/// The attributes of commits.
fn of_commits(commits: &[BatchedCommit]) -> [(String, AttributeValue); 3] {
    let leaves: Vec<u8> = commits.iter().flat_map(|commit| commit.leaf.to_bytes()).collect();
    let products = commits.iter().map(|commit| AttributeValue::S(commit.product.to_string()));
    let places = if commits.iter().all(|commit| commit.branch.is_none()) {
        let sequences = commits.iter().map(|commit| number(commit.sequence));
        ("sequences".to_owned(), AttributeValue::L(sequences.collect()))
    } else {
        // A build that knows no branches would index these commits among the lost ones.
        let places = commits.iter().map(|commit| AttributeValue::S(place(commit)));
        ("places".to_owned(), AttributeValue::L(places.collect()))
    };
    [
        ("leaves".to_owned(), bytes(leaves)),
        ("products".to_owned(), AttributeValue::L(products.collect())),
        places,
    ]
}

/// The attributes of an acceptance.
fn of_acceptance(acceptance: &BatchedAcceptance) -> [(String, AttributeValue); 3] {
    let lost = &acceptance.lost;
    let products = lost.iter().map(|(product, _)| AttributeValue::S(product.to_string()));
    let sequences = lost.iter().map(|(_, from)| number(*from));
    [
        ("entry".to_owned(), bytes(acceptance.entry.clone())),
        ("lost_products".to_owned(), AttributeValue::L(products.collect())),
        ("lost_from".to_owned(), AttributeValue::L(sequences.collect())),
    ]
}

/// Where a commit is in the index of its product: its sequence, with the branch if there is one.
fn place(commit: &BatchedCommit) -> String {
    match commit.branch {
        None => commit.sequence.to_string(),
        Some(branch) => format!("{}{BRANCH}{branch}", commit.sequence),
    }
}

/// The sequence and the branch of a place.
fn to_place(place: &str) -> Option<(u64, Option<u64>)> {
    let Some((sequence, branch)) = place.split_once(BRANCH) else { return Some((place.parse().ok()?, None)) };
    Some((sequence.parse().ok()?, Some(branch.parse().ok()?)))
}

/// The batch of an item.
pub(super) fn to_batch(mut item: DynamoItem) -> Result<LogBatch, StoreError> {
    let first = number_of(&item, "sk")?;
    let wrong = |what: &str| {
        StoreError::unreadable(
            format!("the batch at {first} cannot be read: its {what} are not as written").into(),
        )
    };
    let ulid = |name: &str| match item.get(name) {
        None => Ok(None),
        Some(value) => {
            let id = value.as_s().ok().and_then(|id| Ulid::from_string(id).ok());
            id.map(Some).ok_or_else(|| wrong("ids"))
        }
    };
    let (batch_id, read_to) = (ulid("batch_id")?.ok_or_else(|| wrong("ids"))?, ulid("read_to")?);
    let settled_to = ulid("settled_to")?;
    let acceptance = item.contains_key("entry").then(|| acceptance(&item).ok_or_else(|| wrong("entries")));
    let acceptance = acceptance.transpose()?;
    let commits = match &acceptance {
        Some(_) => Vec::new(),
        None if !item.contains_key("leaves") => return Err(of_a_later_build(first)),
        None => commits(&item).ok_or_else(|| wrong("commits"))?,
    };
    let size = number_of(&item, "size").map_err(|_| wrong("hashes"))?;
    let edge = edge(&item, size).ok_or_else(|| wrong("hashes"))?;
    let count = commits.len() as u64 + u64::from(acceptance.is_some());
    if first.checked_add(count) != Some(size) {
        return Err(wrong("sizes"));
    }
    let is_initial = item.get("initial").is_some_and(|value| value.as_bool() == Ok(&true));
    let days =
        if item.contains_key("days") { Some(to_days(&mut item).ok_or_else(|| wrong("days"))?) } else { None };
    let summary = to_summary(&mut item).ok_or_else(|| wrong("summaries"))?;
    Ok(LogBatch {
        batch_id,
        first,
        commits,
        acceptance,
        edge,
        summary,
        days,
        is_initial,
        read_to,
        settled_to,
    })
}

/// A batch has neither commits nor an entry that this build knows.
fn of_a_later_build(first: u64) -> StoreError {
    let reason = format!("the batch at {first} has another form than this build knows; use a later build");
    StoreError::unreadable(reason.into())
}

/// The attribute of a summary, or of counts of days.
fn of_member(value: &impl serde::Serialize) -> Result<AttributeValue, StoreError> {
    serde_dynamo::to_attribute_value(value).map_err(|error| StoreError::new(error.into()))
}

/// The counts of days in an item, which are taken out of it.
fn to_days(item: &mut DynamoItem) -> Option<CommitDays> {
    serde_dynamo::from_attribute_value(item.remove("days")?).ok()
}

/// The summary in an item, which is taken out of it.
fn to_summary(item: &mut DynamoItem) -> Option<CommitSummary> {
    let row = DynamoItem::from([("summary".to_owned(), item.remove("summary")?)]);
    read_row(row).ok().map(|row: SummaryRow| row.summary)
}

/// A summary as an attribute of its item.
#[derive(serde::Deserialize)]
struct SummaryRow {
    summary: CommitSummary,
}

/// The item of a block.
pub(super) fn of_block(block: &SummarisedCommits) -> Result<DynamoItem, StoreError> {
    let mut item = keyed(BLOCKS, block.first);
    item.insert("last".to_owned(), number(block.last));
    item.insert("summary".to_owned(), of_member(&block.summary)?);
    Ok(item)
}

/// The block of an item.
pub(super) fn to_block(mut item: DynamoItem) -> Result<SummarisedCommits, StoreError> {
    let (first, last) = (number_of(&item, "sk")?, number_of(&item, "last")?);
    let summary = to_summary(&mut item).filter(|_| first <= last);
    let wrong = || StoreError::unreadable(format!("the block at {first} is not as it was written").into());
    Ok(SummarisedCommits { first, last, summary: summary.ok_or_else(wrong)? })
}

/// The item of the counts of the days of a block.
pub(super) fn of_counted(block: &CountedBlock) -> Result<DynamoItem, StoreError> {
    let mut item = keyed(DAYS, block.first);
    item.insert("last".to_owned(), number(block.last));
    item.insert("behind".to_owned(), number(block.behind));
    item.insert("days".to_owned(), of_member(&block.days)?);
    Ok(item)
}

/// The counts of an item.
pub(super) fn to_counted(mut item: DynamoItem) -> Result<CountedBlock, StoreError> {
    let (first, last) = (number_of(&item, "sk")?, number_of(&item, "last")?);
    let behind = number_of(&item, "behind")?;
    let days = to_days(&mut item).filter(|_| first <= last && last < behind);
    let wrong = || {
        StoreError::unreadable(
            format!("the days of the block at {first} are not as they were written").into(),
        )
    };
    Ok(CountedBlock { first, last, behind, days: days.ok_or_else(wrong)? })
}

/// Keys in parallel lists, in an item.
fn with_keys(mut item: DynamoItem, keys: &[InitialKey]) -> DynamoItem {
    let list = |of: fn(&InitialKey) -> AttributeValue| AttributeValue::L(keys.iter().map(of).collect());
    item.extend([
        ("times".to_owned(), list(|key| AttributeValue::S(key.recorded_at.to_string()))),
        ("products".to_owned(), list(|key| AttributeValue::S(key.product.to_string()))),
        ("sequences".to_owned(), list(|key| number(key.sequence))),
    ]);
    item
}

/// The item of a chunk of keys.
pub(super) fn of_keys(run: Ulid, chunk: u64, keys: &[InitialKey]) -> DynamoItem {
    with_keys(keyed(chunks_of(run), chunk), keys)
}

/// The keys of an item.
pub(super) fn to_keys(item: &DynamoItem) -> Result<Vec<InitialKey>, StoreError> {
    let list = |name: &str| item.get(name)?.as_l().ok();
    let read = || {
        let (times, products, sequences) = (list("times")?, list("products")?, list("sequences")?);
        let key = |((time, product), sequence): ((&AttributeValue, &AttributeValue), &AttributeValue)| {
            Some(InitialKey {
                recorded_at: Timestamp::parse(time.as_s().ok()?).ok()?,
                product: ProductId::new(product.as_s().ok()?.as_str()).ok()?,
                sequence: sequence.as_n().ok()?.parse().ok()?,
            })
        };
        let is_whole = times.len() == products.len() && times.len() == sequences.len();
        let keys: Option<Vec<_>> = times.iter().zip(products).zip(sequences).map(key).collect();
        keys.filter(|keys| is_whole && keys.is_sorted())
    };
    let wrong = "keys with which the log begins are not as they were written";
    read().ok_or_else(|| StoreError::unreadable(wrong.into()))
}

/// The item of a run.
pub(super) fn of_run(number: u64, run: &KeyRun) -> Result<DynamoItem, StoreError> {
    let mut item = with_keys(keyed(RUNS, number), &run.ends);
    item.insert("run_id".to_owned(), AttributeValue::S(run.id.to_string()));
    if let Some(next) = &run.next {
        item.insert("next".to_owned(), of_member(next)?);
    }
    Ok(item)
}

/// The run of an item.
pub(super) fn to_run(item: &DynamoItem) -> Result<KeyRun, StoreError> {
    let ends = to_keys(item)?;
    let id = item.get("run_id").and_then(|id| Ulid::from_string(id.as_s().ok()?).ok());
    let next = item.get("next").map(|next| serde_dynamo::from_attribute_value(next.clone())).transpose();
    let wrong = || StoreError::unreadable("a run of keys is not as it was written".into());
    Ok(KeyRun { id: id.ok_or_else(wrong)?, ends, next: next.map_err(|_| wrong())? })
}

fn commits(item: &DynamoItem) -> Option<Vec<BatchedCommit>> {
    let (leaves, rest) = item.get("leaves")?.as_b().ok()?.as_ref().as_chunks::<LEAF_BYTES>();
    let products = list(item, "products")?;
    let places: Vec<(u64, Option<u64>)> = match list(item, "sequences") {
        Some(sequences) => {
            let sequence = |sequence: &AttributeValue| Some((sequence.as_n().ok()?.parse().ok()?, None));
            sequences.iter().map(sequence).collect::<Option<_>>()?
        }
        None => {
            list(item, "places")?.iter().map(|place| to_place(place.as_s().ok()?)).collect::<Option<_>>()?
        }
    };
    let fits = rest.is_empty() && !leaves.is_empty();
    if !fits || leaves.len() != products.len() || leaves.len() != places.len() {
        return None;
    }
    let mut commits = Vec::with_capacity(leaves.len());
    for ((leaf, product), (sequence, branch)) in leaves.iter().zip(products).zip(places) {
        commits.push(BatchedCommit {
            product: product_of(product)?,
            sequence,
            leaf: Leaf::read(leaf)?,
            branch,
        });
    }
    Some(commits)
}

fn acceptance(item: &DynamoItem) -> Option<BatchedAcceptance> {
    let entry = item.get("entry")?.as_b().ok()?.as_ref().to_vec();
    let (products, sequences) = (list(item, "lost_products")?, list(item, "lost_from")?);
    if products.len() != sequences.len() || entry.len() == LEAF_BYTES {
        return None;
    }
    let lost = |(product, from): (&AttributeValue, &AttributeValue)| {
        Some((product_of(product)?, from.as_n().ok()?.parse().ok()?))
    };
    let lost = products.iter().zip(sequences).map(lost).collect::<Option<_>>()?;
    Some(BatchedAcceptance { entry, lost })
}

fn list<'i>(item: &'i DynamoItem, name: &str) -> Option<&'i Vec<AttributeValue>> {
    item.get(name)?.as_l().ok()
}

fn product_of(value: &AttributeValue) -> Option<ProductId> {
    ProductId::new(value.as_s().ok()?.as_str()).ok()
}

/// The tree, if the stored root is the one over the stored hashes.
fn edge(item: &DynamoItem, size: u64) -> Option<RightEdge> {
    let (hashes, rest) = item.get("edge")?.as_b().ok()?.as_ref().as_chunks::<32>();
    let edge = RightEdge::stored(size, hashes.iter().copied().map(TreeHash).collect())?;
    let root = item.get("root")?.as_b().ok()?.as_ref();
    (rest.is_empty() && root == edge.root().0).then_some(edge)
}

/// The item of an entry of the index.
pub(super) fn of_entry(entry: &LogIndexEntry) -> DynamoItem {
    let mut item = keyed(index_of(&entry.product, entry.branch), entry.sequence);
    item.insert("index".to_owned(), number(entry.index));
    item.insert("hash".to_owned(), bytes(entry.hash.to_vec()));
    item
}

/// The entry of the index that an item is.
pub(super) fn to_entry(item: &DynamoItem) -> Result<LogIndexEntry, StoreError> {
    let read = || {
        let partition = item.get("pk")?.as_s().ok()?.strip_prefix(PRODUCT)?;
        let (product, branch) = match partition.split_once(BRANCH) {
            None => (partition, None),
            Some((product, branch)) => (product, Some(branch.parse().ok()?)),
        };
        Some(LogIndexEntry {
            product: ProductId::new(product).ok()?,
            branch,
            sequence: number_of(item, "sk").ok()?,
            index: number_of(item, "index").ok()?,
            hash: item.get("hash")?.as_b().ok()?.as_ref().try_into().ok()?,
        })
    };
    read().ok_or_else(|| StoreError::unreadable("an entry of the index is not as it was written".into()))
}

/// The item of a branch of an index.
pub(super) fn of_branch(branch: &IndexBranch) -> DynamoItem {
    let mut item = keyed(index_of(&branch.product, None), BRANCHES_FROM.saturating_add(branch.at));
    item.insert("from".to_owned(), number(branch.from));
    item
}

/// The branch that an item is; none if it is an entry of the index.
pub(super) fn to_branch(item: &DynamoItem) -> Result<Option<IndexBranch>, StoreError> {
    let Some(at) = number_of(item, "sk")?.checked_sub(BRANCHES_FROM) else { return Ok(None) };
    let read = || {
        let product = item.get("pk")?.as_s().ok()?.strip_prefix(PRODUCT)?;
        Some(IndexBranch { product: ProductId::new(product).ok()?, at, from: number_of(item, "from").ok()? })
    };
    let wrong = || StoreError::unreadable("a branch of an index is not as it was written".into());
    read().map(Some).ok_or_else(wrong)
}

/// The item of when the log begins.
pub(super) fn of_beginning(before: Timestamp) -> DynamoItem {
    let mut item = keyed(BEGINNING, 0);
    item.insert("before".to_owned(), AttributeValue::S(before.to_string()));
    item
}

/// When the log begins.
pub(super) fn to_beginning(item: &DynamoItem) -> Result<Timestamp, StoreError> {
    let before = item.get("before").and_then(|before| before.as_s().ok());
    let before = before.and_then(|before| Timestamp::parse(before).ok());
    before.ok_or_else(|| StoreError::unreadable("the beginning of the log is not as it was written".into()))
}

fn bytes(bytes: Vec<u8>) -> AttributeValue {
    AttributeValue::B(Blob::new(bytes))
}
