#!/usr/bin/env python3
"""Plants known faults in the code, one after the other, and demands that a test finds each.

    planted_bugs.py [NAME …]        all of them, or those named

Each fault is one change of one place. It is taken back at once, also when this script is interrupted; files with changes of
their own are left alone. Exit code 0: every fault was found.
"""
import pathlib, re, subprocess, sys, time

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Of the whole workspace, because the crates of a package alone have other features, and would all be built again.
SIMULATION = "--workspace --test simulation"
FAULTS = "--workspace --test faults"
CONTRACT = "--workspace --test contract"
SHOWN = 3  # of the tests that found a fault
BUGS = [
    # name, file, what stands there, what is planted, the tests that have to find it
    ("version-guard-dropped", "projections/src/views/dynamodb.rs",
     '"attribute_not_exists(#key) OR #version < :version"', '"attribute_not_exists(#key) OR #version <> :version"',
     CONTRACT),
    ("retry-without-commit-id-check", "commands/src/execute.rs",
     "(Some(there), _) if there.commit_id == commit_id =>", "(Some(there), _) =>", SIMULATION),
    ("idempotency-key-not-recognised", "commands/src/execute/recognise.rs",
     "for sequence in hinted {", "for sequence in hinted.into_iter().skip(1) {", SIMULATION),
    ("if-match-not-checked", "commands/src/execute/precondition.rs",
     "newest.is_some_and(|commit| versions.contains(&commit.last_sequence()))", "newest.is_some()", "--workspace --test commands"),
    ("time-runs-backwards", "commands/src/execute/record.rs",
     ".filter(|newest| *newest > now) else {", ".filter(|newest| newest.millis() < 0 && *newest > now) else {", SIMULATION),
    ("chain-not-linked", "commands/src/execute/record.rs",
     "newest.map_or_else(Hash::genesis, |commit| commit.hash.clone())",
     "newest.map_or_else(Hash::genesis, |commit| commit.previous_hash.clone())", SIMULATION),
    ("done-before-receipts", "publisher/src/pass.rs",
     "if let Some(outage) = outage {", "if let Some(outage) = outage.filter(|_| queue.is_open()) {", SIMULATION),
    ("later-event-overtakes-a-failed-one", "publisher/src/queue.rs",
     "self.halt(refusal.clone(), retryability != Retryability::Never);",
     "(self.entry, self.failures) = (None, 0);\n            return self.events.pop_front().map(|unsent| (unsent, 1));", SIMULATION),
    ("fifo-order-by-event", "publisher/src/bus/fifo.rs",
     ".set_event_group_id(entry.resources.first().cloned())", ".event_group_id(&entry.deduplication_id)",
     "--workspace --test publisher"),
    ("two-events-of-a-product-in-a-request", "publisher/src/send.rs",
     "let Some(entry) = self.queues[index].entry(self.address, self.replay) else {\n                continue;\n            };",
     "let Some(entry) = self.queues[index].entry(self.address, self.replay).cloned() else {\n                continue;\n            };\n"
     "            let entry = &entry;\n"
     "            if let Some(request) = requests.iter_mut().find(|request| request.has_room(entry, alone)) {\n"
     "                request.add(index, entry, alone);\n            }",
     "--workspace --test publisher"),
    ("replay-taken-for-a-repetition", "publisher/src/message.rs",
     'Some(replay) => format!("{}/{}", recorded.event_id, replay.id),', "Some(_) => recorded.event_id.to_string(),",
     "--workspace --test publisher"),
    ("gap-not-filled", "publisher/src/pass.rs",
     "if commit.sequence > next {", "if commit.sequence > next + 1_000_000 {", SIMULATION),
    ("event-id-for-sequence-number", "event-store/src/follow.rs",
     "record.change.sequence_number.clone().unwrap_or_default()", "record.event_id.clone()", "--workspace --test publisher"),
    ("events-left-to-a-row-without-a-trace", "publisher/src/pass.rs",
     "self.touch(row).await.map_err(unavailable(said.published))?;", "drop(row);", "--workspace --test publisher"),
    ("failed-parking-forgotten", "projections/src/project.rs",
     "lost |= self.park(name, product, error).await.is_err(),",
     "lost &= self.park(name, product, error).await.is_err(),", SIMULATION),
    ("receipts-of-one-product-in-one-batch", "event-store/src/receipts/dynamodb.rs",
     "*step += 1;", "*step += 0;", "--workspace --test ports"),
    ("mark-believed-without-its-commit", "event-store/src/receipts.rs",
     "commit.is_some_and(|commit| mark.fits(&commit))", "commit.is_some()", "--workspace --test ports"),
    ("prices-written-newest-first", "projections/src/prices/log/dynamodb.rs",
     "in commits.iter().filter(", "in commits.iter().rev().filter(", "--workspace --test projections"),
    ("page-goes-on-behind-what-it-showed", "projections/src/catalogue/list.rs",
     "self.last_read = Some(position);", "self.last_read = product.as_ref().map(|_| position).or(self.last_read.take());",
     "--workspace --test projections"),
    ("price-gap-ignored", "projections/src/prices.rs",
     "Ok(commit) if commit.sequence == run.last + 1 =>", "Ok(commit) if commit.sequence > run.last =>", SIMULATION),
    ("page-limit-ignored", "projections/src/catalogue/list.rs",
     "while page.products.len() < limit &&", "while page.products.len() <= limit &&",
     "--workspace --test projections"),
    ("what-an-index-finds-believed", "projections/src/catalogue/list.rs",
     "products.remove(&id).filter(|product| selection.has_at(product, &position))", "products.remove(&id)",
     "--workspace --test projections lookups"),
    ("sku-not-moved-with-the-row", "projections/src/views/sqlite.rs",
     "columns.each_ref() == row.unmoved()", "columns.each_ref()[..2] == row.unmoved()[..2]", CONTRACT),
    ("highest-failure-instead-of-lowest", "server/src/mapping/outcome.rs",
     "|lowest| lowest.min(place)", "|lowest| lowest.max(place)", "--workspace --lib"),
    ("broken-link-not-named", "event-store/src/verify/chain.rs",
     ".filter(|hash| !hashes.contains(hash))?;", ".filter(|hash| !hashes.contains(hash) && hashes.is_empty())?;",
     "--workspace --test verify"),
    ("checkpoint-before-its-records", "server/src/follower.rs",
     "            self.progress.begin();\n            let outcome",
     "            if let Some((position, hash)) = delivery.places.last() {\n                "
     "let _ = self.progress.keep(&Checkpoint { position: *position, hash: hash.clone() }).await;\n            }\n            "
     "self.progress.begin();\n            let outcome", FAULTS + " kills"),
    ("nothing-made-good-after-a-wrong-checkpoint", "server/src/follower.rs",
     "(self.on_missed)().await.map_err(|reason| StoreError::new(reason.into()))?;", "", FAULTS + " checkpoints"),
    ("nothing-made-good-after-records-that-are-gone", "server/src/mapping/shard_reader.rs",
     "Some(GetShardIteratorError::TrimmedDataAccessException(_)) => Err(self.missed()),",
     "Some(GetShardIteratorError::TrimmedDataAccessException(_)) => {\n                drop(self.missed());\n                "
     "Err(ShardReadError::Failed(String::new()))\n            }", "--workspace --test mapping"),
    ("full-disk-taken-for-damage", "sqlite/src/error.rs",
     "                    | ErrorCode::DiskFull\n", "", FAULTS + " disk"),
    ("read-only-ledger-not-readable", "sqlite/src/database.rs",
     "if !beside(&path, \"-wal\").exists() =>", "if path.is_dir() =>", FAULTS + " start"),
    ("deadline-not-passed-on", "lambda/src/stream.rs",
     "let time_left = time_left(context.deadline, (clock_and_ids.clock)());", "let time_left = Duration::from_secs(60);",
     "--workspace --test function"),
    ("figures-not-written", "lambda/src/invocation.rs",
     "for line in metrics.lines((clock_and_ids.clock)()) {",
     "for line in metrics.lines((clock_and_ids.clock)()).into_iter().skip(1) {",
     "--workspace --test function"),
    ("log-on-standard-error", "lambda/src/logs.rs",
     "tracing_subscriber::fmt::layer().json()", "tracing_subscriber::fmt::layer().with_writer(std::io::stderr).json()",
     "--workspace --test functions"),
    ("unreadable-request-without-a-problem", "lambda/src/api.rs",
     "request.extensions_mut().remove::<Problem>() {", "request.extensions_mut().remove::<Problem>().filter(|_| false) {",
     "--workspace --test function"),
    ("foreign-event-taken-for-the-schedule", "lambda/src/stream/call.rs",
     "if scheduled == expected {", "if scheduled == expected || scheduled.source.is_some() {",
     "--workspace --test functions"),
    ("location-without-its-stage", "web/src/base_path.rs",
     "is_path(link).then(|| self.before(link));", "is_path(link).then(|| link.to_owned());", "--workspace --test function"),
    ("authorities-read-at-the-start", "lambda/src/connections.rs",
     "        self.connector(&settings.build());\n        Ok(())", "        drop(settings);\n        Ok(())",
     "--workspace --test function"),
    ("signed-before-it-is-durable", "sequencer/src/writer.rs",
     "self.store.settle(&written).map_err(LogStop::Unsynced)?;", "", SIMULATION),
    ("signed-without-its-partial-tiles", "sequencer/src/writer.rs",
     "            self.put(path, &tiles::bytes(&hashes))?;\n        }\n        if",
     "            self.written.push(path);\n            drop(hashes);\n        }\n        if", SIMULATION),
    ("commit-skipped-in-the-log", "server/src/log/entries.rs",
     "let commits = feed.after(first.checked_sub(1), BATCH).await?;",
     "let commits = feed.after(Some(first), BATCH).await?;", SIMULATION),
    ("index-not-completed-before-the-next-batch", "sequencer/src/round.rs",
     "if known.completed != Some(newest.batch_id) {", "if known.completed.is_some() && known.completed != Some(newest.batch_id) {",
     SIMULATION),
    ("foreign-batch-taken-for-ones-own", "sequencer/src/round.rs",
     "(Some(found), _) if found.batch_id == batch.batch_id => {}", "(Some(_), _) if batch.first > 0 => {}", SIMULATION),
    ("gap-before-an-announced-commit-not-read", "sequencer/src/due.rs",
     "self.journal.page(product, logged.map_or(0, |logged| logged.sequence), PAGE)",
     "self.journal.page(product, newer.iter().map(|key| key.sequence - 1).max().unwrap_or(0), PAGE)", SIMULATION),
    ("lost-feed-item-not-made-good", "sequencer/src/reconcile.rs",
     "let run = self.retry(&product.id).await?;", "let run = LogRun::default();", SIMULATION),
    ("smaller-checkpoint-published-over-a-larger-one", "sequencer/src/writer.rs",
     "if found.unwrap_or_default() != self.published.1 {",
     "self.published.1 = found.unwrap_or_default();\n        if self.published.1.is_empty() && self.published.0 > 0 {", SIMULATION),
    ("keys-of-the-beginning-not-merged", "sequencer/src/sorted.rs",
     "heads.min_by(|one, other| one.keys.front().cmp(&other.keys.front()))", "heads.last()", "--workspace --test sequencer beginning"),
    ("scan-of-the-beginning-begun-again", "sequencer/src/sorted.rs",
     "Some(Some(next)) => Some(next),", "Some(Some(_)) => None,", "--workspace --test sequencer beginning"),
    ("growth-from-the-kept-checkpoint-not-checked", "server/src/log/keep.rs",
     "Ok(proof::is_consistent((kept.size, kept.root), (own.size, own.root), &hashes))",
     "Ok(hashes.len() < 64 || proof::is_consistent((kept.size, kept.root), (own.size, own.root), &hashes))",
     "--workspace --lib log::keep"),
    ("file-of-the-log-written-in-its-place", "sequencer/src/store.rs",
     "write_new(&temporary, bytes).and_then(|()| std::fs::rename(&temporary, &file));",
     "write_new(&file, bytes);", FAULTS + " log_steps"),
    ("root-of-an-export-not-compared", "cli/src/export_file/position_index.rs",
     "(Some(found), _) if found == root => {}", "(Some(_), _) => {}", "--workspace --test whole by_position"),
    ("handing-over-not-on-record", "server/src/log/rotate.rs",
     "hand_over(ledger, to).await?;", "let _ = to;", "--workspace --test whole by_position"),
    ("link-not-checked-in-the-browser", "explorer/src/verify/chain.ts",
     '  if (commit.get("previous_hash") !== place.head) return "it does not follow the commit before it";\n', "",
     "--workspace --test whole the_parts_of_the_pages_that_need_no_browser"),
]


