#!/usr/bin/env python3
"""What comes before anybody is known, changed at random: the gateway lives, keeps nothing of it, waits for nobody, and the
next login works. LOGIN_FLIGHTS (rounds) and LOGIN_FLIGHTS_SEED look further."""
import base64
import os
import pathlib
import random
import socket
import ssl
import struct
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402

ROUNDS = int(os.environ.get("LOGIN_FLIGHTS", "400"))
SEED = int(os.environ.get("LOGIN_FLIGHTS_SEED", "1"))
THREADS = 4
SECRET = "Zz9nobodyhastologthis"
MEMORY = 16 << 20
OPTIONS = ("-c geqo=off", "-c\\", "-c x", "--", "\\", "-c search_path=''/*,x,*/", "--a=b --c=d", "-cfoo=\\\\\\ bar", "-c options=-crole=x")
EXTRAS = (("replication", ("true", "on", "1", "database", "  true", "off")), ("application_name", ("x", "\n\x1b[31m", "a" * 9000)),
          ("_pq_.a", ("b",)), ("_pq_." + "x" * 300, ("",)), ("client_encoding", ("SJIS",)), ("dbgate.reason", ("r" * 501,)),
          ("DateStyle", ("ISO",)), ("search_path", ('a,"', "''--")), ("options", OPTIONS), ("OPTIONS", OPTIONS))
VERSIONS = (wire.PROTOCOL_3_0, wire.PROTOCOL_3_0, wire.PROTOCOL_3_0, wire.PROTOCOL_3_2, (3 << 16) | 1, (3 << 16) | 65535, 2 << 16, 4 << 16)
LENGTHS = (0, 3, 4, 5, 7, 8, 9, 4096, 4100, 10000, 10001, (1 << 31) - 1, 1 << 31, (1 << 32) - 1)


def changed(chance, data):
    data = bytearray(data)
    for _ in range(chance.choice((0, 0, 1, 1, 2, 5))):
        at, kind = chance.randrange(len(data) + 1), chance.randrange(6)
        if kind == 0:
            data[at:at + 1] = bytes([chance.randrange(256)])
        elif kind == 1:
            del data[at:at + chance.randrange(1, 9)]
        elif kind == 2:
            data[at:at] = chance.randbytes(chance.randrange(1, 9))
        elif kind == 3:
            data[0:4] = struct.pack("!I", chance.choice(LENGTHS))
        elif kind == 4:
            data[1:5] = struct.pack("!I", chance.choice(LENGTHS))
        else:
            data = data[:at] if chance.random() < 0.5 else data + data[at:]
    return bytes(data)


def startup(chance):
    pairs = [("user", chance.choice(("reader", "reader", "nobody", "ré", "a" * 5000))), ("database", "postgres")]
    pairs += [(name, chance.choice(values)) for name, values in EXTRAS if chance.random() < 0.12]
    body = b"".join(wire.cstring(name) + wire.cstring(value) for name, value in pairs) + b"\0"
    packet = wire.packet(chance.choice(VERSIONS), body)
    return packet if chance.random() < 0.5 else changed(chance, packet)


def first_response(chance):
    if chance.random() < 0.1:
        return wire.message(chance.choice((b"Q", b"X", b"S")), wire.cstring(SECRET))
    header = chance.choice(("n,,",) * 5 + ("y,,", "p=tls-unique,,", "p=tls-server-end-point,,", "n,a=admin,", "n,", "", "n,,m=x,"))
    nonce = chance.choice((base64.b64encode(chance.randbytes(18)).decode(), "", "\x01", "a" * 4000))
    initial = (header + chance.choice(("n=,r=", "n=reader,r=", "r=", "n=é,r=")) + nonce).encode()
    mechanism = chance.choice(("SCRAM-SHA-256",) * 5 + ("SCRAM-SHA-256-PLUS", "PLAIN", "", "scram-sha-256", "X" * 3000))
    length = chance.choice((len(initial),) * 6 + (0, -1, len(initial) + 1, (1 << 31) - 1))
    message = wire.message(b"p", wire.cstring(mechanism) + struct.pack("!i", length) + initial)
    return message if chance.random() < 0.7 else changed(chance, message)


def last_response(chance, answer):
    server_first = answer[9:].decode("latin-1") if answer[:1] == b"R" else ""
    nonce = server_first.partition("r=")[2].partition(",")[0] + chance.choice(("", "", "", "x"))
    more = chance.choice(("", "", "", ",m=1", ",a=b"))
    proof = base64.b64encode(chance.randbytes(chance.choice((32, 32, 31, 0)))).decode()
    message = wire.message(b"p", f"c=biws,r={nonce}{more},p={proof}".encode() + chance.choice((b"", SECRET.encode())))
    return (message if chance.random() < 0.7 else changed(chance, message)) + chance.choice((b"", wire.query(f"SELECT '{SECRET}'")))


