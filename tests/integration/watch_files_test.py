"""--watch-files: a configuration file, or one that it names, is replaced in the ways in which that is done, and is in force then
without a signal (docs/operations.md)."""
import contextlib
import json
import os
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402

SEEN = "files of the configuration have changed; it is read again"


def settle(path):
    """A gateway that starts within a tick of a file's time cannot tell whether it read the file before or after that, and reads
    it again (FileWatch::watch()): no test here is about that."""
    lab.wait_until(lambda: time.time() > path.stat().st_ctime + 0.1, "the file is older than a tick")


class Settled(lab.Gateway):
    def write_config(self, config):
        super().write_config(config)
        settle(self.config)


class Mounted:
    """A directory as kubelet fills it from a ConfigMap or Secret: names lead through `..data` to a directory of one version."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir()
        self.version = 0

    def write(self, **files):
        self.version += 1
        content = self.directory / f"..2026_{self.version}"
        content.mkdir()
        for name, text in files.items():
            (content / name).write_text(text, encoding="utf-8")
            (content / name).chmod(0o640)
        before = os.readlink(self.directory / "..data") if self.version > 1 else None
        (self.directory / "..data_tmp").symlink_to(content.name)
        (self.directory / "..data_tmp").rename(self.directory / "..data")
        for name in files:
            with contextlib.suppress(FileExistsError):
                (self.directory / name).symlink_to(f"..data/{name}")
        if before:
            for path in (self.directory / before).iterdir():
                path.unlink()
            (self.directory / before).rmdir()
        settle(self.directory)


class WatchFiles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.lab.postgres.psql("CREATE TABLE t (a int); CREATE TABLE hidden (a int)")

    def config(self, allow="public.t", extra=""):
        return self.lab.forward_everything(extra=extra).replace("everything: true", f"select: [{allow}]")

    def begin(self, config, **more):
        return self.lab.gateway(config, kind=Settled, arguments=["--watch-files"], **more)

    @staticmethod
    def said(gateway, message):
        return sum(message in line for line in list(gateway.log))

    def code(self, gateway, sql, connection=None):
        """SQLSTATE of the error, if there is one."""
        if connection is None:
            connection = wire.Connection(gateway.port)
            self.addCleanup(connection.socket.close)
            connection.login("postgres", "postgres", lab.PASSWORD)
        connection.send(wire.query(sql))
        return next((wire.error_fields(body)["C"] for kind, body in connection.receive_until("Z") if kind == "E"), "")

    def wait_for_reload(self, gateway, before):
        lab.wait_until(lambda: self.said(gateway, "configuration reloaded") > before, "it is in force", 30)

    def test_a_file_that_is_replaced_and_one_that_is_written_to(self):
        gateway = self.begin(self.config())
        self.assertEqual(self.code(gateway, "SELECT a FROM public.hidden"), "42501")
        before = self.said(gateway, "configuration reloaded")
        gateway.write_config(self.config("public.hidden"))
        self.wait_for_reload(gateway, before)
        self.assertEqual(self.code(gateway, "SELECT a FROM public.hidden"), "")
        before = self.said(gateway, "configuration reloaded")
        with open(gateway.config, "a", encoding="utf-8") as file:
            file.write("# the same, longer\n")
        self.wait_for_reload(gateway, before)

    def test_without_the_option_nothing_is_watched(self):
        gateway = self.lab.gateway(self.config(), kind=Settled)
        watching = self.begin(self.config())
        for one in (gateway, watching):
            one.write_config(self.config("public.hidden"))
        self.wait_for_reload(watching, 0)
        self.assertEqual(self.said(gateway, SEEN), 0)
        self.assertEqual(self.code(gateway, "SELECT a FROM public.hidden"), "42501")

    def test_a_configmap_that_is_swapped(self):
        mounted = Mounted(self.lab.directory / "configmap")
        config = self.config()
        mounted.write(**{"gateway.yaml": config.replace("state_dir: state", f"state_dir: {self.lab.directory}/mounted-state")})
        # What Gateway writes is not what is read: the arguments' last one counts.
        gateway = self.begin_at(mounted.directory / "gateway.yaml")
        self.assertEqual(self.code(gateway, "SELECT a FROM public.hidden"), "42501")
        for allow, code in (("public.hidden", ""), ("public.t", "42501"), ("public.hidden", "")):
            before, seen = self.said(gateway, "configuration reloaded"), self.said(gateway, SEEN)
            text = self.config(allow).replace("state_dir: state", f"state_dir: {self.lab.directory}/mounted-state")
            mounted.write(**{"gateway.yaml": text})
            self.wait_for_reload(gateway, before)
            self.assertEqual(self.code(gateway, "SELECT a FROM public.hidden"), code)
            self.assertEqual(self.said(gateway, SEEN), seen + 1, "the events of one swap are one change")

    def begin_at(self, path):
        class At(lab.Gateway):
            def write_config(self, config):
                self.config = path

        gateway = At(self.lab.directory / f"at-{path.parent.name}", "", arguments=["--watch-files"])
        self.addCleanup(gateway.stop)
        return gateway

    def test_a_password_that_is_rotated(self):
        postgres = self.lab.postgres
        postgres.psql("CREATE ROLE app LOGIN PASSWORD 'first'; GRANT SELECT ON t TO app")
        secrets = Mounted(self.lab.directory / "secret")
        secrets.write(password="first\n")
        config = self.config().replace(f"user: postgres, password: {lab.PASSWORD}", f"user: app, password_file: {secrets.directory}/password")
        self.assertIn("password_file", config)
        gateway = self.begin(config)
        live = wire.Connection(gateway.port)
        self.addCleanup(live.socket.close)
        live.login("postgres", "postgres", lab.PASSWORD)
        self.assertEqual(self.code(gateway, "SELECT a FROM public.t", live), "")
        postgres.psql("ALTER ROLE app PASSWORD 'second'")
        before = self.said(gateway, "configuration reloaded")
        secrets.write(password="second\n")
        self.wait_for_reload(gateway, before)
        self.assertEqual(self.code(gateway, "SELECT a FROM public.t"), "", "new connections to the server use it")
        self.assertEqual(self.code(gateway, "SELECT a FROM public.t", live), "", "who is there stays")
        self.assertFalse(any("second" in line and "password" in line for line in gateway.log))

    def test_a_broken_file_changes_nothing_until_it_is_mended(self):
        gateway = self.begin(self.config())
        gateway.write_config("version: [")
        lab.wait_until(lambda: self.said(gateway, "the configuration was not reloaded; the old one stays in force"), "it is said", 30)
        self.assertEqual(self.code(gateway, "SELECT a FROM public.t"), "")
        self.assertFalse(json.loads(gateway.command("status", "--socket", gateway.directory / "state" / "admin.sock", "-o", "json").stdout)["last_reload_ok"])
        gateway.write_config(self.config("public.hidden"))
        self.wait_for_reload(gateway, 0)
        self.assertEqual(self.code(gateway, "SELECT a FROM public.hidden"), "")

    def test_a_file_that_comes_later_is_what_was_missing(self):
        gateway = self.begin(self.config())
        secret = gateway.directory / "later" / "password"
        gateway.write_config(self.config().replace(f"password: {lab.PASSWORD}", f"password_file: {secret}"))
        lab.wait_until(lambda: self.said(gateway, "the configuration was not reloaded; the old one stays in force"), "it is said", 30)
        secret.parent.mkdir()
        secret.touch(0o600)
        secret.write_text(lab.PASSWORD, encoding="utf-8")
        self.wait_for_reload(gateway, 0)
        self.assertEqual(self.code(gateway, "SELECT a FROM public.t"), "")

    def test_a_certificate_that_is_renewed(self):
        gateway = self.begin(self.lab.forward_everything(tls=True))
        before = self.said(gateway, "configuration reloaded")
        certificates = self.lab.certificates
        names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
        old = certificates.cert.read_bytes()
        cert, _ = certificates.issue("server", "localhost", names)
        self.assertNotEqual(cert.read_bytes(), old)
        self.wait_for_reload(gateway, before)
        lab.wait_until(lambda: lab.ssl.get_server_certificate(("127.0.0.1", gateway.ports["api"])).replace("\n", "")
                       == cert.read_text(encoding="ascii")[cert.read_text(encoding="ascii").index("-----BEGIN"):].replace("\n", ""),
                       "the new one is served", 30)

    def test_a_file_of_conf_d_that_comes_and_one_that_goes(self):
        gateway = self.begin(self.config())
        prepared, parts = gateway.directory / "prepared", gateway.directory / "conf.d"
        prepared.mkdir()
        (prepared / "more.yaml").write_text("limits: { max_nesting: 3 }\n", encoding="utf-8")
        nested = "SELECT ((((a)))) FROM public.t"
        self.assertEqual(self.code(gateway, nested), "")
        before = self.said(gateway, "configuration reloaded")
        prepared.rename(parts)
        self.wait_for_reload(gateway, before)
        self.assertEqual(self.code(gateway, nested), "54001")
        before = self.said(gateway, "configuration reloaded")
        (parts / "more.yaml").unlink()
        self.wait_for_reload(gateway, before)
        self.assertEqual(self.code(gateway, nested), "")

    def test_files_beside_them_are_nobodys_business(self):
        gateway = self.begin(self.config())
        for number in range(20):
            (gateway.directory / f"other{number}").write_text("x", encoding="ascii")
        before = self.said(gateway, "configuration reloaded")
        gateway.write_config(self.config("public.hidden"))
        self.wait_for_reload(gateway, before)
        self.assertEqual(self.said(gateway, SEEN), 1)


if __name__ == "__main__":
    unittest.main()
