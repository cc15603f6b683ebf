//! Where the route begins in a path, from the resource that API Gateway matched and the values of its parameters.
//!
//! With a domain of one's own the path of an event begins with the base path of the domain's mapping, and the path of its context
//! with that or with the stage; nothing in the event says how long it is. The gateway decodes some of these texts and not others.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

/// The most bytes that precede a route: a base path has at most 300 characters, a stage at most 128 (quotas of API Gateway).
const LONGEST: usize = 301;

/// A resource, such as `/products/{id}` or `/{proxy+}`, with the values of its parameters.
#[derive(Debug, Clone, Copy)]
pub(super) struct MatchedResource<'a> {
    pub(super) resource: &'a str,
    pub(super) values: &'a BTreeMap<String, String>,
}

impl MatchedResource<'_> {
    /// What precedes the route in `path`, and the route; `None` if the route is not the end of this path.
    pub(super) fn split<'p>(&self, path: &'p str) -> Option<(&'p str, &'p str)> {
        let slashes = path.match_indices('/').map(|(place, _)| place);
        // Without a `/` at its end the path of the root ends where the root begins.
        let places: Vec<_> = slashes.chain([path.len()]).take_while(|place| *place <= LONGEST).collect();
        let found = |is_route: &dyn Fn(&str) -> bool| {
            places.iter().copied().find(|place| is_route(path[*place..].trim_end_matches('/')))
        };
        // A value that holds a decoded `/` looks like two segments, so the values count where they fit.
        let with_values = self.with_values();
        let place = with_values
            .and_then(|route| found(&|rest| decoded(rest) == route))
            .or_else(|| found(&|rest| self.has_form_of(rest)))?;
        Some(path.split_at(place))
    }

    /// The resource with the values in place of the parameters, decoded; `None` if one is missing.
    fn with_values(&self) -> Option<Vec<u8>> {
        let mut route = String::new();
        for segment in segments(self.resource) {
            route.push('/');
            route.push_str(match parameter(segment) {
                Some(name) => self.values.get(name)?,
                None => segment,
            });
        }
        Some(decoded(route.trim_end_matches('/')))
    }

    /// Whether the path has the resource's segments, with any value of each parameter.
    fn has_form_of(&self, path: &str) -> bool {
        let mut given = segments(path);
        for segment in segments(self.resource) {
            let Some(value) = given.next() else { return false };
            match parameter(segment) {
                Some(_) if segment.ends_with("+}") => return true,
                Some(_) => {}
                None if decoded(value) == decoded(segment) => {}
                None => return false,
            }
        }
        given.next().is_none()
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

/// The name in `{id}` or `{proxy+}`.
fn parameter(segment: &str) -> Option<&str> {
    let name = segment.strip_prefix('{')?.strip_suffix('}')?;
    Some(name.strip_suffix('+').unwrap_or(name))
}

fn decoded(text: &str) -> Vec<u8> {
    percent_decode_str(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split<'p>(resource: &str, values: &[(&str, &str)], path: &'p str) -> Option<(&'p str, &'p str)> {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        MatchedResource { resource, values: &values }.split(path)
    }

    #[test]
    fn what_precedes_the_matched_resource_is_found_whatever_the_gateway_decoded() {
        let (id, of) = ("/products/{id}", |value| [("id", value)]);
        for (resource, values, path, expected) in [
            (id, &of("p")[..], "/products/p", ("", "/products/p")),
            (id, &of("p"), "/shop/products/p", ("/shop", "/products/p")),
            (id, &of("p"), "/a/b/products/p", ("/a/b", "/products/p")),
            (id, &of("p"), "/shop/products/p/", ("/shop", "/products/p/")),
            (id, &of("p"), "//shop//products/p", ("//shop/", "/products/p")),
            // A base path that looks like a part of the resource.
            (id, &of("p"), "/products/products/p", ("/products", "/products/p")),
            (id, &of("products"), "/products/products", ("", "/products/products")),
            (id, &of("products"), "/products/products/products", ("/products", "/products/products")),
            ("/products", &[], "/products/products", ("/products", "/products")),
            (
                "/products/{id}/history",
                &of("history"),
                "/p/products/history/history",
                ("/p", "/products/history/history"),
            ),
            // Decoded in one place and not in the other.
            (id, &of("a b"), "/shop/products/a%20b", ("/shop", "/products/a%20b")),
            (id, &of("a%20b"), "/shop/products/a b", ("/shop", "/products/a b")),
            (id, &of("a%2Fb"), "/shop/products/a/b", ("/shop", "/products/a/b")),
            (id, &of("a/b"), "/shop/products/a%2fb", ("/shop", "/products/a%2fb")),
            (id, &of("a/b c"), "/shop/products/a/b%20c", ("/shop", "/products/a/b%20c")),
            (id, &of("é"), "/sh%6Fp/products/%C3%A9", ("/sh%6Fp", "/products/%C3%A9")),
            // Without the values, or with values that do not fit, the form of the resource is enough.
            (id, &[], "/shop/products/p", ("/shop", "/products/p")),
            (id, &of("%2541"), "/shop/products/%41", ("/shop", "/products/%41")),
            ("/pro%64ucts/{id}", &[], "/shop/products/p", ("/shop", "/products/p")),
            ("/{proxy+}", &[("proxy", "products/p")], "/shop/products/p", ("/shop", "/products/p")),
            ("/{proxy+}", &[("proxy", "products/p/")], "/shop/products/p", ("/shop", "/products/p")),
            ("/{proxy+}", &[], "/products/p", ("", "/products/p")),
            ("/products/{proxy+}", &[], "/shop/products/p/history", ("/shop", "/products/p/history")),
            ("/", &[], "/", ("", "/")),
            ("/", &[], "", ("", "")),
            ("/", &[], "/shop", ("/shop", "")),
            ("/", &[], "/shop/", ("/shop", "/")),
        ] {
            assert_eq!(split(resource, values, path), Some(expected), "{resource} {values:?} {path}");
        }
    }

    #[test]
    fn a_path_that_does_not_end_with_the_resource_has_no_such_place() {
        let far = format!("/{}/products/p", "x".repeat(LONGEST));
        for (resource, path) in [
            ("/products/{id}", "/shop/orders/p"),
            ("/products/{id}", "/shop/products"),
            ("/products/{id}", "/shop/products/p/history"),
            ("/products/{id}", ""),
            ("/products/{id}", "products"),
            ("/products/{id}", far.as_str()),
            ("/products/{proxy+}", "/shop/products"),
        ] {
            assert_eq!(split(resource, &[("id", "p")], path), None, "{resource} {path}");
        }
    }
}
