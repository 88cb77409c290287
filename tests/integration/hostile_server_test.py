"""Servers that lie (hostile_server.py): the gateway lives and does not grow, its client is told so or gets what the server
said, within the limits, and the next session finds a server connection that is in step."""
import base64
import concurrent.futures
import pathlib
import queue
import struct
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import hostile_server  # noqa: E402
import lab  # noqa: E402
import wire  # noqa: E402
from hostile_server import COMPLETE, READY, RIGHT, ROW, ROWS, raw  # noqa: E402
from pooled import Session  # noqa: E402

LANES = 12
# The connection has ended, or the client does not understand what the server said.
UNREADABLE = (EOFError, ConnectionError, ValueError, KeyError, IndexError, struct.error)
MODES = ("session", "transaction")
# A statement's limit of 1 s and the 10 s that a server has to stop, with much room.
PATIENCE = 60
GROWTH = 64 << 20
EXTENDED = {  # what Parse, Bind, Describe, Execute, Sync are answered with
    "right": b"12TDCZ", "nothing parsed": b"2TDCZ", "parsed twice": b"112TDCZ", "bound twice": b"122TDCZ", "nothing bound": b"1TDCZ",
    "closed": b"132TDCZ", "not described": b"12DCZ", "described twice": b"12TTDCZ", "no data, then rows": b"12nDCZ",
    "parameters unasked": b"12tTDCZ", "suspended": b"12TDsZ", "suspended and complete": b"12TDsCZ", "empty and complete": b"12TICZ",
    "complete twice": b"12TDCCZ", "not complete": b"12TDZ", "ready in between": b"12ZTDCZ", "ready first": b"Z12TDCZ", "error and on": b"1E2TDCZ",
    "error at the end": b"12TDCEZ", "copies in": b"12GZ", "copies out": b"12HdcCZ", "copies both": b"12WZ", "all over again": b"12TDCZ12TDCZ",
}


def authentication(code, body=b""):
    return wire.message(b"R", struct.pack("!I", code) + body)


def instead(code, data):
    """Of the authentication message with that code."""
    return lambda kind, body: data(body[4:]) if kind == b"R" and body[:4] == struct.pack("!I", code) else None


def in_first(change):
    return instead(11, lambda text: authentication(11, change(text)))


def at(letter, data):
    return lambda kind, body: data(wire.message(kind, body)) if kind == letter else None


def swap(text, name, value):
    parts = [part for part in text.split(b",") if not part.startswith(name + b"=")]
    return b",".join(parts + [name + b"=" + value] if name != b"r" else [b"r=" + value, *parts])


