"""Documents are code: what they name exists, what exists they name, their commands and policies do what they say."""
import json
import os
import pathlib
import re
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402
import yaml12  # noqa: E402

DOCS = [lab.ROOT / "README.md", *sorted((lab.ROOT / "docs").rglob("*.md")), *sorted(lab.ROOT.glob("*/README.md")),
        *sorted(lab.ROOT.glob("gateway/*/README.md")), *sorted(lab.ROOT.glob("protocol/*/README.md"))]


def text_of(name):
    return (lab.ROOT / name).read_text(encoding="utf-8")


class Documents(unittest.TestCase):
    def test_links_lead_somewhere(self):
        for document in DOCS:
            for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text(encoding="utf-8")):
                if "://" not in target:
                    self.assertTrue((document.parent / target).exists(), f"{document}: {target}")

    def test_files_that_are_named_exist(self):
        for document in DOCS:
            for name in re.findall(r"`((?:scripts|tests|docs|config|gateway|cli|protocol)/[\w./-]*\w)(?:[ `])",
                                   document.read_text(encoding="utf-8")):
                self.assertTrue((lab.ROOT / name).exists(), f"{document}: {name}")

    def test_every_room_has_a_page_and_a_row(self):
        rooms = [path.name for path in sorted((lab.ROOT / "gateway").iterdir()) if path.is_dir()]
        table = text_of("docs/architecture.md")
        for room in rooms:
            self.assertTrue((lab.ROOT / "gateway" / room / "README.md").exists(), room)
            self.assertIn(f"| `gateway/{room}/` |", table)
        for room in ("protocol", "config", "cli"):
            self.assertIn(f"| `{room}/` |", table)

    def test_every_configuration_key_is_described(self):
        keys = set()
        for name in ("config/loader.cpp", "config/policies.cpp", "config/limits.cpp", "config/identity.cpp", "config/risk.cpp", "config/webhooks.cpp"):
            for listed in re.findall(r"expect_keys\(\s*\{(.*?)\}\)", text_of(name), re.DOTALL):
                keys.update(re.findall(r'"([a-z_]+)"', listed))
        described = set(re.findall(r"[a-z_]+", text_of("docs/configuration.md")))
        # The siblings of a secret are described together.
        secrets = re.compile(r"_(file|env|credential)$")
        missing = {key for key in keys - described if secrets.sub("", key) not in described}
        self.assertEqual(missing, set())

    def test_the_page_of_the_command_line_is_what_the_command_table_makes(self):
        made = subprocess.run([str(lab.CLI), "__generate", "markdown"], capture_output=True, text=True, check=True).stdout
        self.assertEqual(text_of("docs/cli.md"), made, "run: dbgate __generate markdown > docs/cli.md")

    def test_the_page_of_risk_has_the_rules_as_they_are(self):
        made = subprocess.run([str(lab.GATEWAY), "risk-rules"], capture_output=True, text=True, check=True).stdout
        self.assertIn(made, text_of("docs/risk.md"), "put the output of dbgate-gateway risk-rules in place of the table")

    def test_the_example_configuration_is_valid_apart_from_what_the_quickstart_makes(self):
        done = subprocess.run([str(lab.GATEWAY), "--check-config", "--config", str(lab.ROOT / "config/examples/shop.yaml")],
                              capture_output=True, text=True, check=False)
        for line in done.stderr.splitlines():
            self.assertRegex(line, r"(tls|users|upstream-password)")

    def test_the_hash_of_a_record_by_hand(self):
        command = re.search(r"```sh\n(sed -n 7p .*sha256sum)\n", text_of("docs/audit.md"))[1]
        with lab.Lab() as it:
            gateway = it.gateway(it.forward_everything())
            for _ in range(4):
                it.psql("SELECT 1")
            log = gateway.directory / "state" / "audit"
            lab.wait_until(lambda: len(gateway.audit("session.end")) == 4, "the sessions are on record", 10)
            computed = subprocess.run(["bash", "-c", command], cwd=log, capture_output=True, text=True, check=True).stdout
            records = [record for record in gateway.audit() if record["chain"] == "w0"]
            self.assertEqual(computed.split()[0], records[6]["hash"])


POLICY_KEYS = {"mode", "allow", "deny", "mask", "filter", "limits", "record_rows"}
# What examples name beyond the shop's own tables.
EXTRAS = """
CREATE FUNCTION discount(price numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT price * 0.9';
CREATE SCHEMA crm;
CREATE TABLE crm.accounts (id int PRIMARY KEY, tenant_id int, name text);
CREATE TABLE crm.notes (id int PRIMARY KEY, tenant_id int, account_id int REFERENCES crm.accounts, body text);
INSERT INTO crm.accounts VALUES (1, 7, 'mine'), (2, 8, 'planted');
INSERT INTO crm.notes VALUES (1, 7, 1, 'mine'), (2, 8, 2, 'planted');
"""


