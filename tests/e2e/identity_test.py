"""People as they meet the gateway: `dbgate` signs in by every way there is, psql runs, and what ends a sign-in ends both."""
import json
import os
import pathlib
import re
import secrets
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import authenticator  # noqa: E402
import identity_provider  # noqa: E402
import lab  # noqa: E402
import stored_users  # noqa: E402
import terminal  # noqa: E402

AT_ONCE_SECONDS = 1  # of what has ended until its sessions have
BROWSER = """#!{python}
import ssl, sys, urllib.error, urllib.request
sys.path.insert(0, {support!r})
import identity_provider
at, page = identity_provider.Browser({issuer!r}).visit(sys.argv[1])
class Stop(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args, **kwargs):
        return None
opener = urllib.request.build_opener(Stop(), urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile={ca!r})))
try:
    opener.open(at, timeout=20)
except urllib.error.HTTPError as answer:
    urllib.request.urlopen(answer.headers["Location"], timeout=20).close()
"""


class People(unittest.TestCase):
    """What the tests have in common: a gateway with TLS, and homes of people."""

    users = ("ana", "ada")

    @classmethod
    def configuration(cls, extra=""):
        return ("version: 1\nstate_dir: state\nlimits: { api_requests_per_minute: 1000000 }\n" + extra + cls.lab.listen(tls=True) +
                cls.lab.users(*cls.users) + "targets:\n" + cls.lab.target() + "policies:\n"
                "  - { name: all, who: { users: [ana, ada] }, on: [postgres], allow: [ { everything: true } ] }\n")

    def home(self, gateway=None):
        home = pathlib.Path(self.enterContext(lab.tempfile.TemporaryDirectory(prefix="dbgate-home-")))
        dropped = ("DBGATE_", "PG", "XDG_", "SSH_", "DISPLAY", "WAYLAND", "BROWSER")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        return {**environment, "HOME": str(home), "XDG_STATE_HOME": str(home), "XDG_RUNTIME_DIR": str(home),
                "XDG_CONFIG_HOME": str(home), "XDG_CACHE_HOME": str(home), "DBGATE_CA_FILE": str(self.lab.certificates.ca),
                "DBGATE_URL": f"https://localhost:{(gateway or self.gateway).ports['api']}"}

    def cli(self, home, *arguments, text="", status=0):
        done = subprocess.run([str(lab.CLI), *arguments], input=text, capture_output=True, text=True, env=home, timeout=60, check=False)
        self.assertEqual(done.returncode, status, f"{arguments}: {done.stdout}{done.stderr}")
        return done.stdout

    def login(self, home, user="ana", password=lab.PASSWORD, status=0, code=""):
        return self.cli(home, "login", "--username", user, "--password-stdin", text=f"{password}\n{code}\n", status=status)

    def whoami(self, home):
        return json.loads(self.cli(home, "whoami", "-o", "json"))["user"]["name"]

    def token(self, home):
        return self.cli(home, "token").strip()

    def tunnel(self, home):
        """The event of an open tunnel, and its process."""
        process = self.enterContext(subprocess.Popen([str(lab.CLI), "connect", "postgres", "--port", "0", "-o", "json"],
                                                     stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=home))
        self.addCleanup(process.kill)
        ready = next(event for event in map(json.loads, process.stdout) if event["event"] == "ready")
        return ready, process

    def psql(self, port, user, password, host="localhost", sslmode="require"):
        """A psql that waits for statements; `ask` gives it one and returns what it says."""
        process = self.enterContext(subprocess.Popen(
            ["psql", "-X", "-A", "-t", "-q", "-h", host, "-p", str(port), "-U", user, "-d", "postgres"], text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "PGPASSWORD": password, "PGSSLMODE": sslmode}))
        self.addCleanup(process.kill)
        self.assertEqual(self.ask(process, "SELECT 'lives'"), "lives\n")
        return process

    @staticmethod
    def ask(process, sql):
        process.stdin.write(sql + ";\n")
        process.stdin.flush()
        return process.stdout.readline()

    def ends_at_once(self, process, end):
        """`end` ends what psql signed in with, while a statement runs."""
        process.stdin.write("SELECT pg_sleep(30);\n")
        process.stdin.flush()
        lab.wait_until(lambda: self.lab.postgres.psql("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND "
                                                      "query LIKE 'SELECT pg_sleep%'").stdout != "0\n", "it runs", 10)
        ended = threading.Event()
        said = []
        reader = threading.Thread(target=lambda: (said.append(process.stdout.readline()), ended.set()), daemon=True)
        reader.start()
        end()
        began = time.monotonic()
        self.assertTrue(ended.wait(10), "the session lives on")
        self.assertLess(time.monotonic() - began, AT_ONCE_SECONDS)
        self.assertRegex(said[0], "FATAL|closed|terminat")
        process.stdin.close()


