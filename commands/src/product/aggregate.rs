//! The product as a cqrs-es aggregate, for its test framework: it folds by the schema and decides by [`super::decide`],
//! which the executor calls itself.

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
        // `write` applies an event at once, so the decision is complete before the first one.
        for event in decide(self.0.as_ref(), &command, pricing)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: ProductEvent) {
        match Facts::after(self.0.take(), &event) {
            Ok(facts) => self.0 = Some(facts),
            // Only decisions of this crate are applied, and a property test of `decide` folds all kinds of them.
            Err(misfit) => {
                tracing::error!(target: "ledger::command", %misfit, "a decided event cannot follow those before it");
            }
        }
    }
}
