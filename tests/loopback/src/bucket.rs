//! Amazon S3 over HTTP for one bucket: conditional writes, checksums, versions and locks as on AWS, with faults on demand.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::{FaultPlan, RequestFault};

/// The most keys of a page of a list.
const PAGE: usize = 1_000;

/// A bucket. Clones share it.
#[derive(Clone)]
pub struct BucketServer {
    url: String,
    shared: Arc<Mutex<Shared>>,
}

/// What no request may change any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectLock {
    /// `GOVERNANCE` or `COMPLIANCE`.
    pub mode: String,
    /// The end, as RFC 3339.
    pub until: String,
}

/// A version of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptObject {
    /// Its key.
    pub key: String,
    /// Its content.
    pub bytes: Vec<u8>,
    /// Its lock, if it has one.
    pub lock: Option<ObjectLock>,
    headers: HeaderMap,
}

#[derive(Default)]
struct Shared {
    objects: BTreeMap<String, KeptObject>,
    /// Every version that was ever put there.
    versions: Vec<KeptObject>,
    requests: Vec<String>,
    faults: Option<FaultPlan>,
}

impl BucketServer {
    /// Starts an empty bucket, whatever its name.
    pub async fn serve() -> Self {
        let shared = Arc::<Mutex<Shared>>::default();
        let limit = DefaultBodyLimit::max(32 << 20);
        let routes = Router::new().fallback(answer).layer(limit).with_state(shared.clone());
        Self { url: format!("http://{}", crate::serve(routes).await), shared }
    }

    /// The value for `AWS_ENDPOINT_URL_S3`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Which requests fail from now on, by their number from 1.
    pub fn fail(&self, which: impl Fn(usize) -> Option<RequestFault> + Send + 'static) {
        let mut shared = self.shared.lock().unwrap();
        shared.requests.clear();
        shared.faults = Some(Box::new(which));
    }

    /// Ends the faults.
    pub fn recover(&self) {
        self.shared.lock().unwrap().faults = None;
    }

    /// The requests since the last call, each as its method and its path behind the bucket.
    #[must_use]
    pub fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.lock().unwrap().requests)
    }

    /// The objects that are there, by their key.
    #[must_use]
    pub fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        let shared = self.shared.lock().unwrap();
        shared.objects.iter().map(|(key, object)| (key.clone(), object.bytes.clone())).collect()
    }

    /// Every version of every object that was put there, in order.
    #[must_use]
    pub fn versions(&self) -> Vec<KeptObject> {
        self.shared.lock().unwrap().versions.clone()
    }

    /// Puts an object there by hand, or removes one.
    pub fn replace(&self, key: &str, bytes: Option<&[u8]>) {
        let mut shared = self.shared.lock().unwrap();
        match bytes {
            Some(bytes) => shared.put(KeptObject {
                key: key.to_owned(),
                bytes: bytes.to_vec(),
                lock: None,
                headers: HeaderMap::new(),
            }),
            None => drop(shared.objects.remove(key)),
        }
    }
}

async fn answer(
    State(shared): State<Arc<Mutex<Shared>>>,
    method: Method,
    uri: Uri,
    Query(parameters): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let key = uri.path().trim_start_matches('/').split_once('/').map_or("", |(_, key)| key).to_owned();
    let (fault, answered) = {
        let mut shared = shared.lock().unwrap();
        shared.requests.push(format!("{method} {key}"));
        let number = shared.requests.len();
        let fault = shared.faults.as_ref().and_then(|faults| faults(number));
        let answered = match (fault, method) {
            (Some(RequestFault::Refused | RequestFault::Silent), _) => None,
            (_, Method::GET) if key.is_empty() => Some(shared.list(&parameters)),
            (_, Method::GET | Method::HEAD) => Some(shared.get(&key)),
            (_, Method::PUT) => Some(shared.put_if(&key, &headers, body.to_vec())),
            (_, Method::POST) if parameters.contains_key("delete") => Some(shared.delete(&body)),
            _ => Some(refused(400, "NotImplemented")),
        };
        (fault, answered)
    };
    match fault {
        None => answered.unwrap(),
        Some(RequestFault::Silent) => std::future::pending().await,
        Some(_) => refused(500, "InternalError"),
    }
}

