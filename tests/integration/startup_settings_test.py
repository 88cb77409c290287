"""Settings of the startup packet: what policies let somebody set may be given when connecting, and nothing else."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402

DATABASE = "postgres"


def config(it, pool=None):
    return ("version: 1\nstate_dir: state\n" + it.listen() + it.users("keeper", "reader", "filtered", "tuner", "bound") + "targets:\n" +
            it.target(DATABASE, search_path=("app", "public"), pool=pool) + """policies:
  - { name: keeps, who: { users: [keeper, filtered, bound] }, on: [postgres], allow: [ { everything: true } ] }
  - { name: reads, who: { users: [reader, tuner] }, on: [postgres], allow: [ { select: ['app.*'], functions: [safe] } ] }
  - { name: tunes, who: { users: [tuner] }, on: [postgres], allow: [ { set: [app.tenant] } ] }
  - { name: binds, who: { users: [bound] }, on: [postgres], deny: [ { set: [statement_timeout, work_mem] } ] }
  - { name: hides, who: { users: [filtered] }, on: [postgres], filter: { public.t: "a = 1" } }
""")


class Settings(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.lab.postgres.psql("CREATE SCHEMA app; CREATE TABLE app.t (a int); CREATE TABLE public.t (a int)")
        cls.gateways = [cls.lab.gateway(config(cls.lab)), cls.lab.gateway(config(cls.lab, pool="mode: transaction, max: 3"))]

    def shown(self, gateway, user, name, **parameters):
        """What the setting is when the client is in."""
        connection = wire.Connection(gateway.port)
        self.addCleanup(connection.socket.close)
        connection.login(user, DATABASE, lab.PASSWORD, **parameters)
        connection.send(wire.query(f"SHOW {name}"))
        return [body for kind, body in connection.receive_until("Z") if kind in "DE"]

    def is_refused(self, gateway, user, **parameters):
        connection = wire.Connection(gateway.port)
        self.addCleanup(connection.socket.close)
        with self.assertRaises(PermissionError) as refused:
            connection.login(user, DATABASE, lab.PASSWORD, **parameters)
        fields = refused.exception.args[0]
        self.assertEqual((fields["S"], fields["C"]), ("FATAL", "42501"))
        self.assertRegex(fields["M"], "^setting \"[a-z_.]+\" may not be given when connecting$")

    def test_who_may_do_everything_gives_what_set_could(self):
        for gateway in self.gateways:
            for name, value in (("search_path", "public"), ("search_path", '"public", "app"'), ("work_mem", "3456kB"), ("row_security", "off")):
                for way in ({name: value}, {"options": f"-c {name}=" + value.replace(" ", "\\ ")}):
                    with self.subTest(way):
                        (row,) = self.shown(gateway, "keeper", name, **way)
                        self.assertIn(value.encode(), row)

    def test_the_path_of_the_target_may_be_said(self):
        for gateway in self.gateways:
            for user in ("reader", "filtered", "keeper"):
                for path in ("app,public", 'app, "public"', " APP , public"):
                    with self.subTest(user=user, path=path):
                        (row,) = self.shown(gateway, user, "search_path", search_path=path)
                        self.assertIn(b"app", row)

    def test_what_policies_do_not_allow_is_refused(self):
        for gateway in self.gateways:
            for user, settings in (("reader", ("search_path", "row_security", "app.tenant")),
                                   ("tuner", ("search_path", "app.other")), ("filtered", ("search_path",)),
                                   ("keeper", ("role", "session_authorization", "dbgate.x", "local_preload_libraries",
                                               "session_preload_libraries"))):
                for name in settings:
                    for way in ({name: "public"}, {"options": f"-c {name}=public"}):
                        with self.subTest(way, user=user):
                            self.is_refused(gateway, user, **way)

    def test_a_path_is_judged_as_the_server_reads_it(self):
        for gateway in self.gateways:
            for user in ("reader", "filtered"):
                for path in ("''/*,hidden,*/", "''--,hidden", '"",5', "'',hidden", "app,public--,hidden", "app,/*public*/,public"):
                    with self.subTest(path=path, user=user):
                        self.is_refused(gateway, user, search_path=path)
                for path in ("", '""', "app\f,public"):
                    with self.subTest(path=path, user=user):
                        connection = wire.Connection(gateway.port)
                        self.addCleanup(connection.socket.close)
                        connection.login(user, DATABASE, lab.PASSWORD, search_path=path)

    def test_what_the_packet_says_of_itself_is_no_setting(self):
        for gateway in self.gateways:
            for user in ("keeper", "filtered"):
                for way in ({"OPTIONS": "-c role=buried"}, {"Replication": "database"}, {"_PQ_.x": "1"}, {"options": "-c options=-crole=buried"},
                            {"options": "--options=--role=buried"}, {"options": "-c database=other"}, {"options": "-creplication=database"}):
                    with self.subTest(way, user=user):
                        self.is_refused(gateway, user, **way)

    def test_what_a_rule_denies_is_left_out(self):
        both = {"statement_timeout": "12345", "DateStyle": "SQL, DMY"}
        for gateway in self.gateways:
            for way in (both, {"options": "-c statement_timeout=12345 -c DateStyle=SQL,DMY"}):
                for user, timeout in (("bound", b"0"), ("keeper", b"12345")):
                    with self.subTest(way, user=user):
                        connection = wire.Connection(gateway.port)
                        self.addCleanup(connection.socket.close)
                        connection.login(user, DATABASE, lab.PASSWORD, **way)
                        connection.send(wire.query("SELECT setting FROM pg_settings WHERE name = 'statement_timeout'"))
                        (row,) = [body[6:] for kind, body in connection.receive_until("Z") if kind in "DE"]
                        self.assertEqual(row, timeout)
                        (row,) = self.shown(gateway, user, "DateStyle", **way)
                        self.assertTrue(row.endswith(b"SQL, DMY"), row)
            self.is_refused(gateway, "bound", work_mem="4MB")

    def test_a_setting_that_a_rule_names(self):
        for gateway in self.gateways:
            connection = wire.Connection(gateway.port)
            self.addCleanup(connection.socket.close)
            connection.login("tuner", DATABASE, lab.PASSWORD, **{"app.tenant": "red's"})
            connection.send(wire.query("SHOW app.tenant"))
            self.assertIn(b"red's", b"".join(body for kind, body in connection.receive_until("Z") if kind == "D"))

    def test_a_parameter_has_the_last_word_over_options(self):
        both = {"TimeZone": "UTC", "options": "-c TimeZone=Asia/Tokyo -c client_encoding=LATIN1", "client_encoding": "UTF8"}
        for order in (both, dict(reversed(both.items()))):
            for gateway in (self.lab.postgres, *self.gateways):
                with self.subTest(list(order), gateway=gateway):
                    user = "postgres" if gateway is self.lab.postgres else "reader"
                    (row,) = self.shown(gateway, user, "TimeZone", **order)
                    self.assertIn(b"UTC", row)
                    (row,) = self.shown(gateway, user, "client_encoding", **order)
                    self.assertIn(b"UTF8", row)

    def test_what_the_server_refuses_is_its_word(self):
        connection = wire.Connection(self.gateways[0].port)
        self.addCleanup(connection.socket.close)
        with self.assertRaises(PermissionError) as refused:
            connection.login("keeper", DATABASE, lab.PASSWORD, work_mem="much")
        self.assertEqual(refused.exception.args[0]["C"], "22023")


if __name__ == "__main__":
    unittest.main()
