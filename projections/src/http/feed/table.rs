//! `GET /commits` as a table: the rows of each commit behind its position.

use std::sync::Arc;

use async_trait::async_trait;
use event_store::{FeedPage, FeedQuery};
use web::Problem;

use super::FeedApi;
use super::answer::FeedItem;
use crate::http::commit_rows::{COLUMNS as OF_A_COMMIT, commit_rows};
use crate::http::csv::{CsvEntry, CsvListing, CsvPart, Row};

/// The commits that a query selects.
pub(super) struct CommitTable {
    api: Arc<FeedApi>,
    query: FeedQuery,
    with_receipts: bool,
    /// The first page, which was read already.
    first: Option<FeedPage>,
}

impl CommitTable {
    /// All that follows the first page too, up to the newest commit of that moment.
    pub(super) fn from(
        first: FeedPage,
        api: Arc<FeedApi>,
        mut query: FeedQuery,
        with_receipts: bool,
    ) -> Self {
        let behind = first.newest.map_or(0, |newest| newest.saturating_add(1));
        query.before = Some(query.before.unwrap_or(behind).min(behind));
        Self { api, query, with_receipts, first: Some(first) }
    }
}

#[async_trait]
impl CsvListing for CommitTable {
    const FILE: &'static str = "commits.csv";

    fn columns() -> Vec<&'static str> {
        ["position", "retroactive"].into_iter().chain(OF_A_COMMIT).collect()
    }

    fn next_parameter(&self) -> &'static str {
        if self.query.newest_first { "before" } else { "after" }
    }

    async fn part(&mut self, limit: usize) -> Result<CsvPart, Problem> {
        self.query.limits.entries = limit;
        let page = match self.first.take() {
            Some(first) => first,
            None => self.api.read(&self.query).await?,
        };
        match page.next {
            Some(next) if self.query.newest_first => self.query.before = Some(next),
            Some(next) => self.query.after = Some(next),
            None => {}
        }
        let items = self.api.items(page.entries, self.with_receipts).await?;
        let entry = |item: &FeedItem| CsvEntry { rows: rows(item), place: item.position.to_string() };
        Ok(CsvPart {
            entries: items.iter().map(entry).collect(),
            next: page.next.map(|next| next.to_string()),
            // It has looked at as many commits as a page may.
            ends_page: true,
        })
    }
}

/// The rows of a commit; of one that is gone its position alone.
fn rows(item: &FeedItem) -> Vec<Row> {
    let position = item.position.to_string();
    let Some(commit) = &item.commit else {
        let mut row = vec![String::new(); CommitTable::columns().len()];
        row[0] = position;
        return vec![row];
    };
    let before = [position, item.retroactive.unwrap_or_default().to_string()];
    let rows = commit_rows(commit, item.receipts.as_deref()).into_iter();
    rows.map(|row| before.iter().cloned().chain(row).collect()).collect()
}
