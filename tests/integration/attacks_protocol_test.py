"""Attacks that need more than a statement: declared types of parameters, names that change what they stand for, messages
out of place, settings of the startup packet (threat model §8, §9, §11)."""
import struct
import unittest

import attacks_test
import lab
import wire
from attacks_test import answer, errors_in, extended, fields_of, has_canary, run

# A statement with parameters, and the types that the client declares for them.
DECLARED = [
    ("SELECT shop.size_of($1)", ["shop.tag"]), ("SELECT shop.lone($1)", ["shop.tag"]), ("SELECT shop.price($1)", ["shop.tag"]),
    ("SELECT shop.price($1)", ["shop.mood"]), ("SELECT shop.price($1)", ["jsonb"]), ("SELECT shop.price($1)", ["int[]"]),
    ("SELECT shop.price($1, $2)", ["int", "int"]), ("SELECT price($1, $2)", ["text", "text"]),
    ("SELECT shop.sizes($1)", ["shop.tag[]"]), ("SELECT shop.sizes($1)", ["text[]"]), ("SELECT shop.pick($1, 1)", ["shop.mood"]),
    ("SELECT shop.pick($1, $2)", ["shop.tag", "bigint"]), ("SELECT shop.chosen($1, 1)", ["shop.tag"]),
    ("SELECT shop.rate($1)", ["shop.items"]), ("SELECT shop.rate($1)", ["shop.pair"]),
    ("SELECT shop.size_of(x) FROM (SELECT $1 AS x) s", ["shop.tag"]), ("SELECT shop.size_of(coalesce($1, $1))", ["shop.tag"]),
    ("SELECT shop.size_of(CASE WHEN true THEN $1 END)", ["shop.tag"]), ("SELECT shop.size_of((SELECT $1))", ["shop.tag"]),
    ("SELECT shop.size_of((ARRAY[$1])[1])", ["shop.tag"]), ("SELECT shop.size_of(max($1))", ["shop.tag"]),
    ("WITH w AS (SELECT $1 AS x) SELECT shop.size_of(x) FROM w", ["shop.tag"]),
    ("SELECT shop.size_of(x) FROM unnest($1) x", ["shop.tag[]"]), ("SELECT $1 ~~> $2", ["shop.tag", "shop.tag"]),
    ("SELECT $1 <~~ $1", ["shop.mood"]), ("SELECT @@@ $1", ["shop.mood"]), ("SELECT ($1).rate", ["shop.items"]),
    ("SELECT ($1).leak", ["shop.items"]), ("SELECT upper($1)", ["shop.items"]), ("SELECT date($1)", ["shop.items"])]
VALUES = {"shop.mood": b"glad", "jsonb": b"{}", "int[]": b"{1}", "int": b"1", "bigint": b"1", "text[]": b"{a}",
          "shop.tag[]": b"{a}", "shop.items": b"(1,x,1,,,,)", "shop.pair": b"(a,b)"}
STARTUP = [({"search_path": "extra"}, "current_setting('search_path') = 'extra'"),
           ({"options": "-c search_path=extra"}, "current_setting('search_path') = 'extra'"),
           ({"options": "-csearch_path=extra"}, "current_setting('search_path') = 'extra'"),
           ({"options": "--search_path=extra"}, "current_setting('search_path') = 'extra'"),
           ({"options": "--search-path=extra"}, "current_setting('search_path') = 'extra'"),
           ({"options": "-c Search_Path=extra"}, "current_setting('search_path') = 'extra'"),
           ({"options": "-c search\\_path=extra"}, "current_setting('search_path') = 'extra'"),
           ({"options": "-c statement_timeout=0 -c search_path=extra"}, "current_setting('search_path') = 'extra'"),
           ({"role": "buried"}, "current_user = 'buried'"), ({"options": "-c role=buried"}, "current_user = 'buried'"),
           ({"row_security": "off"}, "current_setting('row_security') = 'off'"),
           ({"session_replication_role": "replica"}, "current_setting('session_replication_role') = 'replica'"),
           ({"standard_conforming_strings": "off"}, "current_setting('standard_conforming_strings') = 'off'"),
           ({"client_encoding": "SJIS"}, "current_setting('client_encoding') = 'SJIS'"),
           ({"options": "-c client_encoding=LATIN1"}, "current_setting('client_encoding') = 'LATIN1'"),
           ({"work_mem": "10GB"}, "current_setting('work_mem') = '10GB'"),
           ({"options": "-S 1048576"}, "current_setting('work_mem') = '1GB'"),
           ({"options": "-O"}, "current_setting('allow_system_table_mods') = 'on'"),
           ({"log_statement": "none"}, "current_setting('log_statement') = 'none'"),
           ({"dbgate.user": "admin"}, "current_setting('dbgate.user') = 'admin'")]


