//! The server's answers, and whether they are what was asked for: a receipt of this product, or a page of its history.
//! Anything else is a failure, whatever its status.

use reqwest::StatusCode;
use schema::{CommitReceipt, ProductId};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::line::Condition;

/// Longer reasons are truncated.
const LONGEST_REASON: usize = 1_000;

/// The answer to a request.
#[derive(Debug)]
pub(super) struct ServerAnswer {
    pub(super) status: StatusCode,
    /// The server had recorded the command before.
    pub(super) replayed: bool,
    /// The request was sent before, and the outcome of that is not known.
    pub(super) repeated: bool,
    pub(super) body: Vec<u8>,
}

/// A part of a product's history.
#[derive(Debug, Deserialize)]
pub(super) struct HistoryPage {
    pub(super) commits: Vec<HistoryCommit>,
    pub(super) next: Option<u64>,
}

/// The part of a commit that an import reads.
#[derive(Debug, Deserialize)]
pub(super) struct HistoryCommit {
    product_id: ProductId,
    sequence: u64,
    events: Vec<IgnoredAny>,
    metadata: Metadata,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    idempotency_key: Option<String>,
}

impl HistoryCommit {
    pub(super) fn key(&self) -> Option<&str> {
        self.metadata.idempotency_key.as_deref()
    }

    /// The product's version after it.
    pub(super) fn version(&self) -> u64 {
        self.sequence.saturating_add(self.events.len() as u64).saturating_sub(1)
    }
}

impl ServerAnswer {
    /// Whether access is refused, to this request as to every other. A firewall refuses one request because of what it holds.
    pub(super) fn refuses_access(&self) -> bool {
        match self.status.as_u16() {
            401 => true,
            403 => self.kind() != "blocked-by-firewall",
            _ => false,
        }
    }

    /// The last part of a problem's type.
    pub(super) fn kind(&self) -> String {
        let problem = self.problem();
        let kind = problem["type"].as_str().unwrap_or_default();
        kind.rsplit(':').next().unwrap_or_default().to_owned()
    }

    /// The version that failed a precondition.
    pub(super) fn current_version(&self) -> Option<u64> {
        self.problem()["current_version"].as_u64()
    }

