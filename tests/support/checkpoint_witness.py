"""A witness of transparency logs, as c2sp.org/tlog-witness describes it: an implementation that knows nothing of dbgate's."""
import base64
import hashlib
import http.server
import struct
import threading

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

NAME = "witness.example/w1"


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def is_consistent(old_size, old_root, size, root, proof):
    """RFC 9162 §2.1.4.2."""
    if old_size == 0:
        return not proof
    if old_size == size:
        return not proof and old_root == root
    proof = list(proof)
    if old_size & (old_size - 1) == 0:
        proof.insert(0, old_root)
    if not proof:
        return False
    first, second = old_size - 1, size - 1
    while first & 1:
        first, second = first >> 1, second >> 1
    old, new = proof[0], proof[0]
    for item in proof[1:]:
        if second == 0:
            return False
        if first & 1 or first == second:
            old, new = node(item, old), node(item, new)
            while first and not first & 1:
                first, second = first >> 1, second >> 1
        else:
            new = node(new, item)
        first, second = first >> 1, second >> 1
    return (old, new, second) == (old_root, root, 0)


class Witness:
    """Serves until it is closed. `log_key`: PEM of who may sign checkpoints, set before the first one comes."""

    def __init__(self):
        self.key = Ed25519PrivateKey.generate()
        self.log_key = None
        self.seen = {}  # origin: (size, root)
        self.answers = []  # statuses
        self.bodies = []
        self.headers = []
        self.failing = None  # a status that everything is answered with
        self._lock = threading.Lock()
        witness = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                with witness._lock:
                    status, answer = witness.answer(self.path, body)
                    witness.answers.append(status)
                    witness.bodies.append(body)
                    witness.headers.append(dict(self.headers))
                self.send_response(status)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def material(self):
        return b"\x04" + self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def key_id(self):
        return hashlib.sha256(NAME.encode() + b"\n" + self.material).digest()[:4]

    @property
    def verifier_key(self):
        return f"{NAME}+{self.key_id.hex()}+{base64.b64encode(self.material).decode()}"

    def answer(self, path, body):
        if self.failing:
            return self.failing, b""
        if path == "/plain":
            return 204, b""
        if path != "/add-checkpoint":
            return 404, b""
        head, _, note = body.partition(b"\n\n")
        lines = head.decode().split("\n")
        assert lines[0].startswith("old ")
        old_size, proof = int(lines[0][4:]), [base64.b64decode(line, validate=True) for line in lines[1:]]
        text, _, signatures = note.rpartition(b"\n\n")
        text += b"\n"
        origin, size, root = text.decode().split("\n")[:3]
        size, root = int(size), base64.b64decode(root, validate=True)
        if not self.is_signed(origin, text, signatures.decode()):
            return 403, b""
        if old_size > size:
            return 400, b""
        seen_size, seen_root = self.seen.get(origin, (0, b""))
        if old_size != seen_size or (size == seen_size and root != seen_root):
            return 409, b"%d\n" % seen_size
        if not is_consistent(old_size, seen_root, size, root, proof):
            return 422, b""
        self.seen[origin] = (size, root)
        signature = self.key.sign(b"cosignature/v1\ntime 1679315147\n" + text)
        line = base64.b64encode(self.key_id + struct.pack(">Q", 1679315147) + signature).decode()
        return 200, f"\u2014 {NAME} {line}\n".encode()

    def is_signed(self, origin, text, signatures):
        key = load_pem_public_key(self.log_key)
        for line in signatures.splitlines():
            mark, name, value = line.split(" ")
            assert mark == "\u2014"
            if name != origin:
                continue
            try:
                key.verify(base64.b64decode(value, validate=True)[4:], text)
                return True
            except InvalidSignature:
                pass
        return False
