"""Every operation of the API with good and bad input, through Prism's validating proxy: what the gateway takes and answers is
what api/openapi.yaml says. Prism answers 500 or 502 with its own problem where they differ."""
import json
import os
import pathlib
import re
import subprocess
import sys
import unittest

import jsonschema

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "api"))
import bundle  # noqa: E402
import lab  # noqa: E402
from authenticator import totp  # noqa: E402
from raw_http import Raw  # noqa: E402

PRISM = lab.ROOT / "build" / "api-node" / "node_modules" / ".bin" / "prism"
# Prism speaks no WebSocket and waits for the end of an answer: of tunnels and events, refusals go through it.


class Prism:
    """`prism proxy` between a test and the gateway. Both ways are checked, or answers alone: then Prism does not know that
    a credential is needed, which it would ask for by itself."""

    def __init__(self, port, answers_alone, directory, change=None):
        self.port = lab.free_port()
        document = bundle.Bundle(lab.ROOT / "api").document
        if change:
            change(document)
        if answers_alone:
            for _, _, operation in bundle.operations(document):
                operation["security"] = []
        file = directory / f"openapi-{self.port}.json"
        file.write_text(json.dumps(document))
        options = ["--errors", *(["--validate-request", "false"] if answers_alone else [])]
        self.process = subprocess.Popen([PRISM, "proxy", file, f"http://127.0.0.1:{port}",
                                         "--port", str(self.port), "--host", "127.0.0.1", *options],
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "NO_COLOR": "1"})
        for line in self.process.stdout:
            if "is listening" in line:
                return
        raise AssertionError("Prism did not start")

    def close(self):
        self.process.terminate()
        self.process.stdout.close()
        self.process.wait(20)


