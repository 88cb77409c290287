"""A private PostgreSQL and a private gateway for one test run: own directories, own ports, nothing left behind.

    with lab.Lab() as it:
        it.postgres.psql("CREATE TABLE t (a int)")
        it.gateway(it.forward_everything())
        it.psql("SELECT 1", user="admin")
"""
import contextlib
import itertools
import json
import os
import pathlib
import random
import pwd
import re
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DBGATE_BUILD", ROOT / "build" / "dev"))
GATEWAY = BUILD / "gateway" / "app" / "dbgate-gateway"
CLI = BUILD / "cli" / "dbgate"
PG_BIN = pathlib.Path(os.environ.get("DBGATE_PG_BIN", "/usr/lib/postgresql/15/bin"))
PASSWORD = "correct horse battery staple"
# Where gateways keep their stores whose configuration does not say: in a file each, or in a schema each on the lab's own server.
STORE = os.environ.get("DBGATE_TEST_STORE", "sqlite")
START_SECONDS = 60


def free_port():
    """A port nobody listens on. PostgreSQL cannot say which one it took, so it is told. None of those that the system gives
    to whoever connects somewhere: until it is used, or while a server restarts, many do."""
    first_given = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for _ in range(100):
        port = random.randrange(10_000, first_given) if first_given > 20_000 else 0
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return probe.getsockname()[1]
    raise AssertionError("no port is free")


