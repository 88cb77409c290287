"""The tcp engine: connection-level policy, and an account of connections and bytes."""
import os
import pathlib
import socket
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402


class Echo:
    """A server that sends back what it gets and closes when the client has finished."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    @staticmethod
    def _serve(client):
        with client:
            while data := client.recv(65536):
                client.sendall(data)


class TcpEngine(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.echo = Echo()
        cls.addClassCleanup(cls.echo.listener.close)
        listeners = "".join(
            f"  {name}:\n    engine: tcp\n    upstream: {{ hosts: [\"127.0.0.1:{cls.echo.port}\"] }}\n"
            f"    listen: {{ address: 127.0.0.1, port: 0, user: {user} }}\n" for name, user in (("cache", "app"), ("closed", "app")))
        cls.gateway = cls.lab.gateway(
            "version: 1\nstate_dir: state\nlisten:\n  api: { address: 127.0.0.1, port: 0 }\n" + cls.lab.users("app") + "targets:\n" +
            listeners + "policies:\n  - { name: cache, who: { users: [app] }, on: [cache], allow: [ { connect: true } ] }\n"
            "  - { name: closed, who: { users: [app] }, on: [closed], allow: [ { select: [\"*\"] } ] }\n")

    def exchange(self, port, data):
        with socket.create_connection(("127.0.0.1", port), 10) as client:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            answer = b""
            while part := client.recv(65536):
                answer += part
            return answer

    def test_bytes_pass_and_are_counted(self):
        data = os.urandom(3_000_000)
        received = []
        # More than the buffers on the way hold: both directions must move at once.
        with socket.create_connection(("127.0.0.1", self.gateway.ports["cache"]), 10) as client:
            sender = threading.Thread(target=lambda: (client.sendall(data), client.shutdown(socket.SHUT_WR)))
            sender.start()
            while part := client.recv(65536):
                received.append(part)
            sender.join()
        self.assertEqual(b"".join(received), data)
        account = {"user.name": "app", "target": "cache", "bytes_from_client": len(data), "bytes_to_client": len(data)}
        lab.wait_until(lambda: any(account.items() <= record.items() for record in self.gateway.audit("session.end")),
                       "the bytes are on record", 10)

    def test_a_connection_that_no_rule_allows_is_closed(self):
        self.assertEqual(self.exchange(self.gateway.ports["closed"], b"x"), b"")
        effects = {record["target"]: record["decision.effect"] for record in self.gateway.audit("statement.decided")}
        self.assertEqual(effects["closed"], "deny")
        self.assertFalse([record for record in self.gateway.audit() if "db.system.name" in record], "nobody knows what it is")

    def test_through_a_tunnel(self):
        with lab.tempfile.TemporaryDirectory() as home:
            environment = {**os.environ, "XDG_STATE_HOME": home, "XDG_RUNTIME_DIR": home,
                           "DBGATE_URL": f"http://127.0.0.1:{self.gateway.ports['api']}"}

            def cli(*arguments, text=""):
                return subprocess.run([str(lab.CLI), *arguments], input=text, capture_output=True, text=True, env=environment,
                                      timeout=60, check=False)

            self.assertEqual(cli("login", "--username", "app", "--password-stdin", text=lab.PASSWORD).returncode, 0)
            self.assertIn("does not speak PostgreSQL", cli("connect", "cache", "--", "true").stderr)
            program = ("import os, socket; s = socket.create_connection((os.environ['PGHOST'], os.environ['PGPORT'])); "
                       "s.sendall(b'hello'); print(s.recv(100).decode())")
            done = cli("connect", "cache", "--port", "0", "--no-local-password", "--", "/usr/bin/python3", "-c", program)
            self.assertEqual(done.stdout, "hello\n", done.stderr)


if __name__ == "__main__":
    unittest.main()
