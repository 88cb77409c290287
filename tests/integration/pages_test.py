"""Commands in the documents run, in a setting of their own: a PostgreSQL with the shop of the examples, a gateway in front of it,
the command line signed in as an administrator. Which blocks are run, and by whom the others are: tests/support/pages.py.
"""
import os
import pathlib
import re
import shlex
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import pages  # noqa: E402

CONFIG = """
audit: {{ checkpoint_interval: 200ms }}
roles: {{ admin: {{ users: [root] }}, auditor: {{ users: [aud] }} }}
groups: {{ analysts: [ana], leads: [root] }}
targets:
{target}policies:
  - name: analysts-read
    who: {{ groups: [analysts] }}
    on: [shop]
    allow:
      - pack: introspection
      - select: [public.orders, public.products, "public.customers(id, city, region, created_at)"]
        functions: [safe]
  - {{ name: administrators, who: {{ users: [ada, root] }}, on: [shop], allow: [ {{ everything: true }} ] }}
  - {{ name: watched, who: {{ users: [watched] }}, on: [shop], mode: observe }}
"""


class Setting:
    """What the pages' commands find: `environment`, `directory`."""

    def __init__(self):
        self.lab = lab.Lab()
        try:
            self.prepare()
        except BaseException:
            self.lab.close()
            raise

    def prepare(self):
        it = self.lab
        it.postgres.psql("CREATE DATABASE shop")
        it.postgres.psql((lab.ROOT / "config/examples/shop.sql").read_text(encoding="utf-8"), database="shop")
        it.postgres.psql("CREATE ROLE shop_app LOGIN PASSWORD 'of an application'")
        self.gateway = it.gateway("version: 1\nstate_dir: state\n" + it.listen(tls=True) + "  ops: { address: 127.0.0.1, port: 0 }\n" +
                                  it.users("ana", "ada", "aud", "root", "watched") + CONFIG.format(target=it.target("shop")))
        self.directory = it.directory / "pages"
        home, programs = self.directory / "home", self.directory / "bin"
        for path in (self.directory, home, programs):
            path.mkdir(mode=0o700)
        for program in (lab.CLI, lab.GATEWAY):
            (programs / program.name).symlink_to(program)
        (self.directory / "password").write_text(lab.PASSWORD + "\n", encoding="ascii")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DBGATE_", "PG", "XDG_"))}
        self.environment = {
            **kept, "HOME": str(home), "XDG_RUNTIME_DIR": str(home), "PATH": f"{programs}:{lab.PG_BIN}:{os.environ['PATH']}", "EDITOR": "true",
            "PGPASSWORD": lab.PASSWORD, "PGSSLMODE": "prefer", "PGCONNECT_TIMEOUT": "20", "DBGATE_NO_INPUT": "1",
            "DBGATE_CA_FILE": str(it.certificates.ca), "DBGATE_URL": f"https://localhost:{self.gateway.ports['api']}",
            "GATEWAY_PORT": str(self.gateway.port), "DATABASE_PORT": str(it.postgres.port)}
        key = self.gateway.directory / "state" / "audit-signing-key.pub"
        (self.directory / key.name).write_bytes(key.read_bytes())
        self.sign_in()
        # Something to look for, and to have a receipt of.
        it.psql("SELECT count(*) FROM orders", user="watched", database="shop")
        self.statement = self.gateway.audit("statement.decided")[-1]["query_id"]
        lab.wait_until(lambda: self.run(f"dbgate audit receipt {self.statement}", check=False).returncode == 0, "the statement is in a checkpoint")
        self.run(f"cp {self.audit}/audit-w0.checkpoint noted-in-march && cp -r {self.audit} copy")

    def sign_in(self):
        self.run("dbgate login --username root --password-stdin < password")

    def here(self, text):
        """A page's command with the names that things have here."""
        for said, meant in (("https://localhost:8443", self.environment["DBGATE_URL"]), ("https://gateway.example.com", self.environment["DBGATE_URL"]),
                            ("HOST:8443", f"localhost:{self.gateway.ports['api']}"), ("host=gw port=6432", f"host=localhost port={self.gateway.port}"),
                            ("STATE_DIR/audit", str(self.audit)), ("qry_01KAM3E3X7Q4", self.statement), ("/var/lib/dbgate/audit", str(self.audit)),
                            ("http://127.0.0.1:9464", f"http://127.0.0.1:{self.gateway.ports['ops']}"),
                            ("curl ", f"curl -sSf --cacert {self.lab.certificates.ca} ")):
            text = text.replace(said, meant)
        # A person types the password.
        return re.sub(r"^(dbgate login [^\n#]*--username \w+)(?= *(?:#|$))", r"\1 --password-stdin < password", text, flags=re.MULTILINE)

    @property
    def audit(self):
        return self.gateway.directory / "state" / "audit"

    def run(self, text, check=True):
        done = subprocess.run(["bash", "-c", text], cwd=self.directory, env=self.environment, text=True, stdin=subprocess.DEVNULL, timeout=120,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"{text}\n{done.stdout}")
        return done

    def close(self):
        self.run("dbgate disconnect --all", check=False)
        self.lab.close()


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.setting = Setting()
        cls.addClassCleanup(cls.setting.close)

    def test_their_commands_run(self):
        run = [block for block in pages.all_blocks() if not block.mark]
        self.assertGreater(len(run), 6)
        for block in run:
            with self.subTest(block=str(block)):
                self.assertEqual(block.language, "sh", "only sh is run here")
                self.setting.sign_in()  # the block before may have been somebody else's
                self.setting.run(pages.script([(self.setting.here(text), status) for text, status in pages.commands(block.text)]))