class Flight:
    """One stranger, from the first byte to the last."""

    def __init__(self, port, authority, chance):
        self.port, self.chance = port, chance
        self.context = ssl.create_default_context(cafile=str(authority))

    def fly(self):
        with socket.create_connection(("localhost", self.port), 10) as self.socket:
            try:
                self.before()
                self.socket.sendall(startup(self.chance))
                if self.chance.random() < 0.2:
                    self.socket.shutdown(socket.SHUT_WR)
                self.answer()
                self.socket.sendall(first_response(self.chance))
                self.socket.sendall(last_response(self.chance, self.answer()))
                self.answer()
            except OSError:
                return  # refused in the middle of it
            finally:
                self.socket.close()

    def answer(self):
        """What has come within a moment: strangers do not keep to whose turn it is."""
        self.socket.settimeout(0.02)
        try:
            return self.socket.recv(65536)
        except TimeoutError:
            return b""
        finally:
            self.socket.settimeout(10)

    def before(self):
        chance = self.chance
        kind = chance.randrange(8)
        if kind == 0:
            self.socket.sendall(changed(chance, wire.packet(wire.SSL_REQUEST)) + chance.choice((b"", wire.packet(wire.SSL_REQUEST))))
        elif kind == 1:
            self.socket.sendall(changed(chance, wire.packet(wire.GSSENC_REQUEST)))
        elif kind == 2:
            key = chance.randbytes(chance.choice((0, 3, 4, 32, 260)))
            self.socket.sendall(changed(chance, wire.packet(wire.CANCEL_REQUEST, chance.randbytes(4) + key)))
        elif kind == 3:
            self.socket.sendall(b"\x16\x03\x01" + chance.randbytes(chance.randrange(600)))
        elif kind == 4:
            self.socket.sendall(wire.packet(wire.SSL_REQUEST) + startup(chance))
        elif kind == 5:
            if chance.random() < 0.5:
                self.socket.sendall(wire.packet(wire.SSL_REQUEST))
                self.socket.recv(1)
            self.context.set_alpn_protocols(chance.choice((["postgresql"], ["http/1.1"], ["x" * 200])))
            self.socket = self.context.wrap_socket(self.socket, server_hostname="localhost")


class LoginFlights(unittest.TestCase):
    def test_nothing_is_left_of_them(self):
        place = self.enterClassContext(lab.Lab())
        extra = "limits: { login_timeout: 2s, failed_logins_per_minute: 1000000 }\n"
        gateway = place.gateway(place.forward_everything(user="reader", tls=True, extra=extra))
        self.log_in(gateway)
        files, memory = self.files(gateway), gateway.memory()
        chances = [random.Random(f"{SEED} {number}") for number in range(THREADS)]
        for _ in range(10):
            threads = [threading.Thread(target=self.fly, args=(gateway.port, place.certificates.ca, chance, ROUNDS // THREADS // 10))
                       for chance in chances]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.log_in(gateway)
        lab.wait_until(lambda: self.files(gateway) <= files, "no descriptor is left", 20)
        self.assertLess(gateway.memory() - memory, MEMORY)
        lab.wait_until(lambda: self.is_quiet(gateway), "no thread goes on", 20)
        text = "\n".join(gateway.log)
        self.assertNotIn(SECRET, text + str(gateway.audit()))
        self.assertTrue(all(line.isprintable() for line in gateway.log))

    @staticmethod
    def fly(port, authority, chance, rounds):
        for _ in range(rounds):
            Flight(port, authority, chance).fly()

    @staticmethod
    def log_in(gateway):
        with wire.Connection(gateway.port) as connection:
            connection.login("reader", "postgres", lab.PASSWORD)

    @staticmethod
    def files(gateway):
        """Sockets that it has. Files are opened as there is something to write."""
        folder = pathlib.Path(f"/proc/{gateway.process.pid}/fd")
        names = []
        for entry in folder.iterdir():
            try:
                names.append(os.readlink(entry))
            except FileNotFoundError:
                continue
        return sum(name.startswith("socket:") for name in names)

    @staticmethod
    def is_quiet(gateway):
        """Whether a tenth of a second passes without work."""
        def ticks():
            fields = pathlib.Path(f"/proc/{gateway.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
            return int(fields[11]) + int(fields[12])
        before = ticks()
        threading.Event().wait(0.1)
        return ticks() == before


if __name__ == "__main__":
    unittest.main()
