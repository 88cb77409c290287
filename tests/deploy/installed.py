"""The Debian packages in a Debian of their own: installed, used, upgraded, removed, purged. Run by scripts/test-deploy.sh, as root."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import containers  # noqa: E402
import lab  # noqa: E402

SHELLS = {"bash": "usr/share/bash-completion/completions/dbgate", "zsh": "usr/share/zsh/vendor-completions/_dbgate",
          "fish": "usr/share/fish/vendor_completions.d/dbgate.fish"}

FILES = {
    "dbgate": """
        usr/bin/dbgate usr/share/man/man1/dbgate.1.gz usr/share/bash-completion/completions/dbgate usr/share/fish/vendor_completions.d/dbgate.fish
        usr/share/zsh/vendor-completions/_dbgate usr/share/doc/dbgate/changelog.gz usr/share/doc/dbgate/copyright usr/share/lintian/overrides/dbgate""",
    "dbgate-gateway": """
        usr/bin/dbgate-gateway etc/dbgate/gateway.yaml lib/systemd/system/dbgate.service lib/systemd/system/dbgate.socket
        lib/systemd/system/dbgate-https.socket lib/systemd/system/dbgate-ops.socket usr/share/dbgate/schema.json
        usr/share/dbgate/prometheus/alerts.yaml usr/share/dbgate/grafana/dashboards/audit.json usr/share/dbgate/grafana/dashboards/overview.json
        usr/share/dbgate/grafana/dashboards/policy.json usr/share/dbgate/grafana/dashboards/risk.json
        usr/share/dbgate/grafana/dashboards/target.json usr/share/man/man8/dbgate-gateway.8.gz usr/share/doc/dbgate-gateway/changelog.gz
        usr/share/doc/dbgate-gateway/copyright usr/share/doc/dbgate-gateway/examples/shop.sql usr/share/doc/dbgate-gateway/examples/shop.yaml
        usr/share/lintian/overrides/dbgate-gateway""",
}


def other_version(version="0.1.0+next"):
    """The same programs as packages of a later version: name → file. Made once for what is tested."""
    place = containers.PACKAGES.with_name(f"{containers.PACKAGES.name}-next")
    made = sorted(place.glob("*.deb"))
    if not made or made[0].stat().st_mtime < max(file.stat().st_mtime for file in containers.packages().values()):
        containers.run(containers.ROOT / "scripts" / "package.sh", "--build", lab.BUILD, "--out", place, "--version", version)
    return {path.name.partition("_")[0]: path for path in place.glob("*.deb")}


class Machine(unittest.TestCase):
    """A Debian for all tests of a class, with the packages installed."""

    @classmethod
    def setUpClass(cls):
        cls.root = cls.enterClassContext(containers.machine(f"installed-{cls.__name__.lower()}"))
        cls.install(containers.packages())

    @classmethod
    def inside(cls, *command, **more):
        return containers.run("chroot", cls.root, "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", *command, **more)

    @classmethod
    def install(cls, files):
        for file in files.values():
            (cls.root / "root" / file.name).write_bytes(file.read_bytes())
        cls.inside("dpkg", "--install", "--force-confdef", *(f"/root/{file.name}" for file in files.values()))


class Life(Machine):
    def test_installed_upgraded_removed_purged(self):
        self.assertEqual(self.inside("dbgate", "version").stdout, "dbgate 0.1.0\n")
        self.assertEqual(self.inside("dbgate-gateway", "--version").stdout, "dbgate-gateway 0.1.0\n")
        self.assertEqual(self.inside("dbgate-gateway", "--check-config", "--strict").stdout, "/etc/dbgate/gateway.yaml: ok\n")
        self.assertEqual(self.inside("dpkg", "--verify", "dbgate", "dbgate-gateway").stdout, "")
        # Nothing was started or enabled.
        self.assertEqual(list((self.root / "etc/systemd/system").glob("*.wants/dbgate*")), [])
        self.assertEqual(self.inside("systemd-analyze", "verify", "--man=no", "/lib/systemd/system/dbgate.service").stdout, "")

        config = self.root / "etc/dbgate/gateway.yaml"
        mine = config.read_text() + "log: { level: warn }\n"
        config.write_text(mine)
        self.install(other_version())
        self.assertIn("0.1.0+next", self.inside("dpkg-query", "--show", "dbgate-gateway").stdout)
        self.assertEqual(config.read_text(), mine)

        log = self.root / "var/lib/dbgate/audit"
        log.mkdir(parents=True)
        self.inside("dpkg", "--remove", "dbgate", "dbgate-gateway")
        self.assertFalse((self.root / "usr/bin/dbgate-gateway").exists())
        self.assertEqual(config.read_text(), mine)
        said = self.inside("dpkg", "--purge", "dbgate", "dbgate-gateway").stdout
        self.assertFalse(config.exists())
        self.assertTrue(log.exists())
        self.assertIn("/var/lib/dbgate is kept", said)
        left = [path for name in ("dbgate", "dbgate-gateway") for path in self.root.rglob(f"{name}*") if "var/lib/dpkg" not in str(path) and "root/" not in str(path.relative_to(self.root))]
        self.assertEqual(left, [self.root / "var/lib/dbgate"])


class Files(Machine):
    def test_what_it_depends_on_is_all_it_needs(self):
        """The base has the dependencies and nothing for building: every library is found."""
        for program in ("dbgate", "dbgate-gateway"):
            self.assertNotIn("not found", self.inside("ldd", f"/usr/bin/{program}").stdout)

    def test_completion_is_where_shells_look(self):
        for shell, path in SHELLS.items():
            file = self.root / path
            self.assertEqual(self.inside("dbgate", "completion", shell).stdout, file.read_text())
            if subprocess.run(["which", shell], capture_output=True, check=False).returncode == 0:
                containers.run(shell, "-n", file)

    def test_pages(self):
        for page in ("usr/share/man/man1/dbgate.1.gz", "usr/share/man/man8/dbgate-gateway.8.gz"):
            shown = subprocess.run(["man", "--warnings", "-l", self.root / page], env={**os.environ, "MANWIDTH": "80", "LC_ALL": "C.UTF-8"},
                                   capture_output=True, text=True, check=False)
            self.assertEqual((shown.returncode, shown.stderr), (0, ""))
            self.assertIn("NAME", shown.stdout)

    def test_the_list_of_files(self):
        """What is new in a package or gone from it is meant."""
        found = {name: {line.rpartition("./")[2] for line in containers.run("dpkg-deb", "--contents", file).stdout.splitlines() if not line.startswith("d")}
                 for name, file in containers.packages().items()}
        docs = {path for path in found["dbgate-gateway"] if re.match(r"usr/share/doc/dbgate-gateway/[A-Za-z-]+\.md(\.gz)?$", path)}
        self.assertGreater(len(docs), 30)
        for name, listed in FILES.items():
            self.assertEqual(sorted(found[name] - docs), sorted(listed.split()))


class Built(unittest.TestCase):
    def test_lintian_has_nothing_to_say(self):
        containers.need("lintian")
        said = containers.run("lintian", "--allow-root", "--fail-on", "error,warning", *containers.packages().values())
        self.assertEqual(said.stdout, "")

    def test_the_same_build_gives_the_same_bytes(self):
        with tempfile.TemporaryDirectory() as place:
            containers.run(containers.ROOT / "scripts" / "package.sh", "--build", lab.BUILD, "--out", place)
            for name, file in containers.packages().items():
                self.assertEqual((pathlib.Path(place) / file.name).read_bytes(), file.read_bytes(), name)

    def test_dependencies_are_those_of_the_programs(self):
        for name, program in (("dbgate-gateway", lab.GATEWAY), ("dbgate", lab.CLI)):
            depends = containers.run("dpkg-deb", "--field", containers.packages()[name], "Depends").stdout
            self.assertIn("libssl3", depends)
            self.assertNotIn("-dev", depends, program)


if __name__ == "__main__":
    sys.exit(containers.main("__main__", "mmdebstrap", "lintian", "man"))
