//! The OpenAPI descriptions of the query routes.

use event_store::verify::ProductReport;
use schema::shapes::CurrencyCode;
use schema::{Price, Product, ProductId, Timestamp};
use serde_json::{Value, json};
use web::openapi::inlined;
use web::operation::{Components, Operation, OperationResponse, example, path, query};
use web::{ProblemKind, Scope};

use super::categories::CategoriesBody;
use super::history::HistoryBody;
use super::prices::PricesBody;
use super::product_page::ListBody;

pub(super) mod examples;

/// The size of a page.
pub(super) fn limit() -> Value {
    query(
        "limit",
        "The maximum number of entries in a page.",
        &json!({"type": "integer", "minimum": 1, "maximum": 100, "default": 50}),
    )
}

/// The size of a page where there is CSV too.
pub(super) fn limit_of(most: u16, default: u16) -> Value {
    query(
        "limit",
        &format!(
            "The maximum number of entries in a page: 1 to {most}, by default {default}; of CSV 1 to 10000, by default 10000."
        ),
        &json!({"type": "integer", "minimum": 1, "maximum": 10_000}),
    )
}

/// Everything in one answer.
pub(super) fn all() -> Value {
    query(
        "all",
        "`true`: everything in one answer; with `Accept: text/csv`, and only from `ledger serve`.",
        &json!({"type": "string", "enum": ["true"]}),
    )
}

/// The form of a table in addition to JSON.
pub(super) fn as_csv(response: OperationResponse, shown: &str) -> OperationResponse {
    let text = example("table", &json!(shown));
    response.content("text/csv", &json!({"type": "string"}), &text).header("Link")
}

/// A version or a sequence number.
pub(super) fn number(least: u64) -> Value {
    json!({"type": "integer", "minimum": least, "maximum": u64::MAX})
}