    /// Status, title and every error in one line.
    pub(super) fn reason(&self) -> String {
        let problem = self.problem();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let faults = problem["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        let faults: Vec<String> = faults
            .iter()
            .map(|fault| format!("{} {}", text(&fault["pointer"]), text(&fault["detail"])))
            .collect();
        let detail = if faults.is_empty() { text(&problem["detail"]) } else { faults.join("; ") };
        let whole = match text(&problem["title"]) {
            title if title.is_empty() && detail.is_empty() => format!("{}, without saying why", self.status),
            title => format!("{} {title}: {detail}", self.status.as_u16()),
        };
        match whole.char_indices().nth(LONGEST_REASON) {
            Some((end, _)) => format!("{}…", &whole[..end]),
            None => whole,
        }
    }

    /// The receipt of a command on this product that was sent on this condition.
    ///
    /// # Errors
    /// Why it is not one, for people.
    pub(super) fn receipt(&self, product: &ProductId, condition: Condition) -> Result<CommitReceipt, String> {
        let receipt = serde_json::from_slice::<CommitReceipt>(&self.body).ok();
        let receipt =
            receipt.filter(|receipt| receipt.product_id == *product && is_consistent(receipt, condition));
        receipt.ok_or_else(|| self.other_than(product))
    }

    /// A page of the product's history after `after`.
    ///
    /// # Errors
    /// Why it is not one, for people.
    pub(super) fn page(&self, product: &ProductId, after: u64) -> Result<HistoryPage, String> {
        let page = serde_json::from_slice::<HistoryPage>(&self.body).ok();
        let ours = |commit: &HistoryCommit| commit.product_id == *product && commit.sequence > after;
        let page =
            page.filter(|page| page.commits.iter().all(ours) && page.next.is_none_or(|next| next > after));
        page.ok_or_else(|| self.other_than(product))
    }

    fn other_than(&self, product: &ProductId) -> String {
        format!("{}, but with no receipt or history of product {product}", self.status.as_u16())
    }

    fn problem(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Whether the numbers of a receipt agree with each other and with the version that the command was sent for.
fn is_consistent(receipt: &CommitReceipt, condition: Condition) -> bool {
    let first = receipt.version.checked_sub(receipt.events.len() as u64);
    let numbered = first.is_some_and(|before| {
        (before + 1..).zip(&receipt.events).all(|(sequence, event)| event.sequence == sequence)
    });
    let follows = match condition {
        Condition::Version(version) => first == Some(version),
        Condition::None | Condition::Absent => true,
    };
    receipt.version > 0 && numbered && follows
}

#[cfg(test)]
mod tests {
    use schema::fixtures;
    use serde_json::json;

    use super::*;

    fn answer(body: &Value) -> ServerAnswer {
        let body = body.to_string().into_bytes();
        ServerAnswer { status: StatusCode::OK, replayed: false, repeated: false, body }
    }

    fn receipt(version: u64, sequences: &[u64]) -> Value {
        let event =
            |sequence: &u64| json!({"event_id": "01", "type": "ProductDeleted", "sequence": sequence});
        json!({
            "product_id": "p", "version": version, "commit_id": "01", "hash": "0".repeat(64),
            "recorded_at": "2026-11-23T05:20:00.001Z", "events": sequences.iter().map(event).collect::<Vec<_>>(),
        })
    }

    #[test]
    fn a_receipt_is_of_this_product_with_numbers_that_fit_and_anything_else_is_none() {
        let product = fixtures::id("p");
        let taken = |body: &Value, condition| answer(body).receipt(&product, condition).is_ok();
        assert!(taken(&receipt(3, &[2, 3]), Condition::None));
        assert!(taken(&receipt(3, &[2, 3]), Condition::Version(1)));
        assert!(taken(&receipt(3, &[]), Condition::Version(3)));
        for (version, sequences, condition) in [
            (0, &[][..], Condition::None),
            (1, &[1, 2], Condition::None),
            (3, &[1, 3], Condition::None),
            (3, &[3], Condition::Version(3)),
            (3, &[], Condition::Version(2)),
        ] {
            assert!(!taken(&receipt(version, sequences), condition), "{version} {sequences:?} {condition:?}");
        }
        for missing in ["product_id", "version", "commit_id", "hash", "recorded_at", "events"] {
            let mut body = receipt(1, &[1]);
            body.as_object_mut().unwrap().remove(missing);
            assert!(!taken(&body, Condition::None), "without {missing}");
        }
        for body in [json!({}), json!([]), json!(null), json!("ok"), json!({"products": [], "next": null})] {
            let said = answer(&body).receipt(&product, Condition::None).unwrap_err();
            assert_eq!(said, "200, but with no receipt or history of product p");
        }
        assert!(answer(&receipt(1, &[1])).receipt(&fixtures::id("q"), Condition::None).is_err());
    }

    #[test]
    fn a_firewall_refuses_a_request_and_everything_else_that_refuses_refuses_access() {
        let refused = |status: u16, kind: &str| {
            let body = json!({"type": format!("urn:product-ledger:problem:{kind}")});
            ServerAnswer { status: StatusCode::from_u16(status).unwrap(), ..answer(&body) }.refuses_access()
        };
        for (status, kind, refuses) in [
            (401, "unauthorized", true),
            (403, "forbidden", true),
            (403, "foreign-origin", true),
            (403, "", true),
            (403, "blocked-by-firewall", false),
            (404, "not-found", false),
            (429, "too-many-requests", false),
        ] {
            assert_eq!(refused(status, kind), refuses, "{status} {kind}");
        }
    }

    #[test]
    fn a_page_of_a_history_is_of_this_product_and_goes_on() {
        let product = fixtures::id("p");
        let page = |of: &str, sequence: u64, next: Option<u64>| {
            let commit = json!({"product_id": of, "sequence": sequence, "events": [{}, {}], "metadata": {}});
            answer(&json!({"commits": [commit], "next": next}))
        };
        let read = page("p", 5, Some(6)).page(&product, 4).unwrap();
        assert_eq!((read.commits[0].version(), read.next), (6, Some(6)));
        for (other, why) in [
            (page("q", 5, None), "another product's"),
            (page("p", 4, None), "before where it was asked"),
            (page("p", 5, Some(4)), "which would go round in a circle"),
            (answer(&json!({})), "nothing"),
        ] {
            assert!(other.page(&product, 4).is_err(), "{why}");
        }
    }

    #[test]
    fn a_reason_lists_every_error_up_to_a_length() {
        let faults: Vec<Value> =
            (0..200).map(|n| json!({"pointer": format!("/{n}"), "detail": "é is wrong"})).collect();
        let few = answer(&json!({"title": "No", "detail": "see", "errors": &faults[..2]}));
        assert_eq!(few.reason(), "200 No: /0 é is wrong; /1 é is wrong");
        let many = answer(&json!({"title": "No", "errors": faults})).reason();
        assert!(many.ends_with('…') && many.chars().count() == LONGEST_REASON + 1, "{many}");
    }
}
