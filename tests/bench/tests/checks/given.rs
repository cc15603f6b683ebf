//! An empty engine in memory behind a proxy, with the tables of every system.

use aws_sdk_dynamodb::Client;
use bench::proxy::Proxy;
use bench::tables;
use engine::Engine;

/// What a test needs; the engine ends with it.
pub struct Given {
    /// Through the proxy.
    pub client: Client,
    /// Past it.
    pub past: Client,
    /// The proxy.
    pub proxy: Proxy,
}

/// Starts it.
pub async fn given() -> Given {
    let engine = Engine::in_memory().unwrap();
    let proxy = Proxy::start(&engine).await.unwrap();
    let past = Client::new(&engine.sdk_config());
    tables::create_all(&past).await.unwrap();
    Given { client: proxy.client(), past, proxy }
}
