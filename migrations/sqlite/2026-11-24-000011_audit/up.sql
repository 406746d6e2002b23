-- Who changed what, and who read which request or conversation. No column ever holds a secret.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    at_us BIGINT NOT NULL,
    who TEXT NOT NULL,
    verb TEXT NOT NULL,
    noun TEXT NOT NULL,
    noun_id BIGINT,
    detail TEXT NOT NULL DEFAULT ''
);
