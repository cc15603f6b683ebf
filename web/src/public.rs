//! What anybody may see, with or without a token.

/// Whether this path says nothing of products: that the server is there, and how it is spoken to.
#[must_use]
pub fn is_public(path: &str) -> bool {
    matches!(path, "/health" | "/openapi.json" | "/docs") || path.starts_with("/docs/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_says_nothing_of_products_is_public() {
        for path in ["/health", "/openapi.json", "/docs", "/docs/", "/docs/page.js"] {
            assert!(is_public(path), "{path}");
        }
        for path in [
            "",
            "/",
            "/products",
            "/metrics",
            "/events",
            "/healthy",
            "/docsx",
            "//health",
            "/Health",
            "/health/",
        ] {
            assert!(!is_public(path), "{path}");
        }
    }
}
