-- When an operator had an upstream tested, µs since 1970, and whether it answered well. Kept for some days.
CREATE TABLE upstream_tests (
    id INTEGER PRIMARY KEY NOT NULL,
    upstream_id BIGINT NOT NULL,
    at_us BIGINT NOT NULL,
    good BOOLEAN NOT NULL
);
CREATE INDEX upstream_tests_at ON upstream_tests (at_us);
