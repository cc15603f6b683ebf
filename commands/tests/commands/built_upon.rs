//! What a command may follow: never a commit that was changed, cannot be read, or was recorded in the future.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use event_store::{AppendError, Journal, MemoryJournal, ScanPage, ScanPosition, StoreError, seal};
use schema::{Commit, ProductId, StoredCommit, Timestamp, fixtures};
use serde_json::json;

use super::front::{Front, HELMET};

const PRICE: &str = r#"{"price":"34.99"}"#;

/// A front whose product `p` has this as its newest commit.
async fn front_with(change: impl FnOnce(&mut StoredCommit)) -> Front {
    let front = Front::in_memory();
    front.send("PUT /products/p", &[], HELMET).await;
    let first = front.commits("p").await.remove(0);
    let follow = fixtures::commit_after(
        Some(&first.decode().unwrap()),
        &fixtures::id("p"),
        vec![fixtures::helmet_deleted()],
    );
    let mut stored = seal(follow).unwrap().1;
    change(&mut stored);
    front.journal.append(&stored).await.unwrap();
    front
}

#[tokio::test]
async fn a_newest_commit_that_was_changed_in_place_is_not_built_upon() {
    let front = front_with(|stored| stored.0["state"]["price"] = json!("0.01")).await;
    let refused = front.send("POST /products/p/restore", &[], "").await;
    assert_eq!(refused.refusal(), (500, "internal"));
    assert!(refused.body["detail"].as_str().unwrap().contains("ledger verify"));
    assert_eq!(refused.header("retry-after"), "");
    assert_eq!(front.commits("p").await.len(), 2);
}

#[tokio::test]
async fn a_newest_commit_of_a_later_build_is_a_fault_and_no_outage() {
    let front = front_with(|stored| stored.0["state"]["schema_version"] = json!(99)).await;
    assert_eq!(front.send("POST /products/p/restore", &[], "").await.refusal(), (500, "internal"));
}

fn newest_at(stored: &mut StoredCommit, front: i64) {
    let commit: Commit = stored.decode().unwrap();
    let mut unsealed = commit.unsealed;
    let at = chrono::DateTime::from_timestamp_millis(front).unwrap();
    unsealed.recorded_at = Timestamp::new(at).unwrap();
    unsealed.state.updated_at = unsealed.recorded_at;
    *stored = seal(unsealed).unwrap().1;
}

#[tokio::test]
async fn a_newest_commit_ahead_of_the_clock_holds_the_time_up_for_a_minute_and_refuses_beyond() {
    let front = front_with(|stored| newest_at(stored, super::front::NOW + 50_000)).await;
    let held_up = front.send("POST /products/p/restore", &[], "").await;
    assert_eq!(held_up.status, 200);
    let commits = front.commits("p").await;
    assert_eq!(commits[2].text("recorded_at").unwrap(), commits[1].text("recorded_at").unwrap());

    let front = front_with(|stored| newest_at(stored, super::front::NOW + 62_000)).await;
    let refused = front.send("POST /products/p/restore", &[], "").await;
    assert_eq!(refused.refusal(), (503, "clock-ahead"));
    assert_eq!(refused.header("retry-after"), "");
    let unchanged = front.send("DELETE /products/p", &[], "").await;
    assert_eq!(unchanged.refusal(), (503, "clock-ahead"), "also what would change nothing");
    assert_eq!(front.commits("p").await.len(), 2);
}

/// A journal whose first append is made but not answered, and which refuses all further ones.
struct LostThenRefusing {
    journal: MemoryJournal,
    appends: AtomicU32,
    hidden: AtomicU32,
}

#[async_trait]
impl Journal for LostThenRefusing {
    async fn append(&self, commit: &StoredCommit) -> Result<(), AppendError> {
        let reason = || StoreError::new("on purpose".into());
        match self.appends.fetch_add(1, Ordering::Relaxed) {
            0 => self.journal.append(commit).await,
            1 => {
                self.journal.append(commit).await?;
                Err(AppendError::Unknown(reason()))
            }
            _ => Err(AppendError::Refused(reason())),
        }
    }

    async fn newest(&self, product: &ProductId, at_most: u64) -> Result<Option<StoredCommit>, StoreError> {
        // The read after the lost answer does not see the commit yet.
        let hides =
            self.appends.load(Ordering::Relaxed) == 2 && self.hidden.fetch_add(1, Ordering::Relaxed) == 0;
        self.journal.newest(product, if hides { at_most.min(1) } else { at_most }).await
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

#[tokio::test]
async fn after_an_attempt_whose_outcome_is_open_a_refusal_says_nothing_was_not_recorded() {
    let (appends, hidden) = (AtomicU32::new(0), AtomicU32::new(0));
    let front =
        Front::over(Arc::new(LostThenRefusing { journal: MemoryJournal::default(), appends, hidden }));
    front.send("PUT /products/p", &[], HELMET).await;
    let answer = front.send("PATCH /products/p", &[], PRICE).await;
    assert_eq!(answer.refusal(), (503, "unavailable"));
    assert!(answer.body["detail"].as_str().unwrap().contains("is not known"), "{}", answer.body);
    assert_eq!(front.commits("p").await.len(), 2, "it was recorded");
}
