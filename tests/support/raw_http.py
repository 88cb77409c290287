"""HTTP by hand: requests as bytes, so that they can be wrong, and answers as they come."""
import contextlib
import json
import socket


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json()["code"] if self.headers.get("content-type") == "application/problem+json" else ""


class Raw:
    """One connection. `source` is the address that it comes from."""

    def __init__(self, port, source="127.0.0.1", timeout=20, tls=None):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout, source_address=(source, 0))
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def _more(self):
        try:
            data = self.socket.recv(65536)
        except (ConnectionError, BrokenPipeError):
            data = b""
        self.buffer += data
        return bool(data)

    def line(self):
        while b"\r\n" not in self.buffer:
            if not self._more():
                return None
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line.decode("latin-1")

    def take(self, count):
        while len(self.buffer) < count:
            if not self._more():
                raise AssertionError("the answer ended early")
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def header(self):
        """Status and fields of an answer; None if the connection ended instead."""
        first = self.line()
        if first is None:
            return None
        fields = {}
        while line := self.line():
            name, _, value = line.partition(":")
            fields[name.lower()] = value.strip()
        return int(first.split()[1]), fields

    def chunk(self):
        """The next chunk of a body; empty at its end, None if the connection ended before that."""
        size = self.line()
        if size is None:
            return None
        data = self.take(int(size, 16))
        self.take(2)
        return data

    def answer(self, head=False):
        """The next answer; None if the connection ended instead."""
        got = self.header()
        while got is not None and got[0] == 100:
            got = self.header()
        if got is None:
            return None
        status, fields = got
        body = b""
        if fields.get("transfer-encoding") == "chunked":
            while piece := self.chunk():
                body += piece
        elif not head and status not in (101, 204, 304):
            body = self.take(int(fields["content-length"]))
        return Answer(status, fields, body)

    def ended(self):
        """Whether the peer closes: waits for it, as long as the socket's time-out allows."""
        with contextlib.suppress(ConnectionError):
            while self.socket.recv(65536):
                pass
        return True

    def request(self, method, path, token=None, body=None, headers=()):
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
        lines += [f"Authorization: Bearer {token}"] if token else []
        if body is not None:
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
            lines += [f"Content-Length: {len(body)}"]
            lines += [] if any(name.lower() == "content-type" for name, _ in headers) else ["Content-Type: application/json"]
        lines += [f"{name}: {value}" for name, value in headers]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b""))
        return self.answer(method == "HEAD")
