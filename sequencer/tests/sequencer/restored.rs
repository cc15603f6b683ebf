//! The event table was restored to an earlier moment: nothing is logged in silence until the loss is accepted on record; then what
//! took the place of lost commits is logged, whatever fails, is killed, or runs at the same time.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use event_store::{
    AnnouncedCommit, AnnouncedKey, Feed, FeedQuery, FeedReader, Journal, MemoryJournal, seal, table,
};
use ledger_log::{Entry, Leaf};
use schema::{Commit, fixtures};
use sequencer::{
    AcceptRestoreError, AcceptedForks, DynamoLogTable, LOG_TABLE, LogFeed, LogTable, MemoryLogTable,
    Sequencer, SequencerPorts,
};

use crate::given::{FAILURES, Given, MINUTE, Plan, Planned, WAITS, noon};
use crate::publishing::{begun, checked, publisher};

const REASON: &str = "restored to 09:00";

/// An event table at a moment, with the newest commit of each product.
pub struct Moment {
    pub commits: Vec<schema::StoredCommit>,
    newest: BTreeMap<String, Commit>,
}

/// A ledger whose event table can be put back, and its log in a table of either kind.
pub struct Story {
    pub given: Given,
    pub table: Arc<dyn LogTable>,
}

impl Story {
    pub async fn moment(&self) -> Moment {
        let commits = self.given.journal.scan(None, 10_000).await.unwrap().commits;
        Moment { commits, newest: self.given.newest.lock().unwrap().clone() }
    }

    /// The event table is that of a moment; everything else stays.
    pub async fn restored(self, to: &Moment) -> Self {
        let journal = MemoryJournal::default();
        for commit in &to.commits {
            journal.append(commit).await.unwrap();
        }
        let newest = std::sync::Mutex::new(to.newest.clone());
        Self { given: Given { journal: Arc::new(journal), newest, ..self.given }, ..self }
    }

    pub fn ports(&self) -> SequencerPorts {
        SequencerPorts { table: self.table.clone(), ..self.given.ports() }
    }

    pub fn sequencer(&self) -> Sequencer {
        Sequencer::new(self.ports(), Arc::new(noon), self.given.ids.clone())
    }

    pub async fn accept(&self) -> Result<AcceptedForks, AcceptRestoreError> {
        self.sequencer().accept_restore(REASON, None, MINUTE).await
    }

    /// Records another commit than [`Given::commit`] does, as the next one.
    async fn rival(&self, product: &str, actor: &str) -> AnnouncedCommit {
        let newest = self.given.newest.lock().unwrap().get(product).cloned();
        let events = match &newest {
            None => vec![fixtures::helmet_created()],
            Some(newest) if newest.last_sequence() % 2 == 1 => vec![fixtures::helmet_deleted()],
            Some(_) => vec![fixtures::helmet_restored()],
        };
        let mut unsealed = fixtures::commit_after(newest.as_ref(), &fixtures::id(product), events);
        unsealed.metadata.actor = actor.into();
        let (commit, stored) = seal(unsealed).unwrap();
        self.given.journal.append(&stored).await.unwrap();
        let key = AnnouncedKey { sequence: commit.sequence, hash: commit.hash.clone() };
        self.given.newest.lock().unwrap().insert(product.to_owned(), commit);
        AnnouncedCommit { product: fixtures::id(product), newest: Some(key) }
    }

    pub async fn log(&self, announced: &[AnnouncedCommit]) -> sequencer::LogRun {
        self.sequencer().log(announced, None).await.unwrap()
    }

    fn feed(&self) -> Arc<LogFeed> {
        Arc::new(LogFeed::new(self.given.journal.clone(), self.table.clone()))
    }

    /// Every entry of the log, in order.
    pub async fn entries(&self) -> Vec<Vec<u8>> {
        let mut entries = Vec::new();
        while let Some(batch) = self.table.batch_at(entries.len() as u64).await.unwrap() {
            if batch.size() == entries.len() as u64 {
                break;
            }
            assert_eq!(batch.first, entries.len() as u64);
            entries.extend(batch.entries());
        }
        entries
    }

    /// Every commit of the event table is in the log, found by position and by product, and the log has no fork that is not named.
    pub async fn is_whole(&self) {
        let store = begun();
        publisher(self.table.clone(), store.clone()).publish().await.unwrap();
        let checked = checked(&*store);
        assert!(checked.faults.is_empty(), "{:?}", checked.faults);
        let (feed, entries) = (self.feed(), self.entries().await);
        for commit in self.moment().await.commits {
            let product = fixtures::id(commit.text("product_id").unwrap());
            let position = feed.position_of(&product, commit.sequence().unwrap()).await.unwrap();
            let position = position.unwrap_or_else(|| panic!("{product} is not logged"));
            let leaf = Leaf::of(&commit).unwrap().to_bytes().to_vec();
            assert_eq!(entries[usize::try_from(position).unwrap()], leaf, "{product} at {position}");
        }
    }
}

