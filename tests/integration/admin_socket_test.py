"""The admin socket and the commands that use it (docs/operations.md): reload, drain, log level, status, the end of a session; who
may ask, and what somebody who means harm can do."""
import contextlib
import json
import os
import pathlib
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402
from generations import Generations  # noqa: E402

OTHER_UID = 65534


class AdminSocket(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.lab.postgres.psql("CREATE TABLE t (a int)")

    def config(self, extra="", policy="everything: true"):
        return self.lab.forward_everything(extra=extra).replace("everything: true", policy)

    def begin(self, **more):
        return self.lab.gateway(self.config(**more))

    @staticmethod
    def path(gateway):
        return gateway.directory / "state" / "admin.sock"

    def connect(self, gateway):
        connection = socket.socket(socket.AF_UNIX)
        self.addCleanup(connection.close)
        connection.settimeout(60)
        connection.connect(str(self.path(gateway)))
        return connection

    def ask(self, gateway, request):
        connection = self.connect(gateway)
        connection.sendall((request if isinstance(request, bytes) else json.dumps(request).encode()) + b"\n")
        return self.answer(connection)

    @staticmethod
    def answer(connection):
        with connection.makefile("rb") as lines:
            line = lines.readline()
            return json.loads(line) if line else None

    def session(self, gateway):
        connection = wire.Connection(gateway.port)
        self.addCleanup(connection.socket.close)
        connection.login("postgres", "postgres", lab.PASSWORD)
        return connection

    # What it is for.

    def test_status(self):
        gateway = self.begin()
        self.session(gateway)
        done = gateway.command("status", "-o", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        said = json.loads(done.stdout)
        self.assertEqual((said["state"], said["pid"], said["connections"], said["log_level"], said["last_reload_ok"], said["process_before"]),
                         ("serving", gateway.process.pid, 1, "info", True, False))
        ready = next(json.loads(line) for line in gateway.log if '"ready"' in line)
        self.assertEqual(said["config"], ready["config"])
        self.assertIn("state: serving\n", gateway.command("status").stdout)

    def test_reload_waits_for_what_comes_of_it(self):
        gateway = self.begin()
        session = self.session(gateway)
        before = json.loads(gateway.command("status", "-o", "json").stdout)["config"]
        gateway.write_config(self.config(policy="select: [public.nothing]"))
        done = gateway.command("reload", "-o", "json")
        said = json.loads(done.stdout)
        self.assertEqual((done.returncode, said["ok"]), (0, True), done.stderr)
        self.assertNotEqual(said["config"], before)
        session.send(wire.query("SELECT a FROM public.t"))
        self.assertIn("E", [kind for kind, _ in session.receive_until("Z")], "it is in force when the command has ended")
        gateway.write_config(self.config().replace("tls: disable", "tls: perhaps"))
        done = gateway.command("reload")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"gateway\.yaml:\d+:\d+: error: targets\.postgres\.upstream\.tls")
        self.assertIn("the old one stays in force", done.stderr)
        self.assertIn(f"config: {said['config']}\n", done.stdout)
        self.assertNotIn(lab.PASSWORD, done.stderr + done.stdout)
        self.assertFalse(json.loads(gateway.command("status", "-o", "json").stdout)["last_reload_ok"])
        gateway.write_config("version: [")
        done = gateway.command("reload", "--socket", self.path(gateway))
        self.assertEqual(done.returncode, 1)
        self.assertIn("error", done.stderr)
        gateway.write_config(self.config())
        self.assertEqual(gateway.command("reload").returncode, 0)

    def test_the_log_level_changes_while_it_runs(self):
        gateway = self.begin()
        self.assertIn("log_level: error\n", gateway.command("log-level", "error").stdout)
        self.assertEqual(gateway.command("reload").returncode, 0)
        self.assertEqual(gateway.command("log-level", "debug").returncode, 0)
        self.assertEqual(gateway.command("reload").returncode, 0)
        lab.wait_until(lambda: any("configuration reloaded" in line for line in gateway.log), "it is said", 10)
        said = [json.loads(line) for line in gateway.log if line.startswith("{")]
        self.assertEqual([record["msg"] for record in said].count("configuration reloaded"), 1, "the first was not said, and changed nothing about that")
        gateway.write_config(self.config(extra="log: { level: warn }\n"))
        gateway.command("reload")
        self.assertEqual(json.loads(gateway.command("status", "-o", "json").stdout)["log_level"], "warn", "the file says something else now")
        self.assertEqual(gateway.command("log-level", "loud").returncode, 2)
        self.assertIn('"level" must be', self.ask(gateway, {"command": "log-level", "level": "loud"})["error"])

    def test_a_session_is_ended_and_recorded(self):
        gateway = self.begin()
        session = self.session(gateway)
        start = gateway.audit("session.start")[-1]
        done = gateway.command("kill-session", start["session_id"], "--reason", "maintenance")
        self.assertEqual(done.returncode, 0, done.stderr)
        fields = wire.error_fields(session.receive_until("E")[-1][1])
        self.assertEqual(fields["C"], "57P01")
        self.assertIn(f"the admin socket (uid {os.getuid()}): maintenance", fields["M"])
        record = gateway.audit("admin.change")[-1]
        self.assertEqual((record["change"], record["object"], record["reason"], record["user.name"]),
                         ("session.end", start["session_id"], "maintenance", f"the admin socket (uid {os.getuid()})"))
        done = gateway.command("kill-session", start["session_id"])
        self.assertEqual(done.returncode, 1)
        self.assertIn("there is no session", done.stderr)

    def test_drain_waits_for_the_end(self):
        gateway = self.begin()
        session = self.session(gateway)
        session.send(wire.query("BEGIN"))
        session.receive_until("Z")
        waiting = subprocess.Popen([str(lab.GATEWAY), "drain", "--wait", "--config", str(gateway.config)], stdout=subprocess.PIPE, text=True)
        self.addCleanup(waiting.stdout.close)
        self.assertEqual(waiting.stdout.readline(), "state: draining\n")
        self.assertEqual(self.ask(gateway, {"command": "status"})["state"], "draining")
        self.assertIsNone(waiting.poll(), "somebody is in a transaction")
        session.send(wire.query("COMMIT"))
        self.assertEqual(waiting.wait(60), 0)
        self.assertEqual(gateway.process.wait(60), 0)
        self.assertFalse(self.path(gateway).exists())

    def test_drain_need_not_wait(self):
        gateway = self.begin(extra="drain: { min_delay: 20s }\n")
        self.assertEqual(gateway.command("drain").returncode, 0)
        self.assertIsNone(gateway.process.poll())
        self.assertEqual(gateway.command("drain").returncode, 0, "again changes nothing")
        done = gateway.command("drain", "--wait", "--timeout", "200ms")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no answer in time", done.stderr)

    def test_who_runs_no_gateway_is_told(self):
        gateway = self.begin()
        gateway.stop()
        done = gateway.command("reload")
        self.assertEqual(done.returncode, 1)
        self.assertIn("does the gateway run", done.stderr)

    # Handover.

    def test_the_path_is_never_missing_in_a_handover(self):
        generations = Generations(self.lab, self.config())
        self.addCleanup(generations.stop)
        failures, pids, stop = [], set(), threading.Event()

        def ask_all_the_time():
            while not stop.is_set():
                try:
                    with socket.socket(socket.AF_UNIX) as connection:
                        connection.settimeout(60)
                        connection.connect(str(self.path(generations.gateway)))
                        connection.sendall(b'{"command":"status"}\n')
                        pids.add(self.answer(connection)["pid"])
                except (OSError, TypeError) as why:
                    failures.append(why)

        thread = threading.Thread(target=ask_all_the_time)
        thread.start()
        kept = self.session(generations.gateway)
        try:
            for _ in range(3):
                generations.hand_over()
            lab.wait_until(lambda: generations.pids[-1] in pids, "the last one answers", 60)
        finally:
            stop.set()
            thread.join(60)
        self.assertEqual(failures, [])
        kept.socket.close()
        generations.wait_for_end(0)
        self.assertTrue(self.path(generations.gateway).exists(), "the first one leaves the path to the others")
        done = generations.gateway.command("status", "-o", "json")
        self.assertEqual(json.loads(done.stdout)["pid"], generations.pids[-1])
        self.assertEqual(sorted(path.name for path in self.path(generations.gateway).parent.glob("admin.sock*")), ["admin.sock"])

    def test_a_process_that_does_not_come_up_leaves_it_as_it_is(self):
        generations = Generations(self.lab, self.config())
        self.addCleanup(generations.stop)
        generations.gateway.write_config("version: [")
        os.kill(generations.pids[0], signal.SIGUSR2)
        lab.wait_until(lambda: generations.said("the other process does not serve; this one goes on"), "it fails", 60)
        self.assertEqual(self.ask(generations.gateway, {"command": "status"})["pid"], generations.pids[0])

    # Who may, and what they may send.

    def test_nobody_else_may_even_connect(self):
        gateway = self.begin()
        mode = self.path(gateway).stat()
        self.assertTrue(stat.S_ISSOCK(mode.st_mode))
        self.assertEqual((stat.S_IMODE(mode.st_mode), mode.st_uid), (0o600, os.geteuid()))
        self.assertEqual([path.name for path in self.path(gateway).parent.glob("admin.sock.*")], [])

    @unittest.skipIf(os.getuid() != 0, "only root can be somebody else")
    def test_somebody_else_is_refused_whatever_the_mode_is(self):
        gateway = self.begin(extra="", policy="everything: true")
        state = self.path(gateway).parent
        for path, mode in ((gateway.directory, 0o755), (state, 0o755), (self.path(gateway), 0o666)):
            path.chmod(mode)
        script = ("import socket,sys\ns=socket.socket(socket.AF_UNIX)\ns.settimeout(30)\ns.connect(sys.argv[1])\n"
                  "try:\n s.sendall(b'{\"command\":\"drain\"}\\n')\n print(s.recv(100))\nexcept (ConnectionResetError, BrokenPipeError): print(b'')\n")
        done = subprocess.run(["setpriv", f"--reuid={OTHER_UID}", f"--regid={OTHER_UID}", "--clear-groups", sys.executable, "-c", script,
                               str(self.path(gateway))], capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual(done.stdout, "b''\n", done.stderr)
        lab.wait_until(lambda: any("somebody else's connection is refused" in line for line in gateway.log), "it is said", 10)
        self.assertEqual(self.ask(gateway, {"command": "status"})["state"], "serving")

    @unittest.skipIf(os.getuid() != 0, "only root can be somebody else")
    def test_commands_trust_nobody_else(self):
        with contextlib.ExitStack() as stack:
            directory = self.lab.directory / "shared"
            directory.mkdir()
            directory.chmod(0o777)
            server = subprocess.Popen(["setpriv", f"--reuid={OTHER_UID}", "--clear-groups", sys.executable, "-c",
                                       "import socket,sys\ns=socket.socket(socket.AF_UNIX)\ns.bind(sys.argv[1])\ns.listen()\nimport os\n"
                                       "os.chmod(sys.argv[1],0o666)\nprint('up',flush=True)\ns.accept()[0].recv(1)",
                                       str(directory / "admin.sock")], stdout=subprocess.PIPE, text=True)
            stack.callback(server.wait)
            stack.callback(server.kill)
            stack.callback(server.stdout.close)
            self.assertEqual(server.stdout.readline(), "up\n")
            done = subprocess.run(["setpriv", "--reuid=65533", "--clear-groups", str(lab.GATEWAY), "reload", "--socket", str(directory / "admin.sock")],
                                  capture_output=True, text=True, check=False, timeout=60)
            self.assertEqual(done.returncode, 1)
            self.assertIn("is another user's", done.stderr)

    def test_what_is_no_request_is_answered_so(self):
        gateway = self.begin()
        for request in (b"", b"{}", b"[]", b"reload", b"\xff\xfe", b'{"command":"explode"}', b'{"command":7}', b'{"command":"status","wait":true}',
                        b'{"command":"drain","wait":1}', b'{"command":"kill-session"}', b'{"command":"kill-session","id":7}',
                        b'{"command":"log-level"}', b"[" * 2000):
            with self.subTest(request[:40]):
                said = self.ask(gateway, request)
                self.assertFalse(said["ok"])
                self.assertTrue(said["error"])
        self.assertIn("4096", self.ask(gateway, b"x" * 5000)["error"])
        connection = self.connect(gateway)
        connection.sendall(b'{"command":"status"}\n{"command":"drain"}\n')
        self.assertEqual(self.answer(connection)["state"], "serving")
        self.assertEqual(self.ask(gateway, {"command": "status"})["state"], "serving", "one request is answered")

    def test_those_who_say_nothing_are_in_nobodys_way_for_long(self):
        gateway = self.begin()
        session = self.session(gateway)
        silent = [self.connect(gateway) for _ in range(16)]
        began = time.monotonic()
        # Beyond those nobody is answered, until they are given up; clients of the gateway notice nothing.
        self.assertEqual(self.connect(gateway).recv(1), b"")
        session.send(wire.query("SELECT 1"))
        self.assertEqual(session.receive_until("Z")[-1][0], "Z")
        silent[0].sendall(b'{"command"')
        self.assertEqual([connection.recv(1) for connection in silent], [b""] * 16)
        self.assertGreater(time.monotonic() - began, 4)
        self.assertEqual(self.ask(gateway, {"command": "status"})["state"], "serving")

    # Where it is.

    def test_a_stale_socket_is_replaced(self):
        gateway = self.begin()
        gateway.process.kill()
        gateway.process.wait()
        self.assertTrue(self.path(gateway).exists())
        again = lab.Gateway(gateway.directory, self.config())
        self.addCleanup(again.stop)
        self.assertEqual(self.ask(again, {"command": "status"})["pid"], again.process.pid)

    def test_it_may_be_elsewhere(self):
        place = self.lab.directory / "run"
        place.mkdir(exist_ok=True)
        config = self.config().replace("listen:\n", f"listen:\n  admin: {{ socket: {place}/dbgate.sock }}\n")
        gateway = self.lab.gateway(config)
        self.assertFalse(self.path(gateway).exists())
        self.assertEqual(gateway.command("status").returncode, 0)
        # Somebody answers there: this one must not take it away.
        with self.assertRaisesRegex(AssertionError, "another process listens there"):
            lab.Gateway(self.lab.directory / "second", config)
        self.assertEqual(gateway.command("status").returncode, 0)
        gateway.stop()
        self.assertFalse((place / "dbgate.sock").exists())

    def test_nothing_else_is_overwritten(self):
        file = self.lab.directory / "precious"
        file.write_text("precious", encoding="ascii")
        link = self.lab.directory / "link"
        link.symlink_to(file)
        for path in (file, link):
            with self.subTest(path.name), self.assertRaisesRegex(AssertionError, "something else is there that is no socket"):
                lab.Gateway(self.lab.directory / f"over-{path.name}", self.config().replace("listen:\n", f"listen:\n  admin: {{ socket: {path} }}\n"))
        self.assertEqual(file.read_text(encoding="ascii"), "precious")
        self.assertTrue(link.is_symlink())

    def test_a_path_that_cannot_be_is_an_error_if_it_was_asked_for(self):
        for path, what in (("relative.sock", "must be a path from the root"), ("/x" * 60, "must not be longer")):
            with self.subTest(path), self.assertRaisesRegex(AssertionError, what):
                lab.Gateway(self.lab.directory / "odd", self.config().replace("listen:\n", f"listen:\n  admin: {{ socket: {path} }}\n"))
        with self.assertRaisesRegex(AssertionError, "cannot listen on /nonexistent/a.sock"):
            lab.Gateway(self.lab.directory / "odd", self.config().replace("listen:\n", "listen:\n  admin: { socket: /nonexistent/a.sock }\n"))

    def test_without_one_it_serves_all_the_same(self):
        long = self.lab.directory / ("d" * 100)
        gateway = lab.Gateway(long, self.config())
        self.addCleanup(gateway.stop)
        self.assertTrue(any("there is no admin socket" in line for line in gateway.log))
        self.session(gateway)
        self.assertEqual(gateway.command("status").returncode, 1)


if __name__ == "__main__":
    unittest.main()
