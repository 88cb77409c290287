"""Signing in at the API, staying signed in, and what people do with their own account: a real gateway, store and provider."""
import base64
import hashlib
import hmac
import json
import pathlib
import secrets
import sys
import time
import unittest
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import identity_provider  # noqa: E402
import lab  # noqa: E402
import stored_users  # noqa: E402
from authenticator import totp  # noqa: E402
from raw_http import Raw  # noqa: E402

REDIRECT = "http://127.0.0.1:40404/callback"
FORM = ("Content-Type", "application/x-www-form-urlencoded")
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
DAY = 86_400


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def part(token, number):
    text = token.split(".")[number]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


class Client:
    """Requests to one gateway."""

    def __init__(self, gateway):
        self.gateway = gateway

    def __call__(self, method, path, token=None, body=None, headers=()):
        path = path if path.startswith("/.") else "/api/v1" + path
        # Passwords are hashed when the machine has nothing else to do: on one that is busy that takes a while.
        with Raw(self.gateway.ports["api"], timeout=lab.START_SECONDS) as connection:
            return connection.request(method, path, token, body, headers)

    def login(self, user, password=lab.PASSWORD, **more):
        return self("POST", "/login", body={"username": user, "password": password, **more})

    def signed_in(self, user, password=lab.PASSWORD, **more):
        answer = self.login(user, password, **more)
        assert answer.status == 200, answer.body
        return answer.json()

    def token(self, **fields):
        return self("POST", "/token", body=urllib.parse.urlencode(fields).encode(), headers=[FORM])

    def refresh(self, pair):
        return self.token(grant_type="refresh_token", refresh_token=pair["refresh_token"])


def configuration(it, extra="", users=("ana", "ada", "bob", "eve")):
    return ("version: 1\nstate_dir: state\nlimits: { api_requests_per_minute: 1000000 }\n" + extra +
            "listen:\n  postgres: { address: 127.0.0.1, port: 0 }\n  api: { address: 127.0.0.1, port: 0 }\n" + it.users(*users) +
            "targets:\n" + it.target() +
            f"policies:\n  - {{ name: all, who: {{ users: [{', '.join(users)}] }}, on: [postgres], allow: [ {{ everything: true }} ] }}\n")


