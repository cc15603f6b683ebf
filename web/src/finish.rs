//! The outermost layer around all routes: sets the correlation id and what keeps web pages from misusing an answer, writes every
//! error as a problem, puts what precedes the routes in front of each path that it shows, and logs one line for each request.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use tracing::Instrument;

use super::base_path::BasePath;
use super::clock_and_ids::ClockAndIds;
use super::context::{Actor, CorrelationId, is_visible};
use super::problem::{Problem, ProblemKind};
use super::request_log::{RequestLog, shown};

const CORRELATION_ID: &str = "x-correlation-id";
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Adds the layer without authentication: unknown paths and methods become problems, every response carries
/// `X-Correlation-Id`, `X-Content-Type-Options` and `Cross-Origin-Resource-Policy`, and a request without an [`Actor`] is
/// anonymous and may do everything.
pub fn finish(routes: Router, clock_and_ids: ClockAndIds) -> Router {
    finish_authenticated(|routes| routes.layer(from_fn(anonymous)), routes, clock_and_ids)
}

/// Like [`finish`], with an authentication layer around the routes, through which requests for unknown paths go as well. It
/// puts an [`Actor`] into the extensions of each request that it accepts; a request without one may do nothing.
pub fn finish_authenticated(
    authentication: impl FnOnce(Router) -> Router,
    routes: Router,
    clock_and_ids: ClockAndIds,
) -> Router {
    authentication(routes.fallback(unknown)).layer(from_fn_with_state(clock_and_ids, around))
}

async fn unknown(base: BasePath) -> Problem {
    let detail = format!("No route has this path; see {}.", base.before("/openapi.json"));
    Problem::new(ProblemKind::NotFound, detail).loggable()
}

async fn anonymous(mut request: Request, next: Next) -> Response {
    request.extensions_mut().get_or_insert_with(Actor::anonymous);
    next.run(request).await
}

async fn around(State(clock_and_ids): State<ClockAndIds>, mut request: Request, next: Next) -> Response {
    let given = request.headers().get(CORRELATION_ID).and_then(|value| value.to_str().ok());
    let id = given
        .filter(|text| is_visible(text, 128))
        .map_or_else(|| (clock_and_ids.ids)().to_string(), str::to_owned);
    let base = BasePath::of(request.extensions());
    let (method, path) = (request.method().clone(), base.before(request.uri().path()));
    request.extensions_mut().insert(CorrelationId(id.clone()));
    let log = RequestLog::begin(&mut request, &id);
    let mut response = log.usage_counter.count(next.run(request)).instrument(log.span.clone()).await;
    let problem = problem_of(&mut response, &method);
    if let Some(problem) = &problem {
        response = written(response, problem.to_text(&path, &id));
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(CORRELATION_ID, value);
    }
    base.put_before_links(response.headers_mut());
    protect(response.headers_mut());
    log.end(response.status(), problem.as_ref());
    response
}

/// Lets no page use the answer as something that it is not, and no page of another origin embed it unless a layer allowed that.
fn protect(headers: &mut HeaderMap) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(RESOURCE_POLICY).or_insert(HeaderValue::from_static("same-origin"));
}

/// The problem of a handler's response, or the one for an error response of the router itself.
fn problem_of(response: &mut Response, method: &axum::http::Method) -> Option<Problem> {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        return Some(problem);
    }
    match response.status() {
        StatusCode::METHOD_NOT_ALLOWED => Some(Problem::new(
            ProblemKind::MethodNotAllowed,
            format!("{} is not allowed for this path; see the Allow header.", shown(method)),
        )),
        StatusCode::BAD_REQUEST => {
            Some(Problem::new(ProblemKind::Malformed, "The path or the query cannot be decoded."))
        }
        StatusCode::INTERNAL_SERVER_ERROR => {
            Some(Problem::new(ProblemKind::Internal, "Please report the correlation id."))
        }
        _ => None,
    }
}

