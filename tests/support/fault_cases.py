#!/usr/bin/env python3
"""A gateway between two proxies that spoil what they pass (fault_proxy.py): whatever happens, it lives, nobody hangs beyond the
limits, nobody sees what is another's, the next session is fine, and nothing is left over.

Usage: fault_cases.py [--cases N] [--seed N] [--lanes N] [--only N]
"""
import argparse
import collections
import contextlib
import pathlib
import queue
import random
import re
import ssl
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import fault_proxy  # noqa: E402
import lab  # noqa: E402
import wire  # noqa: E402
from pooled import Session  # noqa: E402

MOMENTS = ("startup", "simple", "extended", "prepared", "pipeline", "copy_in", "copy_out", "cancel", "transaction", "large")
# After a statement's limit of 4 s the server is asked to stop, and has 10 s for it (docs/configuration.md, Limits); the rest is for slow machines.
LIMITS = "statement_timeout: 4s, idle_in_transaction: 5s"
PATIENCE = 60
IMPATIENCE = 1  # where bytes from the client are lost, so that nobody owes it an answer
ISSUED = {}  # token → case, of all lanes
TOKEN = re.compile(rb"T[0-9a-f]{32}")
# What a client may be told. 08P01 and the classes of data and syntax are for those whose bytes were spoilt on their way.
HONEST = {"08006", "08P01", "57014", "57P01", "53300", "25P03", "25P02", "28P01", "28000", "3D000", "0A000", "42501", "53400"}


class Wrong(AssertionError):
    """What must never be."""


class Client(Session):
    """Remembers all that it is told, and whose it is."""

    def __init__(self, port, case, database, tls=False):
        self.case, self.tls, self.tail = case, tls, b""
        super().__init__(port, user=case.user, database=database, seconds=PATIENCE)

    def login(self, *arguments, **options):
        if self.tls:
            self.socket.sendall(wire.packet(wire.SSL_REQUEST))
            if self.socket.recv(1) != b"S":
                raise EOFError("no TLS")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.socket = context.wrap_socket(self.socket)
        return super().login(*arguments, **options)

    def read_exactly(self, count):
        until = time.monotonic() + PATIENCE
        self.socket.settimeout(IMPATIENCE)
        while True:
            try:
                data = super().read_exactly(count)
                break
            except TimeoutError:
                if time.monotonic() > until or (self.case.lossy and self.case.fault.struck):
                    raise
        self.socket.settimeout(PATIENCE)
        for found in TOKEN.findall(self.tail + data):
            owner = ISSUED.get(found.decode(), self.case)
            if owner is not self.case:
                raise Wrong(f"{self.case} was told what is {owner}'s")
        self.tail = (self.tail + data)[-32:]
        return data


