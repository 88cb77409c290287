"""Client certificates at the API: whom they stand for, who is refused, and what a token beside one means."""
import pathlib
import ssl
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402
from raw_http import Raw  # noqa: E402

UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
           ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("Sec-WebSocket-Protocol", "dbgate.tunnel.v1")]
PATCH = ("Content-Type", "application/merge-patch+json")


class Certificates(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        tls = cls.lab.certificates
        cls.robot = tls.issue("robot", "root", "subjectAltName=URI:spiffe://corp/robot,DNS:Robot.Example")
        cls.mail = tls.issue("mail", "root", "subjectAltName=email:root@corp.example")
        cls.both = tls.issue("both", "x", "subjectAltName=URI:spiffe://corp/robot,email:root@corp.example")
        cls.stranger = tls.issue("stranger", "root", "subjectAltName=URI:spiffe://corp/robot/,DNS:*.example,DNS:corp.example")
        cls.by_name_only = tls.issue("named", "robot")
        cls.for_servers = tls.issue("for_servers", "x", "subjectAltName=URI:spiffe://corp/robot\nextendedKeyUsage=serverAuth")
        foreign = lab.Certificates(cls.lab.directory / "foreign")
        cls.foreign = foreign.issue("robot", "robot", "subjectAltName=URI:spiffe://corp/robot")
        cls.expired = tls.directory / "expired.crt", cls.robot[1]
        subprocess.run(["openssl", "x509", "-req", "-in", str(tls.directory / "robot.csr"), "-CA", str(tls.ca), "-CAkey",
                        str(tls.directory / "ca.key"), "-days", "-1", "-extfile", str(tls.directory / "robot.ext"), "-out",
                        str(cls.expired[0])], check=True, capture_output=True)
        cls.gateway = cls.lab.gateway(cls.config())
        cls.root = cls.send("POST", "/login", body={"username": "root", "password": lab.PASSWORD}).json()["access_token"]
        cls.ana = cls.send("POST", "/login", body={"username": "ana", "password": lab.PASSWORD}).json()["access_token"]
        made = cls.send("POST", "/service-accounts", token=cls.root, body={"name": "robot", "groups": ["all"]})
        assert made.status == 201, made.body
        cls.stand_for("robot", ["uri:spiffe://corp/robot", "dns:robot.example"])

    @classmethod
    def config(cls, ca=True):
        asked = f", client_ca_file: {cls.lab.certificates.ca}" if ca else ""
        tls = f"tls: {{ cert_file: {cls.lab.certificates.cert}, key_file: {cls.lab.certificates.key}{asked} }}"
        users = cls.lab.users("root", "ana").replace("name: root,", 'name: root, certificates: ["email:root@corp.example"],')
        return ("version: 1\nstate_dir: state\nlimits: { api_requests_per_minute: 1000000 }\n"
                f"listen:\n  api: {{ address: 127.0.0.1, port: 0, {tls} }}\n" + users +
                "roles: { admin: { users: [root] } }\ngroups: { all: [ana] }\ntargets:\n" + cls.lab.target() +
                "policies:\n  - { name: all, who: { groups: [all] }, on: [postgres], allow: [ { everything: true } ] }\n")

    @classmethod
    def connect(cls, certificate=None, gateway=None):
        context = ssl.create_default_context(cafile=str(cls.lab.certificates.ca))
        if certificate:
            context.load_cert_chain(*certificate)
        return Raw((gateway or cls.gateway).ports["api"], tls=context)

    @classmethod
    def send(cls, method, path, certificate=None, token=None, body=None, headers=(), gateway=None):
        with cls.connect(certificate, gateway) as connection:
            return connection.request(method, "/api/v1" + path, token, body, headers)

    @classmethod
    def stand_for(cls, user, names):
        path = "/users/" + user
        match = cls.send("GET", path, token=cls.root).headers["etag"]
        answer = cls.send("PATCH", path, token=cls.root, body={"certificates": names}, headers=[PATCH, ("If-Match", match)])
        assert answer.status == 200, answer.body

    def who(self, certificate, token=None, headers=()):
        answer = self.send("GET", "/me", certificate, token, headers=headers)
        return answer.json()["user"]["name"] if answer.status == 200 else (answer.status, answer.code)

    NOBODY = (401, "not_authenticated")

    def test_a_certificate_stands_for_its_user(self):
        self.assertEqual(self.who(self.robot), "robot")
        self.assertEqual(self.who(self.mail), "root")
        me = self.send("GET", "/me", self.mail).json()
        self.assertEqual((me["roles"], me["scopes"]), (["admin"], ["read", "query", "connect", "approve", "account", "admin"]))
        self.assertEqual(self.send("GET", "/users", self.mail).status, 200)
        self.assertEqual((self.send("GET", "/users", self.robot).status, self.send("GET", "/users", self.robot).code), (403, "not_permitted"))
        self.assertEqual([item["name"] for item in self.send("GET", "/targets", self.robot).json()["items"]], ["postgres"])
        answer = self.send("POST", "/targets/postgres/queries", self.robot, body={"sql": "SELECT 7"})
        self.assertEqual((answer.status, answer.json()["results"][0]["rows"]), (200, [[7]]), answer.body)

    def test_it_is_recorded_who_came(self):
        for _ in range(3):
            self.assertEqual(self.who(self.robot), "robot")
        found = [record for record in self.gateway.audit("auth.ok") if record["auth.method"] == "certificate" and record["user.name"] == "robot"]
        self.assertEqual(len(found), 1, "once, not at every request")
        self.assertRegex(found[0]["auth.credential"], "^cert:[0-9a-f]{64}$")

    def test_those_that_stand_for_nobody(self):
        for name in ("stranger", "by_name_only", "both"):
            with self.subTest(name):
                self.assertEqual(self.who(getattr(self, name)), self.NOBODY)
        self.assertEqual(self.who(None), self.NOBODY)

    def test_those_that_do_not_verify_end_the_handshake(self):
        for name in ("foreign", "expired", "for_servers"):
            with self.subTest(name), self.assertRaises((ssl.SSLError, ConnectionError)):
                # In TLS 1.3 the client hears of it when it reads.
                with self.connect(getattr(self, name)) as connection:
                    connection.send(b"GET /api/v1/me HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    if not connection.socket.recv(1):
                        raise ConnectionError("closed")

    def test_a_token_beside_it_counts(self):
        self.assertEqual(self.who(self.robot, self.ana), "ana")
        self.assertEqual(self.who(self.stranger, self.ana), "ana")
        for bad in ("nonsense", "dbg_pat_" + "0" * 36, self.ana[:-2]):
            self.assertEqual(self.who(self.robot, bad), self.NOBODY)
        for scheme in ("Basic cm9ib3Q6eA==", "Bearer", "Digest x"):
            self.assertEqual(self.who(self.robot, headers=[("Authorization", scheme)])[0] if scheme != "" else 0, 401, scheme)

    def test_a_page_of_another_origin_cannot_use_it(self):
        foreign = [("Origin", "https://evil.example")]
        answer = self.send("POST", "/targets/postgres/queries", self.robot, body={"sql": "SELECT 1"}, headers=foreign)
        self.assertEqual((answer.status, answer.code), (403, "origin_refused"))
        answer = self.send("GET", "/targets/postgres/tunnel", self.robot, headers=[*UPGRADE, *foreign])
        self.assertEqual((answer.status, answer.code), (403, "origin_refused"))

    def test_it_has_no_login_to_end(self):
        answer = self.send("POST", "/logout", self.robot)
        self.assertEqual((answer.status, answer.code), (409, "conflict"))
        self.assertEqual(self.who(self.robot), "robot")

    def test_what_it_let_in_ends_with_it(self):
        with self.connect(self.robot) as tunnel, self.connect(self.robot) as kept:
            self.assertEqual(tunnel.request("GET", "/api/v1/targets/postgres/tunnel", headers=UPGRADE).status, 101)
            start = wire.startup("robot", "postgres")
            tunnel.send(bytes([0x82, 0x80 | len(start), 0, 0, 0, 0]) + start)  # one binary message, masked with zeros
            lab.wait_until(lambda: [record for record in self.gateway.audit("session.start") if record["user.name"] == "robot"],
                           "the session has begun", 20)
            self.assertEqual(kept.request("GET", "/api/v1/me").status, 200)
            self.stand_for("robot", ["dns:robot.example"])
            try:
                self.assertEqual(kept.request("GET", "/api/v1/me").status, 200, "another name of it still stands for the user")
                self.stand_for("robot", [])
                self.assertEqual(kept.request("GET", "/api/v1/me").status, 401)
                self.assertEqual(self.who(self.robot), self.NOBODY)
                told = b""
                while b"was revoked" not in told:
                    told += tunnel.take(1)
                self.assertIn(b"57P01", told)
                ended, = (record for record in self.gateway.audit("session.end") if record["user.name"] == "robot" and
                          record["auth.method"] == "tunnel")
                self.assertEqual(ended["reason"], "credential ended")
            finally:
                self.stand_for("robot", ["uri:spiffe://corp/robot", "dns:robot.example"])

    def test_where_none_is_asked_for_none_counts(self):
        other = self.lab.gateway(self.config(ca=False))
        answer = self.send("GET", "/me", self.mail, gateway=other)
        self.assertEqual((answer.status, answer.code), self.NOBODY)


if __name__ == "__main__":
    unittest.main(verbosity=2)
