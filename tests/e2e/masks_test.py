#!/usr/bin/env python3
"""Drivers and masks: psycopg, JDBC and node pg decode every masked cell of every type, in text and in binary, as a value of
the type; and go on when a reload puts a mask under a statement that they have prepared.

Usage: masks_test.py [unittest arguments]. A driver that is not installed counts as skipped, and the test says what is missing.
"""
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
sys.path.insert(0, str(HERE))
import lab  # noqa: E402
import masking  # noqa: E402
import run  # noqa: E402

KINDS = masking.KINDS
HIDDEN = ("CANARY", "КАНАРКА", "deadbeef", "1987-06", "203.0.113", "98765", "76543210", "13:14:15", "43414e415259")


class Driver(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.lab.postgres.psql(masking.SETUP + "".join(masking.table("m_" + kind) for kind in KINDS) + masking.table("later"))

    def config(self, masked):
        masks = "".join(masking.masks("public.m_" + kind, kind) for kind in KINDS)
        masks += masking.masks("public.later", "redact") if masked else ""
        return ("version: 1\nstate_dir: state\nmasking: { key: sixteen characters or more }\n" + self.lab.listen() +
                self.lab.users("postgres") + "targets:\n" + self.lab.target() +
                "policies:\n  - name: reads\n    who: { users: [postgres] }\n    on: [postgres]\n"
                "    allow: [ { pack: introspection }, { select: ['public.*'], functions: [safe] } ]\n    mask:\n" + masks)

    def drive(self, name, command):
        """The program reads all tables, says READY, and reads `later` again when it is told that the mask is there."""
        gateway = self.lab.gateway(self.config(masked=False))
        environment = run.variables(self.lab, "plain", gateway.port, lab.PASSWORD)
        with subprocess.Popen([str(part) for part in command], env=environment, text=True, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            watch = threading.Timer(90, process.kill)
            watch.start()
            lines = []
            for line in process.stdout:
                lines.append(line.rstrip("\n"))
                if line.startswith("READY"):
                    gateway.reload(self.config(masked=True))
                    process.stdin.write("go\n")
                    process.stdin.flush()
            watch.cancel()
        self.assertEqual(process.returncode, 0, f"{name}:\n" + "\n".join(lines[-40:]))
        return lines

    def check(self, lines):
        cells = [json.loads(line[5:]) for line in lines if line.startswith("CELL ")]
        seen = {(cell["table"], cell["column"]) for cell in cells}
        self.assertEqual(seen, {("m_" + kind, column) for kind in KINDS for column in masking.COLUMNS})
        for cell in cells:
            for hidden in HIDDEN:
                self.assertNotIn(hidden, cell["value"], cell)
        later = [json.loads(line[6:]) for line in lines if line.startswith("LATER ")]
        self.assertTrue(later)
        for value in later:
            self.assertEqual(value, "***")

    def test_psycopg(self):
        if not importlib.util.find_spec("psycopg"):
            self.skipTest("no Python module psycopg")
        self.check(self.drive("psycopg", [sys.executable, HERE / "clients" / "psycopg3_masks.py"]))

    def test_jdbc(self):
        if not (shutil.which("javac") and run.JDBC_JAR.exists()):
            self.skipTest(f"no javac, or no {run.JDBC_JAR}")
        run.build(["javac", "-Xlint:all", "-Werror", "-cp", run.JDBC_JAR, "-d", self.lab.directory, HERE / "clients" / "JdbcMasks.java"])
        self.check(self.drive("jdbc", ["java", "-Xmx256m", "-cp", f"{self.lab.directory}:{run.JDBC_JAR}", "JdbcMasks"]))

    def test_node_pg(self):
        if not (shutil.which("node") and (run.NODE_MODULES / "pg").is_dir()):
            self.skipTest("no node, or no npm package pg; scripts/setup.sh test installs it")
        self.check(self.drive("node pg", ["node", "--unhandled-rejections=strict", HERE / "clients" / "node_pg_masks.js"]))


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    unittest.main()
