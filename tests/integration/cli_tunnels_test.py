"""Tunnels of a real gateway: in the background, by name, over time, and what others are told about them."""
import json
import os
import pathlib
import re
import socket
import stat
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import terminal  # noqa: E402
import wire  # noqa: E402


class Tunnels(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.lab.postgres.psql("CREATE TABLE t AS SELECT generate_series(1, 1000) AS a; CREATE DATABASE second")
        cls.gateway = cls.lab.gateway("version: 1\nstate_dir: state\n" + cls.lab.listen(tls=True) + cls.lab.users("ada") + "targets:\n" +
                                      cls.lab.target("shop", databases=("second",), database="postgres") +
                                      "policies:\n  - { name: all, who: { users: [ada] }, on: [shop], allow: [ { everything: true } ] }\n")

    def setUp(self):
        self.home = pathlib.Path(self.enterContext(lab.tempfile.TemporaryDirectory(prefix="dbgate-tunnels-")))
        self.environment = {**os.environ, "HOME": str(self.home), "XDG_STATE_HOME": str(self.home / "state"), "XDG_RUNTIME_DIR": str(self.home),
                            "XDG_CONFIG_HOME": str(self.home / "config"), "XDG_CACHE_HOME": str(self.home / "cache"),
                            "DBGATE_CA_FILE": str(self.lab.certificates.ca), "DBGATE_URL": f"https://localhost:{self.gateway.ports['api']}"}
        for name in ("DBGATE_TOKEN", "PGPASSWORD", "PGSERVICEFILE"):
            self.environment.pop(name, None)
        self.cli("login", "--username", "ada", "--password-stdin", text=lab.PASSWORD + "\n")
        self.addCleanup(self.cli, "disconnect", "--all")

    def cli(self, *arguments, text="", status=0, **environment):
        done = subprocess.run([str(lab.CLI), *map(str, arguments)], input=text, capture_output=True, text=True, timeout=60,
                              env={**self.environment, **environment}, check=False)
        self.assertEqual(done.returncode, status, f"{arguments}: {done.stdout}{done.stderr}")
        return done

    def status(self):
        return json.loads(self.cli("status", "-o", "json").stdout)

    def psql(self, command, sql="SELECT count(*) FROM t"):
        return subprocess.run(f"{command} -X -At -c '{sql}'", shell=True, capture_output=True, text=True, env=self.environment, timeout=30,
                              check=False)

    def test_a_tunnel_in_the_background(self):
        done = self.cli("connect", "shop", "--background")
        self.assertEqual(self.psql(done.stdout.strip()).stdout, "1000\n")
        self.assertEqual(self.psql(done.stdout.strip()).stdout, "1000\n")  # a second connection
        tunnel = self.status()[0]
        self.assertEqual((tunnel["name"], tunnel["target"], tunnel["background"], tunnel["connections"], tunnel["last_error"]),
                         ("shop", "shop", True, 2, None))
        self.assertGreater(tunnel["bytes_received"], tunnel["bytes_sent"])
        listed = json.loads(self.cli("list", "-o", "json").stdout)[0]
        self.assertEqual(listed["port"], tunnel["port"])
        self.assertIn("\tport\n", self.cli("list").stdout)
        second = self.cli("connect", "shop", "--background", "--port", "0", "--database", "second")
        self.assertEqual(self.psql(second.stdout.strip(), "SELECT current_database()").stdout, "second\n")
        third = json.loads(self.cli("connect", "shop", "--background", "--port", "0", "-o", "json").stdout.splitlines()[-1])
        self.assertEqual(third["event"], "ready")
        self.assertEqual({tunnel["name"] for tunnel in self.status()}, {"shop", "shop-2", "shop/second"})
        self.assertIn('did you mean "shop-2"', self.cli("disconnect", "shop-3", status=3).stderr)
        self.cli("disconnect", "shop/second")
        self.assertEqual(len(self.status()), 2)
        passfile = pathlib.Path(tunnel["passfile"])
        self.assertEqual(stat.S_IMODE(passfile.stat().st_mode), 0o600)
        # Nothing that a URL or a connection string of ODBC would take for something else.
        self.assertRegex(passfile.read_text(encoding="ascii").strip().split(":")[-1], r"^[A-Za-z0-9]{32}$")
        self.cli("disconnect", "--all")
        self.assertEqual(self.status(), [])
        self.assertFalse(passfile.exists())
        self.assertEqual(list((self.home / "dbgate" / "tunnels").iterdir()), [])
        self.cli("disconnect", status=2)

    def test_what_fails_in_the_background_is_told_in_the_foreground(self):
        self.assertIn("no target", self.cli("connect", "nothing", "--background", status=3).stderr)
        self.cli("connect", "shop", "--background", "--psql", status=2)
        self.cli("connect", "shop", "--background", "--listen", "192.0.2.1", "--allow-remote", "--port", "0", status=125)

    def test_env_and_pgservice(self):
        self.cli("env", "shop", status=3)
        self.cli("connect", "shop", "--background")
        lines = self.cli("env", "shop").stdout
        self.assertEqual(set(re.findall(r"^export (\w+)=", lines, re.MULTILINE)),
                         {"PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGSSLMODE", "PGPASSFILE"})
        self.assertEqual(self.psql(f"eval \"$({lab.CLI} env shop)\"; psql").stdout, "1000\n")
        service = self.home / ".pg_service.conf"
        service.write_text("[mine]\nhost=x\n\n[shop]\nhost=old\n")
        service.chmod(0o644)
        for _ in range(2):
            self.cli("config", "pgservice", "shop")
        self.assertEqual(service.read_text().count("[shop]"), 1)
        self.assertIn("[mine]\nhost=x\n", service.read_text())
        self.assertNotIn("old", service.read_text())
        self.assertEqual(self.psql("PGSERVICE=shop psql").stdout, "1000\n")
        self.assertIn("[other]", self.cli("config", "pgservice", "shop", "--name", "other", "--print").stdout)
        self.cli("config", "pgservice", "shop", "--name", "a]\n[b", status=2)

    def events(self, *flags, **environment):
        process = subprocess.Popen([str(lab.CLI), "connect", "shop", "-o", "json", *flags], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, env={**self.environment, **environment})
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process, map(json.loads, process.stdout)

    def test_events_and_the_end_by_time(self):
        process, events = self.events("--port", "0", "--ttl", "1s")
        names = list(events)
        self.assertEqual([event["event"] for event in names], ["starting", "ready", "ended"])
        for event in names:
            self.assertEqual(event["target"], "shop")
            self.assertRegex(event["ts"], r"^\d{4}-\d\d-\d\dT.*Z$")
        self.assertEqual((names[2]["reason"], names[2]["resume"]), ("expired", "dbgate connect shop --port 0"))
        self.assertEqual(process.wait(20), 0)

    def test_ends_by_signals(self):
        for signal, status, reason in ((2, 130, "interrupted"), (15, 143, "terminated")):
            process, events = self.events("--port", "0")
            self.assertEqual([next(events)["event"], next(events)["event"]], ["starting", "ready"])
            process.send_signal(signal)
            self.assertEqual(next(events)["reason"], reason)
            self.assertEqual(process.wait(20), status)

    def test_the_end_of_the_sign_in_ends_the_tunnel(self):
        process, events = self.events("--port", "0")
        next(events)
        ready = next(events)
        password = pathlib.Path(ready["passfile"]).read_text().strip().split(":")[-1]
        self.cli("logout")  # another process; the token is revoked at the gateway
        with wire.Connection(ready["port"]) as connection, self.assertRaises(PermissionError):
            connection.login("ada", "shop", password)
        ended = next(events)
        self.assertEqual(ended["event"], "ended")
        self.assertIn("not signed in", ended["reason"])
        self.assertEqual(process.wait(20), 4)

    def test_a_tunnel_on_a_terminal(self):
        with terminal.Terminal([lab.CLI, "connect", "shop", "--port", "0"], self.environment) as term:
            term.expect("tunnel to shop is ready")
            command = term.expect(r"PGPASSFILE=\S+ psql -h 127\.0\.0\.1 -p \d+ -U ada shop")[0]
            self.assertEqual(self.psql(command).stdout, "1000\n")
            term.expect("Ctrl-C ends it")
            term.type("\x03")
            term.expect("tunnel to shop ended: interrupted\n  resume: dbgate connect shop --port 0")
            self.assertEqual(term.wait(), 130)
        with terminal.Terminal([lab.CLI, "connect", "shop", "--port", "0", "--psql"], {**self.environment, "PAGER": ""}) as term:
            term.expect("shop=[#>]")
            term.type("SELECT 6 * 7 AS answer;\n")
            term.expect("42")
            term.type("\\q\n")
            self.assertEqual(term.wait(), 0)

    def test_the_owner_of_a_taken_port_is_named(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            said = self.cli("connect", "shop", "--port", taken.getsockname()[1], status=125).stderr
        self.assertRegex(said, rf"is taken by \S+ \(pid {os.getpid()}\)")

    def test_only_the_owner_gives_orders(self):
        self.cli("connect", "shop", "--background")
        control = next((self.home / "dbgate" / "tunnels").iterdir())
        self.assertEqual(stat.S_IMODE(control.parent.stat().st_mode), 0o700)
        if os.getuid() != 0:
            self.skipTest("needs root, to be another user")
        for path in (self.home, self.home / "dbgate", control.parent):
            path.chmod(0o755)
        control.chmod(0o777)
        program = f"import socket; s = socket.socket(socket.AF_UNIX); s.connect('{control}'); s.send(b'end\\n'); print(s.recv(10))"
        other = subprocess.run(lab.as_server_user(["/usr/bin/python3", "-c", program]), capture_output=True, text=True, check=False)
        self.assertNotIn("ended", other.stdout)
        self.assertEqual(len(self.status()), 1)

    def test_sockets_of_dead_tunnels_are_swept(self):
        self.cli("connect", "shop", "--background")
        os.kill(self.status()[0]["pid"], 9)
        sockets = self.home / "dbgate" / "tunnels"
        # A process that is being killed still has its socket: nobody answers there, and it is swept by a later look.
        lab.wait_until(lambda: self.status() == [] and not list(sockets.iterdir()), "the dead tunnel is gone", 10)

    def test_garbage_on_the_control_socket(self):
        self.cli("connect", "shop", "--background")
        control = str(next((self.home / "dbgate" / "tunnels").iterdir()))
        for garbage in (b"", b"x" * 100_000, b"end", b"\x00\n", b"status\nend\n"):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(control)
                try:
                    client.sendall(garbage)
                except OSError:
                    pass
        begin = time.monotonic()
        self.assertEqual(len(self.status()), 1)
        self.assertLess(time.monotonic() - begin, 3)


if __name__ == "__main__":
    unittest.main()
