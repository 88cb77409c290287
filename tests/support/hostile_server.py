"""A server that lies: PostgreSQL behind a man in the middle, who changes or makes up what it says, message by message."""
import contextlib
import select
import socket
import struct
import threading

import wire

# What a query must contain for the answer to be the liar's alone.
ATTACK = b"attack"


class Liar:
    """One server port. `of_login(kind, body)` gives the bytes in place of a message of the login; None: as it is. `answer`:
    what queries with ATTACK in them, and everything behind them up to Sync, are answered with. Connections of the catalog are left alone."""

    def __init__(self, to):
        self.to, self.of_login, self.answer, self.before_login = to, None, b"", b""
        self.ready = []  # sockets of gateways that have logged in
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in list(self.ready):
            end.close()

    def be_honest(self):
        """From now on; who has heard something else is cut off."""
        self.of_login, self.answer, self.before_login = None, b"", b""
        for end in list(self.ready):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def say(self, data):
        """To all who have logged in, unasked."""
        for end in list(self.ready):
            with contextlib.suppress(OSError):
                end.sendall(data)

    def _accept(self):
        while True:
            try:
                near = self._listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near):
        with contextlib.suppress(OSError, struct.error), near, socket.create_connection(("127.0.0.1", self.to), 10) as far:
            first = near.recv(65536)
            far.sendall(first)
            if b"dbgate catalog" in first or len(first) == 16:  # cancel requests as well
                return splice(near, far)
            self._stand_between(near, far)
        with contextlib.suppress(ValueError):
            self.ready.remove(near)

    def _stand_between(self, near, far):
        from_server, from_client, login, attacked = b"", b"", True, False
        if self.before_login:
            near.sendall(self.before_login)
        while True:
            readable = select.select([near, far], [], [])[0]
            if far in readable:
                data = far.recv(65536)
                if not data:
                    return
                if not login:
                    near.sendall(data)
                    continue
                messages, from_server = split(from_server + data)
                for kind, body in messages:
                    said = self.of_login(kind, body) if login and self.of_login else None
                    near.sendall(wire.message(kind, body) if said is None else said)
                    if kind == b"Z":
                        login = False
                        self.ready.append(near)
            if near in readable:
                data = near.recv(65536)
                if not data:
                    return
                if login:
                    far.sendall(data)
                    continue
                messages, from_client = split(from_client + data)
                for kind, body in messages:
                    attacked = attacked or (kind in b"QP" and ATTACK in body)
                    if not attacked:
                        far.sendall(wire.message(kind, body))
                    elif kind in b"QS":
                        near.sendall(self.answer)
                        attacked = False


def split(data):
    """Whole messages, and what is left."""
    messages = []
    while len(data) >= 5:
        size = struct.unpack("!I", data[1:5])[0] + 1
        if len(data) < size:
            break
        messages.append((data[:1], data[5:size]))
        data = data[size:]
    return messages, data


def splice(near, far):
    while True:
        for end in select.select([near, far], [], [])[0]:
            data = end.recv(65536)
            if not data:
                return
            (far if end is near else near).sendall(data)


def raw(kind, length, body=b""):
    """A message whose length word says what it likes."""
    return kind + struct.pack("!I", length & 0xFFFFFFFF) + body


# Bodies that are right.
def field(name=b"a", oid=25):
    return name + b"\0" + struct.pack("!IhIhih", 0, 0, oid, -1, -1, 0)


ROWS = struct.pack("!h", 1) + field()
ROW = struct.pack("!hi", 1, 1) + b"x"
READY, COMPLETE = wire.message(b"Z", b"I"), wire.message(b"C", b"SELECT 1\0")
RIGHT = {
    b"T": ROWS, b"D": ROW, b"C": b"SELECT 1\0", b"Z": b"I", b"E": b"SERROR\0VERROR\0C42601\0Mno\0\0", b"N": b"SNOTICE\0VNOTICE\0C00000\0Mhm\0\0",
    b"S": b"TimeZone\0UTC\0", b"K": struct.pack("!II", 4711, 42), b"A": struct.pack("!I", 7) + b"channel\0payload\0", b"I": b"", b"1": b"",
    b"2": b"", b"3": b"", b"n": b"", b"s": b"", b"t": struct.pack("!hI", 1, 25), b"G": struct.pack("!bhh", 0, 1, 0), b"H": struct.pack("!bhh", 0, 1, 0),
    b"W": struct.pack("!bhh", 0, 1, 0), b"c": b"", b"d": b"x\n", b"V": struct.pack("!i", -1), b"v": struct.pack("!II", 3 << 16, 0), b"R": struct.pack("!I", 0),
}
# In front of a message, so that it is where it may be.
BEFORE = {b"D": wire.message(b"T", ROWS), b"C": wire.message(b"T", ROWS), b"d": wire.message(b"H", RIGHT[b"H"]),
          b"c": wire.message(b"H", RIGHT[b"H"])}
