-- Searches the operator keeps: a name, and the query of the address of /admin/requests.
CREATE TABLE saved_searches (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    name TEXT NOT NULL,
    query TEXT NOT NULL,
    created_us BIGINT NOT NULL
);
