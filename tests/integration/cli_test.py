"""The command line against a gateway with TLS: sign in, see, check, tunnel, and what other local users may not."""
import json
import os
import pathlib
import socket
import stat
import subprocess
import sys
import threading
import time
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402


class StandsStill:
    """A way to a gateway that lets `left` more connections through; on the next nobody answers, and `sign` is written."""

    def __init__(self, port, sign):
        self.port_behind, self.sign, self.left, self.sockets = port, sign, 1_000, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.close()
        for each in self.sockets:
            each.close()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            self.sockets.append(client)
            self.left -= 1
            if self.left < 0:
                self.sign.write_text("still", encoding="ascii")
                continue
            behind = socket.create_connection(("127.0.0.1", self.port_behind))
            self.sockets.append(behind)
            for source, to in ((client, behind), (behind, client)):
                threading.Thread(target=self.pump, args=(source, to), daemon=True).start()

    @staticmethod
    def pump(source, to):
        try:
            while data := source.recv(65536):
                to.sendall(data)
            to.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class CommandLine(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.lab.postgres.psql("CREATE TABLE t AS SELECT generate_series(1, 1000) AS a; CREATE TABLE hidden (a int)")
        cls.lab.postgres.psql("CREATE DATABASE second")
        certificates = cls.lab.certificates
        tls = f"tls: {{ cert_file: {certificates.cert}, key_file: {certificates.key} }}"
        config = ("version: 1\nstate_dir: state\nlisten:\n"
                  f"  postgres: {{ address: 127.0.0.1, port: 0, {tls} }}\n  api: {{ address: 127.0.0.1, port: 0, {tls} }}\n" +
                  cls.lab.users("ana", "ada", "nobody") + "groups: { people: [ana] }\ntargets:\n" +
                  cls.lab.target(databases=("second",)) + "policies:\n"
                  "  - { name: read, who: { users: [ana] }, on: [postgres], allow: [ { pack: introspection, "
                  "select: [public.t], functions: [safe] } ] }\n"
                  "  - { name: all, who: { users: [ada] }, on: [postgres], allow: [ { everything: true } ] }\n")
        cls.gateway = cls.lab.gateway(config)
        cls.url = f"https://localhost:{cls.gateway.ports['api']}"

    def setUp(self):
        self.home = pathlib.Path(self.enterContext(lab.tempfile.TemporaryDirectory(prefix="dbgate-home-")))
        self.environment = {**os.environ, "XDG_STATE_HOME": str(self.home / "state"), "XDG_RUNTIME_DIR": str(self.home),
                            "XDG_CONFIG_HOME": str(self.home / "config"), "XDG_CACHE_HOME": str(self.home / "cache"),
                            "DBGATE_CA_FILE": str(self.lab.certificates.ca), "DBGATE_URL": self.url}
        for name in ("DBGATE_TOKEN", "PGPASSWORD"):
            self.environment.pop(name, None)

    def run_cli(self, *arguments, text="", status=0, **environment):
        done = subprocess.run([str(lab.CLI), *map(str, arguments)], input=text, capture_output=True, text=True, timeout=60,
                              env={**self.environment, **environment}, check=False)
        self.assertEqual(done.returncode, status, f"{arguments}: {done.stdout}{done.stderr}")
        return done

    def login(self, user="ana"):
        self.run_cli("login", "--username", user, "--password-stdin", text=lab.PASSWORD + "\n")

    def credentials(self):
        return self.home / "state" / "dbgate" / "credentials.json"

    # Signing in.

    def test_sign_in_and_out(self):
        self.login()
        self.assertEqual(stat.S_IMODE(self.credentials().stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(self.credentials().parent.stat().st_mode), 0o700)
        me = json.loads(self.run_cli("whoami", "-o", "json").stdout)
        self.assertEqual((me["user"]["name"], me["groups"]), ("ana", ["people"]))
        token = json.loads(self.credentials().read_text())["logins"][0]["access_token"]
        self.run_cli("whoami", DBGATE_TOKEN=token, XDG_STATE_HOME=str(self.home / "elsewhere"))
        self.run_cli("logout")
        self.run_cli("whoami", status=4)
        self.run_cli("whoami", status=4, DBGATE_TOKEN=token)  # revoked, not only forgotten

    def test_wrong_passwords_and_unknown_users_read_the_same(self):
        said = []
        for user in ("ana", "stranger"):
            done = self.run_cli("login", "--username", user, "--password-stdin", text="wrong\n", status=4)
            said.append(done.stderr.splitlines()[:2])
        self.assertEqual(said[0], said[1])
        self.assertFalse(self.credentials().exists())

    def test_credentials_that_others_can_read_are_refused(self):
        self.login()
        self.credentials().chmod(0o644)
        self.assertIn("chmod 600", self.run_cli("whoami", status=1).stderr)

    def test_tokens_that_are_not_ours(self):
        self.login()
        token = json.loads(self.credentials().read_text())["logins"][0]["access_token"]
        header, claims, signature = token.split(".")
        none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"
        for bad in (f"{header}.{claims}.{signature[:-2]}xx", f"{none}.{claims}.", f"{header}.{claims}.", "x", "a.b.c", "." * 3):
            self.run_cli("whoami", DBGATE_TOKEN=bad, status=4)

    def test_the_gateways_certificate_is_verified(self):
        other = lab.Certificates(self.home / "tls")
        self.run_cli("login", "--username", "ana", "--password-stdin", text=lab.PASSWORD, status=7, DBGATE_CA_FILE=str(other.ca))
        self.run_cli("login", "--username", "ana", "--password-stdin", text=lab.PASSWORD, status=7,
                     DBGATE_URL=self.url.replace("localhost", "127.0.0.2"))
        done = self.run_cli("--insecure", "login", "--username", "ana", "--password-stdin", text=lab.PASSWORD,
                            DBGATE_CA_FILE=str(other.ca))
        self.assertIn("not verified", done.stderr)
        self.run_cli("whoami", status=2, DBGATE_URL="http://example.com")

    def test_usage(self):
        self.run_cli(status=2)
        self.run_cli("lgin", status=2)
        self.run_cli("list", "--bogus", status=2)
        self.assertIn("audit", self.run_cli("--help").stdout)
        self.run_cli("list", status=2, DBGATE_URL="ftp://x")
        self.run_cli("list", status=7, DBGATE_URL=f"https://localhost:{lab.free_port()}", DBGATE_TOKEN="x")

    # What one may use.

    def test_listings(self):
        self.login()
        number = int(self.lab.postgres.psql("SHOW server_version_num").stdout)
        version = f"{number // 10000}.{number % 10000}"
        lab.wait_until(lambda: version in self.run_cli("list").stdout, "the catalog has been read", 20)
        self.assertEqual(self.run_cli("list").stdout, "name\tengine\tengine_version\tdatabases\taccess\n"
                         f"postgres\tpostgresql\t{version}\tpostgres,second\tread\n")
        self.assertEqual(json.loads(self.run_cli("list", "-o", "json").stdout)[0]["databases"], ["postgres", "second"])
        self.assertEqual(self.run_cli("list", "-o", "csv", "--no-headers").stdout,
                         f'postgres,postgresql,{version},"postgres,second",read\n')
        self.assertEqual(self.run_cli("list", "-q").stdout, "postgres\n")
        self.login("nobody")
        self.assertEqual(self.run_cli("list", "-q").stdout, "")

    def test_check(self):
        self.login()
        self.run_cli("check", "postgres", "-c", "SELECT a FROM t")
        self.run_cli("check", "postgres", "-c", "DELETE FROM t", status=5)
        self.run_cli("check", "postgres", "-f", "-", text="SELEC", status=8)
        self.run_cli("check", "nothing", "-c", "SELECT 1", status=3)
        answer = json.loads(self.run_cli("check", "postgres", "-o", "json", "-c", "DELETE FROM t", status=5).stdout)
        self.assertEqual((answer["effect"], answer["sqlstate"], answer["operation"]), ("deny", "42501", "DELETE"))
        problem = json.loads(self.run_cli("check", "nothing", "-o", "json", "-c", "SELECT 1", status=3).stderr)
        self.assertEqual(problem["exit_code"], 3)

    # Tunnels.

    def test_commands_in_a_tunnel(self):
        self.login()
        done = self.run_cli("connect", "postgres", "--port", "0", "--", "psql", "-X", "-At", "-c", "SELECT count(*) FROM t")
        self.assertEqual(done.stdout, "1000\n")
        denied = self.run_cli("connect", "postgres", "--port", "0", "--", "psql", "-X", "-c", "SELECT * FROM hidden", status=1)
        self.assertIn("permission denied by dbgate policy", denied.stderr)
        self.run_cli("connect", "postgres", "--port", "0", "--", "sh", "-c", "exit 41", status=41)
        self.run_cli("connect", "postgres", "--port", "0", "--", "no-such-command", status=127)
        self.run_cli("connect", "postgres", "--port", "0", "--", "/", status=126)
        self.run_cli("connect", "nothing", "--", "true", status=3)
        self.run_cli("connect", "postgres", "--listen", "0.0.0.0", "--", "true", status=2)
        # The tunnel's user is the one who signed in, whatever the client says.
        user = self.run_cli("connect", "postgres", "--port", "0", "--", "psql", "-X", "-At", "-U", "ada", "-c",
                            "SELECT * FROM hidden", status=1)
        self.assertIn("permission denied", user.stderr)
        self.assertEqual(list((self.home / "dbgate").glob("pass-*")), [], "no password file is left")

    def test_another_database_of_the_target(self):
        self.login("ada")
        done = self.run_cli("connect", "postgres", "--port", "0", "--database", "second", "--", "psql", "-X", "-At", "-c",
                            "SELECT current_database()")
        self.assertEqual(done.stdout, "second\n")

    def test_a_tunnel_leads_to_one_target(self):
        self.login("ada")
        for name, answer in (("second", "second\n"), ("postgres", "postgres\n"), ("postgres/second", "second\n")):
            done = self.run_cli("connect", "postgres", "--port", "0", "--", "psql", "-X", "-At", "-d", name, "-c",
                                "SELECT current_database()")
            self.assertEqual(done.stdout, answer)
        done = self.run_cli("connect", "postgres", "--port", "0", "--", "psql", "-X", "-d", "elsewhere", "-c", "SELECT 1",
                            status=2)
        self.assertIn('database "postgres/elsewhere" does not exist', done.stderr)

    def test_a_tunnel_ends_though_the_gateway_stands_still(self):
        sign = self.home / "still"
        way = StandsStill(self.gateway.ports["api"], sign)
        self.addCleanup(way.close)
        self.environment["DBGATE_URL"] = f"https://localhost:{way.port}"
        self.login("ada")
        way.left = 2  # the command's own, and the tunnel's
        # The tunnel asks whether the sign-in has ended when the gateway, and not its client, ends a session. The client
        # goes when that question is under way.
        client = ("import os, socket, struct, sys, time; connection = socket.create_connection((os.environ['PGHOST'], int(os.environ['PGPORT']))); "
                  "body = b'user\\0ada\\0database\\0elsewhere\\0\\0'; connection.sendall(struct.pack('!II', len(body) + 8, 196608) + body); "
                  "answer = b''.join(iter(lambda: connection.recv(4096), b'')); "
                  f"[time.sleep(0.01) for _ in iter(lambda: os.path.exists('{sign}'), True)]; "
                  "sys.exit(2 if b'does not exist' in answer else 1)")
        began = time.monotonic()
        self.run_cli("connect", "postgres", "--port", "0", "--no-local-password", "--", "/usr/bin/python3", "-c", client, status=2)
        self.assertLess(time.monotonic() - began, 8)  # a handshake may take 10

    def open_tunnel(self, *flags):
        """A tunnel in the background, and what it says of itself."""
        process = subprocess.Popen([str(lab.CLI), "connect", "postgres", "-o", "json", *flags], stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, text=True, env=self.environment)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        events = map(json.loads, process.stdout)
        self.assertEqual(next(events)["event"], "starting")
        event = next(events)
        self.assertEqual(event["event"], "ready")
        return event

    def test_many_connections_at_once_and_cancel(self):
        self.login("ada")
        tunnel = self.open_tunnel("--port", "0")
        password = pathlib.Path(tunnel["passfile"]).read_text().strip().split(":")[-1]
        results = []

        def work(number):
            done = lab.run_psql(f"SELECT sum(a) + {number} FROM t", host=tunnel["host"], port=tunnel["port"], user="ada",
                                database="postgres", password=password, sslmode="disable")
            results.append(int(done.stdout) - number)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(results, [500500] * 8)
        with wire.Connection(tunnel["port"]) as connection, wire.Connection(tunnel["port"]) as request:
            connection.login("ada", "postgres", password)
            connection.send(wire.query("SELECT pg_sleep(60)"))
            running = f"SELECT count(*) FROM pg_stat_activity WHERE pid = {connection.pid} AND wait_event = 'PgSleep'"
            lab.wait_until(lambda: self.lab.postgres.psql(running).stdout == "1\n", "the statement runs", 10)
            request.send(wire.packet(wire.CANCEL_REQUEST, wire.struct.pack("!I", connection.pid) + connection.key))
            self.assertEqual(wire.error_fields(connection.receive_until("E")[-1][1])["C"], "57014")

    def test_other_local_users_need_the_password(self):
        self.login("ada")
        tunnel = self.open_tunnel("--port", "0")
        self.assertEqual(stat.S_IMODE(os.stat(tunnel["passfile"]).st_mode), 0o600)
        done = lab.run_psql("SELECT 1", host=tunnel["host"], port=tunnel["port"], user="ada", database="postgres",
                            password="guess", sslmode="disable", check=False)
        self.assertIn("wrong password for this tunnel", done.stderr)
        open_to_all = self.open_tunnel("--port", "0", "--no-local-password")
        self.assertNotIn("passfile", open_to_all)
        done = lab.run_psql("SELECT 1", host=open_to_all["host"], port=open_to_all["port"], user="ada", database="postgres",
                            sslmode="disable")
        self.assertEqual(done.stdout, "1\n")

    @unittest.skipUnless(os.getuid() == 0, "needs root, to be another user")
    def test_a_unix_socket_is_for_its_owner(self):
        self.login("ada")
        directory = self.home / "socket"
        self.open_tunnel("--socket", directory)
        done = self.run_cli("connect", "postgres", "--socket", self.home / "other", "--", "psql", "-X", "-At", "-c", "SELECT 1")
        self.assertEqual(done.stdout, "1\n")
        for path in (self.home, directory):
            path.chmod(0o755)
        path = directory / ".s.PGSQL.5432"
        path.chmod(0o777)
        program = (f"import socket; s = socket.socket(socket.AF_UNIX); s.connect('{path}'); s.send(b'x' * 8); "
                   "print(s.recv(10))")
        other = subprocess.run(lab.as_server_user(["/usr/bin/python3", "-c", program]), capture_output=True, text=True, check=False)
        self.assertIn(other.stdout, ("b''\n", ""), "the kernel says who it is")

    def test_ports_are_remembered_and_a_taken_one_is_an_error(self):
        self.login("ada")
        first = self.run_cli("connect", "postgres", "--", "printenv", "PGPORT").stdout
        self.assertEqual(self.run_cli("connect", "postgres", "--", "printenv", "PGPORT").stdout, first)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            self.assertIn("taken", self.run_cli("connect", "postgres", "--port", port, "--", "true", status=125).stderr)

    # The API itself.

    def api(self, method, path, body=None, token=None, headers=()):
        request = urllib.request.Request(self.url + path, method=method, data=body, headers=dict(headers))
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        context = lab.ssl.create_default_context(cafile=str(self.lab.certificates.ca))
        try:
            with urllib.request.urlopen(request, context=context, timeout=20) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.headers, refused.read()

    def test_problems_of_the_api(self):
        send_json = {"Content-Type": "application/json"}.items()
        for method, path, body, headers, status in (
                ("GET", "/api/v1/nothing", None, (), 404), ("GET", "/", None, (), 404), ("GET", "/api/v1/login", None, (), 405),
                ("GET", "/api/v1/me", None, (), 401), ("POST", "/api/v1/login", b"{", send_json, 400),
                ("POST", "/api/v1/login", b'{"username": 1, "password": "x"}', send_json, 400),
                ("POST", "/api/v1/login", b'{"username": "a", "password": "b", "c": 1}', send_json, 400),
                ("POST", "/api/v1/login", b"username=a", (("Content-Type", "text/plain"),), 415),
                ("POST", "/api/v1/login", b"[" * 10_000, send_json, 400), ("POST", "/api/v1/login", b"[" * 100_000, send_json, 413), ("GET", "/api/v1/../../etc/passwd", None, (), 404),
                ("GET", "/api/v1/targets/postgres/tunnel", None, (), 426)):
            code, answered, answer = self.api(method, path, body, headers=headers)
            self.assertEqual(code, status, path)
            self.assertEqual(answered["Content-Type"], "application/problem+json")
            problem = json.loads(answer)
            self.assertEqual((problem["status"], problem["request_id"]), (status, answered["X-Request-Id"]))
        code, answered, _ = self.api("GET", "/api/v1/me", headers=(("X-Request-Id", "mine-42"),))
        self.assertEqual((code, answered["X-Request-Id"], answered["WWW-Authenticate"]), (401, "mine-42", "Bearer"))


if __name__ == "__main__":
    unittest.main()
