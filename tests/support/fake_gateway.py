"""A gateway's API that answers as DESIGN says but does nothing, for client sides of operations. It remembers what it was
asked, insists on what the real one insists on (If-Match, Idempotency-Key, content types), and holds tokens that expire."""
import http.server
import json
import re
import ssl
import threading
import time
import urllib.parse

USER, PASSWORD, OTP = "ana", "right", "123456"


def collection(name, key="name", secret=None, parent=""):
    return {"path": re.compile(rf"{parent}/{name}(?:/([^/]+))?$"), "key": key, "secret": secret}


COLLECTIONS = [
    collection("tokens", "id", "secret", "/me"), collection("database-passwords", "id", "password", "/me"),
    collection("logins", "id", None, "/me"), collection("keys", "id", "secret", "/service-accounts/[^/]+"),
    collection("users", "name", "one_time_password"), collection("groups"), collection("service-accounts"),
    collection("targets"), collection("invitations", "id", "secret"), collection("registrations"),
    collection("history", "id"), collection("sessions", "id"), collection("audit/records", "id"),
]
NEEDS_KEY = re.compile(r"/(tokens|database-passwords|keys|queries)$")


class FakeGateway:
    def __init__(self, certificates):
        self.requests = []
        self.store = {}
        self.access, self.refresh = {"access-0"}, {}
        self.lifetime = 900
        self.refreshes = self.issued = 0
        self.providers = []
        self.second_factor = False
        self.device_answers = []
        self.stream = []
        self.hold = threading.Event()
        self.busy = 0
        self.delay = 0
        self.date = None
        self.cancelled = threading.Event()
        self.lock = threading.Lock()
        handler = type("Handler", (Handler,), {"gateway": self})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # clients that do not like our certificate
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.cert, certificates.key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()
        self.url = f"https://localhost:{self.server.server_address[1]}"

    def close(self):
        self.hold.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)

    def issue(self):
        with self.lock:
            self.issued += 1
            number = self.issued
            self.access.add(f"access-{number}")
            self.refresh[f"refresh-{number}"] = True
            return {"access_token": f"access-{number}", "token_type": "Bearer", "expires_in_seconds": self.lifetime,
                    "refresh_token": f"refresh-{number}", "user": {"name": USER}}

    def asked(self, method, path):
        return [request for request in self.requests if request["method"] == method and request["path"] == path]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "dbgate/0.1.0"
    sys_version = ""
    gateway = None

    def log_message(self, *_):
        pass

    def date_time_string(self, timestamp=None):
        return self.gateway.date or super().date_time_string(timestamp)

    def answer(self, status, body=None, headers=(), kind="application/json"):
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        if data:
            self.send_header("Content-Type", kind)
        self.send_header("X-Request-Id", "req_fake")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def problem(self, status, code, detail, headers=(), **more):
        self.answer(status, {"type": f"/problems/{code}", "title": code, "status": status, "detail": detail, "code": code,
                             "request_id": "req_fake", **more}, headers, "application/problem+json")

    def handle_any(self):
        gateway = self.gateway
        parsed = urllib.parse.urlsplit(self.path)
        path = parsed.path.removeprefix("/api/v1")
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        form = self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
        body = dict(urllib.parse.parse_qsl(raw)) if form else (json.loads(raw) if raw else None)
        with gateway.lock:
            gateway.requests.append({"method": self.command, "path": path, "body": body, "headers": dict(self.headers),
                                     "query": dict(urllib.parse.parse_qsl(parsed.query))})
        if gateway.delay:
            time.sleep(gateway.delay)
        if gateway.busy:
            gateway.busy -= 1
            return self.problem(429, "too_many_requests", "too many requests", {"Retry-After": "1"})
        if path.startswith("/login") or path == "/token" or (path == "/registrations" and self.command == "POST"):
            return self.open_operation(path, body)
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in gateway.access:
            return self.problem(401, "not_authenticated", "the access token is missing, expired or revoked",
                                {"WWW-Authenticate": "Bearer"})
        return self.signed_operation(path, body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

    # Signing in.

    def open_operation(self, path, body):
        gateway = self.gateway
        if path == "/login/methods":
            return self.answer(200, {"password": True, "providers": gateway.providers})
        if path == "/login":
            if body["password"] != PASSWORD:
                return self.problem(401, "not_authenticated", "the user name or the password is wrong")
            if gateway.second_factor and body.get("otp") != OTP:
                return self.problem(401, "second_factor_required", "a code is needed", challenge="c")
            return self.answer(200, gateway.issue())
        if path == "/login/oidc":
            gateway.oidc = body
            return self.answer(200, {"authorization_url": gateway.url + "/authorize?x=1"})
        if path == "/login/device":
            return self.answer(200, {"device_code": "dev", "user_code": "WDJB-MJHT", "verification_uri": "https://idp/device",
                                     "interval": 1, "expires_in": 60})
        if path == "/registrations":
            return self.answer(201, {**body, "password": None, "state": "pending"})
        if self.headers["Content-Type"] != "application/x-www-form-urlencoded":
            return self.problem(415, "unsupported_media_type", "a form is wanted")
        grant = body["grant_type"]
        if grant == "refresh_token":
            with gateway.lock:
                gateway.refreshes += 1
                good = gateway.refresh.pop(body["refresh_token"], False)
            return self.answer(200, gateway.issue()) if good else self.answer(400, {"error": "invalid_grant"})
        if grant.endswith("device_code"):
            error = gateway.device_answers.pop(0) if gateway.device_answers else None
            return self.answer(400, {"error": error}) if error else self.answer(200, gateway.issue())
        return self.answer(200, gateway.issue())

    # With a token.

    def signed_operation(self, path, body):
        gateway = self.gateway
        if path == "/me":
            return self.answer(200, {"user": {"name": USER}, "groups": ["people"], "roles": ["admin"],
                                     "expires_at": "2030-01-01T00:00:00Z"})
        if path == "/logout":
            return self.answer(204)
        if path == "/me/totp":
            return self.answer(200, {"uri": "otpauth://totp/dbgate:ana?secret=ABC", "secret": "ABC"})
        if path == "/me/totp/confirm":
            return self.answer(200, {"recovery_codes": ["one-two", "three-four"]})
        if path == "/decisions":
            effect = "deny" if "DELETE" in body["sql"] else "allow"
            return self.answer(200, {"effect": effect, "operation": "SELECT", "rule": "r", "risk": {"level": "high"}})
        if path.endswith("/queries") and path.startswith("/targets/"):
            return self.run_query(body)
        if path.startswith("/queries/"):
            if path.endswith("/cancel"):
                gateway.cancelled.set()
                gateway.hold.set()
                return self.answer(202, {})
            return self.answer(200, {"id": path.split("/")[2], "target": "shop", "sql": "SELECT 1", "state": "succeeded"})
        if path.startswith("/history/"):
            return self.answer(200, {"id": path.split("/")[2], "target": "shop", "sql": "SELECT 1", "state": "succeeded",
                                     "decision": {"effect": "allow", "rule": "r", "reasons": []}})
        if path == "/events":
            return self.send_events()
        for suffix in ("/kill", "/end", "/reset", "/approve", "/test"):
            if path.endswith(suffix):
                return self.answer(200, {"ok": True, "name": "ana", "one_time_password": "otp-1"})
        if "/members/" in path or path == "/me/password":
            return self.answer(204)
        return self.on_collection(path, body)

    def on_collection(self, path, body):
        gateway = self.gateway
        for kind in COLLECTIONS:
            match = kind["path"].match(path)
            if match:
                break
        else:
            return self.problem(404, "not_found", f"there is no {path}")
        name = match[1]
        home = gateway.store.setdefault(path.removesuffix("/" + name) if name else path, {})
        if name is None and self.command == "GET":
            return self.answer(200, {"items": list(home.values()), "next_cursor": None})
        if self.command == "POST":
            if NEEDS_KEY.search(path) and "Idempotency-Key" not in self.headers:
                return self.problem(400, "bad_request", "needs Idempotency-Key")
            made = {"id": f"obj_{len(home)}", "revision": 1, **body}
            home[str(made[kind["key"]])] = dict(made)
            if kind["secret"]:
                made[kind["secret"]] = "dbg_pat_shown_once"
            return self.answer(201, made)
        if name not in home:
            return self.problem(404, "not_found", f"there is no {name}")
        tag = f'"{home[name].get("revision", 1)}"'
        if self.command == "GET":
            return self.answer(200, home[name], {"ETag": tag})
        if kind["key"] == "name" and self.headers.get("If-Match") != tag:
            return self.problem(428, "precondition_required", "needs If-Match")
        if self.command == "DELETE":
            del home[name]
            return self.answer(204)
        if self.command == "PATCH" and self.headers["Content-Type"] != "application/merge-patch+json":
            return self.problem(415, "unsupported_media_type", "a merge patch is wanted")
        home[name].update(body)
        return self.answer(200, home[name])

    def chunk(self, data):
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def run_query(self, body):
        gateway = self.gateway
        if "FORBIDDEN" in body["sql"]:
            return self.problem(403, "denied", "permission denied by dbgate policy", decision={"effect": "deny"}, hint="ask")
        if "HELD" in body["sql"]:
            return self.answer(202, {"id": "qry_1", "state": "held"}, {"Location": "/api/v1/queries/qry_1"})
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for line in gateway.stream:
            if line == "wait":
                gateway.hold.wait(30)
                continue
            if callable(line):
                line = line()
            self.chunk(line.encode() + b"\n")
        self.wfile.write(b"0\r\n\r\n")

    def send_events(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.chunk(b": hello\n\n")
        self.chunk(b'id: 1\nevent: session.start\ndata: {"id":"ses_1","user":"ana","target":"shop"}\n\n')
        self.gateway.hold.wait(30)
