"""TLS towards clients: by request and directly, channel binding, and what must not pass as encrypted."""
import pathlib
import socket
import ssl
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.gateway = cls.lab.gateway(cls.lab.forward_everything(tls=True))

    def context(self, alpn=None, **versions):
        context = ssl.create_default_context(cafile=str(self.lab.certificates.ca))
        if alpn:
            context.set_alpn_protocols(alpn)
        for name, value in versions.items():
            setattr(context, name, value)
        return context

    def connect(self):
        connection = wire.Connection(self.gateway.port, seconds=10)
        self.addCleanup(lambda: connection.socket.close())
        return connection

    def direct(self, context):
        connection = self.connect()
        connection.socket = context.wrap_socket(connection.socket, server_hostname="localhost")
        return connection

    def works(self, connection):
        connection.login("postgres", "postgres", lab.PASSWORD)
        connection.send(wire.query("SELECT 1"))
        self.assertEqual(connection.types_until_ready(), "TDCZ")

    def test_by_request(self):
        connection = self.connect()
        connection.send(wire.packet(wire.GSSENC_REQUEST))
        self.assertEqual(connection.read_exactly(1), b"N")
        connection.send(wire.packet(wire.SSL_REQUEST))
        self.assertEqual(connection.read_exactly(1), b"S")
        connection.socket = self.context().wrap_socket(connection.socket, server_hostname="localhost")
        self.works(connection)

    def test_directly_with_the_protocols_name(self):
        connection = self.direct(self.context(alpn=["postgresql"]))
        self.assertEqual(connection.socket.selected_alpn_protocol(), "postgresql")
        self.works(connection)

    def refused(self, attempt):
        with self.assertRaises((ssl.SSLError, EOFError, ConnectionError)):
            attempt()

    def test_directly_without_it_or_with_another(self):
        for alpn in (None, ["http/1.1"]):
            self.refused(lambda: self.works(self.direct(self.context(alpn=alpn))))

    def test_old_versions(self):
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            self.refused(lambda: self.direct(self.context(alpn=["postgresql"], minimum_version=ssl.TLSVersion.TLSv1,
                                                          maximum_version=version)))
        self.works(self.direct(self.context(alpn=["postgresql"], maximum_version=ssl.TLSVersion.TLSv1_2)))

    def test_nothing_sent_in_the_clear_passes_as_encrypted(self):
        connection = self.connect()
        connection.send(wire.packet(wire.SSL_REQUEST) + wire.startup("postgres", "postgres"))
        self.assertEqual(connection.read_exactly(1), b"S")
        self.refused(lambda: self.context().wrap_socket(connection.socket, server_hostname="localhost"))

    def test_a_second_request_inside_of_tls(self):
        connection = self.direct(self.context(alpn=["postgresql"]))
        connection.send(wire.packet(wire.SSL_REQUEST))
        kind, body = connection.receive()
        self.assertEqual((kind, wire.error_fields(body)["C"]), ("E", "08P01"))

    def psql(self, *settings):
        address = f"host=localhost port={self.gateway.port} user=postgres dbname=postgres {' '.join(settings)}"
        return subprocess.run(["psql", "-X", "-At", "-c", "SELECT 'in'", address], capture_output=True, text=True, timeout=60,
                              env={**lab.os.environ, "PGPASSWORD": lab.PASSWORD}, check=False)

    def test_channel_binding(self):
        ca = f"sslmode=verify-full sslrootcert={self.lab.certificates.ca}"
        self.assertEqual(self.psql(ca, "channel_binding=require").stdout, "in\n")
        self.assertEqual(self.gateway.audit("auth.ok")[-1]["auth.method"], "scram-sha-256-plus")
        self.assertEqual(self.psql(ca, "channel_binding=disable").stdout, "in\n")
        self.assertIn("channel binding", self.psql("sslmode=disable", "channel_binding=require").stderr)

    def test_a_client_that_stops_in_the_handshake(self):
        gateway = self.lab.gateway(self.lab.forward_everything(tls=True, extra="limits: { login_timeout: 300ms }\n"))
        for first in (wire.packet(wire.SSL_REQUEST), b"\x16\x03\x01"):
            with socket.create_connection(("127.0.0.1", gateway.port), 5) as client:
                client.sendall(first)
                while client.recv(100):
                    pass

    def test_tls_that_is_required(self):
        config = self.lab.forward_everything(tls=True)
        gateway = self.lab.gateway(config.replace("port: 0, tls", "port: 0, require_tls: true, tls", 1))
        with self.assertRaises(PermissionError) as refused:
            wire.Connection(gateway.port).login("postgres", "postgres", lab.PASSWORD)
        self.assertEqual(refused.exception.args[0]["C"], "28000")


if __name__ == "__main__":
    unittest.main()
