"""The units of deploy/systemd under a systemd that has booted, as the package installs them. Run by scripts/test-deploy.sh, as root.

One Debian for all tests, in front of it the lab's PostgreSQL, behind it psql and pgbench of this machine. They build on one another.
"""
import concurrent.futures
import os
import pathlib
import re
import signal
import subprocess
import sys
import unittest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "support"), str(pathlib.Path(__file__).resolve().parent)]
import containers  # noqa: E402
import installed  # noqa: E402
import lab  # noqa: E402

UNIT = "dbgate.service"
SECONDS = 60


class House:
    """What all tests share."""
    system = root = it = port = None


def config(more=""):
    return f"""version: 1
state_dir: /var/lib/dbgate
drain: {{ min_delay: 0s }}
listen:
  postgres: {{ address: 127.0.0.1, port: {House.port} }}
users: [ {{ name: postgres, scram_verifier_credential: verifier }} ]
targets:
  postgres:
    upstream: {{ hosts: ["127.0.0.1:{House.it.postgres.port}"], database: postgres, user: postgres, password_credential: password, tls: disable }}
    pool: {{ mode: transaction, max: 8 }}
policies: [ {{ name: everything, who: {{ users: [postgres] }}, on: [postgres], allow: [ {{ everything: true }} ] }} ]
{more}"""


def write(path, text, mode=0o644):
    file = House.root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)


def install(files):
    """As an administrator would, with the service manager running."""
    for file in files.values():
        (House.root / "root" / file.name).write_bytes(file.read_bytes())
    return systemd("dpkg", "--install", "--force-confdef", "--force-confold", *(f"/root/{file.name}" for file in files.values()))


def systemd(*command, **more):
    return House.system.run(*command, **more).stdout.strip()


def shown(what):
    return systemd("systemctl", "show", "--property", what, "--value", UNIT)


def prepare(stack):
    containers.need("systemd-nspawn")
    House.root = stack.enter_context(containers.machine("booted"))
    House.it = stack.enter_context(lab.Lab())
    House.port = lab.free_port()
    House.system = containers.System(House.root, containers.PLACE / "booted-console.log")
    stack.callback(House.system.close)
    install(containers.packages())
    write("etc/dbgate/gateway.yaml", config())
    write("etc/dbgate/secrets/password", lab.PASSWORD, 0o600)
    write("etc/dbgate/secrets/verifier", lab.verifier(), 0o600)
    write("etc/systemd/system/dbgate.service.d/test.conf", "[Service]\nLoadCredential=password:/etc/dbgate/secrets/password\n"
          "LoadCredential=verifier:/etc/dbgate/secrets/verifier\nWatchdogSec=3s\n")
    pgbench("--initialize", port=House.it.postgres.port).wait(SECONDS)


