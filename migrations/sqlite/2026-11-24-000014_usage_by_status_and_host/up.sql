-- Output tokens per second of streams, in thousandths: a histogram as the others are.
ALTER TABLE rollups ADD COLUMN speed BLOB NOT NULL DEFAULT x'';

-- The same requests summed up by what they have in common besides: kind 1 = the status of the reply, 2 = the host that was asked.
CREATE TABLE rollups_by (
    span_s INTEGER NOT NULL,
    bucket_s BIGINT NOT NULL,
    kind INTEGER NOT NULL,
    name TEXT NOT NULL,
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
    speed BLOB NOT NULL,
    PRIMARY KEY (span_s, bucket_s, kind, name)
) WITHOUT ROWID;