@unittest.skipUnless(PRISM.exists(), "build/api-node is not there (scripts/setup.sh test)")
class Api(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.lab.postgres.psql("CREATE TABLE customers (id int, city text, note text); INSERT INTO customers VALUES (1, 'Rome'), (2, 'Oslo')")
        config = ("version: 1\nstate_dir: state\nlimits: { api_requests_per_minute: 1000000, failed_logins_per_minute: 5 }\n"
                  "listen:\n  postgres: { address: 127.0.0.1, port: 0 }\n  api: { address: 127.0.0.1, port: 0 }\n" +
                  cls.lab.users("ana", "ada", "eve") + "groups: { analysts: [ana] }\n" +
                  "targets:\n" + cls.lab.target() + cls.lab.target("other") +
                  "policies:\n  - { name: read, who: { users: [ana] }, on: [postgres], allow: [ { select: ['public.customers(id)'] },\n"
                  "      { update: ['public.customers(city)'], require: { approval: { from: { users: [ada] } } } } ] }\n"
                  "  - { name: all, who: { users: [ada] }, on: [postgres, other], allow: [ { everything: true } ] }\n"
                  "requests:\n  - { name: repair, who: { users: [ana] }, on: [postgres], tables: ['public.customers(note)'], verbs: [update],\n"
                  "      approval: { from: { users: [ada] } }, break_glass: { review: { from: { users: [ada] } } } }\n")
        cls.config = config
        cls.gateway = cls.lab.gateway(config)
        cls.strict, cls.lenient = (Prism(cls.gateway.ports["api"], answers_alone, cls.lab.directory) for answers_alone in (False, True))
        cls.addClassCleanup(cls.strict.close)
        cls.addClassCleanup(cls.lenient.close)
        cls.tokens = {user: cls.login(user).json()["access_token"] for user in ("ana", "ada")}
        cls.seen = set()

    @classmethod
    def login(cls, user, password=lab.PASSWORD):
        with Raw(cls.gateway.ports["api"]) as connection:
            return connection.request("POST", "/api/v1/login", body={"username": user, "password": password})

    def send(self, prism, method, path, user, body, headers):
        with Raw(prism.port) as connection:
            answer = connection.request(method, path, self.tokens.get(user, user), body, [*headers, ("Connection", "close")])
        if "prism" in json.dumps(dict(answer.headers)) + answer.body.decode("utf-8", "replace"):
            raise AssertionError(f"{method} {path}: Prism says {answer.status} {answer.body.decode()}")
        self.assertNotIn("sl-violations", answer.headers)
        return answer

    def good(self, method, path, status=200, user="ana", body=None, headers=()):
        """The request and its answer are as the file says."""
        answer = self.send(self.strict, method, path, user, body, headers)
        self.assertEqual(answer.status, status, (method, path, answer.body))
        return answer

    def bad(self, method, path, status, code, user="ana", body=None, headers=()):
        """The request is not, and the answer is."""
        answer = self.send(self.lenient, method, path, user, body, headers)
        self.assertEqual((answer.status, answer.code), (status, code), (method, path, body, answer.body))
        self.assertEqual(answer.json()["type"], "/problems/" + code)
        self.assertEqual(answer.json()["request_id"], answer.headers["x-request-id"])
        return answer

    def unreadable(self, path, body):
        """Prism answers what is no JSON by itself: this goes straight to the gateway."""
        with Raw(self.gateway.ports["api"]) as connection:
            answer = connection.request("POST", path, self.tokens["ana"], body)
        self.assertEqual((answer.status, answer.code), (400, "bad_request"), body[:40])
        jsonschema.validate(answer.json(), {"$ref": "#/components/schemas/Problem", "components": bundle.Bundle(lab.ROOT / "api").document["components"]})

    # Account

    def test_login(self):
        answer = self.good("POST", "/api/v1/login", user=None, body={"username": "ana", "password": lab.PASSWORD})
        self.assertEqual((answer.json()["user"], answer.json()["expires_in_seconds"]), ({"name": "ana"}, 900))
        self.bad("POST", "/api/v1/login", 401, "not_authenticated", None, {"username": "ana", "password": "wrong"})
        for body in ({}, {"username": "ana"}, {"username": "ana", "password": ""}, {"username": "", "password": "x"}, {"username": 1, "password": "x"},
                     {"username": "ana", "password": "x", "more": 1}, {"username": "a" * 129, "password": "x"}, []):
            refused = self.bad("POST", "/api/v1/login", 400, "bad_request", None, body)
            self.assertNotIn(lab.PASSWORD, refused.body.decode())
        for body in (b"{", b"\xff", b"", b"null", b"[" * 60_000, b'{"username": "\xff", "password": "x"}', b'{"username": "ana", "password": "x"} x'):
            self.unreadable("/api/v1/login", body)
        self.assertEqual(self.bad("POST", "/api/v1/login", 400, "bad_request", None, {"username": 1, "extra": 2}).json()["errors"],
                         [{"pointer": "/username", "detail": "must be a string of 1 to 128 characters"}, {"pointer": "/extra", "detail": "is not known here"},
                          {"pointer": "/password", "detail": "is missing: must be a string of 1 to 1024 characters"}])
        self.bad("POST", "/api/v1/login", 415, "unsupported_media_type", None, b"username=a", [("Content-Type", "application/x-www-form-urlencoded")])
        self.bad("POST", "/api/v1/login", 413, "too_large", None, {"username": "ana", "password": "x" * 70_000})
        self.bad("POST", "/api/v1/login", 403, "origin_refused", None, {"username": "ana", "password": "x"}, [("Origin", "https://evil.example")])

    def test_too_many_failed_logins(self):
        for attempt in range(20):
            if self.login("mallory", f"wrong {attempt}").status == 429:
                break
        refused = self.bad("POST", "/api/v1/login", 429, "too_many_attempts", None, {"username": "mallory", "password": "wrong"})
        self.assertGreaterEqual(int(refused.headers["retry-after"]), 1)

    def test_second_factor(self):
        token = self.good("POST", "/api/v1/login", user=None, body={"username": "eve", "password": lab.PASSWORD, "client": "laptop"}).json()["access_token"]
        secret = self.good("POST", "/api/v1/me/totp", user=token).json()["secret"]
        self.bad("POST", "/api/v1/me/totp/confirm", 403, "wrong_password", token, {"otp": "x"})
        codes = self.good("POST", "/api/v1/me/totp/confirm", user=token, body={"otp": totp(secret)}).json()["recovery_codes"]
        self.bad("POST", "/api/v1/me/totp", 409, "conflict", token)
        asked = self.bad("POST", "/api/v1/login", 401, "second_factor_required", None, {"username": "eve", "password": lab.PASSWORD})
        step = {"challenge": asked.json()["challenge"]}
        self.bad("POST", "/api/v1/login/second-factor", 401, "not_authenticated", None, {**step, "otp": "x"})
        self.good("POST", "/api/v1/login/second-factor", user=None, body={**step, "recovery_code": codes[0]})
        for body in ({}, step, {**step, "otp": "1", "recovery_code": "2"}, {"otp": "1"}):
            self.bad("POST", "/api/v1/login/second-factor", 400, "bad_request", None, body)
        for body in ({}, {"password": "x", "otp": "1"}, {"code": "1"}):
            self.bad("DELETE", "/api/v1/me/totp", 400, "bad_request", token, body)
        self.bad("DELETE", "/api/v1/me/totp", 403, "wrong_password", token, {"password": "wrong"})
        self.good("DELETE", "/api/v1/me/totp", 204, user=token, body={"password": lab.PASSWORD})
        self.bad("DELETE", "/api/v1/me/totp", 404, "not_found", token, {"password": lab.PASSWORD})

    def test_the_token_endpoint(self):
        form = [("Content-Type", "application/x-www-form-urlencoded")]
        pair = self.good("POST", "/api/v1/login", user=None, body={"username": "ada", "password": lab.PASSWORD}).json()
        fields = ("grant_type=refresh_token&refresh_token=" + pair["refresh_token"]).encode()
        self.good("POST", "/api/v1/token", user=None, body=fields, headers=form)
        again = self.good("POST", "/api/v1/token", 400, None, fields, form)
        self.assertEqual(again.json()["error"], "invalid_grant")
        for fields, error in ((b"grant_type=refresh_token", "invalid_request"), (b"grant_type=authorization_code", "invalid_request"),
                              (b"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code=x", "expired_token"),
                              (b"grant_type=authorization_code&code=x&code_verifier=y&redirect_uri=z", "invalid_grant")):
            self.assertEqual(self.good("POST", "/api/v1/token", 400, None, fields, form).json()["error"], error)
        unknown = self.send(self.lenient, "POST", "/api/v1/token", None, b"grant_type=password", form)
        self.assertEqual((unknown.status, unknown.json()["error"]), (400, "unsupported_grant_type"))
        self.bad("POST", "/api/v1/token", 415, "unsupported_media_type", None, {"grant_type": "refresh_token"})

    def test_identity_providers(self):
        self.assertEqual(self.good("GET", "/api/v1/login/methods", user=None).json(), {"password": True, "providers": []})
        start = {"redirect_uri": "http://127.0.0.1:4000/", "code_challenge": "c" * 43, "state": "s"}
        self.bad("POST", "/api/v1/login/oidc", 404, "not_found", None, start)
        for change in ({"code_challenge": "short"}, {"state": ""}, {"redirect_uri": 1}, {"more": 1}):
            self.bad("POST", "/api/v1/login/oidc", 400, "bad_request", None, {**start, **change})
        self.bad("POST", "/api/v1/login/device", 404, "not_found", None, {})
        self.bad("POST", "/api/v1/login/device", 400, "bad_request", None, {"provider": ""})
        for query in ("state=x&code=y", "error=access_denied", "state=x&session_state=other"):
            page = self.good("GET", "/api/v1/login/oidc/callback?" + query, 400, user=None)
            self.assertEqual(page.headers["content-type"].partition(";")[0], "text/html")
        self.assertEqual(len(self.good("GET", "/.well-known/jwks.json", user=None).json()["keys"]), 1)

    def test_ones_own_account(self):
        self.bad("POST", "/api/v1/me/password", 409, "managed_by_configuration", body={"current_password": lab.PASSWORD, "new_password": "another one"})
        self.bad("POST", "/api/v1/me/password", 400, "bad_request", body={"current_password": "x"})
        self.assertTrue(self.good("GET", "/api/v1/me/logins?limit=500&sort=-created_at").json()["items"])
        self.bad("GET", "/api/v1/me/logins?sort=name", 400, "bad_request")
        for path, secret, more in (("/api/v1/me/tokens", "secret", {"scopes": ["read", "query"]}),
                                   ("/api/v1/me/database-passwords", "password", {"target": "postgres"})):
            wanted = {"name": "laptop", "expires_in_seconds": 3600, **more}
            made = self.good("POST", path, 201, body=wanted).json()
            self.bad("POST", path, 409, "conflict", body=wanted)
            [listed] = self.good("GET", path).json()["items"]
            self.assertEqual({**listed, secret: made[secret]}, made)
            for change in ({"name": ""}, {"expires_in_seconds": 0}, {"expires_in_seconds": 40_000_000}, {"name": 1}, {"more": 1}):
                self.bad("POST", path, 400, "bad_request", body={**wanted, **change})
            self.bad("DELETE", path + "/" + made["id"], 404, "not_found", "ada")
            self.good("DELETE", path + "/" + made["id"], 204)
            self.bad("DELETE", path + "/" + made["id"], 404, "not_found")
            self.bad("GET", path, 401, "not_authenticated", None)
        self.bad("POST", "/api/v1/me/tokens", 422, "unprocessable", body={"name": "x", "expires_in_seconds": 60, "scopes": ["all"]})
        self.bad("POST", "/api/v1/me/database-passwords", 404, "no_such_target", body={"name": "x", "expires_in_seconds": 60, "target": "nowhere"})
        key = self.good("POST", "/api/v1/me/tokens", 201, body={"name": "reader", "expires_in_seconds": 60, "scopes": ["read"]}).json()["secret"]
        self.good("GET", "/api/v1/targets", user=key)
        self.bad("GET", "/api/v1/me/logins", 403, "insufficient_scope", key)
        for path in ("/api/v1/me/logins/lgn_01JD3K7V9QXW8N5T2R4M6P0ABC", "/api/v1/me/tokens/key_01JD3K7V9QXW8N5T2R4M6P0ABC",
                     "/api/v1/me/database-passwords/dpw_01JD3K7V9QXW8N5T2R4M6P0ABC"):
            self.bad("DELETE", path, 404, "not_found")
        login = self.login("ana").json()["access_token"]
        [own] = [item for item in self.good("GET", "/api/v1/me/logins?limit=500", user=login).json()["items"] if item["current"]]
        self.bad("DELETE", "/api/v1/me/logins/" + own["id"], 404, "not_found", "ada")
        self.good("DELETE", "/api/v1/me/logins/" + own["id"], 204, user=login)
        self.bad("GET", "/api/v1/me", 401, "not_authenticated", login)

    def test_logout_and_me(self):
        self.assertEqual(self.good("GET", "/api/v1/me").json()["groups"], ["analysts"])
        with Raw(self.gateway.ports["api"]) as connection:
            self.assertEqual(connection.request("GET", "/api/v1/me", self.tokens["ana"]).status, 200)
        token = self.good("POST", "/api/v1/login", user=None, body={"username": "ada", "password": lab.PASSWORD}).json()["access_token"]
        self.good("POST", "/api/v1/logout", 204, user=token)
        again = self.login("ada").json()["access_token"]
        self.bad("POST", "/api/v1/logout", 400, "bad_request", again, {"all": "yes"})
        for user in (token, "nonsense", None):
            answer = self.bad("GET", "/api/v1/me", 401, "not_authenticated", user)
            self.assertEqual(answer.headers["www-authenticate"], "Bearer")
            self.bad("POST", "/api/v1/logout", 401, "not_authenticated", user)

    # Targets and decisions

    def test_targets(self):
        self.assertEqual([item["name"] for item in self.good("GET", "/api/v1/targets", user="ada").json()["items"]], ["other", "postgres"])
        page = self.good("GET", "/api/v1/targets?limit=1&sort=-name", user="ada")
        self.assertEqual([item["name"] for item in page.json()["items"]], ["postgres"])
        self.assertIn('rel="next"', page.headers["link"])
        following = page.headers["link"].partition("<")[2].partition(">")[0]
        last = self.good("GET", following, user="ada").json()
        self.assertEqual(([item["name"] for item in last["items"]], last["next_cursor"]), (["other"], None))
        for query in ("limit=0", "limit=501", "limit=x", "sort=age", "other=1", "limit=1&limit=2"):
            self.bad("GET", "/api/v1/targets?" + query, 400, "bad_request")
        self.bad("GET", "/api/v1/targets?cursor=AAAA", 400, "invalid_cursor")
        self.bad("GET", following, 400, "invalid_cursor")  # ada's, asked by ana
        self.bad("GET", "/api/v1/targets", 401, "not_authenticated", None)

    def test_tunnels(self):
        self.bad("GET", "/api/v1/targets/postgres/tunnel", 426, "upgrade_required")
        self.bad("GET", "/api/v1/targets/postgres/tunnel", 426, "upgrade_required", None)

    def test_decisions(self):
        for sql, effect in (("SELECT id FROM customers", "allow"), ("SELECT * FROM customers", "deny"), ("SELEC 1", "error"), ("", "allow")):
            answer = self.good("POST", "/api/v1/decisions", body={"target": "postgres", "sql": sql}).json()
            self.assertEqual(answer["effect"], effect, answer)
        several = self.good("POST", "/api/v1/decisions", body={"target": "postgres", "statements": ["SELECT 1", "DROP TABLE customers"]})
        self.assertEqual([item["effect"] for item in several.json()["items"]], ["allow", "deny"])
        self.good("POST", "/api/v1/decisions", user="ada", body={"target": "postgres", "sql": "SELECT 1", "principal": "ana"})
        for body in ({}, {"target": "postgres"}, {"target": "postgres", "sql": "x", "statements": ["x"]}, {"target": "postgres", "statements": []},
                     {"target": "postgres", "statements": ["x"] * 101}, {"target": 1, "sql": "x"}, {"target": "postgres", "sql": "x", "more": 1}):
            self.bad("POST", "/api/v1/decisions", 400, "bad_request", body=body)
        self.unreadable("/api/v1/decisions", b'{"sql": "SELECT 1", "target": "postgres", "s\\u0071l": "DROP TABLE customers"}')
        self.bad("POST", "/api/v1/decisions", 403, "not_administrator", body={"target": "postgres", "sql": "SELECT 1", "principal": "ada"})
        for target in ("other", "nowhere"):
            self.bad("POST", "/api/v1/decisions", 404, "no_such_target", body={"target": target, "sql": "SELECT 1"})
        self.bad("POST", "/api/v1/decisions", 401, "not_authenticated", None, {"target": "postgres", "sql": "SELECT 1"})
        self.bad("POST", "/api/v1/decisions", 415, "unsupported_media_type", body=b"x", headers=[("Content-Type", "text/plain")])

    # Queries and schemas

    def test_queries(self):
        path = "/api/v1/targets/postgres/queries"
        query = self.good("POST", path, body={"sql": "SELECT id FROM customers WHERE id > $1", "parameters": [0], "max_rows": 10}).json()
        self.assertEqual((query["state"], query["user"], query["results"][0]["rows"]), ("succeeded", "ana", [[1], [2]]))
        self.good("POST", path, body={"sql": "SELECT id FROM customers"}, headers=[("Accept", "application/x-ndjson")])
        running = self.good("POST", path, 202, user="ada", body={"sql": "SELECT pg_sleep(600)", "wait_ms": 0}).json()["id"]
        self.good("POST", f"/api/v1/queries/{running}/cancel", 202, user="ada")
        ended = lab.wait_until(lambda: self.of_state("cancelled", running, "ada"), "the query ends", 20)
        self.assertEqual(self.good("POST", f"/api/v1/queries/{running}/cancel", user="ada").json(), ended)
        for body in ({}, {"sql": 1}, {"sql": "SELECT 1", "more": 1}, {"sql": "SELECT 1", "max_rows": 0}, {"sql": "SELECT $1", "parameters": [[]]},
                     {"sql": "SELECT 1", "wait_ms": 30001}, {"sql": "SELECT 1", "database": ""}):
            self.bad("POST", path, 400, "bad_request", body=body)
        self.bad("POST", path, 403, "denied", body={"sql": "SELECT city FROM customers"})
        self.bad("POST", path, 422, "statement_not_supported", body={"sql": "BEGIN"})
        self.bad("POST", path, 401, "not_authenticated", None, {"sql": "SELECT 1"})
        self.bad("POST", "/api/v1/targets/other/queries", 404, "no_such_target", body={"sql": "SELECT 1"})

    def of_state(self, state, query, user):
        answer = self.good("GET", f"/api/v1/queries/{query}", user=user).json()
        return answer if answer["state"] == state else None

    def test_results_and_files(self):
        made = self.good("POST", "/api/v1/targets/postgres/queries", body={"sql": "SELECT id FROM customers"}).json()["id"]
        query = f"/api/v1/queries/{made}"
        self.good("GET", query)
        page = self.good("GET", f"/api/v1/queries/{made}/rows?limit=1")
        self.assertEqual(page.json()["items"], [[1]])
        following = page.headers["link"].partition("<")[2].partition(">")[0]
        last = self.good("GET", following).json()
        self.assertEqual((last["items"], last["next_cursor"]), ([[2]], None))
        for form in ("csv", "json", "jsonl", "parquet"):
            self.good("POST", f"/api/v1/queries/{made}/export?format={form}")
        self.bad("POST", f"{query}/export?format=xlsx", 400, "bad_request")
        self.bad("GET", f"{query}/rows?limit=501", 400, "bad_request")
        self.bad("GET", f"{query}/rows?cursor=AAAA", 400, "invalid_cursor")
        for method, action in (("GET", ""), ("GET", "/rows"), ("POST", "/cancel"), ("POST", "/export")):
            self.bad(method, query + action, 401, "not_authenticated", None)
            self.bad(method, "/api/v1/queries/qry_01JD3K7V9QXW8N5T2R4M6P0ABC" + action, 404, "not_found")

    def test_approvals(self):
        queries, update = "/api/v1/targets/postgres/queries", "UPDATE customers SET city = 'Bonn' WHERE id = 2"
        decision = self.good("POST", "/api/v1/decisions", body={"target": "postgres", "sql": update}).json()
        self.assertEqual((decision["effect"], decision["approvals"]),
                         ("hold", [{"rule": "read/allow[1]", "groups": [], "users": ["ada"], "needed": 1}]))
        refused = self.good("POST", queries, 403, body={"sql": update, "held": "refuse", "reason": "moved"})
        self.assertEqual(refused.code, "approval_required")
        approval = refused.json()["approval_url"]
        made = approval.rpartition("/")[2]
        self.assertRegex(approval, "^/api/v1/approvals/apr_[0-9A-Z]{26}$")
        listed = self.good("GET", "/api/v1/approvals?state=pending&target=postgres&requester=ana", user="ada").json()["items"]
        self.assertEqual([(one["id"], one["sql"], one["operation"], one["reason"]) for one in listed],
                         [(made, update, "UPDATE", "moved")])
        shown = self.good("GET", approval, user="ada")
        self.assertEqual((shown.json()["state"], shown.json()["may_decide"], shown.json()["sql"]), ("pending", True, update))
        self.good("GET", approval, 304, user="ada", headers=[("If-None-Match", shown.headers["etag"])])
        self.assertEqual(self.good("GET", approval + "?wait_seconds=1&state=pending").json()["state"], "pending")
        self.bad("GET", approval + "?wait_seconds=31", 400, "bad_request")
        self.bad("GET", "/api/v1/approvals?state=open", 400, "bad_request")
        self.good("POST", f"/api/v1/approvals/{made}/approve", 403, body={})
        self.bad("POST", f"/api/v1/approvals/{made}/deny", 400, "bad_request", "ada", {})
        self.good("POST", f"/api/v1/approvals/{made}/approve", 412, "ada", {}, [("If-Match", '"other"')])
        key = [("Idempotency-Key", "once"), ("If-Match", shown.headers["etag"])]
        for _ in range(2):
            self.assertEqual(self.good("POST", f"/api/v1/approvals/{made}/approve", user="ada", body={"reason": "fine", "ticket": "T-1"}, headers=key).json()["state"], "approved")
        self.assertEqual(self.good("POST", f"/api/v1/approvals/{made}/deny", 409, "ada", {"reason": "no"}).code, "approval_ended")
        self.assertEqual(self.good("POST", queries, body={"sql": update, "held": "refuse"}).json()["results"][0]["command_tag"], "UPDATE 1")
        self.bad("GET", "/api/v1/approvals/apr_01JD3K7V9QXW8N5T2R4M6P0ABC", 404, "not_found")

    def test_access_for_a_time(self):
        wish = {"target": "postgres", "tables": ["public.customers(note)"], "verbs": ["update"], "duration_seconds": 600, "reason": "stuck"}
        offer = self.good("GET", "/api/v1/access-offers?target=postgres").json()["items"][0]
        self.assertEqual((offer["name"], offer["longest_seconds"], offer["approvers"]["users"]), ("repair", 14400, ["ada"]))
        self.assertEqual(self.good("GET", "/api/v1/access-offers?sort=-name", user="ada").json()["items"], [])
        asked = self.good("POST", "/api/v1/access-requests", 201, body=wish)
        request = asked.json()["id"]
        self.assertEqual(asked.headers["location"], f"/api/v1/access-requests/{request}")
        self.assertEqual(self.good("GET", "/api/v1/access-requests?state=pending&target=postgres&user=ana", user="ada").json()["items"][0]["id"], request)
        self.bad("GET", "/api/v1/access-requests?state=open", 400, "bad_request")
        self.good("POST", asked.json()["approval_url"] + "/approve", user="ada", body={})
        shown = self.good("GET", f"/api/v1/access-requests/{request}")
        self.assertEqual(shown.json()["state"], "active")
        self.good("GET", f"/api/v1/access-requests/{request}", 304, headers=[("If-None-Match", shown.headers["etag"])])
        self.assertEqual([one["id"] for one in self.good("GET", "/api/v1/me").json()["access"]], [request])
        self.assertEqual([one["id"] for one in self.good("GET", "/api/v1/targets").json()["items"][0]["for_a_time"]], [request])
        self.assertEqual(self.good("POST", f"/api/v1/access-requests/{request}/end", user="ada", body={"reason": "done"}).json()["ended_by"], "ada")
        self.assertEqual(self.good("POST", f"/api/v1/access-requests/{request}/end", 409, body={}).code, "conflict")
        glass = self.good("POST", "/api/v1/access-requests", 201, body={**wish, "break_glass": True}).json()
        self.assertEqual((glass["state"], glass["in_review"]), ("active", True))
        self.assertEqual(self.good("GET", glass["approval_url"], user="ada").json()["kind"], "review")
        self.good("POST", glass["approval_url"] + "/deny", user="ada", body={"reason": "no"})
        for change, status, code in (({"tables": ["public.customers"]}, 403, "denied"), ({"tables": ["nothing"]}, 403, "denied")):
            self.assertEqual(self.good("POST", "/api/v1/access-requests", status, body={**wish, **change}).code, code)
        self.bad("POST", "/api/v1/access-requests", 400, "bad_request", "ana", {**wish, "verbs": []})
        self.bad("GET", "/api/v1/access-requests/acc_01JD3K7V9QXW8N5T2R4M6P0ABC", 404, "not_found")

    def test_queries_that_wait(self):
        queries, update = "/api/v1/targets/postgres/queries", "UPDATE customers SET city = 'Ulm' WHERE id = 2"
        waits = {word: self.good("POST", queries, 202, body={"sql": f"{update} AND id <> {len(word)}"}).json() for word in ("approve", "deny", "cancel")}
        for word, query in waits.items():
            self.assertEqual(query["state"], "held")
            approval = query["approval_id"]
            if word == "cancel":
                self.good("POST", f"/api/v1/approvals/{approval}/cancel")
            else:
                self.good("POST", f"/api/v1/approvals/{approval}/{word}", user="ada", body={"reason": "because"})
        ended = {word: lab.wait_until(lambda id=query["id"]: self.ended(id), word) for word, query in waits.items()}
        self.assertEqual({word: query["state"] for word, query in ended.items()}, {"approve": "succeeded", "deny": "failed", "cancel": "failed"})
        self.assertEqual(ended["deny"]["error"]["code"], "denied")

    def ended(self, query):
        shown = self.good("GET", f"/api/v1/queries/{query}").json()
        return shown if shown["ended_at"] else None

    def test_schemas(self):
        schema, = self.good("GET", "/api/v1/targets/postgres/schema").json()["schemas"]
        self.assertEqual([column["name"] for column in schema["relations"][0]["columns"]], ["id", "city"])
        self.bad("GET", "/api/v1/targets/postgres/schema?database=", 400, "bad_request")
        self.bad("GET", "/api/v1/targets/other/schema", 404, "no_such_target")
        self.bad("GET", "/api/v1/targets/postgres/schema", 401, "not_authenticated", None)

    # Events

    def test_events(self):
        self.bad("GET", "/api/v1/events", 401, "not_authenticated", None)
        self.bad("GET", "/api/v1/events?topics=weather", 400, "bad_request")
        self.bad("GET", "/api/v1/events/ws", 426, "upgrade_required")
        with Raw(self.gateway.ports["api"]) as connection:
            connection.send(f"GET /api/v1/events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: old-1\r\nAuthorization: Bearer {self.tokens['ana']}\r\n\r\n")
            status, fields = connection.header()
            self.assertEqual((status, fields["content-type"], fields["cache-control"]), (200, "text/event-stream", "no-store"))
            self.assertIn(b"event: missed", connection.chunk())
        upgrade = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
                   ("Sec-WebSocket-Protocol", "dbgate.events.v1")]
        with Raw(self.gateway.ports["api"]) as connection:
            answer = connection.request("GET", "/api/v1/events/ws?last_event_id=old-1", self.tokens["ana"], headers=upgrade)
            self.assertEqual((answer.status, answer.headers["sec-websocket-protocol"]), (101, "dbgate.events.v1"))
            self.assertEqual(connection.take(2 + 17), b'\x81\x11{"type":"missed"}')
            connection.send(b"\x88\x82\0\0\0\0" + (1000).to_bytes(2, "big"))  # close
            self.assertEqual(connection.take(4)[:1], b"\x88")
            self.assertTrue(connection.ended())

    # About

    def test_the_api_about_itself(self):
        document = self.good("GET", "/api/v1/openapi.json", user=None)
        self.assertEqual(document.json(), bundle.Bundle(lab.ROOT / "api").document)
        for path in ("/api/v1/openapi.json", "/api/v1/docs", "/problems/not_found"):
            answer = self.good("GET", path, user=None)
            self.good("GET", path, 304, user=None, headers=[("If-None-Match", answer.headers["etag"])])
        page = self.good("GET", "/api/v1/docs", user=None).body.decode()
        for _, _, operation in bundle.operations(document.json()):
            self.assertIn(f'id="{operation["operationId"]}"', page)
        for problem in document.json()["components"]["schemas"]["ProblemCode"]["enum"]:
            self.good("GET", f"/problems/{problem}", user=None)
        self.bad("GET", "/problems/nothing_like_it", 404, "not_found", None)

    # What holds for all of them

    def test_prism_sees_what_is_not_in_the_file(self):
        def change(document):
            document["components"]["schemas"]["Me"]["properties"].pop("groups")
            document["components"]["schemas"]["Me"]["required"].remove("groups")

        prism = Prism(self.gateway.ports["api"], False, self.lab.directory, change)
        self.addCleanup(prism.close)
        with self.assertRaisesRegex(AssertionError, "Prism says 500"):
            self.send(prism, "GET", "/api/v1/me", "ana", None, ())
        with self.assertRaisesRegex(AssertionError, "Prism says 422"):
            self.send(self.strict, "POST", "/api/v1/decisions", "ana", {"target": "postgres"}, ())

    def test_every_operation_is_here(self):
        here = pathlib.Path(__file__)
        text = here.read_text(encoding="utf-8")
        # These go through Prism too; their paths begin behind /api/v1.
        text += here.with_name("administration_test.py").read_text(encoding="utf-8").replace('"/', '"/api/v1/')
        text += re.sub(r'"(history|audit)', r'"/api/v1/\1', here.with_name("history_test.py").read_text(encoding="utf-8"))
        missing = [operation["operationId"] for path, _, operation in bundle.operations(bundle.Bundle(lab.ROOT / "api").document)
                   if not re.search(re.sub(r"\\{.*?\\}", '[^/"]+', re.escape(path)) + "[?\" ]", text)]
        self.assertEqual(missing, [], "operations that neither file tries")

    def test_head_and_options(self):
        with Raw(self.gateway.ports["api"]) as connection:
            got = connection.request("GET", "/api/v1/me", self.tokens["ana"])
            head = connection.request("HEAD", "/api/v1/me", self.tokens["ana"])
            self.assertEqual((head.status, head.body, head.headers["content-length"]), (200, b"", got.headers["content-length"]))
            options = connection.request("OPTIONS", "/api/v1/me")
            self.assertEqual((options.status, options.headers["allow"]), (204, "GET, HEAD, OPTIONS"))
            refused = connection.request("DELETE", "/api/v1/me", self.tokens["ana"])
            self.assertEqual((refused.status, refused.code, refused.headers["allow"]), (405, "method_not_allowed", "GET, HEAD, OPTIONS"))

    def test_request_ids(self):
        with Raw(self.gateway.ports["api"]) as connection:
            for given, taken in (("mine-42_x", True), ("a" * 64, True), ("a" * 65, False), ("a b", False), ("a.b", False), ("ä", False)):
                answer = connection.request("GET", "/api/v1/me", headers=[("X-Request-Id", given)])
                self.assertEqual(answer.headers["x-request-id"] == given, taken, given)
                self.assertEqual(answer.json()["request_id"], answer.headers["x-request-id"])

    def test_rates(self):
        gateway = self.lab.gateway(self.config.replace("api_requests_per_minute: 1000000", "api_requests_per_minute: 30"))
        with Raw(gateway.ports["api"]) as connection:
            token = connection.request("POST", "/api/v1/login", body={"username": "ana", "password": lab.PASSWORD}).json()["access_token"]
            answers = [connection.request("GET", "/api/v1/me", token) for _ in range(40)]
            self.assertEqual(answers[0].headers["ratelimit-policy"], '"api";q=30;w=60')
            self.assertTrue(answers[0].headers["ratelimit"].startswith('"api";r=29;t='))
            refused = [answer for answer in answers if answer.status == 429]
            self.assertTrue(5 <= len(refused) <= 10, len(refused))
            self.assertEqual(refused[0].code, "too_many_requests")
            self.assertIn(int(refused[0].headers["retry-after"]), (1, 2))
            self.assertEqual(connection.request("GET", "/api/v1/me").status, 401, "others have what is theirs")


if __name__ == "__main__":
    unittest.main()
