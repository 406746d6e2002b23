-- How much is recorded of what this upstream answers: off, metadata or full; empty means as the setting says.
ALTER TABLE openai_upstreams ADD COLUMN recording TEXT NOT NULL DEFAULT '';
