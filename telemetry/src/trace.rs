//! The seams at which a trace is continued. The tracer is the main's choice; without one they do nothing and cost a look.
//!
//! Its promise: no crate but the one that chooses the tracer knows a tracing library, and what is written into commits
//! is always a W3C `traceparent`.

use std::sync::OnceLock;

use tracing::Span;

static TRACER: OnceLock<Tracer> = OnceLock::new();

/// What a tracer does with `traceparent`s.
#[derive(Debug, Clone, Copy)]
pub struct Tracer {
    /// The span becomes a child of the other's.
    pub continues: fn(&Span, &str),
    /// The span names the other's as one of its causes.
    pub links: fn(&Span, &str),
    /// The span's own `traceparent`.
    pub context: fn(&Span) -> Option<String>,
}

/// Chooses the tracer of this process; only the first choice counts.
pub fn install(tracer: Tracer) {
    let _ = TRACER.set(tracer);
}

/// Makes `span` continue the first of these traces and name the others.
pub fn follow<'a>(span: &Span, mut traceparents: impl Iterator<Item = &'a str>) {
    let Some(tracer) = TRACER.get() else { return };
    if let Some(first) = traceparents.next() {
        (tracer.continues)(span, first);
    }
    for other in traceparents {
        (tracer.links)(span, other);
    }
}

/// The `traceparent` of what `span` stands for.
#[must_use]
pub fn context(span: &Span) -> Option<String> {
    (TRACER.get()?.context)(span)
}
