//! The public paths, which require no token.

/// Whether the path is public: health and documentation of the server, nothing about products.
#[must_use]
pub fn is_public(path: &str) -> bool {
    matches!(path, "/" | "/health" | "/openapi.json" | "/docs") || path.starts_with("/docs/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_health_and_documentation_are_public() {
        for path in ["/", "/health", "/openapi.json", "/docs", "/docs/", "/docs/page.js"] {
            assert!(is_public(path), "{path}");
        }
        for path in [
            "",
            "//",
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
