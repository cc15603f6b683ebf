//! The inbox: gives each event to `apply` once and in order per product, whatever is delivered twice, late or never.
//!
//! An event is applied when the cursor of its product stands right before it. What came too early is kept, what did not come is
//! fetched from the ledger, and what can never fit (two events with one sequence, or one that `apply` refuses) parks its product,
//! while all others go on.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::apply::{Apply, CannotApply, Failure};
use crate::error::InboxError;
use crate::event::{Cursor, LedgerEvent};
use crate::ledger::{CommitsPage, FeedCommit, Ledger, LedgerError};
use crate::store::{FeedPosition, Parking, Store};

/// How often other receivers of a product may go first.
const ROUNDS: usize = 50;
/// How often a receiver looks whether another one has filled the gap before its event.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The events or commits of a request.
const PAGE: u32 = 100;

/// What became of a delivery. Each outcome is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The event was applied.
    Applied,
    /// The event was applied by an earlier delivery.
    Seen,
    /// The product is parked.
    Parked,
}

/// Where a product begins that is new to the inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// With its first event.
    #[default]
    Beginning,
    /// With the event that is received first, whose message has the product's state.
    Now,
}

type OnReplay =
    Box<dyn Fn(LedgerEvent) -> Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>> + Send + Sync>;

/// The products that are being fetched.
type Fetching = Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>;

/// Gives each event to `apply` once and in order per product.
pub struct Inbox<S, L> {
    store: S,
    ledger: L,
    start: Start,
    wait: Duration,
    on_replay: Option<OnReplay>,
    fetching: Fetching,
    fetches: AtomicU64,
}

impl<S: fmt::Debug, L: fmt::Debug> fmt::Debug for Inbox<S, L> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = to.debug_struct("Inbox");
        fields.field("store", &self.store).field("ledger", &self.ledger).finish_non_exhaustive()
    }
}

impl<S: Store, L: Ledger> Inbox<S, L> {
    /// An inbox that begins with the first event of each product, and waits 5 seconds for what is missing.
    pub fn new(store: S, ledger: L) -> Self {
        Self {
            store,
            ledger,
            start: Start::default(),
            wait: Duration::from_secs(5),
            on_replay: None,
            fetching: Mutex::default(),
            fetches: AtomicU64::new(0),
        }
    }

    /// Where a product begins that is new to the inbox.
    #[must_use]
    pub fn start(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// How long `receive` waits for what is missing before it fetches it, a day at most.
    #[must_use]
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait.min(Duration::from_hours(24));
        self
    }

