//! What the query routes say of themselves.

use event_store::verify::ProductReport;
use schema::shapes::CurrencyCode;
use schema::{Price, Product, ProductId, Timestamp};
use serde_json::{Value, json};
use web::openapi::inlined;
use web::operation::{Components, Operation, OperationResponse, example, path, query};
use web::{ProblemKind, Scope};

use super::history::History;
use super::list::Products;
use super::prices::PriceHistory;

mod examples;

/// A page by number of entries.
fn limit() -> Value {
    query(
        "limit",
        "The most entries of a page.",
        &json!({"type": "integer", "minimum": 1, "maximum": 100, "default": 50}),
    )
}

/// A version or a sequence number.
fn number(least: u64) -> Value {
    json!({"type": "integer", "minimum": least, "maximum": u64::MAX})
}

/// The least version that an answer may have.
fn min_version() -> Value {
    query("min_version", "The answer is never older than this, however far the view is behind.", &number(0))
}

fn moment() -> Value {
    inlined::<Timestamp>()
}

fn token() -> Value {
    json!({"type": "string", "pattern": "^[A-Za-z0-9_-]{12,}$"})
}

fn query_of(id: &'static str, tag: &'static str, summary: &'static str, scopes: &[Scope]) -> Operation {
    Operation::new(id, tag, summary)
        .scopes(scopes)
        .problems(&[ProblemKind::Malformed, ProblemKind::Unavailable])
}

fn of_product(id: &'static str, tag: &'static str, summary: &'static str, scopes: &[Scope]) -> Operation {
    query_of(id, tag, summary, scopes)
        .parameter(path("id", "The product.", &inlined::<ProductId>(), "helmet"))
        .problems(&[ProblemKind::ProductNotFound])
}

pub(super) fn list(components: &mut Components) -> Operation {
    query_of("listProducts", "Products", "Products in an order, page by page", &[Scope::Read])
        .description(
            "Walking the pages by `next` gives every product that stays unchanged exactly once, in order; a page may \
             be shorter than `limit`, with `sort=updated_at` even empty, and `next` alone says whether more follows. \
             Deleted products are left out. Which sorts there are is a setting; one that is not kept is a 400 whose \
             `errors` point at `sort`.\n\n\
             Each filter goes with one sort, with another it is refused: `name_prefix` with `sort=name`; `currency` \
             (required), `min_price` and `max_price` with `sort=price`; `updated_since` and `include` with \
             `sort=updated_at`.",
        )
        .parameters([limit(), cursor(), sort(), direction()])
        .parameters(filters(components))
        .answer(
            200,
            OperationResponse::new("A page.")
                .json(&components.of::<Products>(), &example("page", &examples::page()))
                .link("NextPage", "listProducts", &json!({"cursor": "$response.body#/next"}))
                .link("First", "getProduct", &json!({"id": "$response.body#/products/0/id"})),
        )
}

fn cursor() -> Value {
    query("cursor", "`next` of the page before, with the same sort, order and filters.", &token())
}

fn sort() -> Value {
    query(
        "sort",
        "`id` in byte order; `name` in the order of its Unicode-lower-cased form.",
        &json!({"type": "string", "enum": ["id", "name", "price", "updated_at"], "default": "id"}),
    )
}

fn direction() -> Value {
    query(
        "order",
        "Ascending or descending.",
        &json!({"type": "string", "enum": ["asc", "desc"], "default": "asc"}),
    )
}

fn filters(components: &mut Components) -> [Value; 6] {
    let prefix =
        json!({"type": "string", "maxLength": 200, "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"});
    let (price, codes) = (inlined::<Price>(), components.of::<CurrencyCode>());
    [
        query("include", "`deleted`: deleted products too, for synchronising.", &json!({"const": "deleted"})),
        query("currency", "The currency of the prices to sort by.", &codes),
        query("name_prefix", "How the name begins, whatever its case.", &prefix),
        query("min_price", "The lowest price.", &price),
        query("max_price", "The highest price.", &price),
        query("updated_since", "Changed at this moment or later.", &moment()),
    ]
}

