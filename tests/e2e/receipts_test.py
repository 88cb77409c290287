#!/usr/bin/env python3
"""Drivers that have asked for receipts of audit records: what they are told is true, and nothing else changes for them.

Usage: receipts_test.py [unittest arguments]. A driver that is not installed counts as skipped, and the test says what is missing.
"""
import json
import os
import pathlib
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
sys.path.insert(0, str(HERE))
import lab  # noqa: E402
import run  # noqa: E402


class Receipts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.gateways = [cls.lab.gateway(cls.lab.forward_everything(pool=pool)) for pool in (None, "mode: transaction, max: 2")]

    def told(self, prepare):
        """What the program says, without and with shared server connections; receipts are those of records in the log."""
        try:
            command = prepare(self.lab.directory)
        except run.Missing as missing:
            self.skipTest(str(missing))
        for gateway in self.gateways:
            environment = {**os.environ, "PGHOST": "127.0.0.1", "PGPORT": str(gateway.port), "PGUSER": "postgres", "PGDATABASE": "postgres",
                           "PGPASSWORD": lab.PASSWORD, "NODE_PATH": str(run.NODE_MODULES), "PYTHONDONTWRITEBYTECODE": "1"}
            done = subprocess.run([str(part) for part in command], env=environment, timeout=120, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout)
            lines = [line.split(" ", 1) for line in done.stdout.splitlines()]
            records = {record["id"]: record for record in gateway.audit("statement.decided")}
            receipts = [text.split(" ", 1) for kind, text in lines if kind == "RECEIPT"]
            self.assertEqual({code for code, _ in receipts}, {"00R01"})
            seen = [json.loads(detail) for _, detail in receipts]
            for receipt in seen:
                self.assertEqual({name: records[receipt["id"]][name] for name in receipt}, receipt)
            yield [text for kind, text in lines if kind == "ROW"], [text for kind, text in lines if kind == "ERROR"], \
                [records[receipt["id"]].get("db.query.text") for receipt in seen]

    def test_psycopg(self):
        for rows, errors, texts in self.told(run.python("psycopg3_receipts.py", "psycopg")):
            self.assertEqual((rows, errors), (["42", "2", "7 8"], ["22012"]))
            self.assertEqual(texts, ["SELECT $1::int + 1", "BEGIN", "CREATE TEMP TABLE fruits (id int)", "COPY fruits FROM STDIN",
                                     "SELECT count(*) FROM fruits", "COMMIT", "SELECT $1::int", "SELECT $1::int", "SELECT 1 / $1::int"])

    def test_node_postgres(self):
        for rows, errors, texts in self.told(run.node_program("node_pg_receipts.js", "pg")):
            self.assertEqual((rows, errors), (["42", "2"], ["22012"]))
            self.assertEqual(texts, ["SELECT $1::int + 1 AS sum", "BEGIN", "SELECT 1 / $1::int", "ROLLBACK", "SELECT 1 AS a; SELECT 2 AS a"])

    def test_jdbc(self):
        for rows, errors, texts in self.told(run.java_program("JdbcReceipts.java")):
            self.assertEqual((rows, errors), (["42", "45", "2"], ["22012"]))
            self.assertEqual(texts, ["SELECT $1 + 1"])


if __name__ == "__main__":
    unittest.main()