class Case:
    def __init__(self, number, seed):
        self.number, self.random = number, random.Random(f"{seed}:{number}")
        self.user = self.random.choice(("ana", "ben"))
        self.mode = self.random.choice(("session", "transaction"))
        self.tls = self.random.random() < 0.4
        self.moment = self.random.choice(MOMENTS)
        self.side = self.random.choice(("client", "server"))
        kind = self.random.choice(fault_proxy.KINDS)
        offsets = (self.random.randrange(8), self.random.randrange(150), self.random.randrange(1500), self.random.randrange(100_000))
        self.fault = fault_proxy.Fault(kind, self.random.choice(("up", "down")), offsets[self.random.choice((0, 1, 1, 1, 2, 2, 3))], number)
        self.fresh_server = self.random.random() < (0.7 if self.moment == "startup" else 0.1)
        self.codes, self.answers = [], 0

    def __repr__(self):
        return (f"case {self.number} ({self.user}, {self.mode}{', TLS' if self.tls else ''}, {self.moment}, {self.side} side, {self.fault}"
                f"{', fresh server' if self.fresh_server else ''}, {self.codes})")

    def token(self):
        token = f"T{self.random.getrandbits(128):032x}"
        ISSUED[token] = self
        return token

    @property
    def exact(self):
        """Whether what is answered has to be right: the bytes that arrive are."""
        return self.fault.kind not in fault_proxy.CORRUPTIONS or not self.fault.struck

    @property
    def lossy(self):
        """Whether the client may wait for an answer that nobody owes it."""
        return self.side == "client" and self.fault.kind not in fault_proxy.HARMLESS

    def take(self, result, *expected):
        """Looks at an answer. Returns whether the session goes on."""
        if result.error:
            self.codes.append(result.code)
            if self.exact and result.code not in HONEST:
                raise Wrong(f"{self} was told {result.error}")
            return False
        if result.status == "closed":
            return False
        self.answers += 1
        rows = [row[0] for row in result.rows]
        if self.exact and rows != list(expected):
            raise Wrong(f"{self} got {str(rows)[:200]} in place of {str(expected)[:200]}")
        return True

    # What is done while the fault strikes.

    def startup(self, client):
        self.simple(client)

    def simple(self, client):
        for _ in range(3):
            token = self.token()
            if not self.take(client.run(f"SELECT '{token}'"), token):
                return

    def extended(self, client):
        for _ in range(3):
            token = self.token()
            if not self.take(client.run_extended("SELECT $1::text", [token]), token):
                return

    def prepared(self, client):
        if not self.take(client.prepare("same", "SELECT $1::text || ''")):
            return
        for _ in range(4):
            token = self.token()
            if not self.take(client.run_prepared("same", [token]), token):
                return

    def pipeline(self, client):
        tokens = [self.token() for _ in range(8)]
        client.send(b"".join(wire.parse("", "SELECT $1::text") + wire.bind("", "", [token.encode()]) + wire.execute() + wire.SYNC
                             for token in tokens))
        for token in tokens:
            if not self.take(client.answer(), token):
                return

    def copy_in(self, client):
        token = self.token()
        client.send(wire.query("COPY copied FROM STDIN"))
        if client.receive_until("GZE")[-1][0] != "G":
            return
        for start in range(0, 2000, 100):
            client.send(wire.message(b"d", b"".join(f"{token}\t{start + i}\n".encode() for i in range(100))))
        client.send(wire.message(b"c"))
        if self.take(client.answer()):
            self.take(client.run(f"SELECT count(*) FROM copied WHERE token = '{token}'"), "2000")

    def copy_out(self, client):
        token = self.token()
        client.send(wire.query(f"COPY (SELECT '{token}' FROM generate_series(1, 3000)) TO STDOUT"))
        result = client.answer()
        lines = b"".join(body for kind, body in result.messages if kind == "d")
        if self.take(result) and self.exact and lines != f"{token}\n".encode() * 3000:
            raise Wrong(f"{self} got a copy of {len(lines)} bytes")

    def cancel(self, client):
        token = self.token()
        client.send(wire.query(f"SELECT '{token}' FROM pg_sleep(1)"))
        try:
            with wire.Connection(client.socket.getpeername()[1], 5) as other:
                other.send(wire.packet(wire.CANCEL_REQUEST, wire.struct.pack("!I", client.pid) + client.key))
                other.at_end()
        except OSError:
            pass
        self.take(client.answer(), token)

    def transaction(self, client):
        for last in ("COMMIT", "ROLLBACK"):
            token = self.token()
            steps = (("BEGIN", ()), (f"SELECT '{token}'", (token,)), (f"INSERT INTO copied VALUES ('{token}', 1) RETURNING token", (token,)), (last, ()))
            for sql, rows in steps:
                if not self.take(client.run(sql), *rows):
                    return

    def large(self, client):
        token = self.token()
        self.take(client.run(f"SELECT repeat('{token}', 30000)"), token * 30000)


