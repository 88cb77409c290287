"""People who ask to come in: with `registration: approval`, at a real gateway, by the API and the command line."""
import json
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
from raw_http import Raw  # noqa: E402

PHRASE = "a long enough phrase"


class Registration(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.gateway = cls.lab.gateway(cls.config("registration: approval\n"))
        cls.root = cls.login("root", lab.PASSWORD).json()["access_token"]

    @classmethod
    def config(cls, extra):
        return ("version: 1\nstate_dir: state\nlimits: { api_requests_per_minute: 1000000 }\n"
                "sign_in: { failures: 1000, account_failures: 100000, address_failures: 100000 }\n" + extra +
                "listen:\n  api: { address: 127.0.0.1, port: 0 }\n" + cls.lab.users("root", "ua", "ana") + "groups: { team: [ana] }\n"
                "roles: { admin: { users: [root] }, user_admin: { users: [ua] } }\n")

    @classmethod
    def send(cls, method, path, token=None, body=None, gateway=None, source="127.0.0.1"):
        with Raw((gateway or cls.gateway).ports["api"], source, timeout=lab.START_SECONDS) as connection:
            return connection.request(method, "/api/v1" + path, token, body)

    @classmethod
    def login(cls, name, password):
        return cls.send("POST", "/login", body={"username": name, "password": password})

    def apply(self, name, status=202, **more):
        answer = self.send("POST", "/registrations", body={"name": name, "password": PHRASE, **more})
        self.assertEqual(answer.status, status, answer.body)
        return answer

    def waiting(self):
        return [item["name"] for item in self.send("GET", "/registrations?limit=500", self.root).json()["items"]]

    def test_who_is_approved_may_sign_in(self):
        self.assertEqual(self.apply("petra", email="p@example.com").json(), {"name": "petra", "state": "pending"})
        self.assertIn("petra", self.waiting())
        before = self.login("petra", PHRASE)
        self.assertEqual((before.status, before.code), (401, "not_authenticated"), "as if there were nobody of the name")
        answer = self.send("POST", "/registrations/petra/approve", self.root, {"groups": ["team"]})
        self.assertEqual((answer.status, answer.json()["state"], answer.json()["groups"]), (200, "active", ["team"]))
        self.assertEqual(self.login("petra", PHRASE).status, 200)
        self.assertNotIn("petra", self.waiting())
        self.assertEqual(self.send("POST", "/registrations/petra/deny", self.root).status, 404)
        changes = [record["change"] for record in self.gateway.audit("admin.change") if record["object"] == "petra"]
        self.assertEqual((changes[0], changes[-1]), ("user.apply", "user.change"))

    def test_who_is_denied_is_gone(self):
        self.apply("dirk")
        self.assertEqual(self.send("POST", "/registrations/dirk/deny", self.root).status, 204)
        self.assertNotIn("dirk", self.waiting())
        self.assertEqual(self.login("dirk", PHRASE).status, 401)
        self.apply("dirk")  # and may ask again

    def test_it_does_not_tell_who_is_here(self):
        self.apply("wanda")
        self.send("POST", "/service-accounts", self.root, {"name": "robot"})
        answers = []
        for name in ("free-name", "root", "ana", "robot", "wanda"):
            answer = self.apply(name)
            self.assertEqual(answer.json(), {"name": name, "state": "pending"})
            answers.append({key: value for key, value in answer.headers.items() if key not in ("x-request-id", "content-length", "date", "ratelimit")})
        self.assertEqual([answers[0]] * len(answers), answers)
        self.assertEqual([name for name in self.waiting() if name in ("root", "ana", "robot")], [])
        self.assertEqual(self.login("ana", PHRASE).status, 401, "nobody has got another password")
        self.assertEqual(self.login("ana", lab.PASSWORD).status, 200)
        for name in ("free name", "../x", "", "x" * 64, "root\n"):
            self.assertIn(self.send("POST", "/registrations", body={"name": name, "password": PHRASE}).status, (400, 422), name)
        self.assertEqual(self.send("POST", "/registrations", body={"name": "weak", "password": "short"}).code, "unprocessable")

    def test_nobody_gives_himself_rights(self):
        for more in ({"groups": ["team"]}, {"roles": ["admin"]}, {"state": "active"}, {"kind": "service"}):
            self.assertEqual(self.apply("mallory", 400, **more).code, "bad_request")
        self.apply("mallory")
        ua = self.login("ua", lab.PASSWORD).json()["access_token"]
        refused = self.send("POST", "/registrations/mallory/approve", ua, {"roles": ["admin"]})
        self.assertEqual((refused.status, refused.code), (403, "not_permitted"))
        ana = self.login("ana", lab.PASSWORD).json()["access_token"]
        for method, path in (("GET", "/registrations"), ("POST", "/registrations/mallory/approve"), ("POST", "/registrations/mallory/deny")):
            self.assertEqual(self.send(method, path, ana, {} if method == "POST" else None).status, 403)
        self.assertEqual(self.send("POST", "/registrations/mallory/approve", ua, {}).status, 200)

    def test_an_invitation_opens_at_once(self):
        made = self.send("POST", "/invitations", self.root, {"groups": ["team"]}).json()
        self.assertEqual(self.apply("inge", 201, invitation=made["secret"]).json(), {"name": "inge", "state": "active"})
        self.assertEqual(self.login("inge", PHRASE).status, 200)
        self.assertEqual(self.apply("other", 422, invitation=made["secret"]).code, "unprocessable")

    def test_attempts_are_limited_by_address(self):
        gateway = self.lab.gateway(self.config("registration: approval\n").replace("failures: 1000,", "failures: 5,"))
        statuses = [self.send("POST", "/registrations", body={"name": f"n{i}", "password": PHRASE}, gateway=gateway).status for i in range(7)]
        self.assertEqual(statuses[:5], [202] * 5)
        self.assertEqual(set(statuses[5:]), {429})
        elsewhere = self.send("POST", "/registrations", body={"name": "far", "password": PHRASE}, gateway=gateway, source="127.0.0.9")
        self.assertEqual(elsewhere.status, 202, "others come in")

    def test_without_the_key_an_invitation_is_needed(self):
        gateway = self.lab.gateway(self.config(""))
        answer = self.send("POST", "/registrations", body={"name": "x", "password": PHRASE}, gateway=gateway)
        self.assertEqual((answer.status, answer.code, answer.json()["errors"][0]["pointer"]), (422, "unprocessable", "/invitation"))

    def test_the_command_line(self):
        home = self.lab.directory / "home"
        home.mkdir(exist_ok=True)
        environment = {**os.environ, "HOME": str(home), "XDG_STATE_HOME": str(home), "XDG_CONFIG_HOME": str(home), "XDG_RUNTIME_DIR": str(home),
                       "DBGATE_URL": f"http://127.0.0.1:{self.gateway.ports['api']}", "DBGATE_TOKEN": self.root}

        def cli(*words, status=0, stdin=""):
            done = subprocess.run([str(lab.CLI), *words], input=stdin, capture_output=True, text=True, env=environment, timeout=60, check=False)
            self.assertEqual(done.returncode, status, done.stderr)
            return done
        for name in ("otto", "olga"):
            self.assertIn("approve", cli("registration", "create", name, "--password-stdin", stdin=PHRASE + "\n").stderr)
        self.assertLessEqual({"otto", "olga"}, {item["name"] for item in json.loads(cli("registration", "list", "-o", "json").stdout)})
        cli("registration", "approve", "otto", "--group", "team")
        self.assertIn("--yes", cli("registration", "deny", "olga", status=2).stderr)
        cli("registration", "deny", "olga", "--yes")
        cli("registration", "deny", "olga", "--yes", status=3)
        self.assertEqual(self.login("otto", PHRASE).status, 200)
        made = json.loads(cli("invitation", "create", "-o", "json").stdout)
        cli("invitation", "revoke", made["id"], "--yes")
        cli("invitation", "revoke", made["id"], "--yes", status=3)


if __name__ == "__main__":
    unittest.main(verbosity=2)
