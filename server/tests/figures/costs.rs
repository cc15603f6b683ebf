//! The cost of one command from its request to its receipt, from which `docs/costs.md` and `docs/growth.md` are
//! calculated. `LEDGER_ACCEPT=1` accepts new numbers.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::event::dynamodb::Event;
use event_store::reconcile::ReconcileRun;
use event_store::{DynamoRounds, ReconciledConsumer, Reconciler};
use lambda::Emf;
use serde_json::{Value, json};

use crate::world::World;

const HELMET: &str = r#"{"name":"Sport-100 Helmet, Red","price":"33.6442","sku":"HL-U509-R",
    "category":"Accessories / Helmets","attributes":{"color":"Red"}}"#;
/// Records of a full batch, each of another product.
const BATCH: usize = 100;

/// A ledger, and the names of all series that functions wrote.
struct Meter {
    world: World,
    series: BTreeSet<String>,
}

impl Meter {
    /// Units and lines since the last look, and of the units those of the product view. The local bus is a table;
    /// `EventBridge` is none. Feed items belong to the log, whose costs are calculated.
    fn spent(&mut self, function: &str) -> Value {
        let (mut read, mut write, mut products, mut products_read, mut requests) = (0.0, 0.0, 0.0, 0.0, 0);
        for seen in self.world.wire.take() {
            let is_feed_item = seen.request.table.as_deref() == Some("ledger-log-feed");
            if is_feed_item || seen.request.body.to_string().contains("ledger-bus") {
                continue;
            }
            requests += 1;
            let units = seen.capacity().unwrap();
            let of_products = seen.request.table.as_deref() == Some("ledger-products");
            let (all, of_products_too) = match seen.request.operation.as_str() {
                "Query" | "GetItem" | "BatchGetItem" | "Scan" => (&mut read, &mut products_read),
                _ => (&mut write, &mut products),
            };
            *all += units;
            if of_products {
                *of_products_too += units;
            }
        }
        let lines = self.world.lines();
        for line in &lines {
            for directive in line["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
                let labels = directive["Dimensions"][0].as_array().unwrap().iter();
                let labels: Vec<_> = labels.map(|label| &line[label.as_str().unwrap()]).collect();
                for metric in directive["Metrics"].as_array().unwrap() {
                    self.series.insert(format!("{function} {} {labels:?}", metric["Name"]));
                }
            }
        }
        let lines = lines.len();
        json!({"requests": requests, "read": read, "write": write, "products": products,
               "products_read": products_read, "lines": lines})
    }

    async fn asked(&mut self, function: &str, method: &str, path: &str, body: &str) -> (Value, Value) {
        self.world.wire.clear();
        // With a key a new product's id is always the same, and so is its shard.
        let key = (path == "/products" && method == "POST").then_some("key");
        let (status, answer) = self.world.send(method, path, key, body).await;
        assert!(status < 300, "{method} {path}: {answer}");
        (self.spent(function), answer)
    }

    async fn followed(&mut self, event: Event) -> (Value, Value) {
        self.world.wire.clear();
        self.world.project(event.clone()).await;
        let projected = self.spent("projector");
        self.world.publish(event).await;
        (projected, self.spent("publisher"))
    }

    /// The newest commits of these products, as one batch.
    async fn newest(&self, products: &[String]) -> Event {
        let mut event = Event::default();
        for product in products {
            event.records.extend(self.world.records(product, "INSERT").await.records.pop());
        }
        event
    }
}

