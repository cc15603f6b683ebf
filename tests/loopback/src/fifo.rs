//! EventBridge's custom event bus, the FIFO kind, over HTTP, made from the service model `eventbridgev2-2025-05-15` and the user
//! guide, because no emulator has it.
//!
//! It checks a request by the rules of the model, keeps the order of each event group, recognises repetitions of a deduplication id
//! for 300 seconds, and numbers what it accepts. It can throttle, refuse entries, lose answers, and be asked for what it has. Where
//! model and guide are silent it does this: what breaks the model fails the request with `InvalidInputException`, a detail that is no
//! JSON and a reserved source fail their entry with `VALIDATION_ERROR`; a repetition is answered with the id and the number of the
//! first, or, if told, without; a request's size is the sum of the texts of its entries.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};

/// The limits of the model and of the guide.
const MOST_ENTRIES: usize = 100;
const MOST_BYTES: usize = 1_048_576;
const MOST_RESOURCES: usize = 100;
const WINDOW: Duration = Duration::from_mins(5);

/// What becomes of a `PutEvents`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutFault {
    /// It is not carried out, and answered with this status and error code.
    Refused(u16, &'static str),
    /// It is carried out, and the connection ends without an answer.
    AnswerLost,
    /// It is carried out, and the connection stays open without an answer.
    Silent,
    /// It is answered at once with this body, and not carried out.
    Unreadable(&'static [u8]),
}

/// An event that the bus accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct AcceptedEvent {
    /// The id that it got.
    pub id: String,
    /// The number that it got.
    pub number: String,
    /// The entry.
    pub entry: Value,
}

type EntryRule = Box<dyn FnMut(&Value) -> Option<&'static str> + Send>;
type PutRule = Box<dyn FnMut() -> Option<PutFault> + Send>;

/// A bus. Clones share it.
#[derive(Clone)]
pub struct FifoBusServer {
    url: String,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    accepted: Vec<AcceptedEvent>,
    /// When a deduplication id of a group was accepted, and as which event.
    known: HashMap<(String, String), (Duration, usize)>,
    now: Duration,
    requests: Vec<Vec<Value>>,
    entry_rule: Option<EntryRule>,
    put_rule: Option<PutRule>,
    repetitions_without_id: bool,
    is_missing: bool,
}

