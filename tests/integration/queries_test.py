"""Statements that the API runs: through policy like any other, streamed, kept, cancelled, exported; and schemas as users
may see them."""
import contextlib
import csv
import http.client
import io
import json
import os
import pathlib
import socket
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402

READERS = lab.ROOT / "build" / "parquet-readers"
NDJSON = "application/x-ndjson"
SETUP = """
CREATE TABLE customers (id int PRIMARY KEY, name text, city text, card text);
INSERT INTO customers VALUES (1, 'Ada', 'Rome', '4111'), (2, 'Bo', NULL, '4222'), (3, 'Cy', '', '4333');
CREATE TABLE orders (id int, customer int REFERENCES customers (id), secret_note text);
INSERT INTO orders VALUES (1, 1, 'n'), (2, 2, 'm');
CREATE TABLE secrets (planted_secret text);
CREATE TABLE log (line text);
CREATE TYPE mood AS ENUM ('ok', 'sad');
CREATE FUNCTION double(x int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2';
CREATE FUNCTION hidden_function(x int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 3';
CREATE SCHEMA vault;
CREATE TABLE vault.gold (bars int);
CREATE VIEW rich AS SELECT id, name FROM customers;
ALTER TABLE customers ADD UNIQUE (city, card);
COMMENT ON TABLE customers IS 'people and planted_table_comment';
COMMENT ON COLUMN customers.city IS 'where they live';
COMMENT ON COLUMN customers.card IS 'planted_column_comment';
"""


