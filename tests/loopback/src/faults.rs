//! What chosen requests to the tables get instead of their answer: nothing, a late or a slow one, or an error code.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, StreamExt};
use serde_json::json;

use crate::request::TableRequest;

/// In how many parts a slow answer arrives.
const PARTS: u8 = 20;

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFault {
    /// It is not carried out, and the connection stays open without an answer.
    Silence,
    /// It is carried out, and the connection stays open without an answer.
    LostAnswer,
    /// It is carried out and answered after this time.
    Late(Duration),
    /// It is carried out, and half of its answer arrives.
    HalfAnswer,
    /// It is carried out, and its answer arrives in small parts over this time.
    Slow(Duration),
    /// It is not carried out; `DynamoDB` answers with this error code.
    Code(&'static str),
}

type Chosen = Box<dyn Fn(&TableRequest) -> bool + Send>;

/// Which requests have a fault.
pub struct FaultRule {
    operation: Option<&'static str>,
    chosen: Chosen,
    skipped: usize,
    left: usize,
}

impl FaultRule {
    /// Every request.
    #[must_use]
    pub fn any() -> Self {
        Self { operation: None, chosen: Box::new(|_| true), skipped: 0, left: usize::MAX }
    }

    /// Every request of an operation, such as `Query`.
    #[must_use]
    pub fn operation(operation: &'static str) -> Self {
        Self { operation: Some(operation), ..Self::any() }
    }

    /// Only those for which `chosen` is true.
    #[must_use]
    pub fn when(self, chosen: impl Fn(&TableRequest) -> bool + Send + 'static) -> Self {
        Self { chosen: Box::new(chosen), ..self }
    }

    /// Only from the `nth` matching request on, counted from 1.
    #[must_use]
    pub fn from_the(self, nth: usize) -> Self {
        Self { skipped: nth.saturating_sub(1), ..self }
    }

    /// Only that many in a row.
    #[must_use]
    pub fn times(self, times: usize) -> Self {
        Self { left: times, ..self }
    }

    fn applies_to(&mut self, request: &TableRequest) -> bool {
        let matches = self.operation.is_none_or(|operation| operation == request.operation);
        if !matches || !(self.chosen)(request) || self.left == 0 {
            return false;
        }
        if self.skipped > 0 {
            self.skipped -= 1;
            return false;
        }
        self.left -= 1;
        true
    }
}

/// The faults of a server of tables, and how many requests of each operation it got. Clones share them.
#[derive(Clone, Default)]
pub struct TableFaults(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    rules: Vec<(FaultRule, TableFault)>,
    requests: BTreeMap<String, usize>,
    applied: usize,
}

impl TableFaults {
    /// From now on, requests of the rule have this fault; of several rules the first that matches counts.
    pub fn add(&self, rule: FaultRule, fault: TableFault) {
        self.state().rules.push((rule, fault));
    }

    /// Ends all faults; requests that wait without an answer keep waiting.
    pub fn clear(&self) {
        self.state().rules.clear();
    }

    /// How many requests had a fault.
    #[must_use]
    pub fn applied(&self) -> usize {
        self.state().applied
    }

    /// How many requests of each operation arrived since the last call.
    #[must_use]
    pub fn take_counts(&self) -> BTreeMap<String, usize> {
        std::mem::take(&mut self.state().requests)
    }

    pub(crate) fn of(&self, request: &TableRequest) -> Option<TableFault> {
        let mut state = self.state();
        *state.requests.entry(request.operation.clone()).or_default() += 1;
        let fault =
            state.rules.iter_mut().find_map(|(rule, fault)| rule.applies_to(request).then_some(*fault));
        state.applied += usize::from(fault.is_some());
        fault
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The response with this error code.
pub(crate) fn refusal(code: &str) -> (u16, Vec<u8>) {
    let status = match code {
        "InternalServerError" => 500,
        "ServiceUnavailable" => 503,
        _ => 400,
    };
    let kind = format!("com.amazonaws.dynamodb.v20120810#{code}");
    (status, json!({"__type": kind, "message": "on purpose"}).to_string().into_bytes())
}

/// The response to a request with a fault; `carried_out` is the response without it.
pub(crate) async fn suffered(
    fault: TableFault,
    carried_out: impl Future<Output = (u16, Vec<u8>)>,
) -> Response {
    match fault {
        TableFault::Silence => std::future::pending().await,
        TableFault::Code(code) => whole(refusal(code)),
        TableFault::LostAnswer => {
            carried_out.await;
            std::future::pending().await
        }
        TableFault::Late(time) => {
            let answer = carried_out.await;
            tokio::time::sleep(time).await;
            whole(answer)
        }
        TableFault::HalfAnswer => {
            let (status, body) = carried_out.await;
            let half = Bytes::from(body[..body.len() / 2].to_vec());
            in_parts(status, body.len(), stream::iter([half]).chain(stream::pending()))
        }
        TableFault::Slow(time) => {
            let (status, body) = carried_out.await;
            let length = body.len();
            let size = length.div_ceil(usize::from(PARTS)).max(1);
            let parts: Vec<Bytes> = body.chunks(size).map(|part| Bytes::from(part.to_vec())).collect();
            let arriving = stream::iter(parts).then(move |part| async move {
                tokio::time::sleep(time / u32::from(PARTS)).await;
                part
            });
            in_parts(status, length, arriving)
        }
    }
}

pub(crate) fn whole((status, body): (u16, Vec<u8>)) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.0")], body).into_response()
}

fn in_parts(
    status: u16,
    length: usize,
    parts: impl stream::Stream<Item = Bytes> + Send + 'static,
) -> Response {
    let mut response = whole((status, Vec::new()));
    response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    *response.body_mut() = Body::from_stream(parts.map(Ok::<_, Infallible>));
    response
}
