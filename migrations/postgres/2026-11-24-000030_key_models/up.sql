-- The models a client key may ask for: exact names or globs, separated by commas or line ends; empty for all.
ALTER TABLE client_keys ADD COLUMN allow_models TEXT NOT NULL DEFAULT '';
