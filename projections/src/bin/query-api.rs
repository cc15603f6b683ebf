//! The Lambda function that answers queries, and the files of the log. It writes nothing.

use std::process::ExitCode;
use std::sync::Arc;

use event_store::{
    DynamoJournal, DynamoParking, DynamoReceipts, DynamoRounds, FeedReader, Journal, Receipts, metering,
};
use lambda::Function;
use projections::http::feed::{FeedApi, routes_in_a_function};
use projections::http::messages::{self, MessagesApi};
use projections::http::status::{self, FunctionStatus, StatusPorts, variables};
use projections::http::{QueryApi, routes};
use projections::{DynamoPriceLog, DynamoViews};
use sequencer::{
    DynamoLogKeys, DynamoLogTable, KeptLog, LogApi, LogFeed, LogPublic, ProofSources, PublishedCheckpoints,
    S3Log, ServedKeys,
};
use tokio::sync::watch;
use web::about::explorer::{Explorer, Feature};

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
        let ports = StatusPorts {
            parking: Arc::new(DynamoParking::new(client.clone(), &tables.parking)),
            feed: feed.clone(),
            receipts: receipts.clone(),
            rounds: Arc::new(DynamoRounds::new(client.clone(), &tables.parking)),
            log: log_files(&function).map(|files| files as Arc<dyn PublishedCheckpoints>),
        };
        let messages = MessagesApi { journal: journal.clone(), source: function.settings.message_source() };
        let settings = variables(|name| std::env::var(name).ok());
        let status = FunctionStatus::new(ports, settings, function.clock_and_ids.clock.clone());
        let log = log_api(&function, ProofSources { journal: journal.clone(), feed })?;
        let api = QueryApi {
            views: Arc::new(DynamoViews::new(client.clone(), &tables.products, function.settings.orders)),
            prices: Arc::new(DynamoPriceLog::new(client, &tables.prices)),
            receipts,
            journal,
            clock: function.clock_and_ids.clock.clone(),
            // A function answers with a whole body, which is limited.
            stopping: None,
        };
        let (public, explorer) = (log.public, explorer(&function, log.log.is_some()));
        let routes = routes(api)
            .merge(messages::routes(messages))
            .merge(routes_in_a_function(commits))
            .merge(sequencer::routes(log));
        let routes = routes.merge(status::routes(Arc::new(status))).merge(web::about::routes(Some(explorer)));
        function.answer_open(routes, move |path| public.opens(path)).await
    })
}

/// What the pages for people are told.
fn explorer(function: &Function, has_log: bool) -> Explorer {
    Explorer {
        needs_token: true,
        sign_in: function.sign_in.clone(),
        people_url: function.people_url.clone(),
        features: [Feature::Commits, Feature::Days]
            .into_iter()
            .chain(has_log.then_some(Feature::Log))
            .collect(),
        orders: function.settings.orders,
        default_currency: function.settings.default_currency,
        // The gateway passes on text alone.
        compresses: false,
    }
}

/// The files of the log, if a bucket is named for them.
fn log_files(function: &Function) -> Option<Arc<S3Log>> {
    let clock = function.clock_and_ids.clock.clone();
    let bucket = function.settings.log.bucket.as_ref()?;
    Some(Arc::new(S3Log::new(&function.aws, bucket, clock)))
}

/// The log, if a bucket is named for it.
fn log_api(function: &Function, sources: ProofSources) -> anyhow::Result<LogApi> {
    let log = log_files(function).map(|store| KeptLog {
        store,
        keys: ServedKeys::Bound(Arc::new(DynamoLogKeys::new(
            metering::client(&function.aws),
            &function.settings.tables.log,
        ))),
    });
    let public = function.log_public.as_deref().map(str::parse::<LogPublic>).transpose()?;
    Ok(LogApi { log: log.map(|log| (log, sources)), public: public.unwrap_or_default() })
}
