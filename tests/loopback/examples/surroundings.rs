//! Serves tables and a bus on loopback until standard input ends, for measurements from outside; prints one line of JSON with
//! their addresses.

use std::io::Read;

use loopback::{BusServer, TableServer};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let (tables, bus) = (TableServer::serve().await, BusServer::serve().await);
    println!("{}", serde_json::json!({"tables": tables.url(), "bus": bus.url()}));
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}
