//! The public paths, which require no token.

/// Whether the path is public: health and documentation of the server, nothing about products.
#[must_use]
pub fn is_public(path: &str) -> bool {
    matches!(path, "/" | "/health" | "/openapi.json" | "/asyncapi.json" | "/docs")
        || path.starts_with("/docs/")
        || path.starts_with("/ui/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_health_and_documentation_are_public() {
        for path in [
            "/",
            "/health",
            "/openapi.json",
            "/asyncapi.json",
            "/docs",
            "/docs/",
            "/docs/page.js",
            "/ui/config.json",
        ] {
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
            "/ui",
            "//health",
            "/Health",
            "/health/",
        ] {
            assert!(!is_public(path), "{path}");
        }
    }
}
