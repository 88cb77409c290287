"""A provider of language models that speaks every dialect and fails in every way. What it answers says the path:

    http://127.0.0.1:PORT/CASE/DIALECT/… the dialect's own path

Answers have the shapes of recorded ones. A request that is not as the dialect wants it gets a 400, so that an adapter
that asks wrongly does not get to an answer at all.
"""
import contextlib
import http.server
import json
import re
import socket
import ssl
import struct
import threading

KEY = "sk-fake-provider"
VERDICT = {"level": "high", "factors": ["data_loss"], "needs_approval": True, "confidence": "medium", "why": "Rows of a table change."}
# How a path goes on behind /CASE/DIALECT, where the key stands, and what holds the schema.
DIALECTS = {
    "openai": ("/v1/chat/completions", "authorization", "response_format.json_schema.schema"),
    "openai_responses": ("/v1/responses", "authorization", "text.format.schema"),
    "azure": ("/openai/v1/chat/completions", "api-key", "response_format.json_schema.schema"),
    "azure_deployment": ("/openai/deployments/MODEL/chat/completions?api-version=2024-10-21", "api-key", "response_format.json_schema.schema"),
    "anthropic": ("/v1/messages", "x-api-key", "output_config.format.schema"),
    "gemini": ("/v1beta/models/MODEL:generateContent", "x-goog-api-key", "generationConfig.responseJsonSchema"),
    "groq": ("/v1/chat/completions", "authorization", "response_format.json_schema.schema"),
    "ollama": ("/api/chat", "authorization", "format"),
    "vllm": ("/v1/chat/completions", "authorization", "response_format.json_schema.schema"),
    "llama_cpp": ("/v1/chat/completions", "authorization", "response_format.json_schema.schema"),
}
TOKEN_FIELDS = {"openai": "max_completion_tokens", "azure": "max_completion_tokens", "azure_deployment": "max_completion_tokens",
                "groq": "max_completion_tokens", "vllm": "max_tokens", "llama_cpp": "max_tokens", "anthropic": "max_tokens",
                "openai_responses": "max_output_tokens", "gemini": "generationConfig.maxOutputTokens", "ollama": "options.num_predict"}


def at(value, path):
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def chat_answer(text, finish, refusal=None):
    return {"id": "c1", "object": "chat.completion", "created": 1790000000, "model": "MODEL", "system_fingerprint": "fp",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text, "refusal": refusal}, "logprobs": None, "finish_reason": finish}],
            "usage": {"prompt_tokens": 410, "completion_tokens": 60, "total_tokens": 470, "prompt_tokens_details": {"cached_tokens": 0}}}


def responses_answer(text, finish, refusal=None):
    part = {"type": "refusal", "refusal": refusal} if refusal else {"type": "output_text", "text": text, "annotations": []}
    reasons = {"truncated": "max_output_tokens", "filtered": "content_filter"}
    return {"id": "r1", "object": "response", "status": "incomplete" if finish in reasons else "completed", "model": "MODEL", "error": None,
            "incomplete_details": {"reason": reasons[finish]} if finish in reasons else None,
            "output": [{"type": "reasoning", "id": "rs1", "summary": []}, {"type": "message", "role": "assistant", "status": "completed", "content": [part]}],
            "usage": {"input_tokens": 410, "output_tokens": 60, "total_tokens": 470, "output_tokens_details": {"reasoning_tokens": 20}}}


