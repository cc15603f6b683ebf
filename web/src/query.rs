//! Query parameters, parsed strictly: an unknown, repeated or malformed parameter is refused by name.
//!
//! The promise: a route accepts the parameters that its description lists, and no others.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Display;
use std::sync::{Arc, OnceLock};

use axum::extract::{FromRequestParts, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;

use super::context::RequestContext;
use super::excerpt::excerpt;
use super::operation::{AcceptedParameter, Components, Operation};
use super::problem::{Problem, ProblemKind};

/// The most bytes of an unknown name that a problem shows.
const LONGEST_NAME: usize = 100;

/// The parameters of a request that have not been read yet, as an extractor. Routes of [`super::api::Api`] get those that their
/// description lists.
#[derive(Debug, Clone, Default)]
pub struct QueryParameters(BTreeMap<String, Vec<String>>);

/// The parameters that a route accepts, looked up in its description when the first request with a query arrives.
pub(super) struct RouteParameters {
    describe: fn(&mut Components) -> Operation,
    accepted: OnceLock<Option<Vec<AcceptedParameter>>>,
}

impl QueryParameters {
    /// Takes the parameters out of a request's extensions.
    #[must_use]
    pub fn take(extensions: &mut Extensions) -> Self {
        extensions.remove().unwrap_or_default()
    }

    /// Parses the query.
    ///
    /// # Errors
    /// 400 for a parameter that is not accepted, or is given twice without being repeatable.
    fn of(uri: &Uri, accepted: &[AcceptedParameter]) -> Result<Self, Problem> {
        let undecodable = || Problem::new(ProblemKind::Malformed, "The query cannot be decoded.");
        // Invalid UTF-8 would become replacement characters and be answered as if the client had sent them.
        let text = percent_decode_str(uri.query().unwrap_or_default()).decode_utf8();
        text.map_err(|_| undecodable())?;
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri).map_err(|_| undecodable())?;
        let mut known: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in pairs {
            let Some(parameter) = accepted.iter().find(|parameter| parameter.name == name) else {
                return Err(unknown(&name, accepted));
            };
            let values = known.entry(name.clone()).or_default();
            if !values.is_empty() && !parameter.repeatable {
                let detail = format!("The query parameter {name} appears twice.");
                return Err(malformed(detail).loggable().fault(&name, "appears twice"));
            }
            values.push(value);
        }
        Ok(Self(known))
    }

    /// Whether a parameter was given and not read yet.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A parameter, if it was given.
    ///
    /// # Errors
    /// 400 if it cannot be parsed.
    pub fn optional<T, E: Display>(
        &mut self,
        name: &str,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Problem> {
        Ok(self.each(name, read)?.pop())
    }

    /// Every value of a parameter that can be repeated.
    ///
    /// # Errors
    /// 400 if one cannot be parsed.
    pub fn each<T, E: Display>(
        &mut self,
        name: &str,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Vec<T>, Problem> {
        let values = self.0.remove(name).unwrap_or_default();
        values.iter().map(|value| read(value).map_err(|error| wrong_parameter(name, &error))).collect()
    }

    /// Refuses the parameters that are left: they are known but cannot be combined with the others.
    ///
    /// # Errors
    /// 400 for the first of them.
    pub fn nothing_else(self, why: &str) -> Result<(), Problem> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => {
                let detail = format!("The query parameter {name} cannot be combined with the others: {why}.");
                Err(malformed(detail).loggable().fault(name, why))
            }
        }
    }
}

impl<S: Sync> FromRequestParts<S> for QueryParameters {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::take(&mut parts.extensions))
    }
}

impl RouteParameters {
    pub(super) fn new(describe: fn(&mut Components) -> Operation) -> Arc<Self> {
        Arc::new(Self { describe, accepted: OnceLock::new() })
    }

    /// The parameters of a request; none if the route ignores them.
    fn of(&self, uri: &Uri) -> Result<QueryParameters, Problem> {
        let accepted =
            self.accepted.get_or_init(|| (self.describe)(&mut Components::new()).accepted_parameters());
        match accepted {
            Some(accepted) => QueryParameters::of(uri, accepted),
            None => Ok(QueryParameters::default()),
        }
    }
}

/// Adds the parameters to a request, or refuses it.
pub(super) async fn read(
    State(parameters): State<Arc<RouteParameters>>,
    mut request: Request,
    next: Next,
) -> Response {
    if request.uri().query().is_some_and(|query| !query.is_empty()) {
        match parameters.of(request.uri()) {
            Ok(given) => drop(request.extensions_mut().insert(given)),
            Err(problem) => {
                // The log says who sent it.
                let (mut parts, _) = request.into_parts();
                let Ok(_) = RequestContext::from_request_parts(&mut parts, &()).await;
                return problem.into_response();
            }
        }
    }
    next.run(request).await
}

/// A parameter that cannot be parsed. The error is logged: it must not repeat the value.
#[must_use]
pub fn wrong_parameter(name: &str, error: &dyn Display) -> Problem {
    malformed(format!("The query parameter {name}: {error}.")).loggable().fault(name, error.to_string())
}

fn unknown(name: &str, accepted: &[AcceptedParameter]) -> Problem {
    let name = excerpt(name, LONGEST_NAME);
    let known: Vec<&str> = accepted.iter().map(|parameter| parameter.name.as_str()).collect();
    let known = if known.is_empty() { "none".into() } else { known.join(", ") };
    let detail = format!("Unknown query parameter {name:?}; known parameters: {known}.");
    malformed(detail).fault(&name, "is not a parameter of this route")
}

fn malformed(detail: String) -> Problem {
    Problem::new(ProblemKind::Malformed, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str) -> Result<QueryParameters, Problem> {
        let accepted = |name: &str, repeatable| AcceptedParameter { name: name.into(), repeatable };
        let uri = format!("/x?{query}").parse().unwrap();
        QueryParameters::of(&uri, &[accepted("one", false), accepted("many", true)])
    }

    #[test]
    fn known_parameters_are_read_and_others_are_named() {
        let mut given = of("many=a&one=1&many=b%20c").unwrap();
        let text = |text: &str| Ok::<_, Infallible>(text.to_owned());
        assert_eq!(given.optional("one", text).unwrap().as_deref(), Some("1"));
        assert_eq!(given.optional("one", text).unwrap(), None);
        assert_eq!(given.each("many", text).unwrap(), ["a", "b c"]);
        assert!(given.nothing_else("x").is_ok());
        assert!(of("one=1").unwrap().nothing_else("x").is_err());
        for (query, pointer) in [("two=1", "two"), ("one=1&one=1", "one"), ("ONE=1", "ONE"), ("=1", "")] {
            let problem = of(query).unwrap_err().to_json("", "");
            assert_eq!(
                (&problem["status"], &problem["errors"][0]["pointer"]),
                (&400.into(), &pointer.into())
            );
        }
        assert!(of("one=%ff").is_err());
        assert!(of(&format!("{}=1", "x".repeat(8_000))).unwrap_err().to_json("", "").to_string().len() < 800);
    }
}
