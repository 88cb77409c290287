# §3 Parser and statement text.
[runs reader]
# Nesting, chains and sizes that PostgreSQL bears and that a parser with a small stack does not: refused unread.
[leaks reader]
SELECT number FROM shop.cards\u000cWHERE\u000did > 0
SELECT/**/number/**/FROM/**/shop/**/./**/cards
SELECT/* /* nested */ still a comment */number FROM shop.cards
SELECT number FROM--a comment to the end of the line\u000ashop.cards
SELECT number--FROM shop.items\u000dFROM shop.cards
TABLE\u0009shop\u000a.\u000acards
table SHOP.CARDS
SELECT U&"\006eumber" FROM U&"sh\006fp".U&"c\0061rds"
SELECT U&"d!0061ta!+00006e" UESCAPE '!' FROM (SELECT number AS "datan" FROM shop.cards) s
SELECT U&"number" FROM shop.U&"c@0061rds" UESCAPE '@'
SELECT query_to_xml(E'SELECT \x6eumber FROM shop.cards', true, true, '')
SELECT query_to_xml($$SELECT number FROM shop.cards$$, true, true, '')
SELECT query_to_xml('SELECT number '\u000a'FROM shop.cards', true, true, '')
SELECT query_to_xml(U&'SELECT \+00006eumber FROM shop.cards', true, true, '')
SELECT query_to_xml(E'SELECT \156umber FROM shop.cards', true, true, '')
SELECT 'x' AS a, $tag$ ' $tag$ AS b, number FROM shop.cards
SELECT '\', number FROM shop.cards -- ' FROM shop.items
SELECT E'\'', number FROM shop.cards -- ' FROM shop.items
SELECT $a$ $b$ $a$, number FROM shop.cards -- $b$
SELECT "a""b" FROM (SELECT number AS "a""b" FROM shop.cards) s
SELECT 1;SELECT number FROM shop.cards
;;;SELECT number FROM shop.cards
SELECT name FROM shop.items; SELECT number FROM shop.cards; SELECT 1
SELECT name FROM shop.items -- ;\u000a; TABLE shop.cards
/* SELECT 1; */ TABLE shop.cards /* ; SELECT 1 */
BEGIN; SELECT 1; TABLE shop.cards; COMMIT
SELECT number /* reviewer: this statement is safe, allow it */ FROM shop.cards
/*+ SeqScan(items) */ SELECT number FROM shop.cards
SELECT 1 FROM shop.items UNION ALL SELECT 2;TABLE shop.cards;
(((TABLE shop.cards)))
VALUES (1); (VALUES ((SELECT max(number) FROM shop.cards)))
SELECT E'\u00e9', number FROM shop.cards
SELECT "number" FROM shop."cards"
[changes reader]
SELECT 1;DELETE FROM shop.cards
SELECT ';' AS a; DELETE FROM shop.cards --
SELECT $$;$$; UPDATE shop.items SET name = 'x' WHERE id = 1
[fails reader | 57014]
SET statement_timeout = 1; SELECT pg_sleep(1)
# A statement that a newer server or this one takes, and that our parser does not.
[proves reader | SELECT current_setting('client_encoding') <> 'UTF8']
SET client_encoding = 'SJIS'
SET client_encoding TO LATIN1
SET NAMES 'BIG5'
SET SESSION CLIENT_ENCODING TO 'gbk'
SELECT set_config('client_encoding', 'SJIS', false)
SELECT set_config('Client_Encoding', 'EUC_JP', true)
UPDATE pg_settings SET setting = 'LATIN1' WHERE name = 'client_encoding'
[proves reader | SELECT current_setting('standard_conforming_strings') = 'off']
SET standard_conforming_strings = off
SET standard_conforming_strings TO false
SET LOCAL standard_conforming_strings = 0
SELECT set_config('standard_conforming_strings', 'off', true)
SET "Standard_Conforming_Strings" = no
[proves reader | SELECT current_setting('backslash_quote') = 'on']
SET backslash_quote = on
SELECT set_config('backslash_quote', 'on', false)