class Protocol(attacks_test.Laboratory):
    def declared(self, connection, statement, types):
        oids = [int(answer(self.plain, f"SELECT '{name}'::regtype::oid")[0][0]) for name in types]
        values = [VALUES.get(name, b"x") for name in types]
        return run(connection, wire.parse("", statement, oids) + wire.bind(values=values) + wire.execute() + wire.SYNC)

    def setUp(self):
        self.plain, self.reader = self.direct(), self.connect("reader")

    def test_declared_types_choose_the_function(self):
        for statement, types in DECLARED:
            with self.subTest(statement=statement, types=types):
                self.assertTrue(has_canary(self.declared(self.plain, statement, types)), "it works without dbgate")
                self.refused(self.declared(self.reader, statement, types))

    def test_parameters_are_no_reason_to_refuse(self):
        for statement, types in (("SELECT shop.order_total($1)", ["int"]), ("SELECT upper($1)", ["text"]), ("SELECT upper($1)", []),
                                 ("SELECT name FROM shop.items WHERE id = $1", ["int"]), ("SELECT $1::shop.mood", [])):
            wanted = [] if "mood" not in statement else ["42501"]
            messages = self.declared(self.reader, statement, types) if types else run(
                self.reader, wire.parse("", statement) + wire.bind(values=[b"glad"]) + wire.execute() + wire.SYNC)
            self.assertEqual([fields["C"] for fields in errors_in(messages)], wanted, statement)

    def test_a_declared_type_still_counts_after_a_reload(self):
        oid = int(answer(self.plain, "SELECT 'shop.tag'::regtype::oid")[0][0])
        wide = self.config.replace('"shop.size_of(integer)"', "shop.size_of")
        self.gateway.reload(wide)
        try:
            run(self.reader, wire.parse("later", "SELECT shop.size_of($1)", [oid]) + wire.SYNC)
            later = wire.bind("", "later", [b"x"]) + wire.execute() + wire.SYNC
            self.assertTrue(has_canary(run(self.reader, later)), "granted so far")
        finally:
            self.gateway.reload(self.config)
        messages = run(self.reader, later)
        self.assertFalse(has_canary(messages))
        self.assertEqual([fields["C"] for fields in errors_in(messages)], ["42501"])

    def test_what_was_refused_is_not_what_a_name_stands_for(self):
        fine, secret = "SELECT 'fine'", "TABLE shop.cards"
        for name in ("", "named"):
            run_it = wire.bind("", name) + wire.execute() + wire.SYNC
            for connection, leaks in ((self.plain, True), (self.reader, False)):
                run(connection, wire.parse(name, fine) + wire.SYNC)
                run(connection, wire.close(b"S", name) + wire.SYNC)
                first = run(connection, wire.parse(name, secret) + wire.SYNC)
                second = run(connection, run_it)
                self.assertEqual(has_canary(first + second), leaks, name)
                run(connection, wire.close(b"S", name) + wire.SYNC)

    def test_a_portal_is_of_the_statement_that_it_was_bound_to(self):
        pipeline = (wire.parse("p", "SELECT 'fine'") + wire.bind("portal", "p") + wire.close(b"S", "p") +
                    wire.parse("p", "TABLE shop.cards") + wire.bind("portal", "p") + wire.execute("portal") + wire.SYNC)
        self.assertFalse(has_canary(run(self.reader, pipeline)))
        chain = (wire.parse("", "SELECT 'fine'") + wire.parse("", "TABLE shop.cards") + wire.bind() + wire.describe(b"P") +
                 wire.execute() + wire.SYNC)
        self.assertTrue(has_canary(run(self.plain, chain)))
        messages = run(self.reader, chain)
        self.assertFalse(has_canary(messages))
        self.assertNotIn("T", "".join(kind for kind, _ in messages), "nothing is described")

    def test_after_a_refusal_everything_up_to_sync_is_dropped(self):
        drop = wire.parse("", "TABLE shop.cards") + wire.query("DELETE FROM shop.orders") + wire.bind() + wire.execute()
        messages = run(self.reader, drop + wire.SYNC)
        self.assertEqual("".join(kind for kind, _ in messages), "EZ")
        self.assertEqual(fields_of(run(self.reader, wire.query("SELECT 1"))[1][1]), [b"1"])

    def test_names_of_sql_and_protocol_are_one_table(self):
        for connection, leaks in ((self.plain, True), (self.reader, False)):
            run(connection, wire.query("PREPARE shared AS SELECT 'fine'"))
            messages = run(connection, wire.query("DEALLOCATE shared; PREPARE shared AS TABLE shop.cards"))
            messages += run(connection, wire.bind("", "shared") + wire.execute() + wire.SYNC)
            messages += run(connection, wire.query("EXECUTE shared"))
            self.assertEqual(has_canary(messages), leaks, messages)

    def test_functions_called_by_number(self):
        spy = int(answer(self.plain, "SELECT 'shop.spy'::regproc::oid")[0][0])
        call = wire.message(b"F", struct.pack("!IHHH", spy, 0, 0, 0))
        self.plain.send(call)
        self.assertTrue(any(b"BURIED-DEEP" in body for kind, body in self.plain.receive_until("Z") if kind == "V"))
        messages = run(self.reader, call)
        self.assertEqual([fields["C"] for fields in errors_in(messages)], ["42501"])
        self.assertNotIn("V", [kind for kind, _ in messages])

    def test_bytes_that_are_no_utf8(self):
        for text in (b"SELECT '\xff'", b"TABLE shop.c\xc1\xa1rds", b"SELECT '\xed\xa0\x80'", b"SELECT $$\x80$$, 1", b"SELECT \"\xe2\x82\""):
            for data in (wire.message(b"Q", text + b"\0"), wire.message(b"P", b"\0" + text + b"\0\0\0") + wire.SYNC):
                self.assertEqual([fields["C"] for fields in errors_in(run(self.reader, data))], ["22021"])

    def test_settings_of_the_startup_packet(self):
        for settings, proof in STARTUP:
            with self.subTest(settings=settings):
                connection = wire.Connection(self.server.port)
                self.addCleanup(connection.socket.close)
                connection.login("postgres", "postgres", lab.PASSWORD, **settings)
                self.assertEqual(answer(connection, "SELECT " + proof), [[b"t"]], "it works without dbgate")
                connection = wire.Connection(self.gateway.port)
                self.addCleanup(connection.socket.close)
                with self.assertRaises(PermissionError):
                    connection.login("reader", "postgres", lab.PASSWORD, **settings)

    def test_replication(self):
        for value in ("database", "true", "on", "1"):
            for port, user, works in ((self.server.port, "postgres", True), (self.gateway.port, "reader", False)):
                connection = wire.Connection(port)
                self.addCleanup(connection.socket.close)
                try:
                    connection.login(user, "postgres", lab.PASSWORD, replication=value)
                    kinds = [kind for kind, _ in run(connection, wire.query("IDENTIFY_SYSTEM"))]
                    self.assertEqual("D" in kinds, works, value)
                except PermissionError:
                    self.assertFalse(works, value)

    def test_ways_out_of_a_transaction_that_was_refused(self):
        run(self.reader, wire.query("BEGIN"))
        self.refused_in_block(run(self.reader, wire.query("TABLE shop.cards")))
        for data in (wire.query("SELECT 1"), extended("SELECT 1")):
            self.assertEqual([fields["C"] for fields in errors_in(run(self.reader, data))], ["25P02"])
        self.assertEqual(run(self.reader, wire.query("COMMIT"))[0], ("C", b"ROLLBACK\0"))

    def refused_in_block(self, messages):
        self.assertEqual([fields["C"] for fields in errors_in(messages)], ["42501"])
        self.assertEqual(messages[-1], ("Z", b"E"))


if __name__ == "__main__":
    unittest.main()