def wait_until(condition, what, seconds=START_SECONDS, pause=0.02):
    """Polls for a fact that only another process can bring about."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(pause)
    raise AssertionError(f"{what}: not within {seconds} s")


def as_server_user(command):
    """PostgreSQL refuses to run as root, so root runs it as `postgres` (or `nobody`)."""
    if os.getuid() != 0:
        return command
    return ["setpriv", f"--reuid={server_user().pw_uid}", f"--regid={server_user().pw_gid}", "--clear-groups", *command]


def server_user():
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise AssertionError("no ordinary user to run PostgreSQL as")


class Certificates:
    """An authority, a server certificate for localhost, and client certificates on demand."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.ca, ca_key = self.directory / "ca.crt", self.directory / "ca.key"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                      "-subj", "/CN=dbgate test authority", "-keyout", ca_key, "-out", self.ca)
        self.cert, self.key = self.issue("server", "localhost", "subjectAltName=DNS:localhost,IP:127.0.0.1")

    def issue(self, name, common_name, extension="basicConstraints=CA:FALSE"):
        cert, key, request = (self.directory / f"{name}.{kind}" for kind in ("crt", "key", "csr"))
        extensions = self.directory / f"{name}.ext"
        extensions.write_text(extension + "\n")
        self._openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                      f"/CN={common_name}", "-keyout", key, "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.directory / "ca.key",
                      "-CAcreateserial", "-days", "2", "-extfile", extensions, "-out", cert)
        return cert, key

    @staticmethod
    def _openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Postgres:
    """A cluster of its own. Superuser `postgres` with PASSWORD; `settings` go to postgresql.conf, `programs` is where the
    server's are."""

    def __init__(self, directory, settings=(), programs=PG_BIN, hba=("local all all scram-sha-256", "host all all 127.0.0.1/32 scram-sha-256",
                                                    "host replication all 127.0.0.1/32 scram-sha-256")):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True)
        self.port = free_port()
        self.programs = pathlib.Path(programs)
        self.data = self.directory / "data"
        secret = self.directory / "password"
        secret.write_text(PASSWORD + "\n")
        if os.getuid() == 0:
            for path in (self.directory, secret):
                os.chown(path, server_user().pw_uid, server_user().pw_gid)
        self._run(self.programs / "initdb", "-D", self.data, "-U", "postgres", f"--pwfile={secret}", "-A", "scram-sha-256", "-E",
                  "UTF8", "--locale=C.UTF-8", "--no-sync")
        lines = ["fsync=off", "wal_level=logical", "listen_addresses='127.0.0.1'", f"port={self.port}",
                 f"unix_socket_directories='{self.directory}'", "max_connections=100", "autovacuum=off", *settings]
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.write("\n".join(lines) + "\n")
        (self.data / "pg_hba.conf").write_text("\n".join(hba) + "\n")
        self._start_somewhere()

    def _start_somewhere(self):
        """Whoever is quicker has the port."""
        for left in reversed(range(5)):
            try:
                return self.start()
            except AssertionError:
                if left == 0 or "Address already in use" not in (self.directory / "log").read_text(encoding="utf-8"):
                    raise
            (self.directory / "log").unlink()
            before, self.port = self.port, free_port()
            conf = self.data / "postgresql.conf"
            conf.write_text(conf.read_text(encoding="utf-8").replace(f"port={before}\n", f"port={self.port}\n"), encoding="utf-8")

    def _run(self, *command):
        done = subprocess.run(as_server_user([str(part) for part in command]), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise AssertionError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")

    def start(self):
        self._run(self.programs / "pg_ctl", "-D", self.data, "-l", self.directory / "log", "-w", "start")

    def stop(self, mode="immediate"):
        self._run(self.programs / "pg_ctl", "-D", self.data, "-m", mode, "-w", "stop")

    def restart(self, mode="immediate"):
        self.stop(mode)
        self.start()

    def use_tls(self, certificates):
        """Restarts it with a certificate for localhost, and the authority for those of clients."""
        for source, name in ((certificates.cert, "server.crt"), (certificates.key, "server.key"), (certificates.ca, "ca.crt")):
            target = self.data / name
            target.write_bytes(source.read_bytes())
            target.chmod(0o600)
            if os.getuid() == 0:
                os.chown(target, server_user().pw_uid, server_user().pw_gid)
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.write("ssl=on\nssl_ca_file='ca.crt'\n")
        self.restart("fast")

    def psql(self, sql, database="postgres", user="postgres"):
        return run_psql(sql, host="127.0.0.1", port=self.port, user=user, database=database)


class Stores:
    """A database in which gateways have their stores, with what their configuration has to say for it."""

    def __init__(self, server, directory):
        self.server, self.database = server, "dbgate_stores"
        self.files = {"key": secrets.token_hex(32), "password": PASSWORD}
        for name, text in self.files.items():
            self.files[name] = directory / f"stores.{name}"
            self.files[name].touch(0o600)
            self.files[name].write_text(text + "\n", encoding="ascii")
        server.psql(f"CREATE DATABASE {self.database}")

    @staticmethod
    def schema(directory):
        """Of the gateway in that directory: the same when it is started again."""
        return "of_" + re.sub("[^a-z0-9]", "_", pathlib.Path(directory).name.lower())

    def settings(self, schema):
        return (f"store: {{ url: 'postgresql://postgres@127.0.0.1:{self.server.port}/{self.database}?sslmode=disable&schema={schema}', "
                f"password_file: {self.files['password']} }}\nencryption: {{ keys: [ {{ id: lab, key_file: {self.files['key']} }} ] }}\n")

    current = None  # of the lab that runs, if gateways are to have their stores there


def with_store(config, directory):
    """The configuration of a gateway in that directory, with the store that this run of the tests is about. No test has
    load balancers that need time to hear of its end."""
    if not re.search("^drain:", config, re.MULTILINE) and config.startswith("version: 1"):
        config = config.rstrip("\n") + "\ndrain: { min_delay: 0s }\n"
    if Stores.current is None or re.search("^(store|encryption):", config, re.MULTILINE):
        return config
    return config.rstrip("\n") + "\n" + Stores.current.settings(Stores.schema(directory))


def read_tail(path):
    """The lines of an audit log's tail: a header of 32 bytes, with the number of bytes behind it (gateway/audit/tail.h)."""
    while True:
        with contextlib.suppress(FileNotFoundError):
            before, after = path.read_bytes(), path.read_bytes()[:24]
            if before[:24] == after:
                used = int.from_bytes(before[24:32], sys.byteorder)
                return before[32:32 + used].decode("utf-8").split("\n")[:-1]
            continue
        return []


def segments(log):
    """Paths of an audit log's segments as they are called while they are plain, in their order."""
    names = {path.name.removesuffix(".zst") for _ in range(2) for path in log.glob("audit-*.jsonl*") if path.name.endswith((".jsonl", ".zst"))}
    return [log / name for name in sorted(names)]


def read_segment(path):
    """The bytes of a segment as they were written, whether it is compressed by now or not; none if it has gone."""
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    with contextlib.suppress(FileNotFoundError):
        return subprocess.run(["zstd", "-dcq"], input=path.with_name(f"{path.name}.zst").read_bytes(), check=True, capture_output=True).stdout
    return b""


class Gateway:
    """A running dbgate-gateway. `config` is its YAML; ports are read from what it logs."""

    def __init__(self, directory, config, program=GATEWAY, arguments=(), **pipes):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.config = self.directory / "gateway.yaml"
        self.ports = {}
        self.log = []
        self.write_config(config)
        self.process = subprocess.Popen([str(program), "--config", str(self.config), *arguments], stderr=subprocess.PIPE, text=True, **pipes)
        self._ready = threading.Event()  # or ended
        self._serves = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._ready.wait(START_SECONDS) or not self._serves:
            self.process.kill()
            self.process.wait()
            raise AssertionError("the gateway did not start:\n" + "\n".join(self.log))

    def write_config(self, config):
        temporary = self.config.with_suffix(".new")
        temporary.write_text(with_store(config, self.directory))
        temporary.chmod(0o600)
        temporary.rename(self.config)

    def _read(self):
        for line in self.process.stderr:
            self.log.append(line.rstrip("\n"))
            with contextlib.suppress(ValueError):
                record = json.loads(line)
                if record.get("msg") == "listening":
                    self.ports[record["listener"]] = int(record["port"])
                if record.get("msg") == "ready":
                    self._serves = True
                    self._ready.set()
        self._ready.set()

    @property
    def port(self):
        return self.ports["postgres"]

    def reload(self, config):
        before = len([line for line in self.log if "reloaded" in line])
        self.write_config(config)
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len([line for line in self.log if "reloaded" in line]) > before, "the configuration is reloaded", 10)
        last = [line for line in self.log if "reloaded" in line][-1]
        if "not reloaded" in last:
            raise AssertionError(last)

    def audit(self, event=None):
        """All records so far, of one kind if `event` is given, in the order of each chain."""
        log = self.directory / "state" / "audit"
        # Before the segments: what is written in between stands in both.
        tails = {path.stem: read_tail(path) for path in sorted(log.glob("audit-*.tail"))}
        chains = {}
        for path in segments(log):
            lines = [line for line in read_segment(path).splitlines(keepends=True) if line.endswith(b"\n")]
            chains.setdefault(path.stem.rpartition("-")[0], []).extend(json.loads(line) for line in lines)
        for name, lines in tails.items():
            records = chains.setdefault(name, [])
            last = records[-1]["seq"] if records else 0
            records.extend(record for record in map(json.loads, lines) if record["seq"] > last)
        return [record for name in sorted(chains) for record in chains[name] if event is None or record["event"] == event]

    def memory(self):
        """Bytes of its own in memory now (proc_pid_status(5)). Code is not counted: it is let go of five seconds after
        the start, and comes back from its file as it is used."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"RssAnon:\s+(\d+) kB", status)[1]) * 1024

    def command(self, *arguments, **more):
        """Runs the program beside the gateway, with its configuration."""
        return subprocess.run([str(GATEWAY), *map(str, arguments), "--config", str(self.config)], capture_output=True, text=True,
                              check=False, timeout=120, **more)

    def stop(self):
        """Ends the gateway and returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            status = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError("the gateway did not stop:\n" + "\n".join(self.log[-20:])) from None
        self._reader.join(5)
        self.process.stderr.close()
        return status

    def check(self):
        """Fails if a sanitizer or an internal error spoke in the log."""
        bad = [line for line in self.log if re.search(r"Sanitizer|runtime error|internal error", line)]
        if bad:
            raise AssertionError("the gateway's log:\n" + "\n".join(self.log[-80:]))


