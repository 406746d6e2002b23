-- Sums of all requests, and of each upstream, model and key alone, are kept from here on; where there are sums already, from the
-- hour after next, when no older replica writes any more.
INSERT INTO marks (name, value)
SELECT 'sums_by_side_from', (CAST(strftime('%s', 'now') AS INTEGER) / 3600 + 2) * 3600
WHERE EXISTS (SELECT 1 FROM rollups);