async fn measured() -> Value {
    let emf = Emf::new("ProductLedger", "function");
    let _recording = metrics::set_default_local_recorder(&emf);
    let mut meter = Meter { world: World::new(&emf).await, series: BTreeSet::new() };
    let mut all = json!({});
    let (spent, answer) = meter.asked("command-api", "POST", "/products", HELMET).await;
    let product = answer["product_id"].as_str().unwrap().to_owned();
    let mut commands = vec![("create", spent)];
    let path = format!("/products/{product}");
    let restore = format!("{path}/restore");
    for (name, method, path, body) in [
        ("change the price", "PATCH", &path, r#"{"price":"34.99"}"#),
        ("rename", "PATCH", &path, r#"{"name":"Sport-100 Helmet, Black"}"#),
        ("delete", "DELETE", &path, ""),
        ("restore", "POST", &restore, ""),
    ] {
        follow(&mut meter, &mut commands, &product, &mut all).await;
        commands.push((name, meter.asked("command-api", method, path, body).await.0));
    }
    follow(&mut meter, &mut commands, &product, &mut all).await;
    all["a full batch"] = batch(&mut meter).await;
    meter.asked("query-api", "GET", &path, "").await;
    all["get"] = meter.asked("query-api", "GET", &path, "").await.0;
    all["list 100"] = meter.asked("query-api", "GET", "/products?limit=100", "").await.0;
    let category = "/products?category=Accessories%20/%20Helmets";
    all["look up 100"] = meter.asked("query-api", "GET", &format!("{category}&limit=100"), "").await.0;
    // One that no other product has.
    meter.world.send("PATCH", "/products/p0", None, r#"{"sku":"HL-U510"}"#).await;
    let patched = meter.newest(&["p0".to_owned()]).await;
    meter.followed(patched).await;
    all["look up one"] = meter.asked("query-api", "GET", "/products?sku=HL-U510", "").await.0;
    // What they cost follows the length of the product; their series are counted.
    for part in ["history", "prices", "verification"] {
        meter.asked("query-api", "GET", &format!("{path}/{part}"), "").await;
    }
    all["reconcile"] = reconciled(&mut meter).await;
    all["series"] = meter.series.len().into();
    all["id,name"] = changes_keeping(&emf, "id,name").await;
    all
}

/// A round of the reconcile of each consumer, and a run after it, which has nothing to do; and how many series each writes that
/// nothing else does.
async fn reconciled(meter: &mut Meter) -> Value {
    let mut all = json!({"idle": {}});
    let before = meter.series.clone();
    let (mut of_rounds, mut of_every_run) = (BTreeSet::new(), BTreeSet::new());
    for (name, part) in [("projector", "project"), ("publisher", "publish")] {
        meter.world.wire.clear();
        let round = reconcile(&meter.world, name).await;
        assert!(round.complete);
        all["products"] = round.compared.into();
        meter.series.clear();
        all[part] = meter.spent(name);
        of_rounds.append(&mut meter.series);
        assert_eq!(reconcile(&meter.world, name).await, ReconcileRun::default());
        all["idle"][part] = meter.spent(name);
        of_every_run.append(&mut meter.series);
    }
    all["series"] = of_every_run.difference(&before).count().into();
    of_rounds.retain(|series| !before.contains(series) && !of_every_run.contains(series));
    all["round_series"] = of_rounds.len().into();
    meter.series = before;
    all
}

async fn reconcile(world: &World, name: &'static str) -> ReconcileRun {
    let rounds = DynamoRounds::new(event_store::metering::client(&world.config), "ledger-parking");
    let (system, clock) = (&world.system, world.system.clock_and_ids.clock.clone());
    let consumer: &dyn ReconciledConsumer =
        if name == "projector" { &system.projector } else { &system.publisher };
    let reconciler = Reconciler::new(name, system.journal.clone(), Arc::new(rounds), clock);
    reconciler.run(consumer, Duration::from_mins(1)).await.unwrap()
}

/// What a price change comes to where these orders alone are kept, alone and in a full batch.
async fn changes_keeping(emf: &Emf, orders: &str) -> Value {
    let mut meter = Meter { world: World::keeping(emf, orders).await, series: BTreeSet::new() };
    let (_, answer) = meter.asked("command-api", "POST", "/products", HELMET).await;
    let product = answer["product_id"].as_str().unwrap().to_owned();
    let created = meter.newest(std::slice::from_ref(&product)).await;
    meter.followed(created).await;
    let path = format!("/products/{product}");
    let mut all = json!({});
    let change = meter.asked("command-api", "PATCH", &path, r#"{"price":"34.99"}"#).await.0;
    follow(&mut meter, &mut vec![("change the price", change)], &product, &mut all).await;
    all["a full batch"] = batch(&mut meter).await;
    all
}

/// Projects and publishes what the last command recorded, and notes all three.
async fn follow(meter: &mut Meter, commands: &mut Vec<(&str, Value)>, product: &str, all: &mut Value) {
    let event = meter.newest(&[product.to_owned()]).await;
    let (projected, published) = meter.followed(event).await;
    let (name, command) = commands.pop().unwrap();
    all[name] = json!({"command": command, "project": projected, "publish": published});
}

/// A batch of price changes, each of another product.
async fn batch(meter: &mut Meter) -> Value {
    let mut products = Vec::new();
    for n in 0..BATCH {
        let product = format!("p{n}");
        meter.world.send("PUT", &format!("/products/{product}"), None, HELMET).await;
        products.push(product);
    }
    let event = meter.newest(&products).await;
    meter.followed(event).await;
    for product in &products {
        meter.world.send("PATCH", &format!("/products/{product}"), None, r#"{"price":"34.99"}"#).await;
    }
    meter.world.lines();
    let event = meter.newest(&products).await;
    let (projected, published) = meter.followed(event).await;
    json!({"records": BATCH, "project": projected, "publish": published})
}

/// The goal of issue 11: what the whole road of a price change writes, with every order and with two.
#[tokio::test]
async fn a_price_change_writes_ten_units_end_to_end_and_six_with_two_orders() {
    let found = measured().await;
    for (measured, products, all) in [(&found, 7.0, 10.0), (&found["id,name"], 3.0, 6.0)] {
        let change = &measured["change the price"];
        let written = |part: &str, what: &str| change[part][what].as_f64().unwrap();
        let parts = [
            written("command", "write"),
            written("project", "products"),
            written("project", "write") - written("project", "products"),
            written("publish", "write"),
        ];
        assert_eq!(json!(parts), json!([1.0, products, 1.0, 1.0]), "event, catalogue, price, receipt");
        let sum: f64 = parts.iter().sum();
        assert!(sum <= all, "{sum}");
    }
}

#[tokio::test]
async fn one_command_costs_what_the_pages_of_costs_and_growth_say() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/costs/measured.json");
    let found = measured().await;
    if std::env::var_os("LEDGER_ACCEPT").is_some() {
        std::fs::write(&file, format!("{found:#}\n")).unwrap();
    }
    let written: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(found, written, "LEDGER_ACCEPT=1 takes it over; then `npm run costs` in infra/");
}
