"""DROP DATABASE and what else wants to be alone with a database: connections that only the pool holds do not stand in its way,
those of sessions do, as with PostgreSQL itself."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402
from pooled import Session  # noqa: E402

POOLS = {"transaction": "mode: transaction, max: 8, idle: 10m, wait: 10s", "session": "mode: session, max: 40, idle: 10m, wait: 10s"}
NAMES = ["made", "renamed", *(f"made{number}" for number in range(12))]
AT_WORK = "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND backend_type = 'client backend'"


class Vacating(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.gateways = {mode: cls.gateway(pool) for mode, pool in POOLS.items()}

    @classmethod
    def gateway(cls, pool):
        it = cls.lab
        head = "version: 1\nstate_dir: state\nworkers: 2\n" + it.listen() + it.users("postgres")
        targets = it.target(search_path=(), databases=("postgres", "template1", *NAMES), pool=pool)
        return it.gateway(head + "targets:\n" + targets + "policies:\n  - name: all\n    who: { users: [postgres] }\n"
                          "    on: [postgres]\n    allow: [ { everything: true } ]\n")

    def session(self, gateway, database=None):
        session = Session(gateway.port, database=f"postgres/{database}" if database else "postgres")
        self.addCleanup(session.socket.close)
        return session

    def leave_idle(self, gateway, database, sessions=4):
        """Connections to the database on all workers, which nobody has any more."""
        several = [self.session(gateway, database) for _ in range(sessions)]
        for session in several:
            session.must("BEGIN" if gateway is self.gateways["transaction"] else "SELECT 1")
        for session in several:
            session.run("COMMIT")
            session.leave()
        lab.wait_until(lambda: self.count(database) > 0, "some are kept", 10)

    def count(self, database):
        return int(self.lab.postgres.psql(AT_WORK.format(database)).stdout)

    def setUp(self):
        self.addCleanup(self.drop_all)

    def drop_all(self):
        for name in (*NAMES, "copy"):
            self.lab.postgres.psql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def test_idle_connections_leave(self):
        names = iter(NAMES[2:])
        for mode, gateway in self.gateways.items():
            for run in ("run", "run_extended"):
                for text in ("CREATE DATABASE copy TEMPLATE {}", "ALTER DATABASE {} RENAME TO copy", "DROP DATABASE {}"):
                    with self.subTest(text, mode=mode, run=run):
                        session, name = self.session(gateway), next(names)
                        session.must(f"CREATE DATABASE {name} TEMPLATE template0")
                        self.leave_idle(gateway, name)
                        self.assertEqual(getattr(session, run)(text.format(name)).code, "")
                        session.leave()
                        self.lab.postgres.psql("DROP DATABASE IF EXISTS copy WITH (FORCE)")

    def test_the_template_that_nobody_names(self):
        for gateway in self.gateways.values():
            self.leave_idle(gateway, "template1")
            self.session(gateway).must("CREATE DATABASE copy")
            self.session(gateway).must("DROP DATABASE copy")

    def test_a_session_that_has_just_left(self):
        for mode, gateway in self.gateways.items():
            session = self.session(gateway)
            for number in range(10):
                with self.subTest(mode=mode, number=number):
                    session.must("CREATE DATABASE made TEMPLATE template0")
                    there = self.session(gateway, "made")
                    there.must("CREATE TEMP TABLE t (a int)")
                    there.leave()
                    session.must("DROP DATABASE made")

    def test_connections_between_transactions_leave(self):
        gateway = self.gateways["transaction"]
        session, there = self.session(gateway), None
        session.must("CREATE DATABASE made TEMPLATE template0")
        there = self.session(gateway, "made")
        there.must("SELECT 1")
        session.must("ALTER DATABASE made RENAME TO renamed")
        self.assertNotEqual(there.run("SELECT 1").code, "", "its database has another name")
        session.must("ALTER DATABASE renamed RENAME TO made")
        self.assertEqual(there.value("SELECT current_database()"), "made", "it goes on with another connection")
        there.leave()
        session.must("DROP DATABASE made")

    def test_sessions_at_work_stay(self):
        for mode, gateway in self.gateways.items():
            with self.subTest(mode=mode):
                session = self.session(gateway)
                session.must("CREATE DATABASE made TEMPLATE template0")
                there = self.session(gateway, "made")
                there.must("BEGIN; CREATE TABLE kept (a int)")
                refused = session.run("DROP DATABASE made")
                self.assertEqual(refused.code, "55006")
                self.assertEqual(refused.error["D"], "There is 1 other session using the database.")
                there.must("INSERT INTO kept VALUES (1); COMMIT")
                there.leave()
                session.must("DROP DATABASE made")

    def test_other_databases_are_left_alone(self):
        gateway = self.gateways["transaction"]
        session = self.session(gateway)
        session.must("CREATE DATABASE made TEMPLATE template0")
        there = self.session(gateway, "template1")
        pid = there.server_pid()
        session.must("DROP DATABASE made")
        session.must("DROP DATABASE IF EXISTS nowhere")
        self.assertEqual(there.server_pid(), pid)

    def test_in_a_pipeline(self):
        gateway = self.gateways["transaction"]
        session = self.session(gateway)
        session.must("CREATE DATABASE renamed TEMPLATE template0")
        self.leave_idle(gateway, "renamed")
        session.send(wire.query("SELECT 1") + wire.query("DROP DATABASE renamed") + wire.query("SELECT 2"))
        self.assertEqual([session.answer().code for _ in range(3)], ["", "", ""])


if __name__ == "__main__":
    unittest.main()