class Examples(unittest.TestCase):
    """docs/policy.md: every policy loads, and every verdict is the one that it says, with a server and without."""

    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.lab.postgres.psql("CREATE DATABASE shop")
        for sql in (text_of("config/examples/shop.sql"), EXTRAS):
            cls.lab.postgres.psql(sql, database="shop")
        cls.verifier = lab.verifier()
        cls.examples = [cls.framed(*found) for found in
                        re.findall(r"```yaml\n(.*?)```\n\n?((?:\|[^\n]*\n)*)", text_of("docs/policy.md"), re.DOTALL)]

    @classmethod
    def framed(cls, text, table):
        """An example as a whole configuration: the users that it names, the target, the verdicts of the table behind it."""
        example = yaml12.load(text)
        if POLICY_KEYS & example.keys():
            policy = {key: example.pop(key) for key in POLICY_KEYS & example.keys()}
            example["policies"] = [{"name": "example", "who": {"users": ["ana"]}, "on": ["shop"], **policy}]
        if "| statement | verdict |" in table:
            example.setdefault("tests", []).extend(
                {"as": "ana", "on": "shop", "sql": sql, "expect": expect}
                for sql, expect in re.findall(r"^\| `(.*)` \| (\w+) \|$", table, re.MULTILINE))
        groups = {group for policy in example["policies"] for group in policy["who"].get("groups", ())}
        example.setdefault("groups", {group: ["ana"] for group in groups})
        users = {user: {} for policy in example["policies"] for user in policy["who"].get("users", ())}
        users.update({user: {} for members in example["groups"].values() for user in members})
        users.update({user["name"]: user.get("attributes", {}) for user in example.get("users", ())})
        example["users"] = [{"name": name, "scram_verifier": cls.verifier, "attributes": attributes}
                            for name, attributes in sorted(users.items())]
        return {**yaml12.load("version: 1\nstate_dir: state\n" + cls.lab.listen() + "targets:\n" + cls.lab.target("shop")),
                **example}

    @staticmethod
    def statements(example):
        """Those that can be asked now."""
        return [test for test in example.get("tests", ()) if "at" not in test]

    def named(self, policy):
        return next(example for example in self.examples if example["policies"][0]["name"] == policy)

    def served(self, example):
        config = json.dumps(example, indent=1)
        if self.lab.current is None:
            self.lab.gateway(config)
        else:
            self.lab.current.reload(config)
        return self.lab.current

    def test_none_is_without_verdicts(self):
        self.assertGreater(len(self.examples), 15)
        for example in self.examples:
            if example["policies"][0].keys() & {"limits", "record_rows"} and example["policies"][0]["name"] == "example":
                continue  # limits and what is kept are no verdicts
            self.assertTrue(example.get("tests"), example["policies"])

    def test_they_load_and_their_tests_pass(self):
        for number, example in enumerate(self.examples):
            path = self.lab.directory / f"example{number}.yaml"
            path.write_text(json.dumps(example, indent=1))
            done = subprocess.run([str(lab.GATEWAY), "--check-config", "--config", str(path)], capture_output=True, text=True, check=False)
            errors = [line for line in done.stderr.splitlines() if ": warning: " not in line]
            self.assertEqual((done.returncode, errors), (0, []), example["policies"])

    def test_a_gateway_decides_the_same(self):
        for example in self.examples:
            gateway = self.served(example)
            for test in self.statements(example):
                with self.subTest(policy=example["policies"][0]["name"], sql=test["sql"]), \
                        wire.Connection(gateway.port) as connection:
                    connection.login(test["as"], "shop", lab.PASSWORD)
                    connection.send(wire.query("BEGIN"))
                    connection.receive_until("Z")
                    self.assertEqual(self.effect_of(gateway, connection, test["sql"]), test["expect"])

    def effect_of(self, gateway, connection, sql):
        """What became of a statement, which must be what the audit log says of it."""
        prepares = "$1" in sql  # and is not executed: values are the client's
        connection.send(wire.parse("", sql) + wire.SYNC if prepares else wire.query(sql))
        errors = [wire.error_fields(body) for kind, body in connection.receive_until("Z") if kind == "E"]
        denied = any("dbgate policy" in error["M"] for error in errors)
        self.assertTrue(denied or not errors, errors)
        if prepares:
            return "deny" if denied else "allow"
        effect = [record["decision.effect"] for record in gateway.audit("statement.decided") if record.get("db.query.text") == sql][-1]
        self.assertEqual(effect == "deny", denied)
        return effect

    def test_the_dump_is_the_one_that_the_server_gives(self):
        def dump(port, user):
            done = subprocess.run([str(lab.PG_BIN / "pg_dump"), "-h", "127.0.0.1", "-p", str(port), "-U", user, "--no-blobs", "shop"],
                                  capture_output=True, text=True, env={**os.environ, "PGPASSWORD": lab.PASSWORD, "PGSSLMODE": "disable"},
                                  check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            return re.sub(r"^\\(un)?restrict .*\n", "", done.stdout, flags=re.MULTILINE)  # a key made anew for each dump

        gateway = self.served(self.named("nightly-dump"))
        self.assertTrue(dump(gateway.port, "backup") == dump(self.lab.postgres.port, "postgres"))

    def test_tenants_see_their_own(self):
        gateway = self.served(self.named("tenants"))
        seen = lab.run_psql("SELECT name FROM crm.accounts", host="127.0.0.1", port=gateway.port, user="acme", database="shop")
        self.assertEqual(seen.stdout, "mine\n")


if __name__ == "__main__":
    unittest.main()
