"""A home, a fake gateway and the command line, for tests of verbs."""
import json
import os
import pathlib
import subprocess
import unittest

import fake_gateway
import lab
import terminal

DROPPED = ("DBGATE_TOKEN", "DBGATE_URL", "PGPASSWORD", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "DISPLAY",
           "WAYLAND_DISPLAY", "BROWSER", "SSH_CONNECTION", "SSH_TTY", "PAGER", "HTTPS_PROXY", "https_proxy")


class CliTest(unittest.TestCase):
    def setUp(self):
        self.home = pathlib.Path(self.enterContext(lab.tempfile.TemporaryDirectory(prefix="dbgate-cli-")))
        self.certificates = lab.Certificates(self.home / "tls")
        self.gateway = fake_gateway.FakeGateway(self.certificates)
        self.addCleanup(self.gateway.close)
        self.environment = {name: value for name, value in os.environ.items() if name not in DROPPED}
        self.environment.update({"HOME": str(self.home), "XDG_STATE_HOME": str(self.home / "state"), "USER": "ana",
                                 "XDG_RUNTIME_DIR": str(self.home), "XDG_CONFIG_HOME": str(self.home / "config"),
                                 "XDG_CACHE_HOME": str(self.home / "cache"), "DBGATE_CA_FILE": str(self.certificates.ca),
                                 "DBGATE_URL": self.gateway.url})
        (self.home / "state").mkdir()

    def cli(self, *arguments, text="", status=0, **environment):
        done = subprocess.run([str(lab.CLI), *map(str, arguments)], input=text, capture_output=True, text=True, timeout=60,
                              env={**self.environment, **environment}, check=False)
        self.assertEqual(done.returncode, status, f"{arguments}: {done.stdout}{done.stderr}")
        return done

    def term(self, *arguments, rows=24, **environment):
        return self.enterContext(terminal.Terminal([lab.CLI, *arguments], {**self.environment, **environment}, rows=rows))

    def login(self):
        self.cli("login", "--username", "ana", "--password-stdin", text="right\n")

    def credentials(self):
        return self.home / "state" / "dbgate" / "credentials.json"

    def stored(self):
        return json.loads(self.credentials().read_text())["logins"][0]

    def fill_targets(self, count=2):
        self.gateway.store["/targets"] = {
            f"t{i}": {"name": f"t{i}", "engine": "postgresql", "databases": ["a", "b"], "access": "read",
                      "environment": "prod" if i % 2 else "dev", "labels": {"team": f"x{i}"}, "note": None} for i in range(count)}
