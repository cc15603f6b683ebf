//! Feed items on `DynamoDB`: one item for an announcement, as small as it can be, and removed by its age.
//!
//! The names of attributes are stored. Never rename; only add optional ones.

use async_trait::async_trait;
use aws_lambda_events::event::dynamodb::EventRecord;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use schema::{Hash, ProductId, Timestamp};
use ulid::Ulid;

use super::{AnnouncedCommit, AnnouncedKey, Announcement, Announcements, EXPIRES_AT, LIFETIME};
use crate::aws::failed;
use crate::dynamodb::{DynamoItem, number};
use crate::error::StoreError;

/// As errors name the table.
const STORE: &str = "the table of feed items";

/// The only shard so far: one key takes about 1,000 write units a second, which are the items of some 10,000 commits.
const SHARD: &str = "0";

/// The bytes of a hash.
const HASH_BYTES: usize = 32;

/// Announcements in one table of the shape [`super::TABLE`]. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DynamoAnnouncements {
    client: Client,
    table: String,
}

impl DynamoAnnouncements {
    /// The announcements in `table`.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }
}

#[async_trait]
impl Announcements for DynamoAnnouncements {
    async fn announce(&self, announcement: &Announcement) -> Result<(), StoreError> {
        let item = to_item(announcement);
        let request = self.client.put_item().table_name(&self.table).set_item(Some(item));
        request.send().await.map_err(failed(STORE)).map(drop)
    }

    async fn page(&self, after: Option<Ulid>, limit: usize) -> Result<Vec<Announcement>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("#shard = :shard AND id > :after")
            .expression_attribute_names("#shard", "shard")
            .expression_attribute_values(":shard", AttributeValue::S(SHARD.to_owned()))
            // No id is the text that is smaller than all.
            .expression_attribute_values(":after", AttributeValue::S(after.unwrap_or_default().to_string()));
        let (mut found, mut from) = (Vec::new(), None);
        while found.len() < limit {
            let left = i32::try_from(limit - found.len()).unwrap_or(i32::MAX);
            let request = query.clone().limit(left).set_exclusive_start_key(from);
            let answer = request.send().await.map_err(failed(STORE))?;
            for item in answer.items.unwrap_or_default() {
                match from_item(&item) {
                    Ok(announcement) => found.push(announcement),
                    Err(reason) => {
                        tracing::error!(target: "ledger::log", reason, "a feed item cannot be read; the reconcile finds what it announced");
                    }
                }
            }
            from = answer.last_evaluated_key;
            if from.is_none() {
                break;
            }
        }
        Ok(found)
    }
}

/// The item of an announcement.
fn to_item(announcement: &Announcement) -> DynamoItem {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let expires_at = announcement.id.timestamp_ms() / 1000 + LIFETIME.as_secs();
    let (mut products, mut sequences, mut hashes) = (Vec::new(), Vec::new(), Vec::new());
    for commit in &announcement.commits {
        products.push(text(commit.product.as_str()));
        sequences.push(number(commit.newest.as_ref().map_or(0, |newest| newest.sequence)));
        let hash = commit.newest.as_ref().map_or([0; HASH_BYTES], |newest| newest.hash.digest());
        hashes.extend_from_slice(&hash);
    }
    let mut item = DynamoItem::from([
        ("shard".to_owned(), text(SHARD)),
        ("id".to_owned(), text(&announcement.id.to_string())),
        (EXPIRES_AT.to_owned(), number(expires_at)),
        ("products".to_owned(), AttributeValue::L(products)),
        ("sequences".to_owned(), AttributeValue::L(sequences)),
        ("hashes".to_owned(), AttributeValue::B(Blob::new(hashes))),
    ]);
    if let Some(oldest) = announcement.oldest {
        item.insert("oldest".to_owned(), text(&oldest.to_string()));
    }
    item
}

/// The announcement of an item, or what is wrong with it.
fn from_item(item: &DynamoItem) -> Result<Announcement, String> {
    let wrong = |name: &str| format!("the attribute `{name}` of a feed item is not as it was written");
    let text = |value: &AttributeValue| value.as_s().ok().cloned();
    let list = |name: &str| item.get(name).and_then(|value| value.as_l().ok()).ok_or_else(|| wrong(name));
    let id = item.get("id").and_then(text).and_then(|id| Ulid::from_string(&id).ok());
    let oldest = match item.get("oldest") {
        None => None,
        Some(value) => {
            let time = text(value).and_then(|time| Timestamp::parse(&time).ok());
            Some(time.ok_or_else(|| wrong("oldest"))?)
        }
    };
    let (products, sequences) = (list("products")?, list("sequences")?);
    let hashes = item.get("hashes").and_then(|value| value.as_b().ok()).ok_or_else(|| wrong("hashes"))?;
    let (hashes, rest) = hashes.as_ref().as_chunks::<HASH_BYTES>();
    if !rest.is_empty() || hashes.len() != products.len() || sequences.len() != products.len() {
        return Err("the lists of a feed item differ in length".to_owned());
    }
    let mut commits = Vec::with_capacity(products.len());
    for ((product, sequence), hash) in products.iter().zip(sequences).zip(hashes) {
        let product =
            text(product).and_then(|id| ProductId::new(id).ok()).ok_or_else(|| wrong("products"))?;
        let sequence = sequence.as_n().ok().and_then(|digits| digits.parse::<u64>().ok());
        let sequence = sequence.ok_or_else(|| wrong("sequences"))?;
        let newest = (sequence > 0).then(|| AnnouncedKey { sequence, hash: Hash::of_digest(hash) });
        commits.push(AnnouncedCommit { product, newest });
    }
    Ok(Announcement { id: id.ok_or_else(|| wrong("id"))?, oldest, commits })
}

/// Reads a record of the table's stream.
pub(super) fn read_record(record: &EventRecord) -> Result<Option<Announcement>, String> {
    if record.event_name == "REMOVE" {
        return Ok(None);
    }
    let item: DynamoItem = record.change.new_image.clone().into();
    from_item(&item).map(Some)
}
