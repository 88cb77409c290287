"""The audit log is signed while it is written: what verification says of it after stops, kills, and forgeries."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402

KILLS = 8


class Checkpoints(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(dir=self.lab.directory))
        self.config = self.lab.forward_everything(extra="audit: { checkpoint_interval: 100ms, segment_bytes: 256KiB }\n")
        self.gateway = self.start()
        self.state = self.directory / "state"
        self.kept = self.directory / "kept"
        self.kept.write_bytes(b"")

    def start(self):
        gateway = self.lab.current = lab.Gateway(self.directory, self.config)
        self.addCleanup(gateway.stop)
        return gateway

    def checkpoint(self, chain="w0"):
        """How many records of the chain were signed."""
        path = self.state / "audit" / f"audit-{chain}.checkpoint"
        return int(path.read_text(encoding="utf-8").split("\n")[1]) if path.exists() else 0

    def wait_for_checkpoint(self, at_least):
        lab.wait_until(lambda: self.checkpoint() >= at_least, f"{at_least} records are signed")

    def keep(self):
        """What an auditor puts away."""
        with self.kept.open("ab") as kept:
            kept.write((self.state / "audit" / "audit-w0.checkpoint").read_bytes())

    def verify(self, *more, status=0):
        done = subprocess.run([str(lab.CLI), "audit", "verify", str(self.state / "audit"), "-o", "json", *more], capture_output=True,
                              text=True, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def proof(self):
        return ["--key", str(self.state / "audit-signing-key.pub"), "--checkpoint", str(self.kept)]

    def test_a_log_is_signed_while_it_is_written_and_whole_when_it_ends(self):
        self.lab.psql("SELECT 1;\n" * 20)
        self.wait_for_checkpoint(40)
        self.keep()
        self.lab.psql("SELECT 2;\n" * 20)
        self.assertEqual(self.gateway.stop(), 0)
        report = self.verify(*self.proof())
        self.assertEqual(report["problems"], [])
        self.assertEqual(report["unsigned_records"], 0)
        self.assertTrue(report["signatures_checked"])
        self.assertGreaterEqual(report["checkpoints"], 2)
        self.assertEqual((self.state / "audit-signing-key.pem").stat().st_mode & 0o777, 0o600)

    def test_killed_again_and_again_no_signed_record_is_lost(self):
        for _ in range(KILLS):
            signed = self.checkpoint()
            load = subprocess.Popen(["pgbench", "-n", "-f", "/dev/stdin", "-c", "4", "-T", "60", "-h", "127.0.0.1", "-p",
                                     str(self.gateway.port), "-U", "postgres", "postgres"], stdin=subprocess.PIPE,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True,
                                    env={"PGPASSWORD": lab.PASSWORD, "PATH": "/usr/bin:/bin"})
            with load:
                load.stdin.write("SELECT 1;\n")
                load.stdin.close()
                self.wait_for_checkpoint(signed + 300)
                self.keep()
                self.gateway.process.kill()
                self.gateway.process.wait()
            self.assertEqual(self.verify(*self.proof())["problems"], [])
            self.gateway = self.start()
        self.lab.psql("SELECT 3")
        self.assertEqual(self.gateway.stop(), 0)
        report = self.verify(*self.proof())
        self.assertEqual(report["problems"], [])
        self.assertEqual(report["unsigned_records"], 0)
        self.assertGreater(report["checkpoints"], KILLS)
        self.assertFalse([line for line in self.gateway.log if "not signed any more" in line])

    def test_a_forged_log_is_found_and_not_signed(self):
        self.lab.psql("SELECT 1;\n" * 200)
        self.wait_for_checkpoint(400)
        self.assertEqual(self.gateway.stop(), 0)
        # What the chain of hashes cannot tell: an older state of everything but what an auditor has.
        self.keep()
        shutil.copytree(self.state / "audit", self.state / "older")
        self.gateway = self.start()
        self.lab.psql("DROP TABLE IF EXISTS nothing")
        self.assertEqual(self.gateway.stop(), 0)
        self.keep()
        newer = self.checkpoint()
        shutil.rmtree(self.state / "audit")
        (self.state / "older").rename(self.state / "audit")
        self.assertEqual(self.verify()["problems"], [])
        report = self.verify(*self.proof(), status=1)
        self.assertEqual(len(report["problems"]), 1)
        self.assertRegex(report["problems"][0], f"kept: was signed for {newer} records of chain w0, which has [0-9]+: the others were cut off")
        # And records cut off, with the head that noted them: the gateway itself notices at its start.
        (self.state / "audit" / "audit-w0.head").unlink()
        segment = max(path for path in (self.state / "audit").glob("audit-w0-*.jsonl") if path.stat().st_size > 0)
        lines = segment.read_text(encoding="utf-8").splitlines(keepends=True)
        segment.write_text("".join(lines[:-3]), encoding="utf-8")
        self.gateway = self.start()
        lab.wait_until(lambda: any("not signed any more" in line for line in self.gateway.log), "the gateway says so")
        before = self.checkpoint()
        self.lab.psql("SELECT 4")
        self.assertEqual(self.gateway.stop(), 0)
        self.assertEqual(self.checkpoint(), before)

    def test_a_key_of_ones_own(self):
        self.assertEqual(self.gateway.stop(), 0)
        key = self.directory / "own.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(key)], check=True, capture_output=True)
        key.chmod(0o600)
        public = subprocess.run(["openssl", "pkey", "-pubout", "-in", str(key)], check=True, capture_output=True).stdout
        (self.directory / "own.pub").write_bytes(public)
        self.config = self.config.replace("checkpoint_interval: 100ms", f"checkpoint_interval: 100ms, signing_key_file: {key}")
        self.gateway = self.start()
        self.lab.psql("SELECT 1")
        self.assertEqual(self.gateway.stop(), 0)
        # Signed anew under the new key; what was signed before still leads to it.
        report = self.verify("--key", str(self.directory / "own.pub"))
        self.assertEqual((report["problems"], report["unsigned_records"]), ([], 0))
        self.assertNotEqual(self.verify("--key", str(self.state / "audit-signing-key.pub"), status=1)["problems"], [])
        key.chmod(0o644)
        refused = subprocess.run([str(lab.GATEWAY), "--config", str(self.gateway.config)], capture_output=True, text=True, timeout=60, check=False)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("others can read the key", refused.stderr)


if __name__ == "__main__":
    unittest.main()
