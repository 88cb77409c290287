"""--print-schema, --print-config and --check-config: what of a configuration is shown, and that nothing of it is secret."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import yaml12  # noqa: E402

SCHEMA = json.loads((lab.ROOT / "config" / "schema.json").read_text(encoding="utf-8"))
HEX = "0123456789abcdef" * 4
VERIFIER = "SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVkc3RvcmVkc3RvcmVkc3RvcmVkc3RvcmVkMTI=:c3RvcmVkc3RvcmVkc3RvcmVkc3RvcmVkc3RvcmVkMTI="
BASE = """version: 1
users: [ { name: u, scram_verifier_env: VERIFIER } ]
targets: { shop: { upstream: { hosts: [db], database: d, user: u, tls: disable } } }
"""
# Every secret of the schema, by the definition and key it stands in: a configuration with SECRET in its place.
SECRETS = {
    ("masking", "key"): ("masking: { key: SECRET }", "hunter2-hunter2-hunter2"),
    ("store", "password"): ("store: { url: 'postgresql://u@h/d?sslmode=disable', password: SECRET }\nencryption: { keys: [ { id: a, key_env: HEX } ] }",
                            "hunter2"),
    ("encryption_key", "key"): ("encryption: { keys: [ { id: a, key: SECRET } ] }", "fedcba98" * 8),
    ("user", "scram_verifier"): ("users: [ { name: u, scram_verifier: SECRET } ]", VERIFIER.replace("4096", "4097")),
    ("oidc_provider", "client_secret"): ("oidc: [ { name: corp, issuer: 'https://id.example', client_id: c, client_secret: SECRET } ]", "hunter2"),
    ("audit_witness", "url"): ("audit: { witnesses: [ { name: w, type: http, url: SECRET } ] }", "https://w.example/hunter2"),
    ("audit_witness", "token"): ("audit: { witnesses: [ { name: w, type: http, url: 'https://w.example/', token: SECRET } ] }", "hunter2"),
    ("audit_sink", "url"): ("audit: { sinks: [ { name: s, type: http, shape: json_lines, url: SECRET } ] }", "https://s.example/hunter2"),
    ("audit_sink", "token"): ("audit: { sinks: [ { name: s, type: http, shape: json_lines, url: 'https://s.example/', token: SECRET } ] }", "hunter2"),
    ("audit_sink", "headers"): ("audit: { sinks: [ { name: s, type: http, shape: json_lines, url: 'https://s.example/', headers: { x-key: SECRET } } ] }",
                                "hunter2"),
    ("audit_sink", "password"): ("audit: { sinks: [ { name: s, type: http, shape: json_lines, url: 'https://s.example/', user: u, password: SECRET } ] }",
                                 "hunter2"),
    ("webhook", "url"): ("webhooks: [ { name: h, format: slack, url: SECRET } ]", "https://h.example/hunter2"),
    ("webhook", "secret"): ("webhooks: [ { name: h, url: 'https://h.example/', secret: SECRET } ]", "hunter2-hunter2-hunter2"),
    ("upstream", "password"): ("targets: { shop: { upstream: { hosts: [db], database: d, user: u, tls: disable, password: SECRET } } }", "hunter2"),
    ("model_provider", "key"): ("models: { providers: [ { name: m, dialect: openai_responses, url: 'https://m.example/v1', model: x, key: SECRET } ] }", "hunter2"),
}


def secret_keys():
    """Keys of the schema that may come from elsewhere, by the definition or section they are in."""
    found = set()

    def look(name, node):
        if isinstance(node, dict):
            properties = node.get("properties")
            if isinstance(properties, dict):
                found.update((name, key) for key in properties if f"{key}_env" in properties)
            for key, value in node.items():
                look(key if isinstance(value, dict) and key not in ("properties", "items") else name, value)
        elif isinstance(node, list):
            for value in node:
                look(name, value)

    look("", SCHEMA)
    return found


def with_text(text):
    """BASE and the text; what it defines is left out of BASE."""
    own = {line.partition(":")[0] for line in text.splitlines()}
    return "".join(line + "\n" for line in BASE.splitlines() if line.partition(":")[0] not in own) + text + "\n"


class ShownConfig(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def run_gateway(self, *arguments, text=None, **variables):
        path = self.directory / "gateway.yaml"
        if text is not None:
            path.write_text(text, encoding="utf-8")
        environment = {**os.environ, "VERIFIER": VERIFIER, "HEX": HEX, **variables}
        return subprocess.run([str(lab.GATEWAY), *arguments, "--config", str(path)], capture_output=True, text=True, check=False,
                              env=environment, timeout=60)

    def shown(self, text, **variables):
        done = self.run_gateway("--print-config", text=text, **variables)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def test_the_schema_is_the_one_of_the_sources(self):
        done = self.run_gateway("--print-schema")
        self.assertEqual((done.returncode, done.stdout), (0, (lab.ROOT / "config" / "schema.json").read_text(encoding="utf-8")))

    def test_every_secret_of_the_schema_has_a_case_here(self):
        self.assertEqual(secret_keys() - set(SECRETS), set())

    def test_no_secret_is_shown(self):
        for (where, key), (text, secret) in SECRETS.items():
            with self.subTest(f"{where}.{key}"):
                done = self.shown(with_text(text.replace("SECRET", f"'{secret}'")))
                self.assertNotIn(secret, done.stdout + done.stderr)
                self.assertNotIn("hunter2", done.stdout + done.stderr)
                self.assertIn('"***"', done.stdout)
                by_variable = self.shown(with_text(text.replace("SECRET", "'${HIDDEN}'")), HIDDEN=secret)
                self.assertEqual(by_variable.stdout, done.stdout)
                yaml12.load(done.stdout)

    def test_no_secret_is_shown_that_stands_elsewhere_too(self):
        upstream = "targets: { shop: { upstream: { hosts: [db], database: d, user: u, tls: disable, %s }, labels: { a: '%s', b: 'x-%s' } } }"
        (self.directory / "secret").write_text("hunter2\n", encoding="ascii")
        (self.directory / "secret").chmod(0o600)
        for way in ("password: hunter2", "password_env: HIDDEN", "password_file: secret", "password_credential: secret"):
            with self.subTest(way):
                done = self.shown(with_text(upstream % (way, "${HIDDEN}", "${HIDDEN}")), HIDDEN="hunter2",
                                  CREDENTIALS_DIRECTORY=str(self.directory))
                self.assertNotIn("hunter2", done.stdout.replace("password_file", "").replace("password_credential", ""))
                labels = yaml12.load(done.stdout)["targets"]["shop"]["labels"]
                self.assertEqual(labels, {"a": "***", "b": "***"})
        by_alias = with_text("targets: { shop: { upstream: { hosts: [db], database: d, user: u, tls: disable, password: &p hunter2 }, "
                             "labels: { a: *p } } }")
        self.assertNotIn("hunter2", self.shown(by_alias).stdout)

    def test_passwords_in_urls_are_not_shown(self):
        done = self.shown(BASE + "store: { url: 'postgresql://me:hunter2@h/d?sslmode=disable' }\nencryption: { keys: [ { id: a, key_env: HEX } ] }\n")
        self.assertIn("postgresql://me:***@h/d?sslmode=disable", done.stdout)
        done = self.shown(BASE + "store: { url: 'postgresql://me@h/d?password=hunter2&sslmode=disable' }\nencryption: { keys: [ { id: a, key_env: HEX } ] }\n")
        self.assertIn("password=***&sslmode=disable", done.stdout)
        self.assertNotIn("hunter2", done.stdout + done.stderr)

    def test_variables_and_aliases_are_written_out(self):
        text = BASE + "log: { level: '${LEVEL:-warn}' }\nlimits: { connections: '${MANY}' }\nworkers: &n 2\ngroups: { g: &all [u], h: *all }\n"
        config = yaml12.load(self.shown(text, MANY="7").stdout)
        self.assertEqual(config["log"], {"level": "warn"})
        self.assertEqual(str(config["limits"]["connections"]), "7")
        self.assertEqual(config["groups"], {"g": ["u"], "h": ["u"]})
        # What comes by a variable is a value, whatever it looks like.
        config = yaml12.load(self.shown(BASE + "state_dir: '${DIR}'\n", DIR="a: [b]\nversion: 2").stdout)
        self.assertEqual(config["state_dir"], "a: [b]\nversion: 2")
        self.assertEqual(str(config["version"]), "1")

    def test_files_need_not_be_there(self):
        done = self.shown(with_text("users: [ { name: u, scram_verifier_file: /nonexistent/v } ]"))
        self.assertIn("/nonexistent/v", done.stdout)

    def test_a_file_with_errors_is_not_shown(self):
        done = self.run_gateway("--print-config", text=BASE.replace("tls: disable", "tls: disable, pasword: hunter2"))
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn('did you mean "password"', done.stderr)
        self.assertNotIn("hunter2", done.stderr)

    def test_checks_for_programs(self):
        done = self.run_gateway("--check-config", "-o", "json", text=BASE)
        said = json.loads(done.stdout)
        self.assertEqual((done.returncode, done.stderr, said["ok"], said["problems"]), (0, "", True, []))
        self.assertTrue(said["config"])
        wrong = BASE.replace("tls: disable", "tls: disabled")
        done = self.run_gateway("--check-config", "-o", "json", text=wrong)
        said = json.loads(done.stdout)
        self.assertEqual((done.returncode, done.stderr, said["ok"]), (1, "", False))
        self.assertEqual([(problem["line"], problem["severity"]) for problem in said["problems"]], [(3, "error")])
        self.assertIn("targets.shop.upstream.tls", said["problems"][0]["message"])
        failing = BASE + "tests: [ { user: u, target: shop, sql: SELECT 1, expect: allow } ]\n"
        said = json.loads(self.run_gateway("--check-config", "-o", "json", text=failing).stdout)
        self.assertFalse(said["ok"])
        self.assertEqual(said["problems"][0]["line"], 4)

    def test_warnings_are_errors_if_asked(self):
        text = with_text("targets: { shop: { upstream: { hosts: [db], database: d, user: u, tls: disable, password: hunter2 } } }")
        self.assertEqual(self.run_gateway("--check-config", text=text).returncode, 0)
        done = self.run_gateway("--check-config", "--strict", "--output", "json", text=text)
        self.assertEqual(done.returncode, 1)
        self.assertEqual([problem["severity"] for problem in json.loads(done.stdout)["problems"]], ["warning"])
        self.assertNotIn("hunter2", done.stdout)

    def test_what_does_not_go_together_is_usage(self):
        for arguments in (["--strict"], ["--connect"], ["-o", "json"], ["--print-config", "--print-schema"], ["--check-config", "--print-schema"],
                          ["--check-config", "-o", "yaml"]):
            self.assertEqual(self.run_gateway(*arguments, text=BASE).returncode, 2, arguments)

    def test_targets_are_entered_if_asked(self):
        with lab.Lab() as it:
            good = it.target()
            bad = it.target("gone").replace(str(it.postgres.port), str(lab.free_port()))
            config = "version: 1\n" + it.users("u") + "targets:\n" + good
            done = self.run_gateway("--check-config", "--connect", text=config)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("target postgres: PostgreSQL 15", done.stdout)
            done = self.run_gateway("--check-config", "--connect", "-o", "json", text=config + bad)
            self.assertEqual(done.returncode, 1)
            targets = {target["name"]: target for target in json.loads(done.stdout)["targets"]}
            self.assertTrue(targets["postgres"]["ok"])
            self.assertFalse(targets["gone"]["ok"])
            wrong = config.replace(lab.PASSWORD, "not-this-one")
            done = self.run_gateway("--check-config", "--connect", text=wrong)
            self.assertEqual(done.returncode, 1)
            self.assertNotIn("not-this-one", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
