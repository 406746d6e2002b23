-- How the key is sent to this upstream: bearer, api-key, x-api-key, or none for no key at all.
ALTER TABLE openai_upstreams ADD COLUMN auth TEXT NOT NULL DEFAULT 'bearer';
