CREATE TABLE log_entries (
  position INTEGER PRIMARY KEY,
  entry BLOB NOT NULL
) STRICT;

CREATE TRIGGER log_entries_are_not_replaced BEFORE INSERT ON log_entries
WHEN EXISTS (SELECT 1 FROM commits WHERE position = NEW.position)
  OR EXISTS (SELECT 1 FROM log_entries WHERE position = NEW.position)
BEGIN SELECT RAISE(ABORT, 'an entry is never replaced'); END;

CREATE TRIGGER log_entries_are_not_changed BEFORE UPDATE ON log_entries
BEGIN SELECT RAISE(ABORT, 'an entry is never changed'); END;

CREATE TRIGGER log_entries_are_not_removed BEFORE DELETE ON log_entries
BEGIN SELECT RAISE(ABORT, 'an entry is never removed'); END;

CREATE TRIGGER commits_take_no_place_of_an_entry BEFORE INSERT ON commits
WHEN EXISTS (SELECT 1 FROM log_entries WHERE position = NEW.position)
BEGIN SELECT RAISE(ABORT, 'a commit never takes the place of an entry'); END;
