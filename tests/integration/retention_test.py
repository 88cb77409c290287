"""Closed segments of the audit log: compressed, removed as configured, and what every reader then says of the log."""
import json
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import metrics  # noqa: E402

WAIT = 180
KILLS = 4


class Retention(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(dir=self.lab.directory))
        self.log = self.directory / "state" / "audit"

    def start(self, audit=None):
        if audit is not None:
            config = self.lab.forward_everything(extra=f"workers: 1\naudit: {{ checkpoint_interval: 100ms, segment_bytes: 64KiB, {audit} }}\n")
            self.config = config.replace("listen:\n", "listen:\n  ops: { address: 127.0.0.1, port: 0 }\n")
        gateway = self.lab.current = lab.Gateway(self.directory, self.config)
        self.addCleanup(gateway.stop)
        return gateway

    def statements(self, count):
        self.lab.psql("".join(f"SELECT 'n{number}';\n" for number in range(count)))

    def count(self, gateway, result):
        return metrics.Scrape(gateway).value("dbgate_audit_segments_total", result=result)

    def verify(self, status=0, key=True):
        signed = ["--key", str(self.directory / "state" / "audit-signing-key.pub")] if key else []
        done = subprocess.run([str(lab.CLI), "audit", "verify", str(self.log), "-o", "json", *signed], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def search(self, *flags):
        done = subprocess.run([str(lab.CLI), "audit", "search", str(self.log), "-o", "jsonl", *flags], capture_output=True, text=True, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def closed(self):
        """Plain segments that are closed and have something in them."""
        last = {path.name.rpartition("-")[0]: path for path in lab.segments(self.log)}
        return [path for path in lab.segments(self.log) if path not in last.values() and path.exists() and path.stat().st_size > 0]

    def test_compressed_segments_are_read_as_if_they_were_plain(self):
        copy = self.directory / "copy.jsonl"
        gateway = self.start(f"compress: zstd, sinks: [ {{ name: copy, type: file, path: {copy} }} ]")
        self.statements(600)
        lab.wait_until(lambda: not self.closed(), "all that is closed is compressed", WAIT)
        lab.wait_until(lambda: self.count(gateway, "compressed") >= 3, "and counted", WAIT)
        self.assertGreater(metrics.Scrape(gateway).value("dbgate_audit_log_bytes"), 0)
        records = gateway.audit()
        self.assertEqual(self.verify()["problems"], [])
        self.assertEqual(len([one for one in records if one["event"] == "statement.decided" and one["db.query.text"].startswith("SELECT 'n")]), 600)
        self.assertEqual(len(self.search("--text", "'n0'", "--event", "statement.decided")), 1)
        expected = {record["id"] for record in records}
        lab.wait_until(lambda: copy.exists() and expected <= {json.loads(line)["id"] for line in copy.read_text("utf-8").splitlines()
                                                             if line.endswith("}")}, "the sink has got all", WAIT)
        # The next process goes on behind them.
        self.assertEqual(gateway.stop(), 0)
        gateway = self.start()
        self.statements(10)
        self.assertEqual(gateway.stop(), 0)
        report = self.verify()
        self.assertEqual((report["problems"], report["unsigned_records"], report["removed"]), ([], 0, []))
        ids = [json.loads(line)["id"] for line in copy.read_text("utf-8").splitlines()]
        self.assertEqual(len(ids), len(set(ids)), "nothing was delivered twice")

    def test_nothing_is_removed_unasked(self):
        gateway = self.start("compress: none")
        self.statements(600)
        before = set(lab.segments(self.log))
        lab.wait_until(lambda: metrics.Scrape(gateway).value("dbgate_audit_log_bytes") > 0, "it was looked at", WAIT)
        self.assertEqual(gateway.stop(), 0)
        self.assertLessEqual(before, set(lab.segments(self.log)))
        self.assertFalse([path for path in self.log.iterdir() if path.name.endswith((".zst", ".removed")) or "retention" in path.name])

    def test_the_oldest_are_removed_and_the_log_says_so(self):
        gateway = self.start("compress: zstd, retention: { max_bytes: 64KiB }")
        self.statements(900)
        lab.wait_until(lambda: self.count(gateway, "removed") >= 2, "segments are removed", WAIT)
        self.statements(300)
        self.assertEqual(gateway.stop(), 0)
        report = self.verify()
        self.assertEqual(report["problems"], [])
        self.assertRegex("\n".join(report["removed"]), r"records 1 to \d+ of chain w0 were removed by retention, recorded in audit-retention-")
        self.assertFalse((self.log / "audit-w0-000001.jsonl").exists() or (self.log / "audit-w0-000001.jsonl.zst").exists())
        removals = self.search("--event", "audit.retention")
        self.assertTrue(all(one["reason"] == "max_bytes" for one in removals))
        last = max(one["removed.last"] for one in removals if one["removed.chain"] == "w0")
        self.assertEqual(sum(one["removed.records"] for one in removals if one["removed.chain"] == "w0"), last)
        self.assertEqual(min(one["seq"] for one in gateway.audit() if one["chain"] == "w0"), last + 1)
        # Another start goes on, and says nothing is wrong.
        gateway = self.start()
        self.statements(5)
        self.assertEqual(gateway.stop(), 0)
        self.assertEqual(self.verify()["problems"], [])
        self.assertFalse([line for line in gateway.log if "not signed any more" in line])
        # What somebody else takes away is a fault.
        first = min(path for path in self.log.glob("audit-w0-*.jsonl*") if path.stat().st_size > 0)
        first.unlink()
        number = int(re.search(r"-(\d+)\.jsonl", first.name)[1])
        self.assertIn(f"segment {number} of chain w0 is missing", "\n".join(self.verify(status=1)["problems"]))
        self.verify(status=1, key=False)

    def test_what_a_sink_has_not_got_stays(self):
        receiver = f"{{ name: away, type: http, shape: json_lines, url: 'http://127.0.0.1:{lab.free_port()}/' }}"
        gateway = self.start(f"retention: {{ max_bytes: 1KiB }}, sinks: [ {receiver} ]")
        self.statements(600)
        lab.wait_until(lambda: metrics.Scrape(gateway).value("dbgate_audit_records_total", sink="away", result="error") > 0, "the sink is tried", WAIT)
        lab.wait_until(lambda: metrics.Scrape(gateway).value("dbgate_audit_log_bytes") > 300_000, "retention has looked since", WAIT)
        self.assertEqual(self.count(gateway, "removed"), 0)
        self.assertEqual(gateway.stop(), 0)
        self.assertEqual(self.verify()["removed"], [])

    def test_killed_while_it_compresses_and_removes(self):
        self.start("compress: zstd, retention: { max_bytes: 192KiB }")
        for kill in range(KILLS):
            gateway = self.lab.current
            load = subprocess.Popen(["pgbench", "-n", "-f", "/dev/stdin", "-c", "2", "-R", "300", "-T", "600", "-h", "127.0.0.1", "-p", str(gateway.port), "-U",
                                     "postgres", "postgres"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                    text=True, env={"PGPASSWORD": lab.PASSWORD, "PATH": "/usr/bin:/bin"})
            with load:
                load.stdin.write("SELECT 1;\n")
                load.stdin.close()
                lab.wait_until(lambda: self.count(gateway, "removed") > kill % 3, "segments go", WAIT)
                # While somebody verifies: what goes meanwhile is no fault.
                self.assertEqual(self.verify()["problems"], [])
                gateway.process.send_signal(signal.SIGKILL)
                gateway.process.wait()
            self.assertEqual(self.verify()["problems"], [])
            self.start()
        self.assertEqual(self.lab.current.stop(), 0)
        self.assertEqual(self.verify()["problems"], [])

    def test_texts_go_with_the_last_record_that_names_them(self):
        gateway = self.start("retention: { max_bytes: 64KiB }")
        for letter in "abc":
            self.lab.psql(f"SELECT '{letter * 40_000}' IS NULL")
        blobs = self.log / "blobs"
        self.assertEqual(len(list(blobs.iterdir())), 3)
        self.assertEqual(gateway.stop(), 0)
        hour = 2 * 3600
        for path in blobs.iterdir():
            stamp = time.time() - hour
            lab.os.utime(path, (stamp, stamp))
        kept = shutil.copytree(self.log, self.directory / "before")
        gateway = self.start()
        self.lab.psql(f"SELECT '{'b' * 40_000}' IS NULL")
        self.statements(900)
        lab.wait_until(lambda: len(list(blobs.iterdir())) == 1, "two of them go", WAIT)
        self.assertEqual(gateway.stop(), 0)
        self.assertEqual(self.verify()["problems"], [])
        self.assertEqual(len(list((kept / "blobs").iterdir())), 3)


if __name__ == "__main__":
    unittest.main()