# Of docs/cli.md, which the command table makes.
NOT_RUN = {
    "dbgate audit unseal": "nothing is sealed here: tests/integration/sealing_test.py",
    "dbgate audit verify clear/": "nothing is sealed here: tests/integration/sealing_test.py",
    "dbgate replay": "needs a session and another server: tests/integration/replay_test.py",
    "dbgate login --url https://gateway.example.com": "asks for a password: the next line is the same without a terminal",
    'eval "$(dbgate env shop)" && psql': "tests/integration/cli_tunnels_test.py has it; here without the psql that waits",
    "dbgate history list --all --object payroll": "no payroll here",
    "dbgate audit search --object payroll": "no payroll here",
    "dbgate approvals": "nothing waits: tests/integration/approvals_docs_test.py",
    "dbgate request": "no offers: tests/integration/approvals_docs_test.py",
    "dbgate access list": "no rights for a time: tests/integration/approvals_docs_test.py",
    "dbgate policy show": "the policies are the file's here: tests/integration/cli_verbs_test.py",
    "dbgate group member add": "the group is the file's here: tests/e2e/cli_people_test.py",
    "dbgate target": "the target is the file's here: tests/e2e/cli_targets_test.py",
    "dbgate role grant": "the user is the file's here: tests/e2e/cli_people_test.py",
    "dbgate user add ana": "she is the file's here: tests/e2e/cli_people_test.py",
    "dbgate config set": "would change the other commands' gateway: tests/integration/cli_verbs_test.py",
}
FILES = {"report.sql": "SELECT 1;\n", "migration.sql": "SELECT 1;\n", "FILE": lab.PASSWORD + "\n"}


