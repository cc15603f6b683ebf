//! The Lambda function that answers queries. It writes nothing.

use std::process::ExitCode;
use std::sync::Arc;

use event_store::{DynamoJournal, DynamoParking, DynamoReceipts, metering};
use projections::http::status::{self, FunctionStatus, variables};
use projections::http::{QueryApi, routes};
use projections::{DynamoPriceLog, DynamoViews};
use web::about::explorer::Explorer;

fn main() -> ExitCode {
    lambda::run(async |function| {
        let (client, tables) = (metering::client(&function.aws), &function.settings.tables);
        let explorer = Explorer {
            needs_token: true,
            features: Vec::new(),
            orders: function.settings.orders,
            default_currency: function.settings.default_currency,
            // The gateway passes on text alone.
            compresses: false,
        };
        let status = FunctionStatus {
            parking: Arc::new(DynamoParking::new(client.clone(), &tables.parking)),
            settings: variables(|name| std::env::var(name).ok()),
        };
        let api = QueryApi {
            views: Arc::new(DynamoViews::new(client.clone(), &tables.products, function.settings.orders)),
            prices: Arc::new(DynamoPriceLog::new(client.clone(), &tables.prices)),
            receipts: Arc::new(DynamoReceipts::new(client.clone(), &tables.receipts)),
            journal: Arc::new(DynamoJournal::new(client, &tables.events)),
            clock: function.clock_and_ids.clock.clone(),
            // A function answers with a whole body, which is limited.
            stopping: None,
        };
        let routes = routes(api).merge(status::routes(Arc::new(status)));
        function.answer(routes.merge(web::about::routes(Some(explorer)))).await
    })
}
