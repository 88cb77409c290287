"""What keys are good for: every operation of the API, with a key of each scope and with none, at a real gateway."""
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
from raw_http import Raw  # noqa: E402

SCOPES = ("read", "query", "connect", "approve", "account", "admin")
PLACES = {"name": "nothing", "user": "nobody", "id": "qry_01JD3K7V9QXW8N5T2R4M6P0ABC", "number": "999", "role": "auditor", "code": "denied"}
WEBSOCKET = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
             ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]


class Scopes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.gateway = cls.lab.gateway(
            "version: 1\nstate_dir: state\nlimits: { api_requests_per_minute: 1000000 }\n"
            "listen:\n  api: { address: 127.0.0.1, port: 0 }\n" + cls.lab.users("root") + "roles: { admin: { users: [root] } }\n"
            "targets:\n" + cls.lab.target() +
            "policies:\n  - { name: all, who: { users: [root] }, on: [postgres], allow: [ { everything: true } ] }\n")
        cls.login = cls.send("POST", "/api/v1/login", body={"username": "root", "password": lab.PASSWORD}).json()["access_token"]
        cls.keys = {scope: cls.send("POST", "/api/v1/me/tokens", cls.login,
                                    {"name": scope, "scopes": [scope], "expires_in_seconds": 3600}).json()["secret"] for scope in SCOPES}
        cls.document = cls.send("GET", "/api/v1/openapi.json").json()

    @classmethod
    def send(cls, method, path, token=None, body=None, headers=()):
        with Raw(cls.gateway.ports["api"]) as connection:
            return connection.request(method, path, token, body, headers)

    def operations(self):
        """(method, path with something in the place of parameters, needs a WebSocket, operation) of all that need somebody."""
        for template, item in self.document["paths"].items():
            for method, operation in item.items():
                if operation.get("security") != []:
                    path = re.sub(r"\{(\w+)\}", lambda match: PLACES[match[1]], template)
                    yield method.upper(), path, "101" in operation["responses"], operation

    def attempt(self, method, path, websocket, token):
        """Status and code of the answer; its body is not waited for."""
        with Raw(self.gateway.ports["api"]) as connection:
            fields = [("Authorization", f"Bearer {token}")] * bool(token) + (WEBSOCKET if websocket else [])
            connection.send(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields) +
                            "\r\n")
            status, headers = connection.header()
            if headers.get("content-type") != "application/problem+json":
                return status, ""
            return status, re.search(rb'"code":"(\w+)"', connection.take(int(headers["content-length"])))[1].decode()

    def test_the_file_names_the_scope_of_every_operation(self):
        for method, path, _, operation in self.operations():
            self.assertIn(operation.get("x-dbgate-scope"), (*SCOPES, "any"), (method, path))

    def test_a_key_is_good_for_its_scope_alone(self):
        # Such as have no scope end the key itself, or say who one is.
        tried = 0
        for method, path, websocket, operation in self.operations():
            needed = operation["x-dbgate-scope"]
            for scope in SCOPES:
                if needed == "any" and method != "GET":
                    continue
                status, code = self.attempt(method, path, websocket, self.keys[scope])
                with self.subTest(operation=operation["operationId"], scope=scope):
                    if scope == needed or needed == "any":
                        self.assertNotIn(code, ("insufficient_scope", "not_authenticated"))
                    else:
                        self.assertEqual((status, code), (403, "insufficient_scope"))
                tried += 1
        self.assertGreater(tried, 350)

    def test_what_another_credential_may_is_not_told_again(self):
        wish = {"name": "wide", "scopes": ["admin"], "expires_in_seconds": 3600}

        def make(token):
            answer = self.send("POST", "/api/v1/me/tokens", token, wish, [("Idempotency-Key", "make-wide")])
            return answer.status, answer.json().get("secret")

        status, secret = make(self.login)
        self.assertEqual((status, secret[:8]), (201, "dbg_pat_"))
        self.assertEqual(make(self.keys["account"]), (422, None))
        self.assertEqual(make(self.login), (201, secret))

    def test_without_a_key_there_is_nothing(self):
        for method, path, websocket, operation in self.operations():
            for token in (None, "dbg_pat_" + "0" * 36, "eyJhbGciOiJub25lIn0.e30."):
                with self.subTest(operation=operation["operationId"], token=token):
                    self.assertEqual(self.attempt(method, path, websocket, token), (401, "not_authenticated"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