class CommandLine(unittest.TestCase):
    """The examples of docs/cli.md, and verbs and flags wherever they are named."""

    helps = {}

    @classmethod
    def setUpClass(cls):
        cls.setting = Setting()
        cls.addClassCleanup(cls.setting.close)
        for name, text in FILES.items():
            (cls.setting.directory / name).write_text(text, encoding="ascii")
        home = pathlib.Path(cls.setting.environment["HOME"])
        for name in (".zfunc", ".config/fish/completions"):
            (home / name).mkdir(parents=True)
        cls.setting.run("dbgate service-account add etl; dbgate exec shop -c 'SELECT broken'", check=False)
        text = (lab.ROOT / "docs/cli.md").read_text(encoding="utf-8")
        cls.examples = [line.partition("    # ")[0] for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]

    def test_verbs_and_flags_exist(self):
        """Those of all pages, also of blocks that are not run here."""
        said = [line for block in pages.all_blocks() for line in block.text.replace("\\\n", " ").splitlines()
                if block.language != "console" or re.match(r"\w*\$ ", line)]
        uses = [(use, line) for line in [*self.examples, *said] for use in re.findall(r"(?:^|[|($&;] ?)(dbgate(?:-gateway)? [^|;&)#]+)", line)]
        self.assertGreater(len(uses), 80)
        for use, line in uses:
            program, *words = re.sub(r"'[^']*'|\"[^\"]*\"", "TEXT", use.partition(" -- ")[0]).split()
            verb = next((words[:length] for length in (2, 1, 0) if self.help_of(program, words[:length])), [])
            with self.subTest(line=line):
                self.assertTrue(verb or not words or words[0].startswith("-"), "no such verb")
                for flag in (word for word in words if word.startswith("--")):
                    self.assertRegex(self.help_of(program, verb), rf"{flag}\b")

    def help_of(self, program, verb):
        """Empty if there is no such verb."""
        key = (program, *verb)
        if key not in self.helps:
            done = self.setting.run(" ".join([program, *map(shlex.quote, verb), "--help"]), check=False)
            known = done.returncode == 0 and (program != "dbgate" or done.stdout.startswith(" ".join(["dbgate", *verb]) + ":"))
            self.helps[key] = done.stdout if known else ""
        return self.helps[key]

    def test_they_run(self):
        run = [example for example in self.examples if not example.startswith(tuple(NOT_RUN))]
        self.assertGreater(len(run), 20)
        for example in run:
            with self.subTest(example=example):
                done = self.setting.run(self.setting.here(example).replace("--username ana", "--username root"), check=False)
                self.assertEqual(done.returncode, 0, done.stdout)

    def test_what_is_not_run_is_there(self):
        for start, reason in NOT_RUN.items():
            self.assertTrue(any(example.startswith(start) for example in self.examples), start)
            for name in re.findall(r"tests/[\w/]+\.py", reason):
                self.assertTrue((lab.ROOT / name).exists(), name)


class Migration(unittest.TestCase):
    """docs/migration-pgbouncer.md and docs/migration-accounts.md: what they promise."""

    def test_an_application_keeps_its_password(self):
        with lab.Lab() as it:
            it.postgres.psql("SET password_encryption = 'scram-sha-256'; CREATE ROLE shop_app LOGIN PASSWORD 'of an application'; CREATE TABLE t (a int)")
            verifier = it.postgres.psql("SELECT rolpassword FROM pg_authid WHERE rolname = 'shop_app'").stdout.strip()
            it.gateway("version: 1\nstate_dir: state\n" + it.listen() + f"users: [ {{ name: shop_app, scram_verifier: '{verifier}' }} ]\ntargets:\n" +
                       it.target() + "policies: [ { name: watched, who: { users: [shop_app] }, on: [postgres], mode: observe } ]\n")
            seen = it.psql("SELECT count(*) FROM t", user="shop_app", password="of an application")
            self.assertEqual(seen.stdout, "0\n")
            self.assertEqual([record["decision.effect"] for record in it.current.audit("statement.decided")][-1], "log_only")

    def test_the_configuration_is_good(self):
        text = re.search(r"```yaml\n(.*?)```", (lab.ROOT / "docs/migration-pgbouncer.md").read_text(encoding="utf-8"), re.DOTALL)[1]
        with lab.tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "gateway.yaml"
            path.write_text(text, encoding="utf-8")
            done = subprocess.run([str(lab.GATEWAY), "--check-config", "--config", str(path)], capture_output=True, text=True, check=False)
        for line in done.stderr.splitlines():
            self.assertRegex(line, "does not exist or is not readable|needs scram_verifier")


if __name__ == "__main__":
    unittest.main()
