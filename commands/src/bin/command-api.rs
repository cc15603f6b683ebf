//! The function behind the commands. All it may do to the event table is to insert and to query.

use std::process::ExitCode;
use std::sync::Arc;

use commands::Executor;
use commands::http::{CommandApi, routes};
use event_store::{DynamoJournal, metering};

fn main() -> ExitCode {
    lambda::run(async |function| {
        let journal = DynamoJournal::new(metering::client(&function.aws), &function.settings.tables.events);
        let api = CommandApi {
            executor: Executor::new(Arc::new(journal), function.clock_and_ids.clone()),
            clock_and_ids: function.clock_and_ids.clone(),
            default_currency: function.settings.default_currency,
        };
        function.answer(routes(api)).await
    })
}