class Queries(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.lab.postgres.psql(SETUP)
        config = ("version: 1\nstate_dir: state\nlimits: { export_rows: 2000000, query_timeout: 60s }\n"
                  "listen:\n  postgres: { address: 127.0.0.1, port: 0 }\n  api: { address: 127.0.0.1, port: 0 }\n" +
                  cls.lab.users("ana", "ada", "max", "ida") + "targets:\n" + cls.lab.target() + "policies:\n"
                  "  - { name: read, who: { users: [ana] }, on: [postgres], allow: [ { select: ['public.customers(id, name, city)', "
                  "'public.orders(id, customer)'], functions: [safe, public.double] } ] }\n"
                  "  - { name: masked, who: { users: [max] }, on: [postgres], allow: [ { pack: readonly } ], "
                  "mask: { public.customers.card: redact }, filter: { public.orders: 'id = 1' } }\n"
                  "  - { name: add, who: { users: [ida] }, on: [postgres], allow: [ { insert: [public.log] } ] }\n"
                  "  - { name: all, who: { users: [ada] }, on: [postgres], allow: [ { everything: true } ] }\n")
        cls.config = config
        cls.gateway = cls.lab.gateway(config)
        cls.tokens = {user: cls.ask("POST", "login", None, {"username": user, "password": lab.PASSWORD})[1]["access_token"]
                      for user in ("ana", "ada", "max", "ida")}

    @classmethod
    def connection(cls):
        return http.client.HTTPConnection("127.0.0.1", cls.gateway.ports["api"], timeout=60)

    @classmethod
    def open(cls, method, path, user, body=None, **headers):
        """The answer with its connection; whoever asks closes it."""
        connection = cls.connection()
        fields = {"Authorization": f"Bearer {cls.tokens[user]}"} if user else {}
        if body is not None:
            fields["Content-Type"] = "application/json"
        connection.request(method, f"/api/v1/{path}", None if body is None else json.dumps(body), {**fields, **headers})
        return connection, connection.getresponse()

    @classmethod
    def ask(cls, method, path, user, body=None, **headers):
        connection, answer = cls.open(method, path, user, body, **headers)
        with contextlib.closing(connection):
            text = answer.read()
            return answer.status, json.loads(text) if text else None

    def run_query(self, sql, user="ada", status=200, **members):
        got, answer = self.ask("POST", "targets/postgres/queries", user, {"sql": sql, **members})
        self.assertEqual(got, status, answer)
        return answer

    def stream(self, sql, user="ada", **members):
        connection, answer = self.open("POST", "targets/postgres/queries", user, {"sql": sql, **members}, Accept=NDJSON)
        self.addCleanup(connection.close)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.getheader("Content-Type"), NDJSON)
        return connection, answer

    def lines(self, sql, user="ada", **members):
        connection, answer = self.stream(sql, user, **members)
        with contextlib.closing(connection):
            return [json.loads(line) for line in answer.read().splitlines()]

    def running(self, marker):
        return self.lab.postgres.psql("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE "
                                      f"'%{marker}%' AND pid <> pg_backend_pid()").stdout.strip() != "0"

    def test_what_is_allowed_runs(self):
        answer = self.run_query("SELECT id, name, city FROM customers ORDER BY id", "ana")
        self.assertEqual(answer["state"], "succeeded")
        self.assertEqual((answer["decision"]["effect"], answer["decision"]["rule"]), ("allow", "read/allow[0]"))
        result, = answer["results"]
        self.assertEqual(result["rows"], [[1, "Ada", "Rome"], [2, "Bo", None], [3, "Cy", ""]])
        self.assertEqual([column["type"] for column in result["columns"]], ["int4", "text", "text"])
        self.assertEqual((result["command_tag"], result["row_count"], result["truncated"]), ("SELECT 3", 3, False))
        status, same = self.ask("GET", f"queries/{answer['id']}", "ana")
        self.assertEqual((status, same["state"]), (200, "succeeded"))

    def test_a_denial_says_which_rule_and_why(self):
        for accept in ("application/json", NDJSON):
            status, problem = self.ask("POST", "targets/postgres/queries", "ana",
                                       {"sql": "SELECT card FROM customers"}, Accept=accept)
            self.assertEqual((status, problem["code"], problem["sqlstate"]), (403, "denied", "42501"))
            self.assertEqual((problem["decision"]["effect"], problem["decision"]["rule"]), ("deny", "default"))
            self.assertIn("column card of customers", problem["decision"]["reasons"][0])
            status, query = self.ask("GET", f"queries/{problem['query_id']}", "ana")
            self.assertEqual((query["state"], query["error"]["code"]), ("failed", "denied"))

    def test_masks_and_filters_are_in_force(self):
        answer = self.run_query("SELECT card FROM customers", "max")
        self.assertEqual(answer["decision"]["effect"], "mask")
        self.assertEqual([row for row in answer["results"][0]["rows"] if "4" in str(row)], [])
        self.assertEqual(self.run_query("SELECT id FROM orders", "max")["results"][0]["rows"], [[1]])

    def rules_change_after(self, sql, user, change, **headers):
        """What is said of the rows of a query, and of its request again, after the rules have changed, and after they are back."""
        key = {"Idempotency-Key": f"{user} {sql} {change}".encode().hex()[:200]}
        status, first = self.ask("POST", "targets/postgres/queries", user, {"sql": sql}, **key)
        self.assertEqual(status, 200, first)
        rows = f"queries/{first['id']}/rows"
        self.assertEqual(self.ask("GET", rows, user)[0], 200)
        self.assertIn(change[0], self.config)
        self.addCleanup(self.gateway.reload, self.config)
        self.gateway.reload(self.config.replace(*change))
        said = self.ask("GET", rows, user)
        status, replay = self.ask("POST", "targets/postgres/queries", user, {"sql": sql}, **key)
        self.assertEqual((status, replay["id"], "rows" in replay["results"][0]), (200, first["id"], False))
        self.gateway.reload(self.config)
        self.assertEqual(self.ask("GET", rows, user)[0], 200)
        return said

    def test_rows_are_shown_while_the_right_to_them_is_there(self):
        read = "SELECT id, name FROM customers ORDER BY id"
        for sql, user, change in ((read, "ana", ("users: [ana]", "users: [ida]")), (read, "ana", ("customers(id, name, city)", "customers(id)")),
                                  (read, "max", ("customers.card: redact", "customers.name: redact")),
                                  ("SELECT id, card FROM customers", "max", ("customers.card: redact", "customers.card: partial")),
                                  ("SELECT id FROM orders", "max", ("'id = 1'", "'id = 2'")),
                                  ("SELECT id, name FROM customers WHERE id < 9", "ada", ("allow: [ { everything: true } ]",
                                   "allow: [ { everything: true } ], deny: [ { select: [public.customers] } ]"))):
            with self.subTest(sql=sql, user=user, change=change):
                status, problem = self.rules_change_after(sql, user, change)
                self.assertEqual((status, problem["code"]), (409, "rights_changed"))
        for change in (("query_timeout: 60s", "query_timeout: 61s"), ("users: [ida]", "users: [ida, max]")):
            with self.subTest(change=change):
                status, page = self.rules_change_after("SELECT id, name, 1 FROM customers ORDER BY id", "ana", change)
                self.assertEqual((status, len(page["items"])), (200, 3))

    def test_the_servers_errors_have_their_place(self):
        status, problem = self.ask("POST", "targets/postgres/queries", "ada", {"sql": "SELECT 1 FRM x"})
        self.assertEqual((status, problem["code"], problem["sqlstate"]), (422, "statement_failed", "42601"))
        self.assertEqual(problem["position"], 14)
        status, problem = self.ask("POST", "targets/postgres/queries", "ada", {"sql": "SELECT 1 / 0"})
        self.assertEqual((status, problem["sqlstate"]), (422, "22012"))

    def test_parameters_are_values(self):
        answer = self.run_query("SELECT $1::text, $2::int, $3::bool, $4::text, $5::numeric, $6::bigint",
                                parameters=["x'; DROP TABLE customers; --", 7, True, None, "1.10", 9007199254740993])
        self.assertEqual(answer["results"][0]["rows"],
                         [["x'; DROP TABLE customers; --", 7, True, None, "1.10", "9007199254740993"]])
        status, problem = self.ask("POST", "targets/postgres/queries", "ada", {"sql": "SELECT $1::int", "parameters": ["x"]})
        self.assertEqual((status, problem["sqlstate"]), (422, "22P02"))
        status, problem = self.ask("POST", "targets/postgres/queries", "ada", {"sql": "SELECT 1", "parameters": [[1]]})
        self.assertEqual((status, problem["errors"][0]["pointer"]), (400, "/parameters"))

    def test_values_are_exact(self):
        answer = self.run_query(
            "SELECT 9007199254740991, 9007199254740992, 0.10::numeric, 'NaN'::float8, 'Infinity'::float8, 0.1::float8, "
            "'\\x00ff'::bytea, 'sad'::mood, ARRAY[1,2], '{\"a\": 1e400}'::jsonb, "
            "timestamptz '2026-11-21 05:04:03.5+01' AT TIME ZONE 'UTC', ROW(1, 'x')")
        result = answer["results"][0]
        self.assertEqual(result["rows"][0][:9],
                         [9007199254740991, "9007199254740992", "0.10", "NaN", "Infinity", 0.1, "\\x00ff", "sad", "{1,2}"])
        self.assertEqual(result["rows"][0][10:], ["2026-11-21 04:04:03.5", "(1,x)"])
        self.assertIn("mood", result["columns"][7]["type"])

    def test_a_stream_has_meta_rows_notices_and_a_summary(self):
        lines = self.lines("SELECT g, repeat('x', 10) FROM generate_series(1, 5000) g", max_rows=3000)
        self.assertEqual([line["type"] for line in lines[:2]], ["meta", "rows"])
        self.assertEqual([column["name"] for column in lines[0]["columns"]], ["g", "repeat"])
        rows = [row for line in lines if line["type"] == "rows" for row in line["rows"]]
        self.assertEqual([row[0] for row in rows], list(range(1, 3001)))
        self.assertEqual((lines[-1]["type"], lines[-1]["rows"], lines[-1]["truncated"]), ("summary", 3000, True))
        lines = self.lines("DO $$ BEGIN RAISE NOTICE 'planted'; END $$")
        self.assertEqual([line["message"] for line in lines if line["type"] == "notice"], ["planted"])
        self.assertEqual(lines[-1]["command_tag"], "DO")

    def test_an_error_behind_rows_is_in_the_summary(self):
        lines = self.lines("SELECT 1 / (5 - g) FROM generate_series(1, 10) g")
        self.assertEqual((lines[-1]["state"], lines[-1]["error"]["sqlstate"]), ("failed", "22012"))

    def test_pages_of_a_kept_result(self):
        answer = self.run_query("SELECT g FROM generate_series(1, 1200) g", max_rows=1200)
        result, = answer["results"]
        self.assertEqual(len(result["rows"]), 1000)
        seen, cursor = [row[0] for row in result["rows"]], result["next_cursor"]
        while cursor:
            status, page = self.ask("GET", f"queries/{answer['id']}/rows?limit=150&cursor={cursor}", "ada")
            self.assertEqual(status, 200, page)
            seen += [row[0] for row in page["items"]]
            cursor = page["next_cursor"]
        self.assertEqual(seen, list(range(1, 1201)))
        status, problem = self.ask("GET", f"queries/{answer['id']}/rows?cursor=Zm9v", "ada")
        self.assertEqual((status, problem["code"]), (400, "invalid_cursor"))
        self.assertEqual(self.ask("GET", f"queries/{answer['id']}/rows?result=1", "ada")[0], 404)

    def test_a_query_is_its_owners(self):
        identity = self.run_query("SELECT 1")["id"]
        for method, path in (("GET", ""), ("GET", "/rows"), ("POST", "/cancel"), ("POST", "/export")):
            self.assertEqual(self.ask(method, f"queries/{identity}{path}", "ana")[0], 404, path)
        self.assertEqual(self.ask("GET", "queries/qry_01JD3K7V9QXW8N5T2R4M6P0ABC", "ada")[0], 404)

    def test_what_has_no_place_is_refused_clearly(self):
        for sql in ("BEGIN", "COMMIT", "SAVEPOINT x", "COPY customers TO STDOUT", "COPY customers FROM STDIN", "LISTEN x",
                    "PREPARE p AS SELECT 1", "DECLARE c CURSOR FOR SELECT 1", "PREPARE TRANSACTION 'x'"):
            status, problem = self.ask("POST", "targets/postgres/queries", "ada", {"sql": sql})
            self.assertEqual((status, problem["code"]), (422, "statement_not_supported"), sql)
        status, problem = self.ask("POST", "targets/postgres/queries", "ada", {"sql": "SELECT 1; SELECT 2"})
        self.assertEqual((status, problem["code"]), (422, "statement_not_supported"))
        self.assertIn("script", problem["hint"])

    def test_a_script_runs_whole_or_not_at_all(self):
        answer = self.run_query("CREATE TEMP TABLE t (a int); INSERT INTO t VALUES (1), (2); SELECT a FROM t", script=True)
        self.assertEqual([result["command_tag"] for result in answer["results"]], ["CREATE TABLE", "INSERT 0 2", "SELECT 2"])
        self.assertEqual(answer["results"][2]["rows"], [[1], [2]])
        status, problem = self.ask("POST", "targets/postgres/queries", "ada",
                                   {"sql": "INSERT INTO log VALUES ('half'); SELECT 1 / 0", "script": True})
        self.assertEqual((status, problem["sqlstate"]), (422, "22012"))
        self.assertEqual(self.lab.postgres.psql("SELECT count(*) FROM log WHERE line = 'half'").stdout.strip(), "0")

    def test_hostile_values(self):
        for body in ('{"sql": "SELECT 1\\u0000"}', '{"sql": "SELECT $1::text", "parameters": ["a\\u0000b"]}',
                     '{"sql": 1}', '{"sql": "SELECT 1", "max_rows": -1}', '{"sql": "SELECT 1", "user": "ada"}', '{',
                     '{"sql": "SELECT 1", "parameters": {"a": 1}}'):
            connection = self.connection()
            with contextlib.closing(connection):
                connection.request("POST", "/api/v1/targets/postgres/queries", body,
                                   {"Authorization": f"Bearer {self.tokens['ada']}", "Content-Type": "application/json"})
                answer = connection.getresponse()
                self.assertEqual((answer.status, json.loads(answer.read())["code"]), (400, "bad_request"), body)
        connection = self.connection()
        with contextlib.closing(connection):
            connection.request("POST", "/api/v1/targets/postgres/queries", b'{"sql": "SELECT \'\xff\'"}',
                               {"Authorization": f"Bearer {self.tokens['ada']}", "Content-Type": "application/json"})
            self.assertEqual(connection.getresponse().status, 400)
        large = "x" * 3_000_000
        self.assertEqual(self.run_query("SELECT length($1)", parameters=[large])["results"][0]["rows"], [[3_000_000]])
        status, problem = self.ask("POST", "targets/postgres/queries", "ada", {"sql": "SELECT repeat('x', 20000000)"})
        self.assertEqual((status, problem["code"]), (422, "result_too_large"))
        self.assertEqual(self.ask("POST", "targets/nowhere/queries", "ada", {"sql": "SELECT 1"})[1]["code"], "no_such_target")

    def test_cancel_is_real(self):
        answer = self.run_query("SELECT pg_sleep(30), 'cancel_marker'", wait_ms=0, status=202)
        lab.wait_until(lambda: self.running("cancel_marker"), "it runs", 10)
        began = time.monotonic()
        for _ in range(2):
            self.assertIn(self.ask("POST", f"queries/{answer['id']}/cancel", "ada")[0], (200, 202))
        lab.wait_until(lambda: not self.running("cancel_marker"), "it runs no more", 10)
        self.assertLess(time.monotonic() - began, 2)
        query = lab.wait_until(lambda: (lambda q: q if q["ended_at"] else None)(
            self.ask("GET", f"queries/{answer['id']}", "ada")[1]), "it has ended", 10)
        self.assertEqual((query["state"], query["error"]["code"]), ("cancelled", "query_cancelled"))
        connection, stream = self.stream("SELECT pg_sleep(30), 'stream_marker'")
        meta = json.loads(stream.readline())
        self.assertEqual(self.ask("POST", f"queries/{meta['query_id']}/cancel", "ada")[0], 202)
        summary = json.loads(stream.readline())
        self.assertEqual(summary["state"], "cancelled")
        connection.close()

    def test_time_runs_out(self):
        status, problem = self.ask("POST", "targets/postgres/queries", "ada", {"sql": "SELECT pg_sleep(30)", "timeout_ms": 200})
        self.assertEqual((status, problem["code"]), (504, "upstream_timeout"))

    def test_a_client_that_goes_takes_its_statement_along(self):
        connection, stream = self.stream("SELECT pg_sleep(30), 'gone_marker'")
        stream.readline()
        lab.wait_until(lambda: self.running("gone_marker"), "it runs", 10)
        connection.sock.shutdown(socket.SHUT_RDWR)
        connection.close()
        lab.wait_until(lambda: not self.running("gone_marker"), "it runs no more", 10)
        connection, stream = self.stream("SELECT repeat('y', 1000), 'flood_marker' FROM generate_series(1, 10000000)",
                                         max_rows=10000)
        stream.readline()
        connection.sock.shutdown(socket.SHUT_RDWR)
        connection.close()
        lab.wait_until(lambda: not self.running("flood_marker"), "it runs no more", 10)

    def test_a_slow_reader_makes_the_database_wait(self):
        identity = self.run_query("SELECT repeat(md5(g::text), 32) AS slow_marker FROM generate_series(1, 200000) g")["id"]
        before = self.gateway.memory()
        connection, answer = self.open("POST", f"queries/{identity}/export?format=jsonl", "ada")
        self.addCleanup(connection.close)
        self.assertEqual(answer.status, 200)
        answer.readline()
        waits = ("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%slow_marker%' AND wait_event = 'ClientWrite'")
        lab.wait_until(lambda: self.lab.postgres.psql(waits).stdout.strip() == "1", "the server waits", 20)
        self.assertLess(self.gateway.memory() - before, 24 << 20)
        rows = 1 + sum(1 for _ in answer)
        self.assertEqual(rows, 200000)

    def test_records_are_those_of_psql(self):
        def records(user, event, marker):
            found = [record for record in self.gateway.audit(event) if record.get("user.name") == user]
            return [record for record in found if marker in record.get("db.query.text", "")]
        sql = "SELECT id, name FROM customers WHERE name = 'audit_marker'"
        self.run_query(sql, "ana")
        lab.run_psql(sql, host="localhost", port=self.gateway.port, user="ana", database="postgres")
        decided = lab.wait_until(lambda: (lambda r: r if len(r) == 2 else None)(
            records("ana", "statement.decided", "audit_marker")), "both are recorded", 10)
        by_api, by_psql = sorted(decided, key=lambda record: record["auth.method"])
        self.assertEqual((by_api["auth.method"], by_psql["auth.method"][:5]), ("api", "scram"))
        differ = {"id", "seq", "ts", "hash", "prev_hash", "node", "session_id", "query_id", "auth.method", "client.port",
                  "client.application", "protocol"}
        same = [{key: value for key, value in record.items() if key not in differ} for record in (by_api, by_psql)]
        self.assertEqual(*same)

    def test_schemas_show_what_may_be_used(self):
        def names(user):
            status, schema = self.ask("GET", "targets/postgres/schema", user)
            self.assertEqual(status, 200, schema)
            return json.dumps(schema), {
                f"{one['name']}.{relation['name']}": relation for one in schema["schemas"] for relation in one["relations"]}, schema
        text, relations, schema = names("ana")
        self.assertEqual(sorted(relations), ["public.customers", "public.orders"])
        self.assertEqual([column["name"] for column in relations["public.customers"]["columns"]], ["id", "name", "city"])
        self.assertEqual(relations["public.orders"]["columns"][1]["references"], "public.customers(id)")
        self.assertEqual([function["name"] for function in schema["schemas"][0]["functions"]], ["double"])
        columns = {column["name"]: column for column in relations["public.customers"]["columns"]}
        self.assertEqual([(name, column["nullable"], column.get("comment")) for name, column in columns.items()],
                         [("id", False, None), ("name", True, None), ("city", True, "where they live")])
        self.assertEqual(relations["public.customers"]["unique_keys"], [{"primary": True, "columns": ["id"]}])
        self.assertNotIn("comment", relations["public.customers"], "it may speak of columns that are not shown")
        self.assertNotIn("planted_", text)
        for secret in ("planted_secret", "secrets", "card", "secret_note", "vault", "gold", "hidden_function", "log"):
            self.assertNotIn(f'"{secret}"', text)
        self.assertFalse(any(relation["writable"] or relation["filtered"] for relation in relations.values()))
        _, relations, _ = names("max")
        masked = {column["name"]: column["masked"] for column in relations["public.customers"]["columns"]}
        self.assertEqual(masked, {"id": False, "name": False, "city": False, "card": True})
        self.assertTrue(relations["public.orders"]["filtered"])
        self.assertFalse(relations["public.customers"]["filtered"])
        text, relations, _ = names("ida")
        self.assertEqual(list(relations), ["public.log"])
        self.assertTrue(relations["public.log"]["writable"])
        _, relations, schema = names("ada")
        self.assertIn("vault.gold", relations)
        whole = relations["public.customers"]
        self.assertEqual((whole["comment"], whole["unique_keys"]), ("people and planted_table_comment",
                         [{"primary": True, "columns": ["id"]}, {"primary": False, "columns": ["city", "card"]}]))
        self.assertEqual({one["name"] for one in schema["schemas"]}, {"public", "vault"})
        status, problem = self.ask("GET", "targets/nowhere/schema", "ana")
        self.assertEqual((status, problem["code"]), (404, "no_such_target"))

    def export(self, sql, form, user="ada", **query):
        identity = self.run_query(sql, user, max_rows=1)["id"]
        options = "".join(f"&{key}={value}" for key, value in query.items())
        connection, answer = self.open("POST", f"queries/{identity}/export?format={form}{options}", user)
        with contextlib.closing(connection):
            return answer.status, answer.read(), answer

    def test_exports_are_whole_and_recorded(self):
        status, text, answer = self.export("SELECT id, city FROM customers ORDER BY id", "csv", "ana")
        self.assertEqual((status, text), (200, b'id,city\r\n1,Rome\r\n2,\r\n3,""\r\n'))
        self.assertIn("text/csv", answer.getheader("Content-Type"))
        _, text, _ = self.export("SELECT '=1+1' AS f, -1 AS n, NULL AS x", "csv", formulas="escape", null="NULL")
        self.assertEqual(text, b"f,n,x\r\n'=1+1,-1,NULL\r\n")
        _, text, _ = self.export("SELECT g FROM generate_series(1, 30000) g", "csv")
        self.assertEqual([int(row[0]) for row in list(csv.reader(io.StringIO(text.decode())))[1:]], list(range(1, 30001)))
        _, text, _ = self.export("SELECT 1 AS a, 2 AS a", "json")
        self.assertEqual(json.loads(text), [{"a": 1, "a_2": 2}])
        exported = [record for record in self.gateway.audit("export") if record["user.name"] == "ana"]
        self.assertEqual([record["outcome"] for record in exported], ["started", "ok"])
        self.assertEqual((exported[1]["export.format"], exported[1]["db.response.returned_rows"], exported[1]["bytes"]),
                         ("csv", 3, 27))
        decided = [record["query_id"] for record in self.gateway.audit("statement.decided")]
        self.assertIn(exported[1]["query_id"], decided)

    def test_exports_never_write_and_never_widen(self):
        identity = self.run_query("INSERT INTO log VALUES ('once') RETURNING line")["id"]
        status, problem = self.ask("POST", f"queries/{identity}/export", "ada")
        self.assertEqual((status, problem["code"]), (422, "statement_not_supported"))
        self.assertEqual(self.lab.postgres.psql("SELECT count(*) FROM log WHERE line = 'once'").stdout.strip(), "1")
        _, text, _ = self.export("SELECT card FROM customers", "csv", "max")
        self.assertNotIn(b"4111", text)

    @unittest.skipUnless((READERS / "installed").exists(), "scripts/setup.sh has not installed readers of Parquet")
    def test_parquet_is_read_by_others(self):
        sql = ("SELECT g::int2 AS i2, g::int4 AS i4, (g * 10000000000)::int8 AS i8, g % 2 = 0 AS b, (g / 4.0)::float4 AS f4, "
               "CASE WHEN g = 3 THEN 'NaN' ELSE g / 8.0::float8 END AS f8, (g / 100.0)::numeric(38,2) AS d, "
               "(g / 3.0)::numeric AS n, CASE WHEN g % 3 = 0 THEN NULL ELSE 'text ' || g END AS t, "
               "decode(lpad(to_hex(g), 8, '0'), 'hex') AS bytes, date '1969-12-31' + g AS day, "
               "timestamp '1969-12-31 23:59:59.999999' + g * interval '1 hour' AS ts, "
               "timestamptz '2026-11-21 00:00:00+01' + g * interval '1 second' AS tz, "
               "'{\"a\": 1}'::json AS j, '11111111-2222-3333-4444-555555555555'::uuid AS u, 'sad'::mood AS m "
               "FROM generate_series(-100, 99999) g ORDER BY g")
        # int2 holds no more than 32767.
        sql = sql.replace("g::int2", "(g % 30000)::int2")
        status, file, _ = self.export(sql, "parquet")
        self.assertEqual(status, 200, file[:200])
        path = self.lab.directory / "export.parquet"
        path.write_bytes(file)
        done = subprocess.run(["node", str(pathlib.Path(__file__).parent / "parquet_readers.mjs"), str(READERS), str(path)],
                              capture_output=True, text=True, check=False, timeout=240)
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        for reader, read in json.loads(done.stdout).items():
            self.assertEqual(read["rows"], 100100, reader)
            self.assertEqual(read["sums"]["i4"], str(sum(range(-100, 100000))), reader)
            self.assertEqual(read["sums"]["i8"], str(sum(range(-100, 100000)) * 10000000000), reader)
            self.assertEqual(read["nulls"]["t"], sum(1 for g in range(-100, 100000) if g % 3 == 0), reader)
            self.assertEqual(read["row"], {
                "i2": "-95", "i4": "-95", "i8": "-950000000000", "b": "false", "f4": "-23.75", "f8": "-11.875", "d": "-0.95",
                "n": "-31.6666666666666667", "t": "text -95", "bytes": "ffffffa1", "day": "1969-09-27",
                "ts": "1969-12-28T00:59:59.999999", "tz": "2026-11-20T22:58:25.000000Z", "j": '{"a": 1}',
                "u": "11111111-2222-3333-4444-555555555555", "m": "sad"}, reader)


if __name__ == "__main__":
    unittest.main()