def answer(dialect, finish, text):
    """A 200 of the dialect's. `finish`: ok, truncated, refused, filtered."""
    if dialect == "openai_responses":
        return responses_answer(text, finish, "I cannot help with that." if finish == "refused" else None)
    if dialect == "anthropic":
        stop = {"ok": "end_turn", "truncated": "max_tokens", "refused": "refusal", "filtered": "refusal"}[finish]
        return {"id": "m1", "type": "message", "role": "assistant", "model": "MODEL", "stop_reason": stop, "stop_sequence": None,
                "content": [{"type": "thinking", "thinking": "hm", "signature": "x"}, {"type": "text", "text": text}],
                "usage": {"input_tokens": 400, "cache_read_input_tokens": 10, "cache_creation_input_tokens": 0, "output_tokens": 60}}
    if dialect == "gemini":
        usage = {"promptTokenCount": 410, "candidatesTokenCount": 40, "thoughtsTokenCount": 20, "totalTokenCount": 470}
        if finish in ("refused", "filtered"):
            return {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": usage}
        return {"candidates": [{"index": 0, "content": {"role": "model", "parts": [{"text": "hm", "thought": True}, {"text": text}]},
                                "finishReason": "STOP" if finish == "ok" else "MAX_TOKENS"}], "usageMetadata": usage, "modelVersion": "MODEL"}
    if dialect == "ollama":
        return {"model": "MODEL", "created_at": "2026-11-20T09:00:00Z", "message": {"role": "assistant", "content": text}, "done": True,
                "done_reason": "length" if finish == "truncated" else "stop", "prompt_eval_count": 410, "eval_count": 60, "total_duration": 412000000}
    if finish == "refused":
        return chat_answer(None, "stop", "I cannot help with that.")
    return chat_answer(text, {"ok": "stop", "truncated": "length", "filtered": "content_filter"}[finish])


def error(dialect, status, code="some_code", kind="some_error"):
    if dialect == "anthropic":
        return {"type": "error", "error": {"type": kind, "message": "no"}, "request_id": "req_1"}
    if dialect == "gemini":
        details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.05s"}] if status == 429 else []
        return {"error": {"code": status, "message": "no", "status": "RESOURCE_EXHAUSTED", "details": details}}
    if dialect == "ollama":
        return {"error": "no"}
    return {"error": {"message": "no", "type": kind, "param": None, "code": code}}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        _, case, dialect, rest = self.path.split("/", 3)
        wrong = self.wrong(dialect, "/" + rest, body)
        with self.server.lock:
            self.server.requests.append((case, dialect, self.path, dict(self.headers), body))
            turn = sum(1 for one in self.server.requests if one[:2] == (case, dialect))
        if wrong:
            self.server.complaints.append(f"{case}/{dialect}: {wrong}")
            return self.send(400, error(dialect, 400, "wrong_request"))
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            getattr(self, "on_" + (self.server.steered if case == "steered" else case))(dialect, turn, body)
        return None

    def wrong(self, dialect, path, body):
        expected, header, schema = DIALECTS[dialect]
        try:
            asked = json.loads(body)
        except ValueError:
            return "the body is no JSON"
        key = self.headers.get(header, "")
        if key.removeprefix("Bearer ") != KEY or (header == "authorization") != key.startswith("Bearer "):
            return "the key is not where it belongs"
        if path != expected:
            return f"{path} instead of {expected}"
        if not isinstance(at(asked, TOKEN_FIELDS[dialect]), int):
            return f"no {TOKEN_FIELDS[dialect]}"
        if (at(asked, schema) or {}).get("required") != ["level", "factors", "needs_approval", "confidence", "why"]:
            return f"no schema in {schema}"
        if dialect == "anthropic" and self.headers.get("anthropic-version") != "2023-06-01":
            return "no anthropic-version"
        if dialect == "ollama" and asked.get("stream") is not False:
            return "it would stream"
        if dialect.startswith("openai") and asked.get("store") is not False:
            return "it would be stored"
        return ""

    def send(self, status, body, headers=()):
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def verdict(self, dialect, change=None):
        self.send(200, answer(dialect, "ok", json.dumps({**VERDICT, **(change or {}), **self.server.change})))

    def wait_for_the_end(self):
        """Until the other side gives up, or the test is over."""
        self.close_connection = True
        while not self.server.over.is_set():
            self.connection.settimeout(0.05)
            with contextlib.suppress(TimeoutError):
                if not self.connection.recv(1):
                    return

    # One for each case: `turn` counts requests of it, from 1.
    def on_ok(self, dialect, _turn, _body):
        self.verdict(dialect)

    def on_low(self, dialect, _turn, _body):
        self.verdict(dialect, {"level": "low", "factors": [], "needs_approval": False, "confidence": "high"})

    def on_truncated(self, dialect, _turn, _body):
        self.send(200, answer(dialect, "truncated", json.dumps(VERDICT)[:30]))

    def on_refused(self, dialect, _turn, _body):
        self.send(200, answer(dialect, "refused", ""))

    def on_filtered(self, dialect, _turn, _body):
        if dialect.startswith("azure"):
            return self.send(400, {"error": {"code": "content_filter", "message": "blocked", "param": "prompt", "status": 400, "innererror": {
                "code": "ResponsibleAIPolicyViolation", "content_filter_result": {"jailbreak": {"detected": True, "filtered": True}}}}})
        return self.send(200, answer(dialect, "filtered", ""))

    def on_no_json(self, dialect, _turn, _body):
        self.send(200, answer(dialect, "ok", "Sure! The level is low."))

    def on_wrong_word(self, dialect, _turn, _body):
        self.verdict(dialect, {"level": "harmless"})

    def on_missing(self, dialect, _turn, _body):
        self.send(200, answer(dialect, "ok", '{"level": "low"}'))

    def on_extra(self, dialect, _turn, _body):
        self.verdict(dialect, {"allow": True})

    def on_unauthorized(self, dialect, _turn, _body):
        self.send(401, error(dialect, 401, "invalid_api_key"))

    def on_no_credit(self, dialect, _turn, _body):
        self.send(402, error(dialect, 402))

    def on_limited(self, dialect, _turn, _body):
        self.send(429, error(dialect, 429))

    def on_limited_once(self, dialect, turn, _body):
        if turn > 1:
            return self.verdict(dialect)
        return self.send(429, error(dialect, 429), [("Retry-After-Ms", "20")])

    def on_limited_for_long(self, dialect, _turn, _body):
        self.send(429, error(dialect, 429), [("Retry-After", "3600")])

    def on_failing(self, dialect, _turn, _body):
        self.send(500, error(dialect, 500))

    def on_failing_once(self, dialect, turn, _body):
        return self.verdict(dialect) if turn > 1 else self.send(503, error(dialect, 503))

    def on_overloaded(self, dialect, _turn, _body):
        self.send(529, error(dialect, 529, kind="overloaded_error"))

    def on_no_temperature(self, dialect, _turn, body):
        if b'"temperature"' not in body:
            return self.verdict(dialect)
        return self.send(400, {"error": {"message": "Unsupported parameter: 'temperature'", "type": "invalid_request_error", "param": "temperature"}})

    def on_silent(self, _dialect, _turn, _body):
        self.wait_for_the_end()

    def on_dripping(self, dialect, _turn, _body):
        text = json.dumps(answer(dialect, "ok", json.dumps(VERDICT))).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        for at in range(len(text)):
            self.wfile.write(text[at:at + 1])
            self.wfile.flush()
            if self.server.over.wait(0.02):
                break

    def on_oversize(self, _dialect, _turn, _body):
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        for _ in range(1024):
            self.wfile.write(b"x" * 4096)

    def on_reset(self, _dialect, _turn, _body):
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def on_cut(self, dialect, _turn, _body):
        text = json.dumps(answer(dialect, "ok", json.dumps(VERDICT))).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text[:-10])
        self.close_connection = True

    def on_redirect(self, dialect, _turn, _body):
        self.send(307, {}, [("Location", f"{self.server.url}/ok/{dialect}{DIALECTS[dialect][0]}")])

    def on_html(self, _dialect, _turn, _body):
        self.send(200, b"<html><title>Sign in</title>Please accept the terms of this network.</html>")

    def on_html_error(self, _dialect, _turn, _body):
        self.send(502, b"<html><h1>502 Bad Gateway</h1></html>")

    def on_late_error(self, dialect, _turn, _body):
        self.send(200, error(dialect, 500, "server_error"))


class Provider(http.server.ThreadingHTTPServer):
    """Serves until the block ends. `certificate`: (cert, key); without one it is plain HTTP."""
    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, certificate=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock, self.over = threading.Lock(), threading.Event()
        self.requests, self.complaints = [], []
        self.steered, self.change = "ok", {}  # what /steered/… does, and what is different in verdicts
        self.url = f"http://127.0.0.1:{self.server_port}"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
            self.url = f"https://localhost:{self.server_port}"
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})

    def handle_error(self, *_):
        pass  # clients that give up are what this is for

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.shutdown()
        self.thread.join()
        self.server_close()

    def asked(self, case, dialect):
        with self.lock:
            return [one for one in self.requests if one[:2] == (case, dialect)]

    @staticmethod
    def cases():
        return sorted(re.sub("^on_", "", name) for name in dir(Handler) if name.startswith("on_"))
