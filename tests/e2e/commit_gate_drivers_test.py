#!/usr/bin/env python3
"""Drivers whose transactions are shown before they are committed: JDBC, psycopg and an ORM, with transactions of their own and
without, in databases that are prepared and in others. What approvers see is what an audit trigger has recorded.

Usage: commit_gate_drivers_test.py [unittest arguments]. A driver that is not installed counts as skipped, and the test says
what is missing.
"""
import importlib.util
import os
import pathlib
import shutil
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
sys.path.insert(0, str(HERE))
import approvals_test  # noqa: E402
import commit_gate_test as prepared  # noqa: E402
import commit_gate_unprepared_test as unprepared  # noqa: E402
import lab  # noqa: E402
import run  # noqa: E402


class Driver:
    """Its program runs statements, each by itself, or in one transaction."""
    MODE = "auto"

    def command(self):
        raise NotImplementedError

    def start(self, sql, user="ana"):
        """The driver with a statement, or with a list of them, under way."""
        return self.launch([*self.command(), self.MODE, *([sql] if isinstance(sql, str) else sql)], user)

    def launch(self, command, user):
        environment = {**run.variables(self.lab, "plain", self.gateway.port, lab.PASSWORD), "PGUSER": user}
        program = approvals_test.Program(command, environment)
        self.addCleanup(program.kill)
        return program

    def asked(self, program):
        """The one approval that is pending: drivers do not tell of notices before they are through."""
        found = []

        def is_held():
            over = program.process.poll() is not None
            found[:] = self.cli("bob", "approvals", "list", "-q").split()
            self.assertFalse(over and not found, "\n".join(program.lines))
            return found
        lab.wait_until(is_held, "it is held")
        self.assertEqual(len(found), 1)
        return found[0]

    def as_transaction(self):
        self.MODE = "transaction"

    def test_insert(self):
        self.check("INSERT INTO shops VALUES (100, 'new', 1, NULL), (101, E'quo\\te \"', NULL, '[]')", {("public.shops", "insert")})

    def test_update(self):
        self.check("UPDATE shops SET stock = stock + 1 WHERE id < 3", {("public.shops", "update")})

    def test_delete_with_what_hangs_on_it(self):
        self.check("DELETE FROM shops WHERE id = 4", {("public.shops", "delete"), ("public.orders", "delete"), ("public.totals", "delete")})
        self.as_transaction()
        self.check("DELETE FROM shops WHERE id = 5", {("public.shops", "delete"), ("public.orders", "delete"), ("public.totals", "delete")})

    def test_merge(self):
        self.check("MERGE INTO shops USING (VALUES (10, 'merged'), (200, 'new'), (11, NULL)) s (id, name) ON shops.id = s.id "
                   "WHEN MATCHED AND s.name IS NULL THEN DELETE WHEN MATCHED THEN UPDATE SET name = s.name "
                   "WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.name, 0, NULL)",
                   {("public.shops", "insert"), ("public.shops", "update"), ("public.shops", "delete"), ("public.orders", "delete"),
                    ("public.totals", "delete")})

    def test_several_statements_in_a_transaction(self):
        self.as_transaction()
        self.check(["INSERT INTO orders VALUES (1000, 3, 5)", "UPDATE shops SET name = 'x' WHERE id = 6", "DELETE FROM orders WHERE id = 9"],
                   {("public.orders", "insert"), ("public.totals", "update"), ("public.shops", "update"), ("public.orders", "delete")})

    def test_ten_thousand_rows(self):
        changes = self.check("UPDATE many SET v = v || '!' WHERE id BETWEEN 1 AND 10000", {("public.many", "update")})
        self.assertEqual(changes["tables"], [{"name": "public.many", "inserted": 0, "updated": 10000, "deleted": 0}])

    def test_ten_thousand_statements_of_a_batch(self):
        self.MODE = "batch"
        changes = self.check(["INSERT INTO many VALUES (10000 + CAST(? AS int), 'of a batch')", "10000"], {("public.many", "insert")})
        self.assertEqual(changes["tables"], [{"name": "public.many", "inserted": 10000, "updated": 0, "deleted": 0}])

    def test_denied_the_transaction_has_not_happened(self):
        self.as_transaction()
        program = self.start(["UPDATE shops SET name = 'denied' WHERE id = 12", "DELETE FROM orders WHERE id = 13"])
        approval = self.asked(program)
        self.cli("bob", "approvals", "deny", approval, "--reason", "no")
        said = program.end()
        self.assertRegex(said, f"STATE 42501 .*{approval}")
        self.assertRegex(said, r"THEN \d+", "the connection goes on")
        self.assertEqual(self.psql("SELECT name FROM shops WHERE id = 12"), "shop 12")
        self.assertEqual(self.psql("SELECT count(*) FROM orders WHERE id = 13"), "1")

    def test_nobody_decides_on_the_transaction(self):
        self.as_transaction()
        said = self.start(["UPDATE shops SET name = 'late' WHERE id = 14"], "short").end()
        self.assertRegex(said, r"STATE 42501 .*in time")
        self.assertEqual(self.psql("SELECT name FROM shops WHERE id = 14"), "shop 14")


class Java(Driver):
    @classmethod
    def setUpClass(cls):
        if not (shutil.which("javac") and run.JDBC_JAR.exists()):
            raise unittest.SkipTest(f"no javac, or no {run.JDBC_JAR}")
        super().setUpClass()
        run.build(["javac", "-Xlint:all", "-Werror", "-cp", run.JDBC_JAR, "-d", cls.lab.directory, HERE / "clients" / "JdbcCommit.java"])

    def command(self):
        return ["java", "-Xmx256m", "-cp", f"{self.lab.directory}:{run.JDBC_JAR}", "JdbcCommit"]


class Python(Driver):
    @classmethod
    def setUpClass(cls):
        if not importlib.util.find_spec("psycopg"):
            raise unittest.SkipTest("no Python module psycopg")
        super().setUpClass()

    def command(self):
        return [sys.executable, HERE / "clients" / "psycopg3_commit.py"]

    def test_objects_of_an_orm(self):
        if not importlib.util.find_spec("sqlalchemy"):
            self.skipTest("no Python module sqlalchemy")
        self.start = lambda first: self.launch([sys.executable, HERE / "clients" / "sqlalchemy_commit.py", first], "root")
        program = self.start("3000")
        self.cli("bob", "approvals", "deny", self.asked(program), "--reason", "no")
        self.assertRegex(program.end(), r"STATE 42501 [^\n]*\nTHEN \d+")
        self.assertEqual(self.psql("SELECT count(*) FROM shops WHERE id = 3000 OR name = 'renamed'"), "0")
        self.check("3000", {("public.shops", "insert"), ("public.shops", "update"), ("public.orders", "insert"), ("public.orders", "delete")})


class JdbcPrepared(Java, prepared.Shop, unittest.TestCase):
    pass


class JdbcUnprepared(Java, unprepared.Shop, unittest.TestCase):
    pass


class PsycopgPrepared(Python, prepared.Shop, unittest.TestCase):
    pass


class PsycopgUnprepared(Python, unprepared.Shop, unittest.TestCase):
    pass


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    unittest.main()