def planted(path, old, new):
    text = path.read_text()
    if text.count(old) != 1:
        return None
    path.write_text(text.replace(old, new))
    return text


def found(tests):
    """What the tests say of a fault that is planted."""
    command = ["cargo", "test", "--quiet", *tests.split()]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    said = ran.stdout + ran.stderr
    if "could not compile" in said:
        return "does not compile:\n" + said[-2_000:]
    failed = sorted(set(re.findall(r"^    ([\w:]+)$", said, re.MULTILINE)))
    if ran.returncode == 0 or not failed:
        return "NOT FOUND" if ran.returncode == 0 else "no test ran:\n" + said[-2_000:]
    return "found by " + ", ".join(failed[:SHOWN]) + (f" and {len(failed) - SHOWN} more" if failed[SHOWN:] else "")


def main(names):
    bugs = [bug for bug in BUGS if not names or bug[0] in names]
    changed = subprocess.run(["git", "diff", "--name-only"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    missed = []
    for name, file, old, new, tests in bugs:
        path, started = ROOT / file, time.monotonic()
        if file in changed:
            sys.exit(f"{file} has changes that are not committed")
        before = planted(path, old, new)
        if before is None:
            verdict = "its place is gone; adapt this script"
        else:
            try:
                verdict = found(tests)
            finally:
                path.write_text(before)
        print(f"{name}: {verdict} ({tests}, {time.monotonic() - started:.0f} s)", flush=True)
        if not verdict.startswith("found"):
            missed.append(name)
    print(f"{len(bugs) - len(missed)} of {len(bugs)} planted faults were found")
    return 1 if missed or not bugs else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
