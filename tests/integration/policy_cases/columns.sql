# A column of a relation of which only some are granted, in every position.
[both reader]
SELECT {c} FROM shop.customers
SELECT "{c}" FROM "shop"."customers"
SELECT {c} FROM customers
SELECT U&"{c}" FROM shop.customers
SELECT c.{c} FROM shop.customers c
SELECT c.{c} AS id FROM shop.customers AS c
SELECT customers.{c} FROM shop.customers
SELECT shop.customers.{c} FROM shop.customers
SELECT postgres.shop.customers.{c} FROM postgres.shop.customers
SELECT {c} FROM ONLY shop.customers
SELECT {c} FROM shop.customers *
SELECT {c} FROM shop.customers TABLESAMPLE system (100)
SELECT 1 FROM shop.customers WHERE {c} = 'x'
SELECT 1 FROM shop.customers WHERE 'x' = {c} AND NOT {c} IS NULL
SELECT 1 FROM shop.customers WHERE {c} IN ('x')
SELECT 1 FROM shop.customers WHERE {c} = ANY (ARRAY['x'])
SELECT 1 FROM shop.customers WHERE {c} BETWEEN 'a' AND 'b'
SELECT 1 FROM shop.customers WHERE {c} LIKE '4%'
SELECT 1 FROM shop.customers WHERE {c} IS DISTINCT FROM 'x'
SELECT 1 FROM shop.customers WHERE (id, {c}) = (1, 'x')
SELECT 1 FROM shop.customers WHERE ROW({c}) IS NULL
SELECT 1 FROM shop.customers ORDER BY {c}
SELECT id FROM shop.customers ORDER BY lower({c}) USING <
SELECT id FROM shop.customers ORDER BY {c} || ''
SELECT count(*) FROM shop.customers GROUP BY {c}
SELECT count(*) FROM shop.customers GROUP BY GROUPING SETS (({c}), (id), ())
SELECT count(*) FROM shop.customers GROUP BY CUBE (id, {c})
SELECT count(*) FROM shop.customers GROUP BY lower({c})
SELECT count(*) FROM shop.customers HAVING max({c}) > 'a'
SELECT DISTINCT {c} FROM shop.customers
SELECT DISTINCT ON ({c}) 1 FROM shop.customers
SELECT DISTINCT ON (lower({c})) id FROM shop.customers
SELECT count({c}) FROM shop.customers
SELECT count(DISTINCT {c}) FROM shop.customers
SELECT count(*) FILTER (WHERE {c} > '4') FROM shop.customers
SELECT string_agg({c}, ',') FROM shop.customers
SELECT array_agg(id ORDER BY {c}) FROM shop.customers
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY {c}) FROM shop.customers
SELECT rank() OVER (ORDER BY {c}) FROM shop.customers
SELECT lag({c}) OVER (ORDER BY id) FROM shop.customers
SELECT rank() OVER (PARTITION BY {c}) FROM shop.customers
SELECT 1 FROM shop.customers WINDOW unused AS (ORDER BY {c})
SELECT rank() OVER (w ORDER BY id) FROM shop.customers WINDOW w AS (PARTITION BY {c})
SELECT CASE WHEN {c} LIKE '4%' THEN 1 END FROM shop.customers
SELECT CASE {c} WHEN 'x' THEN 1 END FROM shop.customers
SELECT COALESCE({c}, 'x'), NULLIF({c}, 'x'), GREATEST({c}, 'x') FROM shop.customers
SELECT {c}::text FROM shop.customers
SELECT CAST({c} AS varchar(3)) FROM shop.customers
SELECT text({c}) FROM shop.customers
SELECT {c} COLLATE "C" FROM shop.customers
SELECT ARRAY[{c}] FROM shop.customers
SELECT (ARRAY[{c}])[1] FROM shop.customers
SELECT ROW({c}) FROM shop.customers
SELECT ({c}, id) FROM shop.customers
SELECT XMLFOREST({c}) FROM shop.customers
SELECT XMLELEMENT(name a, XMLATTRIBUTES({c})) FROM shop.customers
SELECT json_build_object('a', {c}), jsonb_build_array({c}), to_json({c}) FROM shop.customers
SELECT format('%s', {c}), concat({c}), {c} || '' FROM shop.customers
SELECT length({c}) FROM shop.customers
SELECT (SELECT {c}) FROM shop.customers
SELECT (SELECT c.{c}) FROM shop.customers c
SELECT (SELECT max(c.{c} || i.name) FROM shop.items i) FROM shop.customers c
SELECT (SELECT (SELECT c.{c} FROM shop.items LIMIT 1)) FROM shop.customers c
SELECT 1 FROM shop.items i WHERE EXISTS (SELECT FROM shop.customers c WHERE c.{c} = i.name)
SELECT 1 FROM shop.customers c WHERE EXISTS (SELECT FROM shop.items i WHERE c.{c} = i.name)
SELECT ARRAY(SELECT {c} FROM shop.customers)
SELECT 'x' IN (SELECT {c} FROM shop.customers)
SELECT 'x' = ANY (SELECT {c} FROM shop.customers)
SELECT 'x' > ALL (SELECT {c} FROM shop.customers)
SELECT (SELECT {c} FROM shop.customers LIMIT 1) IS NULL
SELECT l.* FROM shop.customers c, LATERAL (SELECT c.{c}) l
SELECT l.* FROM shop.customers c CROSS JOIN LATERAL (VALUES (c.{c})) l
SELECT l.* FROM shop.customers c CROSS JOIN unnest(ARRAY[c.{c}]) l
SELECT l.* FROM shop.customers c LEFT JOIN LATERAL regexp_split_to_table(c.{c}, '') l ON true
SELECT l.* FROM shop.customers c, LATERAL ROWS FROM (unnest(ARRAY[c.{c}]), generate_series(1, 2)) l
SELECT x.* FROM shop.customers c, XMLTABLE('/a' PASSING XMLPARSE(DOCUMENT '<a/>') COLUMNS b text DEFAULT c.{c}) x
SELECT 1 FROM shop.items i JOIN shop.customers c ON i.name = c.{c}
SELECT 1 FROM shop.items i LEFT JOIN (shop.customers c JOIN shop.orders o ON o.customer_id = c.id) ON i.name = c.{c}
SELECT 1 FROM shop.customers a JOIN shop.customers b USING ({c})
SELECT 1 FROM shop.customers a JOIN shop.customers b USING ({c}) AS u WHERE u.{c} = 'x'
SELECT j.{c} FROM (shop.customers c JOIN shop.orders o ON o.customer_id = c.id) AS j
SELECT s.x FROM (SELECT {c} AS x FROM shop.customers) s
SELECT s.x FROM (SELECT {c} FROM shop.customers) s(x)
WITH w AS (SELECT {c} FROM shop.customers) SELECT * FROM w
WITH w(id) AS (SELECT {c} FROM shop.customers) SELECT id FROM w
WITH customers AS (SELECT {c} FROM shop.customers) SELECT * FROM customers
WITH a AS (WITH b AS (SELECT {c} FROM shop.customers) SELECT * FROM b) SELECT * FROM a
WITH RECURSIVE w AS (SELECT {c} AS x FROM shop.customers UNION SELECT x FROM w) SELECT * FROM w
SELECT 'x' UNION ALL SELECT {c} FROM shop.customers
SELECT name FROM shop.items EXCEPT (SELECT {c} FROM shop.customers INTERSECT SELECT 'x')
SELECT 1 FROM shop.items LIMIT (SELECT length(max({c})) FROM shop.customers)
SELECT 1 FROM shop.items OFFSET (SELECT length(max({c})) FROM shop.customers)
VALUES ((SELECT {c} FROM shop.customers LIMIT 1))
EXPLAIN SELECT {c} FROM shop.customers
EXPLAIN (ANALYZE, VERBOSE) SELECT 1 FROM shop.customers WHERE {c} > 'x'
PREPARE carries (text) AS SELECT 1 FROM shop.customers WHERE {c} = $1; DEALLOCATE carries
BEGIN; DECLARE carries CURSOR FOR SELECT {c} FROM shop.customers; FETCH ALL FROM carries; COMMIT
# Names that PostgreSQL looks up past a nearer alias of the same name.
SELECT (SELECT shop.customers.{c} FROM (SELECT 1) AS customers) FROM shop.customers
SELECT (SELECT postgres.shop.customers.{c} FROM shop.items AS customers LIMIT 1) FROM shop.customers
SELECT (SELECT l.y FROM LATERAL (SELECT c.{c} AS y) l, (SELECT 1 AS z) AS c) FROM shop.customers c
SELECT (SELECT g.x FROM unnest(ARRAY[c.{c}]) g(x), (SELECT 1 AS z) AS c) FROM shop.customers c
SELECT (SELECT 1 FROM (SELECT 1) a JOIN (SELECT 2) b ON c.{c} > '', (SELECT 1 AS z) AS c) FROM shop.customers c
SELECT (SELECT c.{c} FROM ((SELECT 1 AS a) AS c CROSS JOIN (SELECT 2 AS b) AS d) AS j) FROM shop.customers c
SELECT (SELECT 1 FROM shop.items TABLESAMPLE system (length(c.{c})), (SELECT 1) AS c LIMIT 1) FROM shop.customers c
WITH w AS (SELECT 1 AS z) SELECT (SELECT g.x FROM unnest(ARRAY[c.{c}]) g(x), w AS c) FROM shop.customers c
# Names that only the catalog tells apart
[allowed reader]
SELECT x.a FROM shop.customers AS x(a)
SELECT city, total FROM shop.customers c JOIN shop.orders ON customer_id = c.id
SELECT (SELECT max(email) FROM (SELECT 'x' AS email) s) FROM shop.customers
SELECT name AS email FROM shop.items ORDER BY email
SELECT placed AS email, count(*) FROM shop.orders GROUP BY email
[denied reader]
SELECT x.d FROM shop.customers AS x(a, b, c, d)
SELECT (SELECT max(email)) FROM shop.customers
SELECT 1 FROM shop.customers NATURAL JOIN (SELECT 'x' AS email) s
SELECT 1 FROM shop.customers JOIN (SELECT 'x' AS email) s USING (email)
SELECT j.c4 FROM (shop.customers JOIN shop.items USING (id)) AS j(c1, c2, c3, c4)
