ALTER TABLE products ADD COLUMN sku TEXT;

ALTER TABLE products ADD COLUMN category TEXT;

CREATE INDEX products_sku ON products (generation, shard, sku, by_id) WHERE sku IS NOT NULL;

CREATE INDEX products_sku_name ON products (generation, shard, sku, by_name) WHERE sku IS NOT NULL;

CREATE INDEX products_category ON products (generation, shard, category, by_id) WHERE category IS NOT NULL;

CREATE INDEX products_category_name ON products (generation, shard, category, by_name) WHERE category IS NOT NULL;