    /// What is called for a replayed event that was applied before.
    #[must_use]
    pub fn on_replay<F, T>(mut self, on_replay: F) -> Self
    where
        F: Fn(LedgerEvent) -> T + Send + Sync + 'static,
        T: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        self.on_replay = Some(Box::new(move |event| Box::pin(on_replay(event))));
        self
    }

    /// How many requests were made to the ledger.
    pub fn fetches(&self) -> u64 {
        self.fetches.load(Ordering::Relaxed)
    }

    /// Takes one delivery: an event, its JSON as text, bytes or a value. Every outcome is final.
    ///
    /// # Errors
    /// After any error the event has to be delivered again.
    pub async fn receive<E>(&self, event: E, apply: &impl Apply<S::Tx>) -> Result<Outcome, InboxError>
    where
        E: TryInto<LedgerEvent>,
        E::Error: Into<InboxError>,
    {
        self.take(event.try_into().map_err(Into::into)?, apply).await
    }

    async fn take(&self, received: LedgerEvent, apply: &impl Apply<S::Tx>) -> Result<Outcome, InboxError> {
        for _ in 0..ROUNDS {
            if let Some(outcome) = self.attempt(&received, apply).await? {
                return Ok(outcome);
            }
            tokio::task::yield_now().await;
        }
        Err(InboxError::Contended { product: received.product_id().to_owned(), rounds: ROUNDS })
    }

    /// Follows the feed from where it was followed last to its end, and applies every event that is missing. Returns how many commits it
    /// passed.
    ///
    /// # Errors
    /// What was passed stays passed: call it again. [`InboxError::FeedChanged`] stays.
    pub async fn catch_up(&self, apply: &impl Apply<S::Tx>) -> Result<u64, InboxError> {
        let kept = match self.store.position().await.map_err(InboxError::Store)? {
            Some(kept) => kept,
            None if self.start == Start::Now => return self.begin_at_newest().await.map(|()| 0),
            None => FeedPosition { position: -1, hash: String::new() },
        };
        let (mut passed, mut checked) = (0, HashSet::new());
        let mut after = (kept.position - 1).max(-1);
        loop {
            let page = self.commits(Some(after)).await?;
            for entry in page.commits {
                if entry.position <= kept.position {
                    kept.is_at(entry.commit.as_ref())?;
                } else if let Some(commit) = entry.commit {
                    self.pass(&commit, apply, &mut checked).await?;
                    let position = FeedPosition { position: entry.position, hash: commit.hash };
                    self.store.follow(position).await.map_err(InboxError::Store)?;
                    passed += 1;
                }
            }
            match page.next {
                Some(next) if next > after => after = next,
                Some(next) => {
                    return Err(LedgerError::new(format!("the page behind {after} leads to {next}")).into());
                }
                None => return kept.is_within(page.newest).map(|()| passed),
            }
        }
    }

    /// Ends the parking of a product and goes on with it from the ledger; parked if that does not fit either.
    ///
    /// # Errors
    /// What was applied stays applied: call it again.
    pub async fn retry(&self, product: &str, apply: &impl Apply<S::Tx>) -> Result<Outcome, InboxError> {
        self.store.release(product).await.map_err(InboxError::Store)?;
        let turn = Turn::of(product, &self.fetching);
        let _only = turn.lock.lock().await;
        self.fetch(product, None, apply).await?;
        Ok(if self.is_parked(product).await? { Outcome::Parked } else { Outcome::Applied })
    }

    /// Every parked product, and why.
    ///
    /// # Errors
    /// The store failed.
    pub async fn parked(&self) -> Result<BTreeMap<String, Parking>, InboxError> {
        self.store.parked().await.map_err(InboxError::Store)
    }

    /// One attempt; `None` if another receiver of the product went first.
    async fn attempt(
        &self,
        received: &LedgerEvent,
        apply: &impl Apply<S::Tx>,
    ) -> Result<Option<Outcome>, InboxError> {
        let product = received.product_id();
        if self.is_parked(product).await? {
            return Ok(Some(Outcome::Parked));
        }
        let cursor = self.cursor(product).await?;
        if cursor.is_none() && self.start == Start::Now {
            if received.is_replay() {
                return Ok(Some(Outcome::Seen));
            }
            return self.apply(received, None, apply).await;
        }
        if received.sequence() <= sequence(cursor.as_ref()) {
            return self.seen(received, cursor.as_ref()).await.map(Some);
        }
        if received.sequence() > sequence(cursor.as_ref()) + 1 {
            return self.fill(received, apply).await.map(Some);
        }
        let outcome = self.apply(received, cursor.as_ref(), apply).await?;
        if outcome == Some(Outcome::Applied) {
            self.apply_held(product, apply).await?;
        }
        Ok(outcome)
    }

    async fn seen(&self, received: &LedgerEvent, cursor: Option<&Cursor>) -> Result<Outcome, InboxError> {
        if let Some(rival) = cursor.filter(|cursor| is_rival(cursor, received)) {
            return self.park_rival(received, rival).await;
        }
        if let Some(on_replay) = self.on_replay.as_ref().filter(|_| received.is_replay()) {
            on_replay(received.clone()).await.map_err(InboxError::Apply)?;
        }
        Ok(Outcome::Seen)
    }

    async fn park_rival(&self, received: &LedgerEvent, rival: &Cursor) -> Result<Outcome, InboxError> {
        self.park(received, format!("event {} was applied with this sequence", rival.event_id)).await
    }

    async fn park(&self, at: &LedgerEvent, reason: String) -> Result<Outcome, InboxError> {
        let parking = Parking { sequence: at.sequence(), reason };
        self.store.park(at.product_id(), parking).await.map_err(InboxError::Store)?;
        Ok(Outcome::Parked)
    }

    /// Applies the event that comes next; `None` if somebody else moved the cursor meanwhile.
    async fn apply(
        &self,
        event: &LedgerEvent,
        before: Option<&Cursor>,
        apply: &impl Apply<S::Tx>,
    ) -> Result<Option<Outcome>, InboxError> {
        let fetched;
        let mut whole = event;
        if event.is_omitted() {
            fetched = self.page(event.product_id(), event.sequence() - 1, 1).await?;
            let Some(found) = fetched.first().filter(|found| found.cursor() == event.cursor()) else {
                let reason =
                    format!("the ledger has another event than {} with this sequence", event.event_id());
                return self.park(event, reason).await.map(Some);
            };
            whole = found;
        }
        match self.store.advance(before, whole, apply).await {
            Ok(true) => Ok(Some(Outcome::Applied)),
            Ok(false) if self.is_parked(event.product_id()).await? => Ok(Some(Outcome::Parked)),
            Ok(false) => Ok(None),
            Err(InboxError::Apply(failure)) => match failure.downcast::<CannotApply>() {
                Ok(refused) => self.park(event, refused.0).await.map(Some),
                Err(failure) => Err(InboxError::Apply(failure)),
            },
            Err(error) => Err(error),
        }
    }

    /// Applies what was kept and comes next now.
    async fn apply_held(&self, product: &str, apply: &impl Apply<S::Tx>) -> Result<(), InboxError> {
        // Without waiting nothing is kept.
        while !self.wait.is_zero() {
            let cursor = self.cursor(product).await?;
            let next = sequence(cursor.as_ref()) + 1;
            let Some(held) = self.store.held(product, next).await.map_err(InboxError::Store)? else {
                return Ok(());
            };
            if self.apply(&held, cursor.as_ref(), apply).await? != Some(Outcome::Applied) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Waits for what is missing before an event, then fetches it.
    async fn fill(&self, received: &LedgerEvent, apply: &impl Apply<S::Tx>) -> Result<Outcome, InboxError> {
        let product = received.product_id();
        let until = Instant::now() + self.wait;
        if !self.wait.is_zero() {
            self.store.hold(received).await.map_err(InboxError::Store)?;
        }
        while Instant::now() < until && !self.is_past(received).await? {
            self.apply_held(product, apply).await?;
            tokio::time::sleep_until(until.min(Instant::now() + LOOK_EVERY)).await;
        }
        self.fetch_up_to(received, apply).await?;
        if self.is_parked(product).await? {
            return Ok(Outcome::Parked);
        }
        let cursor = self.cursor(product).await?;
        if received.sequence() > sequence(cursor.as_ref()) {
            return Err(lacks(received).into());
        }
        match cursor.filter(|cursor| is_rival(cursor, received)) {
            Some(rival) => self.park_rival(received, &rival).await,
            None => Ok(Outcome::Applied),
        }
    }

    async fn is_past(&self, received: &LedgerEvent) -> Result<bool, InboxError> {
        let product = received.product_id();
        Ok(self.is_parked(product).await?
            || received.sequence() <= sequence(self.cursor(product).await?.as_ref()))
    }

    async fn fetch_up_to(&self, received: &LedgerEvent, apply: &impl Apply<S::Tx>) -> Result<(), InboxError> {
        let turn = Turn::of(received.product_id(), &self.fetching);
        let _only = turn.lock.lock().await;
        if self.is_past(received).await? {
            return Ok(());
        }
        self.fetch(received.product_id(), Some(received), apply).await
    }

    /// Applies what the ledger has of a product above the cursor, up to an event or all of it. Each page begins with the event at the
    /// cursor, so that another one there is noticed.
    async fn fetch(
        &self,
        product: &str,
        up_to: Option<&LedgerEvent>,
        apply: &impl Apply<S::Tx>,
    ) -> Result<(), InboxError> {
        loop {
            let cursor = self.cursor(product).await?;
            let at = sequence(cursor.as_ref());
            let page = self.page(product, at.saturating_sub(1), PAGE).await?;
            if let Some(cursor) = &cursor
                && !self.begins_with(cursor, product, &page).await?
            {
                return Ok(());
            }
            let mut further = false;
            for event in page.iter().filter(|event| event.sequence() > at) {
                further = true;
                if !self.go_on(event, up_to, apply).await? {
                    return Ok(());
                }
            }
            if !further {
                return Ok(());
            }
        }
    }

    /// Applies a fetched event unless somebody did; whether to go on with the next one.
    async fn go_on(
        &self,
        event: &LedgerEvent,
        up_to: Option<&LedgerEvent>,
        apply: &impl Apply<S::Tx>,
    ) -> Result<bool, InboxError> {
        if let Some(up_to) = up_to.filter(|up_to| is_rival(event.cursor(), up_to)) {
            self.park(up_to, format!("the ledger has event {} with this sequence", event.event_id())).await?;
            return Ok(false);
        }
        let before = self.cursor(event.product_id()).await?;
        if event.sequence() > sequence(before.as_ref()) {
            let begins = before.is_none() && self.start == Start::Now;
            if event.sequence() != sequence(before.as_ref()) + 1 && !begins {
                return Err(lacks(event).into());
            }
            if self.apply(event, before.as_ref(), apply).await? == Some(Outcome::Parked) {
                return Ok(false);
            }
        }
        Ok(up_to.is_none_or(|up_to| event.sequence() < up_to.sequence()))
    }

    /// Whether a page begins with the event at the cursor; parks the product if it does not.
    async fn begins_with(
        &self,
        cursor: &Cursor,
        product: &str,
        page: &[LedgerEvent],
    ) -> Result<bool, InboxError> {
        let first = page.first().map(LedgerEvent::cursor);
        if first == Some(cursor) {
            return Ok(true);
        }
        let has = match first.filter(|first| first.sequence == cursor.sequence) {
            Some(first) => format!("has event {} with this sequence", first.event_id),
            None => "no longer has this sequence".to_owned(),
        };
        let reason = format!("event {} was applied, but the ledger {has}", cursor.event_id);
        let parking = Parking { sequence: cursor.sequence, reason };
        self.store.park(product, parking).await.map_err(InboxError::Store)?;
        Ok(false)
    }

    /// Applies what a commit of the feed has above the cursor of its product.
    async fn pass(
        &self,
        commit: &FeedCommit,
        apply: &impl Apply<S::Tx>,
        checked: &mut HashSet<(String, Cursor)>,
    ) -> Result<(), InboxError> {
        let product = commit.product_id.as_str();
        if self.is_parked(product).await? {
            return Ok(());
        }
        if let Some(cursor) =
            self.cursor(product).await?.filter(|cursor| commit.last_sequence() <= cursor.sequence)
        {
            // The feed has not passed it before: it could be a rival of what was applied.
            let place = (product.to_owned(), cursor);
            if !checked.contains(&place) {
                let page = self.page(product, place.1.sequence - 1, 1).await?;
                if self.begins_with(&place.1, product, &page).await? {
                    checked.insert(place);
                }
            }
            return Ok(());
        }
        let turn = Turn::of(product, &self.fetching);
        let _only = turn.lock.lock().await;
        self.fetch(product, None, apply).await
    }

    async fn begin_at_newest(&self) -> Result<(), InboxError> {
        let page = self.commits(None).await?;
        let newest = page
            .commits
            .into_iter()
            .find_map(|entry| Some(FeedPosition { position: entry.position, hash: entry.commit?.hash }));
        let empty = page.newest.is_none().then(|| FeedPosition { position: -1, hash: String::new() });
        match newest.or(empty) {
            Some(position) => self.store.follow(position).await.map_err(InboxError::Store),
            None => Ok(()),
        }
    }

    async fn commits(&self, after: Option<i64>) -> Result<CommitsPage, InboxError> {
        self.fetches.fetch_add(1, Ordering::Relaxed);
        Ok(self.ledger.commits(after, PAGE).await?)
    }

    async fn page(&self, product: &str, after: u64, limit: u32) -> Result<Vec<LedgerEvent>, InboxError> {
        self.fetches.fetch_add(1, Ordering::Relaxed);
        Ok(self.ledger.messages(product, after, limit).await?.messages)
    }

    async fn cursor(&self, product: &str) -> Result<Option<Cursor>, InboxError> {
        self.store.cursor(product).await.map_err(InboxError::Store)
    }

    async fn is_parked(&self, product: &str) -> Result<bool, InboxError> {
        Ok(self.store.parking(product).await.map_err(InboxError::Store)?.is_some())
    }
}

/// The turn of a product, so that at most one fetch of it runs at a time in this process. It goes with its last holder.
struct Turn<'a> {
    product: &'a str,
    fetching: &'a Fetching,
    lock: Arc<tokio::sync::Mutex<()>>,
}