COUNTED = {b"T": 0, b"D": 0, b"t": 0, b"G": 1, b"H": 1, b"W": 1}  # where a message has its count, 16 bits


def malformed(kind):
    """{what is wrong: bytes} of one type of message."""
    body = RIGHT[kind]
    cases = {f"length {length}": raw(kind, length, body) for length in (0, 1, 2, 3, -1, -(1 << 31))}
    cases["too short by one"] = wire.message(kind, body[:-1]) if body else raw(kind, 3)
    cases["too long by one"] = wire.message(kind, body + b"\0")
    cases["no body"] = wire.message(kind, b"")
    cases["no terminators"] = wire.message(kind, body.replace(b"\0", b"x") if body else b"x")
    cases["1 MB of it"] = wire.message(kind, body + b"x" * (1 << 20))
    if kind in COUNTED:
        at = COUNTED[kind]
        for count in (-1, 2, 1600, 32767, -32768):
            cases[f"count {count}"] = wire.message(kind, body[:at] + struct.pack("!h", count) + body[at + 2:])
    if kind == b"D":
        for size in (-2, 2, 1 << 30, -(1 << 31)):
            cases[f"a value of {size} bytes"] = wire.message(kind, struct.pack("!hi", 1, size) + b"x")
    if kind == b"Z":
        for status in b"\0i?Z\xff":
            cases[f"status {status}"] = wire.message(kind, bytes((status,)))
    return {f"{kind.decode()} {name}": BEFORE.get(kind, b"") + data + COMPLETE + READY for name, data in cases.items()}


def out_of_place():
    """{what it is: bytes}: each message is right by itself."""
    result = wire.message(b"T", ROWS) + wire.message(b"D", ROW) + COMPLETE + READY
    cases = {f"{kind.decode()} unasked": wire.message(kind, body) + result for kind, body in RIGHT.items() if kind not in b"TDCZEN"}
    cases |= {f"{kind.decode()} after the end": result + wire.message(kind, body) for kind, body in RIGHT.items()}
    cases |= {f"type {kind}": wire.message(bytes((kind,)), b"\0\0\0\0") + result for kind in range(256) if bytes((kind,)) not in RIGHT}
    cases["ready twice"] = result + READY
    cases["ready at once"] = READY
    cases["the result twice"] = result + result
    cases["rows of nothing"] = wire.message(b"D", ROW) + COMPLETE + READY
    cases["rows after their end"] = wire.message(b"T", ROWS) + COMPLETE + wire.message(b"D", ROW) + READY
    cases["two descriptions"] = wire.message(b"T", ROWS) * 2 + COMPLETE + READY
    cases["an error, then rows"] = wire.message(b"E", RIGHT[b"E"]) + wire.message(b"D", ROW) + READY
    cases["two errors"] = wire.message(b"E", RIGHT[b"E"]) * 2 + READY
    cases["an error without fields"] = wire.message(b"E", b"\0") + READY
    cases["an error of 8 MB"] = wire.message(b"E", b"SERROR\0C42601\0M" + b"x" * (8 << 20) + b"\0\0") + READY
    cases["a fatal error and more"] = wire.message(b"E", b"SFATAL\0VFATAL\0C57P01\0Mgo\0\0") + result
    cases["a setting of 1 MB"] = wire.message(b"S", b"app.x\0" + b"x" * (1 << 20) + b"\0") + result
    cases["another encoding"] = wire.message(b"S", b"client_encoding\0SJIS\0") + result
    cases["100 000 notices"] = wire.message(b"N", RIGHT[b"N"]) * 100_000 + result
    cases["100 000 settings"] = wire.message(b"S", RIGHT[b"S"]) * 100_000 + result
    cases["100 000 notifications"] = wire.message(b"A", RIGHT[b"A"]) * 100_000 + result
    cases["100 000 settings of other names"] = b"".join(wire.message(b"S", b"app.x%d\0y\0" % i) for i in range(100_000)) + result
    cases["an open transaction"] = wire.message(b"T", ROWS) + COMPLETE + wire.message(b"Z", b"T")
    cases["half a header"] = b"D\0\0"
    cases["half a message"] = raw(b"T", 200, b"x" * 20)
    cases["a message without end"] = wire.message(b"T", ROWS) + raw(b"D", 0x7FFFFFFF, b"x" * 100)
    cases["a message that is 1 GB long"] = raw(b"T", 1 << 30, b"x" * 100)
    return cases
