"""Targets with several hosts: what becomes of sessions when another has to serve."""
import pathlib
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import metrics  # noqa: E402
import replicas  # noqa: E402
import wire  # noqa: E402
from pooled import Session  # noqa: E402
from replicas import HEALTH, WHERE, configuration  # noqa: E402


class Failover(replicas.HostsCase):
    def test_statements_wait_for_the_new_primary(self):
        self.start(1)
        old, new = self.cluster.nodes
        old.psql("CREATE TABLE t (a int)")
        self.cluster.caught_up()
        self.gateway(shop={"failover_wait": "120s", "pool": "mode: transaction, max: 2, wait: 120s"}, own={"failover_wait": "120s"})
        idle = [Session(self.current.port, database="shop", seconds=150) for _ in range(4)]
        for session in idle:
            self.assertEqual(int(session.run(WHERE).value()), old.port)
        inside = Session(self.current.port, database="shop", seconds=150)
        inside.run("BEGIN")
        inside.run("INSERT INTO t VALUES (1)")
        self.cluster.stop(old)
        # It cannot go on: nobody runs its statements again elsewhere.
        ended = inside.answer()
        self.assertEqual((ended.status, ended.error["S"]), ("closed", "FATAL"))
        self.assertIn(ended.code, ("08006", "57P01", "57P02"))
        inside.socket.close()
        self.wait_for_no_connection("shop")
        for session in idle:
            session.send(wire.query("INSERT INTO t VALUES (2) RETURNING " + WHERE.split(" ", 1)[1]))
        newcomer = {}
        waits = threading.Thread(target=lambda: newcomer.update(port=self.port("own")))
        waits.start()
        new.promote()
        self.cluster.primary = new
        for session in idle:
            self.assertEqual(int(session.answer().value()), new.port)
            session.socket.close()
        waits.join(150)
        self.assertEqual(newcomer, {"port": new.port})
        self.assertEqual(new.psql("SELECT a, count(*) FROM t GROUP BY a").stdout.split(), ["2|4"])
        self.assertTrue(self.logged("another host is the primary"))
        self.assertEqual(metrics.Scrape(self.current).value("dbgate_upstream_failovers_total", target="shop"), 1)
        ports = {record["server.port"] for record in self.current.audit("statement.decided")
                 if record["db.query.text"].startswith("INSERT INTO t VALUES (2)")}
        self.assertEqual(ports, {new.port})

    def test_a_primary_of_old_is_not_used(self):
        self.start(1)
        old, new = self.cluster.nodes
        self.gateway(shop={"failover_wait": "1s", "pool": "mode: transaction, max: 4"}, anyone={"target_session_attrs": "any"})
        stays = Session(self.current.port, database="shop", seconds=120)
        self.addCleanup(stays.socket.close)
        inside = Session(self.current.port, database="shop", seconds=120)
        self.addCleanup(inside.socket.close)
        self.assertEqual(int(stays.run(WHERE).value()), old.port)
        inside.run("BEGIN")
        self.assertEqual(int(inside.run(WHERE).value()), old.port)
        new.promote()  # nobody has told the old one
        self.assertEqual(inside.answer().status, "closed")
        self.assertEqual(int(stays.run(WHERE).value()), new.port)
        lab.wait_until(lambda: self.logged("a second host says that it is the primary"), "it is said")
        self.cluster.stop(new)
        self.wait_for_no_connection("shop")
        lab.wait_until(lambda: stays.run(WHERE).code == "08006", "nobody serves")
        self.assertIn("deposed", self.refusal("shop")["M"])

    def test_what_was_known_of_the_old_primary_is_read_anew(self):
        self.start(1)
        old, new = self.cluster.nodes
        old.psql("CREATE TABLE both_have (a int)")
        self.cluster.caught_up()
        text = configuration(self.it, self.cluster.target("shop", health=HEALTH, failover_wait="120s", pool="mode: transaction, max: 2"))
        text = text.replace("    upstream:", "    catalog: { refresh: 500ms }\n    upstream:", 1)
        self.current = self.it.gateway(text.replace("{ everything: true }", "{ select: ['public.*'] }"))
        with Session(self.current.port, database="shop", seconds=150) as session:
            self.assertEqual(session.run("SELECT * FROM public.both_have").code, "")
            new.psql("ALTER SYSTEM SET primary_conninfo = ''; SELECT pg_reload_conf()")
            lab.wait_until(lambda: not old.psql("SELECT 1 FROM pg_stat_replication").stdout.strip(), "the standby is alone")
            old.psql("CREATE TABLE lost (a int)")
            lab.wait_until(lambda: session.run("SELECT * FROM public.lost").code == "", "it is in the catalog", 120)
            self.cluster.stop(old)
            self.wait_for_no_connection("shop")
            new.promote()
            new.psql("CREATE TABLE fresh (a int)")
            lab.wait_until(lambda: session.run("SELECT * FROM public.both_have").code == "", "the new one serves")
            self.assertIn(session.run("SELECT * FROM public.lost").code, ("42501", "42P01"))

    def test_under_load(self):
        self.start(1)
        self.it.postgres.psql("CREATE TABLE written (writer int, n int)")
        self.cluster.synchronize()
        self.gateway(pooled={"pool": "mode: transaction, max: 2, wait: 120s", "failover_wait": "120s"}, own={"failover_wait": "120s"})
        load = replicas.Load(self.current.port, ["pooled", "own"], 2)
        started = time.monotonic()
        for number in range(2):
            after, _ = replicas.fail_over_under_load(self.cluster, load)
            print(f"failover {number + 1}: first success {after * 1000:.0f} ms after the promotion", file=sys.stderr)
        load.stop()
        print(f"{load.figures()} in {time.monotonic() - started:.0f} s", file=sys.stderr)
        self.assertEqual(load.faults(self.cluster.primary), {"lost": [], "twice": 0, "wrong": []})


if __name__ == "__main__":
    unittest.main()
