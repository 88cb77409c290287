"""How dbgate enters servers: sslmode, passwords, certificates, and what it refuses."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402

SQL = "SELECT coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false)"


class Upstream(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # Which method and encryption a role meets stands in pg_hba.conf, role by role.
        hba = ["hostssl all tls_only 127.0.0.1/32 scram-sha-256", "hostnossl all tls_only 127.0.0.1/32 reject",
               "hostnossl all plain_only 127.0.0.1/32 scram-sha-256", "hostssl all plain_only 127.0.0.1/32 reject",
               "hostssl all by_cert 127.0.0.1/32 cert", "host all by_md5 127.0.0.1/32 md5",
               "host all by_trust 127.0.0.1/32 trust", "host all in_clear 127.0.0.1/32 password",
               "host all all 127.0.0.1/32 scram-sha-256", "local all all scram-sha-256"]
        cls.lab = lab.Lab(hba=hba)
        cls.addClassCleanup(cls.lab.close)
        postgres = cls.lab.postgres
        postgres.use_tls(cls.lab.certificates)
        for role in ("tls_only", "plain_only", "by_cert", "by_trust", "in_clear"):
            postgres.psql(f"CREATE ROLE {role} LOGIN PASSWORD '{lab.PASSWORD}'")
        postgres.psql(f"SET password_encryption = md5; CREATE ROLE by_md5 LOGIN PASSWORD '{lab.PASSWORD}'")

    def through(self, user, **upstream):
        """What the server says of its connection's encryption: t, f, or the error's fields."""
        config = ("version: 1\nstate_dir: state\n" + self.lab.listen() + self.lab.users("u") + "targets:\n" +
                  self.lab.target(user=user, **{"hosts": f'["localhost:{self.lab.postgres.port}"]', **upstream}) +
                  "policies:\n  - { name: all, who: { users: [u] }, on: [postgres], allow: [ { everything: true } ] }\n")
        gateway = self.lab.gateway(config)
        with wire.Connection(gateway.port) as connection:
            try:
                connection.login("u", "postgres", lab.PASSWORD)
            except PermissionError as refused:
                return refused.args[0]
            connection.send(wire.query(SQL))
            row = next(body for kind, body in connection.receive_until("Z") if kind == "D")
            return row[-1:].decode()

    def ca(self):
        return self.lab.certificates.ca

    def test_sslmode(self):
        for mode, role, expected in (("disable", "plain_only", "f"), ("allow", "plain_only", "f"), ("allow", "tls_only", "t"),
                                     ("prefer", "tls_only", "t"), ("require", "tls_only", "t"), ("verify-ca", "tls_only", "t"),
                                     ("verify-full", "tls_only", "t")):
            with self.subTest(mode=mode, role=role):
                self.assertEqual(self.through(role, tls=mode, ca_file=self.ca()), expected)

    def test_a_certificate_of_another_authority_is_refused(self):
        other = lab.Certificates(self.lab.directory / "other-tls")
        for mode in ("verify-ca", "verify-full"):
            fields = self.through("tls_only", tls=mode, ca_file=other.ca)
            self.assertEqual(fields["C"], "08006")
            self.assertIn("certificate", fields["M"])

    def test_a_certificate_for_another_name_is_refused_by_verify_full_only(self):
        # The certificate is for localhost and 127.0.0.1; 127.0.0.2 is neither, and the server listens there too.
        self.lab.postgres.psql("ALTER SYSTEM SET listen_addresses = '127.0.0.1,127.0.0.2'")
        self.lab.postgres.stop("fast")
        self.lab.postgres.start()
        with open(self.lab.postgres.data / "pg_hba.conf", "a", encoding="utf-8") as hba:
            hba.write("hostssl all tls_only 127.0.0.0/8 scram-sha-256\n")
        self.lab.postgres.psql("SELECT pg_reload_conf()")
        hosts = f'["127.0.0.2:{self.lab.postgres.port}"]'
        self.assertEqual(self.through("tls_only", tls="verify-ca", ca_file=self.ca(), hosts=hosts), "t")
        self.assertEqual(self.through("tls_only", tls="verify-full", ca_file=self.ca(), hosts=hosts)["C"], "08006")

    def test_a_server_without_tls_is_refused_when_tls_is_demanded(self):
        self.assertEqual(self.through("plain_only", tls="require")["C"], "08006")

    def test_channel_binding(self):
        self.assertEqual(self.through("tls_only", tls="verify-full", ca_file=self.ca(), channel_binding="require"), "t")
        refused = self.through("plain_only", tls="disable", channel_binding="require")
        self.assertEqual(refused["C"], "08006")

    def test_client_certificate(self):
        cert, key = self.lab.certificates.issue("by_cert", "by_cert")
        self.assertEqual(self.through("by_cert", tls="verify-full", ca_file=self.ca(), cert_file=cert, key_file=key,
                                      allow_no_password="true", password=None), "t")

    def test_md5_and_no_password_only_if_allowed(self):
        self.assertEqual(self.through("by_md5")["C"], "08006")
        self.assertEqual(self.through("by_md5", allow_md5="true"), "f")
        self.assertEqual(self.through("by_trust")["C"], "08006")
        self.assertEqual(self.through("by_trust", allow_no_password="true"), "f")

    def test_a_password_is_never_sent_in_the_clear(self):
        fields = self.through("in_clear", tls="require")
        self.assertEqual(fields["C"], "08006")
        self.assertNotIn(lab.PASSWORD, str(fields))

    def test_a_wrong_upstream_password_is_not_the_clients(self):
        fields = self.through("postgres", password="wrong")
        self.assertNotIn(fields["C"], ("28P01",), "the client's own password was right")

    def test_the_first_host_that_answers_is_taken(self):
        hosts = f'["127.0.0.1:{lab.free_port()}", "localhost:{self.lab.postgres.port}"]'
        self.assertEqual(self.through("plain_only", hosts=hosts), "f")


if __name__ == "__main__":
    unittest.main()
