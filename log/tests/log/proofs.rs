//! Proofs, against an implementation that shares no code with this one, and against every small tree.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use ledger_log::proof::{ProofPlan, is_consistent, root_of_inclusion};
use ledger_log::proof_file::ProofRefuted;
use ledger_log::tree::entry_hash;
use ledger_log::{Leaf, LogPath, ProofFile, ProofFileError, RightEdge, TreeHash, tiles};
use proptest::prelude::*;
use sha2::Sha256;

use super::given::{Log, entries, hashes, keys, leaf, made_up, proof_file};

type Theirs = MemoryBackedTree<Sha256, Vec<u8>>;

fn theirs(entries: &[Vec<u8>]) -> Theirs {
    let mut tree = Theirs::new();
    for entry in entries {
        tree.push(entry.clone());
    }
    tree
}

fn root(entries: &[Vec<u8>]) -> TreeHash {
    entries.iter().map(|entry| entry_hash(entry)).collect::<RightEdge>().root()
}

fn made_up_entries(count: u64) -> Vec<Vec<u8>> {
    (0..count).map(|number| leaf(number, number + 1)).collect()
}

fn bytes(hashes: &[TreeHash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// A proof with one bit turned, or with a hash less or more.
fn altered(proof: &[TreeHash], at: usize, bit: u8) -> Vec<Vec<TreeHash>> {
    let mut turned = proof.to_vec();
    if let Some(hash) = turned.get_mut(at % proof.len().max(1)) {
        hash.0[at % 32] ^= 1 << bit;
    }
    let longer = [proof, &[TreeHash([bit; 32])]].concat();
    let shorter = proof.split_last().map(|(_, rest)| rest.to_vec());
    [longer].into_iter().chain(shorter).chain((!proof.is_empty()).then_some(turned)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn an_inclusion_proof_is_that_of_the_other_implementation(size in 1_u64..600, at: prop::sample::Index, turned: usize, bit in 0_u8..8) {
        let (entries, index) = (made_up_entries(size), at.index(usize::try_from(size).unwrap()));
        let (theirs, ours) = (theirs(&entries), hashes(&ProofPlan::of_inclusion(index as u64, size).unwrap(), &entries));
        prop_assert_eq!(theirs.root().as_bytes().to_vec(), root(&entries).0.to_vec());
        prop_assert_eq!(theirs.prove_inclusion(index).as_bytes().to_vec(), bytes(&ours));
        let check = |proof: &[TreeHash]| {
            let found = root_of_inclusion(index as u64, size, entry_hash(&entries[index]), proof);
            let other = InclusionProof::try_from_bytes(bytes(proof)).unwrap();
            let accepted = theirs.root().verify_inclusion(&entries[index], index as u64, &other).is_ok();
            (found == Some(root(&entries)), accepted)
        };
        prop_assert_eq!(check(&ours), (true, true));
        for proof in altered(&ours, turned, bit) {
            prop_assert_eq!(check(&proof), (false, false));
        }
    }

    #[test]
    fn a_consistency_proof_is_that_of_the_other_implementation(new in 2_u64..600, at: prop::sample::Index, turned: usize, bit in 0_u8..8) {
        let (entries, old) = (made_up_entries(new), 1 + at.index(usize::try_from(new).unwrap() - 1));
        let (before, after) = (theirs(&entries[..old]).root(), theirs(&entries));
        let ours = hashes(&ProofPlan::of_consistency(old as u64, new).unwrap(), &entries);
        let added = usize::try_from(new).unwrap() - old;
        prop_assert_eq!(after.prove_consistency(added).as_bytes().to_vec(), bytes(&ours));
        let check = |before: &RootHash<Sha256>, proof: &[TreeHash]| {
            let old_root = TreeHash(before.as_bytes().as_slice().try_into().unwrap());
            let found = is_consistent((old as u64, old_root), (new, root(&entries)), proof);
            let other = ConsistencyProof::try_from_bytes(bytes(proof)).unwrap();
            (found, after.root().verify_consistency(before, &other).is_ok())
        };
        prop_assert_eq!(check(&before, &ours), (true, true));
        for proof in altered(&ours, turned, bit) {
            prop_assert_eq!(check(&before, &proof), (false, false));
        }
        let rewritten = theirs(&[&[b"another".to_vec()], &entries[1..old]].concat()).root();
        prop_assert_eq!(check(&rewritten, &ours), (false, false));
    }
}

#[test]
fn every_proof_of_every_small_tree_proves_what_it_says_and_nothing_else() {
    let entries = made_up_entries(40);
    for size in 1..=40 {
        let root = root(&entries[..usize::try_from(size).unwrap()]);
        for index in 0..size {
            let proof = hashes(&ProofPlan::of_inclusion(index, size).unwrap(), &entries);
            for other in 0..=size {
                let at = usize::try_from(other).unwrap().min(39);
                let found = root_of_inclusion(other, size, entry_hash(&entries[at]), &proof);
                assert_eq!(found == Some(root), other == index, "{other} by the proof of {index} in {size}");
            }
        }
        for old in 1..=size {
            let old_root = self::root(&entries[..usize::try_from(old).unwrap()]);
            let proof = hashes(&ProofPlan::of_consistency(old, size).unwrap(), &entries);
            assert!(is_consistent((old, old_root), (size, root), &proof), "{old} {size}");
            for other in (1..=size).filter(|other| *other != old) {
                assert!(
                    !is_consistent((other, old_root), (size, root), &proof),
                    "{other} by {old} in {size}"
                );
            }
        }
    }
}

#[test]
fn what_cannot_be_proved_has_no_proof() {
    assert_eq!((ProofPlan::of_inclusion(0, 0), ProofPlan::of_inclusion(7, 7)), (None, None));
    assert_eq!(ProofPlan::of_consistency(8, 7), None);
    let (entry, tree) = (entry_hash(b"a"), root(&made_up_entries(3)));
    assert_eq!(root_of_inclusion(0, 0, entry, &[]), None);
    assert_eq!(root_of_inclusion(u64::MAX, u64::MAX, entry, &[entry; 64]), None);
    assert!(!is_consistent((4, tree), (3, tree), &[]));
    let empty = RightEdge::default().root();
    for (old, new, proof, is) in [
        ((0, empty), (3, tree), &[][..], true),
        ((0, entry), (3, tree), &[], false),
        ((0, empty), (3, tree), &[entry], false),
        ((3, tree), (3, tree), &[], true),
        ((3, tree), (3, tree), &[entry], false),
        ((3, entry), (3, tree), &[], false),
        ((2, entry), (3, tree), &[], false),
        ((3, entry), (5, tree), &[], false),
    ] {
        assert_eq!(is_consistent(old, new, proof), is, "{old:?} {new:?}");
    }
}

#[test]
fn the_largest_trees_are_no_trouble() {
    let most = ledger_log::tree::MOST_ENTRIES;
    for index in [0, 1, most / 2, most - 1] {
        let plan = ProofPlan::of_inclusion(index, most).unwrap();
        assert!(plan.nodes().count() <= 126, "{}", plan.nodes().count());
        let proof = plan.hashes(|_| Ok::<_, ()>(TreeHash([7; 32]))).unwrap();
        assert!(proof.len() <= 63 && root_of_inclusion(index, most, TreeHash([1; 32]), &proof).is_some());
        assert!(ProofPlan::of_consistency(index + 1, most).unwrap().nodes().count() <= 126);
    }
}

#[test]
fn proofs_are_made_from_tiles_alone() {
    for size in [1, 2, 255, 256, 257, 513, 65_537] {
        let entries = entries(size);
        let log = Log::of(&entries);
        let node = |node| {
            let (path, hashes) = tiles::place(node, size as u64);
            let tile = log.files.get(&path).ok_or(path)?;
            let tile = tiles::read(tile, path.width()).ok_or(path)?;
            Ok::<_, LogPath>(tile[hashes].iter().copied().collect::<RightEdge>().root())
        };
        for index in [0, size / 3, size / 2, size - 1] {
            let plan = ProofPlan::of_inclusion(index as u64, size as u64).unwrap();
            assert_eq!(plan.hashes(node), Ok(hashes(&plan, &entries)), "{index} of {size}");
            let plan = ProofPlan::of_consistency(index as u64, size as u64).unwrap();
            assert_eq!(plan.hashes(node), Ok(hashes(&plan, &entries)), "{index} to {size}");
        }
    }
}

#[test]
fn a_proof_file_is_read_as_it_was_written_and_proves_one_commit() {
    let entries = entries(300);
    for index in [0, 150, 299] {
        let proof = proof_file(&entries, index);
        let text = proof.to_string();
        assert!(text.starts_with("c2sp.org/tlog-proof@v1\nextra "), "{text}");
        assert_eq!(ProofFile::read(text.as_bytes()), Ok(proof.clone()));
        let leaf = Leaf::read(&entries[usize::try_from(index).unwrap()]).unwrap();
        let proved = proof.prove_commit(leaf, &keys()).unwrap();
        assert_eq!((proved.index, proved.checkpoint.size), (index, 300));
        let without = ProofFile { extra: None, ..proof.clone() };
        assert_eq!(ProofFile::read(without.to_string().as_bytes()), Ok(without.clone()));
        assert_eq!(without.prove_commit(leaf, &keys()), Ok(proved));
        assert_eq!(without.prove_hash(leaf.hash, &keys()), Err(ProofRefuted::NoParent));
        let other = Leaf { hash: made_up(1), ..leaf };
        assert_eq!(proof.prove_commit(other, &keys()), Err(ProofRefuted::Root { index, size: 300 }));
        let other = Leaf { parent: made_up(1), ..leaf };
        assert_eq!(proof.prove_commit(other, &keys()), Err(ProofRefuted::Parent));
        assert_eq!(without.prove_commit(other, &keys()), Err(ProofRefuted::Root { index, size: 300 }));
        let short = ProofFile { extra: Some(vec![1; 31]), ..proof };
        assert_eq!(short.prove_hash(leaf.hash, &keys()), Err(ProofRefuted::Parent));
    }
}

#[test]
fn what_is_no_proof_file_is_told_from_a_damaged_one() {
    let text = proof_file(&entries(3), 1).to_string();
    for other in
        ["", "c2sp.org/tlog-proof@v2\nindex 0\n\n", "c2sp.org/tlog-proof@v1", &text.replace('\n', "\r\n")]
    {
        assert_eq!(ProofFile::read(other.as_bytes()), Err(ProofFileError::Other), "{other}");
    }
    let hash = made_up_hash();
    for (part, with) in [
        ("index 1", "index 01"),
        ("index 1", "index +1"),
        ("index 1", "index -1"),
        ("index 1", "index 1 "),
        ("index 1", "index"),
        ("index 1\n", ""),
        ("extra ", "extra  "),
        ("extra ", "other "),
        ("\n\n", "\n"),
        ("\n\n", "\nx\n\n"),
        ("\n\n", &format!("\n{}\n", format!("{hash}\n").repeat(62))),
    ] {
        let damaged = text.replacen(part, with, 1);
        assert!(matches!(ProofFile::read(damaged.as_bytes()), Err(ProofFileError::Damaged(_))), "{damaged}");
    }
    let long = text.clone() + &"x".repeat(ledger_log::proof_file::MOST_BYTES);
    assert_eq!(ProofFile::read(long.as_bytes()), Err(ProofFileError::Damaged("it is too long")));
    let no_text = [text.as_bytes(), b"\xff"].concat();
    assert_eq!(ProofFile::read(&no_text), Err(ProofFileError::Damaged("it is not text")));
}

fn made_up_hash() -> TreeHash {
    TreeHash(made_up(1))
}
