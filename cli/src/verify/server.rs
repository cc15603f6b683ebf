//! Verifies what a server answers: the histories of all products, deleted ones included, or of one.
//!
//! The promise: each product that the server lists, or that an earlier export has, is read to its end; one whose history is
//! missing, shorter than listed, or that of another product is a fault. A server that leaves a product out of its list too
//! is only found out by an earlier export.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use event_store::verify::{
    Chain, ExaminedLine, FaultKind, LineBatch, ProductReport, Sighting, Witness, WitnessSource,
};
use futures::{StreamExt, TryStreamExt, stream};
use schema::ProductId;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::task::spawn_blocking;

use super::arguments::VerifyArgs;
use super::report::VerifyReport;
use crate::remote::{LedgerAnswer, LedgerClient};
use crate::retry::asked;
use crate::text_table::escaped;
use crate::{out, progress};

/// Products that are asked for at once.
const AT_ONCE: usize = 8;

/// Products or commits of a page.
const PAGE: u64 = 100;

/// What the server lists, or earlier exports have, of each product.
type Listed = BTreeMap<String, Vec<Witness>>;

/// A page of a history; its commits as the server sent them.
#[derive(Deserialize)]
struct HistoryPage<'a> {
    #[serde(borrow)]
    commits: Vec<&'a RawValue>,
    next: Option<u64>,
}

/// What the server answers for a page of a history.
enum HistoryAnswer {
    /// The commits, examined, and the value of `after` for the next page.
    Page(Vec<ExaminedLine>, Option<u64>),
    /// There is no such product.
    Gone,
    /// The page has a commit that the server cannot read, unless it failed otherwise.
    Unreadable(anyhow::Error),
}

/// What the server found when it verified a product.
#[derive(Deserialize)]
struct Verification {
    #[serde(default)]
    faults: Vec<ToldFault>,
}

#[derive(Deserialize)]
struct ToldFault {
    sequence: Option<u64>,
    fault: String,
    detail: String,
}

