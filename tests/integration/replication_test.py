"""Replication connections: only where policy allows them, and then PostgreSQL's own programs work."""
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402


class Replication(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.lab.postgres.psql("CREATE TABLE t (a int)")
        cls.gateway = cls.lab.gateway(
            "version: 1\nstate_dir: state\n" + cls.lab.listen() + cls.lab.users("replicator", "reader", "both") + "targets:\n" +
            cls.lab.target() + cls.lab.target("template1") + "policies:\n"
            "  - { name: b, who: { users: [both] }, on: [postgres, template1], allow: [ { replication: true } ] }\n"
            "  - { name: r, who: { users: [replicator] }, on: [postgres], allow: [ { replication: true } ] }\n"
            "  - { name: s, who: { users: [reader] }, on: [postgres], allow: [ { select: [\"*\"] } ] }\n")

    def program(self, name, *arguments, user="replicator", status=0, **variables):
        environment = {**os.environ, "PGPASSWORD": lab.PASSWORD, "PGSSLMODE": "disable", **variables}
        done = subprocess.run([str(lab.PG_BIN / name), "-h", "127.0.0.1", "-p", str(self.gateway.port), "-U", user,
                               *map(str, arguments)], capture_output=True, text=True, env=environment, timeout=120, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def test_pg_basebackup(self):
        for method in ("fetch", "stream"):
            target = self.lab.directory / f"backup-{method}"
            self.program("pg_basebackup", "-D", target, "-X", method, "--checkpoint=fast", "--no-sync")
            self.assertTrue((target / "PG_VERSION").exists())
            self.assertTrue(any((target / "pg_wal").iterdir()))

    def test_a_sync_behind_a_command_that_fails(self):
        # PostgreSQL says CopyBothResponse before it finds that the position is ahead of it.
        for port in (self.lab.postgres.port, self.gateway.port):
            with self.subTest(port=port), wire.Connection(port) as connection:
                user = "postgres" if port == self.lab.postgres.port else "replicator"
                connection.login(user, "postgres", lab.PASSWORD, replication="true")
                connection.send(wire.query("START_REPLICATION PHYSICAL 7F/0") + wire.SYNC)
                self.assertEqual([connection.types_until_ready() for _ in range(2)], ["WEZ", "Z"])
                connection.send(wire.query("IDENTIFY_SYSTEM"))
                self.assertEqual(connection.types_until_ready(), "TDCZ")

    def test_pg_receivewal(self):
        target = self.lab.directory / "wal"
        target.mkdir()
        self.lab.postgres.psql("SELECT pg_create_physical_replication_slot('w', true)")
        self.lab.postgres.psql("INSERT INTO t VALUES (1)")
        end = self.lab.postgres.psql("SELECT pg_current_wal_insert_lsn()").stdout.strip()
        self.lab.postgres.psql("INSERT INTO t VALUES (2); SELECT pg_switch_wal()")
        self.program("pg_receivewal", "-D", target, "--slot=w", f"--endpos={end}", "--no-loop", "--no-sync")
        self.assertTrue(list(target.iterdir()))

    def test_pg_recvlogical(self):
        def recvlogical(*arguments):
            self.program("pg_recvlogical", "-d", "postgres", "--slot=s", *arguments)

        recvlogical("--create-slot", "-P", "test_decoding")
        self.lab.postgres.psql("INSERT INTO t VALUES (42)")
        end = self.lab.postgres.psql("SELECT pg_current_wal_insert_lsn()").stdout.strip()
        self.lab.postgres.psql("INSERT INTO t VALUES (43)")
        output = self.lab.directory / "changes"
        recvlogical("--start", f"--endpos={end}", "--no-loop", "-f", output)
        self.assertIn("a[integer]:42", output.read_text())
        recvlogical("--drop-slot")
        commands = [record.get("db.query.text", "") for record in self.gateway.audit("statement.decided")]
        self.assertTrue(any(command.startswith("START_REPLICATION") for command in commands), commands)

    def test_sql_on_a_replication_connection_is_judged_as_sql(self):
        connection = wire.Connection(self.gateway.port)
        self.addCleanup(connection.socket.close)
        connection.login("replicator", "postgres", lab.PASSWORD, replication="database")
        for sql, code in (("SHOW server_version", None), ("IDENTIFY_SYSTEM", None), ("SELECT * FROM t", "42501"),
                          ("DROP TABLE t", "42501"), ("show data_directory", "42501"), (" /**/ DROP TABLE t", "42501"),
                          ("IDENTIFY_SYSTEMS", "42601"), ("\x0bDROP TABLE t", "42601")):
            connection.send(wire.query(sql))
            errors = [wire.error_fields(body)["C"] for kind, body in connection.receive_until("Z") if kind == "E"]
            self.assertEqual(errors, [code] if code else [], sql)

    def test_naming_one_of_several_targets(self):
        which = self.program("pg_basebackup", "-D", self.lab.directory / "which", user="both", status=1)
        self.assertIn("more than one target", which.stderr)
        self.assertIn("dbgate.target", which.stderr)
        for name in ("postgres", "template1"):
            self.program("pg_basebackup", "-D", self.lab.directory / f"of-{name}", "-X", "none", "--checkpoint=fast",
                         "--no-sync", user="both", PGOPTIONS=f"-c dbgate.target={name}")
            started = [record["target"] for record in self.gateway.audit("session.start")]
            self.assertEqual(started[-1], name, started)
        self.program("pg_basebackup", "-d", "options='-c dbgate.target=template1'", "-D", self.lab.directory / "in-options",
                     "-X", "none", "--checkpoint=fast", "--no-sync", user="both")

    def test_naming_a_target_gives_no_right(self):
        for user, name, code in (("replicator", "template1", "3D000"), ("both", "none", "3D000"),
                                 ("reader", "postgres", "42501")):
            with self.subTest(user=user, name=name), self.assertRaises(PermissionError) as refused:
                wire.Connection(self.gateway.port).login(user, "replication", lab.PASSWORD, replication="true",
                                                         options=f"-c dbgate.target={name}")
            self.assertEqual(refused.exception.args[0]["C"], code)
        for database, more in (("postgres", {}), ("postgres", {"replication": "database"}),
                               ("postgres", {"replication": "true"})):
            with self.subTest(more=more), self.assertRaises(PermissionError) as refused:
                wire.Connection(self.gateway.port).login("both", database, lab.PASSWORD,
                                                         options="-c dbgate.target=template1", **more)
            self.assertEqual(refused.exception.args[0]["C"], "22023")

    def test_without_the_right(self):
        denied = self.program("pg_basebackup", "-D", self.lab.directory / "none", user="reader", status=1)
        self.assertIn("there is no target that you may replicate", denied.stderr)
        connection = wire.Connection(self.gateway.port)
        self.addCleanup(connection.socket.close)
        for value in ("database", "true", "on", "1", "yes"):
            with self.assertRaises(PermissionError) as refused:
                wire.Connection(self.gateway.port).login("reader", "postgres", lab.PASSWORD, replication=value)
            self.assertEqual(refused.exception.args[0]["C"], "42501", value)


if __name__ == "__main__":
    unittest.main()