/// An error of the service.
struct ServiceError(u16, &'static str, String);

impl FifoBusServer {
    /// The ARN of the one bus that there is.
    pub const ARN: &str =
        "arn:aws:events:us-east-1:123456789012:event-busv2/ledger/abcdefghijklmno0123456789";

    /// Starts a bus that accepts what the model allows.
    pub async fn serve() -> Self {
        let shared = Arc::<Mutex<Shared>>::default();
        let routes = Router::new()
            .route("/service/AWSEventsV2/operation/{operation}", post(answer))
            .with_state(shared.clone());
        Self { url: format!("http://{}", crate::serve(routes).await), shared }
    }

    /// The value for `AWS_ENDPOINT_URL_EVENTBRIDGEV2`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Refuses the entries for which the function returns an error code; replaces the earlier function.
    pub fn refuse_entries(&self, rule: impl FnMut(&Value) -> Option<&'static str> + Send + 'static) {
        self.shared.lock().unwrap().entry_rule = Some(Box::new(rule));
    }

    /// The faults of the requests, which are counted from 1 from now on; replaces the earlier function.
    pub fn fail_requests(&self, mut rule: impl FnMut(usize) -> Option<PutFault> + Send + 'static) {
        let mut count = 0;
        self.shared.lock().unwrap().put_rule = Some(Box::new(move || {
            count += 1;
            rule(count)
        }));
    }

    /// Ends all faults.
    pub fn heal(&self) {
        let mut shared = self.shared.lock().unwrap();
        (shared.entry_rule, shared.put_rule) = (None, None);
    }

    /// Lets time pass for the deduplication.
    pub fn advance(&self, time: Duration) {
        self.shared.lock().unwrap().now += time;
    }

    /// Whether a repetition is answered without the id and the number of the first.
    pub fn answers_repetitions_without_id(&self, without: bool) {
        self.shared.lock().unwrap().repetitions_without_id = without;
    }

    /// Whether the bus is deleted, so that no ARN is known.
    pub fn is_missing(&self, missing: bool) {
        self.shared.lock().unwrap().is_missing = missing;
    }

    /// What was accepted, in order, without repetitions.
    #[must_use]
    pub fn accepted(&self) -> Vec<AcceptedEvent> {
        self.shared.lock().unwrap().accepted.clone()
    }

    /// The accepted events of an event group, in the order in which a FIFO subscriber gets them.
    #[must_use]
    pub fn group(&self, group: &str) -> Vec<AcceptedEvent> {
        let is_of = |event: &AcceptedEvent| event.entry["SystemMetadata"]["EventGroupId"] == group;
        self.accepted().into_iter().filter(is_of).collect()
    }

    /// The entries of every request in order, of failed ones too.
    #[must_use]
    pub fn requests(&self) -> Vec<Vec<Value>> {
        self.shared.lock().unwrap().requests.clone()
    }
}

impl AcceptedEvent {
    /// The message in it.
    #[must_use]
    pub fn detail(&self) -> Value {
        serde_json::from_str(self.entry["Detail"].as_str().unwrap_or_default()).unwrap()
    }
}

async fn answer(
    State(shared): State<Arc<Mutex<Shared>>>,
    Path(operation): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let speaks = |name: &str, value: &str| headers.get(name).is_some_and(|said| said == value);
    if !speaks("smithy-protocol", "rpc-v2-cbor") || !speaks("content-type", "application/cbor") {
        return failed(&ServiceError(
            400,
            "UnknownOperationException",
            "not the protocol rpc-v2-cbor".into(),
        ));
    }
    let request = ciborium::from_reader(&body[..]).map_err(|error| invalid(error.to_string()));
    let request: Value = match request {
        Ok(request) => request,
        Err(error) => return failed(&error),
    };
    let result = match operation.as_str() {
        "PutEvents" => return put_events(&shared, &request).await,
        "DescribeEventBus" => known_bus(&shared.lock().unwrap(), &request)
            .map(|()| json!({"EventBusArn": FifoBusServer::ARN, "Name": "ledger", "State": "ACTIVE"})),
        _ => Err(ServiceError(404, "UnknownOperationException", operation)),
    };
    result.map_or_else(|error| failed(&error), |body| succeeded(&body))
}

async fn put_events(shared: &Mutex<Shared>, request: &Value) -> Response {
    let (fault, result) = {
        let mut shared = shared.lock().unwrap();
        let entries = request["Entries"].as_array().cloned().unwrap_or_default();
        shared.requests.push(entries);
        let fault = shared.put_rule.as_mut().and_then(|rule| rule());
        match fault {
            Some(PutFault::Refused(status, code)) => {
                return failed(&ServiceError(status, code, "on purpose".into()));
            }
            Some(PutFault::Unreadable(body)) => return cbor(StatusCode::OK, body.to_vec()),
            _ => (fault, shared.put(request)),
        }
    };
    match fault {
        Some(PutFault::Silent) => std::future::pending().await,
        // A body that ends before it has begun.
        Some(PutFault::AnswerLost) => {
            let broken = futures::stream::iter([Err::<Bytes, _>(std::io::Error::other("lost on purpose"))]);
            axum::body::Body::from_stream(broken).into_response()
        }
        _ => result.map_or_else(|error| failed(&error), |body| succeeded(&body)),
    }
}

impl Shared {
    fn put(&mut self, request: &Value) -> Result<Value, ServiceError> {
        check_request(request)?;
        known_bus(self, request)?;
        let entries = request["Entries"].as_array().cloned().unwrap_or_default();
        let results: Vec<Value> = entries.iter().map(|entry| self.put_entry(entry)).collect();
        let failed = results.iter().filter(|result| result.get("ErrorCode").is_some()).count();
        Ok(json!({"FailedEntryCount": failed, "Entries": results}))
    }

    fn put_entry(&mut self, entry: &Value) -> Value {
        let refused = |code: &str, why: &str| json!({"ErrorCode": code, "ErrorMessage": why});
        if let Some(code) = self.entry_rule.as_mut().and_then(|rule| rule(entry)) {
            return refused(code, "on purpose");
        }
        if entry["Source"].as_str().is_some_and(|source| source.starts_with("aws.")) {
            return refused("VALIDATION_ERROR", "the source is reserved");
        }
        let detail = entry["Detail"].as_str();
        if detail.is_some_and(|detail| serde_json::from_str::<Value>(detail).is_err()) {
            return refused("VALIDATION_ERROR", "the detail is no JSON");
        }
        let text = |name: &str| entry["SystemMetadata"][name].as_str().unwrap_or_default().to_owned();
        let key = (text("EventGroupId"), text("DeduplicationId"));
        if let Some((since, place)) = self.known.get(&key).filter(|_| !key.1.is_empty())
            && self.now < *since + WINDOW
        {
            let first = &self.accepted[*place];
            if self.repetitions_without_id {
                return json!({"SuccessCode": "DEDUPLICATED"});
            }
            return json!({"SuccessCode": "DEDUPLICATED", "EventId": first.id, "SequenceNumber": first.number});
        }
        let place = self.accepted.len();
        let event = AcceptedEvent {
            id: format!("5f0e6a3c-4f0d-4f6e-9d53-{place:012}"),
            number: format!("{:020}", 10_000_000_000_000_000_000_u64 + place as u64 * 256),
            entry: entry.clone(),
        };
        let answer = json!({"SuccessCode": "PUBLISHED", "EventId": event.id, "SequenceNumber": event.number});
        self.known.insert(key, (self.now, place));
        self.accepted.push(event);
        answer
    }
}

fn known_bus(shared: &Shared, request: &Value) -> Result<(), ServiceError> {
    if request["EventBusArn"] == FifoBusServer::ARN && !shared.is_missing {
        return Ok(());
    }
    Err(ServiceError(404, "ResourceNotFoundException", "there is no such bus".into()))
}

/// The rules of the model for `PutEventsRequest`.
fn check_request(request: &Value) -> Result<(), ServiceError> {
    only_members(request, &["EventBusArn", "Entries", "DeduplicationConfiguration"])?;
    text(request, "EventBusArn", 1..=1_011, true)?;
    let entries = request["Entries"].as_array().ok_or_else(|| invalid("Entries is missing".into()))?;
    if !(1..=MOST_ENTRIES).contains(&entries.len()) {
        return Err(invalid(format!("Entries has {} members, not 1 to {MOST_ENTRIES}", entries.len())));
    }
    for entry in entries {
        check_entry(entry)?;
    }
    let bytes: usize = entries.iter().map(size).sum();
    if bytes > MOST_BYTES {
        return Err(invalid(format!("the entries have {bytes} bytes, more than {MOST_BYTES}")));
    }
    Ok(())
}

fn check_entry(entry: &Value) -> Result<(), ServiceError> {
    only_members(entry, &["Source", "DetailType", "Detail", "Resources", "Time", "SystemMetadata"])?;
    text(entry, "Source", 1..=256, true)?;
    text(entry, "DetailType", 1..=128, true)?;
    text(entry, "Detail", 0..=usize::MAX, false)?;
    let resources = entry["Resources"].as_array().cloned().unwrap_or_default();
    let too_long = |resource: &Value| resource.as_str().is_none_or(|text| text.chars().count() > 2_048);
    if resources.len() > MOST_RESOURCES || resources.iter().any(too_long) {
        return Err(invalid("Resources has too many members, or too long ones".into()));
    }
    let metadata = &entry["SystemMetadata"];
    if metadata.is_null() {
        return Ok(());
    }
    only_members(metadata, &["EventGroupId", "DeduplicationId"])?;
    text(metadata, "EventGroupId", 1..=128, false)?;
    text(metadata, "DeduplicationId", 1..=128, false)?;
    if metadata["DeduplicationId"].as_str().is_some_and(|id| id.trim().is_empty()) {
        return Err(invalid("DeduplicationId has only whitespace".into()));
    }
    Ok(())
}

/// The model has no other members: a real service may ignore them, a test should not.
fn only_members(of: &Value, names: &[&str]) -> Result<(), ServiceError> {
    let members = of.as_object().ok_or_else(|| invalid("a structure is expected".into()))?;
    match members.keys().find(|name| !names.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(invalid(format!("{name} is no member"))),
    }
}

fn text(
    of: &Value,
    name: &str,
    lengths: std::ops::RangeInclusive<usize>,
    required: bool,
) -> Result<(), ServiceError> {
    match &of[name] {
        Value::String(text) if lengths.contains(&text.chars().count()) => Ok(()),
        Value::Null if !required => Ok(()),
        _ => Err(invalid(format!("{name} must be a text of {lengths:?} characters"))),
    }
}

fn size(entry: &Value) -> usize {
    match entry {
        Value::String(text) => text.len(),
        Value::Array(members) => members.iter().map(size).sum(),
        Value::Object(members) => members.values().map(size).sum(),
        _ => 0,
    }
}

fn invalid(why: String) -> ServiceError {
    ServiceError(400, "InvalidInputException", why)
}

fn succeeded(body: &Value) -> Response {
    cbor(StatusCode::OK, encoded(body))
}

fn failed(ServiceError(status, code, why): &ServiceError) -> Response {
    let body = json!({"__type": format!("com.amazonaws.eventbridgev2#{code}"), "Message": why});
    cbor(StatusCode::from_u16(*status).unwrap(), encoded(&body))
}

fn encoded(body: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(body, &mut bytes).unwrap();
    bytes
}

fn cbor(status: StatusCode, body: Vec<u8>) -> Response {
    (status, [("content-type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")], body).into_response()
}
