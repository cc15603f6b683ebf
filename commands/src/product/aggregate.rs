//! The product as a cqrs-es aggregate: it folds by the schema and decides by [`super::decide`].

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use schema::{Facts, ProductEvent};
use serde::{Deserialize, Serialize};

use super::{Command, Pricing, Refusal, decide};

/// The facts of a product, `None` before it is created.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProductAggregate(pub Option<Facts>);

impl Aggregate for ProductAggregate {
    const TYPE: &'static str = "product";
    type Command = Command;
    type Event = ProductEvent;
    type Error = Refusal;
    type Services = Pricing;

    async fn handle(
        &mut self,
        command: Command,
        pricing: &Pricing,
        sink: &EventSink<Self>,
    ) -> Result<(), Refusal> {
        // `write` applies at once, so the whole decision is taken before the first event.
        for event in decide(self.0.as_ref(), &command, pricing)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: ProductEvent) {
        match Facts::after(self.0.take(), &event) {
            Ok(facts) => self.0 = Some(facts),
            // Only decisions of this crate are applied, and the test of `decide` folds every one of them.
            Err(misfit) => {
                tracing::error!(target: "ledger::command", %misfit, "an event was decided that cannot follow");
            }
        }
    }
}
