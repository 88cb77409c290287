"""Segments of the audit log that are sealed for auditors: who can read them, who can prove them, and what became of them."""
import json
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402

WAIT = 180
KILLS = 4


class Sealing(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.first, cls.second = cls.auditor("first"), cls.auditor("second")

    @classmethod
    def auditor(cls, name, *kind):
        """A private key and a certificate for it."""
        key, certificate = (cls.lab.directory / f"{name}.{end}" for end in ("key", "pem"))
        subprocess.run(["openssl", "req", "-x509", *(kind or ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")), "-nodes", "-days", "2", "-subj",
                        f"/CN={name} auditor", "-keyout", key, "-out", certificate], check=True, capture_output=True)
        return key, certificate

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(dir=self.lab.directory))
        self.log = self.directory / "state" / "audit"

    def config(self, certificate, more=""):
        return self.lab.forward_everything(extra="workers: 1\naudit: { checkpoint_interval: 100ms, segment_bytes: 64KiB, "
                                                 f"encryption: {{ certificate_file: {certificate}, after: 1s }}{more} }}\n")

    def start(self, certificate, more=""):
        gateway = self.lab.current = lab.Gateway(self.directory, self.config(certificate, more))
        self.addCleanup(gateway.stop)
        return gateway

    def statements(self, count, name="n"):
        self.lab.psql("".join(f"SELECT '{name}{number}';\n" for number in range(count)))

    def sealed(self):
        return sorted((self.log / "sealed").glob("*.cms")) if (self.log / "sealed").exists() else []

    def wait_for(self, count):
        lab.wait_until(lambda: len(self.sealed()) >= count and not [path for path in self.sealed() if self.plain(path).exists()],
                       f"{count} segments are sealed", WAIT)

    def plain(self, sealed):
        return self.log / sealed.name.removesuffix(".zst.cms")

    def cli(self, *arguments, status=0):
        done = subprocess.run([str(lab.CLI), *map(str, arguments)], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def verify(self, log, status=0):
        done = subprocess.run([str(lab.CLI), "audit", "verify", str(log), "-o", "json", "--key", str(self.directory / "state" / "audit-signing-key.pub")],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def unseal(self, key, status=0):
        to = pathlib.Path(tempfile.mkdtemp(dir=self.directory)) / "clear"
        self.said = self.cli("audit", "unseal", self.log, to, "--private-key", key, status=status)
        return to

    def texts(self, log):
        lines = subprocess.run([str(lab.CLI), "audit", "search", str(log), "--event", "statement.decided", "-o", "jsonl"], capture_output=True, text=True,
                               check=True).stdout.splitlines()
        return [json.loads(line).get("db.query.text", "") for line in lines]

    def test_what_is_sealed_is_proved_by_all_and_read_by_its_auditor(self):
        gateway = self.start(self.first[1])
        long_text = "SELECT '" + "x" * 40_000 + "'"
        self.lab.psql(long_text + ";\n")
        session = gateway.audit("session.start")[-1]["session_id"]
        self.statements(900)
        self.wait_for(3)
        self.statements(5, "late")  # the chain goes on
        self.assertEqual(gateway.stop(), 0)
        gone = self.sealed()
        # Without the private key: the chain, the signatures, and that nobody has touched the files.
        report = self.verify(self.log)
        self.assertRegex(report["removed"][0], r"^records 1 to \d+ of chain w0 were sealed, recorded in audit-retention-000001.jsonl:\d+$")
        self.assertNotIn("SELECT 'n0';", self.texts(self.log))
        self.assertIn("SELECT 'late4';", self.texts(self.log))
        self.assertEqual({path.stat().st_mode & 0o777 for path in gone}, {0o600})
        self.assertFalse(any(b"SELECT" in path.read_bytes() for path in gone))
        # By what everybody has.
        opened = subprocess.run(["openssl", "cms", "-decrypt", "-inform", "DER", "-in", str(gone[0]), "-inkey", str(self.first[0])], check=True,
                                capture_output=True).stdout
        lines = subprocess.run(["zstd", "-dcq"], input=opened, check=True, capture_output=True).stdout.decode().splitlines()
        self.assertIn("SELECT 'n0';", [json.loads(line).get("db.query.text") for line in lines])
        self.assertEqual([len(json.loads(line)["hex"]) for line in lines if "text" in json.loads(line)], [2 * len(long_text) + 2])
        algorithms = subprocess.run(["openssl", "cms", "-cmsout", "-print", "-inform", "DER", "-in", str(gone[0])], check=True, capture_output=True).stdout
        for algorithm in (b"aes-256-gcm", b"id-aes256-wrap", b"sha256kdf"):
            self.assertIn(algorithm, algorithms)
        # A copy that everything reads.
        shutil.rmtree(self.log / "blobs")  # an hour later
        (self.log / "blobs").mkdir()
        clear = self.unseal(self.first[0])
        self.assertEqual(clear.stat().st_mode & 0o777, 0o700)
        whole = self.verify(clear)
        self.assertEqual((whole["removed"], whole["unsigned_records"]), ([], 0))
        self.assertEqual(whole["records"], report["records"] + int(re.search(r"1 to (\d+)", report["removed"][0])[1]))
        self.assertEqual(sorted(text for text in self.texts(clear) if text.startswith("SELECT 'n")), sorted(f"SELECT 'n{number}';" for number in range(900)))
        self.assertEqual([item["sql"] for item in json.loads(self.cli("replay", session, clear, "-o", "json"))["statements"]], [long_text + ";"])
        self.assertIn(f"{whole['records']} records", self.cli("audit", "export", clear, self.directory / "all.csv"))

    def test_what_was_changed_is_named(self):
        self.start(self.first[1])
        self.statements(900)
        self.wait_for(3)
        self.assertEqual(self.lab.current.stop(), 0)
        one, other = self.sealed()[:2]
        good = one.read_bytes()
        for content, said in ((good[:-40] + bytes([good[-40] ^ 1]) + good[-39:], "was changed"), (good[:-100], "was changed"),
                              (other.read_bytes(), "was changed"), (None, "is missing")):
            with self.subTest(said=said):
                one.unlink()
                if content is not None:
                    one.write_bytes(content)
                problems = self.verify(self.log, status=1)["problems"]
                self.assertEqual(len(problems), 1, problems)
                self.assertIn(f"{one.name}: ", problems[0])
                self.assertIn(said, problems[0])
                clear = self.unseal(self.first[0], status=0 if content is None or content == other.read_bytes() else 1)
                self.assertNotEqual(self.verify(clear, status=1)["problems"], [])
        one.write_bytes(good)
        self.verify(self.log)
        self.verify(self.unseal(self.first[0]))

    def test_keys_change(self):
        self.start(self.first[1])
        self.statements(500)
        self.wait_for(1)
        self.assertEqual(self.lab.current.stop(), 0)
        before = self.sealed()
        both = self.directory / "both.pem"
        both.write_text(self.second[1].read_text() + self.first[1].read_text())
        gateway = self.start(both)
        self.assertTrue(any("second auditor; CN=first auditor" in line for line in gateway.log))
        self.statements(500, "m")
        self.wait_for(len(before) + 1)
        self.assertEqual(gateway.stop(), 0)
        middle = self.sealed()
        self.start(self.second[1])
        self.statements(500, "o")
        self.wait_for(len(middle) + 1)
        self.assertEqual(self.lab.current.stop(), 0)
        self.verify(self.log)
        after = [path for path in self.sealed() if path not in middle]
        self.unseal(self.first[0], status=1)
        self.assertEqual([path.name in self.said for path in before + middle + after], [False] * len(before + middle) + [True] * len(after))
        self.unseal(self.second[0], status=1)
        self.assertEqual([path.name in self.said for path in self.sealed()], [path in before for path in self.sealed()])

    def test_nothing_is_lost_when_the_gateway_is_killed(self):
        for number in range(KILLS):
            gateway = self.start(self.first[1])
            self.statements(400, f"k{number}.")
            self.wait_for(number + 1)
            gateway.process.send_signal(signal.SIGKILL)
            gateway.process.wait()
            gateway.stop()
        self.assertEqual(self.start(self.first[1]).stop(), 0)
        self.verify(self.log)
        clear = self.unseal(self.first[0])
        self.assertEqual(self.verify(clear)["removed"], [])
        self.assertEqual(sorted(text for text in self.texts(clear) if text.startswith("SELECT 'k")),
                         sorted(f"SELECT 'k{number}.{statement}';" for number in range(KILLS) for statement in range(400)))

    def test_sinks_have_all_before_it_is_sealed(self):
        copy = self.directory / "copy.jsonl"
        gateway = self.start(self.first[1], f", compress: zstd, sinks: [ {{ name: copy, type: file, path: {copy} }} ]")
        self.statements(700)
        self.wait_for(2)
        self.assertEqual(gateway.stop(), 0)
        self.verify(self.log)
        clear = self.unseal(self.first[0])
        self.verify(clear)
        chains = lambda lines: sorted(lines)  # noqa: E731
        exported = self.cli("audit", "export", clear, "-", "--format", "jsonl", "-q").splitlines()
        self.assertEqual(chains(copy.read_text(encoding="utf-8").splitlines()), chains(exported))

    def test_what_is_wrong_is_said(self):
        rsa = self.auditor("rsa", "-newkey", "rsa:2048")
        for certificate, said in ((rsa[1], "whose key is not on P-256"), (self.first[0], "has no certificates"), (self.directory / "nowhere", "does not exist")):
            with self.subTest(said=said), self.assertRaisesRegex(AssertionError, said):
                self.start(certificate)
        path = self.directory / "checked.yaml"
        for certificate, status in ((rsa[1], 1), (self.first[1], 0)):
            path.write_text(self.config(certificate), encoding="utf-8")
            path.chmod(0o600)
            done = subprocess.run([str(lab.GATEWAY), "--check-config", "--config", str(path)], capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, "whose key is not on P-256" in done.stdout + done.stderr), (status, status == 1), done.stdout + done.stderr)
        with self.assertRaisesRegex(AssertionError, "exclude each other"):
            self.start(self.first[1], ", retention: { max_age: 1h }")
        self.start(self.first[1])
        to = self.directory / "to"
        self.assertIn("--private-key", self.cli("audit", "unseal", self.log, to, status=2))
        self.assertIn("is no private key", self.cli("audit", "unseal", self.log, to, "--private-key", self.first[1], status=2))
        self.cli("audit", "unseal", self.log, to, "--private-key", self.directory / "nowhere", status=3)
        self.cli("audit", "unseal", self.directory / "nowhere", to, "--private-key", self.first[0], status=3)
        self.assertFalse(to.exists())
        self.assertIn("0 segments unsealed", self.cli("audit", "unseal", self.log, to, "--private-key", self.first[0]))
        self.assertIn("is there already", self.cli("audit", "unseal", self.log, to, "--private-key", self.first[0], status=2))


if __name__ == "__main__":
    unittest.main()
