"""A primary with streaming standbys, to fail over between, and load that notices what must not happen meanwhile."""
import contextlib
import os
import pathlib
import shutil
import threading
import time
import unittest

import lab
import metrics
from pooled import Session


class Standby(lab.Postgres):
    """Follows another server, from a base backup of it."""

    # pylint: disable=super-init-not-called
    def __init__(self, directory, primary, settings=()):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = lab.free_port()
        self.programs = primary.programs
        self.data = self.directory / "data"
        if os.getuid() == 0:
            os.chown(self.directory, lab.server_user().pw_uid, lab.server_user().pw_gid)
        self.follow(primary, settings)

    def follow(self, primary, settings=()):
        """Begins anew as a copy of `primary`. It does not run before."""
        shutil.rmtree(self.data, ignore_errors=True)
        name = self.directory.name
        self._run(self.programs / "pg_basebackup", "-D", self.data, "-X", "stream", "--checkpoint=fast", "--no-sync", "-R", "-d",
                  f"host=127.0.0.1 port={primary.port} user=postgres password='{lab.PASSWORD}' application_name={name}")
        conf = self.data / "postgresql.conf"
        text = conf.read_text(encoding="utf-8")
        own = [f"port={self.port}", f"unix_socket_directories='{self.directory}'", "hot_standby=on", *settings]
        conf.write_text(text + "\n".join(own) + "\n", encoding="utf-8")
        self._start_somewhere()

    def promote(self):
        """Returns when the server takes changes."""
        self._run(self.programs / "pg_ctl", "-D", self.data, "-w", "-t", "120", "promote")


class Cluster:
    """A lab's server with standbys. `nodes` are all of them, `primary` is one of them."""

    def __init__(self, it, standbys=1, settings=()):
        self.it = it
        self.primary = it.postgres
        self.nodes = [it.postgres]
        self._running = contextlib.ExitStack()
        for number in range(1, standbys + 1):
            standby = Standby(it.directory / f"standby{number}", self.primary, settings)
            self.nodes.append(standby)
            self._running.callback(self.stop, standby)

    def close(self):
        self._running.close()
        with contextlib.suppress(AssertionError):  # the lab stops its own, and it runs mostly
            self.it.postgres.start()

    @staticmethod
    def stop(node, mode="immediate"):
        with contextlib.suppress(AssertionError):  # it is stopped already
            node.stop(mode)

    def hosts(self):
        return "[" + ", ".join(f'"127.0.0.1:{node.port}"' for node in self.nodes) + "]"

    def target(self, name, pool=None, **upstream):
        """A target of all nodes."""
        text = self.it.target("postgres", search_path=(), pool=pool, **{"hosts": self.hosts(), **upstream})
        return text.replace("  postgres:\n", f"  {name}:\n", 1)

    def synchronize(self):
        """Commits wait for the standbys that follow, from now on."""
        self.primary.psql("ALTER SYSTEM SET synchronous_standby_names = '*'; SELECT pg_reload_conf()")
        lab.wait_until(lambda: "sync" in self.primary.psql("SELECT sync_state FROM pg_stat_replication").stdout.split(),
                       "a standby is synchronous")

    def fail_over(self, mode="immediate"):
        """The primary ends and a standby takes its place. Returns when it had ended, and when the other was the primary,
        by the monotonic clock."""
        old, new = self.primary, next(node for node in self.nodes if node is not self.primary)
        # A copy of a primary that waits for standbys would, with none.
        with open(new.data / "postgresql.auto.conf", "a", encoding="utf-8") as conf:
            conf.write("synchronous_standby_names = ''\n")
        with Session(new.port, seconds=120) as there:
            self.stop(old, mode)
            ended = time.monotonic()
            there.run("SELECT pg_promote(false)").value()
            lab.wait_until(lambda: there.run("SELECT pg_is_in_recovery()").value() == "f", "it is promoted", 120, 0.001)
            promoted = time.monotonic()
        self.primary = new
        return ended, promoted

    def rejoin(self, node):
        """A node that was the primary follows the one that is."""
        self.stop(node)
        if isinstance(node, Standby):
            node.follow(self.primary)
        else:
            Standby.follow(node, self.primary)

    def caught_up(self):
        """Waits until all standbys have replayed what the primary has written."""
        position = self.primary.psql("SELECT pg_current_wal_lsn()").stdout.strip()
        for node in self.nodes:
            if node is not self.primary:
                lab.wait_until(lambda node=node: node.psql(f"SELECT pg_last_wal_replay_lsn() >= '{position}'").stdout.strip() == "t",
                               "a standby has caught up")


class Writer(threading.Thread):
    """Adds one row after the other, each once, and reads them back. What was acknowledged it remembers."""

    def __init__(self, port, database, number, stop):
        super().__init__(daemon=True)
        self.port, self.database, self.number, self.stop = port, database, number, stop
        self.acknowledged, self.times, self.errors, self.wrong = set(), [], [], []
        self.sent = 0

    def run(self):
        session = None
        while not self.stop.is_set():
            try:
                session = session or Session(self.port, database=self.database, seconds=120)
                self.step(session)
            except (EOFError, OSError, AssertionError) as problem:
                self.errors.append(str(problem) or type(problem).__name__)
                if session is not None:
                    session.socket.close()
                session = None
        if session is not None:
            session.socket.close()

    def step(self, session):
        self.sent += 1
        begun = time.monotonic()
        result = session.run(f"INSERT INTO written VALUES ({self.number}, {self.sent})")
        if result.status == "closed":
            raise EOFError(result.code or "closed")
        if result.error:
            self.errors.append(result.code)
            return
        self.times.append((begun, time.monotonic()))
        self.acknowledged.add(self.sent)
        seen = session.run(f"SELECT count(*) FROM written WHERE writer = {self.number} AND n = {self.sent}")
        if not seen.error and seen.status != "closed" and seen.value() != "1":
            self.wrong.append((self.sent, seen.value()))