class SignedIn(People):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        # Tunnels renew a minute before the end.
        cls.gateway = cls.lab.gateway(cls.configuration("tokens: { access_ttl: 62s }\n"))

    def test_a_sign_in_is_renewed_beneath_a_tunnel(self):
        home = self.home()
        self.login(home)
        ready, process = self.tunnel(home)
        password = pathlib.Path(ready["passfile"]).read_text(encoding="utf-8").strip().split(":")[-1]
        inside = self.psql(ready["port"], ready["user"], password, "127.0.0.1", "disable")
        self.assertEqual(json.loads(process.stdout.readline())["event"], "renewed")
        self.assertEqual(self.ask(inside, "SELECT 'still'"), "still\n")
        inside.stdin.close()

    def test_logout_ends_the_tunnel_and_the_token(self):
        home = self.home()
        self.login(home)
        ready, _ = self.tunnel(home)
        password = pathlib.Path(ready["passfile"]).read_text(encoding="utf-8").strip().split(":")[-1]
        inside = self.psql(ready["port"], ready["user"], password, "127.0.0.1", "disable")
        self.ends_at_once(inside, lambda: self.cli(home, "logout"))
        self.cli(home, "whoami", status=4)

    def test_a_database_password_lives_until_it_is_revoked(self):
        home = self.home()
        self.login(home, "ada")
        made = json.loads(self.cli(home, "database-password", "create", "laptop", "-o", "json"))
        lab.wait_until(lambda: lab.run_psql("SELECT 1", host="localhost", port=self.gateway.port, user="ada", database="postgres",
                                            password=made["password"], check=False).returncode == 0, "it opens the target", 10)
        session = self.psql(self.gateway.port, "ada", made["password"])
        self.ends_at_once(session, lambda: self.cli(home, "database-password", "revoke", made["id"], "--yes"))
        self.assertEqual(json.loads(self.cli(home, "database-password", "list", "-o", "json")), [])

    def test_a_personal_token_is_good_for_what_it_says(self):
        home = self.home()
        self.login(home)
        made = json.loads(self.cli(home, "personal-token", "create", "ci", "--scope", "read", "-o", "json"))
        script = {**self.home(), "DBGATE_TOKEN": made["secret"]}
        self.assertEqual(self.cli(script, "list", "-q"), "postgres\n")
        self.cli(script, "exec", "postgres", "-c", "SELECT 1", status=5)
        self.cli(home, "personal-token", "revoke", made["id"], "--yes")
        self.cli(script, "list", status=4)

    def test_second_factor(self):
        stored_users.add_person(self.gateway.directory, "carla", lab.PASSWORD)
        home = self.home()
        lab.wait_until(lambda: subprocess.run([str(lab.CLI), "login", "--username", "carla", "--password-stdin"], env=home, check=False,
                                              input=lab.PASSWORD + "\n", text=True, capture_output=True).returncode == 0, "carla", 10)
        with terminal.Terminal([lab.CLI, "second-factor", "enable"], home) as term:
            found = term.expect(r"secret=([A-Z2-7]+)[&\s]")
            term.expect("ode")
            term.type(authenticator.totp(found[1], -30) + "\n")
            self.assertEqual(term.wait(), 0, term.screen)
        other = self.home()
        self.login(other, "carla", status=4)
        self.login(other, "carla", code=authenticator.totp(found[1]))
        self.assertEqual(self.whoami(other), "carla")