class Lane:
    """Two targets of its own, behind a proxy of its own, so that a fault hits one case at a time."""

    def __init__(self, number, server_port):
        self.number, self.server, self.client = number, fault_proxy.Proxy(server_port), None

    def begin(self, gateway):
        self.gateway, self.direct, self.client = gateway, gateway.port, fault_proxy.Proxy(gateway.port)

    def close(self):
        for proxy in (self.server, self.client):
            if proxy:
                proxy.close()

    def target(self, mode):
        return f"{mode}{self.number}"

    def run(self, case):
        proxy = self.client if case.side == "client" else self.server
        if case.fresh_server:
            self.server.cut_all()
        try:
            self.disturb(case, proxy)
        except (EOFError, OSError, PermissionError, ValueError, KeyError, wire.struct.error, ssl.SSLError, AssertionError) as fault:
            self.judge(case, fault)
        finally:
            proxy.disarm()
            for pair in self.client.pairs():
                pair.close()
            # What holds until it is let go; and a server that was told something else than the gateway believes.
            lasting = case.fault.kind in ("stall", "one_side_rst") or (case.fault.kind in fault_proxy.CORRUPTIONS and case.fault.direction == "up")
            if case.fault.struck and lasting:
                case.fault.pair.close()
        self.look(case)

    def disturb(self, case, proxy):
        if case.moment == "startup":
            proxy.arm(case.fault)
        with Client(self.client.port, case, self.target(case.mode), case.tls) as client:
            if case.moment != "startup":
                case.simple(client)
                proxy.arm(case.fault)
            getattr(case, case.moment)(client)
            client.send(wire.TERMINATE)

    @staticmethod
    def judge(case, fault):
        """What a client may meet, and what not."""
        if isinstance(fault, Wrong):
            raise fault
        if isinstance(fault, PermissionError):
            fields = fault.args[0] if fault.args and isinstance(fault.args[0], dict) else {}
            case.codes.append(fields.get("C", "?"))
            if case.exact and case.codes[-1] not in HONEST:
                raise Wrong(f"{case} was told {fields}")
        elif isinstance(fault, TimeoutError):
            if not (case.lossy and case.fault.struck):
                raise Wrong(f"{case} hangs")
        elif case.exact and not isinstance(fault, (EOFError, OSError)):
            raise Wrong(f"{case}: {fault!r}") from fault
        if not case.fault.struck or case.fault.kind in fault_proxy.HARMLESS:
            if not case.fresh_server:
                raise Wrong(f"{case}, undisturbed: {fault!r}")

    def look(self, case):
        """Afterwards, by an undisturbed way, in both modes."""
        spoilt = case.side == "server" and case.fault.struck and case.fault.direction == "down" and not case.exact
        if spoilt and "08006" in case.codes:  # noticed
            lab.wait_until(case.fault.pair.over.is_set, f"{case}: the server connection is closed")
        if self.gateway.process.poll() is not None:
            raise Wrong(f"{case}: the gateway has ended with {self.gateway.process.returncode}")
        for mode in ("session", "transaction"):
            for attempt in (1, 2, 3):
                later = Case(f"{case.number} afterwards, {mode}", 0)
                later.user, later.fault = case.user, fault_proxy.Fault("none", "up", 0)
                try:
                    with Client(self.direct, later, self.target(mode)) as client:
                        later.simple(client)
                        later.prepared(client)
                        client.send(wire.TERMINATE)
                except (EOFError, OSError, PermissionError, AssertionError) as fault:
                    if isinstance(fault, Wrong):
                        raise
                    later.codes.append(repr(fault))
                # A server connection that was cut in the same moment is told once; a machine that is busy takes its time.
                if not later.codes:
                    break
                if attempt == 3 or later.codes[0] not in ("08006", "57P01", "57014"):
                    raise Wrong(f"after {case}: {later.codes}")


