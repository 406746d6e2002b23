DELETE FROM marks WHERE name = 'sums_by_side_from';
DELETE FROM rollups_by WHERE kind IN (5, 6, 7, 8);