def run_psql(sql, *, host, port, user, database, password=PASSWORD, options=("-X", "-A", "-t", "-q"), sslmode="prefer",
             check=True, environment=None, timeout=120, merge=False):
    """Runs SQL in psql; returns the finished process, whose stdout is unaligned and without headers. With `merge`, errors
    stand in stdout where they happened."""
    variables = {**os.environ, "PGPASSWORD": password, "PGSSLMODE": sslmode, "PGCONNECT_TIMEOUT": "20",
                 **(environment or {})}
    done = subprocess.run(["psql", *options, "-h", str(host), "-p", str(port), "-U", user, "-d", database, "-v",
                           "ON_ERROR_STOP=0", "-f", "-"], input=sql, text=True, env=variables, timeout=timeout, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT if merge else subprocess.PIPE)
    if check and (done.returncode != 0 or "ERROR:" in done.stderr):
        raise AssertionError(f"psql failed ({done.returncode}):\n{done.stdout}{done.stderr}")
    return done


def verifier(password=PASSWORD):
    return subprocess.run([str(GATEWAY), "scram-verifier"], input=password + "\n", capture_output=True, text=True,
                          check=True).stdout.strip()


class Lab:
    """A directory with a PostgreSQL and any number of gateways in it, all gone at the end."""

    def __init__(self, **postgres):
        self._stack = contextlib.ExitStack()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="dbgate-lab-"))
        self._stack.callback(shutil.rmtree, self.directory, ignore_errors=True)
        self.directory.chmod(0o755)
        self._gateways = itertools.count(1)
        self.current = None
        self._verifier = None
        self.certificates = Certificates(self.directory / "tls")
        try:
            self.postgres = Postgres(self.directory / "postgres", **postgres)
            self._stack.callback(self.postgres.stop)
            Stores.current = Stores(self.postgres, self.directory) if STORE == "postgresql" else None
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._stack.close()

    def gateway(self, config, kind=Gateway, **more):
        """`more` goes to Gateway. Several may be started at the same time."""
        gateway = kind(self.directory / f"gateway{next(self._gateways)}", config, **more)
        self._stack.callback(gateway.check)
        self._stack.callback(gateway.stop)
        self.current = gateway
        return gateway

    def users(self, *names):
        self._verifier = self._verifier or verifier()
        return "users:\n" + "".join(f'  - {{ name: {name}, scram_verifier: "{self._verifier}" }}\n' for name in names)

    def listen(self, tls=False):
        secured = f", tls: {{ cert_file: {self.certificates.cert}, key_file: {self.certificates.key} }}" if tls else ""
        listeners = f"listen:\n  postgres: {{ address: 127.0.0.1, port: 0{secured} }}\n"
        return listeners + (f"  api: {{ address: 127.0.0.1, port: 0{secured} }}\n" if tls else "")

    def target(self, name="postgres", databases=(), search_path=("public",), pool=None, **upstream):
        """`pool`: what stands in its braces, such as "mode: transaction, max: 3"."""
        settings = {"hosts": f'["127.0.0.1:{self.postgres.port}"]', "database": name, "user": "postgres",
                    "password": PASSWORD, "tls": "disable", **upstream}
        inner = ", ".join(f"{key}: {value}" for key, value in settings.items() if value is not None)
        return (f"  {name}:\n    databases: [{', '.join(databases)}]\n    search_path: [{', '.join(search_path)}]\n"
                f"    upstream: {{ {inner} }}\n" + (f"    pool: {{ {pool} }}\n" if pool else ""))

    def forward_everything(self, user="postgres", databases=("postgres",), tls=False, extra="", pool=None, **upstream):
        """A policy that allows everything, for comparing with PostgreSQL itself."""
        return ("version: 1\nstate_dir: state\n" + extra + self.listen(tls) + self.users(user) + "targets:\n" +
                "".join(self.target(name, search_path=(), pool=pool, **upstream) for name in databases) +
                f"policies:\n  - name: everything\n    who: {{ users: [{user}] }}\n    on: [{', '.join(databases)}]\n"
                "    allow: [ { everything: true } ]\n")

    @contextlib.contextmanager
    def tunnel(self, target="postgres", user="postgres"):
        """A tunnel of `dbgate connect` to the current gateway, which must have TLS: its event `ready`, with `password`."""
        home = tempfile.mkdtemp(prefix="home-", dir=self.directory)
        environment = {**os.environ, "XDG_STATE_HOME": home, "XDG_RUNTIME_DIR": home,
                       "DBGATE_CA_FILE": str(self.certificates.ca),
                       "DBGATE_URL": f"https://localhost:{self.current.ports['api']}"}
        subprocess.run([str(CLI), "login", "--username", user, "--password-stdin"], input=PASSWORD + "\n", text=True,
                       env=environment, check=True, capture_output=True)
        with subprocess.Popen([str(CLI), "connect", target, "--port", "0", "-o", "json"], stdout=subprocess.PIPE,
                              text=True, env=environment) as process:
            try:
                event = next(event for event in map(json.loads, process.stdout) if event["event"] == "ready")
                passfile = pathlib.Path(event["passfile"]).read_text(encoding="utf-8")
                yield {**event, "password": passfile.strip().split(":")[-1]}
            finally:
                process.terminate()

    def psql(self, sql, *, user="postgres", database="postgres", **options):
        return run_psql(sql, host="localhost", port=self.current.port, user=user, database=database, **options)
