-- Places in packs, as bodies have them: the caller's headers, one a line, an empty line, the reply's headers.
ALTER TABLE record_bodies ADD COLUMN headers BLOB;
