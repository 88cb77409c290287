"""config/schema.json says what the loader does: the same keys, the same verdict on good and bad values, and every
example and every configuration in the documents passes."""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import jsonschema

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import yaml12  # noqa: E402

SCHEMA = json.loads((lab.ROOT / "config" / "schema.json").read_text(encoding="utf-8"))
BASE = """
version: 1
users: [ { name: u, scram_verifier: "SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVkc3RvcmVkc3RvcmVkc3RvcmVkc3RvcmVkMTI=:c3RvcmVkc3RvcmVkc3RvcmVkc3RvcmVkc3RvcmVkMTI=" } ]
targets: { shop: { upstream: { hosts: [db], database: d, user: u, tls: disable } } }
"""
POLICY = "policies: [ { name: p, who: { users: [u] }, on: [shop], "
OFFER = "requests: [ { name: o, who: { users: [u] }, on: [shop], tables: ['public.t(a)', 'x.*'], "


def hosts(members):
    """A target of two hosts, in place of the one of BASE."""
    return "targets: { shop: { upstream: { hosts: [db, db2], database: d, user: u, tls: disable, " + members + " } } }"


# Text behind BASE, and whether it is right.
VALUES = [
    ("roles: { admin: { users: [u] }, auditor: { groups: [] } }", True), ("roles: { king: { users: [u] } }", False),
    ("roles: { admin: { users: u } }", False), ("roles: { admin: [u] }", False),
    ("workers: 2", True), ("workers: -1", False), ("workers: two", False), ("workers: 5000", False),
    ("limits: { login_timeout: 250ms }", True), ("limits: { login_timeout: 250 }", False),
    ("limits: { max_statement_bytes: 1MiB }", True), ("limits: { max_statement_bytes: 1MB }", False),
    ("limits: { verdict_cache: 0 }", True), ("limits: { verdict_cache: 8000 }", False),
    ("limits: { max_parts: 100 }", True), ("limits: { conections: 1 }", False), ("log: { level: warn }", True), ("log: { level: loud }", False),
    ("audit: { durability: sync }", True), ("audit: { durability: maybe }", False), ("nonsense: 1", False),
    ("listen: { postgres: { port: 0 } }", True), ("listen: { postgres: { port: 70000 } }", False),
    ("listen: { postgres: { require_tls: sometimes } }", False), ("groups: { g: [u] }", True), ("groups: { g: u }", False),
    ("users: [ { name: v, certificates: ['uri:spiffe://x/y', 'dns:h', 'email:a@b'] } ]", True), ("users: [ { name: v, certificates: [h] } ]", False),
    ("users: [ { name: v, certificates: ['cn:h'] } ]", False), ("users: [ { name: v, certificates: ['dns:h'], wire: sometimes } ]", False),
    ("users: [ { name: v, certificates: ['dns:h'], wire: token } ]", True), ("users: [ { name: v, certificates: 'dns:h' } ]", False),
    (hosts("target_session_attrs: prefer-standby, max_lag: 10s, failover_wait: 1m, health: { interval: 500ms, timeout: 1s }"), True),
    (hosts("target_session_attrs: leader"), False), (hosts("target_session_attrs: standby, max_lag: 10"), False),
    (hosts("health: { every: 1s }"), False), (hosts("health: 1s"), False),
    (POLICY + "allow: [ { everything: true } ] } ]", True), (POLICY + "allow: [ { everything: yes please } ] } ]", False),
    (POLICY + "mode: observe } ]", True), (POLICY + "mode: lax } ]", False),
    (POLICY + "allow: [ { pack: readonly } ] } ]", True), (POLICY + "allow: [ { pack: everything } ] } ]", False),
    (POLICY + "allow: [ { select: ['public.t(a)', '*', 'public.*'] } ] } ]", True),
    (POLICY + "allow: [ { select: [t] } ] } ]", False), (POLICY + "allow: [ { selekt: [public.t] } ] } ]", False),
    (POLICY + "allow: [ { functions: [safe, 'public.f(int)'] } ] } ]", True),
    (POLICY + "allow: [ { functions: [f] } ] } ]", False),
    (POLICY + "allow: [ { statements: ['SELECT 1'] } ] } ]", True), (POLICY + "deny: [ { statements: ['SELECT 1'] } ] } ]", False),
    (POLICY + "allow: [ { when: { days: [mon], from: '08:00', to: '24:00', timezone: Europe/Zurich } } ] } ]", True),
    (POLICY + "allow: [ { when: { days: [monday] } } ] } ]", False), (POLICY + "allow: [ { when: { days: [] } } ] } ]", False),
    (POLICY + "deny: [ { when: { from: '8:00' } } ] } ]", False), (POLICY + "deny: [ { when: { to: '24:30' } } ] } ]", False),
    (POLICY + "deny: [ { when: { till: '12:00' } } ] } ]", False), (POLICY + "on: [] } ]", False),
    (POLICY + "allow: [ { require: { where: true } } ] } ]", True), (POLICY + "allow: [ { require: { were: true } } ] } ]", False),
    (POLICY + "mask: { public.t.a: email, '*.*.b': null, public.t.c: 'null', public.t.d: {type: hash, compare: masked} } } ]", True),
    (POLICY + "allow: [ { select: [public.t] } ], mask: { public.t.a: email } } ]\n"
     "tests: [ { as: u, on: shop, sql: SELECT a FROM t, expect: mask } ]", True),
    (POLICY + "mask: { public.t.a: blur } } ]", False), (POLICY + "mask: { public.t.a: {type: hash, compare: raw} } } ]", False),
    (POLICY + "filter: { public.t: 'region = :user.region' } } ]", True), (POLICY + "filter: [ public.t ] } ]", False),
    ("limits: { read_cache: 64MiB }\n" + POLICY + "cache: { public.t: 30s, 'public.*': 1h } } ]", True),
    ("limits: { read_cache: 64MiB }\n" + POLICY + "cache: { public.t: 30 } } ]", False),
    ("limits: { read_cache: 64MiB }\n" + POLICY + "cache: [ public.t ] } ]", False), ("limits: { read_cache: 64MB }", False),
    ("store: { url: 'sqlite:x.db', timeout: 2s }", True), ("store: { url: mysql://u@h/d }", False),
    ("store: { timeout: 5 }", False), ("store: { conections: 3 }", False),
    ("store: { url: postgresql://u@h/d, connections: 3 }\nencryption: { keys: [ { id: k1, key: " + 64 * "a" + " } ] }", True),
    ("store: { url: postgresql://u@h/d, connections: 0 }\nencryption: { keys: [ { id: k1, key: " + 64 * "a" + " } ] }", False),
    ("encryption: { keys: [ { id: k1, key: '" + 64 * "0" + "' }, { id: k-2, key: " + 64 * "f" + " } ] }", True),
    ("encryption: { keys: [ { id: k.1, key: " + 64 * "a" + " } ] }", False), ("encryption: { keys: [ { id: k1, key: abc } ] }", False),
    ("encryption: { keys: [ { key: " + 64 * "a" + " } ] }", False), ("encryption: { key: x }", False),
    ("masking: { key: 0123456789abcdef }", True), ("masking: { key: [1] }", False),
    (POLICY + "allow: [ { select: [public.t], require: { values: { a: ':user.x', public.t.b: 1 }, max_list: 1, max_limit: 2, max_rows: 3 } } ] } ]", True),
    (POLICY + "allow: [ { select: [public.t], require: { values: { a: ':x' } } } ] } ]", False),
    (POLICY + "allow: [ { pack: migrator, schemas: [app] }, { pack: orm } ] } ]", True),
    (POLICY + "allow: [ { pack: migrator, schemas: app } ] } ]", False),
    (POLICY + "allow: [ { select: [public.t], require: { max_list: 0 } } ] } ]", False),
    (POLICY + "allow: [ { select: [public.t], require: { max_rows: some } } ] } ]", False),
    (POLICY + "approve: before_commit, capture: any, lock_budget: 1m, approval: { from: { users: [u] } } } ]", True),
    (POLICY + "approve: before_commit, capture: maybe, approval: { from: { users: [u] } } } ]", False),
    ("policies: [ { name: p, on: [shop] } ]", False), ("policies: [ { name: p, who: {}, on: [shop] } ]", False),
    ("tests: [ { as: u, on: shop, sql: SELECT 1, expect: maybe } ]", False), ("tests: [ { as: u, on: shop, sql: x } ]", False),
    ("tests: [ { as: u, on: shop, sql: SELECT 1, expect: deny, at: yesterday } ]", False),
    ("passwords: { memory: 64MiB, passes: 3, parallelism: 2, threads: 4, queue: 10 }", True), ("passwords: { passes: 0 }", False),
    ("passwords: { pases: 2 }", False), ("tokens: { access_ttl: 5m, refresh_ttl: 24h }", True), ("tokens: { access_ttl: 15 }", False),
    ("sign_in: { failures: 5, longest_delay: 1h }", True), ("sign_in: { failures: 0 }", False),
    ("oidc: [ { name: corp, issuer: 'https://id.example.com', client_id: dbgate, group_map: { Analysts: analysts }, auto_create: true } ]", True),
    ("oidc: [ { name: corp, issuer: 'http://127.0.0.1:4000', client_id: dbgate } ]", True),
    ("oidc: [ { name: corp, issuer: 'http://id.example.com', client_id: dbgate } ]", False),
    ("oidc: [ { name: corp, issuer: 'https://id.example.com' } ]", False),
    ("oidc: [ { name: corp, issuer: 'https://id.example.com', client_id: d, scopes: [profile] } ]", False),
    ("oidc: { name: corp }", False),
    ("models: { providers: [ { name: a, dialect: openai, model: m } ] }", True), ("models: { providers: [ { name: a, dialect: openay, model: m } ] }", False),
    ("models: { providers: [ { name: a, dialect: vllm, model: m, url: 'http://127.0.0.1:8000/v1' } ] }", True),
    ("models: { providers: [ { name: a, dialect: vllm, model: m, url: 'http://gpu.example:8000' } ] }", False),
    ("models: { providers: [ { name: a, dialect: openai, model: m, url: 'https://h/?key=x' } ] }", False),
    ("models: { providers: [ { name: a, dialect: gemini, model: '../x y' } ] }", False), ("models: { providers: [ { name: a, dialect: groq } ] }", False),
    ("models: { providers: [ { name: a, dialect: openai, model: m, price: { input: 0.25, output: 2 }, temperature: 0.5, effort: low } ] }", True),
    ("models: { providers: [ { name: a, dialect: openai, model: m, price: { input: -1 } } ] }", False),
    ("models: { providers: [ { name: a, dialect: openai, model: m, max_output_tokens: 10 } ] }", False),
    ("models: { deadline: { person: 3s, agent: 5s }, budget: { tokens: 100000, cost: 1.5 }, total_budget: { cost: 20 }, cache: 0, cache_ttl: 1h, names: true }", True),
    ("models: { deadline: { robot: 3s } }", False), ("models: { budget: { tokens: many } }", False), ("models: { names: perhaps }", False),
    (POLICY + "risk: { llm: on, service: { llm: async } } } ]", True), (POLICY + "risk: { llm: maybe } } ]", False),
    ("webhooks: [ { name: a, url: 'https://h/x', secret: 0123456789abcdef, events: [approval.ended], include: [sql] } ]", True),
    ("webhooks: [ { name: a, url: 'http://127.0.0.1:1/x', format: slack } ]", True), ("webhooks: { name: a }", False),
    ("webhooks: [ { name: a, url: 'http://h/x', format: slack } ]", False), ("webhooks: [ { url: 'https://h/x', format: slack } ]", False),
    ("webhooks: [ { name: a, url: 'https://h/x', format: teams } ]", False), ("webhooks: [ { name: a, url: 'https://h/x', secret: short } ]", False),
    ("webhooks: [ { name: a, url: 'https://h/x', format: slack, events: [] } ]", False),
    ("webhooks: [ { name: a, url: 'https://h/x', format: slack, events: [all] } ]", False),
    ("webhooks: [ { name: a, url: 'https://h/x', format: slack, include: [rows] } ]", False),
    (OFFER + "verbs: [select, update], approval: { from: { users: [u] }, of: 1, within: 1h } } ]", True),
    (OFFER + "verbs: [select], functions: [safe], types: [public.c], descendants: true, introspection: true, require: { where: true, max_rows: 3, "
     "reason: true, ticket: true }, longest: 90m, break_glass: { who: { users: [u] }, longest: 5m, review: { from: { users: [u] } } } } ]", True),
    (OFFER + "verbs: [select] } ]", False), (OFFER + "verbs: [], approval: { from: { users: [u] } } } ]", False),
    (OFFER + "verbs: [selekt], approval: { from: { users: [u] } } } ]", False), (OFFER + "verbs: [select], break_glass: { longest: 5m } } ]", False),
    (OFFER + "verbs: [select], approval: { from: { users: [u] }, window: 5m } } ]", False),
    (OFFER + "verbs: [select], longest: 2, approval: { from: { users: [u] } } } ]", False),
    (OFFER + "verbs: [select], for: 2h, approval: { from: { users: [u] } } } ]", False),
    ("registration: approval", True), ("registration: invitation", True), ("registration: open", False), ("registration: [approval]", False),
    ("api: { public_url: 'https://gw.example.com' }", True), ("api: { public_url: 'https://gw.example.com:8443/' }", True),
    ("api: { public_url: 'http://localhost:8080' }", True), ("api: { public_url: 'http://gw.example.com' }", False),
    ("api: { public_url: 'https://gw.example.com/api' }", False), ("api: { public_url: gw.example.com }", False),
    ("api: { public_url: 'https://user@gw.example.com' }", False), ("api: { url: 'https://gw' }", False),
]


