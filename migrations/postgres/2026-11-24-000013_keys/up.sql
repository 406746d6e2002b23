-- What is known of a client key beside the key itself, which stays in the setting `authorization`; a key without a row is in use.
-- old_key: what it was before it was replaced; let in until old_until_us.
CREATE TABLE client_keys (
    name TEXT PRIMARY KEY,
    created_us BIGINT,
    disabled BOOLEAN NOT NULL DEFAULT FALSE,
    old_key TEXT NOT NULL DEFAULT '',
    old_until_us BIGINT NOT NULL DEFAULT 0
);
CREATE TRIGGER client_keys_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON client_keys
    FOR EACH STATEMENT EXECUTE FUNCTION openai_api_route_changed();

-- The search that the list of requests opens with.
ALTER TABLE saved_searches ADD COLUMN is_default BOOLEAN NOT NULL DEFAULT FALSE;
