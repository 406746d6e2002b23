-- In pico-dollars per token, which is the same number as micro-dollars per million tokens. `*` in a pattern is any text.
CREATE TABLE prices (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    pattern TEXT NOT NULL,
    input_pico BIGINT NOT NULL,
    cached_pico BIGINT,
    output_pico BIGINT NOT NULL DEFAULT 0,
    updated_us BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX prices_pattern ON prices (pattern);

-- Which tables were filled with what the program brings along, and from when that was: once, whatever becomes of the rows.
CREATE TABLE start_tables (
    name TEXT PRIMARY KEY NOT NULL,
    as_of TEXT NOT NULL
);

-- Requests summed up by minute (span_s 60) and by hour (3600); the last three columns are latency histograms.
CREATE TABLE rollups (
    span_s INTEGER NOT NULL,
    bucket_s BIGINT NOT NULL,
    upstream_id BIGINT NOT NULL,
    model TEXT NOT NULL,
    key_name TEXT NOT NULL,
    requests BIGINT NOT NULL,
    errors BIGINT NOT NULL,
    streams BIGINT NOT NULL,
    tokens_in BIGINT NOT NULL,
    tokens_out BIGINT NOT NULL,
    tokens_cached BIGINT NOT NULL,
    tokens_reasoning BIGINT NOT NULL,
    unknown_tokens BIGINT NOT NULL,
    cost_nano BIGINT NOT NULL,
    unpriced BIGINT NOT NULL,
    first_byte BLOB NOT NULL,
    first_content BLOB NOT NULL,
    total BLOB NOT NULL,
    PRIMARY KEY (span_s, bucket_s, upstream_id, model, key_name)
) WITHOUT ROWID;