/// The response with the problem as its body; the status and all other headers are kept.
fn written(response: Response, problem: String) -> Response {
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    Response::from_parts(parts, Body::from(problem))
}

#[cfg(test)]
mod tests {
    use axum::http::Method;
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    async fn answer(
        method: Method,
        path: &str,
        correlation_id: Option<&str>,
    ) -> (Response, serde_json::Value) {
        let routes = Router::new().route("/known", get(|| async { "{}" }));
        let mut request = Request::builder().method(method).uri(path);
        if let Some(id) = correlation_id {
            request = request.header(CORRELATION_ID, id);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = finish(routes, ClockAndIds::system()).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 10_000).await.unwrap();
        (Response::from_parts(parts, Body::empty()), serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn an_unknown_path_is_a_problem_with_the_request_s_correlation_id() {
        let (response, problem) = answer(Method::GET, "/unknown?x=1", Some("order-7")).await;
        assert_eq!(response.status(), 404);
        assert_eq!(response.headers()["x-correlation-id"], "order-7");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(problem["type"], "urn:product-ledger:problem:not-found");
        assert_eq!(problem["instance"], "/unknown");
        assert_eq!(problem["correlation_id"], "order-7");
    }

    #[tokio::test]
    async fn what_precedes_the_routes_stands_before_each_path_of_an_answer() {
        let made = || async { ([(header::LOCATION, "/made")], StatusCode::CREATED) };
        let routes = finish(Router::new().route("/known", get(made)), ClockAndIds::system());
        for base in ["", "/shop", "/a/b"] {
            let ask = |path: &str| {
                let request = Request::builder().uri(path).extension(BasePath::new(base));
                routes.clone().oneshot(request.body(Body::empty()).unwrap())
            };
            let created = ask("/known").await.unwrap();
            assert_eq!(created.headers()["location"], format!("{base}/made"));
            let body =
                axum::body::to_bytes(ask("/unknown").await.unwrap().into_body(), 10_000).await.unwrap();
            let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(problem["instance"], format!("{base}/unknown"));
            assert_eq!(problem["detail"], format!("No route has this path; see {base}/openapi.json."));
        }
    }

    #[tokio::test]
    async fn another_method_of_a_known_path_is_told_what_is_allowed() {
        let (response, problem) = answer(Method::DELETE, "/known", None).await;
        assert_eq!(response.status(), 405);
        assert_eq!(response.headers()["allow"], "GET,HEAD");
        assert_eq!(problem["status"], 405);
    }

    #[tokio::test]
    async fn what_a_client_sends_makes_no_long_problem() {
        let method = Method::from_bytes("X".repeat(60_000).as_bytes()).unwrap();
        let (response, problem) = answer(method, "/known", None).await;
        assert_eq!(response.status(), 405);
        assert!(problem.to_string().len() < 500, "{problem}");
        let (response, problem) = answer(Method::GET, &format!("/{}", "x".repeat(60_000)), None).await;
        assert_eq!(response.status(), 404);
        assert!(problem.to_string().len() < 1_500, "{problem}");
    }

    #[tokio::test]
    async fn every_answer_has_the_type_that_it_says_and_belongs_to_its_own_origin() {
        for (method, path) in [(Method::GET, "/known"), (Method::DELETE, "/known"), (Method::GET, "/unknown")]
        {
            let (response, _) = answer(method, path, None).await;
            assert_eq!(response.headers()["x-content-type-options"], "nosniff", "{path}");
            assert_eq!(response.headers()["cross-origin-resource-policy"], "same-origin", "{path}");
        }
    }

    #[tokio::test]
    async fn a_correlation_id_is_made_when_none_or_an_unusable_one_is_given() {
        for given in [None, Some("with space"), Some(&*"x".repeat(129))] {
            let (response, _) = answer(Method::GET, "/known", given).await;
            assert_eq!(response.headers()["x-correlation-id"].len(), 26, "{given:?}");
        }
    }
}