def logins():
    """{what: (what the server says in place of a message of the login, whether the login may still work)}"""
    cases = {f"iterations {count}": in_first(lambda text, count=count: swap(text, b"i", count))
             for count in (b"0", b"-1", b"", b"x", b"1", b"2147483647", b"2147483648", b"4294967296", b"1000000000", b"9" * 300)}
    cases |= {f"mechanisms {name!r}"[:40]: instead(10, lambda _, name=name: authentication(10, name))
              for name in (b"", b"\0", b"SCRAM-SHA-256", b"SCRAM-SHA-1\0\0", b"x\0" * 5000 + b"\0", b"x" * 20_000 + b"\0\0")}
    cases |= {f"method {code}": instead(10, lambda _, code=code: authentication(code)) for code in (0, 1, 2, 3, 5, 6, 7, 8, 9, 11, 12, 13, 99, 1 << 31)}
    cases |= {
        "another nonce": in_first(lambda text: swap(text, b"r", base64.b64encode(b"x" * 18))),
        "no nonce of its own": in_first(lambda text: swap(text, b"r", text[2:26])),
        "no salt": in_first(lambda text: b",".join(part for part in text.split(b",") if not part.startswith(b"s="))),
        "a salt that is none": in_first(lambda text: swap(text, b"s", b"%%%")), "an empty salt": in_first(lambda text: swap(text, b"s", b"")),
        "an extension": in_first(lambda text: b"m=x," + text), "nothing": in_first(lambda _: b""), "15 kB": in_first(lambda text: text + b",x=" + b"y" * 15_000),
        "zero bytes": in_first(lambda text: text.replace(b",", b"\0")),
        "another signature": instead(12, lambda _: authentication(12, b"v=" + base64.b64encode(b"x" * 32))),
        "a short signature": instead(12, lambda _: authentication(12, b"v=eA==")), "no signature": instead(12, lambda _: authentication(12)),
        "an error for a signature": instead(12, lambda _: authentication(12, b"e=other-error")),
        "the challenge again": instead(12, lambda _: authentication(11, b"r=x,s=eA==,i=4096")),
        "let in without a signature": instead(12, lambda _: b""), "let in at once": instead(10, lambda _: authentication(0) + wire.message(b"Z", b"I")),
        "asked again": instead(0, lambda _: authentication(10, b"SCRAM-SHA-256\0\0")),
        "let in twice": instead(0, lambda _: authentication(0) * 2),
        "a key of 3 bytes": at(b"K", lambda _: wire.message(b"K", b"abc")), "a key of 1 MB": at(b"K", lambda _: wire.message(b"K", b"x" * (1 << 20))),
        "two keys": at(b"K", lambda right: right * 2), "no key": at(b"K", lambda _: b""), "the key too late": at(b"Z", lambda right: right + wire.message(b"K", RIGHT[b"K"])),
        "a setting without end": at(b"K", lambda right: wire.message(b"S", b"app.x") + right),
        "a setting of 1 MB": at(b"K", lambda right: wire.message(b"S", b"app.x\0" + b"y" * (1 << 20) + b"\0") + right),
        "100 000 settings": at(b"K", lambda right: b"".join(wire.message(b"S", b"app.x%d\0y\0" % i) for i in range(100_000)) + right),
        "100 000 notices": at(b"K", lambda right: wire.message(b"N", RIGHT[b"N"]) * 100_000 + right),
        "an open transaction": at(b"Z", lambda _: wire.message(b"Z", b"T")), "ready twice": at(b"Z", lambda right: right * 2),
        "another encoding": at(b"K", lambda right: wire.message(b"S", b"client_encoding\0SJIS\0") + right),
        "a version that was not asked for": instead(10, lambda text: wire.message(b"v", struct.pack("!II", 3 << 16 | 9, 1) + b"_pq_.x\0") + authentication(10, text)),
        "versions without end": instead(10, lambda text: wire.message(b"v", struct.pack("!II", 3 << 16, 0)) * 1000 + authentication(10, text)),
    }
    cases |= {f"{kind.decode()} before it is ready": at(b"Z", lambda right, kind=kind: wire.message(kind, RIGHT[kind]) + right) for kind in RIGHT}
    cases |= {f"{kind.decode()} in place of the challenge": instead(11, lambda _, kind=kind: wire.message(kind, RIGHT[kind])) for kind in RIGHT}
    cases |= {f"a length of {length}": instead(11, lambda _, length=length: raw(b"R", length, b"xxxx")) for length in (0, 3, -1, 1 << 30, 20_000)}
    return cases


class Lane:
    def __init__(self, number, postgres):
        self.number, self.liars = number, {name: hostile_server.Liar(postgres.port) for name in (*MODES, "fresh")}

    def targets(self, it):
        """One whose servers rest in a pool, one that is shared, and one that always logs in."""
        pools = (("session", "mode: session, max: 1, wait: 20s, idle: 10m"), ("transaction", "mode: transaction, max: 1, wait: 20s"), ("fresh", None))
        return "".join(it.target(f"{name}{self.number}", database="postgres", pool=pool, hosts=f'["127.0.0.1:{self.liars[name].port}"]', 
                                 connect_timeout="5s" if name == "fresh" else "30s")
                       for name, pool in pools)