def mistakes(value, schema):
    validator = jsonschema.Draft202012Validator({**SCHEMA, **schema} if schema else SCHEMA)
    return [f"{list(problem.path)}: {problem.message}" for problem in validator.iter_errors(value)]


def objects_of(schema):
    """The properties of every object in the schema."""
    if isinstance(schema, dict):
        if "properties" in schema and isinstance(schema["properties"], dict):
            yield frozenset(schema["properties"])
        for value in schema.values():
            yield from objects_of(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from objects_of(value)


class Schema(unittest.TestCase):
    def test_it_is_one(self):
        jsonschema.Draft202012Validator.check_schema(SCHEMA)

    def test_it_has_the_keys_of_the_loader(self):
        known = set()
        for source in (lab.ROOT / "config").glob("*.cpp"):
            if source.name == "extension.cpp":  # of texts in the store, which are no files
                continue
            for keys in re.findall(r"\bexpect_keys\(\s*\{([^}]*)\}\s*\)", source.read_text(encoding="utf-8")):
                known.add(frozenset(re.findall(r'"(\w+)"', keys)))
        self.assertGreater(len(known), 10)
        self.assertEqual({" ".join(sorted(keys)) for keys in known}, {" ".join(sorted(keys)) for keys in objects_of(SCHEMA)})

    def test_no_object_lets_other_keys_in(self):
        def check(schema, path):
            if isinstance(schema, dict):
                if "properties" in schema and isinstance(schema["properties"], dict):
                    self.assertIs(schema.get("additionalProperties"), False, path)
                for key, value in schema.items():
                    check(value, f"{path}/{key}")
        check(SCHEMA, "")

    def test_it_judges_values_as_the_loader_does(self):
        with tempfile.TemporaryDirectory(prefix="dbgate-schema-") as directory:
            path = pathlib.Path(directory) / "gateway.yaml"
            for text, right in VALUES:
                key = text.partition(":")[0]
                base = re.sub(rf"(?m)^{key}:.*\n", "", BASE) if key in ("users", "targets") else BASE
                path.write_text(base + text + "\n", encoding="utf-8")
                done = subprocess.run([str(lab.GATEWAY), "--check-config", "--config", str(path)], capture_output=True,
                                      text=True, check=False, timeout=60)
                self.assertEqual(done.returncode == 0, right, f"{text}: {done.stderr}")
                found = mistakes(yaml12.load(base + text), {})
                self.assertEqual(not found, right, f"{text}: {found}")

    def test_examples_pass(self):
        examples = list((lab.ROOT / "config" / "examples").glob("*.yaml"))
        self.assertTrue(examples)
        for example in examples:
            self.assertEqual(mistakes(yaml12.load(example.read_text(encoding="utf-8")), {}), [], example)
            self.assertIn("# yaml-language-server: $schema=../schema.json", example.read_text(encoding="utf-8").splitlines()[0])

    def test_configurations_in_documents_pass(self):
        root, seen = set(SCHEMA["properties"]), 0
        for document in [lab.ROOT / "README.md", *(lab.ROOT / "docs").rglob("*.md")]:
            for block in re.findall(r"```yaml\n(.*?)```", document.read_text(encoding="utf-8"), re.S):
                value = yaml12.load(block)
                if "scrape_configs" in value:  # Prometheus'
                    continue
                if "replicaCount" in value:  # values of the chart
                    value = value["config"]
                if not set(value) <= root:  # the policy of an example, with its tests
                    self.assertEqual(mistakes({"tests": value.pop("tests", [])}, {"required": []}), [], block)
                # Parts of a configuration, or of a policy.
                part = {"required": []} if set(value) <= root else {**SCHEMA["$defs"]["policy"], "required": []}
                self.assertEqual(mistakes(value, part), [], f"{document}: {block}")
                seen += 1
        self.assertGreater(seen, 1)


if __name__ == "__main__":
    unittest.main()
