# §7 Row limits: "few" may have three rows of one statement or cursor, and shop.items has five.
[floods few]
SELECT * FROM shop.items
SELECT id FROM shop.items LIMIT ALL
SELECT id FROM shop.items LIMIT NULL
SELECT id FROM shop.items LIMIT 1000000
SELECT id FROM shop.items LIMIT (SELECT 5)
SELECT id FROM shop.items ORDER BY id / 9 FETCH FIRST 1 ROW WITH TIES
SELECT id FROM shop.items FETCH FIRST 5 ROWS ONLY OFFSET 0
SELECT id FROM shop.items UNION ALL SELECT id FROM shop.items
SELECT unnest(ARRAY[1, 2, 3, 4, 5])
SELECT generate_series(1, 10)
SELECT * FROM generate_series(1, 10)
VALUES (1), (2), (3), (4)
TABLE shop.items
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 9) SELECT n FROM r
COPY shop.items TO STDOUT
COPY (SELECT id FROM shop.items) TO STDOUT (FORMAT csv)
DECLARE c CURSOR FOR SELECT id FROM shop.items; FETCH 2 c; FETCH 2 c
DECLARE c CURSOR FOR SELECT id FROM shop.items; FETCH 1 c; FETCH 1 c; FETCH 1 c; FETCH 1 c
DECLARE c SCROLL CURSOR FOR SELECT id FROM shop.items; FETCH 2 c; FETCH FIRST c; FETCH LAST c
DECLARE c CURSOR FOR SELECT id FROM shop.items; FETCH ALL c
DECLARE c CURSOR FOR SELECT id FROM shop.items; FETCH FORWARD 3 c; FETCH FORWARD ALL c
PREPARE p AS SELECT id FROM shop.items; EXECUTE p
