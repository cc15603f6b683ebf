//! The Lambda function that answers queries, and the files of the log. It writes nothing.

use std::process::ExitCode;
use std::sync::Arc;

use event_store::{DynamoJournal, DynamoReceipts, FeedReader, Journal, Receipts, metering};
use lambda::Function;
use projections::http::feed::{FeedApi, routes_in_a_function};
use projections::http::{QueryApi, routes};
use projections::{DynamoPriceLog, DynamoViews};
use sequencer::{
    DynamoLogKeys, DynamoLogTable, KeptLog, LogApi, LogFeed, LogPublic, ProofSources, S3Log, ServedKeys,
};
use tokio::sync::watch;

fn main() -> ExitCode {
    lambda::run(async |function| {
        let (client, tables) = (metering::client(&function.aws), &function.settings.tables);
        let journal: Arc<dyn Journal> = Arc::new(DynamoJournal::new(client.clone(), &tables.events));
        let receipts: Arc<dyn Receipts> = Arc::new(DynamoReceipts::new(client.clone(), &tables.receipts));
        let table = Arc::new(DynamoLogTable::new(client.clone(), &tables.log));
        let feed = Arc::new(LogFeed::new(journal.clone(), table));
        // No function is told before it ends.
        let (_never, stopping) = watch::channel(false);
        let commits = FeedApi {
            feed: FeedReader::with_kept_summaries(feed.clone(), feed.clone()),
            journal: journal.clone(),
            receipts: receipts.clone(),
            stopping,
        };
        let log = log_api(&function, ProofSources { journal: journal.clone(), feed })?;
        let api = QueryApi {
            views: Arc::new(DynamoViews::new(client.clone(), &tables.products, function.settings.orders)),
            prices: Arc::new(DynamoPriceLog::new(client, &tables.prices)),
            receipts,
            journal,
            clock: function.clock_and_ids.clock.clone(),
        };
        let public = log.public;
        let routes = routes(api).merge(routes_in_a_function(commits)).merge(sequencer::routes(log));
        let routes = routes.merge(web::about::routes());
        function.answer_open(routes, move |path| public.opens(path)).await
    })
}

/// The log, if a bucket is named for it.
fn log_api(function: &Function, sources: ProofSources) -> anyhow::Result<LogApi> {
    let (settings, clock) = (&function.settings, function.clock_and_ids.clock.clone());
    let log = settings.log.bucket.as_ref().map(|bucket| KeptLog {
        store: Arc::new(S3Log::new(&function.aws, bucket, clock)),
        keys: ServedKeys::Bound(Arc::new(DynamoLogKeys::new(
            metering::client(&function.aws),
            &settings.tables.log,
        ))),
    });
    let public = function.log_public.as_deref().map(str::parse::<LogPublic>).transpose()?;
    Ok(LogApi { log: log.map(|log| (log, sources)), public: public.unwrap_or_default() })
}
