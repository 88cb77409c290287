"""The proxies that are compared, each a process in front of the same PostgreSQL, with one worker."""
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "support"))
import lab  # noqa: E402

DATABASE = "bench"
# As many server connections as PgBouncer has here.
POOL = "mode: transaction, max: 70"
POLICY = """policies:
  - name: bench
    who: { users: [postgres] }
    on: [bench]
    allow:
      - { pack: introspection }
      - select: ["public.pgbench_accounts(aid, bid, abalance)", public.pgbench_branches, public.pgbench_tellers, public.wide]
        copy_out: [public.wide]
        copy_in: [public.sink]
        functions: [safe]
      - update: ["public.pgbench_accounts(abalance)", "public.pgbench_branches(bbalance)", "public.pgbench_tellers(tbalance)"]
        require: { where: true }
      - insert: [public.pgbench_history]
"""


EVERYTHING = POLICY.split("    allow:")[0] + "    allow: [ { everything: true } ]\n"


def cpu_seconds(pid):
    """User and system time of all threads, as exact as the scheduler counts."""
    return sum(int((task / "schedstat").read_text().split()[0]) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()) / 1e9


class Contestant:
    """One proxy: what it is called, where it listens, and what it has used so far."""

    def __init__(self, name, port, pid, tls=True, prepared=True, aside=False, audit=None):
        """`aside`: of interest in some workloads only, when time is short. `audit`: the directory of its audit log."""
        self.name, self.port, self.pid, self.audit = name, port, pid, audit
        self.tls, self.prepared, self.aside = tls, prepared, aside

    def cpu_seconds(self):
        return cpu_seconds(self.pid)

    def drop_full_segments(self):
        """Half a million statements a second fill a disk within minutes."""
        chains = {}
        for path in sorted(self.audit.glob("audit-*.jsonl")):
            chains.setdefault(path.stem.rpartition("-")[0], []).append(path)
        for segments in chains.values():
            for path in segments[:-1]:
                path.unlink()

    def memory(self):
        """All that is resident, and what of it is the process's own: neither code nor constants, which come and go."""
        rollup = pathlib.Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        return [int(re.search(rf"^{name}:\s+(\d+) kB", rollup, re.MULTILINE)[1]) * 1024 for name in ("Rss", "Anonymous")]


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Arena:
    """Starts contestants in a laboratory and ends them with it."""

    def __init__(self, laboratory, stack, server_port):
        self.lab, self.stack, self.server_port = laboratory, stack, server_port
        self.directory = laboratory.directory

    def start(self, name, command, port, **traits):
        log = open(self.directory / f"{name}.log", "w", encoding="utf-8")
        process = subprocess.Popen([str(part) for part in command], stdout=log, stderr=log)
        self.stack.callback(self._end, process, log)
        try:
            lab.wait_until(lambda: process.poll() is not None or listens(port), name, 20)
        except AssertionError:
            pass
        if process.poll() is not None:
            raise SystemExit(f"{name} did not start:\n" + pathlib.Path(log.name).read_text(encoding="utf-8"))
        return Contestant(name, port, process.pid, **traits)

    @staticmethod
    def _end(process, log):
        process.kill()
        process.wait()
        log.close()

    def pgbouncer(self, mode, label=None):
        name, port = label or f"pgbouncer-{mode}", lab.free_port()
        home = self.directory / name
        home.mkdir()
        (home / "users.txt").write_text(f'"postgres" "{lab.PASSWORD}"\n')
        certificates = self.lab.certificates
        for path in (certificates.cert, certificates.key, certificates.directory):
            path.chmod(0o755 if path.is_dir() else 0o644)
        (home / "pgbouncer.ini").write_text(
            f"[databases]\n* = host=127.0.0.1 port={self.server_port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {port}\nunix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {home}/users.txt\n"
            f"pool_mode = {mode}\nmax_client_conn = 12000\ndefault_pool_size = 70\nlog_connections = 0\n"
            f"log_disconnections = 0\nignore_startup_parameters = extra_float_digits\nclient_tls_sslmode = allow\n"
            f"client_tls_cert_file = {certificates.cert}\nclient_tls_key_file = {certificates.key}\n")
        for path in (home, *home.iterdir()):
            shutil.chown(path, lab.server_user().pw_name) if os.getuid() == 0 else None
        command = lab.as_server_user([shutil.which("pgbouncer") or "/usr/sbin/pgbouncer", str(home / "pgbouncer.ini")])
        return self.start(name, command, port, prepared=mode == "session", aside=mode == "session")

    def haproxy(self):
        port = lab.free_port()
        config = self.directory / "haproxy.cfg"
        config.write_text("global\n nbthread 1\n maxconn 2000\ndefaults\n mode tcp\n timeout connect 5s\n timeout client 1h\n"
                          f" timeout server 1h\nfrontend f\n bind 127.0.0.1:{port}\n default_backend b\n"
                          f"backend b\n server s 127.0.0.1:{self.server_port}\n")
        return self.start("haproxy", [shutil.which("haproxy") or "/usr/sbin/haproxy", "-db", "-f", config], port, tls=False,
                          aside=True)

    def forwarder(self):
        port = lab.free_port()
        program = lab.BUILD / "bench" / "bench_forwarder"
        return self.start("forwarder", [program, port, self.server_port], port, tls=False)

    def dbgate(self, name="dbgate", policies=POLICY, workers=1, database=DATABASE, pool=POOL, program=None):
        """`database`: the server's; `program`: another build of the gateway, to be compared with this one."""
        target = self.lab.target(DATABASE, database=database, pool=pool, hosts=f'["127.0.0.1:{self.server_port}"]', allow_no_password="true")
        config = (f"version: 1\nstate_dir: state\nworkers: {workers}\n"
                  "limits: { connections: 12000, login_timeout: 60s, failed_logins_per_minute: 100000 }\n" +
                  self.lab.listen(tls=True) + self.lab.users("postgres") + "targets:\n" + target + policies)
        gateway = self.lab.gateway(config, program=pathlib.Path(program or lab.GATEWAY))
        return Contestant(name, gateway.port, gateway.process.pid, aside=pool is None, audit=gateway.directory / "state" / "audit")


class Stub:
    """The server that answers at once; what is asked about the catalog it passes on to a real one."""

    def __init__(self, stack, catalog_port=None):
        self.port = lab.free_port()
        command = [lab.BUILD / "bench" / "bench_stub", self.port, 1, *([catalog_port] if catalog_port else [])]
        self.process = subprocess.Popen([str(part) for part in command])
        stack.callback(self.process.wait)
        stack.callback(self.process.kill)
        lab.wait_until(lambda: listens(self.port), "the stub", 10)
        self.pid = self.process.pid
