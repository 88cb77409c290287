-- One text per line: with masks it gives what it gives on a server whose data are masked. See ../masks_test.py.
SELECT * FROM customers
SELECT email FROM customers
SELECT id, email, card, pay, born, j FROM customers ORDER BY id
SELECT c.email FROM customers c
SELECT c.* FROM customers c
SELECT customers.email FROM customers
SELECT customers.* FROM public.customers
SELECT public.customers.email FROM customers
SELECT public.customers.email FROM public.customers
SELECT public.customers.* FROM customers
SELECT postgres.public.customers.email FROM postgres.public.customers
SELECT "the ""note""" FROM customers
SELECT x.b, x.a FROM customers AS x(a, b)
SELECT b FROM customers x(a, b)
SELECT b FROM customers x (a, b) WHERE a = 1
TABLE customers
TABLE public.customers
TABLE ONLY customers
SELECT email FROM ONLY customers
SELECT email FROM ONLY public.customers c
SELECT email FROM "customers"
SELECT "email" FROM "public"."customers"
SELECT email FROM U&"cust\006fmers"
SELECT email FROM U&"cust!006fmers" UESCAPE '!'
SELECT email FROM public.U&"cust!006fmers" UESCAPE '!' AS c
SELECT U&"em!0061il" UESCAPE '!' FROM customers
SELECT public.U&"cust!006fmers" UESCAPE '!'.email FROM customers
SELECT email FROM PUBLIC.CUSTOMERS
SELECT email FROM public/* x */./* y */customers -- end
SELECT email FROM public . customers
SELECT public /* . */ . customers . email FROM public.customers
SELECT email/* customers */FROM/**/customers/**/
WITH x AS (SELECT * FROM customers) SELECT email FROM x
WITH customers AS (SELECT * FROM customers) SELECT email FROM customers
WITH customers AS (SELECT * FROM public.customers) SELECT * FROM customers c, public.customers d WHERE c.id = d.id
WITH x AS MATERIALIZED (SELECT email FROM customers) SELECT * FROM x
WITH x(i, e) AS (SELECT id, email FROM customers) SELECT e FROM x WHERE i = 2
WITH RECURSIVE x(i, e) AS (SELECT id, email FROM customers WHERE id = 1 UNION ALL SELECT c.id, c.email FROM customers c JOIN x ON c.id = x.i + 1) SELECT e FROM x
SELECT * FROM (SELECT email AS e FROM customers) s
SELECT e FROM (SELECT email FROM customers) s(e)
SELECT * FROM (SELECT * FROM (TABLE customers) a) b
SELECT email FROM customers UNION ALL SELECT email FROM customers
SELECT id, email FROM customers UNION ALL SELECT id, email FROM copied
(SELECT email FROM customers LIMIT 1) UNION ALL (SELECT email FROM customers OFFSET 2)
SELECT c.email, o.total FROM customers c JOIN orders o ON o.customer = c.id ORDER BY o.id
SELECT email, total FROM customers, orders WHERE customers.id = orders.customer ORDER BY orders.id
SELECT email FROM orders LEFT JOIN customers ON customers.id = orders.customer ORDER BY orders.id
SELECT email FROM customers NATURAL JOIN (SELECT id FROM orders) o
SELECT email FROM customers JOIN orders USING (id)
SELECT email FROM (customers JOIN orders USING (id))
SELECT j.email FROM (customers c JOIN orders o ON c.id = o.id) AS j(id, email)
SELECT a.email, b.email FROM customers a, customers b WHERE a.id = b.id
SELECT email FROM customers CROSS JOIN (VALUES (1)) v
SELECT email FROM customers c, LATERAL (SELECT c.id + 1) l
SELECT l.email FROM orders o, LATERAL (SELECT email FROM customers c WHERE c.id = o.customer) l ORDER BY o.id
SELECT ARRAY(SELECT id FROM customers)
SELECT * FROM v
SELECT email FROM v
SELECT b FROM v2
SELECT v2.b, v2.a FROM public.v2
SELECT public.v.email FROM public.v
SELECT * FROM v2 x(p, q)
SELECT email, total FROM v3 ORDER BY id, total
SELECT * FROM vids
SELECT * FROM vu
SELECT * FROM vb
TABLE v
TABLE v2
SELECT v.email, customers.card FROM v JOIN customers USING (id)
SELECT * FROM parts
SELECT email FROM parts ORDER BY id
SELECT * FROM parts_1
SELECT * FROM parts_2
TABLE parts_2
SELECT * FROM parent
SELECT * FROM ONLY parent
SELECT * FROM child
SELECT email FROM child
SELECT * FROM "table"
TABLE "table"
SELECT * FROM "only"
SELECT * FROM ONLY "only"
TABLE ONLY "table"
SELECT email FROM "a.""b"
SELECT "a.""b".email FROM "a.""b"
SELECT public."a.""b".email FROM public."a.""b"
SELECT email FROM "unié"
SELECT "unié".* FROM public."unié"
SELECT U&"uni\00e9".email FROM U&"uni\00e9"
SELECT email AS id FROM customers
SELECT email "e", card AS "select" FROM customers
SELECT email e FROM customers FOR UPDATE
SELECT email FROM customers c FOR UPDATE OF c
SELECT email FROM customers FOR SHARE OF customers SKIP LOCKED
SELECT email FROM customers WHERE id = 2
SELECT email FROM customers ORDER BY id DESC LIMIT 2
SELECT email FROM customers WHERE region = 'r1' ORDER BY customers.id
SELECT email FROM customers WHERE public.customers.id = 1
SELECT email FROM customers WHERE EXISTS (SELECT 1 FROM orders WHERE orders.customer = customers.id)
SELECT email FROM customers WHERE id IN (SELECT customer FROM orders)
SELECT email FROM customers WHERE id = (SELECT max(id) FROM customers)
SELECT region, count(*) FROM customers GROUP BY region ORDER BY 1
SELECT region, count(id) FROM customers GROUP BY region HAVING count(*) > 0 ORDER BY 1
SELECT DISTINCT region FROM customers ORDER BY 1
SELECT email, row_number() OVER (ORDER BY id) FROM customers
SELECT count(*) FROM customers
SELECT 1 FROM customers
SELECT FROM customers
SELECT id FROM customers ORDER BY id
SELECT *, 1 AS one FROM customers
SELECT s2.customers.email FROM s2.customers
SELECT c.email, d.email FROM customers c, s2.customers d WHERE c.id = d.id
COPY customers TO STDOUT
COPY public.customers TO STDOUT
COPY customers (email) TO STDOUT
COPY customers (id, "the ""note""", email) TO STDOUT
COPY "a.""b" TO STDOUT
COPY "a.""b" (email, id) TO STDOUT (FORMAT csv, HEADER)
COPY customers TO STDOUT (FORMAT csv)
COPY customers TO STDOUT WITH (FORMAT csv, HEADER, FORCE_QUOTE (email))
COPY customers TO STDOUT (FORMAT binary)
COPY customers TO STDOUT WITH DELIMITER '|' NULL 'n'
COPY (SELECT * FROM customers) TO STDOUT
COPY (SELECT email FROM customers ORDER BY id) TO STDOUT (FORMAT csv)
COPY (TABLE customers) TO STDOUT (FORMAT binary)
COPY (SELECT b FROM v2) TO STDOUT
COPY "only" TO STDOUT
COPY "table" (email) TO STDOUT
COPY parts_2 TO STDOUT
COPY child (email) TO STDOUT
COPY parent TO STDOUT
DECLARE c CURSOR WITH HOLD FOR SELECT email FROM customers
SELECT email FROM customers; SELECT card FROM customers
SELECT 1; TABLE customers; SELECT 2
BEGIN; DECLARE c1 SCROLL CURSOR FOR SELECT id, email FROM customers ORDER BY id; FETCH ALL FROM c1; FETCH BACKWARD 2 FROM c1; FETCH FIRST c1; COMMIT
BEGIN; DECLARE c2 CURSOR FOR TABLE customers; FETCH 2 c2; MOVE 1 c2; CLOSE c2; ROLLBACK
PREPARE p1 AS SELECT email FROM customers; EXECUTE p1; EXECUTE p1; DEALLOCATE p1
PREPARE p2 (int) AS SELECT email FROM customers WHERE id = $1; EXECUTE p2 (2); DEALLOCATE p2
SELECT id FROM customers WHERE id < 3 INTERSECT SELECT id FROM orders ORDER BY 1