/// A page of the list of products.
#[derive(Deserialize)]
struct ListPage {
    products: Vec<ListedProduct>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct ListedProduct {
    id: String,
    version: u64,
}

/// Verifies the products of the server at `url`, or one of them.
pub(super) async fn verify(
    url: &str,
    arguments: &VerifyArgs,
    mut seen: Listed,
    found: &mut VerifyReport,
) -> anyhow::Result<()> {
    let client = LedgerClient::new(url)?;
    out::message(format_args!("asked: {}", escaped(url)));
    if let Some(id) = &arguments.id {
        let witnesses = seen.remove(id.as_str()).unwrap_or_default();
        seen = BTreeMap::from([(id.to_string(), witnesses)]);
    } else {
        list(&client, &mut seen).await?;
    }
    let bar = progress::products(seen.len() as u64);
    let reports = stream::iter(seen).map(|(product, seen)| report(client.clone(), product, seen));
    let mut reports = reports.buffered(AT_ONCE);
    while let Some(report) = reports.try_next().await? {
        found.take(report, &bar)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

/// Adds the products that the server lists, each with its version. In the order of changes none is passed over while others
/// change: one that changes meanwhile comes once more.
async fn list(client: &LedgerClient, seen: &mut Listed) -> anyhow::Result<()> {
    let bar = progress::looking("looking for products:");
    let (mut cursors, mut cursor) = (BTreeSet::new(), None);
    loop {
        let fixed = [("sort", "updated_at"), ("include", "deleted")];
        let mut query: Vec<_> = fixed.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        query.push(("limit", PAGE.to_string()));
        query.extend(cursor.map(|cursor: String| ("cursor", cursor)));
        let answer = asked(client, &["products"], &query).await?;
        // Only an order that the server does not keep leaves another way.
        let is_not_kept = answer.status == 400;
        let mut body = accepted(client, answer);
        if is_not_kept {
            body = body.context("the products of the server cannot be listed; give their ids one by one");
        }
        let page: ListPage = serde_json::from_slice(&body?).context("the list of products cannot be read")?;
        for ListedProduct { id, version } in page.products {
            bar.inc(1);
            let listed = Witness { sequence: version, seen: Sighting::Event, seen_by: WitnessSource::View };
            seen.entry(id).or_default().push(listed);
        }
        match page.next {
            None => break,
            Some(next) => {
                anyhow::ensure!(cursors.insert(next.clone()), "the list of products does not end");
                cursor = Some(next);
            }
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// The report on a product, from its whole history.
async fn report(client: LedgerClient, product: String, seen: Vec<Witness>) -> anyhow::Result<ProductReport> {
    let mut chain = Chain::witnessed(product.clone(), seen);
    let Ok(id) = ProductId::new(product.as_str()) else {
        let reason = "is not a product id".to_owned();
        chain.fault(None, None, FaultKind::Unreadable { field: "product_id".into(), reason });
        return Ok(chain.end());
    };
    let (mut after, mut limit) = (Some(0), PAGE);
    while let Some(sequence) = after {
        let next = match page(&client, &id, sequence, limit).await? {
            HistoryAnswer::Page(lines, next) => {
                for line in lines {
                    match line {
                        ExaminedLine::Commit(commit) => chain.follow(&commit),
                        ExaminedLine::Unreadable { sequence, reason, .. } => {
                            chain.unreadable(sequence, None, reason);
                        }
                    }
                }
                next
            }
            // A product that is gone, but was listed, is a fault of what listed it.
            HistoryAnswer::Gone => break,
            // The commits before the one that cannot be read are on a smaller page.
            HistoryAnswer::Unreadable(_) if limit > 1 => {
                limit /= 2;
                continue;
            }
            HistoryAnswer::Unreadable(refused) => {
                let known = unreadable_behind(&client, &id, sequence).await?;
                // Another one is not why this page was refused.
                let first = known.filter(|(at, _)| chain.next_sequence().is_none_or(|next| next == *at));
                let (unreadable, reason) = first.ok_or(refused)?;
                chain.unreadable(Some(unreadable), None, reason);
                limit = PAGE;
                Some(unreadable)
            }
        };
        anyhow::ensure!(
            next.is_none_or(|next| next > sequence),
            "the history of product {id} does not go on"
        );
        after = next;
    }
    Ok(chain.end())
}

/// The first commit behind a sequence of which the server says that it cannot be read, and why: the server verifies the
/// product itself, and answers no page of the history with such a commit.
async fn unreadable_behind(
    client: &LedgerClient,
    product: &ProductId,
    sequence: u64,
) -> anyhow::Result<Option<(u64, String)>> {
    let answer = asked(client, &["products", product.as_str(), "verification"], &[]).await?;
    let body = accepted(client, answer)?;
    let report: Verification = serde_json::from_slice(&body)
        .with_context(|| format!("the verification of product {product} cannot be read"))?;
    let unreadable = report.faults.into_iter().filter(|fault| fault.fault == "unreadable");
    let behind = unreadable.filter_map(|fault| Some((fault.sequence?, fault.detail)));
    let first = behind.filter(|(at, _)| *at > sequence).min_by_key(|(at, _)| *at);
    Ok(first.map(|(at, detail)| (at, detail.strip_prefix("line ").unwrap_or(&detail).to_owned())))
}

/// The commits of a product after a sequence.
async fn page(
    client: &LedgerClient,
    product: &ProductId,
    after: u64,
    limit: u64,
) -> anyhow::Result<HistoryAnswer> {
    let query = [("after", after.to_string()), ("limit", limit.to_string())];
    let answer = asked(client, &["products", product.as_str(), "history"], &query).await?;
    if LedgerClient::has_no_product(&answer) {
        return Ok(HistoryAnswer::Gone);
    }
    let is_internal = answer.status == 500;
    let body = match accepted(client, answer) {
        Err(refused) if is_internal => return Ok(HistoryAnswer::Unreadable(refused)),
        body => body?,
    };
    let read = spawn_blocking(move || {
        let page: HistoryPage = serde_json::from_slice(&body)?;
        let commits = page.commits.iter().map(|commit| commit.get().as_bytes().to_vec()).collect();
        Ok::<_, serde_json::Error>(HistoryAnswer::Page(LineBatch::of_history(commits).examine(), page.next))
    });
    read.await?.with_context(|| format!("the history of product {product} cannot be read"))
}

/// The body of an answer. A refusal is no fault of the ledger: it could not be checked.
fn accepted(client: &LedgerClient, answer: LedgerAnswer) -> anyhow::Result<Vec<u8>> {
    client.accepted(answer).map_err(|refused| anyhow::anyhow!("{refused}"))
}
