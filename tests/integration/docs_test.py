"""Documents are code: what they name exists, what exists they name, and their commands do what they say."""
import pathlib
import re
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402

DOCS = [lab.ROOT / "README.md", *sorted((lab.ROOT / "docs").rglob("*.md")), *sorted(lab.ROOT.glob("*/README.md")),
        *sorted(lab.ROOT.glob("gateway/*/README.md")), *sorted(lab.ROOT.glob("protocol/*/README.md"))]


def text_of(name):
    return (lab.ROOT / name).read_text(encoding="utf-8")


class Documents(unittest.TestCase):
    def test_links_lead_somewhere(self):
        for document in DOCS:
            for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text(encoding="utf-8")):
                if "://" not in target:
                    self.assertTrue((document.parent / target).exists(), f"{document}: {target}")

    def test_files_that_are_named_exist(self):
        for document in DOCS:
            for name in re.findall(r"`((?:scripts|tests|docs|config|gateway|cli|protocol)/[\w./-]*\w)(?:[ `])",
                                   document.read_text(encoding="utf-8")):
                self.assertTrue((lab.ROOT / name).exists(), f"{document}: {name}")

    def test_every_room_has_a_page_and_a_row(self):
        rooms = [path.name for path in sorted((lab.ROOT / "gateway").iterdir()) if path.is_dir()]
        table = text_of("docs/architecture.md")
        for room in rooms:
            self.assertTrue((lab.ROOT / "gateway" / room / "README.md").exists(), room)
            self.assertIn(f"| `gateway/{room}/` |", table)
        for room in ("protocol", "config", "cli"):
            self.assertIn(f"| `{room}/` |", table)

    def test_every_configuration_key_is_described(self):
        keys = set()
        for name in ("config/loader.cpp", "config/policies.cpp", "config/limits.cpp"):
            for listed in re.findall(r"expect_keys\(\s*\{(.*?)\}\)", text_of(name), re.DOTALL):
                keys.update(re.findall(r'"([a-z_]+)"', listed))
        described = set(re.findall(r"[a-z_]+", text_of("docs/configuration.md")))
        # The siblings of a secret are described together.
        secrets = re.compile(r"_(file|env|credential)$")
        missing = {key for key in keys - described if secrets.sub("", key) not in described}
        self.assertEqual(missing, set())

    def test_every_verb_and_option_is_described(self):
        described = text_of("docs/cli.md")
        usage = subprocess.run([str(lab.CLI), "--help"], capture_output=True, text=True, check=True).stdout
        verbs = re.findall(r"^  ([a-z]+)(?:,ls)?\s", usage.split("Subcommands:")[1], re.MULTILINE)
        self.assertIn("connect", verbs)
        for verb in verbs:
            self.assertRegex(described, rf"`{verb}\b")
        options = subprocess.run([str(lab.CLI), "connect", "--help"], capture_output=True, text=True, check=True).stdout
        for option in set(re.findall(r"(--[a-z-]+)", options)) - {"--help", "--database", "--listen"}:
            self.assertIn(option, described)

    def test_the_example_configuration_is_valid_apart_from_what_the_quickstart_makes(self):
        done = subprocess.run([str(lab.GATEWAY), "--check-config", "--config", str(lab.ROOT / "config/examples/shop.yaml")],
                              capture_output=True, text=True, check=False)
        for line in done.stderr.splitlines():
            self.assertRegex(line, r"(tls|users|upstream-password)")

    def test_the_hash_of_a_record_by_hand(self):
        command = re.search(r"```sh\n(sed -n 7p .*sha256sum)\n", text_of("docs/audit.md"))[1]
        with lab.Lab() as it:
            gateway = it.gateway(it.forward_everything())
            for _ in range(4):
                it.psql("SELECT 1")
            log = gateway.directory / "state" / "audit"
            lab.wait_until(lambda: len(gateway.audit("session.end")) == 4, "the sessions are on record", 10)
            computed = subprocess.run(["bash", "-c", command], cwd=log, capture_output=True, text=True, check=True).stdout
            records = [record for record in gateway.audit() if record["chain"] == "w0"]
            self.assertEqual(computed.split()[0], records[6]["hash"])


if __name__ == "__main__":
    unittest.main()