@unittest.skipUnless(identity_provider.available(), "oidc-provider is not installed (scripts/setup.sh)")
class AtAProvider(People):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.provider = cls.enterClassContext(identity_provider.Provider(client_secret="the gateway's secret"))
        cls.gateway = cls.lab.gateway(cls.configuration(
            f"oidc:\n  - {{ name: corp, issuer: '{cls.provider.issuer}', client_id: {cls.provider.client_id}, "
            "client_secret: \"the gateway's secret\", auto_create: true, group_map: { Analysts: analysts } }\n"))
        callback = f"https://localhost:{cls.gateway.ports['api']}/api/v1/login/oidc/callback"
        cls.provider.sits_down("sub-lea", redirect_uris=[callback], preferred_username="lea", name="Lea", email="lea@example.com",
                               email_verified=True, groups=["Analysts"])

    def test_a_browser_signs_in(self):
        home = self.home()
        program = pathlib.Path(home["HOME"]) / "browser"
        program.write_text(BROWSER.format(python=sys.executable, support=str(lab.ROOT / "tests/support"), issuer=self.provider.issuer,
                                          ca=str(self.lab.certificates.ca)))
        program.chmod(0o700)
        self.cli({**home, "BROWSER": str(program)}, "login")
        self.assertEqual(lab.wait_until(lambda: self.whoami(home), "the gateway knows lea", 10), "lea")

    def test_a_code_on_another_device(self):
        home = self.home()
        with subprocess.Popen([str(lab.CLI), "login", "--device"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env=home) as process:
            said = ""
            while not (found := re.search(r"or open (\S+)", said)):
                line = process.stdout.readline()
                self.assertTrue(line, said)
                said += line
            browser = identity_provider.Browser(self.provider.issuer)
            _, page = browser.visit(found[1])
            _, page = browser.submit(page)
            browser.submit(page)
            said += process.stdout.read()
        self.assertEqual(process.returncode, 0, said)
        self.assertEqual(self.whoami(home), "lea")


class TwoGateways(People):
    """Replicas on one PostgreSQL store."""

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.lab.postgres.psql("CREATE DATABASE store")
        key, password = cls.lab.directory / "key", cls.lab.directory / "store-password"
        for path, text in ((key, secrets.token_hex(32)), (password, lab.PASSWORD)):
            path.write_text(text + "\n")
            path.chmod(0o600)
        extra = (f"store: {{ url: 'postgresql://postgres@127.0.0.1:{cls.lab.postgres.port}/store?sslmode=disable', "
                 f"password_file: {password} }}\nencryption: {{ keys: [ {{ id: one, key_file: {key} }} ] }}\n")
        cls.gateway = cls.lab.gateway(cls.configuration(extra))
        cls.other = cls.lab.gateway(cls.configuration(extra))

    def test_a_token_of_one_is_good_at_the_other_and_ends_at_both(self):
        here, there = self.home(), self.home(self.other)
        self.login(here)
        there["DBGATE_TOKEN"] = self.token(here)
        self.assertEqual(lab.wait_until(lambda: self.cli(there, "list", "-q"), "the other knows the key", 10), "postgres\n")
        session = self.psql(self.tunnel_port(there), "ana", self.password, "127.0.0.1", "disable")
        self.ends_at_once(session, lambda: self.cli(here, "logout"))
        lab.wait_until(lambda: subprocess.run([str(lab.CLI), "list"], env=there, capture_output=True, check=False).returncode == 4,
                       "the token has ended at the other", AT_ONCE_SECONDS)

    def tunnel_port(self, home):
        ready, _ = self.tunnel(home)
        self.password = pathlib.Path(ready["passfile"]).read_text(encoding="utf-8").strip().split(":")[-1]
        return ready["port"]


if __name__ == "__main__":
    unittest.main()
