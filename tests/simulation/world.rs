//! One run: clients, one or two projectors, a publisher, the schedule, and the log of one machine and that of tables on one set of stores, first with faults, then
//! without.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::Router;
use commands::Executor;
use commands::http::CommandApi;
use event_store::{Journal, MemoryJournal, MemoryParking, MemoryReceipts, Parking};
use futures::future::join_all;
use projections::{Catalogue, MemoryPriceLog, MemoryViews, PriceLog, Prices, Projector, Views};
use publisher::bus::memory::BusFault;
use publisher::bus::{BusError, BusRefusal, Remedy};
use publisher::{Address, MemoryBus, Publisher, PublisherPorts, RetryPolicy};
use schema::{Clock, Timestamp};
use web::{ClockAndIds, finish};

use crate::chaos::{Chaos, process};
use crate::client::{Client, ClientAnswers, PRODUCTS};
use crate::faulty::{FaultyBus, FaultyJournal, FaultyParking, FaultyReceipts};
use crate::log::LogDisk;
use crate::sequencer::TableLog;
use crate::stream::{SHARDS, Stream};
use crate::views::{FaultyPriceLog, FaultyViews};

const CLIENTS: usize = 4;
const COMMANDS: usize = 7;
const MINUTE: Duration = Duration::from_mins(1);

/// The system under test; these stores are without faults.
pub struct World {
    pub chaos: Arc<Chaos>,
    pub journal: Arc<MemoryJournal>,
    pub receipts: Arc<MemoryReceipts>,
    pub parking: Arc<MemoryParking>,
    pub views: Arc<MemoryViews>,
    pub prices: Arc<MemoryPriceLog>,
    pub bus: Arc<MemoryBus>,
    pub answers: Arc<ClientAnswers>,
    pub log: Arc<LogDisk>,
    pub table_log: TableLog,
    stream: Arc<Stream>,
    clock_and_ids: ClockAndIds,
}

impl World {
    pub fn new(seed: u64) -> Self {
        fastrand::seed(seed);
        let chaos = Chaos::new(seed);
        let ids = chaos.clone();
        let clock = clock(chaos.clone());
        let made = Arc::new(AtomicI64::new(0));
        let ids = move || {
            let n = made.fetch_add(1, Ordering::Relaxed);
            ulid::Ulid::from_parts(1_763_000_000_000 + n.unsigned_abs(), ids.bits())
        };
        let world = Self {
            stream: Stream::new(chaos.clone()),
            journal: Arc::default(),
            receipts: Arc::default(),
            parking: Arc::default(),
            views: Arc::default(),
            prices: Arc::default(),
            bus: Arc::default(),
            answers: Arc::default(),
            log: LogDisk::new(chaos.clone()),
            table_log: TableLog::new(&chaos),
            clock_and_ids: ClockAndIds { clock, ids: Arc::new(ids) },
            chaos,
        };
        world.inject_bus_faults();
        world
    }

    /// Runs everything until all records are processed.
    pub async fn run(&self) {
        self.begin_log().await;
        let (finished, announced) = (Cell::new(false), Cell::new(false));
        // A second projector repairs what the first one missed, so some runs have only one.
        let projectors: Vec<_> = (0..=self.chaos.below(2)).map(|_| self.projector()).collect();
        let publisher = self.publisher();
        let clients = async {
            let work = (0..CLIENTS).map(|name| self.client(name));
            join_all(work.map(|client| async move { client.work(COMMANDS).await })).await;
            self.chaos.stop();
            self.bus.heal();
            finished.set(true);
        };
        let shards = (0..SHARDS).flat_map(|shard| projectors.iter().map(move |projector| (shard, projector)));
        let projecting = async {
            let given_up = join_all(shards.map(|(shard, projector)| {
                self.stream.follow(shard, async |event| projector.project(event).await, || finished.get())
            }));
            let given_up = given_up.await;
            announced.set(true);
            given_up
        };
        let publishing = join_all((0..SHARDS).map(|shard| {
            let publisher = &publisher;
            self.stream.follow(shard, async |event| publisher.publish(event, MINUTE).await, || finished.get())
        }));
        let delivered = Cell::new(false);
        let rebuilding = async {
            if self.chaos.below(3) == 0 {
                self.rebuild().await;
            }
        };
        let delivering = async {
            let ((), by_projectors, by_publisher, ()) =
                tokio::join!(clients, projecting, publishing, rebuilding);
            delivered.set(true);
            by_projectors.into_iter().chain(by_publisher).sum::<usize>()
        };
        let schedule = self.schedule(&projectors[0], &publisher, &delivered);
        let (read, kept) = (self.read(&delivered), self.keep_log(&finished));
        let sequenced = self.sequence(&announced);
        let (given_up, (), (), (), ()) = tokio::join!(delivering, schedule, read, kept, sequenced);
        if given_up > 0 {
            self.reconcile(&projectors[0], &publisher).await;
        }
    }