/// The minimum version of an answer.
fn min_version() -> Value {
    query("min_version", "The response is never older than this version, even if the view lags.", &number(0))
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

pub(super) fn of_product(
    id: &'static str,
    tag: &'static str,
    summary: &'static str,
    scopes: &[Scope],
) -> Operation {
    query_of(id, tag, summary, scopes)
        .parameter(path("id", "The product.", &inlined::<ProductId>(), "helmet"))
        .problems(&[ProblemKind::ProductNotFound])
}

pub(super) fn list(components: &mut Components) -> Operation {
    query_of("listProducts", "Products", "List products page by page", &[Scope::Read, Scope::Audit])
        .description(
            "Following `next` returns every product that does not change meanwhile exactly once, in order. A page may be \
             shorter than `limit` and even empty: only `next` tells whether more follow. Deleted products are left out. \
             The available sorts are a setting; one that is not kept is a 400 whose `errors` point at `sort`.\n\n\
             `sku` and `category` are compared exactly and require `sort=id` or `sort=name`; with both, a product must \
             have both. Each other filter requires a certain sort and is refused with any other: `id_prefix` requires \
             `sort=id`; `name_prefix` requires `sort=name`; `currency` (mandatory), `min_price` and `max_price` require \
             `sort=price`; `updated_since` and `include` require `sort=updated_at`.\n\n\
             `as_of` and `in_force` return the catalogue of another time; they require `products/audit`, anything else \
             `products/read`, and go with `sort=id`, `limit` and `cursor` alone. A page looks at no more products than `limit`, \
             deleted ones included, and leaves out those that were not in the catalogue then, so it may be short or empty.\n\n\
             As `text/csv` an answer has a row for each product, up to 10000 or 4 MB, and the link to the next page in `Link`. \
             A text that begins like a formula gets a leading apostrophe.",
        )
        .parameters([limit_of(100, 50), all(), cursor(), sort(), direction()])
        .parameters(filters(components))
        .answer(
            200,
            as_csv(OperationResponse::new("A page."), examples::PAGE_AS_CSV)
                .json(&components.of::<ListBody>(), &example("page", &examples::page()))
                .link("NextPage", "listProducts", &json!({"cursor": "$response.body#/next"}))
                .link("First", "getProduct", &json!({"id": "$response.body#/products/0/id"})),
        )
}

pub(super) fn categories(components: &mut Components) -> Operation {
    query_of("listCategories", "Products", "List the categories of active products", &[Scope::Read])
        .description(
            "In byte order, each with the number of its active products, counted when it is returned. A page looks at a \
             limited number of products, so it may be shorter than `limit` and even empty: only `next` tells whether more \
             follow. Following `next` returns each category once.",
        )
        .parameters([limit(), query("cursor", "`next` of the previous page.", &token())])
        .answer(
            200,
            OperationResponse::new("A page.")
                .json(&components.of::<CategoriesBody>(), &example("page", &examples::categories()))
                .link("NextPage", "listCategories", &json!({"cursor": "$response.body#/next"}))
                .link("Products", "listProducts", &json!({"category": "$response.body#/categories/0/category"})),
        )
}

fn cursor() -> Value {
    query("cursor", "`next` of the previous page; sort, order and filters must be the same.", &token())
}

fn sort() -> Value {
    query(
        "sort",
        "The sort key. `id` sorts bytewise, `name` by its Unicode lower case.",
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

/// A text without control characters.
const PLAIN: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$";

/// A value that is looked up.
fn value(most: u16) -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": most, "pattern": PLAIN})
}

fn filters(components: &mut Components) -> [Value; 11] {
    let prefix = json!({"type": "string", "maxLength": 200, "pattern": PLAIN});
    let beginning = json!({"type": "string", "pattern": "^[A-Za-z0-9._~-]{1,64}$"});
    let (price, codes) = (inlined::<Price>(), components.of::<CurrencyCode>());
    [
        query(
            "include",
            "`deleted` includes deleted products, for synchronisation.",
            &json!({"type": "string", "enum": ["deleted"]}),
        ),
        query("sku", "Only products with exactly this SKU; with `sort=id` or `sort=name`.", &value(64)),
        query(
            "category",
            "Only products in exactly this category; with `sort=id` or `sort=name`.",
            &value(200),
        ),
        query("id_prefix", "A prefix of the id.", &beginning),
        query("currency", "The currency of the prices to sort by.", &codes),
        query("name_prefix", "A prefix of the name, ignoring case.", &prefix),
        query("min_price", "The minimum price, inclusive.", &price),
        query("max_price", "The maximum price, inclusive.", &price),
        query("updated_since", "Only products changed at this time or later.", &moment()),
        query("as_of", "The catalogue as the ledger had it at this time, by `recorded_at`.", &moment()),
        query(
            "in_force",
            "The products that were in the catalogue at this time by `occurred_at`, as known now, each with the price in force \
             then and its `price_occurred_at`, as `active`; the other fields as they are now.",
            &moment(),
        ),
    ]
}

pub(super) fn product(components: &mut Components) -> Operation {
    let not_modified = OperationResponse::new("The client has this version.").header("ETag");
    let if_none_match = web::operation::header(
        "If-None-Match",
        "Entity tags that the client has; `*` matches any.",
        &json!({"type": "string"}),
    );
    of_product("getProduct", "Products", "Get a product, current or past", &[Scope::Read, Scope::Audit])
        .description(
            "Give at most one of `min_version`, `version` and `as_of`. `version` and `as_of` require `products/audit`, \
             anything else `products/read`. The problem for a deleted product gives the time of its deletion and its \
             version.",
        )
        .parameter(min_version())
        .parameter(query("version", "The product as recorded at this version.", &number(1)))
        .parameter(query("as_of", "The product as recorded at this time.", &moment()))
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
    of_product("getHistory", "Audit", "Get the commits of a product", &[Scope::Audit])
        .description(
            "Commits as stored and hashed, oldest first. `receipts` has an entry for every event, in order: that the bus \
             accepted it, why it did not, or `null`. A page is cut at 1 MB.\n\n\
             As `text/csv` an answer has a row for each changed field of each event, up to 10000 commits or 4 MB, and the \
             link to the next page in `Link`. A text that begins like a formula gets a leading apostrophe.",
        )
        .parameter(query("after", "Only commits with a greater sequence.", &number(0)))
        .parameters([limit_of(1_000, 50), all(), min_version()])
        .problems(&[ProblemKind::VersionNotReached])
        .answer(
            200,
            as_csv(OperationResponse::new("A page."), &examples::history_as_csv())
                .json(&components.of::<HistoryBody>(), &example("page", &examples::history()))
                .link(
                    "NextPage",
                    "getHistory",
                    &json!({"id": "$request.path.id", "after": "$response.body#/next"}),
                ),
        )
}

pub(super) fn prices(components: &mut Components) -> Operation {
    of_product("getPrices", "Audit", "Get the price history of a product", &[Scope::Audit])
        .description(
            "The timeline is ordered by `occurred_at`, then by sequence, with gaps while the product was deleted. \
             Deletes and restores count in the order of their sequence: each takes effect at the later of its \
             `occurred_at` and the time the one before it took effect. `lowest_30_days` is the lowest price in the 30 \
             days before the newest change. `next` leads to the next page.\n\n\
             `reference` is the prior price that the announcement of a reduction has to state (Directive 98/6/EC, \
             article 6a): the lowest price in force from `from` to `to`, exclusive. `to` is `anchor` or, without it, \
             the start of the series of reductions (paragraph 5).\n\n\
             As `text/csv` an answer has a row for each period, and the link to the next page in `Link`.",
        )
        .parameters([limit_of(1_000, 1_000), all()])
        .parameter(query("as_of", "Only what was in force up to this time.", &moment()))
        .parameter(query("known_at", "Only what was recorded by this time, read from the ledger.", &moment()))
        .parameters([min_version(), days(), time_zone()])
        .parameter(query("anchor", "The announced start of a reduction, which is the end of the window.", &moment()))
        .parameter(query("next", "`next` of the previous page; `as_of` and `known_at` must be the same.", &token()))
        .problems(&[ProblemKind::VersionNotReached])
        .answer(
            200,
            as_csv(OperationResponse::new("The price history."), examples::PRICES_AS_CSV)
                .json(&components.of::<PricesBody>(), &example("prices", &examples::prices())),
        )
}

fn days() -> Value {
    query(
        "days",
        "The length of the window for `reference`, in days.",
        &json!({"type": "integer", "minimum": 1, "maximum": 365, "default": 30}),
    )
}

fn time_zone() -> Value {
    query(
        "time_zone",
        "A time zone of the IANA database: the window then starts with the calendar day that is `days` days before the \
         day of its end. Without it, a day is 24 hours.",
        &json!({"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$",
                "examples": ["Europe/Berlin"]}),
    )
}

pub(super) fn verification(components: &mut Components) -> Operation {
    of_product("getVerification", "Audit", "Verify the history of a product", &[Scope::Audit])
        .description("Verifies the product's whole chain: every hash, every link and every state.")
        .answer(
            200,
            OperationResponse::new("The result.")
                .json(&components.of::<ProductReport>(), &examples::verifications()),
        )
}
