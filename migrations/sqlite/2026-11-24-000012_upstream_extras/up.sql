-- What is sent to this upstream besides the caller's own, one `Name: value` a line; values may be secrets.
ALTER TABLE openai_upstreams ADD COLUMN extra_headers TEXT NOT NULL DEFAULT '';
-- Names that models have there: `asked = sent`, one a line or separated by commas.
ALTER TABLE openai_upstreams ADD COLUMN model_map TEXT NOT NULL DEFAULT '';
-- What its connections go through: http://user:password@host:port or socks5://…; empty means directly.
ALTER TABLE openai_upstreams ADD COLUMN proxy TEXT NOT NULL DEFAULT '';
