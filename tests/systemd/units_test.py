"""The units of deploy/systemd: what systemd-analyze says of them, and that they and the gateway mean the same by names."""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
import lab  # noqa: E402

UNITS = ROOT / "deploy" / "systemd"


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", *map(str, arguments)], capture_output=True, text=True, check=False)


@unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
class Units(unittest.TestCase):
    def installed(self):
        """The units as a package installs them, with this build's program in the place of /usr/bin/dbgate-gateway."""
        place = pathlib.Path(tempfile.mkdtemp(prefix="dbgate-units-"))
        self.addCleanup(shutil.rmtree, place)
        for unit in UNITS.iterdir():
            (place / unit.name).write_text(unit.read_text().replace("/usr/bin/dbgate-gateway", str(lab.GATEWAY)))
        return sorted(place.iterdir())

    def test_they_are_clean(self):
        found = analyze("verify", "--man=no", *self.installed())
        self.assertEqual((found.returncode, found.stdout, found.stderr), (0, "", ""))

    def test_a_mistake_is_found(self):
        units = self.installed()
        units[-1].write_text(units[-1].read_text() + "Nonsense=yes\n")
        self.assertIn("Nonsense", analyze("verify", "--man=no", *units).stderr)

    def test_the_sandbox_is_tight(self):
        found = analyze("security", "--offline=true", "--threshold=20", UNITS / "dbgate.service")
        self.assertEqual(found.returncode, 0, found.stdout)
        self.assertRegex(found.stdout, r"Overall exposure level for dbgate.service: [01]\.\d ")

    def test_sockets_have_the_names_that_the_gateway_knows(self):
        names = {re.search(r"^FileDescriptorName=(.*)$", unit.read_text(), re.M)[1] for unit in UNITS.glob("*.socket")}
        self.assertEqual(names, {"pg", "https", "ops"})
        documented = (ROOT / "docs" / "operations.md").read_text()
        for name in names:
            self.assertIn(f"`{name}`", documented)

    def test_it_is_given_the_time_that_draining_takes(self):
        schema = (ROOT / "config" / "schema.h").read_text()
        drain = re.search(r"struct Drain \{(.*?)\n\};", schema, re.S)[1]
        seconds = {name: int(value.replace("'", "")) / 1000 for name, value in re.findall(r"Milliseconds (\w+)\{([\d']+)\}", drain)}
        stop = re.search(r"^TimeoutStopSec=(\d+)s$", (UNITS / "dbgate.service").read_text(), re.M)[1]
        self.assertEqual(int(stop), seconds["min_delay"] + seconds["timeout"] + 10)


if __name__ == "__main__":
    unittest.main()
