"""The loader of system catalogs and servers that are slow, gone, hostile or particular about logins."""
import contextlib
import os
import pathlib
import socket
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import catalogs  # noqa: E402
import lab  # noqa: E402


class Proxy:
    """Passes bytes to the server and stops after so many of them: closes, or goes silent. In between lies every state."""

    def __init__(self, port, limit, hang):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.target, self.limit, self.hang = port, limit, hang
        self.done = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            client, _ = self.listener.accept()
            with client, socket.create_connection(("127.0.0.1", self.target)) as server:
                threading.Thread(target=self._copy, args=(client, server), daemon=True).start()
                left = self.limit
                while left > 0:
                    data = server.recv(min(left, 65536))
                    if not data:
                        return
                    client.sendall(data)
                    left -= len(data)
                if self.hang:
                    self.done.wait(60)
                client.shutdown(socket.SHUT_RDWR)  # the other thread still reads: closing alone would say nothing

    @staticmethod
    def _copy(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)

    def close(self):
        self.done.set()
        self.listener.close()


class BadServers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab(hba=["host all in_clear 127.0.0.1/32 password", "host all by_md5 127.0.0.1/32 md5",
                               "host all by_trust 127.0.0.1/32 trust", "host all all 127.0.0.1/32 scram-sha-256"])
        cls.addClassCleanup(cls.lab.close)
        cls.lab.postgres.psql(f"CREATE ROLE in_clear LOGIN PASSWORD '{lab.PASSWORD}'; CREATE ROLE by_trust LOGIN;"
                              f"SET password_encryption = md5; CREATE ROLE by_md5 LOGIN PASSWORD '{lab.PASSWORD}'")

    def dump(self, milliseconds=20_000, port=None, **upstream):
        if port is not None:
            upstream["hosts"] = f'["127.0.0.1:{port}"]'
        return catalogs.dump(self.lab, "--quiet", milliseconds=milliseconds, **upstream)

    def test_only_methods_that_are_allowed(self):
        for user, allow in (("in_clear", None), ("by_md5", "allow_md5"), ("by_trust", "allow_no_password")):
            with self.subTest(user=user):
                refused = self.dump(user=user)
                self.assertEqual((refused.returncode, refused.stdout[:5]), (3, "08006"), refused.stderr)
                if allow:
                    self.assertEqual(self.dump(user=user, **{allow: "true"}).returncode, 0)

    def test_a_clear_text_password_is_never_sent(self):
        """A server that asks for it gets nothing, however it cuts its message."""
        for pieces in ([b"R\0\0\0\x08\0\0\0\x03"], [b"R\0\0", b"\0\x08\0\0\0\x03"],
                       [b"N\0\0\0\x08SA\0\0R\0\0\0\x08\0\0\0\x03"],
                       [b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0R\0\0\0\x08\0\0\0\x03"]):
            with self.subTest(pieces=pieces), socket.create_server(("127.0.0.1", 0)) as listener:
                got = []

                def serve(listener=listener, pieces=pieces, got=got):
                    client, _ = listener.accept()
                    with client, contextlib.suppress(ConnectionError):
                        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                        client.recv(65536)
                        for piece in pieces:
                            client.sendall(piece)
                        while data := client.recv(65536):
                            got.append(data)

                thread = threading.Thread(target=serve)
                thread.start()
                done = self.dump(port=listener.getsockname()[1], milliseconds=3_000)
                thread.join(20)
                self.assertEqual(done.returncode, 3)
                self.assertNotIn(lab.PASSWORD.encode(), b"".join(got))

    def test_a_server_that_goes_away_or_hangs(self):
        port = self.lab.postgres.port
        for limit in (0, 5, 60, 400, 700, 5_000, 60_000, 300_000):
            for hang in (False, True):
                with self.subTest(limit=limit, hang=hang):
                    proxy = Proxy(port, limit, hang)
                    begun = time.monotonic()
                    done = self.dump(port=proxy.port, milliseconds=1_000)
                    took = time.monotonic() - begun
                    proxy.close()
                    self.assertEqual(done.returncode, 3, done.stdout)
                    self.assertIn(done.stdout[:5], ("57014",) if hang else ("08006",))
                    self.assertLess(took, 15)

    def test_a_server_that_is_not_there(self):
        done = self.dump(port=lab.free_port())
        self.assertEqual((done.returncode, done.stdout[:5]), (3, "08006"))

    def test_a_server_that_talks_nonsense(self):
        for answer in (b"E", b"R\xff\xff\xff\xff", b"R\0\0\0\0", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0" * 5000,
                       b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I" + b"T\0\0\0\x06\0\x05"):
            with self.subTest(answer=answer[:20]), socket.create_server(("127.0.0.1", 0)) as listener:

                def serve(listener=listener, answer=answer):
                    client, _ = listener.accept()
                    with client, contextlib.suppress(ConnectionError):
                        client.recv(65536)
                        client.sendall(answer)

                thread = threading.Thread(target=serve)
                thread.start()
                done = self.dump(port=listener.getsockname()[1], milliseconds=3_000, allow_no_password="true")
                thread.join(20)
                self.assertEqual(done.returncode, 3, done.stdout + done.stderr)


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab(hba=["hostssl all by_cert 127.0.0.1/32 cert", "hostssl all in_clear 127.0.0.1/32 password",
                               "hostssl all all 127.0.0.1/32 scram-sha-256", "hostnossl all plain_only 127.0.0.1/32 scram-sha-256",
                               "local all all scram-sha-256"])
        cls.addClassCleanup(cls.lab.close)
        postgres = cls.lab.postgres
        for source, name in ((cls.lab.certificates.cert, "server.crt"), (cls.lab.certificates.key, "server.key"),
                             (cls.lab.certificates.ca, "ca.crt")):
            target = postgres.data / name
            target.write_bytes(source.read_bytes())
            target.chmod(0o600)
            if os.getuid() == 0:
                os.chown(target, lab.server_user().pw_uid, lab.server_user().pw_gid)
        with open(postgres.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.write("ssl=on\nssl_ca_file='ca.crt'\n")
        postgres.stop("fast")
        postgres.start()
        postgres.psql(f"CREATE ROLE in_clear LOGIN PASSWORD '{lab.PASSWORD}'; CREATE ROLE by_cert LOGIN")
        # What lies in the home directory must not count: libpq would verify against it, and fail.
        cls.home = cls.lab.directory / "home"
        (cls.home / ".postgresql").mkdir(parents=True)
        other = lab.Certificates(cls.lab.directory / "other-tls")
        for source, name in ((other.ca, "root.crt"), (other.cert, "postgresql.crt"), (other.key, "postgresql.key")):
            (cls.home / ".postgresql" / name).write_bytes(source.read_bytes())
        cls.other = other

    def dump(self, **upstream):
        settings = {"hosts": f'["localhost:{self.lab.postgres.port}"]', "ca_file": self.lab.certificates.ca, **upstream}
        return catalogs.dump(self.lab, "--quiet", milliseconds=20_000, environment={"HOME": str(self.home)}, **settings)

    def test_modes(self):
        for mode in ("allow", "prefer", "require", "verify-ca", "verify-full"):
            with self.subTest(mode=mode):
                done = self.dump(tls=mode)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(self.dump(tls="verify-full", channel_binding="require").returncode, 0)
        self.assertEqual(self.dump(tls="disable").stdout[:5], "08006")

    def test_certificates_of_other_authorities(self):
        for mode in ("verify-ca", "verify-full"):
            self.assertEqual(self.dump(tls=mode, ca_file=self.other.ca).stdout[:5], "08006")
            self.assertEqual(self.dump(tls=mode, ca_file=None).stdout[:5], "08006", "the system's authorities do not know it")

    def test_client_certificate(self):
        cert, key = self.lab.certificates.issue("by_cert", "by_cert")
        settings = {"user": "by_cert", "tls": "verify-full", "cert_file": cert, "key_file": key, "password": None}
        self.assertEqual(self.dump(**settings).stdout[:5], "08006", "nobody proved to know a password")
        done = self.dump(**settings, allow_no_password="true")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_no_clear_text_inside_tls_either(self):
        self.assertEqual(self.dump(user="in_clear", tls="verify-full").stdout[:5], "08006")


class InTheGateway(unittest.TestCase):
    def test_it_loads_at_start_reloads_and_stops(self):
        with lab.Lab() as it:
            config = it.forward_everything(databases=("postgres",))
            gateway = it.gateway(config.replace("    search_path", "    catalog: { refresh: 100ms }\n    search_path"))
            connections = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dbgate catalog'"
            lab.wait_until(lambda: any('"loaded"' in line for line in gateway.log), "the catalog is loaded")
            lab.wait_until(lambda: it.postgres.psql(connections).stdout.strip() != "0", "it is read again")
            gateway.reload(config)
            self.assertEqual(it.psql("SELECT 1").stdout.strip(), "1")
            self.assertEqual(gateway.stop(), 0)
            lab.wait_until(lambda: it.postgres.psql(connections).stdout.strip() == "0", "its connections are closed")

    def test_a_hanging_server_does_not_keep_it_from_stopping(self):
        with lab.Lab() as it, socket.create_server(("127.0.0.1", 0)) as silent:
            gateway = it.gateway("version: 1\nstate_dir: state\n" + it.listen() + it.users("u") + "targets:\n" +
                                 it.target(hosts=f'["127.0.0.1:{silent.getsockname()[1]}"]', connect_timeout="60s") +
                                 "policies:\n  - { name: p, who: { users: [u] }, on: [postgres], allow: [ { everything: true } ] }\n")
            silent.settimeout(20)
            client, _ = silent.accept()
            begun = time.monotonic()
            self.assertEqual(gateway.stop(), 0)
            self.assertLess(time.monotonic() - begun, 5)
            client.close()


if __name__ == "__main__":
    unittest.main()