def pgbench(*options, port=None):
    return subprocess.Popen([lab.PG_BIN / "pgbench", "-h", "127.0.0.1", "-p", str(port or House.port), "-U", "postgres", *options, "postgres"],
                            env={**os.environ, "PGPASSWORD": lab.PASSWORD}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def main_pid():
    """As this machine counts, too: /proc is of the container, the process of both."""
    return int(shown("MainPID"))


class Booted(unittest.TestCase):
    def ask(self):
        return lab.run_psql("SELECT 1", host="127.0.0.1", port=House.port, user="postgres", database="postgres", check=False)

    def one(self):
        return self.ask().stdout == "1\n"

    def finish(self, load):
        said = load.communicate(timeout=120)[0]
        self.assertEqual(load.returncode, 0, said)
        self.assertRegex(said, r"number of failed transactions: 0 \(0\.000%\)")
        self.assertNotIn("aborted", said)
        return int(re.search(r"actually processed: (\d+)", said)[1])

    def test_1_installed_but_not_started(self):
        self.assertEqual(shown("ActiveState"), "inactive")
        self.assertEqual(systemd("systemctl", "is-enabled", UNIT, check=False), "disabled")
        systemd("systemd-analyze", "verify", "--man=no", f"/lib/systemd/system/{UNIT}")

    def test_2_it_serves_from_its_sandbox(self):
        systemd("systemctl", "daemon-reload")
        systemd("systemctl", "enable", "--now", UNIT)
        self.assertEqual((shown("ActiveState"), shown("StatusText")), ("active", "serving"))
        self.assertTrue(self.one())
        status = systemd("cat", f"/proc/{main_pid()}/status")
        self.assertNotIn("0", re.search(r"^Uid:(.*)$", status, re.M)[1].split())
        for key, value in (("CapEff", "0" * 16), ("NoNewPrivs", "1"), ("Seccomp", "2")):
            self.assertRegex(status, rf"(?m)^{key}:\s+{value}$")
        self.assertEqual(systemd("stat", "--format=%a", "/var/lib/private/dbgate"), "700")
        # The outcome is recorded after the client has its answer.
        lab.wait_until(lambda: "; 0 statements without outcome" in systemd("dbgate", "audit", "verify", "/var/lib/dbgate/audit"), "the record is whole", SECONDS)

    def test_3_reload(self):
        load = pgbench("-S", "-c", "4", "-T", "6")
        write("etc/dbgate/gateway.yaml", config("log: { level: warn }\n"))
        systemd("systemctl", "reload", UNIT)
        lab.wait_until(lambda: shown("StatusText") == "serving", "the new configuration is in force", SECONDS)
        write("etc/dbgate/gateway.yaml", "version: 2\n")
        systemd("systemctl", "reload", UNIT)
        lab.wait_until(lambda: "by the configuration before" in shown("StatusText"), "the bad configuration is refused", SECONDS)
        self.assertEqual(shown("ActiveState"), "active")
        write("etc/dbgate/gateway.yaml", config())
        systemd("systemctl", "reload", UNIT)
        lab.wait_until(lambda: shown("StatusText") == "serving", "the good one is in force", SECONDS)
        self.assertGreater(self.finish(load), 100)

    def test_4_upgrade_without_an_end_of_sessions(self):
        before = main_pid()
        files = installed.other_version()
        load, short = pgbench("-S", "-c", "4", "-T", "12"), pgbench("-S", "-C", "-c", "2", "-T", "12")
        lab.wait_until(self.one, "clients are served")
        install(files)
        lab.wait_until(lambda: main_pid() not in (0, before), "another process serves", SECONDS)
        self.assertTrue(self.one())
        for transactions in (self.finish(load), self.finish(short)):
            self.assertGreater(transactions, 50)
        self.assertEqual((shown("ActiveState"), shown("NRestarts")), ("active", "0"))
        self.assertEqual((House.root / "etc/dbgate/gateway.yaml").read_text(), config())
        # With its last client the old process ends.
        lab.wait_until(lambda: systemd("pidof", "dbgate-gateway").split() == [str(main_pid())], "the old process has ended", SECONDS)

    def test_5_a_process_that_took_over_is_looked_after(self):
        """It is not the service manager's own child until the one before has gone: a crash and a hang are noticed all the same."""
        for sent, restarts in ((signal.SIGKILL, "1"), (signal.SIGSTOP, "2")):
            before = main_pid()
            systemd("kill", f"-{sent.value}", str(before))
            lab.wait_until(lambda: shown("NRestarts") == restarts and shown("ActiveState") == "active", f"a new one after {sent.name}", SECONDS)
            self.assertNotEqual(main_pid(), before)
            self.assertTrue(self.one())

    def test_6_restarted_behind_its_socket(self):
        write("etc/systemd/system/dbgate.socket.d/test.conf", f"[Socket]\nListenStream=\nListenStream=127.0.0.1:{House.port}\n")
        systemd("systemctl", "daemon-reload")
        systemd("systemctl", "stop", UNIT)
        systemd("systemctl", "start", "dbgate.socket")
        self.assertEqual(shown("ActiveState"), "inactive")
        self.assertTrue(self.one())  # which starts it
        self.assertEqual(shown("ActiveState"), "active")
        before = main_pid()
        answers = []
        with concurrent.futures.ThreadPoolExecutor() as pool:
            restarted = pool.submit(systemd, "systemctl", "restart", UNIT)
            while not restarted.done():
                answers.append(self.ask())
            restarted.result()
        self.assertNotEqual(main_pid(), before)
        # Who comes meanwhile waits. Who is there and idle is told to go, as at any drain.
        self.assertIn("1\n", [done.stdout for done in answers])
        for done in answers:
            self.assertTrue(done.stdout == "1\n" or "terminating connection due to administrator command" in done.stderr, done.stderr)

    def test_7_stopped_removed_purged(self):
        systemd("systemctl", "stop", "dbgate.socket", UNIT)
        self.assertEqual((shown("Result"), shown("ExecMainStatus")), ("success", "0"))
        systemd("systemctl", "start", UNIT)
        systemd("dpkg", "--remove", "dbgate-gateway")
        self.assertEqual(systemd("pidof", "dbgate-gateway", check=False), "")
        systemd("dpkg", "--purge", "dbgate-gateway")
        self.assertFalse((House.root / "etc/dbgate/gateway.yaml").exists())
        self.assertTrue(list((House.root / "var/lib/private/dbgate/audit").iterdir()))


if __name__ == "__main__":
    sys.exit(containers.main("__main__", "systemd-nspawn", prepare=prepare))
