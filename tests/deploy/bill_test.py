"""scripts/sbom.py on the root of an image that is made up, against the schema of CycloneDX 1.5."""
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
import bills  # noqa: E402

FILES = {
    "usr/bin/dbgate": "the program",
    "usr/lib/x86_64-linux-gnu/libz.so.1.2.13": "a library",
    "usr/share/doc/zlib1g/copyright": "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: Zlib\n text\n",
    "usr/share/doc/dbgate/copyright": "whatever",
    "etc/passwd": "", "etc/group": "", "etc/nsswitch.conf": "", "usr/lib/os-release": "",
    "var/lib/dpkg/status.d/dbgate": "Package: dbgate\nVersion: 0.1.0\nArchitecture: amd64\nMaintainer: Somebody <s@example.com>\n"
                                    "Static-Built-Using: cli11 (= 2.1.2+ds-1)\nDescription: x\n y\n",
    "var/lib/dpkg/status.d/dbgate.md5sums": "00  usr/bin/dbgate\n",
    "var/lib/dpkg/status.d/zlib1g": "Package: zlib1g\nSource: zlib\nVersion: 1:1.2.13.dfsg-1\nArchitecture: amd64\nMaintainer: Z <z@example.com>\n",
    "var/lib/dpkg/status.d/zlib1g.md5sums": "00  usr/lib/x86_64-linux-gnu/libz.so.1.2.13\n",
}


class Bill(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        for path, text in FILES.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(text, encoding="utf-8")
        (self.root / "usr/lib/x86_64-linux-gnu/libz.so.1").symlink_to("libz.so.1.2.13")

    def write(self):
        return subprocess.run([ROOT / "scripts" / "sbom.py", "--root", self.root, "--name", "dbgate", "--version", "0.1.0"], capture_output=True, text=True,
                              check=False, env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"})

    def bill(self):
        done = self.write()
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    @unittest.skipUnless(bills.available(), "no schema; scripts/setup.sh test brings it")
    def test_it_is_cyclonedx(self):
        bill = self.bill()
        bills.validate(bill)
        bill["components"][0]["type"] = "nonsense"
        with self.assertRaises(bills.jsonschema.ValidationError):
            bills.validate(bill)

    def test_what_it_says(self):
        bill = self.bill()
        self.assertEqual((bill["specVersion"], bill["metadata"]["timestamp"]), ("1.5", "2023-11-14T22:13:20Z"))
        components = {component["name"]: component for component in bill["components"]}
        self.assertEqual({name: component["type"] for name, component in components.items()},
                         {"dbgate": "application", "zlib1g": "library", "cli11": "library"})
        library = components["zlib1g"]
        self.assertEqual(library["purl"], "pkg:deb/debian/zlib1g@1%3A1.2.13.dfsg-1?arch=amd64&distro=debian-12")
        self.assertEqual(library["licenses"], [{"license": {"name": "Zlib"}}])
        self.assertEqual([(file["name"], file["hashes"][0]["content"]) for file in library["components"]],
                         [("/usr/lib/x86_64-linux-gnu/libz.so.1.2.13", hashlib.sha256(b"a library").hexdigest())])
        self.assertEqual(components["cli11"]["properties"], [{"name": "dbgate:linked", "value": "statically"}])
        program = components["dbgate"]["bom-ref"]
        self.assertIn({"ref": program, "dependsOn": sorted(components[name]["bom-ref"] for name in ("cli11", "zlib1g"))}, bill["dependencies"])

    def test_the_same_image_has_the_same_bill(self):
        first = self.write().stdout
        self.assertEqual(self.write().stdout, first)
        (self.root / "usr/bin/dbgate").write_text("another program", encoding="utf-8")
        self.assertNotEqual(json.loads(self.write().stdout)["serialNumber"], json.loads(first)["serialNumber"])

    def test_a_file_that_is_nobodys_is_an_error(self):
        (self.root / "usr/bin/sh").write_text("a shell", encoding="utf-8")
        done = self.write()
        self.assertEqual((done.returncode, done.stderr), (1, "sbom.py: no package has these files: usr/bin/sh\n"))


if __name__ == "__main__":
    unittest.main()