pub async fn dynamo_table() -> Arc<dyn LogTable> {
    let client = Client::new(&engine::Engine::in_memory().unwrap().sdk_config());
    table::create(&client, "log", LOG_TABLE).await.unwrap();
    Arc::new(DynamoLogTable::new(client, "log"))
}

/// A log of nine commits; the event table was restored to the moment of the first four, `a` has another second commit since, and a
/// commit of `d` was announced and lost before it was logged.
async fn restored(table: Arc<dyn LogTable>) -> Story {
    let story = Story { given: Given::default(), table };
    assert!(!story.sequencer().drain(MINUTE).await.unwrap().is_beginning);
    let first = [
        story.given.commit("a", 1).await,
        story.given.commit("b", 2).await,
        story.given.commit("d", 1).await,
    ];
    assert_eq!(story.log(&first).await.logged, 4);
    let moment = story.moment().await;
    let lost = [
        story.given.commit("a", 2).await,
        story.given.commit("b", 1).await,
        story.given.commit("c", 2).await,
    ];
    story.given.announce(lost.to_vec()).await;
    assert_eq!(story.log(&lost).await.logged, 5);
    let unlogged = story.given.commit("d", 1).await;
    let story = story.restored(&moment).await;
    let rival = story.rival("a", "a rival").await;
    story.given.announce(vec![unlogged, rival]).await;
    story
}

#[tokio::test]
async fn what_a_restore_lost_is_named_and_what_took_its_place_is_logged() {
    for table in [Arc::new(MemoryLogTable::default()) as Arc<dyn LogTable>, dynamo_table().await] {
        let story = restored(table).await;
        // Until then: parked, and nothing is logged.
        let run = story.sequencer().drain(MINUTE).await.unwrap();
        assert_eq!(run.logged, 0);
        let parked: Vec<_> = ["a", "b", "c", "d"].map(|id| (id.to_owned(), false)).into();
        for product in ["b", "c"] {
            assert_eq!(story.sequencer().retry(&fixtures::id(product)).await.unwrap().parked, 1);
        }
        assert_eq!(story.given.parked().await, parked);
        assert_eq!(story.entries().await.len(), 9);
        let accepted = story.accept().await.unwrap();
        let expected =
            AcceptedForks { commits: 5, products: 3, index: Some(9), released: 4, still_parked: 0 };
        assert_eq!(accepted, expected);
        assert_eq!(story.given.parked().await, []);
        let entries = story.entries().await;
        assert_eq!(entries.len(), 11, "the acceptance, and what took the place of the second commit of a");
        let Entry::AcceptedRestore(restore) = Entry::read(&entries[9]) else { panic!("no acceptance") };
        assert_eq!((restore.part, restore.parts, restore.reason.as_str()), (1, 1, REASON));
        let named: Vec<_> = restore
            .forks
            .iter()
            .map(|fork| (fork.lost, fork.head.clone().map(|head| head.to_string())))
            .collect();
        let head = async |product: &str| {
            let newest = story.given.journal.newest(&fixtures::id(product), u64::MAX).await.unwrap();
            newest.map(|newest| newest.text("hash").unwrap().to_owned())
        };
        let position = |wanted: u64| named.iter().find(|(lost, _)| *lost == wanted).unwrap().1.clone();
        // In the order of recording: c a c a b.
        assert_eq!(named.iter().map(|(lost, _)| *lost).collect::<Vec<_>>(), [4, 5, 8]);
        assert_eq!((position(4), position(5), position(8)), (None, head("a").await, head("b").await));
        for fork in &restore.forks {
            let leaf = Leaf::read(&entries[usize::try_from(fork.lost).unwrap()]).unwrap();
            assert_eq!(fork.hash.digest(), leaf.hash);
        }
        story.is_whole().await;
        // What was announced before the restore says nothing new, however often it is read, and nothing is left to accept.
        let b = fixtures::id("b");
        let lost = story.table.entries_at(&b, 3).await.unwrap().remove(0);
        let key = AnnouncedKey { sequence: 3, hash: schema::Hash::of_digest(&lost.hash) };
        let lost = AnnouncedCommit { product: b, newest: Some(key) };
        assert_eq!(story.log(&[lost]).await, sequencer::LogRun::default());
        assert_eq!(story.sequencer().drain(MINUTE).await.unwrap().parked, 0);
        assert!(matches!(story.accept().await, Err(AcceptRestoreError::Nothing)));
        // A product that was lost altogether begins again, and all go on.
        for (product, actor) in
            [("c", "again"), ("b", "again"), ("a", "again"), ("d", "again"), ("c", "more")]
        {
            let next = story.rival(product, actor).await;
            assert_eq!(story.log(&[next]).await.logged, 1);
        }
        story.is_whole().await;
    }
}

