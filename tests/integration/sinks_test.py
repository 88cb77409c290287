"""Sinks of the audit log: every record arrives, in the order of its chain, whatever becomes of receivers and gateways."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import metrics  # noqa: E402
import receivers  # noqa: E402

SHAPES = ("json_lines", "splunk_hec", "loki", "otlp_logs", "elasticsearch_bulk")
TOKEN = "a-token-that-nobody-may-see"
SECRET = "a secret of the statement"
WAIT = 120


class Sinks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(dir=self.lab.directory))

    def start(self, sinks, audit=""):
        listed = "".join(f"    - {json.dumps(sink)}\n" for sink in sinks)
        config = self.lab.forward_everything(extra=f"audit:\n  segment_bytes: 64KiB\n{audit}  sinks:\n{listed}")
        self.config = config.replace("listen:\n", "listen:\n  ops: { address: 127.0.0.1, port: 0 }\n")
        return self.restart()

    def restart(self):
        gateway = self.lab.current = lab.Gateway(self.directory, self.config)
        self.addCleanup(gateway.stop)
        return gateway

    def http(self, shape="json_lines", **more):
        receiver = receivers.Http(shape, **more)
        self.addCleanup(receiver.close)
        return receiver

    def syslog(self, **more):
        receiver = receivers.Syslog(**more)
        self.addCleanup(receiver.close)
        return receiver

    @staticmethod
    def http_sink(receiver, name="web", **more):
        settings = {"name": name, "type": "http", "shape": receiver.shape, "url": f"http://127.0.0.1:{receiver.port}/in", **more}
        return {**settings, "index": "audit"} if receiver.shape == "elasticsearch_bulk" else settings

    def statements(self, count):
        self.lab.psql(f"SELECT '{SECRET}';\n" * count)


    def wait_for_all(self, gateway, *taken, but=(), ordered=True):
        """Everything that the log has by now has arrived; then, that it came in order and whole."""
        expected = {record["id"] for record in gateway.audit()} - set(but)
        for one in taken:
            lab.wait_until(lambda: expected <= one.ids(), "all records have arrived", WAIT)
            for chain, sequence in one.first_of_each().items() if ordered else ():
                if not but:
                    self.assertEqual(sequence, list(range(1, len(sequence) + 1)), chain)
                self.assertEqual(sequence, sorted(sequence), chain)

    def file_taken(self, path):
        taken = receivers.Taken()
        taken.records = lambda: [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.endswith("}")]
        return taken

    def ready(self, gateway):
        status, _, text = metrics.get(gateway, "/readyz?verbose")
        return status, {check["name"]: check["status"] for check in json.loads(text)["checks"]}

    def test_everything_arrives_everywhere_whatever_is_killed(self):
        plain, sealed = self.syslog(), self.syslog(certificates=self.lab.certificates)
        web = [self.http(shape) for shape in SHAPES]
        secure = self.http("json_lines", certificates=self.lab.certificates)
        path = self.directory / "out.jsonl"
        token = self.directory / "token"
        token.write_text(TOKEN)
        token.chmod(0o600)
        gateway = self.start([
            {"name": "lines", "type": "file", "path": str(path)},
            {"name": "plain", "type": "syslog", "address": f"127.0.0.1:{plain.port}", "transport": "tcp", "facility": "local3", "app_name": "gw"},
            {"name": "sealed", "type": "syslog", "address": f"localhost:{sealed.port}", "ca_file": str(self.lab.certificates.ca)},
            {**self.http_sink(secure, "secure"), "url": f"https://localhost:{secure.port}/in?key={TOKEN}", "ca_file": str(self.lab.certificates.ca)},
            *[self.http_sink(one, one.shape, gzip=True, token_file=str(token), batch_records=50, headers={"X-Scope-OrgID": "us"}) for one in web]])
        everywhere = [self.file_taken(path), plain, sealed, secure, *web]
        for _ in range(3):
            self.statements(300)
            gateway.process.kill()
            gateway.process.wait()
            gateway = self.restart()
        self.statements(20)
        self.wait_for_all(gateway, *everywhere)
        scrape = metrics.Scrape(gateway)
        for name in ("lines", "plain", "sealed", "secure", *SHAPES):
            self.assertGreater(scrape.value("dbgate_audit_records_total", sink=name, result="ok"), 0)
            self.assertGreater(scrape.value("dbgate_audit_last_success_timestamp_seconds", sink=name), 1_700_000_000)
            self.assertEqual(scrape.value("dbgate_audit_dropped_records_total", sink=name), 0)
            self.assertEqual(self.ready(gateway)[1][f"audit sink {name}"], "ok")
        # Lines are those of the log, byte by byte; Elasticsearch gets them as it understands them.
        log = {record["id"]: record for record in gateway.audit()}
        for one in everywhere[:-1]:
            for record in one.records():
                self.assertEqual(record, log.get(record["id"], record))
        self.assertEqual({"@timestamp"}, {key for record in web[-1].records() for key in record} - {key for record in log.values() for key in record})
        priorities = {header[0] for header in plain.headers}
        self.assertEqual(priorities, {str(19 * 8 + 6)})
        self.assertEqual({header[3] for header in plain.headers}, {"gw"})
        self.assertIn("statement.decided", {header[5] for header in plain.headers})
        schemes = {"json_lines": "Bearer", "splunk_hec": "Splunk", "loki": "Bearer", "elasticsearch_bulk": "ApiKey",
                   "otlp_logs": "Bearer"}
        for one in web:
            _, headers, _ = one.requests[0]
            self.assertEqual((headers["Authorization"], headers["X-Scope-OrgID"]), (f"{schemes[one.shape]} {TOKEN}", "us"))
        self.assertEqual(gateway.stop(), 0)
        verified = subprocess.run([str(lab.CLI), "audit", "verify", str(self.directory / "state" / "audit")], capture_output=True, text=True, check=False)
        self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)
        said = "\n".join(gateway.log)
        self.assertNotIn(TOKEN, said)
        self.assertNotIn(SECRET, said)

    def test_failures_of_http_lose_nothing(self):
        web = [self.http(shape) for shape in SHAPES]
        for one in web:
            one.fail.extend([500, 429, "reset", 503, "lost", "silent", "lost", 408])
        gateway = self.start([self.http_sink(one, one.shape, batch_records=20, timeout="1s") for one in web])
        self.statements(100)
        self.wait_for_all(gateway, *web)
        for one in web:
            self.assertFalse(one.fail)
            one.release.set()
        failed = [json.loads(line) for line in gateway.log if "does not take records" in line]
        self.assertEqual({line["sink"] for line in failed}, set(SHAPES))
        # Not one line for each failure.
        self.assertLess(len(failed), 3 * len(SHAPES))
        # A connection that breaks before an answer is tried again by libcurl itself.
        for shape in SHAPES:
            self.assertGreaterEqual(metrics.Scrape(gateway).value("dbgate_audit_records_total", sink=shape, result="error"), 5)

    def test_syslog_receivers_come_and_go(self):
        for certificates in (None, self.lab.certificates):
            with self.subTest(tls=bool(certificates)):
                self.directory = pathlib.Path(tempfile.mkdtemp(dir=self.lab.directory))
                port = lab.free_port()
                receiver = receivers.Syslog(certificates, port)
                tls = {"ca_file": str(self.lab.certificates.ca)} if certificates else {"transport": "tcp"}
                gateway = self.start([{"name": "siem", "type": "syslog", "address": f"localhost:{port}", **tls}])
                kept = receivers.Taken()
                for _ in range(3):
                    self.statements(50)
                    lab.wait_until(lambda: receiver.lines, "some have arrived", WAIT)
                    receiver.close()
                    self.statements(50)
                    kept.take(receiver.lines)
                    receiver = receivers.Syslog(certificates, port)
                kept.records = lambda before=kept.records, now=receiver: before() + now.records()
                self.wait_for_all(gateway, kept)
                self.assertEqual(gateway.stop(), 0)
                receiver.close()

    def test_nothing_goes_to_who_is_not_who_it_should_be(self):
        sealed, web = self.syslog(certificates=self.lab.certificates), self.http(certificates=self.lab.certificates)
        other = lab.Certificates(self.directory / "others")
        sinks = [{"name": "siem", "type": "syslog", "address": f"localhost:{sealed.port}"},
                 {"name": "other", "type": "syslog", "address": f"localhost:{sealed.port}", "ca_file": str(other.ca)},
                 {**self.http_sink(web), "url": f"https://localhost:{web.port}/in"}]
        gateway = self.start(sinks)
        self.statements(5)
        for sink in sinks:
            lab.wait_until(lambda: [line for line in gateway.log if "cannot be verified" in line and f'"{sink["name"]}"' in line],
                           "the log says so", WAIT)
        self.assertEqual((sealed.lines, web.requests), ([], []))

    def test_what_a_library_does_not_know_is_said_before(self):
        path = self.directory / "gateway.yaml"
        sink = {"name": "stream", "type": "kafka", "brokers": ["localhost:1"], "topic": "audit", "options": {"no.such.option": "x"}}
        path.write_text(self.lab.forward_everything(extra=f"audit:\n  sinks: [{json.dumps(sink)}]\n"))
        for arguments in ([], ["--check-config"]):
            done = subprocess.run([str(lab.GATEWAY), "--config", str(path), *arguments], capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("audit sink stream: option no.such.option is unknown", done.stderr)

    def test_a_long_message_is_whole(self):
        receiver = self.syslog()
        gateway = self.start([{"name": "siem", "type": "syslog", "address": f"127.0.0.1:{receiver.port}", "transport": "tcp"}])
        text = "SELECT '" + "x" * 30_000 + "'"
        self.lab.psql(text)
        self.wait_for_all(gateway, receiver)
        self.assertIn(text, [record.get("db.query.text") for record in receiver.records()])

    def refused(self):
        """Whether a statement is, for the reason that the test is about."""
        done = self.lab.psql(f"\\set VERBOSITY verbose\nSELECT '{SECRET}', repeat('x', 2);", check=False)
        if "58030" in done.stderr:
            self.assertIn("audit records do not reach where they have to go", done.stderr)
            return True
        return False

    def test_fail_closed_refuses_until_the_receiver_is_back(self):
        web = self.http()
        web.always = 503
        gateway = self.start([self.http_sink(web, max_lag_bytes="64KiB", on_lag="refuse")])
        lab.wait_until(lambda: self.statements_until_refused(), "statements are refused", WAIT)
        status, checks = self.ready(gateway)
        self.assertEqual((status, checks["audit sink web"], checks["audit log"]), (503, "failed", "ok"))
        self.assertGreater(metrics.Scrape(gateway).value("dbgate_audit_queue_records", sink="web"), 0)
        self.assertTrue(any("statements are refused" in line and '"web"' in line for line in gateway.log))
        # The session is not ended for it, and it stays so over a restart.
        done = self.lab.psql("SELECT 1;\nSELECT 2;", check=False)
        self.assertEqual(done.stderr.count("ERROR:"), 2)
        gateway.process.kill()
        gateway.process.wait()
        gateway = self.restart()
        lab.wait_until(self.refused, "statements are refused again", WAIT)
        web.always = None
        lab.wait_until(lambda: not self.refused(), "statements run again", WAIT)
        lab.wait_until(lambda: self.ready(gateway)[0] == 200, "it is ready again", WAIT)
        self.wait_for_all(gateway, web)
        self.assertEqual(metrics.Scrape(gateway).value("dbgate_audit_dropped_records_total", sink="web"), 0)

    def statements_until_refused(self):
        self.lab.psql(f"SELECT '{SECRET}';\n" * 20, check=False)
        return self.refused()

    def test_a_gap_is_written_where_that_is_wanted(self):
        web = self.http()
        web.always = 503
        gateway = self.start([self.http_sink(web, max_lag_bytes="64KiB", on_lag="gap")])

        def gap():
            self.statements(20)
            return [record for record in gateway.audit("audit.gap") if record.get("sink") == "web"]
        lab.wait_until(gap, "a gap is written", WAIT)
        self.assertEqual(self.ready(gateway)[0], 200)
        web.always = None
        self.statements(5)

        def left_out():
            gaps = [record for record in gateway.audit("audit.gap") if record.get("sink") == "web"]
            return {(record["skipped.chain"], sequence) for record in gaps for sequence in range(record["skipped.first"], record["skipped.last"] + 1)}
        lab.wait_until(lambda: metrics.Scrape(gateway).value("dbgate_audit_queue_records", sink="web") == 0, "it has caught up", WAIT)
        skipped = left_out()
        self.wait_for_all(gateway, web, but={record["id"] for record in gateway.audit() if (record["chain"], record["seq"]) in skipped})
        self.assertEqual(metrics.Scrape(gateway).value("dbgate_audit_dropped_records_total", sink="web"), len(skipped))

    def test_a_record_that_is_rejected(self):
        for shape in ("json_lines", "elasticsearch_bulk"):
            with self.subTest(shape=shape):
                self.directory = pathlib.Path(tempfile.mkdtemp(dir=self.lab.directory))
                strict, lenient = self.http(shape), self.http(shape)
                for one in (strict, lenient):
                    one.rejected = lambda line: "poison" in line and '"db.query.text"' in line
                gateway = self.start([self.http_sink(strict, "strict"), self.http_sink(lenient, "lenient", on_lag="gap")])
                self.statements(10)
                self.lab.psql("SELECT 'poison'")
                self.statements(10)
                poison = [record["id"] for record in gateway.audit() if "poison" in record.get("db.query.text", "")]
                self.assertEqual(len(poison), 1)
                self.wait_for_all(gateway, lenient, but=poison)
                gaps = [record for record in gateway.audit("audit.gap") if record.get("sink") == "lenient"]
                self.assertEqual([gap["skipped.records"] for gap in gaps], [1])
                self.assertFalse(set(poison) & strict.ids())
                lab.wait_until(lambda: any("refuses a record" in line and '"strict"' in line for line in gateway.log), "the log says so", WAIT)
                self.assertEqual(self.ready(gateway)[1]["audit sink strict"], "failed")
                # Somebody has put it right.
                strict.rejected = lambda line: False
                # Of a bulk request Elasticsearch takes what is behind a document that it rejects.
                self.wait_for_all(gateway, strict, ordered=shape != "elasticsearch_bulk")
                self.assertFalse([line for line in gateway.log if "poison" in line])
                self.assertEqual(gateway.stop(), 0)

    def test_files_are_let_go_of(self):
        path = self.directory / "out.jsonl"
        gateway = self.start([{"name": "lines", "type": "file", "path": str(path)}])
        whole = receivers.Taken()
        old = []
        whole.records = lambda: [record for one in (*old, path) if one.exists() for record in self.file_taken(one).records()]
        self.statements(10)
        self.wait_for_all(gateway, whole)
        for number in range(2):
            moved = self.directory / f"out.{number}"
            path.rename(moved)
            old.append(moved)
            gateway.process.send_signal(signal.SIGUSR1)
            self.statements(10)
            self.wait_for_all(gateway, whole)
            self.assertGreater(path.stat().st_size, 0)
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        # A line that a crash has cut off is ended, and comes again.
        position = self.directory / "state" / "audit" / "sink-lines.position"
        lab.wait_until(position.exists, "a position is kept", WAIT)
        gateway.process.kill()
        gateway.process.wait()
        text = path.read_text(encoding="utf-8")
        self.assertEqual(position.stat().st_mode & 0o777, 0o600)
        position.unlink()
        path.write_text(text[:-100], encoding="utf-8")
        gateway = self.restart()
        self.wait_for_all(gateway, self.file_taken(path), ordered=False)
        broken = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.endswith("}")]
        self.assertEqual(broken, [text[:-100].splitlines()[-1]])

    def test_a_fifo_waits_for_its_reader(self):
        path = self.directory / "fifo"
        os.mkfifo(path)
        gateway = self.start([{"name": "pipe", "type": "file", "path": str(path)}])
        self.statements(10)
        expected = {record["id"] for record in gateway.audit()}
        with path.open(encoding="utf-8") as reader:
            while expected:
                expected.discard(json.loads(reader.readline())["id"])

    def test_a_new_sink_may_begin_at_the_end(self):
        gateway = self.start([{"name": "lines", "type": "file", "path": str(self.directory / "one")}])
        self.statements(10)
        self.assertEqual(gateway.stop(), 0)
        path = self.directory / "two"
        gateway = self.start([{"name": "later", "type": "file", "path": str(path), "start_at": "end"}])
        self.lab.psql("SELECT 'new'")
        ids = [record["id"] for record in gateway.audit() if record.get("db.query.text") == "SELECT 'new'"]
        lab.wait_until(lambda: path.exists() and set(ids) <= self.file_taken(path).ids(), "what is new arrives", WAIT)
        self.assertNotIn(SECRET, path.read_text(encoding="utf-8"))

    def test_kafka(self):
        if b"__tsan_init" in lab.GATEWAY.read_bytes():
            self.skipTest("ThreadSanitizer does not know thrd_create(3), which librdkafka starts its threads with")
        # The mock cluster is a part of the gateway's own librdkafka; what it has is looked at in unit tests.
        gateway = self.start([{"name": "stream", "type": "kafka", "brokers": ["localhost:1"], "topic": "audit",
                               "options": {"test.mock.num.brokers": "3"}}])
        self.statements(50)
        count = len(gateway.audit())
        lab.wait_until(lambda: metrics.Scrape(gateway).value("dbgate_audit_records_total", sink="stream", result="ok") >= count,
                       "all records are acknowledged", WAIT)


if __name__ == "__main__":
    unittest.main()
