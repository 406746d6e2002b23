-- The record whose request was sent again from the dashboard; NULL for every other, and for replays of before.
ALTER TABLE records ADD COLUMN replay_of BIGINT;
CREATE INDEX records_replay ON records (replay_of) WHERE replay_of IS NOT NULL;