    /// Retries every minute until nothing retryable is parked.
    async fn schedule(&self, projector: &Projector, publisher: &Publisher, delivered: &Cell<bool>) {
        loop {
            tokio::time::sleep(MINUTE).await;
            // After an error the next retry goes on; what counts is that the rows are gone in the end.
            let _ = process(projector.retry_parked(MINUTE)).await;
            let _ = process(publisher.retry_parked(MINUTE)).await;
            if delivered.get() && !self.is_anything_retryable().await {
                return;
            }
        }
    }

    async fn is_anything_retryable(&self) -> bool {
        for consumer in ["products", "prices", publisher::CONSUMER] {
            let rows = self.parking.list(consumer, None, 100).await.unwrap();
            if rows.iter().any(|row| row.retryable) {
                return true;
            }
        }
        false
    }

    /// What an operator does about records that the event source mapping gave up.
    async fn reconcile(&self, projector: &Projector, publisher: &Publisher) {
        for product in PRODUCTS.map(schema::fixtures::id) {
            if self.journal.newest(&product, u64::MAX >> 1).await.unwrap().is_some() {
                projector.retry(&product).await.unwrap();
                publisher.publish_product(&product, MINUTE).await.unwrap();
            }
        }
    }

    fn client(&self, name: usize) -> Client {
        Client { name, api: self.api(), chaos: self.chaos.clone(), answers: self.answers.clone() }
    }

    fn api(&self) -> Router {
        let api = CommandApi {
            executor: Executor::new(self.table(), self.clock_and_ids.clone()),
            clock_and_ids: self.clock_and_ids.clone(),
            default_currency: schema::fixtures::money("1", "USD").currency(),
        };
        finish(commands::http::routes(api), self.clock_and_ids.clone())
    }

    fn projector(&self) -> Projector {
        let views = self.view_table();
        let catalogue = Arc::new(Catalogue::new(views.clone(), self.table()));
        let prices = Arc::new(Prices::new(self.price_table(), self.table()));
        Projector::new(views, vec![catalogue, prices], self.parking(), self.clock())
            .announcing(self.announcements(), self.ids_by_time())
    }

    fn publisher(&self) -> Publisher {
        let chaos = self.chaos.clone();
        let ports = PublisherPorts {
            journal: self.table(),
            receipts: Arc::new(FaultyReceipts { inner: self.receipts.clone(), chaos: chaos.clone() }),
            parking: self.parking(),
            bus: Arc::new(FaultyBus { inner: self.bus.clone(), chaos }),
            clock: self.clock(),
        };
        let address = Address { source: schema::fixtures::message_source(), bus: "bus".into(), xray: false };
        Publisher::new(ports, address, RetryPolicy::default())
    }

    pub fn clock(&self) -> Clock {
        self.clock_and_ids.clock.clone()
    }

    pub fn view_table(&self) -> Arc<dyn Views> {
        Arc::new(FaultyViews { inner: self.views.clone(), chaos: self.chaos.clone() })
    }

    pub fn price_table(&self) -> Arc<dyn PriceLog> {
        Arc::new(FaultyPriceLog { inner: self.prices.clone(), chaos: self.chaos.clone() })
    }

    pub fn table(&self) -> Arc<dyn Journal> {
        let (inner, chaos) = (self.journal.clone(), self.chaos.clone());
        Arc::new(FaultyJournal { inner, chaos, stream: self.stream.clone() })
    }

    pub fn parking(&self) -> Arc<dyn Parking> {
        Arc::new(FaultyParking { inner: self.parking.clone(), chaos: self.chaos.clone() })
    }

    /// Refuses single entries and throttles whole requests.
    fn inject_bus_faults(&self) {
        let chaos = self.chaos.clone();
        self.bus.refuse_entries(move |_| {
            chaos.happens("entry refused", 100).then(|| BusRefusal::new("ThrottlingException", "too much"))
        });
        let chaos = self.chaos.clone();
        self.bus.fail_requests(move |_| {
            let throttled = || BusError::new(Remedy::SendAgain, "ThrottlingException", "too much");
            chaos.happens("bus throttled", 50).then(|| BusFault::Failed(throttled()))
        });
    }
}

/// The time of the run, with jumps in both directions. No jump back is longer than the minute by which a commit may be ahead
/// of the clock.
fn clock(chaos: Arc<Chaos>) -> Clock {
    let (started, jumped) = (tokio::time::Instant::now(), AtomicI64::new(0));
    Arc::new(move || {
        if chaos.happens("clock jumped", 30) {
            let to = i64::try_from(chaos.below(60_000)).unwrap() - 30_000;
            jumped.store(to, Ordering::Relaxed);
        }
        let passed = i64::try_from(started.elapsed().as_millis()).unwrap();
        let millis = 1_763_000_000_000 + passed + jumped.load(Ordering::Relaxed);
        Timestamp::new(chrono::DateTime::from_timestamp_millis(millis).unwrap()).unwrap()
    })
}
