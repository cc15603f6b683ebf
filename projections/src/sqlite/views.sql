CREATE TABLE about (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE products (
  generation INTEGER NOT NULL,
  id TEXT NOT NULL,
  shard INTEGER NOT NULL,
  version INTEGER NOT NULL,
  product TEXT NOT NULL,
  by_id TEXT,
  by_name TEXT,
  by_price TEXT,
  changes TEXT,
  PRIMARY KEY (generation, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX products_by_id ON products (generation, shard, by_id) WHERE by_id IS NOT NULL;

CREATE INDEX products_by_name ON products (generation, shard, by_name) WHERE by_name IS NOT NULL;

CREATE INDEX products_by_price ON products (generation, shard, by_price) WHERE by_price IS NOT NULL;

CREATE INDEX products_changes ON products (generation, shard, changes) WHERE changes IS NOT NULL;

CREATE TABLE prices (
  generation INTEGER NOT NULL,
  product_id TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  entries TEXT NOT NULL,
  PRIMARY KEY (generation, product_id, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE folded (
  generation INTEGER NOT NULL,
  product_id TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  PRIMARY KEY (generation, product_id)
) STRICT, WITHOUT ROWID;

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