#[tokio::test]
async fn lost_commits_are_shown_at_their_positions_and_filters_go_on_behind_them() {
    let story = restored(dynamo_table().await).await;
    story.accept().await.unwrap();
    let (feed, reader) = (story.feed(), FeedReader::new(story.feed()));
    let page = reader.page(&FeedQuery::default()).await.unwrap();
    let kinds: Vec<_> = page
        .entries
        .iter()
        .map(|entry| match (&entry.commit, &entry.entry) {
            (Some(commit), None) => commit.commit.text("product_id").unwrap().to_owned(),
            (None, Some(found)) => {
                let of = found.of.as_ref().map(|(product, sequence)| format!("{product} {sequence}"));
                format!("lost {}", of.unwrap_or_default())
            }
            other => panic!("{other:?}"),
        })
        .collect();
    let expected =
        ["a", "b", "d", "b", "lost c 1", "lost a 2", "lost c 2", "lost a 3", "lost b 3", "lost ", "a"];
    assert_eq!((kinds, page.newest, page.next), (expected.map(str::to_owned).to_vec(), Some(10), None));
    let acceptance = &page.entries[9].entry.as_ref().unwrap().entry;
    assert!(matches!(Entry::read(acceptance), Entry::AcceptedRestore(_)));
    // Pages of any size, in both directions and with a filter, meet what is there.
    for limit in 1..=11 {
        let found = feed.after(None, limit).await.unwrap();
        assert_eq!(found.len(), limit.min(5), "lost commits do not end a page of {limit}");
        let filter = event_store::CommitFilter { actor: Some("a rival".into()), ..Default::default() };
        let mut query = FeedQuery { filter, ..FeedQuery::default() };
        query.limits.rows = limit;
        let mut met = Vec::new();
        loop {
            let page = reader.page(&query).await.unwrap();
            met.extend(page.entries.iter().map(|entry| entry.position));
            query.after = page.next;
            if page.next.is_none() {
                break;
            }
        }
        assert_eq!(met, [10], "{limit}");
    }
    let of_product = |newest_first| event_store::FeedSlice {
        first: 0,
        last: u64::MAX,
        product: Some(fixtures::id("a")),
        newest_first,
        limit: 10,
    };
    for (newest_first, expected) in [(false, [0, 10]), (true, [10, 0])] {
        let found = feed.slice(&of_product(newest_first)).await.unwrap();
        assert_eq!(found.iter().map(|entry| entry.position).collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn of_several_restores_the_newest_counts() {
    for table in [Arc::new(MemoryLogTable::default()) as Arc<dyn LogTable>, dynamo_table().await] {
        let story = restored(table).await;
        let before = story.moment().await;
        story.accept().await.unwrap();
        for actor in ["one", "two"] {
            let next = [story.rival("a", actor).await, story.rival("b", actor).await];
            story.log(&next).await;
        }
        let between = story.moment().await;
        let next = story.rival("a", "three").await;
        story.log(&[next]).await;
        // To a moment behind the first restore, and then to one at which it was not accepted yet.
        let story = story.restored(&between).await;
        assert_eq!(story.accept().await.unwrap().commits, 1);
        let next = story.rival("a", "four").await;
        story.log(&[next]).await;
        story.is_whole().await;
        let story = story.restored(&before).await;
        assert_eq!(story.accept().await.unwrap().products, 2);
        for product in ["a", "b", "c", "d"] {
            let next = story.rival(product, "five").await;
            assert_eq!(story.log(&[next]).await.logged, 1, "{product}");
        }
        story.is_whole().await;
    }
}

/// A sequencer on tables in memory whose calls go as planned.
pub fn planned(story: &Story, memory: &Arc<MemoryLogTable>, plan: &Arc<Plan>) -> Sequencer {
    let ports = SequencerPorts {
        journal: Arc::new(Planned(story.given.journal.clone(), plan.clone())),
        table: Arc::new(Planned(memory.clone(), plan.clone())),
        announcements: Arc::new(Planned(story.given.announcements.clone(), plan.clone())),
        parking: story.given.parking.clone(),
    };
    Sequencer::new(ports, Arc::new(noon), story.given.ids.clone())
}

/// How many times each lost commit is named, once everything is done.
async fn named(story: &Story) -> BTreeMap<u64, usize> {
    let mut named = BTreeMap::new();
    for entry in story.entries().await {
        if let Entry::AcceptedRestore(restore) = Entry::read(&entry) {
            restore.forks.iter().for_each(|fork| *named.entry(fork.lost).or_default() += 1);
        }
    }
    named
}

#[tokio::test]
async fn an_acceptance_that_fails_or_is_killed_at_any_step_is_finished_by_the_next_one() {
    let mut most = usize::MAX;
    for call in 1.. {
        if call > most {
            assert!(most > 30, "{most} calls");
            return;
        }
        for deed in FAILURES.into_iter().chain([WAITS[1]]) {
            let memory = Arc::new(MemoryLogTable::default());
            let story = restored(memory.clone()).await;
            let plan = Plan::of([(call, deed)]);
            let sequencer = planned(&story, &memory, &plan);
            tokio::select! {
                _ = sequencer.accept_restore(REASON, None, MINUTE) => {
                    most = if plan.calls() < call { call - 1 } else { most };
                }
                // Killed there.
                () = plan.waiting.notified() => {}
            }
            match story.accept().await {
                Ok(_) | Err(AcceptRestoreError::Nothing) => {}
                Err(error) => panic!("{call} {deed:?}: {error}"),
            }
            assert_eq!(named(&story).await, BTreeMap::from([(4, 1), (5, 1), (8, 1)]), "{call} {deed:?}");
            assert_eq!(story.given.parked().await, [], "{call} {deed:?}");
            story.is_whole().await;
        }
    }
}

#[tokio::test]
async fn two_acceptances_and_a_sequencer_at_a_time_name_each_fork_once() {
    for call in 1.. {
        let memory = Arc::new(MemoryLogTable::default());
        let story = restored(memory.clone()).await;
        let plan = Plan::of([(call, WAITS[0])]);
        let sequencer = planned(&story, &memory, &plan);
        let mut first = Box::pin(sequencer.accept_restore(REASON, None, MINUTE));
        tokio::select! {
            done = &mut first => {
                done.unwrap();
                assert!(call > 30, "{call} calls");
                return;
            }
            () = plan.waiting.notified() => {}
        }
        // Meanwhile another one, and a sequencer with news.
        match story.accept().await {
            Ok(_) | Err(AcceptRestoreError::Nothing) => {}
            Err(error) => panic!("{call}: {error}"),
        }
        let next = [story.rival("a", "meanwhile").await, story.rival("e", "meanwhile").await];
        assert_eq!(story.log(&next).await.logged, 2);
        plan.goes_on.notify_one();
        match first.await {
            Ok(_) | Err(AcceptRestoreError::Nothing) => {}
            Err(error) => panic!("{call}: {error}"),
        }
        assert_eq!(named(&story).await, BTreeMap::from([(4, 1), (5, 1), (8, 1)]), "{call}");
        assert_eq!(story.given.parked().await, [], "{call}");
        story.is_whole().await;
    }
}

#[tokio::test]
async fn nothing_is_accepted_that_is_no_earlier_state_of_the_ledger() {
    let new = Story { given: Given::default(), table: Arc::new(MemoryLogTable::default()) };
    new.given.commit("a", 1).await;
    assert!(matches!(new.accept().await, Err(AcceptRestoreError::NotBegun)));
    new.sequencer().drain(MINUTE).await.unwrap();
    assert!(matches!(new.accept().await, Err(AcceptRestoreError::Nothing)));
    let size = new.entries().await.len();
    let behind = new.sequencer().accept_restore(REASON, Some(7), MINUTE).await;
    assert!(matches!(behind, Err(AcceptRestoreError::Behind { size: 1, published: 7 })), "{behind:?}");
    // The table of another ledger, or an empty one.
    let new = new.restored(&Moment { commits: Vec::new(), newest: BTreeMap::new() }).await;
    assert!(matches!(new.accept().await, Err(AcceptRestoreError::AnotherLedger)));
    // A commit with other content under its hash is damage, and no restore.
    let story = restored(Arc::new(MemoryLogTable::default())).await;
    let mut moment = story.moment().await;
    for commit in moment.commits.iter_mut().filter(|commit| commit.text("product_id").unwrap() == "d") {
        commit.0["metadata"]["actor"] = "somebody else".into();
    }
    let story = story.restored(&moment).await;
    let refused = story.accept().await;
    assert!(
        matches!(&refused, Err(AcceptRestoreError::Unreadable { product, sequence: 1 }) if product.as_str() == "d"),
        "{refused:?}"
    );
    assert_eq!((size, story.entries().await.len()), (1, 9), "nothing was written");
}

/// Commits that a later restore brings back are commits again.
#[tokio::test]
async fn a_lost_commit_that_is_put_back_is_logged_once_more() {
    let story = restored(Arc::new(MemoryLogTable::default())).await;
    let lost = story.table.newest_entries(&fixtures::id("b"), u64::MAX, 1).await.unwrap();
    story.accept().await.unwrap();
    // What `Given::commit` records is what was lost.
    let back = story.given.commit("b", 1).await;
    assert_eq!(back.newest.as_ref().unwrap().hash.digest(), lost[0].hash);
    assert_eq!(story.log(&[back]).await.logged, 1);
    story.is_whole().await;
}
