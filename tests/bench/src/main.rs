//! Measures every system at every length in one run on one engine, and writes the results. The arguments are lengths, if any.

use aws_sdk_dynamodb::Client;
use bench::dynamo_es::DynamoEs;
use bench::event_store_adapter::Adapter;
use bench::measure::{Store, measure};
use bench::measured::{self, COMPARED, LENGTHS, Measured};
use bench::ours::Ledger;
use bench::product::Work;
use bench::proxy::Proxy;
use bench::{castore, report, tables};
use engine::Engine;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let given: Vec<u64> = std::env::args().skip(1).map(|length| length.parse()).collect::<Result<_, _>>()?;
    let whole = given.is_empty();
    let lengths: Vec<u64> = std::iter::once(0).chain(if whole { LENGTHS.to_vec() } else { given }).collect();
    let data = tempfile::tempdir()?;
    let engine = Engine::open(data.path())?;
    let proxy = Proxy::start(&engine).await?;
    let (client, past) = (proxy.client(), Client::new(&engine.sdk_config()));
    tables::create_all(&past).await?;
    let mut measured = Vec::new();
    for store in stores(&client, &past).await? {
        for events in &lengths {
            measured.push(told(measure(store.as_ref(), &proxy.meter, *events).await?));
        }
    }
    for store in asides(&client, &past).await? {
        measured.push(told(measure(store.as_ref(), &proxy.meter, COMPARED).await?));
    }
    measured.extend(castore::measure(&proxy, &lengths).await?.into_iter().map(told));
    if !whole {
        println!("{}", serde_json::to_string_pretty(&measured)?);
        return Ok(());
    }
    measured::write(&measured)?;
    report::write(&measured)
}

/// Every system by default and at its best.
async fn stores(client: &Client, past: &Client) -> anyhow::Result<Vec<Box<dyn Store>>> {
    let (client, past, work) = (|| client.clone(), || past.clone(), Work::Price);
    Ok(vec![
        Box::new(Ledger::new(client(), past(), false, work)),
        Box::new(Ledger::new(client(), past(), true, work)),
        Box::new(DynamoEs::new(client(), past(), false, work)),
        Box::new(DynamoEs::new(client(), past(), true, work)),
        Box::new(Adapter::open(client(), past(), false, work).await?),
        Box::new(Adapter::open(client(), past(), true, work).await?),
    ])
}

/// Every system by default, with other changes.
async fn asides(client: &Client, past: &Client) -> anyhow::Result<Vec<Box<dyn Store>>> {
    let mut stores: Vec<Box<dyn Store>> = Vec::new();
    stores.push(Box::new(Ledger::new(client.clone(), past.clone(), false, Work::Description)));
    for work in [Work::Description, Work::PriceAlone] {
        stores.push(Box::new(DynamoEs::new(client.clone(), past.clone(), false, work)));
        stores.push(Box::new(Adapter::open(client.clone(), past.clone(), false, work).await?));
    }
    Ok(stores)
}

fn told(one: Measured) -> Measured {
    eprintln!("{}, {}, {} events: {:?} USD for a million", one.name(), one.work, one.events, one.usd());
    one
}