pub(super) fn product(components: &mut Components) -> Operation {
    let not_modified = OperationResponse::new("The client has this version.").header("ETag");
    let if_none_match = web::operation::header(
        "If-None-Match",
        "Entity tags that the client has; `*` is any.",
        &json!({"type": "string"}),
    );
    of_product("getProduct", "Products", "A product, as it is or as it was", &[Scope::Read, Scope::Audit])
        .description(
            "At most one of `min_version`, `version` and `as_of`. The present needs `products/read`; `version` and \
             `as_of` need `products/audit`. The problem of a deleted product says since when and at which version.",
        )
        .parameter(min_version())
        .parameter(query("version", "The product as the ledger had it at this version.", &number(1)))
        .parameter(query("as_of", "The product as the ledger had it at this moment.", &moment()))
        .parameter(if_none_match)
        .answer(
            200,
            OperationResponse::new("The product.")
                .json(&components.of::<Product>(), &example("helmet", &examples::product()))
                .header("ETag"),
        )
        .answer(304, not_modified)
        .problems(&[ProblemKind::VersionNotFound, ProblemKind::VersionNotReached])
}

pub(super) fn history(components: &mut Components) -> Operation {
    of_product("getHistory", "Audit", "Every commit of a product", &[Scope::Audit])
        .description(
            "Commits as they are stored and hashed, oldest first, each with `receipts`: for every event, in order, \
             that the bus accepted it, why it did not, or `null`.",
        )
        .parameter(query("after", "Only commits whose sequence is greater.", &number(0)))
        .parameters([limit(), min_version()])
        .problems(&[ProblemKind::VersionNotReached])
        .answer(
            200,
            OperationResponse::new("A page.")
                .json(&components.of::<History>(), &example("page", &examples::history()))
                .link(
                    "NextPage",
                    "getHistory",
                    &json!({"id": "$request.path.id", "after": "$response.body#/next"}),
                ),
        )
}

pub(super) fn prices(components: &mut Components) -> Operation {
    of_product("getPrices", "Audit", "The prices of a product over time", &[Scope::Audit])
        .description(
            "By `occurred_at`, ties by sequence; times in which the product was deleted are gaps. Deletes and \
             restores count in the order of their sequence: each takes effect at the later of its `occurred_at` and \
             the moment the one before it took effect. `lowest_30_days` is the lowest price of the 30 days before \
             the newest change. Pages of 1,000 by `next`.\n\n\
             `reference` is the prior price that the announcement of a reduction has to name (Directive 98/6/EC, \
             article 6a): the lowest price in force from `from` to `to`, `to` not included. `to` is `anchor` or, \
             where that is left out, the beginning of the series of reductions (paragraph 5).",
        )
        .parameter(query("as_of", "What was in force up to this moment.", &moment()))
        .parameter(query("known_at", "What was recorded by this moment; read from the ledger.", &moment()))
        .parameters([min_version(), days(), time_zone()])
        .parameter(query("anchor", "The announced beginning of a reduction, the end of the window.", &moment()))
        .parameter(query("next", "`next` of the page before, with the same `as_of` and `known_at`.", &token()))
        .problems(&[ProblemKind::VersionNotReached])
        .answer(
            200,
            OperationResponse::new("Prices.").json(&components.of::<PriceHistory>(), &example("prices", &examples::prices())),
        )
}

fn days() -> Value {
    query(
        "days",
        "How many days the window of `reference` has.",
        &json!({"type": "integer", "minimum": 1, "maximum": 365, "default": 30}),
    )
}

fn time_zone() -> Value {
    query(
        "time_zone",
        "A zone of the IANA database: the window begins with the day that is so many days before the one of its end, \
         there. Left out, a day is 24 hours.",
        &json!({"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$",
                "examples": ["Europe/Berlin"]}),
    )
}

pub(super) fn verification(components: &mut Components) -> Operation {
    of_product("getVerification", "Audit", "The proof that nothing was changed", &[Scope::Audit])
        .description("Walks the product's whole chain: every hash, every link, every state.")
        .answer(
            200,
            OperationResponse::new("What was found.")
                .json(&components.of::<ProductReport>(), &examples::verifications()),
        )
}