class HostileServer(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab(settings=("max_connections=200",))
        cls.addClassCleanup(cls.lab.close)
        lanes = [Lane(number, cls.lab.postgres) for number in range(LANES)]
        names = ", ".join(f"{name}{lane.number}" for lane in lanes for name in (*MODES, "fresh"))
        cls.gateway = cls.lab.gateway(
            "version: 1\nstate_dir: state\nworkers: 2\nlimits: { failed_logins_per_minute: 1000000 }\n" + cls.lab.listen() + cls.lab.users("ana") +
            "roles: { auditor: { users: [ana] } }\ntargets:\n" + "".join(lane.targets(cls.lab) for lane in lanes) +
            f"policies:\n  - {{ name: all, who: {{ users: [ana] }}, on: [{names}], allow: [ {{ everything: true }} ], limits: {{ statement_timeout: 1s }} }}\n")
        cls.admin_lock = threading.Lock()
        cls.lanes = queue.SimpleQueue()
        for lane in lanes:
            cls.lanes.put(lane)
            for liar in lane.liars.values():
                cls.addClassCleanup(liar.close)

    def each(self, cases, what):
        """Runs what(lane, name, case) for all, on as many lanes as there are; fails with all that is wrong."""
        before = self.gateway.memory()

        def on_a_lane(name, case):
            lane = self.lanes.get()
            began = time.monotonic()
            try:
                what(lane, name, case)
                self.assertIsNone(self.gateway.process.poll(), f"{name}: the gateway has ended")
            except (AssertionError, OSError, EOFError) as fault:
                return f"{name}, after {time.monotonic() - began:.1f} s: {fault!r}"
            finally:
                for liar in lane.liars.values():
                    liar.be_honest()
                self.lanes.put(lane)
            return None

        with concurrent.futures.ThreadPoolExecutor(LANES) as pool:
            wrong = [problem for problem in pool.map(on_a_lane, *zip(*cases)) if problem]
        self.assertEqual(wrong, [])
        self.gateway.check()
        if "san" not in lab.BUILD.name:  # sanitizers keep what was freed
            self.assertLess(self.gateway.memory() - before, GROWTH)

    def session(self, lane, mode):
        return Session(self.gateway.port, user="ana", database=f"{mode}{lane.number}", seconds=PATIENCE)

    def fine_again(self, lane, mode, spoilt=False):
        """A server connection that went in the same moment is told once, or one that had begun to say something (`spoilt`)."""
        for attempt in (1, 2):
            try:
                with self.session(lane, mode) as session:
                    result = session.run("SELECT 'mine'")
                    self.assertIn(result.code, ("", "08006", *(("57014", "57P01", "42601") if spoilt else ())))
                    if not result.error and not (spoilt and attempt == 1 and result.types != "TDCZ"):
                        self.assertEqual((result.rows, result.types), ([("mine",)], "TDCZ"))
                        self.assertEqual(session.run_extended("SELECT $1::text", ["too"]).rows, [("too",)])
                        session.leave()
                        return
            except PermissionError as refused:
                self.assertEqual(refused.args[0]["C"], "08006")
            except UNREADABLE:
                self.assertTrue(spoilt)
            self.assertEqual(attempt, 1, "it does not recover")

    def rests(self, lane, mode):
        """Whether the target has a server connection, and nobody is there who could hold it."""
        database = f"{mode}{lane.number}"
        with self.admin_lock:
            clients, servers = (self.admin.must(f"SHOW {what}").rows for what in ("CLIENTS", "SERVERS"))
        states = [row[3] for row in servers if database in row]
        return not any(database in row for row in clients) and states == ["idle"]

    def attack(self, lane, mode, answer, extended):
        """What the client is told: its answer, or None if the connection has ended."""
        self.fine_again(lane, mode)
        lane.liars[mode].answer = answer
        with self.session(lane, mode) as session:
            session.must("SELECT 1")
            try:
                result = session.run_extended("SELECT 'attack'") if extended else session.run("SELECT 'attack'")
            except UNREADABLE:
                return None
            if result.error and b"SERROR\0" not in answer and b"SFATAL\0" not in answer:
                self.assertIn(result.code, ("08006", "57014", "08P01"), result.error)
            return result

    def answered(self, lane, name, case):
        mode, answer, extended = case
        result = self.attack(lane, mode, answer, extended)
        if name.startswith("right"):
            self.assertEqual(result.types, "12TDCZ")
        self.fine_again(lane, mode)

    def in_both_modes(self, answers, extended=False):
        self.each([(f"{name}, {mode}", (mode, answer, extended)) for name, answer in answers.items() for mode in MODES], self.answered)

    def test_malformed_messages(self):
        self.in_both_modes({name: answer for kind in RIGHT for name, answer in hostile_server.malformed(kind).items()})

    def test_messages_out_of_place(self):
        self.in_both_modes(hostile_server.out_of_place())

    def test_extended_query_out_of_step(self):
        parts = {kind[0]: wire.message(kind, body) for kind, body in RIGHT.items()}
        self.in_both_modes({name: b"".join(parts[letter] for letter in letters) for name, letters in EXTENDED.items()}, extended=True)

    def test_words_in_the_pool(self):
        """Unasked, while a session is idle, and while nobody has the connection."""
        said = {kind.decode(): wire.message(kind, body) for kind, body in RIGHT.items()}
        said |= {"a whole result": wire.message(b"T", ROWS) + wire.message(b"D", ROW) + COMPLETE + READY, "half a message": b"D\0\0\0\x40xx", "zeros": b"\0" * 100,
                 "a fatal error": wire.message(b"E", b"SFATAL\0VFATAL\0C57P01\0Mgo\0\0"), "half a notice": raw(b"N", 100, b"SNOTICE\0"),
                 "50 000 notices": wire.message(b"N", RIGHT[b"N"]) * 50_000, "50 000 notifications": wire.message(b"A", RIGHT[b"A"]) * 50_000,
                 "a notice of 10 MB": wire.message(b"N", b"SNOTICE\0C00000\0M" + b"x" * (10 << 20) + b"\0\0")}

        def say(liar, name, data):
            self.assertTrue(liar.ready)
            liar.say(data)
            by_itself = data[:1] in b"NSAE" or "half" in name  # what a server may say unasked, or has not said yet
            if not by_itself:
                lab.wait_until(lambda: not liar.ready, f"{name}: the connections are given up")
            return by_itself

        def speak(lane, name, case):
            mode, data = case
            self.fine_again(lane, mode)
            with self.session(lane, mode) as session:
                session.must("SELECT 1")
                by_itself = say(lane.liars[mode], name, data)
                try:
                    self.assertIn(session.run("SELECT 1").code, ("", "08006", "57P01", "57014", "08P01", "42601"))
                    session.leave()
                except UNREADABLE:
                    pass
            self.fine_again(lane, mode, spoilt=by_itself)
            lab.wait_until(lambda: self.rests(lane, mode), f"{name}: nobody has the connection")
            by_itself = say(lane.liars[mode], name, data)
            self.fine_again(lane, mode, spoilt=by_itself)

        self.admin = Session(self.gateway.port, user="ana", database="pgbouncer")
        self.addCleanup(self.admin.socket.close)
        self.each([(f"{name}, {mode}", (mode, data)) for name, data in said.items() for mode in MODES], speak)

    def test_logins(self):
        def log_in(lane, name, change):
            lane.liars["fresh"].of_login = change
            began = time.monotonic()
            try:
                with self.session(lane, "fresh") as session:
                    code = session.run("SELECT 1").code
            except PermissionError as refused:
                code = refused.args[0]["C"]
            except (EOFError, ConnectionError):
                code = "closed"
            self.assertIn(code, ("", "08006", "0A000", "42601", "closed"))
            self.assertLess(time.monotonic() - began, PATIENCE)
            lane.liars["fresh"].of_login = None
            self.fine_again(lane, "fresh")
        self.each(list(logins().items()), log_in)

    def test_no_login_at_all(self):
        def log_in(lane, _name, data):
            lane.liars["fresh"].before_login = data
            with self.assertRaises(PermissionError) as refused:
                self.session(lane, "fresh").socket.close()
            self.assertEqual(refused.exception.args[0]["C"], "08006")
            lane.liars["fresh"].before_login = b""
            self.fine_again(lane, "fresh")
        self.each([("zeros", b"\0" * 100), ("text", b"HTTP/1.1 400 Bad Request\r\n\r\n"), ("a flood", b"\xff" * (1 << 20)), ("ready", READY), ("let in", authentication(0) + READY),
                   ("an error", wire.message(b"E", RIGHT[b"E"])), ("an error of 1 MB", wire.message(b"E", b"SFATAL\0M" + b"x" * (1 << 20) + b"\0\0"))], log_in)


if __name__ == "__main__":
    unittest.main()
