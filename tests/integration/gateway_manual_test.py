"""dbgate-gateway.8 is made of the table of options, and the documents name the commands that there are."""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402


def run(*arguments):
    return subprocess.run([str(lab.GATEWAY), *arguments], capture_output=True, text=True, check=True).stdout


class GatewayManual(unittest.TestCase):
    def test_it_has_every_option_and_command_of_the_help(self):
        page = run("__manual").replace("\\-", "-")
        said = run("--help")
        options, commands = said.split("Subcommands:")
        names = re.findall(r"^  ([a-z][a-z-]+)  ", commands, re.MULTILINE)
        self.assertIn("healthcheck", names)
        for name in names:
            self.assertRegex(page, rf"(?m)^\.SS {name}\b")
            for option in re.findall(r"--[a-z-]+", run(name, "--help")):
                self.assertIn(option, page)
        for option in re.findall(r"^ .*?(--[a-z-]+)", options, re.MULTILINE):
            self.assertIn(option, page)
        self.assertNotIn("__manual", said + page)

    def test_man_reads_it_without_a_complaint(self):
        if not shutil.which("man"):
            self.skipTest("no man here")
        with tempfile.TemporaryDirectory() as directory:
            page = pathlib.Path(directory) / "dbgate-gateway.8"
            page.write_text(run("__manual"), encoding="utf-8")
            done = subprocess.run(["man", "--warnings", "--local-file", str(page)], capture_output=True, text=True, check=False,
                                  env={"PATH": "/usr/bin:/bin", "MANWIDTH": "80", "LANG": "C.UTF-8"})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("kill-session ID", done.stdout)

    def test_commands_that_the_documents_name_exist(self):
        names = set(re.findall(r"^  ([a-z][a-z-]+)  ", run("--help").split("Subcommands:")[1], re.MULTILINE))
        for page in sorted((lab.ROOT / "docs").glob("*.md")):
            for name in re.findall(r"dbgate-gateway ([a-z][a-z-]+)`", page.read_text(encoding="utf-8")):
                self.assertIn(name, names, page.name)


if __name__ == "__main__":
    unittest.main()
