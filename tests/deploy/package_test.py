"""The sources of the Debian packages: that they say of the programs what is so. scripts/test-deploy.sh builds and installs them."""
import pathlib
import re
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
import lab  # noqa: E402

DEBIAN = ROOT / "deploy" / "debian"


def read(name):
    return (DEBIAN / name).read_text(encoding="utf-8")


class Package(unittest.TestCase):
    def test_the_version_is_the_projects(self):
        version = re.search(r"project\(dbgate VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text(encoding="utf-8"))[1]
        self.assertEqual(re.match(r"dbgate \((\S+)\) ", read("changelog"))[1], version)

    def test_what_is_installed_is_there(self):
        places = {"built": lab.BUILD, "source": ROOT, "debian": DEBIAN}
        listed = [line.split()[0] for name in ("dbgate-gateway.install", "dbgate.install", "dbgate-gateway.docs", "dbgate-gateway.examples",
                                               "dbgate-gateway.manpages", "dbgate.manpages") for line in read(name).splitlines()]
        listed += re.findall(r"built/\S+", read("rules"))
        for path in listed:
            place, _, rest = path.partition("/")
            if path != "built":
                self.assertTrue(list(places[place].glob(rest)), path)

    def test_every_unit_is_installed(self):
        units = {path.name for path in (ROOT / "deploy" / "systemd").iterdir()}
        self.assertEqual(set(re.findall(r"dbgate[a-z-]*\.(?:service|socket)", read("rules"))), units)
        stopped = re.search(r"deb-systemd-invoke stop (.*)", read("dbgate-gateway.prerm"))[1].split()
        self.assertEqual(set(stopped), units)
        self.assertEqual(stopped[-1], "dbgate.service")

    def test_the_configuration_is_good_and_lets_nobody_in(self):
        done = subprocess.run([lab.GATEWAY, "--check-config", "--strict", "--config", DEBIAN / "gateway.yaml"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(set(re.findall(r"^(\w+):", read("gateway.yaml"), re.M)), {"version", "state_dir", "listen"})
        self.assertEqual(set(re.findall(r"^[^#\n]*address: ([\d.]+)", read("gateway.yaml"), re.M)), {"127.0.0.1"})

    def test_what_it_only_suggests_is_good_too(self):
        """With its examples taken for real, and the files that they name left out."""
        text = re.sub(r"^# ((?:users|targets|policies):| .*)$", r"\1", read("gateway.yaml").partition("# users:")[2].join(["# users:", ""]), flags=re.M)
        config = lab.tempfile.NamedTemporaryFile("w", suffix=".yaml")
        self.addCleanup(config.close)
        config.write("version: 1\nstate_dir: /nonexistent\nlisten: { postgres: { address: 127.0.0.1, port: 6432 } }\n" +
                     re.sub(r"(scram_verifier|password)_credential: \S+( *})?", lambda found: f"{found[1]}_env: GIVEN{found[2] or ''}", text))
        config.flush()
        done = subprocess.run([lab.GATEWAY, "--check-config", "--config", config.name], capture_output=True, text=True, check=False,
                              env={"GIVEN": lab.verifier()})
        self.assertEqual(done.returncode, 0, done.stderr + text)


if __name__ == "__main__":
    unittest.main()
