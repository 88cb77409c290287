"""What the contestants have to do. Each run gives work done, the client's CPU and the proxy's."""
import os
import pathlib
import re
import resource
import subprocess

from contestants import DATABASE, lab

WIDE_ROWS = 40_000
# So many that signing in, which is part of the window, is lost in them: 5.4 MB each.
COPIES_OUT, COPIES_IN = 24, 8


class Run:
    """One window of one contestant."""

    def __init__(self, transactions, proxy_seconds, client_seconds, latency_ms):
        self.transactions = transactions
        self.proxy_us = proxy_seconds / transactions * 1e6
        self.client_us = client_seconds / transactions * 1e6
        self.latency_ms = latency_ms
        self.per_second = 0.0

    @property
    def cost(self):
        """Proxy CPU per transaction in units of the client's, which does constant work: a speed index of the machine."""
        return self.proxy_us / self.client_us


def client_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def environment(tls):
    return {**os.environ, "PGPASSWORD": lab.PASSWORD, "PGSSLMODE": "require" if tls else "disable", "PGGSSENCMODE": "disable"}


def counted(name, contestant, output, status, proxy, client):
    """The window that pgbench, or what prints the same, has had."""
    count = re.search(r"actually processed: (\d+)", output)
    if status != 0 or not count or int(count[1]) == 0:
        raise AssertionError(f"{contestant.name}, {name}: the client failed\n{output}"[-2000:])
    result = Run(int(count[1]), proxy, client, float(re.search(r"latency average = ([\d.]+)", output)[1]))
    result.per_second = float(re.search(r"tps = ([\d.]+)", output)[1])
    return result


class Pgbench:
    """pgbench with some options for a window of time."""

    def __init__(self, name, options, tls=False, prepared=False, broad=False):
        """`broad`: for all contestants, even when time is short."""
        self.name, self.options, self.tls, self.prepared, self.broad = name, options, tls, prepared, broad

    def fits(self, contestant):
        return (contestant.tls or not self.tls) and (contestant.prepared or not self.prepared)

    def run(self, contestant, seconds):
        # On a busy machine many clients may need the first second to sign in.
        seconds = max(seconds, 2) if "64" in self.options else seconds
        before_client, before = client_seconds(), contestant.cpu_seconds()
        done = subprocess.run(["pgbench", "-n", "-h", "127.0.0.1", "-p", str(contestant.port), "-U", "postgres", "-T",
                               str(seconds), *self.options, DATABASE], env=environment(self.tls), check=False, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return counted(self.name, contestant, done.stdout, done.returncode, contestant.cpu_seconds() - before,
                       client_seconds() - before_client)


class Load:
    """bench_load for a window of time: statements in batches, at the least cost to the client. Signing in is not counted."""

    broad = False

    def __init__(self, name, clients, batch, work):
        self.name, self.clients, self.batch, self.work = name, clients, batch, work

    def fits(self, contestant):
        return True

    def run(self, contestant, seconds):
        command = [lab.BUILD / "bench" / "bench_load", contestant.port, DATABASE, "postgres", self.clients, self.batch, seconds,
                   self.work]
        with subprocess.Popen([str(part) for part in command], env=environment(False), text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT) as process:
            first, before = process.stdout.readline(), contestant.cpu_seconds()
            output = first + process.stdout.read()
        used = re.search(r"cpu = ([\d.]+)", output)
        return counted(self.name, contestant, output, process.returncode, contestant.cpu_seconds() - before,
                       float(used[1]) if used else 0.0)


class Copy:
    """COPY of the wide table by psql, several times; a transaction is one COPY."""

    broad = False

    def __init__(self, name, into, data, postgres):
        self.name, self.into, self.data, self.postgres = name, into, data, postgres

    def fits(self, contestant):
        return True

    def run(self, contestant, seconds):
        command = ["psql", "-X", "-q", "-h", "127.0.0.1", "-p", str(contestant.port), "-U", "postgres", "-d", DATABASE]
        sql = "COPY public.sink FROM STDIN" if self.into else "COPY public.wide TO STDOUT"
        copies = COPIES_IN if self.into else COPIES_OUT
        command += ["-c", sql] * copies
        self.postgres.psql("TRUNCATE sink", database=DATABASE)
        before_client, before = client_seconds(), contestant.cpu_seconds()
        source = open(self.data, "rb") if self.into else subprocess.DEVNULL
        done = subprocess.run(command, env=environment(False), stdin=source, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise AssertionError(f"{contestant.name}, {self.name}: {done.stderr}")
        return Run(copies, contestant.cpu_seconds() - before, client_seconds() - before_client, 0.0)


def create(postgres, database, scale):
    """A database with pgbench's tables."""
    postgres.psql(f"CREATE DATABASE {database}")
    subprocess.run(["pgbench", "-i", "-q", "-s", str(scale), "-h", "127.0.0.1", "-p", str(postgres.port), "-U", "postgres",
                    database], env=environment(False), check=True, capture_output=True)


def prepare(postgres, directory):
    """What the workloads need besides; returns a file of rows for COPY FROM, and a script."""
    postgres.psql(f"CREATE UNLOGGED TABLE wide AS SELECT g AS id, repeat(md5(g::text), 3) AS a, g * 3 AS b, now() AS c "
                  f"FROM generate_series(1, {WIDE_ROWS}) g; CREATE UNLOGGED TABLE sink (LIKE wide); VACUUM ANALYZE;",
                  database=DATABASE)
    rows = postgres.psql("COPY wide TO STDOUT", database=DATABASE).stdout
    # psql reads one COPY after the other from its standard input, each up to \.
    data = pathlib.Path(directory) / "rows"
    data.write_text((rows + "\\.\n") * COPIES_IN, encoding="utf-8")
    script = pathlib.Path(directory) / "wide.sql"
    script.write_text("SELECT * FROM wide;\n", encoding="utf-8")
    return data, script


def all_of(postgres, data, script, quick):
    pgbench = [Pgbench("-S simple, 8 clients", ["-S", "-c", "8"], broad=True),
               Pgbench("-S extended, 8 clients", ["-S", "-c", "8", "-M", "extended"]),
               Pgbench("-S prepared, 8 clients", ["-S", "-c", "8", "-M", "prepared"], prepared=True, broad=True),
               Pgbench("-N simple, 8 clients", ["-N", "-c", "8"]),
               Pgbench("-S simple, 1 client", ["-S", "-c", "1"]),
               Pgbench("-S simple, 64 clients", ["-S", "-c", "64"]),
               Load("every statement new, 8 clients", 8, 1, "fresh"),
               Pgbench("churn (-C -S), 8 clients", ["-C", "-S", "-c", "8"], broad=True),
               Pgbench("TLS, -S simple, 8 clients", ["-S", "-c", "8"], tls=True),
               Pgbench("large SELECT", ["-f", str(script), "-c", "2"])]
    if not quick:
        pgbench[6:6] = [Pgbench("-S extended, 1 client", ["-S", "-c", "1", "-M", "extended"]),
                        Pgbench("-S extended, 64 clients", ["-S", "-c", "64", "-M", "extended"]),
                        Pgbench("-S prepared, 1 client", ["-S", "-c", "1", "-M", "prepared"], prepared=True),
                        Pgbench("-S prepared, 64 clients", ["-S", "-c", "64", "-M", "prepared"], prepared=True)]
    return [*pgbench, Copy("COPY out", False, data, postgres), Copy("COPY in", True, data, postgres)]
