//! An operator who rebuilds the views during the run, and a reader who checks that the version of a product never decreases.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use projections::rebuild::{Rebuild, RebuildConflict};
use projections::{Catalogue, PriceLog, Prices, Projection, Views};
use schema::{ProductId, fixtures};

use crate::chaos::process;
use crate::client::PRODUCTS;
use crate::world::World;

impl World {
    /// Rebuilds both views, repeating each rebuild until it succeeds: it may be killed at any moment.
    pub async fn rebuild(&self) {
        tokio::time::sleep(Duration::from_millis(self.chaos.below(60_000) as u64)).await;
        let (views, prices) = (self.view_table(), self.price_table());
        let projections: [Arc<dyn Projection>; 2] = [
            Arc::new(Catalogue::new(views.clone(), self.table())),
            Arc::new(Prices::new(prices, self.table())),
        ];
        for projection in projections {
            let rebuild = Rebuild {
                views: views.clone(),
                projection,
                journal: self.table(),
                overlap: Duration::from_mins(1),
                pause: Duration::from_millis(500),
                on_conflict: RebuildConflict::Refuse,
            };
            while !matches!(process(rebuild.run(&|_| {})).await, Some(Ok(_))) {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }

    /// Reads every product twice a second until everything is delivered.
    pub async fn read(&self, delivered: &Cell<bool>) {
        let mut seen: HashMap<ProductId, u64> = HashMap::new();
        while !delivered.get() {
            let generation = self.views.generations().await.unwrap().products.read;
            for product in PRODUCTS.map(fixtures::id) {
                let shown = self.views.get(generation, &product).await.unwrap();
                let version = shown.map_or(0, |shown| shown.version);
                let before = seen.insert(product.clone(), version).unwrap_or(0);
                assert!(before <= version, "{product}: version {before} was shown, then {version}");
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// The price history in the generation that is read.
    pub async fn prices_read(&self, product: &ProductId) -> projections::prices::PriceHistory {
        let generation = self.views.generations().await.unwrap().prices.read;
        self.prices.history(generation, product).await.unwrap()
    }
}