impl<'a> Turn<'a> {
    fn of(product: &'a str, fetching: &'a Fetching) -> Self {
        let lock = Arc::clone(locked(fetching).entry(product.to_owned()).or_default());
        Self { product, fetching, lock }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut fetching = locked(self.fetching);
        // Two: this one and the map's. Others are taken under the lock of the map alone.
        if Arc::strong_count(&self.lock) == 2 {
            fetching.remove(self.product);
        }
    }
}

/// No change of the map can be interrupted half-way, so a panic elsewhere spoils nothing.
fn locked(fetching: &Fetching) -> MutexGuard<'_, HashMap<String, Arc<tokio::sync::Mutex<()>>>> {
    fetching.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FeedPosition {
    /// Whether the commit that was followed last is still this one.
    fn is_at(&self, commit: Option<&FeedCommit>) -> Result<(), InboxError> {
        if commit.is_some_and(|commit| commit.hash == self.hash) {
            return Ok(());
        }
        let (position, hash) = (self.position, &self.hash);
        let changed = format!("the commit at position {position} is not the one with the hash {hash}");
        Err(InboxError::FeedChanged(changed))
    }

    /// Whether a feed with this newest position has it.
    fn is_within(&self, newest: Option<i64>) -> Result<(), InboxError> {
        let newest = newest.unwrap_or(-1);
        if newest >= self.position {
            return Ok(());
        }
        let changed = format!("the feed ends at {newest}, before position {}", self.position);
        Err(InboxError::FeedChanged(changed))
    }
}

/// Whether an event is another one than that with its sequence.
fn is_rival(cursor: &Cursor, event: &LedgerEvent) -> bool {
    cursor.sequence == event.sequence() && cursor != event.cursor()
}

fn lacks(event: &LedgerEvent) -> LedgerError {
    let (product, sequence) = (event.product_id(), event.sequence());
    LedgerError::new(format!("the ledger lacks events of {product} before sequence {sequence}"))
}

fn sequence(cursor: Option<&Cursor>) -> u64 {
    cursor.map_or(0, |cursor| cursor.sequence)
}
