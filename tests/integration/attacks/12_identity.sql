# §12 A listed statement is that statement, not what has the same fingerprint.
[leaks lister]
SELECT amount FROM shop.sales_2021 WHERE id = 1
SELECT amount FROM shop.sales_2020 WHERE id = 1 UNION ALL SELECT amount FROM shop.sales_2021
SELECT amount FROM shop.sales_2020 WHERE id = 1 OR shop.spy() > ''; SELECT shop.spy()
SELECT (SELECT max(number) FROM shop.cards) FROM shop.sales_2020 WHERE id = 1
SELECT amount FROM shop.sales_2021 AS sales_2020 WHERE id = 1
SELECT number FROM shop.cards WHERE id IN (1, 2) LIMIT 1
SELECT amount FROM shop.sales_2020 WHERE id = 1; TABLE shop.cards
SELECT upper(shop.spy())
SELECT upper('a'), shop.spy()
[shows lister | [0-9]]
SELECT id FROM shop.cards WHERE id IN (1, 2) LIMIT 2
SELECT id FROM shop.cards WHERE id IN (1, 2, 3) LIMIT 1
SELECT id FROM shop.cards WHERE id IN (1, 2)
SELECT id FROM shop.cards WHERE id IN (1, (2)) LIMIT 1
SELECT id FROM shop.cards WHERE id IN ('1', '2') LIMIT 1
SELECT id FROM shop.cards WHERE id IN (1, 2) OFFSET 1
SELECT id FROM shop.cards WHERE id NOT IN (1, 2) LIMIT 1
SELECT id FROM ONLY shop.cards WHERE id IN (1, 2) LIMIT 1
SELECT id FROM shop.cards WHERE id IN (1, 2) LIMIT 1 FOR UPDATE
SELECT id FROM cards WHERE id IN (1, 2) LIMIT 1
EXPLAIN ANALYZE SELECT id FROM shop.cards WHERE id IN (1, 2) LIMIT 1
[changes lister]
UPDATE shop.quiet SET note = 'y'
UPDATE shop.quiet SET note = 'y' WHERE id <> 2
UPDATE shop.quiet SET id = 9 WHERE id = 1
UPDATE shop.items SET name = 'x' WHERE id = 1
DELETE FROM shop.quiet WHERE id = 1
