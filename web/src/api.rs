//! Routes together with their descriptions: a route without a description cannot be added.

use axum::Router;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, on};

use super::operation::{Components, Operation};
use super::query::{self, RouteParameters};

/// Method and path of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// GET, and with it HEAD.
    Get(&'static str),
    /// POST.
    Post(&'static str),
    /// PUT.
    Put(&'static str),
    /// PATCH.
    Patch(&'static str),
    /// DELETE.
    Delete(&'static str),
}

/// Describes a route and adds the types that it refers to to the document's components.
pub type Describe = fn(&mut Components) -> Operation;

/// Routes, each with its description. A description is only evaluated when a document is generated, or when the route gets its
/// first request with a query.
pub struct Api<S> {
    router: Router<S>,
    documented: Vec<(Endpoint, Describe)>,
}

impl Endpoint {
    /// The path, with parameters in braces.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Get(path) | Self::Post(path) | Self::Put(path) | Self::Patch(path) | Self::Delete(path) => {
                path
            }
        }
    }

    /// The method as written in an OpenAPI document.
    #[must_use]
    pub fn method(self) -> &'static str {
        match self {
            Self::Get(_) => "get",
            Self::Post(_) => "post",
            Self::Put(_) => "put",
            Self::Patch(_) => "patch",
            Self::Delete(_) => "delete",
        }
    }

    fn filter(self) -> MethodFilter {
        match self {
            Self::Get(_) => MethodFilter::GET,
            Self::Post(_) => MethodFilter::POST,
            Self::Put(_) => MethodFilter::PUT,
            Self::Patch(_) => MethodFilter::PATCH,
            Self::Delete(_) => MethodFilter::DELETE,
        }
    }
}

impl<S: Clone + Send + Sync + 'static> Api<S> {
    /// An API without routes.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "an empty API is only the start of a builder chain")]
    pub fn new() -> Self {
        Self { router: Router::new(), documented: Vec::new() }
    }

    /// Adds a route, which refuses query parameters that its description does not list.
    #[must_use]
    pub fn on<H, T>(mut self, at: Endpoint, describe: Describe, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.documented.push((at, describe));
        let parameters = from_fn_with_state(RouteParameters::new(describe), query::read);
        let handler = on(at.filter(), handler).route_layer(parameters);
        Self { router: self.router.route(at.path(), handler), documented: self.documented }
    }

    /// The routes.
    pub fn router(self) -> Router<S> {
        self.router
    }

    /// The routes with their descriptions.
    #[must_use]
    pub fn documented(self) -> Vec<(Endpoint, Describe)> {
        self.documented
    }
}
