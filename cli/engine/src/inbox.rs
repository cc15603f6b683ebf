//! What waits for the engine's thread: requests in the order they came, and behind them those that can wait. Those get
//! their turn all the same, however many come before them.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// After so many requests that came before them, one of those behind has its turn.
const IN_A_ROW: usize = 8;

/// Where a request waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Somebody waits for its answer.
    First,
    /// It belongs to work that follows, such as views, and can wait a moment.
    Behind,
}

pub(crate) struct Inbox<J> {
    waiting: Mutex<Waiting<J>>,
    changed: Condvar,
}

struct Waiting<J> {
    first: VecDeque<J>,
    behind: VecDeque<J>,
    in_a_row: usize,
    closed: bool,
}

impl<J> Inbox<J> {
    pub(crate) fn new() -> Self {
        let waiting = Waiting { first: VecDeque::new(), behind: VecDeque::new(), in_a_row: 0, closed: false };
        Self { waiting: Mutex::new(waiting), changed: Condvar::new() }
    }

    /// Leaves a request; it is dropped when the inbox is closed.
    pub(crate) fn send(&self, lane: Lane, request: J) {
        let mut waiting = self.waiting();
        if waiting.closed {
            return;
        }
        match lane {
            Lane::First => waiting.first.push_back(request),
            Lane::Behind => waiting.behind.push_back(request),
        }
        drop(waiting);
        self.changed.notify_one();
    }

    /// The next request; none when the inbox is closed and empty.
    pub(crate) fn next(&self) -> Option<J> {
        let mut waiting = self.waiting();
        loop {
            if let Some(request) = waiting.take() {
                return Some(request);
            }
            if waiting.closed {
                return None;
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next request if one waits already.
    pub(crate) fn waits(&self) -> Option<J> {
        self.waiting().take()
    }

    /// Takes no more; what waits can still be taken.
    pub(crate) fn close(&self) {
        self.waiting().closed = true;
        self.changed.notify_all();
    }

    /// Takes no more, and drops what waits.
    pub(crate) fn end(&self) {
        self.close();
        while let Some(dropped) = self.waits() {
            drop(dropped);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting<J>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<J> Waiting<J> {
    fn take(&mut self) -> Option<J> {
        let turn_of_those_behind = self.first.is_empty() || self.in_a_row >= IN_A_ROW;
        if turn_of_those_behind && let Some(request) = self.behind.pop_front() {
            self.in_a_row = 0;
            return Some(request);
        }
        self.in_a_row = if self.behind.is_empty() { 0 } else { self.in_a_row + 1 };
        self.first.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(inbox: &Inbox<u32>) -> Vec<u32> {
        std::iter::from_fn(|| inbox.waits()).collect()
    }

    #[test]
    fn who_is_behind_waits_but_not_for_ever() {
        let inbox = Inbox::new();
        for request in [100, 101] {
            inbox.send(Lane::Behind, request);
        }
        for request in 0..20 {
            inbox.send(Lane::First, request);
        }
        let expected = [(0..8).collect(), vec![100], (8..16).collect(), vec![101], (16..20).collect()];
        assert_eq!(all(&inbox), expected.concat());
        inbox.send(Lane::Behind, 102);
        assert_eq!(all(&inbox), [102]);
    }

    #[test]
    fn a_closed_inbox_gives_what_it_has_and_takes_no_more() {
        let inbox = Inbox::new();
        inbox.send(Lane::First, 1);
        inbox.send(Lane::Behind, 2);
        inbox.close();
        inbox.send(Lane::First, 3);
        assert_eq!([inbox.next(), inbox.next(), inbox.next()], [Some(1), Some(2), None]);
    }
}
