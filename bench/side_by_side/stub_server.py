#!/usr/bin/env python3
"""A server that lets everybody in and then says nothing: for connections that only have to be there.

Usage: stub_server.py PORT
"""
import asyncio
import resource
import struct
import sys

import pathlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "support"))
import wire  # noqa: E402

PARAMETERS = {"server_version": "15.0", "server_encoding": "UTF8", "client_encoding": "UTF8", "DateStyle": "ISO, MDY",
              "integer_datetimes": "on", "standard_conforming_strings": "on", "TimeZone": "UTC", "is_superuser": "off",
              "application_name": "", "IntervalStyle": "postgres", "default_transaction_read_only": "off",
              "in_hot_standby": "off", "session_authorization": "postgres"}
WELCOME = (wire.message(b"R", struct.pack("!I", 0)) +
           b"".join(wire.message(b"S", wire.cstring(key) + wire.cstring(value)) for key, value in PARAMETERS.items()) +
           wire.message(b"K", struct.pack("!II", 1, 1)) + wire.message(b"Z", b"I"))
REFUSED = wire.message(b"E", b"SERROR\0C0A000\0Mnothing here\0\0") + wire.message(b"Z", b"I")


class Server(asyncio.Protocol):
    def __init__(self):
        self.transport, self.welcomed, self.received = None, False, b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.received += data
        while not self.welcomed and len(self.received) >= 8:
            length, code = struct.unpack("!II", self.received[:8])
            if len(self.received) < length:
                return
            self.received = self.received[length:]
            if code in (wire.SSL_REQUEST, wire.GSSENC_REQUEST):
                self.transport.write(b"N")
            else:
                self.welcomed = True
                self.transport.write(WELCOME)
        while self.welcomed and len(self.received) >= 5:
            length = 1 + struct.unpack("!I", self.received[1:5])[0]
            if len(self.received) < length:
                return
            # Whatever a proxy asks to set up its connection; queries of a catalog are refused.
            kind, body = self.received[:1], self.received[5:length]
            self.received = self.received[length:]
            if kind == b"Q" and not body.upper().startswith((b"SET", b"RESET", b"DISCARD")):
                self.transport.write(REFUSED)
            elif kind == b"Q":
                self.transport.write(wire.message(b"C", b"SET\0") + wire.message(b"Z", b"I"))


async def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", int(sys.argv[1]), backlog=1024)
    await server.serve_forever()


asyncio.run(main())
