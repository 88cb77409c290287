"""Receivers of audit records for tests: syslog over TCP and TLS, and HTTP as Splunk, Loki, Elasticsearch and a plain server speak it.
Each keeps the lines that it has taken, in the order in which it took them, and can be told to fail."""
import collections
import contextlib
import gzip
import http.server
import json
import re
import socket
import socketserver
import ssl
import struct
import threading

MESSAGE = re.compile(rb"<(\d+)>1 (\S+) (\S+) (\S+) (\S+) (\S+) (\[[^]]*\]) (.*)", re.DOTALL)


class Taken:
    """Lines of the log as they came."""

    def __init__(self):
        self.lines = []
        self.lock = threading.Lock()

    def take(self, lines):
        with self.lock:
            self.lines.extend(lines)

    def records(self):
        with self.lock:
            return [json.loads(line) for line in self.lines]

    def ids(self):
        return {record["id"] for record in self.records()}

    def first_of_each(self):
        """Records without repetitions, by chain."""
        chains, seen = collections.defaultdict(list), set()
        for record in self.records():
            if record["id"] not in seen:
                seen.add(record["id"])
                chains[record["chain"]].append(record["seq"])
        return chains


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True
    # Whoever is not answered yet waits in the backlog.
    request_queue_size = 16


class Syslog(Taken):
    """Reads octet-counted messages. `certificates`: of lab.Certificates, for TLS."""

    def __init__(self, certificates=None, port=0):
        super().__init__()
        self.headers = []
        self.connections = set()
        self.context = None
        if certificates:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificates.cert, certificates.key)
        receiver = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                receiver.serve(self.request)

        self.server = _Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def serve(self, connection):
        with contextlib.suppress(OSError, ValueError):
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            self.connections.add(connection)
            with connection.makefile("rb") as stream:
                while True:
                    count = b""
                    while (byte := stream.read(1)) not in (b" ", b""):
                        count += byte
                    if not byte:
                        return
                    message = stream.read(int(count))
                    if len(message) < int(count):
                        return
                    match = MESSAGE.fullmatch(message)
                    if not match:
                        raise AssertionError(f"not RFC 5424: {message[:200]}")
                    with self.lock:
                        self.headers.append([group.decode() for group in match.groups()[:7]])
                        self.lines.append(match[8].decode("utf-8"))

    def close(self):
        """As when its process is killed: what it has not read is lost, and connections are reset."""
        self.server.shutdown()
        self.server.server_close()
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.shutdown(socket.SHUT_RDWR)


def spans_of(body):
    """The spans of an ExportTraceServiceRequest."""
    return [span for resource in body["resourceSpans"] for scope in resource["scopeSpans"] for span in scope["spans"]]


class Http(Taken):
    """Takes batches in one of the shapes. `fail` is a list of ways to answer the next requests instead of well: a status, "reset",
    "lost" (taken, and the answer does not come), "silent" until `release` is set. `always` is such a way for all requests."""

    def __init__(self, shape, certificates=None, port=0):
        super().__init__()
        self.shape = shape
        self.fail = collections.deque()
        self.always = None
        self.requests = []
        self.ids_there = set()
        self.bodies = []  # of OpenTelemetry's shapes
        self.rejected = lambda line: False
        self.release = threading.Event()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                receiver.answer(self)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass

        self.server = Server(("127.0.0.1", port), Handler)
        if certificates:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificates.cert, certificates.key)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self):
        self.release.set()
        self.server.shutdown()
        self.server.server_close()

    def read(self, body):
        """The lines of a request."""
        text = body.decode("utf-8")
        if self.shape == "json_lines":
            return text.splitlines()
        if self.shape == "splunk_hec":
            return [re.fullmatch(r'\{.*?"event":(\{.*\})\}', line)[1] for line in text.splitlines()]
        if self.shape.startswith("otlp_"):
            self.bodies.append(json.loads(text))
        if self.shape == "otlp_traces":
            return [json.dumps(span) for span in spans_of(self.bodies[-1])]
        if self.shape == "otlp_logs":
            (of_host,) = self.bodies[-1]["resourceLogs"]
            return [log["body"]["stringValue"] for scope in of_host["scopeLogs"] for log in scope["logRecords"]]
        if self.shape == "loki":
            lines = []
            for stream in json.loads(text)["streams"]:
                for nanoseconds, line in stream["values"]:
                    assert re.fullmatch(r"\d{19}", nanoseconds), nanoseconds
                    assert json.loads(line)["chain"] == stream["stream"]["chain"]
                    lines.append(line)
            return lines
        lines = text.splitlines()
        for action, document in zip(lines[::2], lines[1::2]):
            assert json.loads(action)["create"]["_id"] == json.loads(document)["id"]
            assert "object" not in json.loads(document)
        return lines[1::2]

    def well(self, lines):
        """(status, headers, body) of an answer to what was taken."""
        if self.shape != "elasticsearch_bulk":
            return 204 if self.shape == "loki" else 200, {}, "" if self.shape == "loki" else '{"text":"Success","code":0}'
        items, taken = [], []
        for line in lines:
            own = json.loads(line)["id"]
            if self.rejected(line):
                items.append({"create": {"_id": own, "status": 400, "error": {"type": "document_parsing_exception", "reason": f"Preview of field's value: '{line}'"}}})
            elif own in self.ids_there:
                items.append({"create": {"_id": own, "status": 409, "error": {"type": "version_conflict_engine_exception"}}})
            else:
                items.append({"create": {"_id": own, "status": 201}})
                taken.append(line)
                self.ids_there.add(own)
        self.take(taken)
        return 200, {}, json.dumps({"took": 1, "errors": len(taken) < len(lines), "items": items})

    def answer(self, request):
        body = request.rfile.read(int(request.headers["Content-Length"]))
        if request.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        lines = self.read(body)
        self.requests.append((request.path, dict(request.headers), lines))
        way = self.fail.popleft() if self.fail else self.always
        if way == "lost" and self.shape != "elasticsearch_bulk":
            self.take(lines)
        elif way == "lost":
            self.well(lines)
        if way in ("reset", "lost"):
            request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            request.close_connection = True
            return request.connection.close()
        if way == "silent":
            self.release.wait(60)
        text, headers = "", {}
        if isinstance(way, int):
            status, headers = way, {"Retry-After": "1"} if way == 429 else {}
        elif self.shape != "elasticsearch_bulk" and any(self.rejected(line) for line in lines):
            status, text = 400, '{"text":"Invalid data format","code":6}'
        else:
            status, headers, text = self.well(lines)
            if self.shape != "elasticsearch_bulk":
                self.take(lines)
        with contextlib.suppress(OSError):
            request.send_response(status)
            for name, value in headers.items():
                request.send_header(name, value)
            request.send_header("Content-Length", str(len(text.encode())))
            request.end_headers()
            request.wfile.write(text.encode())
