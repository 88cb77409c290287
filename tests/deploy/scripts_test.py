"""Shell scripts, read by shellcheck: those of scripts/, of images, and of maintainers."""
import pathlib
import shutil
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@unittest.skipUnless(shutil.which("shellcheck"), "no shellcheck; scripts/setup.sh test brings it")
class Scripts(unittest.TestCase):
    def test_shellcheck_has_nothing_to_say(self):
        maintainers = [path for path in (ROOT / "deploy" / "debian").iterdir() if path.suffix in (".postinst", ".prerm", ".postrm")]
        self.assertEqual(len(maintainers), 3)
        files = [*sorted((ROOT / "scripts").glob("*.sh")), *sorted((ROOT / "deploy").rglob("*.sh")), *sorted(maintainers)]
        said = subprocess.run(["shellcheck", "--external-sources", *files], capture_output=True, text=True, cwd=ROOT, check=False)
        self.assertEqual((said.returncode, said.stdout + said.stderr), (0, ""))

    def test_it_would_say_something(self):
        said = subprocess.run(["shellcheck", "-"], input="#!/bin/sh\nrm $1\n", capture_output=True, text=True, check=False)
        self.assertIn("SC2086", said.stdout)


if __name__ == "__main__":
    unittest.main()
