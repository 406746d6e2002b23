-- Links of the newest records, in the order in which they came, until many are sorted into `links` together: each of them would
-- touch a page of its own there.
CREATE TABLE newest_links (
    id BIGINT PRIMARY KEY NOT NULL,
    link BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    chain BIGINT NOT NULL,
    conversation_id BIGINT NOT NULL
);
