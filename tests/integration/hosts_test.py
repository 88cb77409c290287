"""Targets with several hosts: which of them serve, and where that is seen."""
import json
import pathlib
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import metrics  # noqa: E402
import replicas  # noqa: E402
import wire  # noqa: E402
from pooled import Session  # noqa: E402
from replicas import HEALTH, WHERE, configuration  # noqa: E402


class Choice(replicas.HostsCase):
    def test_a_host_that_is_away(self):
        self.start(0)
        dead = lab.free_port()
        hosts = f'["127.0.0.1:{dead}", "127.0.0.1:{self.it.postgres.port}"]'
        self.gateway(first={"hosts": hosts}, anyone={"hosts": hosts, "target_session_attrs": "any"},
                     pooled={"hosts": hosts, "pool": "mode: transaction, max: 2"})
        for target in ("first", "anyone", "pooled"):
            self.assertEqual(self.port(target), self.it.postgres.port)

    def test_roles(self):
        self.start(2)
        primary, *standbys = (node.port for node in self.cluster.nodes)
        self.gateway(usual={}, primary={"target_session_attrs": "primary"}, rw={"target_session_attrs": "read-write"},
                     ro={"target_session_attrs": "read-only"}, standby={"target_session_attrs": "standby"},
                     prefer={"target_session_attrs": "prefer-standby"}, anyone={"target_session_attrs": "any"})
        for target in ("usual", "primary", "rw"):
            self.assertEqual(self.port(target), primary, target)
        for target in ("ro", "standby", "prefer"):
            self.assertIn(self.port(target), standbys, target)
        with Session(self.current.port, database="standby") as session:
            self.assertEqual(session.run("CREATE TABLE t (a int)").code, "25006")
        # Whoever stays keeps his place, and the next ones go where fewer are.
        self.wait_for_no_connection("standby")
        sessions = [Session(self.current.port, database="standby") for _ in range(4)]
        counts = [0, 0]
        for session in sessions:
            counts[standbys.index(int(session.run(WHERE).value()))] += 1
        self.assertEqual(sorted(counts), [2, 2])
        for session in sessions:
            session.socket.close()
        self.wait_for_no_connection("anyone")
        sessions = [Session(self.current.port, database="anyone") for _ in range(3)]
        self.assertEqual(sorted(int(session.run(WHERE).value()) for session in sessions), sorted([primary, *standbys]))
        for session in sessions:
            session.socket.close()
        self.check_records(primary, standbys)

    def check_records(self, primary, standbys):
        """The audit log names the server that a statement ran on."""
        for record in self.current.audit("statement.decided"):
            if record.get("db.query.text") != WHERE:
                continue
            allowed = {"usual": [primary], "primary": [primary], "rw": [primary], "anyone": [primary, *standbys]}
            self.assertIn(record["server.port"], allowed.get(record["target"], standbys), record)

    def test_what_is_visible(self):
        self.start(1)
        primary, standby = (node.port for node in self.cluster.nodes)
        text = configuration(self.it, *[self.cluster.target(name, health=HEALTH, **more) for name, more in
                                        (("shop", {}), ("shop-ro", {"target_session_attrs": "prefer-standby"}))])
        self.current = self.it.gateway(text.replace("targets:\n", "roles: { auditor: { users: [postgres] } }\ntargets:\n", 1))
        lab.wait_until(lambda: {row["state"] for row in self.hosts().values()} == {"serves", "wrong role", "not needed"}, "hosts are looked at")
        hosts = self.hosts()
        self.assertEqual((hosts["shop", primary]["role"], hosts["shop", primary]["timeline"]), ("primary", "1"))
        self.assertEqual((hosts["shop", standby]["role"], hosts["shop", standby]["state"]), ("standby", "wrong role"))
        self.assertEqual((hosts["shop-ro", standby]["state"], hosts["shop-ro", primary]["state"]), ("serves", "not needed"))
        with Session(self.current.port, database="shop") as session:
            session.run(WHERE).value()
            self.assertEqual(self.hosts()["shop", primary]["connections"], "1")
        scrape = metrics.Scrape(self.current)
        for host, role in ((primary, 1), (standby, 0)):
            name = f"127.0.0.1:{host}"
            self.assertEqual(scrape.value("dbgate_upstream_host_up", target="shop", host=name), 1)
            self.assertEqual(scrape.value("dbgate_upstream_host_primary", target="shop", host=name), role)
            self.assertEqual(scrape.value("dbgate_upstream_host_serves", target="shop", host=name), role)
            self.assertEqual(scrape.value("dbgate_upstream_host_serves", target="shop-ro", host=name), 1 - role)
        self.assertEqual(scrape.value("dbgate_upstream_failovers_total", target="shop"), 0)
        self.cluster.stop(self.cluster.nodes[1])
        lab.wait_until(lambda: self.hosts()["shop-ro", primary]["state"] == "serves", "the primary serves instead")
        lab.wait_until(lambda: self.checks()[f"target shop host 127.0.0.1:{standby}"] == "failed", "the standby is seen to be away")
        self.assertEqual(self.checks()[f"target shop host 127.0.0.1:{primary}"], "ok")
        self.assertTrue(self.logged("a host cannot be looked at"))

    def check_line(self):
        """Whoever stands in line behind those who wait for a host is told the same."""
        sessions = [Session(self.current.port, database="pooled", seconds=120) for _ in range(4)]
        for session in sessions:
            session.send(wire.query(WHERE))
        for session in sessions:
            self.assertEqual(session.answer().code, "08006")
            session.socket.close()

    def checks(self):
        status, _, body = metrics.get(self.current, "/readyz?verbose")
        self.assertEqual(status, 200)
        return {check["name"]: check["status"] for check in json.loads(body)["checks"]}

    def test_nobody_fits(self):
        self.start(1)
        primary, standby = self.cluster.nodes
        self.gateway(ro={"target_session_attrs": "standby", "failover_wait": "1s"},
                     pooled={"target_session_attrs": "standby", "failover_wait": "1s", "pool": "mode: transaction, max: 2, wait: 1s"},
                     prefer={"target_session_attrs": "prefer-standby"})
        idle = Session(self.current.port, database="pooled")
        self.addCleanup(idle.socket.close)
        self.assertEqual(int(idle.run(WHERE).value()), standby.port)
        self.cluster.stop(standby)
        self.wait_for_no_connection("pooled")
        refused = self.refusal("ro")
        self.assertEqual(refused["C"], "08006")
        self.assertIn("no host of \"ro\" serves (target_session_attrs=standby)", refused["M"])
        self.assertEqual(idle.run(WHERE).code, "08006")
        self.check_line()
        self.assertEqual(self.port("prefer"), primary.port)
        standby.start()
        lab.wait_until(lambda: not idle.run(WHERE).error, "the standby is back")
        self.assertEqual(int(idle.run(WHERE).value()), standby.port)
        self.assertEqual(self.port("ro"), standby.port)

    def test_lag(self):
        self.start(1, settings=["recovery_min_apply_delay=1h"])
        primary, standby = (node.port for node in self.cluster.nodes)
        self.gateway(fresh={"target_session_attrs": "prefer-standby", "max_lag": "1s"}, old={"target_session_attrs": "standby"})
        self.it.postgres.psql("CREATE TABLE t (a int)")
        lab.wait_until(lambda: self.it.postgres.psql("INSERT INTO t VALUES (1)") and self.port("fresh") == primary,
                       "a standby that is behind is left alone")
        self.assertEqual(self.port("old"), standby)

    def test_another_cluster(self):
        self.start(0)
        stranger = lab.Postgres(self.it.directory / "stranger")
        self.addCleanup(stranger.stop)
        hosts = f'["127.0.0.1:{self.it.postgres.port}", "127.0.0.1:{stranger.port}"]'
        self.gateway(shop={"hosts": hosts, "failover_wait": "1s"}, anyone={"hosts": hosts, "target_session_attrs": "any", "failover_wait": "1s"})
        lab.wait_until(lambda: len(self.logged("not a copy of the same cluster")) == 2, "it is said")
        sessions = [Session(self.current.port, database="anyone") for _ in range(3)]
        self.assertEqual({int(session.run(WHERE).value()) for session in sessions}, {self.it.postgres.port})
        for session in sessions:
            session.socket.close()
        self.it.postgres.stop()
        self.assertIn("no host", self.refusal("anyone")["M"])
        self.it.postgres.start()

    def test_cancel(self):
        self.start(1)
        self.gateway(usual={}, standby={"target_session_attrs": "standby", "pool": "mode: transaction, max: 1"})
        for target in ("usual", "standby"):
            with Session(self.current.port, database=target, seconds=120) as session:
                session.send(wire.query("SELECT pg_sleep(100)"))
                node = self.cluster.nodes[target == "standby"]
                lab.wait_until(lambda node=node: "1" in node.psql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(1%'"
                                                                  " AND state = 'active'").stdout, "it runs")
                with wire.Connection(self.current.port) as request:
                    request.send(wire.packet(wire.CANCEL_REQUEST, struct.pack("!I", session.pid) + session.key))
                self.assertEqual(session.answer().code, "57014")


if __name__ == "__main__":
    unittest.main()
