"""What a client is asked on the wire: passwords, tokens and certificates; who is told apart from whom, and who not."""
import json
import os
import pathlib
import ssl
import struct
import subprocess
import sys
import time
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import steered  # noqa: E402
import wire  # noqa: E402

CLEAR_TEXT, SASL = 3, 10


class WireAuthentication(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        tls = cls.lab.certificates
        cls.service = tls.issue("service", "postgres", "subjectAltName=URI:spiffe://corp/service,DNS:Svc.Example")
        cls.stranger = tls.issue("stranger", "service", "subjectAltName=URI:spiffe://corp/stranger,DNS:*.example")
        cls.by_name_only = tls.issue("named", "service")
        cls.for_servers = tls.issue("for_servers", "x", "subjectAltName=URI:spiffe://corp/service\nextendedKeyUsage=serverAuth")
        foreign = lab.Certificates(cls.lab.directory / "foreign")
        cls.foreign = foreign.issue("service", "service", "subjectAltName=URI:spiffe://corp/service")
        cls.expired = tls.directory / "expired.crt", cls.service[1]
        subprocess.run(["openssl", "x509", "-req", "-in", str(tls.directory / "service.csr"), "-CA", str(tls.ca), "-CAkey",
                        str(tls.directory / "ca.key"), "-days", "-1", "-extfile", str(tls.directory / "service.ext"), "-out",
                        str(cls.expired[0])], check=True, capture_output=True)
        cls.gateway = steered.Gateway(cls.lab, cls.config())
        cls.addClassCleanup(cls.gateway.close)

    @classmethod
    def config(cls, service='certificates: ["uri:spiffe://corp/service", "dns:svc.example"]', extra=""):
        tls = f"tls: {{ cert_file: {cls.lab.certificates.cert}, key_file: {cls.lab.certificates.key}"
        verifier = lab.verifier()
        return ("version: 1\nstate_dir: state\nworkers: 2\nlimits: { failed_logins_per_minute: 1000 }\n" + extra +
                f"listen:\n  postgres: {{ address: 127.0.0.1, port: 0, {tls}, client_ca_file: {cls.lab.certificates.ca} }} }}\n"
                f"  api: {{ address: 127.0.0.1, port: 0, {tls} }} }}\n"
                "users:\n"
                f'  - {{ name: postgres, scram_verifier: "{verifier}" }}\n'
                f'  - {{ name: agent, scram_verifier: "{verifier}", wire: token }}\n'
                f'  - {{ name: service, {service} }}\n' + "targets:\n" +
                cls.lab.target() + cls.lab.target("template1") + "policies:\n"
                "  - name: everything\n    who: { users: [postgres, agent, service] }\n    on: [postgres, template1]\n"
                "    allow: [ { everything: true } ]\n")

    def psql(self, user="postgres", password="", certificate=None, sslmode="verify-full", database="postgres", **settings):
        text = f"host=localhost port={self.gateway.port} user={user} dbname={database} sslmode={sslmode}"
        if certificate:
            text += f" sslcert={certificate[0]} sslkey={certificate[1]}"
        text += f" sslrootcert={self.lab.certificates.ca}" + "".join(f" {key}={value}" for key, value in settings.items())
        return subprocess.run(["psql", "-X", "-At", "-w", "-c", "SELECT 'in'", text], capture_output=True, text=True, timeout=60,
                              env={**os.environ, "PGPASSWORD": password}, check=False)

    def last_login(self, event="auth.ok"):
        return max(self.gateway.audit(event), key=lambda record: record["ts"])

    def connect(self, tls=True, certificate=None):
        connection = wire.Connection(self.gateway.port, seconds=20)
        self.addCleanup(lambda: connection.socket.close())
        if tls:
            context = ssl.create_default_context(cafile=str(self.lab.certificates.ca))
            if certificate:
                context.load_cert_chain(*certificate)
            connection.send(wire.packet(wire.SSL_REQUEST))
            self.assertEqual(connection.read_exactly(1), b"S")
            connection.socket = context.wrap_socket(connection.socket, server_hostname="localhost")
        return connection

    def asked(self, user, tls=True, **named):
        """The first answer to a startup packet of that user: (type, method) or ("E", fields)."""
        connection = self.connect(tls, **named)
        connection.send(wire.startup(user, "postgres"))
        kind, body = connection.receive()
        return connection, (kind, wire.error_fields(body) if kind == "E" else struct.unpack("!I", body[:4])[0])

    def token(self, user="agent"):
        request = urllib.request.Request(f"https://localhost:{self.gateway.ports['api']}/api/v1/login",
                                         json.dumps({"username": user, "password": lab.PASSWORD}).encode(),
                                         {"Content-Type": "application/json"})
        context = ssl.create_default_context(cafile=str(self.lab.certificates.ca))
        with urllib.request.urlopen(request, timeout=20, context=context) as answer:
            return json.load(answer)["access_token"]

    # Certificates.

    def test_a_certificate_that_stands_for_the_user(self):
        self.assertEqual(self.psql("service", certificate=self.service).stdout, "in\n")
        login = self.last_login()
        self.assertEqual((login["user.name"], login["auth.method"], login["auth.certificate"]),
                         ("service", "certificate", "uri:spiffe://corp/service"))
        self.assertRegex(login["auth.credential"], "^cert:[0-9a-f]{64}$")
        _, first = self.asked("service", certificate=self.service)
        self.assertEqual(first, ("R", 0), "nothing is asked")

    def test_another_user_with_it_is_asked_for_a_password(self):
        self.assertEqual(self.asked("postgres", certificate=self.service)[1], ("R", SASL))
        self.assertEqual(self.psql("postgres", lab.PASSWORD, certificate=self.service).stdout, "in\n")
        self.assertEqual(self.last_login()["auth.method"], "scram-sha-256-plus")
        self.assertEqual(self.psql("postgres", "wrong", certificate=self.service).returncode, 2)

    def test_certificates_that_stand_for_nobody(self):
        for certificate in (self.stranger, self.by_name_only, None):
            self.assertEqual(self.asked("service", certificate=certificate)[1], ("R", SASL))
            self.assertEqual(self.psql("service", "guess", certificate=certificate).returncode, 2)
        self.assertEqual(self.psql("postgres", lab.PASSWORD, certificate=self.by_name_only).stdout, "in\n")

    def test_certificates_that_do_not_verify_end_the_handshake(self):
        for certificate in (self.expired, self.foreign, self.for_servers):
            done = self.psql("service", certificate=certificate)
            self.assertEqual((done.returncode, done.stdout), (2, ""), certificate)
            self.assertIn("SSL error", done.stderr)
            self.assertEqual(self.psql("postgres", lab.PASSWORD, certificate=certificate).returncode, 2)

    def test_outside_tls_there_is_none(self):
        self.assertEqual(self.asked("service", tls=False)[1], ("R", SASL))

    # Tokens.

    def test_a_token_in_place_of_a_password(self):
        token = self.token()
        self.assertEqual(self.psql("agent", token).stdout, "in\n")
        login = self.last_login()
        self.assertEqual((login["user.name"], login["auth.method"]), ("agent", "token"))
        self.assertTrue(login["auth.credential"])
        self.assertNotIn(token, "\n".join(self.gateway.log) + json.dumps(self.gateway.audit()))

    def test_tokens_that_do_not_fit(self):
        token = self.token()
        for user, text in (("agent", "guess"), ("agent", token[:-2] + "xx"), ("agent", self.token("postgres")),
                           ("agent", lab.PASSWORD), ("agent", "x" * 8000)):
            done = self.psql(user, text)
            self.assertIn(f'FATAL:  password authentication failed for user "{user}"', done.stderr)
            self.assertEqual(self.last_login("auth.fail")["db.response.status_code"], "28P01")
        self.assertIn("password authentication failed", self.psql("postgres", token).stderr, "who has a password uses that")

    def test_without_tls_nothing_is_asked(self):
        done = self.psql("agent", self.token(), sslmode="disable")
        self.assertIn('FATAL:  user "agent" signs in with a token, which is taken inside TLS only', done.stderr)
        self.assertIn("HINT:  Connect with sslmode=verify-full", done.stderr)
        kind, fields = self.asked("agent", tls=False)[1]
        self.assertEqual((kind, fields["C"]), ("E", "28000"))

    def test_malformed_messages(self):
        for answer, code in ((wire.message(b"p", b"x" * 8192), "08P01"), (wire.message(b"p", b"x" * 8193 + b"\0"), "08P01"),
                             (wire.message(b"p", b"no end"), "08P01"), (wire.message(b"p", b"a\0b\0"), "08P01"),
                             (wire.message(b"p", b""), "08P01"), (b"p\0\0\0\3", "08P01"), (b"p\xff\xff\xff\xff", "08P01"),
                             (wire.query("SELECT 1"), "08P01"), (wire.TERMINATE, "08P01"), (wire.message(b"p", b"\0"), "28P01"),
                             (wire.message(b"p", b"x" * 8191 + b"\0"), "28P01")):
            connection, first = self.asked("agent")
            self.assertEqual(first, ("R", CLEAR_TEXT))
            connection.send(answer)
            kind, body = connection.receive()
            self.assertEqual((kind, wire.error_fields(body)["C"]), ("E", code), answer[:20])
            self.assertTrue(connection.at_end())

    # Passwords.

    def test_any_of_several_passwords(self):
        soon = int(time.time()) + 3600
        for user, name, password, target, expires in (
                ("postgres", "dpw_one", "first-password", "-", soon), ("postgres", "dpw_two", "second-password", "-", 0),
                ("postgres", "dpw_late", "third-password", "-", int(time.time()) - 1),
                ("postgres", "dpw_there", "fourth-password", "template1", 0), ("service", "dpw_svc", "fifth-password", "-", 0)):
            self.gateway.command("password", user, name, password, target, expires)
        self.gateway.command("apply")
        for password, credential in (("first-password", "dpw_one"), ("second-password", "dpw_two"), (lab.PASSWORD, None)):
            self.assertEqual(self.psql("postgres", password, channel_binding="require").stdout, "in\n")
            login = self.last_login()
            self.assertEqual((login.get("auth.credential"), login["auth.method"]), (credential, "scram-sha-256-plus"))
            self.assertEqual(self.psql("postgres", password, sslmode="disable").stdout, "in\n")
        for password in ("third-password", "fifth-password"):
            self.assertIn("password authentication failed", self.psql("postgres", password).stderr)
        self.assertEqual(self.psql("postgres", "fourth-password", database="template1").stdout, "in\n")
        self.assertIn('this password is for database "template1" only', self.psql("postgres", "fourth-password").stderr)
        self.assertEqual(self.psql("service", "fifth-password").stdout, "in\n")
        self.gateway.command("revoke", "dpw_two")
        self.gateway.command("apply")
        self.assertIn("password authentication failed", self.psql("postgres", "second-password").stderr)
        self.assertEqual(self.psql("postgres", "first-password").stdout, "in\n")

    def test_names_that_do_not_exist_look_like_passwords(self):
        """Message by message, in type and length, with a wrong password: a known user, one who has none, and no user."""
        def transcript(user):
            connection = self.connect()
            with self.assertRaises(PermissionError) as refused:
                connection.login(user, "postgres", "wrong")
            return [(kind, len(body)) for kind, body in connection.seen], refused.exception.args[0]

        original = wire.Connection.receive

        def receive(connection):
            got = original(connection)
            connection.seen = [*getattr(connection, "seen", []), got]
            return got

        wire.Connection.receive = receive
        try:
            known, told = transcript("postgres")
            self.assertEqual([kind for kind, _ in known], ["R", "R", "E"])
            for user in ("nobody_1", "service_"):
                shape, fields = transcript(user)
                self.assertEqual(shape, known, user)
                self.assertEqual({**fields, "M": ""}, {**told, "M": ""})
                self.assertEqual(fields["M"], f'password authentication failed for user "{user}"')
        finally:
            wire.Connection.receive = original


if __name__ == "__main__":
    unittest.main()
