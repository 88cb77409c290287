"""upstream.application_name: the server shows what clients call themselves, where a target says so."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
from pooled import Session  # noqa: E402

SHOWN = "SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()"
POOLS = ("mode: session", "mode: session, idle: 1m", "mode: transaction, max: 1, wait: 10s", "mode: statement, max: 1, wait: 10s")


class ClientNames(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)

    def gateway(self, pool):
        config = ("version: 1\nstate_dir: state\nworkers: 1\n" + self.lab.listen() + self.lab.users("ana", "eve") + "targets:\n" +
                  self.lab.target(search_path=(), pool=pool, application_name="client") +
                  "policies:\n  - name: everything\n    who: { users: [ana, eve] }\n    on: [postgres]\n    allow: [ { everything: true } ]\n")
        gateway = self.lab.gateway(config)
        self.addCleanup(gateway.stop)
        return gateway

    def session(self, gateway, user="ana", **parameters):
        session = Session(gateway.port, user, **parameters)
        self.addCleanup(session.socket.close)
        return session

    def told(self, result):
        """The names that ParameterStatus said meanwhile."""
        prefix = b"application_name\0"
        return [body[len(prefix):-1].decode() for kind, body in result.messages if kind == "S" and body.startswith(prefix)]

    def test_each_sees_its_own(self):
        for pool in POOLS:
            with self.subTest(pool):
                gateway = self.gateway(pool)
                named, other, nameless = (self.session(gateway, application_name="billing"),
                                          self.session(gateway, "eve", application_name="O'Brien's \\ tool"),
                                          self.session(gateway))
                for _ in range(2):
                    for session, name in ((named, "billing"), (other, "O'Brien's \\ tool"), (nameless, "")):
                        self.assertEqual(session.value("SHOW application_name"), name)
                        self.assertEqual(session.run_extended(SHOWN).value(), name)

    def test_what_is_set_lasts_and_what_is_reset_is_the_clients(self):
        for pool in (POOLS[0], POOLS[2]):
            for reset in ("RESET ALL", "RESET application_name", "DISCARD ALL", "SET application_name TO DEFAULT"):
                with self.subTest(pool, reset=reset):
                    gateway = self.gateway(pool)
                    self.session(gateway, "eve", application_name="hers").must("SELECT 1")  # its connection, where it is shared
                    ana, eve = self.session(gateway, application_name="his"), self.session(gateway, "eve", application_name="hers")
                    self.assertEqual(self.told(ana.must("SET application_name = 'job 7'")), ["job 7"])
                    eve.must("SELECT 1")
                    self.assertEqual(ana.value(SHOWN), "job 7")
                    told = self.told(ana.must(reset))  # where it is shared, maybe with the next answer
                    seen = ana.must(SHOWN)
                    self.assertEqual(seen.value(), "his")
                    self.assertEqual(told + self.told(seen), ["his"])
                    eve.must("SELECT 1")
                    self.assertEqual(ana.value("SHOW application_name"), "his")
                    self.assertEqual(eve.value("SHOW application_name"), "hers")

    def test_names_that_servers_would_not_show(self):
        for pool in (POOLS[0], POOLS[2]):
            with self.subTest(pool):
                gateway = self.gateway(pool)
                for name, shown in (("naïve", "na??ve"), ("a" * 80, "a" * 63), ("ü" * 40, "?" * 63)):
                    self.assertEqual(self.session(gateway, application_name=name).value(SHOWN), shown)


if __name__ == "__main__":
    unittest.main()
