"""Administration by the API: through Prism, which compares it with api/openapi.yaml, with the store in SQLite and in
PostgreSQL, and with two gateways on one store."""
import pathlib
import secrets
import subprocess
import sys
import threading
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import api_test  # noqa: E402
import lab  # noqa: E402
from raw_http import Raw  # noqa: E402

PATCH = ("Content-Type", "application/merge-patch+json")
API = "/api/v1"
POLICY = "policies:\n  - name: stored\n    who: { users: [ana] }\n    on: [%s]\n    allow: [ { everything: true } ]\n"


class Administration:
    """What holds with either store."""
    people = ("ana", "root", "ua", "ta", "pa", "aud")

    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.config = ("version: 1\nstate_dir: state\nlimits: { api_requests_per_minute: 1000000 }\n" + cls.store() +
                      "listen:\n  postgres: { address: 127.0.0.1, port: 0 }\n  api: { address: 127.0.0.1, port: 0 }\n" +
                      cls.lab.users(*cls.people) + "groups: { filed: [ana], pair: [ana] }\n"
                      "roles:\n  admin: { users: [root] }\n  user_admin: { users: [ua] }\n  target_admin: { users: [ta] }\n"
                      "  policy_admin: { users: [pa] }\n  auditor: { users: [aud] }\n"
                      "targets:\n" + cls.lab.target() +
                      "policies:\n  - { name: all, who: { users: [ana] }, on: [postgres], allow: [ { everything: true } ] }\n")
        cls.gateway = cls.lab.gateway(cls.config)
        cls.prism = api_test.Prism(cls.gateway.ports["api"], True, cls.lab.directory) if api_test.PRISM.exists() else None
        if cls.prism:
            cls.addClassCleanup(cls.prism.close)
        cls.tokens = {name: cls.login(name, lab.PASSWORD).json()["access_token"] for name in cls.people}

    @classmethod
    def login(cls, name, password, port=None):
        with Raw(port or cls.gateway.ports["api"]) as connection:
            return connection.request("POST", API + "/login", body={"username": name, "password": password})

    def send(self, method, path, user="root", body=None, headers=(), port=None):
        port = port or (self.prism.port if self.prism else self.gateway.ports["api"])
        with Raw(port) as connection:
            answer = connection.request(method, API + path, self.tokens.get(user, user), body, [*headers, ("Connection", "close")])
        self.assertNotIn("sl-violations", answer.headers, (method, path, answer.body))
        return answer

    def ask(self, method, path, status, user="root", body=None, headers=(), code=None, port=None):
        answer = self.send(method, path, user, body, headers, port)
        self.assertEqual((answer.status, answer.code if status >= 400 else None), (status, code), (method, path, body, answer.body))
        return answer

    def etag(self, path):
        return ("If-Match", self.ask("GET", path, 200).headers["etag"])

    def patch(self, path, body, status=200, user="root", code=None):
        return self.ask("PATCH", path, status, user, body, [PATCH, self.etag(path)], code)

    def person(self, name, **more):
        return self.ask("POST", "/users", 201, body={"name": name, **more}).json()

    def test_users(self):
        made = self.person("maria", email="m@example.com", attributes={"region": "south"}, groups=["pair"])
        self.assertEqual((made["state"], made["groups"], made["managed_by"]), ("active", ["pair"], "store"))
        self.assertGreaterEqual(len(made["one_time_password"]), 20)
        self.ask("POST", "/users", 409, body={"name": "maria"}, code="conflict")
        self.ask("POST", "/users", 409, body={"name": "ana"}, code="managed_by_configuration")
        self.ask("POST", "/users", 422, body={"name": "-x"}, code="unprocessable")
        self.ask("POST", "/users", 422, body={"name": "x1", "groups": ["nowhere"]}, code="unprocessable")
        for body in ({}, {"name": 1}, {"name": "x", "more": 1}, {"name": "x", "attributes": {"a": 1}}, {"name": "x", "wire": "smoke"}):
            self.ask("POST", "/users", 400, body=body, code="bad_request")
        listed = {one["name"]: one for one in self.ask("GET", "/users", 200).json()["items"]}
        self.assertEqual(listed["ana"]["managed_by"], "configuration")
        self.assertNotIn("one_time_password", listed["maria"])
        self.assertEqual([one["name"] for one in self.ask("GET", "/users?group=pair&sort=-name", 200).json()["items"]], ["maria", "ana"])
        first = self.ask("GET", "/users?limit=1", 200).json()
        self.assertEqual([one["name"] for one in self.ask("GET", f"/users?limit=1&cursor={first['next_cursor']}", 200).json()["items"]], ["aud"])
        changed = self.patch("/users/maria", {"display_name": "Maria", "email": None, "certificates": ["email:M@EXAMPLE.com"]}).json()
        self.assertEqual((changed["display_name"], changed["email"], changed["certificates"]), ("Maria", "", ["email:M@example.com"]))
        self.patch("/users/maria", {"certificates": ["nonsense"]}, 422, code="unprocessable")
        self.patch("/users/ana", {"state": "disabled"}, 409, code="managed_by_configuration")
        self.ask("PATCH", "/users/maria", 428, body={"state": "disabled"}, headers=[PATCH], code="precondition_required")
        self.ask("PATCH", "/users/maria", 412, body={"state": "disabled"}, headers=[PATCH, ("If-Match", '"old"')], code="changed_meanwhile")
        reset = self.ask("POST", "/users/maria/reset", 200).json()
        self.assertNotEqual(reset["one_time_password"], made["one_time_password"])
        self.ask("POST", "/users/ana/reset", 409, code="managed_by_configuration")
        self.ask("POST", "/users/nobody/reset", 404, code="not_found")
        self.ask("DELETE", "/users/maria", 204, headers=[self.etag("/users/maria")])
        self.ask("GET", "/users/maria", 404, code="not_found")

    def test_concurrent_changes(self):
        self.person("busy")
        match = self.etag("/users/busy")
        answers = []
        threads = [threading.Thread(target=lambda i=i: answers.append(self.send("PATCH", "/users/busy", body={"display_name": str(i)}, headers=[PATCH, match]).status))
                   for i in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(answers), [200] + [412] * 5)

    def test_groups_and_roles(self):
        self.person("nina")
        self.ask("POST", "/groups", 201, body={"name": "readers", "description": "They read."})
        self.ask("POST", "/groups", 409, body={"name": "filed"}, code="conflict")
        self.ask("PUT", "/groups/readers/members/nina", 204)
        self.ask("PUT", "/groups/readers/members/aud", 204)
        self.ask("PUT", "/groups/readers/members/nobody", 404, code="not_found")
        self.ask("DELETE", "/groups/filed/members/ana", 409, code="managed_by_configuration")
        self.assertEqual(self.ask("GET", "/groups/readers", 200).json()["members"], ["aud", "nina"])
        self.assertEqual(self.patch("/groups/readers", {"description": None}).json()["description"], "")
        self.ask("PUT", "/roles/auditor/groups/readers", 204)
        self.ask("PUT", "/roles/king/users/nina", 404, code="not_found")
        self.assertEqual(self.ask("GET", "/groups", 200).json()["items"][-1]["roles"], ["auditor"])
        self.ask("DELETE", "/roles/auditor/groups/readers", 204)
        self.ask("DELETE", "/groups/readers/members/nina", 204)
        self.ask("DELETE", "/groups/readers", 204, headers=[self.etag("/groups/readers")])
        self.ask("DELETE", "/roles/admin/users/root", 409, code="managed_by_configuration")

    def test_nobody_climbs(self):
        self.person("boss", roles=["admin"])
        self.person("plain")
        self.ask("POST", "/groups", 201, body={"name": "bosses"})
        self.ask("PUT", "/roles/admin/groups/bosses", 204)
        for method, path, body in (("PUT", "/roles/admin/users/ua", None), ("PUT", "/roles/auditor/users/ua", None), ("PUT", "/roles/policy_admin/groups/filed", None),
                                   ("PUT", "/groups/bosses/members/ua", None), ("POST", "/users/boss/reset", None), ("DELETE", "/roles/admin/users/boss", None),
                                   ("POST", "/users", {"name": "imp", "roles": ["admin"]}), ("POST", "/users", {"name": "imp", "groups": ["bosses"]}),
                                   ("POST", "/invitations", {"roles": ["admin"]}), ("POST", "/invitations", {"groups": ["bosses"]}),
                                   ("POST", "/service-accounts", {"name": "imp", "groups": ["bosses"]})):
            self.ask(method, path, 403, "ua", body, code="not_permitted")
        for body in ({"state": "disabled"}, {"certificates": ["email:ua@example.com"]}, {"wire": "token"}):
            self.patch("/users/boss", body, 403, "ua", "not_permitted")
        self.ask("DELETE", "/users/boss", 403, "ua", headers=[self.etag("/users/boss")], code="not_permitted")
        self.ask("DELETE", "/groups/bosses", 403, "ua", headers=[self.etag("/groups/bosses")], code="not_permitted")
        self.ask("PUT", "/roles/user_admin/users/plain", 204, "ua")
        self.ask("POST", "/service-accounts", 201, body={"name": "robot", "kind": "agent"})
        self.ask("PUT", "/roles/target_admin/users/robot", 204)
        self.ask("POST", "/service-accounts/robot/keys", 403, "ua", {"name": "k", "scopes": ["admin"]}, code="not_permitted")
        for user, path in (("ana", "/users"), ("ta", "/users"), ("ua", "/policies"), ("pa", "/targets/postgres"), ("aud", "/logins"), ("ana", "/invitations")):
            self.ask("GET", path, 403, user, code="not_permitted")
            self.ask("GET", path, 401, "nonsense", code="not_authenticated")

    def test_keys_end_with_their_account(self):
        self.ask("POST", "/service-accounts", 201, body={"name": "etl", "groups": ["filed"]})
        self.assertIn("etl", [one["name"] for one in self.ask("GET", "/service-accounts", 200).json()["items"]])
        made = self.ask("POST", "/service-accounts/etl/keys", 201, body={"name": "nightly", "scopes": ["read"], "expires_in_seconds": 60}).json()
        other = self.ask("POST", "/service-accounts/etl/keys", 201, body={"name": "other"}).json()
        self.ask("POST", "/service-accounts/etl/keys", 409, body={"name": "other"}, code="conflict")
        self.ask("POST", "/service-accounts/etl/keys", 422, body={"name": "x", "scopes": ["moon"]}, code="unprocessable")
        self.ask("POST", "/service-accounts/ana/keys", 409, body={"name": "x"}, code="managed_by_configuration")
        listed = self.ask("GET", "/service-accounts/etl/keys", 200)
        self.assertEqual([one["name"] for one in listed.json()["items"]], ["nightly", "other"])
        self.assertNotIn(made["secret"].encode(), listed.body)
        lab.wait_until(lambda: self.send("GET", "/me", made["secret"]).status == 200, "the key opens", 5)
        self.ask("POST", "/saved-queries", 403, made["secret"], {"name": "x", "target": "postgres", "sql": "SELECT 1"}, code="insufficient_scope")
        self.ask("DELETE", f"/service-accounts/etl/keys/{made['id']}", 204)
        lab.wait_until(lambda: self.send("GET", "/me", made["secret"]).status == 401, "the key ends", 1)
        self.assertEqual(self.send("GET", "/me", other["secret"]).status, 200)
        self.patch("/users/etl", {"state": "disabled"})
        lab.wait_until(lambda: self.send("GET", "/me", other["secret"]).status == 401, "the account ends", 1)

    def test_targets(self):
        upstream = {"hosts": [f"127.0.0.1:{self.lab.postgres.port}"], "database": "postgres", "user": "postgres", "tls": "disable"}
        body = {"name": "shop", "settings": {"upstream": {**upstream, "password": lab.PASSWORD}}}
        made = self.ask("POST", "/targets", 201, "ta", body)
        self.assertNotIn(lab.PASSWORD.encode(), made.body)
        self.assertTrue(made.json()["has_password"])
        self.assertNotIn(lab.PASSWORD.encode(), self.ask("GET", "/targets/shop", 200, "ta").body)
        tested = self.ask("POST", "/targets/shop/test", 200, "ta").json()
        self.assertEqual((tested["ok"], tested["tls"]), (True, False), tested)
        prepared = self.ask("GET", "/targets/shop/preparation", 200, "ta").json()
        self.assertIn('GRANT USAGE ON SCHEMA dbgate_gate TO "postgres"', prepared["sql"])
        for action, expected in (("apply", "1"), ("apply", "1"), ("undo", "0"), ("undo", "0")):
            self.ask("POST", "/targets/shop/preparation", 204, "ta", {"action": action})
            self.assertEqual(self.lab.postgres.psql("SELECT count(*) FROM pg_namespace WHERE nspname = 'dbgate_gate'").stdout, expected + "\n")
        self.ask("POST", "/targets/shop/preparation", 400, "ta", {"action": "look"}, code="bad_request")
        self.ask("POST", "/targets", 409, "ta", body, code="conflict")
        self.ask("POST", "/targets", 409, "ta", {**body, "name": "postgres"}, code="managed_by_configuration")
        wrong = self.ask("POST", "/targets", 422, "ta", {"name": "bad", "settings": {"upstream": {**upstream, "password_file": "/etc/passwd"}}}, code="unprocessable")
        self.assertTrue(wrong.json()["errors"])
        # The password does not go to another server because somebody who does not know it says so.
        elsewhere = {"settings": {"upstream": {**upstream, "hosts": ["127.0.0.1:1"]}}}
        self.ask("PUT", "/targets/shop", 422, "ta", elsewhere, [self.etag("/targets/shop")], "unprocessable")
        self.ask("PUT", "/targets/shop", 200, "ta", {"settings": {"upstream": upstream, "search_path": ["public"]}}, [self.etag("/targets/shop")])
        self.assertTrue(self.ask("POST", "/targets/shop/test", 200, "ta").json()["ok"])
        closed = {"settings": {"upstream": {**upstream, "hosts": [f"127.0.0.1:{lab.free_port()}"], "password": "topsecret"}}}
        self.ask("PUT", "/targets/shop", 200, "ta", closed, [self.etag("/targets/shop")])
        failed = self.ask("POST", "/targets/shop/test", 200, "ta")
        self.assertFalse(failed.json()["ok"])
        self.assertNotIn(b"topsecret", failed.body)
        version = self.ask("POST", "/policies/versions", 201, "pa", {"text": POLICY % "shop"}).json()["number"]
        seen = self.ask("GET", "/policies", 200, "pa").json()["number"]
        self.ask("POST", f"/policies/versions/{version}/activate", 200, "pa", {"seen": seen})
        self.ask("DELETE", "/targets/shop", 409, "ta", headers=[self.etag("/targets/shop")], code="conflict")
        empty = self.ask("POST", "/policies/versions", 201, "pa", {"text": POLICY % "postgres"}).json()["number"]
        self.ask("POST", f"/policies/versions/{empty}/activate", 200, "pa", {"seen": version})
        self.ask("DELETE", "/targets/shop", 204, "ta", headers=[self.etag("/targets/shop")])
        self.ask("POST", "/targets/shop/test", 404, "ta", code="not_found")

    def test_policies(self):
        bad = self.ask("POST", "/policies/validate", 200, "pa", {"text": "policies:\n  - who: 1\n"}).json()
        self.assertFalse(bad["valid"])
        self.assertEqual(bad["problems"][0]["line"], 2)
        self.ask("POST", "/policies/versions", 422, "pa", {"text": "policies: 1"}, code="unprocessable")
        self.assertTrue(self.ask("POST", "/policies/validate", 200, "pa", {"text": POLICY % "postgres"}).json()["valid"])
        first = self.ask("POST", "/policies/versions", 201, "pa", {"text": POLICY % "postgres", "comment": "one"}).json()
        second = self.ask("POST", "/policies/versions", 201, "pa", {"text": POLICY % "postgres" + "# two\n"}).json()
        seen = self.ask("GET", "/policies", 200, "pa").json()["number"]
        self.ask("POST", f"/policies/versions/{second['number']}/activate", 200, "pa", {"seen": seen})
        self.ask("POST", f"/policies/versions/{first['number']}/activate", 412, "pa", {"seen": first["number"]}, code="changed_meanwhile")
        self.ask("POST", f"/policies/versions/{first['number']}/activate", 200, "pa", {"seen": second["number"]})  # roll back
        self.assertEqual(self.ask("GET", "/policies", 200, "pa").json()["text"], POLICY % "postgres")
        self.assertNotIn("text", self.ask("GET", "/policies/versions?sort=-number&limit=1", 200, "pa").json()["items"][0])
        self.assertEqual(self.ask("GET", f"/policies/versions/{second['number']}", 200, "pa").json()["author"], "pa")
        self.ask("GET", "/policies/versions/999999", 404, "pa", code="not_found")

    def test_invitations(self):
        made = self.ask("POST", "/invitations", 201, "ua", {"email": "i@example.com", "groups": ["filed"]}).json()
        wish = {"name": "ivy", "password": "a long enough phrase", "invitation": made["secret"], "email": "i@example.com"}
        for other in ({"invitation": "dbg_inv_guess"}, {"email": "else@example.com"}, {"password": "short"}):
            self.ask("POST", "/registrations", 422, None, {**wish, **other}, code="unprocessable")
        self.ask("POST", "/registrations", 409, None, {**wish, "name": "ana"}, code="conflict")
        self.assertEqual(self.ask("POST", "/registrations", 201, None, wish).json(), {"name": "ivy", "state": "active"})
        self.ask("POST", "/registrations", 422, None, {**wish, "name": "ivy2"}, code="unprocessable")
        self.assertEqual(self.ask("GET", "/users/ivy", 200).json()["groups"], ["filed"])
        listed = self.ask("GET", "/invitations", 200)
        self.assertNotIn(made["secret"].encode(), listed.body)
        gone = self.ask("POST", "/invitations", 201, body={}).json()
        self.ask("DELETE", f"/invitations/{gone['id']}", 204)
        self.ask("DELETE", f"/invitations/{gone['id']}", 404, code="not_found")
        self.ask("POST", "/registrations", 422, None, {**wish, "name": "ivy3", "invitation": gone["secret"]}, code="unprocessable")
        self.assertEqual(self.ask("GET", "/registrations", 200).json()["items"], [])
        self.ask("POST", "/registrations/ivy/approve", 404, body={}, code="not_found")
        self.ask("POST", "/registrations/ivy/deny", 404, code="not_found")

    def test_sessions_and_logins(self):
        self.ask("GET", "/logins?user=ana", 200)
        self.ask("POST", "/logins/lgn_01JD3K7V9QXW8N5T2R4M6P0ABC/end", 404, code="not_found")
        waiting = subprocess.Popen(["psql", "-X", f"host=127.0.0.1 port={self.gateway.port} user=ana dbname=postgres password='{lab.PASSWORD}'", "-c", "SELECT pg_sleep(60)"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(waiting.stderr.close)
        try:
            session = lab.wait_until(lambda: self.ask("GET", "/sessions?target=postgres", 200, "ana").json()["items"], "the session")[0]
            self.assertEqual(session["user"], "ana")
            number = session["id"]
            path, kill = f"/sessions/{number}", f"/sessions/{number}/kill"
            self.ask("GET", path, 200, "ana")
            self.ask("GET", path, 200, "aud")
            self.assertEqual(self.ask("GET", "/sessions", 200, "ta").json()["items"], [])
            self.ask("GET", path, 404, "ta", code="not_found")
            self.ask("POST", kill, 404, "ta", {"reason": "x"}, code="not_found")
            self.ask("POST", kill, 403, "aud", {"reason": "x"}, code="not_permitted")
            self.ask("POST", kill, 400, body={}, code="bad_request")
            self.ask("POST", kill, 204, body={"reason": "maintenance"})
            self.assertNotEqual(waiting.wait(20), 0)
            self.assertIn("ended by root: maintenance", waiting.stderr.read())
        finally:
            waiting.kill()
            waiting.wait()

    def test_history_and_saved_queries(self):
        self.ask("GET", "/history", 200, "ana")
        self.ask("GET", "/history?user=ana&since=2026-01-01T00:00:00Z", 200, "aud")
        self.ask("GET", "/history?user=root", 403, "ana", code="not_permitted")
        made = self.ask("POST", "/saved-queries", 201, "ana", {"name": "one", "target": "postgres", "sql": "SELECT 1"})
        number = made.json()["id"]
        path, match = f"/saved-queries/{number}", ("If-Match", made.headers["etag"])
        self.ask("POST", "/saved-queries", 409, "ana", {"name": "one", "target": "postgres", "sql": "SELECT 1"}, code="conflict")
        self.ask("GET", path, 404, "root", code="not_found")
        shared = self.ask("PATCH", path, 200, "ana", {"shared": True}, [PATCH, match])
        self.assertEqual(self.ask("GET", "/saved-queries", 200, "root").json()["items"][-1]["owner"], "ana")
        self.ask("PATCH", path, 403, "root", {"sql": "SELECT 2"}, [PATCH, ("If-Match", shared.headers["etag"])], "not_permitted")
        self.ask("DELETE", path, 412, "ana", headers=[match], code="changed_meanwhile")
        self.ask("DELETE", path, 204, "ana", headers=[("If-Match", shared.headers["etag"])])

    def test_changes_are_recorded(self):
        self.person("seen")
        self.ask("DELETE", "/users/seen", 204, headers=[self.etag("/users/seen")])
        changes = [(record["change"], record["user.name"]) for record in self.gateway.audit("admin.change") if record.get("object") == "seen"]
        self.assertEqual(changes, [("user.create", "root"), ("user.remove", "root")])


class WithSqlite(Administration, unittest.TestCase):
    @classmethod
    def store(cls):
        return ""

    def test_the_first_and_the_last_administrator(self):
        config = ("version: 1\nstate_dir: state\nlisten:\n  api: { address: 127.0.0.1, port: 0 }\n" + self.lab.users("first", "second") +
                  "roles: { user_admin: { users: [second] }, %s: { users: [first] } }\n")
        gateway = self.lab.gateway(config % "admin")
        port = gateway.ports["api"]

        def create_admin(name):
            return subprocess.run([str(lab.GATEWAY), "create-admin", name, "--config", str(gateway.config)], capture_output=True, text=True,
                                  check=False, timeout=60)

        made, again, refused = create_admin("chief"), create_admin("chief"), create_admin("first")
        self.assertEqual((made.returncode, again.returncode), (0, 0), made.stderr)
        self.assertGreaterEqual(len(made.stdout.strip()), 20)
        self.assertNotEqual(made.stdout, again.stdout)
        self.assertEqual((refused.returncode, refused.stdout), (1, ""))
        for name in ("first", "second"):
            self.tokens[name] = self.login(name, lab.PASSWORD, port).json()["access_token"]
        self.assertEqual(self.ask("GET", "/users/chief", 200, "second", port=port).json()["roles"], ["admin"])
        self.ask("POST", "/users/chief/reset", 403, "second", code="not_permitted", port=port)
        self.ask("POST", "/service-accounts", 201, "first", {"name": "sole"}, port=port)
        self.ask("PUT", "/roles/admin/users/sole", 204, "first", port=port)
        key = self.ask("POST", "/service-accounts/sole/keys", 201, "first", {"name": "k", "scopes": ["admin"]}, port=port).json()["secret"]
        gateway.reload(config % "auditor")
        lab.wait_until(lambda: self.send("GET", "/users", "first", port=port).status == 403, "first is no administrator any more")
        lab.wait_until(lambda: self.send("GET", "/users", key, port=port).status == 200, "the key opens")

        def change(path, status, code=None, **request):
            match = ("If-Match", self.ask("GET", path, 200, key, port=port).headers["etag"])
            method = "PATCH" if request else "DELETE"
            self.ask(method, path, status, key, request or None, [match, *([PATCH] if request else [])], code, port)

        change("/users/chief", 200, state="disabled")
        change("/users/sole", 409, "conflict", state="disabled")
        change("/users/sole", 409, "conflict")
        self.ask("DELETE", "/roles/admin/users/sole", 409, key, code="conflict", port=port)
        change("/users/chief", 200, state="active")
        self.ask("DELETE", "/roles/admin/users/sole", 204, key, port=port)


class WithPostgres(Administration, unittest.TestCase):
    @classmethod
    def store(cls):
        cls.lab.postgres.psql("CREATE DATABASE store")
        key = cls.lab.directory / "store.hex"
        key.touch(0o600)
        key.write_text(secrets.token_hex(32) + "\n", encoding="ascii")
        password = cls.lab.directory / "store.password"
        password.touch(0o600)
        password.write_text(lab.PASSWORD + "\n", encoding="utf-8")
        return (f"store: {{ url: 'postgresql://postgres@127.0.0.1:{cls.lab.postgres.port}/store?sslmode=disable', password_file: {password} }}\n"
                f"encryption: {{ keys: [ {{ id: k1, key_file: {key} }} ] }}\n")

    def test_two_gateways_share_what_is_changed(self):
        other = self.lab.gateway(self.config).ports["api"]
        self.tokens["there"] = self.login("root", lab.PASSWORD, other).json()["access_token"]
        self.ask("POST", "/service-accounts", 201, body={"name": "both"})
        key = self.ask("POST", "/service-accounts/both/keys", 201, body={"name": "k"}).json()
        lab.wait_until(lambda: self.send("GET", "/me", key["secret"], port=other).status == 200, "the other gateway knows the account", 1)
        self.ask("DELETE", f"/service-accounts/both/keys/{key['id']}", 204)
        lab.wait_until(lambda: self.send("GET", "/me", key["secret"], port=other).status == 401, "the other gateway ends the key", 1)
        path = "/users/both"
        match = self.etag(path)
        ports = [other, self.gateway.ports["api"]] * 2
        answers = []
        threads = [threading.Thread(target=lambda port=port: answers.append(
            self.send("PATCH", path, body={"display_name": str(port)}, headers=[PATCH, match], port=port,
                      user="there" if port == other else "root").status)) for port in ports]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(answers), [200, 412, 412, 412])


if __name__ == "__main__":
    unittest.main()
