"""PostgreSQL's wire protocol by hand, for what no driver would send."""
import base64
import hashlib
import hmac
import os
import socket
import struct

PROTOCOL_3_0 = 3 << 16
PROTOCOL_3_2 = (3 << 16) | 2
SSL_REQUEST = 80877103
GSSENC_REQUEST = 80877104
CANCEL_REQUEST = 80877102


def message(kind, body=b""):
    return kind + struct.pack("!I", len(body) + 4) + body


def packet(code, body=b""):
    return struct.pack("!II", len(body) + 8, code) + body


def cstring(text):
    return text.encode() + b"\0"


def startup(user, database, version=PROTOCOL_3_0, **parameters):
    pairs = {"user": user, "database": database, **parameters}
    return packet(version, b"".join(cstring(key) + cstring(value) for key, value in pairs.items()) + b"\0")


def parse(name, sql, oids=()):
    return message(b"P", cstring(name) + cstring(sql) + struct.pack("!H", len(oids)) +
                   b"".join(struct.pack("!I", oid) for oid in oids))


def bind(portal="", statement="", values=(), result_formats=(), value_formats=()):
    body = cstring(portal) + cstring(statement) + struct.pack("!H", len(value_formats)) + \
        b"".join(struct.pack("!H", code) for code in value_formats) + struct.pack("!H", len(values))
    for value in values:
        body += struct.pack("!i", -1) if value is None else struct.pack("!I", len(value)) + value
    return message(b"B", body + struct.pack("!H", len(result_formats)) +
                   b"".join(struct.pack("!H", code) for code in result_formats))


def execute(portal="", rows=0):
    return message(b"E", cstring(portal) + struct.pack("!i", rows))


def describe(kind, name=""):
    return message(b"D", kind + cstring(name))


def close(kind, name=""):
    return message(b"C", kind + cstring(name))


def query(sql):
    return message(b"Q", cstring(sql))


SYNC, FLUSH, TERMINATE = message(b"S"), message(b"H"), message(b"X")


def error_fields(body):
    """{'C': '42501', 'M': …} of an ErrorResponse or NoticeResponse."""
    return {part[:1].decode(): part[1:].decode() for part in body.split(b"\0") if part}


class Connection:
    """A socket that sends bytes and receives messages. Every wait ends after `seconds`."""

    def __init__(self, port, seconds=20, host="127.0.0.1"):
        self.socket = socket.create_connection((host, port), seconds)
        self.socket.settimeout(seconds)
        self._received = b""
        self.parameters = {}
        self.pid, self.key = None, None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def read_exactly(self, count):
        while len(self._received) < count:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError(f"closed after {self._received[:200]!r}")
            self._received += data
        data, self._received = self._received[:count], self._received[count:]
        return data

    def receive(self):
        head = self.read_exactly(5)
        return head[:1].decode(), self.read_exactly(struct.unpack("!I", head[1:])[0] - 4)

    def receive_until(self, kinds):
        """Messages up to and including the first whose type is in `kinds`."""
        messages = []
        while True:
            messages.append(self.receive())
            if messages[-1][0] in kinds:
                return messages

    def types_until_ready(self):
        return "".join(kind for kind, _ in self.receive_until("Z"))

    def at_end(self):
        """Whether the other side has closed, after dropping what is left."""
        try:
            while self.socket.recv(65536):
                pass
            return True
        except ConnectionResetError:
            return True
        except socket.timeout:
            return False

    def login(self, user, database, password, version=PROTOCOL_3_0, **parameters):
        """Startup and SCRAM up to ReadyForQuery; returns the messages after AuthenticationOk. ErrorResponse raises."""
        self.send(startup(user, database, version, **parameters))
        nonce = base64.b64encode(os.urandom(18)).decode()
        first_bare = f"n=,r={nonce}"
        kind, body = self.receive()
        if kind == "v":
            self.negotiated = body
            kind, body = self.receive()
        self._expect_authentication(kind, body, 10)
        initial = b"n,," + first_bare.encode()
        self.send(message(b"p", cstring("SCRAM-SHA-256") + struct.pack("!I", len(initial)) + initial))
        kind, body = self.receive()
        self._expect_authentication(kind, body, 11)
        server_first = body[4:].decode()
        fields = dict(part.split("=", 1) for part in server_first.split(","))
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        final_bare = f"c=biws,r={fields['r']}"
        auth = ",".join((first_bare, server_first, final_bare)).encode()
        signature = hmac.digest(hashlib.sha256(client_key).digest(), auth, "sha256")
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(client_key, signature))).decode()
        self.send(message(b"p", f"{final_bare},p={proof}".encode()))
        kind, body = self.receive()
        self._expect_authentication(kind, body, 12)
        messages = self.receive_until("ZE")
        if messages[-1][0] == "E":
            raise PermissionError(error_fields(messages[-1][1]))
        for kind, body in messages:
            if kind == "S":
                name, value = body.split(b"\0")[:2]
                self.parameters[name.decode()] = value.decode()
            if kind == "K":
                self.pid, self.key = struct.unpack("!I", body[:4])[0], body[4:]
        return messages

    @staticmethod
    def _expect_authentication(kind, body, code):
        if kind == "E":
            raise PermissionError(error_fields(body))
        if kind != "R" or struct.unpack("!I", body[:4])[0] != code:
            raise AssertionError(f"expected authentication {code}, got {kind} {body!r}")
