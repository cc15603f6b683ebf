//! The OpenAPI descriptions of the command routes.

use schema::CommitReceipt;
use schema::{MissedEvent, ProductId};
use serde_json::{Value, json};
use web::openapi::inlined;
use web::operation::{Components, Operation, OperationResponse, example, header, path, query};
use web::{ProblemKind, Scope};

use super::shapes::{NewProductBody, Occurrence, ProductPatch, ProductReplacement, occurred_at};

const JSON: &[&str] = &["application/json"];
const PATCH: &[&str] = &["application/merge-patch+json", "application/json"];

/// The problems of every command.
const REFUSED: &[ProblemKind] = &[
    ProblemKind::Malformed,
    ProblemKind::Conflict,
    ProblemKind::PreconditionFailed,
    ProblemKind::BodyTooLarge,
    ProblemKind::UnsupportedMediaType,
    ProblemKind::Invalid,
    ProblemKind::IdempotencyKeyReused,
    ProblemKind::CommitTooLarge,
    ProblemKind::Unavailable,
    ProblemKind::ClockAhead,
];

pub(super) fn create(components: &mut Components) -> Operation {
    let body = components.of::<NewProductBody>();
    command(components, "createProduct", "Create a product; the server chooses its id")
        .description(
            "With an `Idempotency-Key` the id is derived from the key, so that a retry never creates a second product.",
        )
        .parameter(if_none_match())
        .body(JSON, true, &body, &new_product())
        .answer(201, created(components))
        .problems(&[ProblemKind::ProductExists])
}

pub(super) fn replace(components: &mut Components) -> Operation {
    let body = components.of::<ProductReplacement>();
    of_product(components, "putProduct", "Create or replace a product")
        .description(
            "A deleted product is restored. Without `currency` an existing product keeps its own and a new one gets the \
             default.",
        )
        .body(JSON, true, &body, &new_product())
        .answer(201, created(components))
        .answer(200, receipt(components, "Replaced or restored, or nothing changed."))
}

pub(super) fn patch(components: &mut Components) -> Operation {
    let body = components.of::<ProductPatch>();
    let examples = json!({"price": {"value": {"price": "34.99"}}, "details": {"value": {
        "description": "Universal fit, well-vented.", "category": null}}});
    of_product(components, "patchProduct", "Change some fields of a product")
        .body(PATCH, true, &body, &examples)
        .answer(200, receipt(components, "Changed, or nothing changed."))
        .problems(&[ProblemKind::ProductNotFound, ProblemKind::ProductDeleted])
}

pub(super) fn delete(components: &mut Components) -> Operation {
    of_product(components, "deleteProduct", "Delete a product; its history stays")
        .parameter(occurred_in_query())
        .answer(200, receipt(components, "Deleted, or already deleted."))
        .problems(&[ProblemKind::ProductNotFound])
}

pub(super) fn restore(components: &mut Components) -> Operation {
    let body = components.of::<Occurrence>();
    let examples = example("earlier", &json!({"occurred_at": "2026-11-22T18:00:00Z"}));
    of_product(components, "restoreProduct", "Restore a deleted product")
        .parameter(occurred_in_query())
        .body(JSON, false, &body, &examples)
        .answer(200, receipt(components, "Restored."))
        .problems(&[ProblemKind::ProductNotFound, ProblemKind::ProductNotDeleted])
}

fn command(components: &mut Components, id: &'static str, summary: &'static str) -> Operation {
    // The problem of a failed precondition refers to it.
    components.of::<MissedEvent>();
    let key = json!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\x21-\\x7e]*$"});
    let key = header(
        "Idempotency-Key",
        "1 to 255 visible ASCII characters, per actor. A repeated request gets the first response again, with \
         `Idempotency-Replayed`; the same key with another request is refused. Remembered are the last 32 commands of \
         a product that changed it, and those of the last hour, up to 256.",
        &key,
    );
    Operation::new(id, "Commands", summary).scopes(&[Scope::Write]).parameter(key).problems(REFUSED)
}

fn of_product(components: &mut Components, id: &'static str, summary: &'static str) -> Operation {
    let if_match = header(
        "If-Match",
        "The version in quotes that the product must have, or a list of them, or `*`: it must exist. Weak tags are the \
         same, since versions are exact. Not together with `If-None-Match`.",
        // Swagger UI makes its field of the first one: of the enumeration, a list of one value and no place for a version.
        &json!({"anyOf": [
            {"type": "string",
             "pattern": "^(W/)?\"(0|[1-9][0-9]{0,18})\"([ \\t]*,[ \\t]*(W/)?\"(0|[1-9][0-9]{0,18})\")*$"},
            {"type": "string", "pattern": "^\"(0|[1-9][0-9]{0,18})\"$"},
            {"type": "string", "enum": ["*"]},
        ]}),
    );
    command(components, id, summary)
        .parameter(path("id", "The product.", &inlined::<ProductId>(), "helmet"))
        .parameter(if_match)
        .parameter(if_none_match())
}

fn if_none_match() -> Value {
    header("If-None-Match", "`*`: the product must not exist.", &json!({"type": "string", "enum": ["*"]}))
}

fn occurred_in_query() -> Value {
    query(
        "occurred_at",
        "When it happened in business terms, from 1970 until a minute from now.",
        &occurred_at(),
    )
}

fn created(components: &mut Components) -> OperationResponse {
    receipt(components, "Created.").header("Location")
}

fn receipt(components: &mut Components, description: &'static str) -> OperationResponse {
    let id = json!({"id": "$response.body#/product_id"});
    let seen = json!({"id": "$response.body#/product_id", "min_version": "$response.body#/version"});
    let read = json!({"id": "$response.body#/product_id", "version": "$response.body#/version"});
    OperationResponse::new(description)
        .json(&components.of::<CommitReceipt>(), &example("receipt", &receipt_example()))
        .header("ETag")
        .header("Idempotency-Replayed")
        .link("ReadWhatWasWritten", "getProduct", &seen)
        .link("ReadThatVersion", "getProduct", &read)
        .link("Change", "patchProduct", &id)
        .link("Delete", "deleteProduct", &id)
        .link("Restore", "restoreProduct", &id)
        .link("History", "getHistory", &id)
        .link("Prices", "getPrices", &id)
        .link("Verification", "getVerification", &id)
}

fn receipt_example() -> Value {
    json!({"product_id": "helmet", "version": 1, "commit_id": "01M841K9DC3M5ZQYPS2Y3BRKSE",
           "recorded_at": "2026-11-23T11:10:28.270Z",
           "hash": "a3b10ca7fc91864701e0bfc7f0c62b69a607e55855a6d7e8fff21cffa39beffc",
           "events": [{"event_id": "01M841K9DEZSCMB07FHNWPHHBZ", "type": "ProductCreated", "sequence": 1}]})
}

fn new_product() -> Value {
    json!({
        "helmet": {"value": {"name": "Sport-100 Helmet, Red", "price": "33.6442", "currency": "USD",
                             "sku": "HL-U509-R", "category": "Accessories / Helmets",
                             "attributes": {"color": "Red"}}},
        "shortest": {"value": {"name": "Cap", "price": 8.99}},
    })
}
