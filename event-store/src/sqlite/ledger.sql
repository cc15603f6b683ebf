CREATE TABLE about (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE commits (
  position INTEGER PRIMARY KEY,
  sequence INTEGER NOT NULL,
  product_id TEXT NOT NULL,
  commit_id TEXT NOT NULL,
  recorded_at TEXT NOT NULL,
  hash TEXT NOT NULL,
  line TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX commits_by_product ON commits (product_id, sequence);

CREATE TRIGGER commits_are_not_replaced BEFORE INSERT ON commits
WHEN EXISTS (
  SELECT 1 FROM commits
  WHERE position = NEW.position OR (product_id = NEW.product_id AND sequence = NEW.sequence)
)
BEGIN SELECT RAISE(ABORT, 'a commit is never replaced'); END;

CREATE TRIGGER commits_are_not_changed BEFORE UPDATE ON commits
BEGIN SELECT RAISE(ABORT, 'a commit is never changed'); END;

CREATE TRIGGER commits_are_not_removed BEFORE DELETE ON commits
BEGIN SELECT RAISE(ABORT, 'a commit is never removed'); END;
