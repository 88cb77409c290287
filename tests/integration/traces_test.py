"""Traces: statements become spans of their callers' traces, at a collector of OpenTelemetry; their texts do not."""
import contextlib
import http.client
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import receivers  # noqa: E402
import wire  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
TYPES = lab.ROOT / "build" / "opentelemetry" / "node_modules"
SECRET = "a secret of the statement"
PARENT = "00f067aa0ba902b7"


def trace_id(number):
    return f"4bf92f3577b34da6a3ce929d0e{number:06x}"


def traceparent(number, flags="01"):
    return f"00-{trace_id(number)}-{PARENT}-{flags}"


def comment(number, flags="01"):
    """As sqlcommenter writes it."""
    return f"/*action='%2Fpay*d',controller='shop',traceparent='{traceparent(number, flags)}'*/"


def attributes(span):
    return {one["key"]: next(iter(one["value"].values())) for one in span["attributes"]}


class Traces(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.lab.postgres.psql("CREATE TABLE fruits AS SELECT g AS id FROM generate_series(1, 3) g; CREATE TABLE vault (gold int)")

    def start(self, pool=None, ratio=0, api=False):
        self.collectors = {}
        sinks = ""
        for shape in ("otlp_traces", "otlp_logs"):
            self.collectors[shape] = receivers.Http(shape)
            self.addCleanup(self.collectors[shape].close)
            sink = {"name": shape, "type": "http", "shape": shape, "url": f"http://127.0.0.1:{self.collectors[shape].port}/v1/x",
                    **({"sample_ratio": ratio} if ratio and shape == "otlp_traces" else {})}
            sinks += f"    - {json.dumps(sink)}\n"
        config = self.lab.forward_everything(extra=f"audit:\n  sinks:\n{sinks}", pool=pool)
        config = config.replace("allow: [ { everything: true } ]", "allow: [ { select: [public.fruits], functions: [safe] } ]")
        if api:
            config = config.replace("listen:\n", "listen:\n  api: { address: 127.0.0.1, port: 0 }\n")
        self.gateway = self.lab.current = lab.Gateway(pathlib.Path(tempfile.mkdtemp(dir=self.lab.directory)), config)
        self.addCleanup(self.gateway.stop)

    def connect(self, **parameters):
        client = self.enterContext(wire.Connection(self.gateway.port))
        client.login("postgres", "postgres", lab.PASSWORD, **parameters)
        return client

    def query(self, client, sql):
        client.send(wire.query(sql))
        client.receive_until("Z")

    def ask(self, path, body, **headers):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.gateway.ports["api"], timeout=60)) as connection:
            connection.request("POST", f"/api/v1/{path}", json.dumps(body), {"Content-Type": "application/json", **headers})
            answer = connection.getresponse()
            text = answer.read()
            self.assertEqual(answer.status, 200, text)
            return json.loads(text)

    def spans(self):
        return [span for body in self.collectors["otlp_traces"].bodies for span in receivers.spans_of(body)]

    def wait_for(self, *numbers):
        """The spans of these traces, by number, when all of them are there and nothing else is on its way."""
        logs = self.collectors["otlp_logs"]
        expected = {record["id"] for record in self.gateway.audit()}
        lab.wait_until(lambda: expected <= logs.ids(), "the log has arrived", 60)
        wanted = {trace_id(number) for number in numbers}
        lab.wait_until(lambda: wanted <= {span["traceId"] for span in self.spans()}, "the spans have arrived", 60)
        return [[span for span in self.spans() if span["traceId"] == trace_id(number)] for number in numbers]

    def test_statements_are_spans_of_their_callers_traces(self):
        for pool in (None, "mode: transaction, max: 2"):
            with self.subTest(pool=pool):
                self.start(pool)
                client = self.connect()
                self.query(client, f"SELECT '{SECRET}', id FROM public.fruits {comment(1)}")
                self.query(client, f"SELECT gold FROM public.vault {comment(2)};")
                self.query(client, f"SELECT nothing FROM public.fruits {comment(3)}")
                self.query(client, f"SELECT 1 {comment(4, '00')}")
                self.query(client, "SELECT 1")
                sql = f"SELECT id FROM public.fruits WHERE id = $1 {comment(5)}"
                executions = b"".join(wire.bind("", "s", [value]) + wire.execute() for value in (b"1", b"2"))
                client.send(wire.parse("s", sql) + executions + wire.SYNC)
                client.receive_until("Z")
                (plain,), (denied,), (failed,), executed = self.wait_for(1, 2, 3, 5)
                self.assertEqual((plain["name"], plain["parentSpanId"]), ("SELECT public.fruits", PARENT))
                self.assertNotIn("error.type", attributes(plain), plain)
                self.assertEqual(attributes(plain)["db.response.returned_rows"], "3")
                self.assertEqual(attributes(plain)["db.system.name"], "postgresql")
                self.assertLessEqual(int(plain["startTimeUnixNano"]), int(plain["endTimeUnixNano"]))
                self.assertEqual((attributes(denied)["error.type"], attributes(denied)["dbgate.decision.effect"]), ("denied", "deny"))
                self.assertEqual((attributes(failed)["error.type"], failed["status"]), ("42703", {"code": 2}))
                self.assertEqual([attributes(span)["db.response.returned_rows"] for span in executed], ["1", "1"])
                self.assertEqual(len({span["spanId"] for span in self.spans()}), 5)
                self.assertEqual({span["traceId"] for span in self.spans()}, {trace_id(number) for number in (1, 2, 3, 5)})
                self.assertNotIn(SECRET, json.dumps(self.collectors["otlp_traces"].bodies))
                # What the log says of them is the same.
                records = [record for record in self.gateway.audit() if record.get("trace_id") == trace_id(1)]
                self.assertEqual([record["event"] for record in records], ["statement.decided", "statement.done"])
                for record in records:
                    said = record["span_id"], record["parent_span_id"], record["trace_flags"]
                    self.assertEqual(said, (plain["spanId"], PARENT, "01"))
                unsampled = [record["trace_flags"] for record in self.gateway.audit() if record.get("trace_id") == trace_id(4)]
                self.assertEqual(unsampled, ["00", "00"])

    def test_a_connection_may_be_part_of_one(self):
        self.start()
        client = self.connect(options=f"-c dbgate.traceparent={traceparent(1)}")
        self.query(client, "SELECT id FROM public.fruits")
        self.query(client, f"SELECT 1 {comment(2)}")
        self.query(client, "SELECT 2")
        of_connection, (own,) = self.wait_for(1, 2)
        self.assertEqual([span["name"] for span in of_connection], ["SELECT public.fruits", "SELECT"])
        self.assertEqual(own["name"], "SELECT")
        with self.assertRaisesRegex(PermissionError, "dbgate.traceparent must be"):
            self.connect(options="-c dbgate.traceparent=00-1-2-3")

    def test_a_request_of_the_api_is_part_of_its_callers(self):
        self.start(api=True)
        token = self.ask("login", {"username": "postgres", "password": lab.PASSWORD})["access_token"]
        self.ask("targets/postgres/queries", {"sql": "SELECT id FROM public.fruits"}, Authorization=f"Bearer {token}",
                 traceparent=traceparent(7))
        ((span,),) = self.wait_for(7)
        self.assertEqual((span["name"], span["parentSpanId"]), ("SELECT public.fruits", PARENT))

    def test_others_are_sampled(self):
        self.start(ratio=1)
        client = self.connect()
        self.query(client, "SELECT id FROM public.fruits")
        self.query(client, f"SELECT 1 {comment(1, '00')}")
        self.query(client, f"SELECT 1 {comment(2)}")
        self.wait_for(2)
        self.assertEqual({span.get("parentSpanId") for span in self.spans()}, {None, PARENT})
        self.assertNotIn(trace_id(1), {span["traceId"] for span in self.spans()})

    @unittest.skipUnless((TYPES / "@opentelemetry").is_dir(), "no types of OpenTelemetry; scripts/setup.sh test installs them")
    def test_requests_are_what_opentelemetry_defines(self):
        self.start(ratio=1)
        client = self.connect()
        for sql in (f"SELECT id FROM public.fruits {comment(1)}", "SELECT gold FROM public.vault", "SELECT nothing", "SELECT 1"):
            self.query(client, sql)
        self.wait_for(1)
        bodies = [("traces", body) for body in self.collectors["otlp_traces"].bodies]
        bodies += [("logs", body) for body in self.collectors["otlp_logs"].bodies]
        done = subprocess.run(["node", str(HERE / "otlp_keys.js")], env={**os.environ, "NODE_PATH": str(TYPES)}, text=True,
                              input="".join(f"{kind} {json.dumps(body)}\n" for kind, body in bodies),
                              capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        for (kind, body), line in zip(bodies, done.stdout.splitlines(), strict=True):
            self.assertEqual(json.loads(line), body, kind)


if __name__ == "__main__":
    unittest.main()
