//! Polling: how often something that should become less is looked at again.
//!
//! The promise: it ends when nothing is left, when nothing got better for a number of looks, or when the time is over.

use std::time::Duration;

use tokio::time::Instant;

/// When polling ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollPolicy {
    /// Between two looks.
    pub pause: Duration,
    /// So many looks in a row at which nothing got better end it.
    pub idle_looks: u32,
    /// It ends after this time even while it gets better.
    pub at_most: Duration,
}

impl PollPolicy {
    /// One look and no waiting.
    #[must_use]
    pub fn once() -> Self {
        Self { pause: Duration::ZERO, idle_looks: 0, at_most: Duration::ZERO }
    }

    /// Up to this long, whether it gets better or not.
    #[must_use]
    pub fn lasting(at_most: Duration) -> Self {
        let pause = Self::default().pause.min(at_most);
        Self { pause, idle_looks: u32::MAX, at_most }
    }

    /// Begins now.
    #[must_use]
    pub fn begin(self) -> Poll {
        let end = Instant::now().checked_add(self.at_most);
        Poll { policy: self, least: usize::MAX, idle: 0, end }
    }
}

/// As long as it gets better, a minute at most; three seconds where it does not.
impl Default for PollPolicy {
    fn default() -> Self {
        Self { pause: Duration::from_millis(200), idle_looks: 15, at_most: Duration::from_mins(1) }
    }
}

/// Polling under way.
#[derive(Debug)]
pub struct Poll {
    policy: PollPolicy,
    least: usize,
    idle: u32,
    end: Option<Instant>,
}

impl Poll {
    /// Whether to look again when `left` is what the last look found; pauses before it says yes.
    pub async fn again(&mut self, left: usize) -> bool {
        self.idle = if left < self.least { 0 } else { self.idle + 1 };
        self.least = self.least.min(left);
        let over = self.end.is_some_and(|end| Instant::now() >= end);
        if left == 0 || self.idle >= self.policy.idle_looks || over {
            return false;
        }
        tokio::time::sleep(self.policy.pause).await;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many looks there are, where the last of them stands for all further ones.
    async fn looks(policy: PollPolicy, left: &[usize]) -> usize {
        let (mut poll, mut looks) = (policy.begin(), 1);
        while poll.again(*left.get(looks - 1).or(left.last()).unwrap()).await {
            looks += 1;
        }
        looks
    }

    #[tokio::test(start_paused = true)]
    async fn polling_ends_with_nothing_left_without_progress_or_with_the_time() {
        let policy = PollPolicy { idle_looks: 3, ..PollPolicy::default() };
        assert_eq!(looks(policy, &[9, 5, 0]).await, 3);
        assert_eq!(looks(policy, &[9, 5, 5, 4]).await, 4 + 3);
        assert_eq!(looks(PollPolicy::once(), &[9]).await, 1);
        assert_eq!(looks(PollPolicy::lasting(Duration::from_secs(1)), &[9]).await, 6);
        assert_eq!(looks(PollPolicy::lasting(Duration::ZERO), &[9]).await, 1);
        let endless = PollPolicy { at_most: Duration::MAX, ..policy };
        assert_eq!(looks(endless, &[9]).await, 4);
    }
}
