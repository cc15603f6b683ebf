//! A product read from an export, without any network: its commits are checked as `ledger verify --file` checks them, and
//! then answer the same queries as a server that has them.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::{Extension, Router};
use event_store::verify::{ExportVerifier, LineBatch, ProductReport};
use event_store::{Journal, MemoryJournal, MemoryReceipts};
use projections::http::{QueryApi, routes};
use projections::{MemoryPriceLog, MemoryViews};
use reqwest::Url;
use schema::{ProductId, StoredCommit};
use serde_json::Value;
use tower::ServiceExt;
use web::{Actor, ClockAndIds, Problem};

use crate::counts::counted;
use crate::exit::Refused;
use crate::export_file::ExportFile;
use crate::out;
use crate::remote::refusal;
use crate::text_table::escaped;
use crate::verify::file;

/// A product of an export, with the routes that query it.
pub(crate) struct ExportedProduct {
    routes: Router,
    newest: u64,
}

impl ExportedProduct {
    /// Reads and checks the commits of a product, and says on standard error what was checked.
    ///
    /// # Errors
    /// [`Refused`] inside if the export has no such product, or its chain has faults, which are printed.
    pub(crate) async fn read(path: &Path, id: &ProductId) -> anyhow::Result<Self> {
        let (reports, commits) = examined(path, id).await?;
        let from = path.display();
        for fault in reports.iter().flat_map(|report| &report.faults) {
            out::message(fault);
        }
        let faults: u64 = reports.iter().map(|report| report.faults.len() as u64 + report.more_faults).sum();
        if reports.iter().any(|report| report.damaged) {
            let faults = counted(faults, "fault");
            return Err(Refused(format!("{from} has {faults}, so product {id} is not shown")).into());
        }
        let report =
            reports.into_iter().find(|report| report.product_id == id.as_str() && report.commits > 0);
        let report = report.ok_or_else(|| Refused(format!("there is no product {id} in {from}")))?;
        out::message(escaped(&checked(&report, &from.to_string())));
        let journal = Arc::new(MemoryJournal::default());
        for commit in &commits {
            journal.append(commit).await.context("a commit cannot be read")?;
        }
        let api = QueryApi {
            views: Arc::new(MemoryViews::default()),
            prices: Arc::new(MemoryPriceLog::default()),
            journal,
            receipts: Arc::new(MemoryReceipts::default()),
            clock: ClockAndIds::system().clock,
            stopping: None,
        };
        let routes = routes(api).layer(Extension(Actor::anonymous()));
        Ok(Self { routes, newest: report.version })
    }

    /// What a server would answer. The current product is the newest that the export has.
    ///
    /// # Errors
    /// As those of a server.
    pub(crate) async fn get(&self, path: &[&str], query: &[(&str, String)]) -> anyhow::Result<Value> {
        let mut url = Url::parse("http://export")?;
        url.path_segments_mut().ok().context("a path")?.extend(path);
        url.query_pairs_mut().extend_pairs(query);
        if let (["products", _], []) = (path, query) {
            url.query_pairs_mut().append_pair("version", &self.newest.to_string());
        }
        let request = Request::get(format!("{}?{}", url.path(), url.query().unwrap_or_default()));
        let response = self.routes.clone().oneshot(request.body(Body::empty())?).await?;
        if let Some(problem) = response.extensions().get::<Problem>() {
            return Err(refusal("the export", response.status(), &problem.to_json("", "")));
        }
        let body = to_bytes(response.into_body(), usize::MAX).await?;
        Ok(serde_json::from_slice(&body)?)
    }
}

/// The reports on a product and on lines that name none, and the commits of the product in the order of the export.
async fn examined(path: &Path, id: &ProductId) -> anyhow::Result<(Vec<ProductReport>, Vec<StoredCommit>)> {
    let mut export = ExportVerifier::default().only(id.as_str());
    let (mut commits, mut reports) = (Vec::new(), Vec::new());
    let exported = ExportFile::open(path).await?;
    let read = file::read((&exported, path), LineBatch::examine_whole, |lines, places, _| {
        for ((line, commit), place) in lines.into_iter().zip(places) {
            reports.extend(export.line_at(place.number, &line));
            commits.extend(commit.filter(|commit| commit.text("product_id").ok() == Some(id.as_str())));
        }
        Ok(())
    });
    read.await?.finish_and_clear();
    reports.extend(export.end());
    reports.extend(exported.reports());
    Ok((reports, commits))
}

/// What was checked, in one line.
fn checked(report: &ProductReport, from: &str) -> String {
    let head = report.head.as_ref().map(|head| format!(", head {head}")).unwrap_or_default();
    let (commits, events) = (counted(report.commits, "commit"), counted(report.events, "event"));
    let whole = if report.is_valid() { "is whole" } else { "is whole as far as this build understands it" };
    format!("checked: the chain of {} in {from} {whole}: {commits}, {events}{head}", report.product_id)
}
