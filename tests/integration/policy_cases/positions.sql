# A function in every position of an expression.
[both reader]
SELECT {f}
SELECT {f} AS "select", 1 AS "from"
SELECT * FROM {f}
SELECT * FROM {f} AS g(x)
SELECT * FROM {f} WITH ORDINALITY
SELECT * FROM ROWS FROM ({f}, {f}) AS r(a, b)
SELECT * FROM shop.items i, LATERAL (SELECT {f}) l
SELECT * FROM shop.items i, LATERAL ROWS FROM ({f}) l
SELECT * FROM shop.items i CROSS JOIN LATERAL {f}
SELECT * FROM shop.items i LEFT JOIN shop.orders o ON {f} = 'a'
SELECT * FROM shop.items i JOIN (SELECT {f} AS name) s USING (name)
SELECT * FROM shop.items TABLESAMPLE system (length({f}))
SELECT * FROM shop.items TABLESAMPLE bernoulli (50) REPEATABLE (length({f}))
SELECT 1 FROM shop.items WHERE {f} = 'a'
SELECT 1 FROM shop.items WHERE name IN ('x', {f})
SELECT 1 FROM shop.items WHERE name = ANY (ARRAY[{f}])
SELECT 1 FROM shop.items WHERE name BETWEEN {f} AND 'z'
SELECT 1 FROM shop.items WHERE EXISTS (SELECT {f})
SELECT 1 FROM shop.items WHERE (name, 1) = ({f}, 1)
SELECT 1 FROM shop.items WHERE NOT ({f} IS NULL OR name IS DISTINCT FROM {f})
SELECT count(*) FROM shop.items GROUP BY {f}
SELECT count(*) FROM shop.items GROUP BY GROUPING SETS (({f}), ())
SELECT count(*) FROM shop.items GROUP BY ROLLUP ({f})
SELECT count(*) FROM shop.items HAVING {f} = 'a'
SELECT name FROM shop.items ORDER BY {f}
SELECT name FROM shop.items ORDER BY {f} COLLATE "C" DESC NULLS LAST
SELECT DISTINCT ON ({f}) name FROM shop.items
SELECT name FROM shop.items LIMIT length({f})
SELECT name FROM shop.items OFFSET length({f})
SELECT name FROM shop.items FETCH FIRST (length({f})) ROWS ONLY
SELECT count(*) FILTER (WHERE {f} = 'a') FROM shop.items
SELECT array_agg(name ORDER BY {f}) FROM shop.items
SELECT string_agg(name, {f}) FROM shop.items
SELECT rank() OVER (ORDER BY {f}) FROM shop.items
SELECT rank() OVER (PARTITION BY {f} ORDER BY id) FROM shop.items
SELECT sum(1) OVER (ORDER BY id ROWS BETWEEN length({f}) PRECEDING AND CURRENT ROW) FROM shop.items
SELECT 1 FROM shop.items WINDOW unused AS (ORDER BY {f})
SELECT CASE WHEN {f} = 'a' THEN 1 ELSE 2 END
SELECT CASE {f} WHEN 'a' THEN 1 END
SELECT CASE WHEN true THEN 'b' ELSE {f} END
SELECT COALESCE(NULL, {f})
SELECT NULLIF({f}, 'a')
SELECT GREATEST({f}, 'a'), LEAST('a', {f})
SELECT ARRAY[{f}]
SELECT ARRAY(SELECT {f})
SELECT (ARRAY[{f}])[length({f})]
SELECT (ARRAY['a', 'b'])[length({f}):2]
SELECT ROW({f}, 1)
SELECT ({f})::text || CAST({f} AS varchar)
SELECT {f} COLLATE "C"
SELECT {f} LIKE 'a%' ESCAPE '!'
SELECT {f} ~ 'a', {f} SIMILAR TO 'a'
SELECT XMLELEMENT(name a, {f})
SELECT XMLFOREST({f} AS a)
SELECT XMLPI(name a, {f})
SELECT XMLPARSE(CONTENT {f})
SELECT json_build_object('a', {f})
SELECT to_jsonb({f}) -> 'a'
SELECT (SELECT (SELECT (SELECT {f})))
SELECT (VALUES ({f}))
VALUES (1, {f}), (2, 'x')
WITH w AS (SELECT {f}) SELECT * FROM w
WITH w AS MATERIALIZED (SELECT {f}) SELECT 1
WITH RECURSIVE w(x) AS (SELECT {f} UNION ALL SELECT x FROM w WHERE false) SELECT * FROM w
SELECT 'a' UNION SELECT {f}
SELECT 'a' INTERSECT (SELECT {f} EXCEPT SELECT 'b')
SELECT EXTRACT(epoch FROM now()) + length({f})
SELECT substring({f} FROM 1 FOR 2), trim(both 'x' from {f}), overlay({f} placing 'a' from 1), position('a' in {f})
SELECT $tag${f}$tag$, {f} -- {f}
SELECT /* {f} */ {f}
EXPLAIN SELECT {f}
EXPLAIN (ANALYZE, COSTS OFF) SELECT {f}
PREPARE carries AS SELECT {f}; DEALLOCATE carries
BEGIN; DECLARE carries CURSOR FOR SELECT {f}; CLOSE carries; COMMIT
BEGIN; DECLARE carries SCROLL CURSOR WITH HOLD FOR SELECT {f}; COMMIT; CLOSE carries
COPY (SELECT {f}) TO STDOUT
SELECT 1; SELECT {f}
SELECT {f}; SELECT 1
