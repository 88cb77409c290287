"""What is somebody else's is not there: every operation of the API that names an object by its id, asked by a person who has no role,
and people who administer users, who cannot make more of themselves than they are."""
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402
from raw_http import Raw  # noqa: E402

CONFIG = """policies:
  - name: ana
    who: { users: [ana] }
    on: [postgres]
    hold: refuse
    allow:
      - { select: [public.orders], functions: [safe] }
      - { delete: [public.orders], require: { approval: { from: { users: [lea] }, of: 1, within: 10m } } }
  - { name: bob, who: { users: [bob] }, on: [postgres], allow: [ { select: ["public.orders(id)"] } ] }
requests:
  - { name: more, who: { users: [ana] }, on: [postgres], tables: [public.orders], verbs: [update], approval: { from: { users: [lea] }, of: 1, within: 10m } }
"""
# Operations with an id that are for roles: tests/integration/administration_test.py and scopes_test.py.
OF_ROLES = {"endLogin", "revokeInvitation", "revokeServiceKey"}


class Others(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.lab.postgres.psql("CREATE TABLE orders (id int PRIMARY KEY, note text); INSERT INTO orders VALUES (1, 'a'), (2, 'b')")
        cls.gateway = cls.lab.gateway(
            "version: 1\nstate_dir: state\nlimits: { api_requests_per_minute: 1000000 }\n"
            "listen:\n  postgres: { address: 127.0.0.1, port: 0 }\n  api: { address: 127.0.0.1, port: 0 }\n" +
            cls.lab.users("root", "ana", "bob", "lea", "uma") + "roles: { admin: { users: [root] }, user_admin: { users: [uma] } }\n"
            "targets:\n" + cls.lab.target() + CONFIG)
        cls.tokens = {}

    def send(self, user, method, path, body=None, **fields):
        if user not in self.tokens:
            with Raw(self.gateway.ports["api"]) as connection:
                self.tokens[user] = connection.request("POST", "/api/v1/login", None, {"username": user, "password": lab.PASSWORD}).json()["access_token"]
        with Raw(self.gateway.ports["api"]) as connection:
            return connection.request(method, "/api/v1" + path, self.tokens[user], body, list(fields.items()))

    def made(self, path, **body):
        answer = self.send("ana", "POST", path, body)
        self.assertLess(answer.status, 300, answer.body)
        return answer.json()["id"]

    def first(self, path):
        return lab.wait_until(lambda: self.send("ana", "GET", path).json()["items"], path)[0]["id"]

    def objects_of_ana(self):
        """Ids by the path that they stand in."""
        session = wire.Connection(self.gateway.port)
        self.addCleanup(session.socket.close)
        session.login("ana", "postgres", lab.PASSWORD)
        for sql in ("SELECT note FROM orders", "DELETE FROM orders WHERE id = 1"):
            session.send(wire.query(sql))
            session.receive_until("Z")
        return {"/me/logins": self.first("/me/logins"),
                "/me/tokens": self.made("/me/tokens", name="t", scopes=["read"], expires_in_seconds=3600),
                "/me/database-passwords": self.made("/me/database-passwords", name="p", expires_in_seconds=3600),
                "/queries": self.made("/targets/postgres/queries", sql="SELECT note FROM orders"),
                "/access-requests": self.made("/access-requests", target="postgres", tables=["public.orders"], verbs=["update"],
                                              duration_seconds=600, reason="stuck"),
                "/saved-queries": self.made("/saved-queries", name="s", sql="SELECT 1", target="postgres"),
                "/approvals": self.first("/approvals"), "/sessions": self.first("/sessions"), "/history": self.first("/history")}

    def test_ids_of_others_are_unknown(self):
        objects, tried = self.objects_of_ana(), set()
        document = self.send("bob", "GET", "/openapi.json").json()
        for template, item in document["paths"].items():
            parts = re.fullmatch(r"/api/v1(/.*?)/\{id\}(/.*)?", template)
            for method, operation in item.items() if parts else ():
                if operation["operationId"] in OF_ROLES:
                    continue
                path = f"{parts[1]}/{objects[parts[1]]}{parts[2] or ''}"
                body = {"reason": "x"} if method == "post" else {"name": "x"} if method == "patch" else None
                if method == "post" and parts[2] == "/export":
                    body = {"format": "csv"}
                kind = {"Content-Type": "application/merge-patch+json"} if method == "patch" else {}
                answer = self.send("bob", method.upper(), path, body, **{"If-Match": "*"} if method in ("patch", "delete") else {}, **kind)
                with self.subTest(operation=operation["operationId"]):
                    self.assertEqual((answer.status, answer.code), (404, "not_found"))
                tried.add(operation["operationId"])
        self.assertGreaterEqual(len(tried), 20)
        for path in ("/me/logins", *objects):
            shown = self.send("bob", "GET", path) if path != "/queries" else None
            with self.subTest(path=path):
                self.assertFalse(shown and objects[path].encode() in shown.body)
        self.assertEqual(self.send("bob", "GET", "/history?user=ana").code, "not_permitted")
        own = f"/approvals/{objects['/approvals']}/approve"
        self.assertEqual(self.send("ana", "POST", own, {"reason": "x"}).code, "not_an_approver", "nobody approves for themselves")

    def test_who_administers_users_stays_what_they_are(self):
        for method, path, body in (("POST", "/groups", {"name": "adm"}), ("PUT", "/roles/admin/groups/adm", {}),
                                   ("POST", "/service-accounts", {"name": "robot"}), ("PUT", "/roles/admin/users/robot", {})):
            self.assertLess(self.send("root", method, path, body).status, 300, path)
        for method, path, body in (("PUT", "/roles/admin/users/uma", {}), ("PUT", "/roles/policy_admin/users/uma", {}),
                                   ("PUT", "/roles/auditor/users/uma", {}), ("PUT", "/roles/target_admin/groups/adm", {}),
                                   ("PUT", "/groups/adm/members/uma", {}), ("POST", "/invitations", {"groups": ["adm"]}),
                                   ("POST", "/users", {"name": "new", "groups": ["adm"]}),
                                   ("POST", "/service-accounts/robot/keys", {"name": "k", "scopes": ["admin"], "expires_in_seconds": 3600}),
                                   ("GET", "/policies", None), ("GET", "/targets/postgres", None), ("GET", "/audit/records", None)):
            with self.subTest(path=path, method=method):
                answer = self.send("uma", method, path, body)
                self.assertEqual((answer.status, answer.code), (403, "not_permitted"), answer.body)


if __name__ == "__main__":
    unittest.main()
