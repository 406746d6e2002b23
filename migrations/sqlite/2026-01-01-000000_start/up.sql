-- Every column beyond (sk, endpoint) has a default: an INSERT of those two by hand is a complete upstream.
CREATE TABLE openai_upstreams (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    deleted_at TIMESTAMP,
    sk TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    success_count BIGINT NOT NULL DEFAULT 0,
    failed_count BIGINT NOT NULL DEFAULT 0,
    last_call_success_time TIMESTAMP,
    name TEXT NOT NULL DEFAULT '',
    enabled BOOLEAN NOT NULL DEFAULT 1,
    priority BIGINT NOT NULL DEFAULT 0,
    position BIGINT NOT NULL DEFAULT 0,
    weight BIGINT NOT NULL DEFAULT 1,
    allow_models TEXT NOT NULL DEFAULT '',
    deny_models TEXT NOT NULL DEFAULT '',
    allow_keys TEXT NOT NULL DEFAULT '',
    keep_header TEXT NOT NULL DEFAULT '',
    connect_timeout_ms BIGINT,
    first_byte_timeout_ms BIGINT,
    first_content_timeout_ms BIGINT,
    idle_timeout_ms BIGINT
);
-- Among live rows only: what was removed can be added again.
CREATE UNIQUE INDEX openai_upstreams_live ON openai_upstreams (sk, endpoint) WHERE deleted_at IS NULL;

-- No unique index: the newest live row of a key counts, and an INSERT by hand never fails.
CREATE TABLE config_kvs (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    deleted_at TIMESTAMP,
    key TEXT NOT NULL,
    value TEXT NOT NULL DEFAULT ''
);

CREATE TABLE records (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    started_us BIGINT NOT NULL,
    key_name TEXT NOT NULL DEFAULT '',
    key_last4 TEXT NOT NULL DEFAULT '',
    ip TEXT NOT NULL DEFAULT '',
    user_agent TEXT NOT NULL DEFAULT '',
    method TEXT NOT NULL DEFAULT '',
    path TEXT NOT NULL DEFAULT '',
    model TEXT,
    model_sent TEXT,
    model_answered TEXT,
    status INTEGER NOT NULL DEFAULT 0,
    upstream_id BIGINT,
    streamed BOOLEAN NOT NULL DEFAULT 0,
    first_byte_us BIGINT,
    first_content_us BIGINT,
    total_us BIGINT NOT NULL DEFAULT 0,
    tokens_in BIGINT,
    tokens_out BIGINT,
    tokens_cached BIGINT,
    tokens_reasoning BIGINT,
    attempts TEXT NOT NULL DEFAULT '[]',
    ending TEXT NOT NULL DEFAULT 'complete',
    error TEXT,
    request_bytes BIGINT NOT NULL DEFAULT 0,
    reply_bytes BIGINT NOT NULL DEFAULT 0,
    resource_id TEXT
);
CREATE INDEX records_resource ON records (id, resource_id, upstream_id) WHERE resource_id IS NOT NULL;

-- A table of its own: lists and charts read records without stepping over bodies.
CREATE TABLE record_bodies (
    record_id INTEGER PRIMARY KEY NOT NULL,
    body BLOB,
    body_note TEXT,
    response BLOB,
    response_note TEXT
);

CREATE TABLE admin_sessions (
    token_hash TEXT PRIMARY KEY NOT NULL,
    created_us BIGINT NOT NULL,
    expires_us BIGINT NOT NULL
);
