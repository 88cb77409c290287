#!/usr/bin/env python3
"""Messages at random, out of place, in pieces, with odd counts: nobody else waits for it, and the gateway lives."""
import pathlib
import random
import socket
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402
from pooled import Session  # noqa: E402

ROUNDS = 200
TEXTS = ("SELECT 1", "SELECT $1::int", "BEGIN", "COMMIT", "ROLLBACK", "SELECT 1/0", "COPY t FROM STDIN", "COPY t TO STDOUT", "",
         "INSERT INTO t VALUES (1)", "PREPARE p AS SELECT 1", "EXECUTE p", "DEALLOCATE ALL", "DISCARD ALL", "FETCH c", "LISTEN x",
         "DECLARE c CURSOR FOR SELECT 1", "COPY t FROM STDIN; SELECT 9", "SELECT 1; SELECT 2", "SELEC", "LOCK t")
NAMES = ("", "", "a", "b")


def some_message(chance):
    name, other, text = chance.choice(NAMES), chance.choice(NAMES), chance.choice(TEXTS)
    values, formats = chance.choice(([], [], [b"1"], [None], [b"1", b"2"])), chance.choice(([], [0], [1], [0, 1], [7]))
    count = chance.choice((0, 1, 3, 32767, 65535))
    usual = (wire.query(text), wire.parse(name, text, chance.choice(((), (23,), (0, 0), (99999,)))), wire.bind(other, name, values, formats),
             wire.execute(other, chance.choice((0, 1, -1))), wire.describe(chance.choice((b"S", b"P")), name),
             wire.close(chance.choice((b"S", b"P")), name), wire.SYNC, wire.SYNC, wire.FLUSH)
    odd = (wire.message(b"d", chance.choice((b"1\n", b"", b"\\.\n"))), wire.message(b"c"), wire.message(b"f", chance.choice((b"no\0", b""))),
           wire.message(b"F", struct.pack("!IHHH", 1598, 0, count, count)), wire.message(b"B", b"\0\0" + struct.pack("!HH", count, count)),
           wire.message(b"P", b"\0SELECT 1\0" + struct.pack("!H", count)), b"Q" + struct.pack("!I", chance.choice((0, 3, 1 << 30, 70))),
           wire.startup("postgres", "postgres"), wire.packet(wire.SSL_REQUEST), wire.TERMINATE)
    return chance.choice(usual if chance.random() < 0.88 else odd)


class OutOfPlace(unittest.TestCase):
    def disturb(self, port, chance):
        """A client that sends something, and then goes without a word, or asks for the end and reads what there is."""
        data = b"".join(some_message(chance) for _ in range(chance.randint(1, 14)))
        step = chance.choice((len(data), 1 + len(data) // 2, 7))
        with Session(port, seconds=10) as client:
            try:
                for at in range(0, len(data), step):
                    client.send(data[at:at + step])
                if chance.random() < 0.5:
                    return
                client.send(2 * (wire.message(b"f", b"\0") + wire.SYNC) + wire.TERMINATE)
                client.socket.shutdown(socket.SHUT_WR)  # half a message is never completed
                while client.socket.recv(1 << 16):
                    pass
            except TimeoutError:
                raise
            except OSError:
                return

    def test_messages_out_of_place(self):
        with lab.Lab() as place:
            place.postgres.psql("CREATE TABLE t (a int)")
            for pool in ("mode: transaction, max: 1, wait: 3s", "mode: session, max: 1, wait: 3s"):
                gateway = place.gateway(place.forward_everything(pool=pool))
                for seed in range(ROUNDS):
                    with self.subTest(pool=pool, seed=seed):
                        self.disturb(gateway.port, random.Random(seed))
                        with Session(gateway.port, seconds=10) as following:
                            self.assertEqual(following.value(f"SELECT {seed}"), str(seed))
                            following.send(wire.TERMINATE)


if __name__ == "__main__":
    unittest.main()
