//! Whole logs: what is verified, what each kind of damage is called, and growth since a checkpoint that was kept.

use futures::executor::block_on;
use ledger_log::tree::empty_root;
use ledger_log::{LogCheckpoint, LogFault, LogPath, LogSource, verify};

use super::given::{Log, entries, leaf, note};

fn path(text: &str) -> LogPath {
    text.parse().unwrap()
}

#[test]
fn a_log_of_65537_entries_is_whole_and_told_as_it_is_read() {
    let log = Log::of(&entries(65_537));
    let mut told = Vec::new();
    let checked = block_on(verify::verify(&log, &log.checkpoint(), None, |read| told.push(read))).unwrap();
    assert!(checked.faults.is_empty(), "{:?}", checked.faults);
    assert_eq!((checked.commits, told.len(), told.iter().sum::<u64>()), (65_537, 257, 65_537));
    assert!(log.files.contains_key(&path("tile/2/000.p/1")) && log.files.contains_key(&path("tile/1/000")));
}

#[test]
fn every_file_that_the_checkpoint_covers_has_to_be_there() {
    let whole = Log::of(&entries(513));
    for missing in whole.files.keys().filter(|path| **path != LogPath::Checkpoint) {
        let mut log = whole.clone();
        log.files.remove(missing);
        assert_eq!(log.faults(), [LogFault::Missing { path: *missing }]);
    }
}

#[test]
fn a_partial_file_may_be_gone_where_the_full_one_is_there() {
    let (old, new) = (Log::of(&entries(300)), Log::of(&entries(600)));
    let mut log = new.clone();
    log.files.insert(LogPath::Checkpoint, old.files[&LogPath::Checkpoint].clone());
    // The tile of level 1 has not become full.
    log.files.insert(path("tile/1/000.p/1"), old.files[&path("tile/1/000.p/1")].clone());
    assert_eq!(log.faults(), []);
    log.files.remove(&path("tile/0/001"));
    assert_eq!(log.faults(), [LogFault::Missing { path: path("tile/0/001.p/44") }]);
}

#[test]
fn behind_a_bundle_and_its_tile_that_are_both_gone_nothing_is_known() {
    let mut log = Log::of(&entries(700));
    for gone in ["tile/entries/001", "tile/0/001"] {
        log.files.remove(&path(gone));
    }
    let missing = |text| LogFault::Missing { path: path(text) };
    assert_eq!(log.faults(), [missing("tile/entries/001"), missing("tile/0/001")]);
    let checked = log.verify(None);
    assert_eq!(checked.commits, 256);
}

#[test]
fn a_root_that_is_not_that_of_the_entries_is_a_fault_also_of_no_entries() {
    for size in [0, 5] {
        let mut log = Log::of(&entries(size));
        let (signed, found) = (ledger_log::TreeHash([9; 32]), log.checkpoint().root);
        log.files.insert(LogPath::Checkpoint, note(size as u64, signed).into_bytes());
        assert_eq!(log.faults(), [LogFault::WrongRoot { size: size as u64, found, signed }]);
    }
}

#[test]
fn a_log_has_to_grow_from_the_checkpoint_that_was_kept() {
    let log = Log::of(&entries(600));
    for size in [0, 1, 255, 256, 257, 599, 600] {
        let kept = Log::of(&entries(size)).checkpoint();
        assert!(log.verify(Some(&kept)).faults.is_empty(), "{size}");
        let other = LogCheckpoint { root: ledger_log::TreeHash([9; 32]), ..kept.clone() };
        let fault = LogFault::Rewritten { size: size as u64, found: kept.root, kept: other.root };
        assert_eq!(log.verify(Some(&other)).faults.listed, [fault]);
    }
    let longer = Log::of(&entries(601)).checkpoint();
    assert_eq!(log.verify(Some(&longer)).faults.listed, [LogFault::RolledBack { size: 600, kept: 601 }]);
    assert_eq!(Log::of(&entries(0)).checkpoint().root, empty_root());
}

/// The attacks of an owner who has the key, and who sees them (decision 37).
#[test]
fn what_an_owner_rewrites_is_found_by_a_kept_checkpoint_or_by_what_commits_follow() {
    let honest = entries(600);
    let kept = Log::of(&honest[..300]).checkpoint();
    let rewritten = |at: usize| {
        let mut entries = honest.clone();
        entries[at][63] ^= 1;
        Log::of(&entries)
    };
    let names = |log: &Log| -> Vec<String> {
        let faults = log.verify(Some(&kept)).faults.listed;
        faults.iter().map(|fault| fault.to_string().split(':').next().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&rewritten(5)), ["rewritten"]);
    assert_eq!(names(&Log::of(&honest[..250])), ["rolled_back"]);
    // Behind the kept checkpoint nobody can tell.
    assert_eq!(names(&rewritten(500)), [""; 0]);
    let mut again = honest[5].clone();
    again[63] ^= 1;
    assert_eq!(names(&Log::of(&[&honest[..], &[again]].concat())), ["fork"]);
    assert_eq!(names(&Log::of(&[&honest[..], &honest[5..6]].concat())), ["double"]);
}

#[test]
fn entries_of_a_later_build_are_hashed_and_counted() {
    let mut entries = entries(10);
    entries.extend([b"something new".to_vec(), Vec::new(), vec![1; 65_535]]);
    let log = Log::of(&entries);
    let checked = log.verify(None);
    assert_eq!((checked.faults.is_empty(), checked.commits, checked.not_understood), (true, 10, 3));
    let mut altered = log.clone();
    *altered.files.get_mut(&path("tile/entries/000.p/13")).unwrap().last_mut().unwrap() ^= 1;
    assert_eq!(altered.faults()[0], LogFault::Differs { path: path("tile/0/000.p/13"), first: 12 });
}

#[test]
fn many_faults_are_listed_in_part_and_counted() {
    let entries: Vec<Vec<u8>> = (0..400).map(|number| leaf(1, number + 2)).collect();
    let faults = Log::of(&entries).verify(None).faults;
    assert_eq!((faults.listed.len(), faults.count()), (100, 399));
}

/// A source that answers nothing.
struct Silent;

impl LogSource for Silent {
    type Error = &'static str;

    async fn read(&self, _: LogPath) -> Result<Option<Vec<u8>>, Self::Error> {
        Err("no answer")
    }
}

#[test]
fn what_cannot_be_read_is_no_fault_of_the_log() {
    let checkpoint = Log::of(&entries(3)).checkpoint();
    assert_eq!(block_on(verify::verify(&Silent, &checkpoint, None, |_| ())).unwrap_err(), "no answer");
}
