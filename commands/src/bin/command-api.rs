//! The Lambda function of the command routes. Its permissions on the event table are insert and query.

use std::process::ExitCode;
use std::sync::Arc;

use commands::Executor;
use commands::execute::TIME_LIMIT;
use commands::http::{CommandApi, routes};
use event_store::{DynamoJournal, metering};

fn main() -> ExitCode {
    lambda::run(async |function| {
        let journal = DynamoJournal::new(metering::client(&function.aws), &function.settings.tables.events);
        let api = CommandApi {
            executor: Executor::new(Arc::new(journal), function.clock_and_ids.clone()).within(TIME_LIMIT),
            clock_and_ids: function.clock_and_ids.clone(),
            default_currency: function.settings.default_currency,
        };
        function.answer(routes(api)).await
    })
}
