"""docs/getting-started.md: its commands run in the demo of scripts/quickstart.sh and print what the page says."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402

PAGE = (lab.ROOT / "docs/getting-started.md").read_text(encoding="utf-8")
DEMO = "/var/tmp/dbgate-demo-$(id -u)"


def commands():
    """(command, what is typed into it, the lines that it prints) of each console block."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], [], []))
            elif line.startswith("shop=> "):
                found[-1][1].append(line.removeprefix("shop=> "))
            else:
                found[-1][2].append(line)
    return found


def pattern(line):
    """Of a line of the page: blanks are any blanks, an ellipsis is anything."""
    return r"\s+".join(".*".join(map(re.escape, word.split("…"))) for word in line.split())


class GettingStarted(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.demo = pathlib.Path(lab.tempfile.mkdtemp(prefix="dbgate-demo-"))
        cls.addClassCleanup(shutil.rmtree, cls.demo, ignore_errors=True)
        cls.demo.chmod(0o755)
        cls.addClassCleanup(cls.pieces, "demo_stop")
        cls.pieces("demo_certificates; demo_users; demo_database; demo_gateway check; demo_environment")

    @classmethod
    def pieces(cls, script):
        """Runs functions of scripts/demo.sh, with the programs under test."""
        with (cls.demo.parent / (cls.demo.name + ".log")).open("w+", encoding="utf-8") as log:
            os.unlink(log.name)
            done = subprocess.run(["bash", "-c", f". scripts/demo.sh; build={lab.BUILD}; {script}"], cwd=lab.ROOT, check=False,
                                  stdout=log, stderr=log, env={**os.environ, "repository": str(lab.ROOT), "demo": str(cls.demo)})
            log.seek(0)
            if done.returncode != 0:
                raise AssertionError(log.read())

    def test_the_page_does_what_it_says(self):
        home = self.demo / "home"
        home.mkdir(mode=0o700)
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("DBGATE_", "PG", "XDG_"))}
        environment.update({"HOME": str(home), "XDG_RUNTIME_DIR": str(home), "DBGATE_OUTPUT": "table"})
        sourced = re.search(r"```sh\n(\. .*env)\n```", PAGE)[1]
        self.assertGreater(len(commands()), 8)
        for command, typed, lines in commands():
            with self.subTest(command=command):
                script = f"set -e; {sourced}; {command}".replace(DEMO, str(self.demo))
                done = subprocess.run(["bash", "-c", script], input="\n".join(typed), text=True, env=environment, timeout=60,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
                printed = done.stdout.splitlines()
                for line in lines:
                    match = next((number for number, text in enumerate(printed) if re.search(pattern(line), text)), None)
                    self.assertIsNotNone(match, f"{line!r} is not in, or not in this order:\n{done.stdout}")
                    del printed[:match + 1]
                denied = any(line.startswith(("deny", "ERROR")) for line in lines) and not typed
                self.assertEqual(done.returncode, 5 if denied else 0, done.stdout)


if __name__ == "__main__":
    unittest.main()
