//! A commit that was changed or cannot be read is an error on both sides: no command appends to it, no query shows it, and no
//! response says that a table is unavailable.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use commands::Executor;
use commands::http::CommandApi;
use event_store::{AppendError, Journal, MemoryReceipts, ScanPage, ScanPosition, StoreError};
use projections::http::QueryApi;
use projections::{MemoryPriceLog, MemoryViews};
use schema::{Currency, ProductId, StoredCommit, fixtures};
use serde_json::{Value, json};
use tower::ServiceExt;
use web::{ClockAndIds, finish};

use super::Journals;
use crate::given::commits::recorded_anew;

cases! { dyn event_store::Journal, [memory sqlite dynamodb];
    a_newest_commit_that_was_changed_is_built_upon_by_nobody
    a_newest_commit_that_cannot_be_read_is_a_fault_for_commands_and_queries_and_no_outage
    after_an_open_attempt_a_refusal_does_not_say_that_nothing_was_recorded
}

/// Commands and queries over a journal.
fn front(journal: Arc<dyn Journal>) -> Router {
    let clock_and_ids = ClockAndIds::system();
    let executor = Executor::new(journal.clone(), clock_and_ids.clone());
    let default_currency = Currency::parse("USD").unwrap();
    let commands = commands::http::routes(CommandApi {
        executor,
        clock_and_ids: clock_and_ids.clone(),
        default_currency,
    });
    let queries = projections::http::routes(QueryApi {
        views: Arc::<MemoryViews>::default(),
        prices: Arc::<MemoryPriceLog>::default(),
        journal,
        receipts: Arc::<MemoryReceipts>::default(),
        clock: clock_and_ids.clock.clone(),
        stopping: None,
    });
    finish(commands.merge(queries), clock_and_ids)
}

async fn send(front: &Router, request: &str, body: &str) -> (u16, Value) {
    let (method, uri) = request.split_once(' ').unwrap();
    let request = Request::builder().method(method).uri(uri).header("content-type", "application/json");
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let response = front.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    assert!(!response.headers().contains_key("retry-after") || status == 503, "{uri}");
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

/// A ledger of three commits, the newest of which is changed like this.
async fn changed(journals: &Journals, change: impl FnOnce(&mut StoredCommit)) -> Arc<dyn Journal> {
    let journals = journals.another(()).await;
    let mut commits = recorded_anew(3, 3);
    change(&mut commits[2].1);
    for (_, commit) in &commits {
        journals.append(commit).await.unwrap();
    }
    // The store is dropped with its directory.
    let journal = journals.shared();
    std::mem::forget(journals);
    journal
}

async fn a_newest_commit_that_was_changed_is_built_upon_by_nobody(journals: &Journals) {
    let journal = changed(journals, |commit| commit.0["state"]["name"] = json!("forged")).await;
    let front = front(journal.clone());
    let (status, problem) = send(&front, "PATCH /products/p", r#"{"price":"5"}"#).await;
    assert_eq!((status, &problem["type"]), (500, &json!("urn:product-ledger:problem:internal")));
    assert!(problem["detail"].as_str().unwrap().contains("ledger verify"), "{problem}");
    assert_eq!(journal.page(&fixtures::id("p"), 0, 9).await.unwrap().len(), 3);
}

async fn a_newest_commit_that_cannot_be_read_is_a_fault_for_commands_and_queries_and_no_outage(
    journals: &Journals,
) {
    for (what, field, value) in [
        ("a state of a later build", "state", json!({"schema_version": 99})),
        ("no state", "state", json!("gone")),
        ("no product", "state", json!({"schema_version": 1, "id": "p"})),
    ] {
        let front = front(changed(journals, |commit| commit.0[field] = value).await);
        for request in [
            "PATCH /products/p",
            "PUT /products/p",
            "DELETE /products/p",
            "GET /products/p?min_version=3",
            "GET /products/p?version=3",
            "GET /products/p?as_of=2030-01-01T00:00:00Z",
            "GET /products/p/prices",
        ] {
            let body = if request.starts_with('P') { r#"{"name":"n","price":"5"}"# } else { "" };
            let (status, problem) = send(&front, request, body).await;
            let kind = &problem["type"];
            assert_eq!(
                (status, kind),
                (500, &json!("urn:product-ledger:problem:internal")),
                "{what}: {request}"
            );
        }
        assert_eq!(send(&front, "GET /products/p?version=2", "").await.0, 200, "{what}");
    }
}

/// The first append is made but its answer is lost, the read after it does not see it, and then appends are refused.
struct LostThenRefusing {
    journal: Arc<dyn Journal>,
    appends: AtomicU32,
    hidden: AtomicU32,
}

#[async_trait]
impl Journal for LostThenRefusing {
    async fn append(&self, commit: &StoredCommit) -> Result<(), AppendError> {
        let reason = || StoreError::new("on purpose".into());
        if self.appends.fetch_add(1, Ordering::Relaxed) > 0 {
            return Err(AppendError::Refused(reason()));
        }
        self.journal.append(commit).await?;
        Err(AppendError::Unknown(reason()))
    }

    async fn newest(&self, product: &ProductId, at_most: u64) -> Result<Option<StoredCommit>, StoreError> {
        let appended = self.appends.load(Ordering::Relaxed) == 1;
        let hides = appended && self.hidden.fetch_add(1, Ordering::Relaxed) == 0;
        self.journal.newest(product, if hides { at_most.min(3) } else { at_most }).await
    }

    async fn page(
        &self,
        product: &ProductId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        self.journal.page(product, after, limit).await
    }

    async fn scan(&self, from: Option<ScanPosition>, limit: usize) -> Result<ScanPage, StoreError> {
        self.journal.scan(from, limit).await
    }
}

async fn after_an_open_attempt_a_refusal_does_not_say_that_nothing_was_recorded(journals: &Journals) {
    let journal = changed(journals, |_| {}).await;
    let (appends, hidden) = (AtomicU32::new(0), AtomicU32::new(0));
    let front = front(Arc::new(LostThenRefusing { journal: journal.clone(), appends, hidden }));
    let (status, problem) = send(&front, "PATCH /products/p", r#"{"price":"5"}"#).await;
    assert_eq!((status, &problem["type"]), (503, &json!("urn:product-ledger:problem:unavailable")));
    assert!(problem["detail"].as_str().unwrap().contains("is not known"), "{problem}");
    assert_eq!(journal.page(&fixtures::id("p"), 0, 9).await.unwrap().len(), 4, "it was recorded");
}
