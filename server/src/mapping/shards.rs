//! The shards of a table's stream, and the order to read them in: a parent to its end before its children; otherwise changes
//! of one item would arrive in the wrong order.

use std::collections::HashSet;

use aws_sdk_dynamodbstreams::Client;
use event_store::aws::describe;

/// A shard and its parent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shard {
    pub(super) id: String,
    pub(super) parent: Option<String>,
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
        let page =
            streams.describe_stream().stream_arn(&arn).set_exclusive_start_shard_id(after).send().await;
        let page = page.map_err(|error| describe(&error))?;
        let Some(description) = page.stream_description else {
            break;
        };
        for shard in description.shards.unwrap_or_default() {
            if let Some(id) = shard.shard_id {
                shards.push(Shard { id, parent: shard.parent_shard_id });
            }
        }
        after = description.last_evaluated_shard_id;
        if after.is_none() {
            break;
        }
    }
    Ok(StreamDescription { arn, shards })
}

/// `ListStreams` also names disabled streams; their labels are older.
async fn newest(streams: &Client, table: &str) -> Result<String, String> {
    let mut newest: Option<(String, String)> = None;
    let mut after = None;
    loop {
        let page =
            streams.list_streams().table_name(table).set_exclusive_start_stream_arn(after).send().await;
        let page = page.map_err(|error| describe(&error))?;
        for stream in page.streams.unwrap_or_default() {
            if let (Some(label), Some(arn)) = (stream.stream_label, stream.stream_arn) {
                newest = newest.max(Some((label, arn)));
            }
        }
        after = page.last_evaluated_stream_arn;
        if after.is_none() {
            break;
        }
    }
    newest.map(|(_, arn)| arn).ok_or_else(|| "the table has no stream; create it with one".to_owned())
}

/// The shards whose parent was read to its end, or no longer exists.
pub(super) fn ready<'a>(
    shards: &'a [Shard],
    finished: &'a HashSet<String>,
) -> impl Iterator<Item = &'a Shard> {
    let open = |id: &String| shards.iter().any(|shard| shard.id == *id) && !finished.contains(id);
    shards
        .iter()
        .filter(move |shard| !finished.contains(&shard.id) && !shard.parent.as_ref().is_some_and(open))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_wait_for_their_parent_unless_it_is_no_longer_kept() {
        let shard =
            |id: &str, parent: Option<&str>| Shard { id: id.to_owned(), parent: parent.map(str::to_owned) };
        let shards = [shard("old", Some("gone")), shard("left", Some("old")), shard("right", Some("old"))];
        let ready = |finished: &[&str]| {
            let finished = finished.iter().copied().map(str::to_owned).collect();
            ready(&shards, &finished).map(|shard| shard.id.clone()).collect::<Vec<_>>()
        };
        assert_eq!(ready(&[]), ["old"]);
        assert_eq!(ready(&["old"]), ["left", "right"]);
        assert_eq!(ready(&["old", "left"]), ["right"]);
    }
}