class Faults:
    def __init__(self, it, lanes):
        self.lab, self.codes, self.kinds, self.struck, self.problems = it, collections.Counter(), collections.Counter(), 0, []
        postgres = it.postgres
        postgres.use_tls(it.certificates)
        postgres.psql("CREATE TABLE copied (token text, number int)")
        self.lanes = [Lane(number, postgres.port) for number in range(lanes)]
        tls = it.listen(tls=True).split("  api:")[0]
        targets = ""
        for lane in self.lanes:
            for mode, pool in (("session", "mode: session, max: 4, wait: 10s, idle: 3s"), ("transaction", "mode: transaction, max: 2, wait: 10s, idle: 3s")):
                targets += it.target(lane.target(mode), database="postgres", pool=pool, hosts=f'["127.0.0.1:{lane.server.port}"]',
                                     connect_timeout="10s", tls="require" if lane.number % 3 == 2 else "disable")
                targets += "    catalog: { refresh: 1h, max_stale: 2h }\n"
        names = ", ".join(lane.target(mode) for lane in self.lanes for mode in ("session", "transaction"))
        self.gateway = it.gateway(
            "version: 1\nstate_dir: state\nworkers: 2\nlimits: { login_timeout: 10s, failed_logins_per_minute: 1000000 }\n" + tls +
            it.users("ana", "ben", "watcher") + "roles: { auditor: { users: [watcher] } }\ntargets:\n" + targets +
            f"policies:\n  - {{ name: all, who: {{ users: [ana, ben] }}, on: [{names}], allow: [ {{ everything: true }} ], limits: {{ {LIMITS} }} }}\n")
        for lane in self.lanes:
            lane.begin(self.gateway)
            lane.look(Case(f"lane {lane.number}", 0))
        self.settle("at the start", most=None)
        self.descriptors = self.open_files()
        self.memory = self.gateway.memory()

    def open_files(self):
        """But for those of the audit log, of which some are opened when there is something to sign."""
        files = []
        for link in pathlib.Path(f"/proc/{self.gateway.process.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                files.append(str(link.readlink()))
        return [file for file in files if "/state/audit/" not in file]

    def left(self):
        """Who is there but who asks: by PostgreSQL, and by the gateway."""
        with Session(self.lab.postgres.port) as direct:
            backends = direct.must("SELECT pid, state, query FROM pg_stat_activity WHERE backend_type = 'client backend' AND "
                                   "application_name <> 'dbgate catalog' AND pid <> pg_backend_pid()").rows
        with Session(self.gateway.port, user="watcher", database="pgbouncer") as admin:
            clients, servers = (admin.must(f"SHOW {what}").rows for what in ("CLIENTS", "SERVERS"))
        return backends, [client for client in clients if "watcher" not in client], servers

    def settle(self, when, most):
        try:
            lab.wait_until(lambda: not any(self.left()), f"{when}: sessions and server connections are gone")
        except AssertionError as late:
            raise Wrong(f"{late}: {self.left()}") from None
        try:
            lab.wait_until(lambda: most is None or len(self.open_files()) <= most, f"{when}: descriptors are {most} again")
        except AssertionError as late:
            sockets = subprocess.run(["ss", "-tnp"], capture_output=True, text=True, check=False).stdout
            own = [line for line in sockets.splitlines() if f"pid={self.gateway.process.pid}," in line]
            raise Wrong(f"{late}, not {sorted(self.open_files())} (at first {sorted(self.descriptors)})\n" + "\n".join(own)) from None

    def check(self, when):
        self.settle(when, len(self.descriptors))
        log = self.gateway.directory / "state" / "audit"
        done = subprocess.run([str(lab.CLI), "audit", "verify", str(log)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Wrong(f"{when}: {done.stdout[-1000:]}{done.stderr[-1000:]}")
        self.gateway.check()
        with Session(self.lab.postgres.port) as direct:
            direct.must("TRUNCATE copied")

    def run(self, numbers, seed):
        cases = queue.SimpleQueue()
        for number in numbers:
            cases.put(Case(number, seed))
        threads = [threading.Thread(target=self.work, args=(lane, cases)) for lane in self.lanes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def work(self, lane, cases):
        while not self.problems:
            try:
                case = cases.get_nowait()
            except queue.Empty:
                return
            try:
                lane.run(case)
            except Exception as fault:  # whoever runs this has to hear of it
                self.problems.append(f"{case}: {fault!r}")
            self.codes.update(case.codes)
            self.struck += case.fault.struck
            self.kinds[case.fault.kind] += case.fault.struck


def run(cases, seed, lanes=12, only=None):
    """Returns what went wrong, as lines."""
    began = time.monotonic()
    with lab.Lab(settings=("max_connections=300",)) as it:
        faults = Faults(it, lanes)
        numbers = [only] if only is not None else range(cases)
        every = 1000
        for start in range(0, len(numbers), every):
            faults.run(numbers[start:start + every], seed)
            done = min(start + every, len(numbers))
            try:
                if not faults.problems:
                    faults.check(f"after {done} cases")
            except AssertionError as fault:
                faults.problems.append(str(fault))
            print(f"  {done} cases, {faults.struck} faults struck, {len(faults.problems)} problems, {faults.gateway.memory() >> 10} kB "
                  f"(at first {faults.memory >> 10}), {len(faults.open_files())} descriptors (at first {len(faults.descriptors)}), {time.monotonic() - began:.0f} s", flush=True)
            if faults.problems:
                print("\n".join(faults.gateway.log[-20:]))
                break
        print(f"  {dict(faults.kinds)}\n  {dict(faults.codes)}")
        for lane in faults.lanes:
            lane.close()
        return faults.problems


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.getrandbits(31))
    parser.add_argument("--lanes", type=int, default=12)
    parser.add_argument("--only", type=int, help="one case of a run, by its number")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    lines = run(options.cases, options.seed, options.lanes, options.only)
    print("\n".join([*lines, "FAILED" if lines else "ok"]))
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
