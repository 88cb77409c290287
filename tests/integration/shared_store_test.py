"""Two gateways on one store: what is asked twice is done once, somebody stays administrator, and nothing happens unrecorded."""
import json
import pathlib
import secrets
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
from raw_http import Raw  # noqa: E402

PATCH = ("Content-Type", "application/merge-patch+json")
DAY = 86_400


class SharedStore(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.lab.postgres.psql("CREATE DATABASE store; CREATE TABLE done (what text)")
        for name, text in (("key", secrets.token_hex(32)), ("password", lab.PASSWORD)):
            file = cls.lab.directory / name
            file.touch(0o600)
            file.write_text(text + "\n")
        cls.config = (
            "version: 1\nstate_dir: state\nlimits: { api_requests_per_minute: 1000000 }\n"
            f"store: {{ url: 'postgresql://postgres@127.0.0.1:{cls.lab.postgres.port}/store?sslmode=disable', "
            f"password_file: {cls.lab.directory / 'password'} }}\n"
            f"encryption: {{ keys: [ {{ id: one, key_file: {cls.lab.directory / 'key'} }} ] }}\n"
            "listen:\n  api: { address: 127.0.0.1, port: 0 }\n" + cls.lab.users("ana", "helper") + "roles: { user_admin: { users: [helper] } }\n"
            "targets:\n" + cls.lab.target() +
            "policies:\n  - { name: all, who: { users: [ana] }, on: [postgres], allow: [ { everything: true } ] }\n")
        cls.one, cls.two = cls.lab.gateway(cls.config), cls.lab.gateway(cls.config)
        cls.ana = cls.login(cls.one, "ana", lab.PASSWORD)

    @classmethod
    def login(cls, gateway, name, password):
        answer = cls.send(gateway, "POST", "/login", body={"username": name, "password": password})
        assert answer.status == 200, answer.body
        return answer.json()["access_token"]

    @classmethod
    def send(cls, gateway, method, path, token=None, body=None, headers=()):
        with Raw(gateway.ports["api"], timeout=lab.START_SECONDS) as connection:
            return connection.request(method, "/api/v1" + path, token, body, headers)

    def once(self, gateway, path, key, body):
        return self.send(gateway, "POST", path, self.ana, body, [("Idempotency-Key", key)])

    def test_an_answer_is_the_same_everywhere(self):
        body = {"name": "ci", "scopes": ["read"], "expires_in_seconds": DAY}
        first = self.once(self.one, "/me/tokens", "same", body)
        self.assertEqual(first.status, 201, first.body)
        self.assertNotIn("idempotency-replayed", first.headers)
        other = self.once(self.two, "/me/tokens", "same", body)
        self.assertEqual((other.status, other.body, other.headers["idempotency-replayed"]), (201, first.body, "true"))
        again = lab.Gateway(self.lab.directory / "late", self.config)
        self.addCleanup(again.stop)
        self.assertEqual(self.once(again, "/me/tokens", "same", body).body, first.body)
        different = self.once(self.two, "/me/tokens", "same", {**body, "name": "cd"})
        self.assertEqual((different.status, different.code), (422, "idempotency_key_reused"))
        # Another user's key of the same text is another key; a secret lies sealed in the store.
        kept = self.lab.postgres.psql("SELECT sealed_body FROM dbgate.requests WHERE key = 'same'", database="store").stdout
        self.assertTrue(kept.startswith("dbg1.one."), kept)
        self.assertNotIn(first.json()["secret"], kept)

    def test_of_many_at_once_one_is_done(self):
        answers = []

        def attempt(gateway):
            answers.append(self.once(gateway, "/targets/postgres/queries", "insert", {"sql": "INSERT INTO done VALUES ('once')"}))
        threads = [threading.Thread(target=attempt, args=(gateway,)) for gateway in (self.one, self.two) * 4]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(self.lab.postgres.psql("SELECT count(*) FROM done WHERE what = 'once'").stdout.strip(), "1")
        self.assertLessEqual({answer.status for answer in answers} - {200}, {409})
        self.assertEqual({answer.code for answer in answers if answer.status == 409} - {"idempotency_in_progress"}, set())
        self.assertEqual(len({answer.json()["id"] for answer in answers if answer.status == 200}), 1)

    def test_what_is_too_large_is_not_done_again(self):
        names = ", ".join(f"1 AS {'c' * 50}{n}" for n in range(1600))  # rows are not part of it
        body = {"sql": f"SELECT {names} FROM done LIMIT 1"}
        self.assertEqual(self.once(self.one, "/targets/postgres/queries", "large", body).status, 200)
        again = self.once(self.two, "/targets/postgres/queries", "large", body)
        self.assertEqual((again.status, again.code), (409, "idempotency_not_kept"))

    def create_admin(self, name):
        done = subprocess.run([str(lab.GATEWAY), "create-admin", name, "--config", str(self.one.config)], capture_output=True, text=True,
                              check=True, timeout=60)
        return done.stdout.strip()

    def signed_in(self, gateway, name):
        """Somebody with a one-time password that they have replaced."""
        password = self.create_admin(name)
        token = None

        def enters():
            nonlocal token
            answer = self.send(gateway, "POST", "/login", body={"username": name, "password": password})
            token = answer.json().get("access_token")
            return answer.status == 200
        lab.wait_until(enters, f"{name} is known", 10)
        self.assertEqual(self.send(gateway, "POST", "/me/password", token,
                                   {"current_password": password, "new_password": lab.PASSWORD}).status, 204)
        return self.login(gateway, name, lab.PASSWORD)

    def test_two_administrators_do_not_remove_each_other(self):
        self.lab.postgres.psql("DELETE FROM dbgate.roles WHERE role = 'admin'", database="store")  # of other tests
        left, right = self.signed_in(self.one, "left"), self.signed_in(self.two, "right")
        etags = {name: self.send(self.one, "GET", "/users/" + name, left).headers["etag"] for name in ("left", "right")}
        answers = {}
        barrier = threading.Barrier(2)

        def remove(gateway, token, victim):
            barrier.wait()
            answers[victim] = self.send(gateway, "DELETE", "/users/" + victim, token, headers=[("If-Match", etags[victim])])
        threads = [threading.Thread(target=remove, args=args) for args in ((self.one, left, "right"), (self.two, right, "left"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        left_over = [name for name, answer in answers.items() if answer.status != 204]
        self.assertEqual(len(left_over), 1, {name: (answer.status, answer.body) for name, answer in answers.items()})
        refused = answers[left_over[0]]
        # Refused for the last one's sake, or because who asked was gone by then.
        self.assertIn((refused.status, refused.code), ((409, "conflict"), (401, "not_authenticated"), (403, "not_permitted"), (404, "not_found")))
        helper = self.login(self.one, "helper", lab.PASSWORD)
        self.assertEqual(self.send(self.one, "GET", "/users/" + left_over[0], helper).json()["roles"], ["admin"])

    def test_the_first_administrator_is_recorded(self):
        self.create_admin("recorded")
        found = [record for record in self.one.audit("admin.change") if record.get("object") == "recorded"]
        self.assertEqual([(record["change"], record["user.name"], record["chain"]) for record in found],
                         [("administrator.create", "create-admin", "local")])
        self.assertTrue(found[0]["os.user"])
        verified = subprocess.run([str(lab.CLI), "audit", "verify", str(self.one.directory / "state" / "audit")], capture_output=True, text=True,
                                  check=False, timeout=60)
        self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)

    def test_nothing_is_made_that_cannot_be_recorded(self):
        gateway = lab.Gateway(self.lab.directory / "full", self.config)
        self.addCleanup(gateway.stop)
        token = self.login(gateway, "ana", lab.PASSWORD)
        made = self.send(gateway, "POST", "/me/tokens", token, {"name": "before", "scopes": ["read"], "expires_in_seconds": DAY}).json()
        recorded = [record for record in gateway.audit("admin.change") if record["object"] == made["id"]]
        self.assertEqual([(record["change"], record["object.name"]) for record in recorded], [("personal_token.create", "before")])
        size = max(path.stat().st_size for path in (gateway.directory / "state" / "audit").glob("audit-api-*.jsonl"))
        subprocess.run(["prlimit", f"--pid={gateway.process.pid}", f"--fsize={size}:"], check=True)
        for path, more in (("/me/tokens", {"scopes": ["read"]}), ("/me/database-passwords", {})):
            answer = self.send(gateway, "POST", path, token, {"name": "unseen", "expires_in_seconds": DAY, **more})
            self.assertEqual((answer.status, answer.code), (503, "unavailable"), answer.body)
            listed = json.dumps(self.send(self.one, "GET", path + "?limit=500", self.ana).json())
            self.assertNotIn("unseen", listed)


if __name__ == "__main__":
    unittest.main(verbosity=2)
