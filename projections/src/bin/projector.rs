//! The Lambda function that follows the event table's stream: it announces commits to the log and updates the views.

use std::process::ExitCode;
use std::sync::Arc;

use event_store::{
    DynamoAnnouncements, DynamoJournal, DynamoParking, DynamoRounds, Journal, Reconciler, follow, metering,
};
use projections::project::ROUNDS;
use projections::{Catalogue, DynamoPriceLog, DynamoViews, Prices, Projection, Projector, Views};

fn main() -> ExitCode {
    lambda::run(async |function| {
        let (client, tables) = (metering::client(&function.aws), &function.settings.tables);
        let journal: Arc<dyn Journal> = Arc::new(DynamoJournal::new(client.clone(), &tables.events));
        let views: Arc<dyn Views> =
            Arc::new(DynamoViews::new(client.clone(), &tables.products, function.settings.orders));
        let prices = Arc::new(DynamoPriceLog::new(client.clone(), &tables.prices));
        let rounds = Arc::new(DynamoRounds::new(client.clone(), &tables.parking));
        let announcements = Arc::new(DynamoAnnouncements::new(client.clone(), &tables.log_feed));
        let parking = Arc::new(DynamoParking::new(client, &tables.parking));
        let clock = function.clock_and_ids.clock.clone();
        let reconciler = &Reconciler::new(ROUNDS, journal.clone(), rounds, clock.clone());
        let read_models: Vec<Arc<dyn Projection>> = vec![
            Arc::new(Catalogue::new(views.clone(), journal.clone())),
            Arc::new(Prices::new(prices, journal)),
        ];
        let projector = Projector::new(views, read_models, parking, clock);
        let projector = &projector.announcing(announcements, function.clock_and_ids.ids.clone());
        function
            .follow(
                async |batch, time_left| projector.project_within(follow::event(&batch), time_left).await,
                async |time_left| projector.retry_parked(time_left).await,
                async |time_left| reconciler.run(projector, time_left).await,
            )
            .await
    })
}