class Load:
    """Writers at work."""

    def __init__(self, port, databases, each=3):
        self.stopping = threading.Event()
        self.writers = [Writer(port, database, number, self.stopping)
                        for number, database in enumerate(database for database in databases for _ in range(each))]
        for writer in self.writers:
            writer.start()

    def progress(self, more=5):
        """Waits until everybody has written so many more. Returns when the first of these began after now and was
        acknowledged."""
        now = time.monotonic()
        lab.wait_until(lambda: all(sum(end > now for _, end in list(writer.times)) >= more for writer in self.writers),
                       "everybody writes", 120)
        return min(end for writer in self.writers for _, end in list(writer.times) if end > now)

    def first_after(self, moment):
        return min((end for writer in self.writers for _, end in list(writer.times) if end > moment), default=None)

    def stop(self):
        self.stopping.set()
        for writer in self.writers:
            writer.join(180)
            assert not writer.is_alive(), "a writer hangs"

    def faults(self, server):
        """What must not be: acknowledged rows that are not there, rows that are there twice, reads that missed them."""
        rows = [tuple(map(int, line.split("|"))) for line in server.psql("SELECT writer, n FROM written").stdout.split()]
        found = set(rows)
        lost = [(writer.number, n) for writer in self.writers for n in writer.acknowledged if (writer.number, n) not in found]
        return {"lost": lost, "twice": len(rows) - len(found), "wrong": [(w.number, *one) for w in self.writers for one in w.wrong]}

    def figures(self):
        return {"acknowledged": sum(len(writer.acknowledged) for writer in self.writers),
                "errors": sum(len(writer.errors) for writer in self.writers)}


def fail_over_under_load(cluster, load):
    """One round. Returns seconds from the promotion to the first success, and from the primary's end."""
    load.progress()
    cluster.caught_up()
    old = cluster.primary
    ended, promoted = cluster.fail_over()
    lab.wait_until(lambda: load.first_after(ended), "somebody writes again")
    first = load.first_after(ended)
    load.progress()
    cluster.rejoin(old)
    cluster.synchronize()
    return first - promoted, first - ended


HEALTH = "{ interval: 200ms, timeout: 10s }"
WHERE = "SELECT inet_server_port()"


def configuration(it, *targets):
    """A gateway's configuration, with those targets and everything allowed."""
    names = [line.strip().rstrip(":") for target in targets for line in target.splitlines() if line.startswith("  ") and line[2] != " "]
    listen = it.listen() + "  ops: { address: 127.0.0.1, port: 0 }\n"
    policy = f"policies:\n  - {{ name: all, who: {{ users: [postgres] }}, on: [{', '.join(names)}], allow: [ {{ everything: true }} ] }}\n"
    return "version: 1\nstate_dir: state\nworkers: 2\n" + listen + it.users("postgres") + "targets:\n" + "".join(targets) + policy


class HostsCase(unittest.TestCase):
    """Tests of gateways in front of a cluster of their own."""

    def start(self, standbys=1, settings=()):
        self.it = lab.Lab()
        self.addCleanup(self.it.close)
        self.cluster = Cluster(self.it, standbys, settings)
        self.addCleanup(self.cluster.close)

    def gateway(self, **targets):
        """A gateway with a target for each, of those settings of `upstream`; but `pool` is the target's."""
        texts = [self.cluster.target(name.replace("_", "-"), **{"health": HEALTH, **settings}) for name, settings in targets.items()]
        self.current = self.it.gateway(configuration(self.it, *texts))
        return self.current

    def value(self, database, sql=WHERE):
        with Session(self.current.port, database=database, seconds=120) as session:
            return session.run(sql).value()

    def port(self, database):
        return int(self.value(database))

    def refusal(self, database):
        try:
            with Session(self.current.port, database=database, seconds=120) as session:
                return session.run(WHERE).error
        except PermissionError as problem:
            return problem.args[0]

    def wait_for_no_connection(self, target):
        """Until the gateway knows that all server connections of the target are gone: what is sent on one that died in this
        very moment is lost with it."""
        def none():
            scrape = metrics.Scrape(self.current)
            return all(scrape.value("dbgate_upstream_connections", target=target, state=state) == 0 for state in ("active", "idle"))

        lab.wait_until(none, f"{target} has no server connection")

    def logged(self, text):
        return [line for line in self.current.log if text in line]

    def hosts(self):
        """SHOW HOSTS as dictionaries, by target and port."""
        names = ("target", "host", "state", "role", "timeline", "lag_ms", "connections")
        with Session(self.current.port, database="pgbouncer") as session:
            rows = [dict(zip(names, row)) for row in session.run("SHOW HOSTS").rows]
        return {(row["target"], int(row["host"].rpartition(":")[2])): row for row in rows}
