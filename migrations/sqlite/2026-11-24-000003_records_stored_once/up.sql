ALTER TABLE records ADD COLUMN host TEXT NOT NULL DEFAULT '';
ALTER TABLE records ADD COLUMN tokens_audio_in BIGINT;
ALTER TABLE records ADD COLUMN tokens_audio_out BIGINT;
ALTER TABLE records ADD COLUMN cost_nano BIGINT;
ALTER TABLE records ADD COLUMN conversation_id BIGINT;
ALTER TABLE records ADD COLUMN linked_by TEXT;
ALTER TABLE records ADD COLUMN known_messages BIGINT;
ALTER TABLE records ADD COLUMN finish TEXT;
ALTER TABLE records ADD COLUMN tools TEXT;
ALTER TABLE records ADD COLUMN marks BIGINT NOT NULL DEFAULT 0;
CREATE INDEX records_conversation ON records (conversation_id, id) WHERE conversation_id IS NOT NULL;

-- A body whose layout is 1 is a list of places in packs, whose bytes one after the other are the body; 0 is the body itself.
ALTER TABLE record_bodies ADD COLUMN layout INTEGER NOT NULL DEFAULT 0;
-- Where the messages that are new to the conversation stand in the body; NULL: all of it is new.
ALTER TABLE record_bodies ADD COLUMN fresh_from BIGINT;
ALTER TABLE record_bodies ADD COLUMN fresh_to BIGINT;

-- What bodies are made of, some ten thousand bytes together, as zstd packs them.
CREATE TABLE packs (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- Which of the bytes are pieces that other records may hold too.
    pieces BLOB NOT NULL,
    data BLOB NOT NULL
);

-- Where a piece that may come again stands: found by its hash, owned by the conversation that brought it.
CREATE TABLE blobs (
    hash BLOB PRIMARY KEY NOT NULL,
    pack_id BIGINT NOT NULL,
    start BIGINT NOT NULL,
    length BIGINT NOT NULL,
    owner BIGINT NOT NULL
) WITHOUT ROWID;

-- Conversations other than the owner that hold a piece too.
CREATE TABLE blob_uses (
    hash BLOB NOT NULL,
    owner BIGINT NOT NULL,
    PRIMARY KEY (hash, owner)
) WITHOUT ROWID;

-- By what the next record of a conversation is recognised.
CREATE TABLE links (
    link BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    chain BIGINT NOT NULL,
    conversation_id BIGINT NOT NULL,
    PRIMARY KEY (link, record_id)
) WITHOUT ROWID;

-- How far something has come: the index, a spill file …
CREATE TABLE marks (
    name TEXT PRIMARY KEY NOT NULL,
    value BIGINT NOT NULL
);

CREATE TABLE segments (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    first_id BIGINT NOT NULL,
    last_id BIGINT NOT NULL,
    docs BIGINT NOT NULL,
    started_from BIGINT NOT NULL,
    started_to BIGINT NOT NULL,
    -- Which of the records are gone, and which have lost their texts: a bit each.
    removed BLOB,
    textless BLOB
);

CREATE TABLE segment_parts (
    id INTEGER PRIMARY KEY NOT NULL,
    segment_id BIGINT NOT NULL,
    kind SMALLINT NOT NULL,
    key BLOB NOT NULL,
    data BLOB NOT NULL
);
CREATE UNIQUE INDEX segment_parts_key ON segment_parts (segment_id, kind, key);
