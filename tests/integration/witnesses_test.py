"""Those outside who keep checkpoints of the audit log: what they are given, and what becomes visible by that."""
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
from checkpoint_witness import Witness  # noqa: E402
import metrics  # noqa: E402


class Witnesses(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(dir=self.lab.directory))
        self.state = self.directory / "state"
        self.kept = self.directory / "kept.checkpoints"
        self.witness = Witness()
        self.addCleanup(self.witness.close)
        key = self.directory / "key.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(key)], check=True, capture_output=True)
        key.chmod(0o600)
        self.public = self.directory / "key.pub"
        subprocess.run(["openssl", "pkey", "-in", str(key), "-pubout", "-out", str(self.public)], check=True, capture_output=True)
        self.witness.log_key = self.public.read_bytes()
        self.key = key

    def start(self, witnesses=None):
        witnesses = witnesses or [self.by_file(), self.by_http()]
        config = self.lab.forward_everything(
            extra=f"audit: {{ checkpoint_interval: 100ms, signing_key_file: {self.key}, witnesses: [{', '.join(witnesses)}] }}\n")
        config = config.replace("listen:\n", "listen:\n  ops: { address: 127.0.0.1, port: 0 }\n")
        gateway = self.lab.current = lab.Gateway(self.directory, config)
        self.addCleanup(gateway.stop)
        self.gateway = gateway
        return gateway

    def by_file(self):
        return f"{{ name: mount, type: file, path: {self.kept}, interval: 100ms }}"

    def by_http(self, more=""):
        return f"{{ name: web, type: http, url: '{self.witness.url}', key: '{self.witness.verifier_key}', interval: 100ms{more} }}"

    def series(self):
        return {(name, dict(labels).get("witness", "")): value for (name, labels), value in metrics.Scrape(self.gateway).series.items()}

    def signed(self):
        path = self.state / "audit" / "audit-w0.checkpoint"
        return int(path.read_text(encoding="utf-8").split("\n")[1]) if path.exists() else 0

    def seen(self):
        return max([size for origin, (size, _) in self.witness.seen.items() if origin.endswith("/w0")], default=0)

    def in_file(self):
        """Sizes of the checkpoints of w0 that the file has."""
        text = self.kept.read_text(encoding="utf-8") if self.kept.exists() else ""
        lines = text.split("\n")
        return [int(lines[i + 1]) for i, line in enumerate(lines) if line.startswith("dbgate/") and line.endswith("/w0")]

    def wait_for(self, condition, what):
        lab.wait_until(condition, what, 60)

    def verify(self, *more, status=0):
        done = subprocess.run([str(lab.CLI), "audit", "verify", str(self.state / "audit"), "-o", "json", "--key", str(self.public), *more],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def test_they_get_what_is_signed(self):
        self.start()
        self.lab.psql("SELECT 1;\n" * 300)
        self.wait_for(lambda: self.seen() >= 600, "the witness has seen everything")
        self.lab.psql("SELECT 2;\n" * 20)
        self.wait_for(lambda: self.seen() >= 640 and max(self.in_file(), default=0) >= 640, "both have seen what came then")
        self.wait_for(lambda: self.series()[("dbgate_audit_witness_timestamp_seconds", "web")] > 0, "it is counted")
        series = self.series()
        self.assertGreater(series[("dbgate_audit_witness_checkpoints_total", "mount")], 0)
        self.assertEqual(series[("dbgate_audit_witness_conflicts", "web")], 0)
        self.assertGreaterEqual(series[("dbgate_audit_signed_records", "")], 640)
        self.assertGreater(series[("dbgate_audit_checkpoint_timestamp_seconds", "")], 0)
        self.assertEqual(series[("dbgate_audit_unsigned_chains", "")], 0)
        self.assertEqual(self.gateway.stop(), 0)
        # The last checkpoints too, and they are those of the log.
        self.assertEqual((self.seen(), self.in_file()[-1]), (self.signed(), self.signed()))
        cosigned = self.state / "audit" / "witness-web.w0.cosigned"
        self.assertEqual(cosigned.read_text(encoding="utf-8").count("\u2014 "), 2)
        report = self.verify("--checkpoint", str(self.kept), "--checkpoint", str(cosigned))
        self.assertEqual((report["problems"], report["unsigned_records"]), ([], 0))
        report = self.verify("--checkpoint", str(cosigned), "--witness-key", self.witness.verifier_key)
        self.assertEqual(report["problems"], [])
        done = subprocess.run([str(lab.CLI), "audit", "verify", str(self.state / "audit"), "--checkpoint", str(self.kept), "--witness-key",
                               self.witness.verifier_key], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no witness whose key was given has signed it", done.stdout)
        # The next process goes on where this one was: nobody is told anything twice that conflicts.
        self.start()
        before = self.signed()
        self.lab.psql("SELECT 3")
        self.wait_for(lambda: self.seen() > before and self.in_file()[-1] > before, "the next ones come as well")
        self.assertEqual(self.gateway.audit("audit.conflict"), [])

    def test_one_that_is_down_holds_nobody_up_and_gets_the_last_one_later(self):
        self.witness.failing = 503
        self.kept.mkdir()
        self.start()
        self.lab.psql("SELECT 1;\n" * 20)
        self.wait_for(lambda: self.series()[("dbgate_audit_witness_failures_total", "web")] > 1, "it is counted")
        self.wait_for(lambda: self.series()[("dbgate_audit_witness_failures_total", "mount")] > 0, "it is counted")
        self.assertTrue([line for line in self.gateway.log if "does not take checkpoints" in line and "status 503" in line])
        self.lab.psql("SELECT 2")
        self.witness.failing = None
        self.kept.rmdir()
        signed = self.signed()
        self.wait_for(lambda: self.seen() >= signed and max(self.in_file(), default=0) >= signed, "they get it")
        self.wait_for(lambda: any("takes checkpoints again" in line for line in self.gateway.log), "the log says so")

    def test_an_older_log_is_noticed(self):
        self.start()
        self.lab.psql("SELECT 1;\n" * 20)
        self.assertEqual(self.gateway.stop(), 0)
        shutil.copytree(self.state / "audit", self.state / "older")
        self.start()
        self.lab.psql("SELECT 2;\n" * 20)
        self.assertEqual(self.gateway.stop(), 0)
        shutil.rmtree(self.state / "audit")
        (self.state / "older").rename(self.state / "audit")
        self.start()
        self.check_conflict()
        report = self.verify("--checkpoint", str(self.kept), status=1)
        self.assertTrue([problem for problem in report["problems"] if "the others were cut off" in problem], report)

    def test_another_log_in_its_place_is_noticed(self):
        self.start()
        self.lab.psql("SELECT 1;\n" * 20)
        self.assertEqual(self.gateway.stop(), 0)
        identifier = (self.state / "audit" / "log-id").read_bytes()
        shutil.rmtree(self.state / "audit")
        # Another history, longer than the first, in the name of the same log: made while no witness was looking.
        self.start([f"{{ name: other, type: file, path: {self.directory}/other, interval: 100ms }}"])
        self.assertEqual(self.gateway.stop(), 0)
        (self.state / "audit" / "log-id").write_bytes(identifier)
        for path in (self.state / "audit").glob("*.checkpoint"):
            path.unlink()
        self.start([f"{{ name: other, type: file, path: {self.directory}/third, interval: 100ms }}"])
        self.lab.psql("SELECT 3;\n" * 100)
        self.assertEqual(self.gateway.stop(), 0)
        self.start()
        self.check_conflict()
        report = self.verify("--checkpoint", str(self.kept), status=1)
        self.assertTrue([problem for problem in report["problems"] if "was signed for other records of chain w0" in problem], report)

    def test_other_gateways_are_witnesses(self):
        store = lab.Postgres(self.lab.directory / "store")
        self.addCleanup(store.stop)
        store.psql("CREATE DATABASE store")
        key, password = self.directory / "encryption", self.directory / "store-password"
        for path, text in ((key, "11" * 32), (password, lab.PASSWORD)):
            path.write_text(text + "\n")
            path.chmod(0o600)
        config = self.lab.forward_everything(
            extra="audit: { checkpoint_interval: 100ms, witnesses: [{ name: others, type: gateway, interval: 100ms }] }\n"
                  f"store: {{ url: 'postgresql://postgres@127.0.0.1:{store.port}/store?sslmode=disable', password_file: {password} }}\n"
                  f"encryption: {{ keys: [ {{ id: one, key_file: {key} }} ] }}\n")
        config = config.replace("listen:\n", "listen:\n  ops: { address: 127.0.0.1, port: 0 }\n")

        def start(name):
            (self.directory / name).mkdir(exist_ok=True)
            gateway = lab.Gateway(self.directory / name, config)
            self.addCleanup(gateway.stop)
            return gateway
        here, there = start("here"), start("there")
        self.lab.current = self.gateway = here
        self.state = self.directory / "here" / "state"
        self.public = self.state / "audit-signing-key.pub"
        seen_by_other = self.directory / "there" / "state" / "peer-checkpoints.json"

        def seen():
            logs = json.loads(seen_by_other.read_text(encoding="utf-8")) if seen_by_other.exists() else {}
            identifier = (self.state / "audit" / "log-id").read_text(encoding="utf-8").strip()
            return logs.get(f"dbgate/{identifier}/w0", {}).get("size", 0)
        self.lab.psql("SELECT 1;\n" * 150)
        self.wait_for(lambda: seen() >= 300, "the other gateway has seen everything")
        self.lab.psql("SELECT 2;\n" * 20)
        self.wait_for(lambda: seen() >= 340, "and what came then")
        cosigned = self.state / "audit" / "witness-others.w0.cosigned"
        self.wait_for(lambda: cosigned.exists() and int(cosigned.read_text(encoding="utf-8").split("\n")[1]) >= 340, "it is kept")
        verifier = (self.directory / "there" / "state" / "audit-witness.vkey").read_text(encoding="utf-8").strip()
        self.assertEqual(self.series()[("dbgate_audit_witness_conflicts", "others")], 0)
        self.assertEqual(here.stop(), 0)
        self.assertEqual(self.verify("--checkpoint", str(cosigned), "--witness-key", verifier)["problems"], [])
        # An older log: both say so.
        shutil.copytree(self.state / "audit", self.state / "older")
        here = self.gateway = self.lab.current = start("here")
        before = seen()
        self.lab.psql("SELECT 3;\n" * 20)
        self.wait_for(lambda: seen() > before + 30, "the other gateway has seen more")
        self.assertEqual(here.stop(), 0)
        shutil.rmtree(self.state / "audit")
        (self.state / "older").rename(self.state / "audit")
        here = self.gateway = self.lab.current = start("here")
        self.wait_for(lambda: self.series()[("dbgate_audit_witness_conflicts", "others")] > 0, "this one says so")
        self.gateway = there
        self.wait_for(lambda: self.series()[("dbgate_audit_peer_conflicts", "")] > 0, "the other one says so")
        self.wait_for(lambda: any(record["witness.log"].endswith("/w0") for record in there.audit("audit.conflict")), "it is recorded")
        self.assertTrue([line for line in there.log if "audit log of another gateway does not lead" in line])
        self.lab.psql("SELECT 4")

    def check_conflict(self):
        for name in ("mount", "web"):
            self.wait_for(lambda name=name: self.series()[("dbgate_audit_witness_conflicts", name)] > 0, f"{name} has noticed")
        self.wait_for(lambda: {record["witness"] for record in self.gateway.audit("audit.conflict")} == {"mount", "web"}, "it is recorded")
        self.assertIn("w0", {record["witness.chain"] for record in self.gateway.audit("audit.conflict")})
        self.assertTrue([line for line in self.gateway.log if "that the audit log does not lead to" in line])
        self.lab.psql("SELECT 4")  # nobody is held up by that

    def test_checkpoints_may_be_posted_as_they_are(self):
        self.start([f"{{ name: web, type: http, shape: plain, url: '{self.witness.url}/plain', token: secret, interval: 100ms }}"])
        self.lab.psql("SELECT 1")
        self.wait_for(lambda: self.witness.bodies, "one has come")
        self.assertEqual(self.gateway.stop(), 0)
        self.assertRegex(self.witness.bodies[-1].decode(), r"^dbgate/log_\w+/\w+\n[0-9]+\n")
        self.assertEqual({name.lower(): value for name, value in self.witness.headers[-1].items()}["authorization"], "Bearer secret")

    def test_a_key_that_is_none_is_refused_at_once(self):
        config = self.directory / "bad.yaml"
        config.write_text(self.lab.forward_everything(
            extra="audit: { witnesses: [{ name: web, type: http, url: 'https://w.example', key: nonsense }] }\n"), encoding="utf-8")
        done = subprocess.run([str(lab.GATEWAY), "--check-config", "--config", str(config)], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("audit witness web: its key is no verifier key", done.stderr)


if __name__ == "__main__":
    unittest.main()
