SET client_min_messages = warning;
DROP SCHEMA public CASCADE;
CREATE SCHEMA public;
CREATE TABLE t (a int PRIMARY KEY, b text);
INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, NULL);
CREATE TABLE hidden (a int);
INSERT INTO hidden VALUES (42);
