"""People sign in at a real OpenID provider: authorization code with PKCE, and the device flow."""
import base64
import hashlib
import http.server
import json
import os
import pathlib
import secrets
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import identity_provider  # noqa: E402
import lab  # noqa: E402

PROBE = pathlib.Path(os.environ["DBGATE_BUILD"]) / "tests" / "support" / "oidc_probe" / "oidc_probe"
CALLBACK = "https://gateway.example/api/v1/login/oidc/callback"
REDIRECT = "http://127.0.0.1:40404/callback"
ANA = {"preferred_username": "ana", "name": "Ana López", "email": "ana@example.com", "email_verified": True,
       "groups": ["Analysts", "Everybody", "On Call", "Analysts"]}


def query_of(url):
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))


class Probe:
    def __init__(self, provider, secret=None, ca_file=None):
        arguments = [provider.issuer, provider.client_id, secret or provider.client_secret or "", CALLBACK]
        self.process = subprocess.Popen([str(PROBE), *arguments, *([str(ca_file)] if ca_file else [])],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()

    def __call__(self, verb, **values):
        self.process.stdin.write(json.dumps({"do": verb, **values}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


class App:
    """What a command line does: PKCE, a state of its own, a loopback address."""

    def __init__(self, probe, provider):
        self.probe, self.provider = probe, provider
        self.verifier, self.state = secrets.token_urlsafe(32), secrets.token_urlsafe(8)
        digest = hashlib.sha256(self.verifier.encode()).digest()
        self.challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def start(self):
        return self.probe("start", redirect_uri=REDIRECT, challenge=self.challenge, state=self.state)

    def browse(self):
        """Returns the parameters that the provider sends the browser back to the gateway with."""
        where, page = identity_provider.Browser(self.provider.issuer).visit(self.start()["url"])
        assert where is not None, page
        assert where.startswith(CALLBACK + "?"), where
        return query_of(where)

    def redeem(self, code, **other):
        return self.probe("redeem", **{"code": code, "verifier": self.verifier, "redirect_uri": REDIRECT, **other})

    def sign_in(self):
        back = query_of(self.probe("finish", **self.browse())["url"])
        return self.redeem(back["code"]) if "code" in back else back


@unittest.skipUnless(identity_provider.available(), "oidc-provider is not installed (scripts/setup.sh)")
class Oidc(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.provider = cls.enterClassContext(identity_provider.Provider(client_secret="s3cret+/: of the gateway"))

    def setUp(self):
        self.probe = self.enterContext(Probe(self.provider))
        self.provider.sits_down("sub-ana", redirect_uris=[CALLBACK], **ANA)
        self.app = App(self.probe, self.provider)

    def test_the_request_says_what_it_must(self):
        asked = query_of(self.app.start()["url"])
        self.assertEqual(asked["response_type"], "code")
        self.assertEqual(asked["code_challenge_method"], "S256")
        self.assertEqual(asked["redirect_uri"], CALLBACK)
        self.assertNotEqual(asked["code_challenge"], self.app.challenge)  # the gateway's own
        self.assertGreaterEqual(min(len(asked[name]) for name in ("state", "nonce")), 40)
        again = query_of(self.app.start()["url"])
        for name in ("state", "nonce", "code_challenge"):
            self.assertNotEqual(asked[name], again[name])

    def test_a_person_becomes_a_user_with_mapped_groups(self):
        self.assertEqual(self.app.sign_in(), {"user": "ana"})
        self.assertEqual(self.probe("user", name="ana"),
                         {"email": "ana@example.com", "subject": "sub-ana", "groups": ["analysts", "oncall"]})
        # Groups follow the provider at every sign-in; the name stays.
        self.provider.sits_down("sub-ana", **{**ANA, "groups": [], "preferred_username": "anna"})
        self.assertEqual(App(self.probe, self.provider).sign_in(), {"user": "ana"})
        self.assertEqual(self.probe("user", name="ana")["groups"], [])

    def test_a_name_is_not_taken_over(self):
        self.assertEqual(self.app.sign_in(), {"user": "ana"})
        self.provider.sits_down("sub-mallory", **ANA)
        refused = App(self.probe, self.provider).sign_in()
        self.assertEqual(refused["error"], "access_denied")
        self.provider.sits_down("sub-other", **{**ANA, "preferred_username": "filed"})
        self.assertIn("somebody else's", App(self.probe, self.provider).sign_in()["error_description"])

    def test_only_verified_addresses_of_the_domain(self):
        for change in ({"email_verified": False}, {"email": "ana@example.com.evil.example"}, {"email": "ana@sub.example.com"},
                       {"email": "example.com"}, {"preferred_username": "ana lópez"}, {"preferred_username": "../ana"}):
            self.provider.sits_down("sub-x", **{**ANA, **change})
            answer = App(self.probe, self.provider).sign_in()
            self.assertEqual(answer.get("error"), "access_denied", change)
        self.assertEqual(self.probe("user", name="ana"), {"error": "no such user"})

    def test_who_refuses_is_not_signed_in(self):
        self.provider.sits_down("sub-ana", **ANA, refuses=True)
        answer = self.app.sign_in()
        self.assertEqual(answer["error"], "access_denied")
        self.assertEqual(answer["state"], self.app.state)

    def test_every_step_is_good_once(self):
        back = self.app.browse()
        finished = self.probe("finish", **back)
        self.assertTrue(finished["url"].startswith(REDIRECT + "?"), finished)
        self.assertEqual(query_of(finished["url"])["state"], self.app.state)
        self.assertEqual(self.probe("finish", **back)["error"], "28000")
        code = query_of(finished["url"])["code"]
        self.assertEqual(self.app.redeem(code), {"user": "ana"})
        self.assertEqual(self.app.redeem(code)["error"], "28000")

    def test_a_stolen_code_opens_nothing(self):
        for other in ({"verifier": "v" * 43}, {"verifier": self.app.challenge}, {"verifier": ""},
                      {"redirect_uri": "http://127.0.0.1:40405/callback"}):
            app = App(self.probe, self.provider)
            code = query_of(self.probe("finish", **app.browse())["url"])["code"]
            self.assertEqual(app.redeem(code, **other)["error"], "28000", other)
            self.assertEqual(app.redeem(code)["error"], "28000")  # and is used up by the attempt
        late = App(self.probe, self.provider)
        code = query_of(self.probe("finish", **late.browse())["url"])["code"]
        self.assertEqual(self.probe("redeem", code=code, verifier=late.verifier, redirect_uri=REDIRECT, later_s=61)["error"],
                         "28000")

    def test_answers_of_others_are_not_taken(self):
        back = self.app.browse()
        self.assertEqual(self.probe("finish", **{**back, "state": "made up"})["error"], "28000")
        for change in ({"iss": "https://evil.example"}, {"iss": ""}, {"code": "made-up"}, {"code": ""}, {"code": "x" * 5000}):
            app = App(self.probe, self.provider)
            answer = query_of(self.probe("finish", **{**app.browse(), **change})["url"])
            self.assertEqual(answer.get("error"), "access_denied", change)
        # One person's code in another's sign-in: the provider sees that the verifier is another.
        mine, theirs = App(self.probe, self.provider), App(self.probe, self.provider)
        swapped = {**mine.browse(), "code": theirs.browse()["code"]}
        self.assertEqual(query_of(self.probe("finish", **swapped)["url"])["error"], "access_denied")

    def test_only_to_the_own_machine(self):
        for uri in ("https://evil.example/", "http://evil.example:80/", "http://127.0.0.1/", "http://localhost:4000/",
                    "http://127.0.0.1:4000@evil.example/", "http://127.0.0.1:4000#x", "http://127.0.0.2:4000/", "", "x",
                    "http://127.0.0.1.evil.example:4000/", "file:///etc/passwd"):
            answer = self.probe("start", redirect_uri=uri, challenge=self.app.challenge, state="s")
            self.assertEqual(answer.get("error"), "22023", uri)
        self.assertIn("url", self.probe("start", redirect_uri="http://[::1]:4000/x", challenge=self.app.challenge, state="s"))
        self.assertEqual(self.probe("start", redirect_uri=REDIRECT, challenge="plain", state="s")["error"], "22023")

    def test_the_wrong_secret(self):
        with Probe(self.provider, "wrong") as probe:
            answer = App(probe, self.provider).sign_in()
            self.assertEqual(answer["error"], "access_denied")
            self.assertNotIn("wrong", answer["error_description"].split())

    def approve(self, codes, **values):
        browser = identity_provider.Browser(self.provider.issuer)
        _, page = browser.visit(codes["verification_uri_complete"])
        _, page = browser.submit(page)
        return browser.submit(page, **values)[1]

    def test_device_flow(self):
        codes = self.probe("device")
        self.assertEqual(codes["interval"], 5)
        poll = {"device_code": codes["device_code"]}
        self.assertEqual(self.probe("poll", later_s=6, **poll)["state"], "pending")
        self.assertEqual(self.probe("poll", **poll)["state"], "slow_down")  # and from now on 10 s
        self.assertEqual(self.probe("poll", later_s=6, **poll)["state"], "slow_down")
        self.assertIn("Sign-in Success", self.approve(codes))
        self.assertEqual(self.probe("poll", later_s=16, **poll), {"state": "done", "user": "ana"})
        self.assertEqual(self.probe("poll", later_s=6, **poll)["state"], "expired")
        self.assertEqual(self.probe("user", name="ana")["groups"], ["analysts", "oncall"])

    def test_device_flow_that_is_refused_or_made_up(self):
        codes = self.probe("device")
        self.approve(codes, abort="yes")
        self.assertEqual(self.probe("poll", later_s=6, device_code=codes["device_code"])["state"], "denied")
        self.assertEqual(self.probe("poll", device_code="made up")["state"], "expired")
        # What the provider calls the device code is not what the gateway takes.
        self.assertEqual(self.probe("poll", device_code=codes["user_code"])["state"], "expired")

    def test_device_codes_run_out(self):
        codes = self.probe("device")
        self.assertEqual(self.probe("poll", later_s=601, device_code=codes["device_code"])["state"], "expired")


@unittest.skipUnless(identity_provider.available(), "oidc-provider is not installed (scripts/setup.sh)")
class PublicClient(unittest.TestCase):
    def test_without_a_secret(self):
        with identity_provider.Provider() as provider, Probe(provider) as probe:
            provider.sits_down("sub-ana", redirect_uris=[CALLBACK], **ANA)
            self.assertEqual(App(probe, provider).sign_in(), {"user": "ana"})

    def test_a_provider_that_is_gone(self):
        with identity_provider.Provider() as provider:
            pass
        with Probe(provider) as probe:
            self.assertEqual(App(probe, provider).start()["error"], "08006")


class Metadata(http.server.BaseHTTPRequestHandler):
    """Says where everything is, and nothing else."""

    def do_GET(self):
        issuer = self.server.issuer
        body = json.dumps({"issuer": issuer, **{name: issuer + "/x" for name in (
            "authorization_endpoint", "token_endpoint", "jwks_uri")}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


class Tls(unittest.TestCase):
    """The provider's certificate: no option switches its verification off."""

    client_id, client_secret = "dbgate", "x"

    def serve(self, certificates, name):
        cert, key = certificates.issue("provider-" + name, name, f"subjectAltName=DNS:{name}")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(server.server_close)
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown)
        self.issuer = server.issuer = f"https://localhost:{server.server_port}"

    def start(self, ca_file):
        with Probe(self, ca_file=ca_file) as probe:
            return App(probe, self).start()

    def test_verified_always(self):
        with tempfile.TemporaryDirectory(prefix="dbgate-oidc-") as folder:
            certificates = lab.Certificates(pathlib.Path(folder))
            self.serve(certificates, "localhost")
            self.assertIn("url", self.start(certificates.ca))
            refused = self.start(None)
            self.assertEqual(refused["error"], "08006")
            self.assertIn("certificate", refused["message"])
            self.serve(certificates, "id.example.com")  # somebody else's
            self.assertEqual(self.start(certificates.ca)["error"], "08006")


if __name__ == "__main__":
    unittest.main()