fn refused(status: u16, code: &str) -> Response {
    let body =
        format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>on purpose</Message></Error>");
    (StatusCode::from_u16(status).unwrap(), [("content-type", "application/xml")], body).into_response()
}

fn xml(body: String) -> Response {
    ([("content-type", "application/xml")], body).into_response()
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn tag(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    format!("\"{}\"", digest.iter().take(16).fold(String::new(), |text, byte| text + &format!("{byte:02x}")))
}

impl Shared {
    fn put(&mut self, object: KeptObject) {
        self.versions.push(object.clone());
        self.objects.insert(object.key.clone(), object);
    }

    fn get(&self, key: &str) -> Response {
        let Some(object) = self.objects.get(key) else { return refused(404, "NoSuchKey") };
        let mut answer = (StatusCode::OK, object.bytes.clone()).into_response();
        answer.headers_mut().extend(object.headers.clone());
        answer.headers_mut().insert("etag", HeaderValue::from_str(&tag(&object.bytes)).unwrap());
        let put = HeaderValue::from_static("Mon, 30 Nov 2026 12:00:00 GMT");
        answer.headers_mut().insert("last-modified", put);
        answer
    }

    fn put_if(&mut self, key: &str, headers: &HeaderMap, bytes: Vec<u8>) -> Response {
        let found = self.objects.get(key).map(|object| tag(&object.bytes));
        match (text(headers, "if-none-match"), text(headers, "if-match"), found) {
            (Some("*"), _, Some(_)) => return refused(412, "PreconditionFailed"),
            (_, Some(_), None) => return refused(404, "NoSuchKey"),
            (_, Some(asked), Some(found)) if asked != found => return refused(412, "PreconditionFailed"),
            _ => {}
        }
        let checksum = text(headers, "x-amz-checksum-sha256");
        if checksum.is_none_or(|checksum| checksum != STANDARD.encode(Sha256::digest(&bytes))) {
            return refused(400, "BadDigest");
        }
        let lock = text(headers, "x-amz-object-lock-mode")
            .zip(text(headers, "x-amz-object-lock-retain-until-date"))
            .map(|(mode, until)| ObjectLock { mode: mode.to_owned(), until: until.to_owned() });
        let is_kept = |name: &HeaderName| {
            ["content-type", "cache-control"].contains(&name.as_str())
                || name.as_str().starts_with("x-amz-meta-")
        };
        let headers = headers.iter().filter(|(name, _)| is_kept(name));
        let headers = headers.map(|(name, value)| (name.clone(), value.clone())).collect();
        let answer = [("etag", tag(&bytes))].into_response();
        self.put(KeptObject { key: key.to_owned(), bytes, lock, headers });
        answer
    }

    fn list(&self, parameters: &BTreeMap<String, String>) -> Response {
        let prefix = parameters.get("prefix").map_or("", String::as_str);
        let found: Vec<_> = self.objects.keys().filter(|key| key.starts_with(prefix)).collect();
        let mut body = format!("<ListBucketResult><IsTruncated>{}</IsTruncated>", found.len() > PAGE);
        for key in found.iter().take(PAGE) {
            let _ = write!(body, "<Contents><Key>{key}</Key></Contents>");
        }
        xml(body + "</ListBucketResult>")
    }

    fn delete(&mut self, body: &[u8]) -> Response {
        let body = String::from_utf8_lossy(body);
        for part in body.split("<Key>").skip(1) {
            self.objects.remove(part.split("</Key>").next().unwrap());
        }
        xml("<DeleteResult></DeleteResult>".to_owned())
    }
}
