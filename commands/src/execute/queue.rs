//! A queue per product: in this process the commands of a product run one after the other, in order of arrival, so that none loses
//! a race against another. Against other processes the conditional insert decides.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schema::ProductId;
use tokio::sync::OwnedMutexGuard;

/// The queues of products with commands that run or wait. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct ProductQueues(Arc<Mutex<HashMap<ProductId, Arc<tokio::sync::Mutex<()>>>>>);

/// The turn of one command; it ends when it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    queues: ProductQueues,
    product: ProductId,
    held: Option<OwnedMutexGuard<()>>,
}

impl ProductQueues {
    /// Waits until the earlier commands of the product are done.
    pub(super) async fn turn(&self, product: &ProductId) -> Turn {
        let queue = self.queues().entry(product.clone()).or_default().clone();
        let mut turn = Turn { queues: self.clone(), product: product.clone(), held: None };
        turn.held = Some(queue.lock_owned().await);
        turn
    }

    fn queues(&self) -> MutexGuard<'_, HashMap<ProductId, Arc<tokio::sync::Mutex<()>>>> {
        // Every change is one insert or one removal, so a panic elsewhere cannot have left half of one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    /// The last one of a product removes its queue: memory is bounded by the commands that run or wait.
    fn drop(&mut self) {
        drop(self.held.take());
        let mut queues = self.queues.queues();
        if queues.get(&self.product).is_some_and(|queue| Arc::strong_count(queue) == 1) {
            queues.remove(&self.product);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use schema::fixtures;
    use tokio::time::timeout;

    use super::*;

    fn is_empty(queues: &ProductQueues) -> bool {
        queues.queues().is_empty()
    }

    #[tokio::test]
    async fn commands_of_one_product_take_turns_in_order_and_leave_no_queue_behind() {
        let (queues, product) = (ProductQueues::default(), fixtures::id("p"));
        let first = queues.turn(&product).await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let waiting: Vec<_> = (0..8)
            .map(|place| {
                let (queues, product, order) = (queues.clone(), product.clone(), order.clone());
                async move {
                    let _turn = queues.turn(&product).await;
                    order.lock().unwrap().push(place);
                }
            })
            .collect();
        let waiting = tokio::spawn(futures::future::join_all(waiting));
        tokio::task::yield_now().await;
        assert!(order.lock().unwrap().is_empty());
        drop(first);
        waiting.await.unwrap();
        assert_eq!(*order.lock().unwrap(), (0..8).collect::<Vec<_>>());
        assert!(is_empty(&queues));
    }

    #[tokio::test]
    async fn another_product_waits_for_nobody_and_a_command_that_is_given_up_blocks_nobody() {
        let queues = ProductQueues::default();
        let (busy, free) = (fixtures::id("busy"), fixtures::id("free"));
        let held = queues.turn(&busy).await;
        drop(queues.turn(&free).await);
        assert!(timeout(Duration::from_millis(1), queues.turn(&busy)).await.is_err());
        drop(held);
        drop(queues.turn(&busy).await);
        assert!(is_empty(&queues));
    }
}
