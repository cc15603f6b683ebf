//! Trace propagation: how spans continue a trace from another process. The main function installs the tracer; without one
//! these functions do nothing.
//!
//! Only the crate that installs the tracer depends on a tracing library, and commits always carry a W3C `traceparent`.

use std::sync::OnceLock;

use tracing::Span;

static TRACER: OnceLock<Tracer> = OnceLock::new();

/// What a tracer does with a `traceparent`.
#[derive(Debug, Clone, Copy)]
pub struct Tracer {
    /// Makes the span a child of the given one.
    pub continues: fn(&Span, &str),
    /// Links the span to the given one.
    pub links: fn(&Span, &str),
    /// The span's own `traceparent`.
    pub context: fn(&Span) -> Option<String>,
}

/// Installs the tracer of this process; later calls have no effect.
pub fn install(tracer: Tracer) {
    let _ = TRACER.set(tracer);
}

/// Makes `span` a child of the first `traceparent` and links it to the others.
pub fn follow<'a>(span: &Span, mut traceparents: impl Iterator<Item = &'a str>) {
    let Some(tracer) = TRACER.get() else { return };
    if let Some(first) = traceparents.next() {
        (tracer.continues)(span, first);
    }
    for other in traceparents {
        (tracer.links)(span, other);
    }
}

/// The `traceparent` of `span`, if there is a tracer.
#[must_use]
pub fn context(span: &Span) -> Option<String> {
    (TRACER.get()?.context)(span)
}