class SignIn(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        config, directory = configuration(cls.lab), cls.lab.directory / "gateway1"
        stored_users.make_store(directory, config)
        stored_users.add_person(directory, "carla", lab.PASSWORD)
        stored_users.add_person(directory, "dora", lab.PASSWORD, must_change=True)
        cls.gateway = cls.lab.gateway(config)
        cls.ask = Client(cls.gateway)

    def refused(self, answer, status, code):
        self.assertEqual((answer.status, answer.code), (status, code), answer.body)

    def grant_refused(self, answer, error="invalid_grant"):
        self.assertEqual((answer.status, answer.headers["content-type"], answer.json()["error"]), (400, "application/json", error))

    def audited(self, event, **fields):
        def found():
            return [record for record in self.gateway.audit(event)
                    if all(record.get(key.replace("__", ".")) == value for key, value in fields.items())]
        return lab.wait_until(found, f"{event} {fields} is recorded", 10)

    # Tokens

    def test_a_password_gives_tokens(self):
        pair = self.ask.signed_in("ana", client="laptop")
        self.assertEqual((pair["token_type"], pair["expires_in_seconds"], pair["user"]), ("Bearer", 900, {"name": "ana"}))
        claims = part(pair["access_token"], 1)
        self.assertEqual((claims["iss"], claims["sub"], claims["sid"][:4]), ("dbgate", "ana", "lgn_"))
        me = self.ask("GET", "/me", pair["access_token"]).json()
        self.assertEqual((me["user"], me["scopes"]), ({"name": "ana"}, ["read", "query", "connect", "approve", "account", "admin"]))
        [own] = [login for login in self.ask("GET", "/me/logins?limit=500", pair["access_token"]).json()["items"] if login["current"]]
        self.assertEqual((own["id"], own["client"], own["method"], own["address"]), (claims["sid"], "laptop", "password", "127.0.0.1"))
        self.audited("auth.ok", user__name="ana", auth__credential=claims["sid"])
        self.assertIn(part(pair["access_token"], 0)["kid"],
                      [key["kid"] for key in self.ask("GET", "/.well-known/jwks.json").json()["keys"]])

    def test_somebody_whom_another_process_has_just_made_gets_in(self):
        for name in ("fay", "flo", "fin"):
            stored_users.add_person(self.gateway.directory, name, lab.PASSWORD)
            self.assertEqual(self.ask.login(name).status, 200, name)

    def test_wrong_passwords_and_names_look_alike(self):
        answers = [self.ask.login(user, "wrong") for user in ("bob", "nobody", "../x")]
        for answer in answers:
            self.refused(answer, 401, "not_authenticated")
        details = {json.dumps({**answer.json(), "request_id": ""}) for answer in answers}
        self.assertEqual(len(details), 1, details)
        self.audited("auth.fail", user__name="nobody")

    def test_guessing_is_slowed_down(self):
        for attempt in range(30):
            answer = self.ask.login("eve", f"wrong {attempt}")
            if answer.status == 429:
                break
        self.refused(answer, 429, "too_many_attempts")
        self.assertGreaterEqual(int(answer.headers["retry-after"]), 1)
        self.refused(self.ask.login("eve"), 429, "too_many_attempts")  # also with the right one

    def test_a_refresh_token_is_good_once(self):
        first = self.ask.signed_in("bob")
        answer = self.ask.refresh(first)
        self.assertEqual((answer.status, answer.headers["cache-control"]), (200, "no-store"), answer.body)
        second = answer.json()
        self.assertEqual((second["expires_in"], second["user"]), (900, {"name": "bob"}))
        self.assertEqual(self.ask("GET", "/me", second["access_token"]).status, 200)
        self.grant_refused(self.ask.refresh(first))
        # One of the two was a thief: neither goes on.
        self.grant_refused(self.ask.refresh(second))
        for pair in (first, second):
            self.refused(self.ask("GET", "/me", pair["access_token"]), 401, "not_authenticated")
        self.audited("auth.fail", user__name="bob", auth__credential=part(first["access_token"], 1)["sid"])
        self.grant_refused(self.ask.token(grant_type="refresh_token", refresh_token="dbg_rt_" + "x" * 36))
        self.grant_refused(self.ask.token(grant_type="refresh_token", refresh_token=second["access_token"]))

    def test_logout_ends_the_login(self):
        one, other = self.ask.signed_in("ana"), self.ask.signed_in("ana")
        self.assertEqual(self.ask("POST", "/logout", one["access_token"]).status, 204)
        self.refused(self.ask("GET", "/me", one["access_token"]), 401, "not_authenticated")
        self.grant_refused(self.ask.refresh(one))
        self.assertEqual(self.ask("GET", "/me", other["access_token"]).status, 200)
        last = self.ask.signed_in("ana")
        self.assertEqual(self.ask("POST", "/logout", last["access_token"], {"all": True}).status, 204)
        lab.wait_until(lambda: self.ask("GET", "/me", other["access_token"]).status == 401, "the other login has ended", 5)
        self.grant_refused(self.ask.refresh(other))
        self.audited("admin.change", change="logout.all", user__name="ana")

    def test_forged_tokens(self):
        good = self.ask.signed_in("bob")["access_token"]
        header, payload, signature = good.split(".")
        claims = part(good, 1)
        public = self.ask("GET", "/.well-known/jwks.json").json()["keys"][0]

        def forged(change_header, change_claims=None, key=None):
            text = ".".join(encoded(json.dumps(value).encode())
                            for value in ({**part(good, 0), **change_header}, {**claims, **(change_claims or {})}))
            return text + "." + (encoded(hmac.digest(key, text.encode(), "sha256")) if key else signature)

        tokens = {
            "no algorithm": forged({"alg": "none"}).rpartition(".")[0] + ".",
            "no algorithm, with a signature": forged({"alg": "None"}),
            "the public key as a secret": forged({"alg": "HS256"}, key=json.dumps(public).encode()),
            "the point as a secret": forged({"alg": "HS256"}, key=base64.urlsafe_b64decode(public["x"] + "==")),
            "an empty secret": forged({"alg": "HS256"}, key=b"\0"),
            "somebody else": forged({}, {"sub": "ana"}),
            "for ever": forged({}, {"exp": claims["exp"] + DAY}),
            "another key": forged({"kid": "x"}),
            "a key of its own": forged({"jwk": public, "jku": "http://127.0.0.1/keys"}),
            "no signature": f"{header}.{payload}.",
            "a signature of zeros": f"{header}.{payload}.{encoded(bytes(64))}",
            "one character more": good + "A",
            "nothing": "..",
            "a refresh token": "dbg_rt_" + "0" * 36,
            "very long": "a" * 8000,
        }
        for name, token in tokens.items():
            with self.subTest(name):
                self.refused(self.ask("GET", "/me", token), 401, "not_authenticated")
        self.assertEqual(self.ask("GET", "/me", good).status, 200)

    def test_the_token_endpoint_speaks_oauth(self):
        self.grant_refused(self.ask.token(grant_type="password", username="ana", password=lab.PASSWORD), "unsupported_grant_type")
        self.grant_refused(self.ask.token(), "invalid_request")
        self.grant_refused(self.ask.token(grant_type="refresh_token"), "invalid_request")
        self.grant_refused(self.ask.token(grant_type=DEVICE, device_code="made up"), "expired_token")
        self.grant_refused(self.ask.token(grant_type="authorization_code", code="c", code_verifier="v" * 43, redirect_uri=REDIRECT))
        self.refused(self.ask("POST", "/token", body={"grant_type": "refresh_token"}), 415, "unsupported_media_type")

    # One's own account

    def test_second_factor(self):
        token = self.ask.signed_in("carla")["access_token"]
        started = self.ask("POST", "/me/totp", token).json()
        self.assertTrue(started["uri"].startswith("otpauth://totp/dbgate:carla?secret=" + started["secret"]))
        self.refused(self.ask("POST", "/me/totp/confirm", token, {"otp": "000000x"}), 403, "wrong_password")
        code = totp(started["secret"], -30)
        confirmed = self.ask("POST", "/me/totp/confirm", token, {"otp": code})
        self.assertEqual(confirmed.status, 200, confirmed.body)
        recovery = confirmed.json()["recovery_codes"]
        self.assertEqual(len(recovery), 10)
        self.audited("admin.change", change="second_factor.enable", user__name="carla")
        self.refused(self.ask("POST", "/me/totp", token), 409, "conflict")

        challenge = self.ask.login("carla")
        self.refused(challenge, 401, "second_factor_required")
        self.refused(self.ask.login("carla", "wrong"), 401, "not_authenticated")  # says nothing of a factor
        step = {"challenge": challenge.json()["challenge"]}
        self.refused(self.ask("POST", "/login/second-factor", body={**step, "otp": code}), 401, "not_authenticated")  # used
        self.audited("auth.fail", user__name="carla")
        answer = self.ask("POST", "/login/second-factor", body={**step, "otp": totp(started["secret"], 0), "client": "phone"})
        self.assertEqual(answer.status, 200, answer.body)
        self.refused(self.ask("POST", "/login/second-factor", body={**step, "recovery_code": recovery[9]}), 401, "not_authenticated")
        self.assertEqual(self.ask.login("carla", otp=totp(started["secret"], 30)).status, 200)
        self.assertEqual(self.ask.login("carla", recovery_code=recovery[0].upper()).status, 200)
        self.refused(self.ask.login("carla", recovery_code=recovery[0]), 401, "not_authenticated")

        self.refused(self.ask("DELETE", "/me/totp", token, {"password": "wrong"}), 403, "wrong_password")
        self.refused(self.ask("DELETE", "/me/totp", token, {}), 400, "bad_request")
        self.refused(self.ask("DELETE", "/me/totp", token, {"otp": "000000"}), 403, "wrong_password")
        self.assertEqual(self.ask("DELETE", "/me/totp", token, {"password": lab.PASSWORD}).status, 204)
        self.assertEqual(self.ask.login("carla").status, 200)
        self.refused(self.ask("DELETE", "/me/totp", token, {"password": lab.PASSWORD}), 404, "not_found")

    def test_who_must_choose_a_password(self):
        pair = self.ask.signed_in("dora")
        self.assertTrue(pair["must_change_password"])
        token, other = pair["access_token"], self.ask.signed_in("dora")
        self.assertEqual(self.ask("GET", "/me", token).json()["scopes"], ["account"])
        for method, path, body in (("GET", "/targets", None), ("POST", "/targets/postgres/queries", {"sql": "SELECT 1"}),
                                   ("GET", "/events", None), ("POST", "/me/tokens", {"name": "x", "scopes": ["account"], "expires_in_seconds": 60}),
                                   ("POST", "/me/database-passwords", {"name": "x", "expires_in_seconds": 60})):
            self.refused(self.ask(method, path, token, body), 403, "password_change_required")
        change = {"current_password": lab.PASSWORD, "new_password": "quite another one"}
        self.refused(self.ask("POST", "/me/password", token, {**change, "current_password": "wrong"}), 403, "wrong_password")
        for new in ("short", "dora", lab.PASSWORD, "aaaaaaaaaaaa"):
            self.refused(self.ask("POST", "/me/password", token, {**change, "new_password": new}), 422, "unprocessable")
        self.assertEqual(self.ask("POST", "/me/password", token, change).status, 204)
        self.audited("admin.change", change="password.change", user__name="dora")
        renewed = self.ask.refresh(pair).json()
        self.assertEqual(self.ask("GET", "/targets", renewed["access_token"]).status, 200)
        self.grant_refused(self.ask.refresh(other))  # every other login has ended
        self.refused(self.ask.login("dora"), 401, "not_authenticated")
        self.assertFalse(self.ask.signed_in("dora", "quite another one")["must_change_password"])

    def test_passwords_of_the_configuration_file_stay_there(self):
        token = self.ask.signed_in("ada")["access_token"]
        change = {"current_password": lab.PASSWORD, "new_password": "quite another one"}
        self.refused(self.ask("POST", "/me/password", token, change), 409, "managed_by_configuration")

    def test_logins_of_others(self):
        ana, bob = self.ask.signed_in("ana"), self.ask.signed_in("bob")
        theirs = part(bob["access_token"], 1)["sid"]
        self.assertNotIn(theirs, self.ask("GET", "/me/logins?limit=500", ana["access_token"]).body.decode())
        self.refused(self.ask("DELETE", f"/me/logins/{theirs}", ana["access_token"]), 404, "not_found")
        self.assertEqual(self.ask("GET", "/me", bob["access_token"]).status, 200)
        second = self.ask.signed_in("bob")
        self.assertEqual(self.ask("DELETE", f"/me/logins/{theirs}", second["access_token"]).status, 204)
        self.refused(self.ask("GET", "/me", bob["access_token"]), 401, "not_authenticated")
        self.refused(self.ask("DELETE", f"/me/logins/{theirs}", second["access_token"]), 404, "not_found")

    def create(self, path, token, key=None, **body):
        headers = [("Idempotency-Key", key)] if key else []
        return self.ask("POST", path, token, {"expires_in_seconds": DAY, **body}, headers)

    def test_personal_tokens(self):
        token = self.ask.signed_in("ada")["access_token"]
        answer = self.create("/me/tokens", token, key="one", name="ci", scopes=["read", "account"])
        self.assertEqual(answer.status, 201, answer.body)
        made = answer.json()
        self.assertEqual(self.create("/me/tokens", token, key="one", name="ci", scopes=["read", "account"]).json(), made)
        self.refused(self.create("/me/tokens", token, name="ci", scopes=["read"]), 409, "conflict")
        self.refused(self.create("/me/tokens", token, name="x", scopes=["everything"]), 422, "unprocessable")
        key = made["secret"]
        self.assertEqual(self.ask("GET", "/targets", key).status, 200)
        self.refused(self.ask("POST", "/targets/postgres/queries", key, {"sql": "SELECT 1"}), 403, "insufficient_scope")
        # A key makes no key that is more, or lives longer.
        self.refused(self.create("/me/tokens", key, name="x", scopes=["query"]), 403, "insufficient_scope")
        self.refused(self.create("/me/tokens", key, name="x", scopes=["read"], expires_in_seconds=2 * DAY), 422, "unprocessable")
        self.refused(self.create("/me/database-passwords", key, name="x"), 403, "insufficient_scope")
        reader = self.create("/me/tokens", token, name="reader", scopes=["read"]).json()
        for method, path in (("GET", "/me/tokens"), ("GET", "/me/logins"), ("DELETE", f"/me/tokens/{made['id']}"), ("POST", "/me/totp")):
            self.refused(self.ask(method, path, reader["secret"]), 403, "insufficient_scope")
        listed = self.ask("GET", "/me/tokens", token).json()["items"]
        self.assertEqual({item["name"] for item in listed}, {"ci", "reader"})
        self.assertNotIn(key, json.dumps(listed))
        self.refused(self.ask("DELETE", f"/me/tokens/{made['id']}", self.ask.signed_in("bob")["access_token"]), 404, "not_found")
        self.assertEqual(self.ask("DELETE", f"/me/tokens/{made['id']}", token).status, 204)
        self.refused(self.ask("GET", "/me", key), 401, "not_authenticated")
        self.assertEqual(self.ask("POST", "/logout", reader["secret"]).status, 204)  # gives itself up
        self.refused(self.ask("GET", "/me", reader["secret"]), 401, "not_authenticated")
        self.audited("admin.change", change="personal_token.revoke", object=made["id"])

    def test_database_passwords(self):
        token = self.ask.signed_in("ada")["access_token"]
        self.refused(self.create("/me/database-passwords", token, name="x", target="nowhere"), 404, "no_such_target")
        made = self.create("/me/database-passwords", token, name="laptop", target="postgres").json()

        def enters():
            done = self.lab.psql("SELECT 1", user="ada", password=made["password"], check=False)
            return done.returncode == 0 and done.stdout == "1\n"
        lab.wait_until(enters, "the password opens the target", 10)
        self.assertEqual(self.lab.psql("SELECT 'file'", user="ada").stdout, "file\n", "the password of the file does as well")

        def used():
            item, = self.ask("GET", "/me/database-passwords", token).json()["items"]
            return (item["target"], bool(item["last_used_at"])) == ("postgres", True)
        lab.wait_until(used, "its use is noted", 10)
        self.refused(self.ask("DELETE", f"/me/database-passwords/{made['id']}", self.ask.signed_in("bob")["access_token"]), 404, "not_found")
        self.assertEqual(self.ask("DELETE", f"/me/database-passwords/{made['id']}", token).status, 204)
        lab.wait_until(lambda: not enters(), "it opens nothing any more", 10)
        self.refused(self.ask("DELETE", f"/me/database-passwords/{made['id']}", token), 404, "not_found")

    def test_no_secret_is_written_anywhere(self):
        pair = self.ask.signed_in("bob")
        made = self.create("/me/tokens", pair["access_token"], name="written", scopes=["read"]).json()
        self.ask("GET", "/me", made["secret"])
        self.assertEqual(self.ask("POST", "/logout", pair["access_token"]).status, 204)
        self.audited("admin.change", change="logout", object=part(pair["access_token"], 1)["sid"])
        written = "\n".join(self.gateway.log) + json.dumps(self.gateway.audit())
        for secret in (pair["access_token"], pair["refresh_token"], made["secret"], lab.PASSWORD):
            self.assertNotIn(secret, written)


class StoreGone(unittest.TestCase):
    def test_who_is_signed_in_goes_on(self):
        it = self.enterContext(lab.Lab())
        store = lab.Postgres(it.directory / "store")
        key = it.directory / "key"
        key.write_text(secrets.token_hex(32) + "\n")
        key.chmod(0o600)
        password = it.directory / "store-password"
        password.write_text(lab.PASSWORD + "\n")
        password.chmod(0o600)
        extra = (f"store: {{ url: 'postgresql://postgres@127.0.0.1:{store.port}/postgres?sslmode=disable', password_file: {password}, timeout: 2s }}\n"
                 f"encryption: {{ keys: [ {{ id: one, key_file: {key} }} ] }}\n")
        ask = Client(it.gateway(configuration(it, extra)))
        pair = ask.signed_in("ana")
        store.stop()
        stopped = True
        try:
            for answer in (ask.login("ana"), ask.refresh(pair), ask("GET", "/me/logins", pair["access_token"]),
                           ask("GET", "/me", "dbg_pat_" + "0" * 36)):
                if answer.status != 401:  # a key whose checksum is wrong needs no store
                    self.assertEqual((answer.status, answer.code, answer.headers["retry-after"]), (503, "store_unavailable", "5"), answer.body)
            self.assertEqual(ask("GET", "/me", pair["access_token"]).status, 200)
            store.start()
            stopped = False
            lab.wait_until(lambda: ask.login("ana").status == 200, "people sign in again", 20)
            self.assertEqual(ask.refresh(pair).status, 200)
        finally:
            if not stopped:
                store.stop()


@unittest.skipUnless(identity_provider.available(), "oidc-provider is not installed (scripts/setup.sh)")
class Provider(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.provider = cls.enterClassContext(identity_provider.Provider(client_secret="the gateway's secret"))
        extra = (f"oidc:\n  - {{ name: corp, issuer: '{cls.provider.issuer}', client_id: {cls.provider.client_id}, "
                 "client_secret: \"the gateway's secret\", auto_create: true, scopes: [openid, profile, email, groups], "
                 "group_map: { Analysts: analysts } }\n"
                 "groups: { analysts: [] }\n")
        cls.gateway = cls.lab.gateway(configuration(cls.lab, extra))
        cls.ask = Client(cls.gateway)
        cls.callback = "http://localhost/api/v1/login/oidc/callback"  # by the Host of our requests

    def setUp(self):
        self.provider.sits_down("sub-lea", redirect_uris=[self.callback], preferred_username="lea", name="Lea",
                                email="lea@example.com", email_verified=True, groups=["Analysts"])
        self.verifier = secrets.token_urlsafe(32)

    def start(self, **other):
        return self.ask("POST", "/login/oidc", body={
            "provider": "corp", "redirect_uri": REDIRECT, "state": "mine", **other,
            "code_challenge": encoded(hashlib.sha256(self.verifier.encode()).digest())})

    def browse(self):
        """Where the browser is sent in the end: by the provider to the gateway, by the gateway to the application."""
        url = self.start().json()["authorization_url"]
        at, page = identity_provider.Browser(self.provider.issuer).visit(url)
        self.assertIsNotNone(at, page)
        self.assertTrue(at.startswith(self.callback + "?"), at)
        split = urllib.parse.urlsplit(at)
        answer = self.ask("GET", "/login/oidc/callback?" + split.query)
        self.assertEqual(answer.status, 302, answer.body)
        return split.query, answer.headers["location"]

    def test_code_flow(self):
        self.assertEqual(self.ask("GET", "/login/methods").json(), {"password": True, "providers": [{"name": "corp"}]})
        query, location = self.browse()
        self.assertTrue(location.startswith(REDIRECT + "?"), location)
        back = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(location).query))
        self.assertEqual(back["state"], "mine")
        grant = {"grant_type": "authorization_code", "code": back["code"], "redirect_uri": REDIRECT}
        answer = self.ask.token(**grant, code_verifier=self.verifier)
        self.assertEqual(answer.status, 200, answer.body)
        pair = answer.json()
        self.assertEqual(pair["user"], {"name": "lea"})
        me = self.ask("GET", "/me", pair["access_token"])  # at once: the gateway has answered when it knew its new user
        self.assertEqual((me.status, me.json()["user"], me.json()["groups"]), (200, {"name": "lea"}, ["analysts"]), me.body)
        self.assertEqual(self.ask.token(**grant, code_verifier=self.verifier).json()["error"], "invalid_grant")  # once
        again = self.ask("GET", "/login/oidc/callback?" + query)
        self.assertEqual((again.status, again.headers["content-type"].partition(";")[0]), (400, "text/html"))
        self.assertNotIn("location", again.headers)

    def test_a_stolen_code_opens_nothing(self):
        _, location = self.browse()
        code = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(location).query))["code"]
        for verifier in ("v" * 43, self.verifier):  # and it is used up by the first attempt
            answer = self.ask.token(grant_type="authorization_code", code=code, redirect_uri=REDIRECT, code_verifier=verifier)
            self.assertEqual((answer.status, answer.json()["error"]), (400, "invalid_grant"))

    def test_only_to_the_own_machine(self):
        for uri in ("https://evil.example/", "http://127.0.0.1:4000@evil.example/", "javascript:alert(1)"):
            self.assertEqual((self.start(redirect_uri=uri).status, self.start(redirect_uri=uri).code), (422, "unprocessable"), uri)
        self.assertEqual(self.start(provider="other").status, 404)
        page = self.ask("GET", "/login/oidc/callback?state=%3Cscript%3E&code=x")
        self.assertEqual(page.status, 400)
        self.assertNotIn(b"<script", page.body)

    def test_device_flow(self):
        early = self.ask("POST", "/login/device", body={}).json()
        self.assertEqual(self.ask.token(grant_type=DEVICE, device_code=early["device_code"]).json()["error"], "slow_down")
        codes = self.ask("POST", "/login/device", body={"provider": "corp"}).json()
        due = time.monotonic() + codes["interval"] + 0.1
        poll = {"grant_type": DEVICE, "device_code": codes["device_code"]}
        browser = identity_provider.Browser(self.provider.issuer)
        _, page = browser.visit(codes["verification_uri_complete"])
        _, page = browser.submit(page)
        self.assertIn("Sign-in Success", browser.submit(page)[1])
        # Who asks too early has to wait longer (RFC 8628 §3.5): there is one request, when the interval is over.
        lab.wait_until(lambda: time.monotonic() > due, "the interval is over")
        answer = self.ask.token(**poll)
        self.assertEqual((answer.status, answer.json().get("user")), (200, {"name": "lea"}), answer.body)
        self.assertEqual(self.ask.token(**poll).json()["error"], "expired_token")


if __name__ == "__main__":
    unittest.main(verbosity=2)
