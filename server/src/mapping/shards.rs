//! The shards that a table's stream has now.

use aws_sdk_dynamodbstreams::Client;
use event_store::aws::describe;

/// A shard and its parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shard {
    pub(super) id: String,
    pub(super) parent: Option<String>,
    /// Whether it gets no more records.
    pub(super) closed: bool,
}

/// A stream and its current shards.
#[derive(Clone, Debug)]
pub(super) struct StreamDescription {
    pub(super) arn: String,
    pub(super) shards: Vec<Shard>,
}

/// Finds the newest stream of `table`.
pub(super) async fn discover(streams: &Client, table: &str) -> Result<StreamDescription, String> {
    let arn = newest(streams, table).await?;
    let mut shards = Vec::new();
    let mut after = None;
    loop {
        let page = streams
            .describe_stream()
            .stream_arn(&arn)
            .set_exclusive_start_shard_id(after.clone())
            .send()
            .await;
        let page = page.map_err(|error| describe(&error))?;
        let description = page.stream_description.ok_or("DescribeStream returned no description")?;
        let before = shards.len();
        for shard in description.shards.unwrap_or_default() {
            let range = shard.sequence_number_range;
            let closed = range.is_some_and(|range| range.ending_sequence_number.is_some());
            if let Some(id) = shard.shard_id {
                shards.push(Shard { id, parent: shard.parent_shard_id, closed });
            }
        }
        after = next(
            "DescribeStream",
            description.last_evaluated_shard_id,
            after.as_ref(),
            shards.len() > before,
        )?;
        if after.is_none() {
            return Ok(StreamDescription { arn, shards });
        }
    }
}

/// Where the next page begins. One that brings nothing new would go on for ever.
fn next(
    operation: &str,
    next: Option<String>,
    after: Option<&String>,
    brought_any: bool,
) -> Result<Option<String>, String> {
    if next.is_some() && (next.as_ref() == after || !brought_any) {
        return Err(format!("{operation} returned a page that leads nowhere"));
    }
    Ok(next)
}

/// `ListStreams` also names disabled streams; their labels are older.
async fn newest(streams: &Client, table: &str) -> Result<String, String> {
    let mut newest: Option<(String, String)> = None;
    let mut after: Option<String> = None;
    loop {
        let page = streams
            .list_streams()
            .table_name(table)
            .set_exclusive_start_stream_arn(after.clone())
            .send()
            .await;
        let page = page.map_err(|error| describe(&error))?;
        let listed = page.streams.unwrap_or_default();
        let brought_any = !listed.is_empty();
        for stream in listed {
            if let (Some(label), Some(arn)) = (stream.stream_label, stream.stream_arn) {
                newest = newest.max(Some((label, arn)));
            }
        }
        after = next("ListStreams", page.last_evaluated_stream_arn, after.as_ref(), brought_any)?;
        if after.is_none() {
            let none = || "the table has no stream; create it with one".to_owned();
            return newest.map(|(_, arn)| arn).ok_or_else(none);
        }
    }
}
