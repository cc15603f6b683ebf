//! The OpenAPI description of `GET /commits`.

use schema::{ProductEvent, ProductId, Timestamp};
use serde_json::{Value, json};
use web::openapi::inlined;
use web::operation::{Components, Operation, OperationResponse, example, query};
use web::{ProblemKind, Scope};

use super::answer::FeedBody;
use crate::http::documented::{all, as_csv, examples};

pub(super) fn commits(components: &mut Components) -> Operation {
    Operation::new("getCommits", "Audit", "Get all commits in the order of recording")
        .description(
            "The commits of all products in one order that never changes: positions begin at 0, and nothing is ever inserted \
             before what a reader has passed. Follow `next` until it is `null`, and then ask again with `newest` as `after`: this \
             gives every commit once. A page may hold fewer commits than `limit`, and none, although more follow: only `next` \
             tells. All filters that are given must hold; of several `type` one. A commit that is gone is `null` at its position, \
             with what is known of it in `missing`; filters leave it out.\n\n\
             `retroactive` is whether a commit states a price of a time before the newest one that was stated until then. \
             `receipts` are those of the history; they need `products/audit`.\n\n\
             As `text/csv` an answer has a row for each changed field of each event, up to 10000 commits or 4 MB, and the link to \
             the next page in `Link`. A text that begins like a formula gets a leading apostrophe.\n\n\
             On AWS a wait lasts 5 seconds at most, and `all=true` is refused.",
        )
        .scopes(&[Scope::Subscribe, Scope::Audit])
        .problems(&[ProblemKind::Malformed, ProblemKind::PositionNotReached, ProblemKind::Unavailable])
        .parameters(range())
        .parameters(filters())
        .answer(
            200,
            as_csv(OperationResponse::new("A page."), &examples::feed_as_csv())
                .json(&components.of::<FeedBody>(), &example("page", &examples::feed()))
                .link("NextPage", "getCommits", &json!({"after": "$response.body#/next"})),
        )
}

fn range() -> [Value; 6] {
    let position = |least: i64| json!({"type": "integer", "minimum": least, "maximum": u64::MAX});
    [
        query("after", "Only positions above this one, oldest first; -1 is the beginning.", &position(-1)),
        query(
            "before",
            "Only positions below this one, newest first unless `after` is given too.",
            &position(0),
        ),
        query(
            "order",
            "`asc`: oldest first, which is the default unless `before` is given alone; `desc`: newest first, without `after`.",
            &json!({"type": "string", "enum": ["asc", "desc"]}),
        ),
        query(
            "limit",
            "The maximum number of entries in a page: 1 to 100, of CSV to 10000; by default 50, of CSV 10000.",
            &json!({"type": "integer", "minimum": 1, "maximum": 10_000}),
        ),
        query(
            "wait",
            "How many seconds to wait until there is a newer position, if there is none; ascending order alone.",
            &json!({"type": "integer", "minimum": 0, "maximum": super::LONGEST_WAIT.as_secs(), "default": 0}),
        ),
        all(),
    ]
}

fn filters() -> [Value; 10] {
    let text = json!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"});
    let ulid = json!({"type": "string", "pattern": "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"});
    let moment = inlined::<Timestamp>();
    [
        query("product", "Only the commits of this product.", &inlined::<ProductId>()),
        query("actor", "Only the commits of this actor.", &text),
        query(
            "type",
            "Only commits with an event of this stored name; given several times, of one of them.",
            &json!({"type": "array", "items": {"type": "string", "enum": ProductEvent::NAMES}}),
        ),
        query("correlation_id", "Only commits with this correlation id.", &text),
        query("commit_id", "Only the commit with this id.", &ulid),
        query("event_id", "Only the commit with the event that has this id.", &ulid),
        query(
            "retroactive",
            "`true`: only retroactive commits.",
            &json!({"type": "string", "enum": ["true"]}),
        ),
        query("from", "Only commits at this time or later.", &moment),
        query("to", "Only commits before this time.", &moment),
        query(
            "by",
            "The time that `from` and `to` compare: `recorded_at` or `occurred_at`.",
            &json!({"type": "string", "enum": ["recorded", "happened"], "default": "recorded"}),
        ),
    ]
}
