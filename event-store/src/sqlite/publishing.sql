CREATE TABLE about (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE receipts (
  product_id TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  is_receipt INTEGER NOT NULL,
  record TEXT NOT NULL,
  PRIMARY KEY (product_id, sequence)
) STRICT;

CREATE TABLE restored (
  product_id TEXT PRIMARY KEY,
  sequence INTEGER NOT NULL,
  hash TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE bus (
  id INTEGER PRIMARY KEY,
  bus TEXT NOT NULL,
  position INTEGER NOT NULL,
  event_id TEXT NOT NULL,
  detail_type TEXT NOT NULL,
  entry TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX bus_by_position ON bus (bus, position);

CREATE INDEX bus_by_event ON bus (event_id, bus, position);

CREATE TABLE parking (
  consumer TEXT NOT NULL,
  product_id TEXT NOT NULL,
  from_sequence INTEGER NOT NULL,
  reason TEXT NOT NULL,
  retryable INTEGER NOT NULL,
  parked_at TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  PRIMARY KEY (consumer, product_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE checkpoints (
  consumer TEXT PRIMARY KEY,
  position INTEGER NOT NULL,
  hash TEXT NOT NULL
) STRICT, WITHOUT ROWID;
