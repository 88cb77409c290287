"""Alerts and dashboards: they say what they should, and ask only for what a gateway exports."""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import yaml  # noqa: E402

import lab  # noqa: E402
import metrics  # noqa: E402
from metrics_test import PROMTOOL, config  # noqa: E402

ALERTS = lab.ROOT / "deploy" / "prometheus" / "alerts.yaml"
DASHBOARDS = sorted((lab.ROOT / "deploy" / "grafana" / "dashboards").glob("*.json"))
# Whoever collects adds these; the gateway knows nothing of them.
OF_THE_SCRAPE = {"job", "instance"}
# A name followed by matchers, or a name that is no function, keyword or label; strings are taken out first.
SELECTOR = re.compile(r"\b((?:dbgate|process)_[a-z0-9_]+|up)\b(?:\{([^}]*)\})?")
MATCHER = re.compile(r'([a-z_]+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
GROUPING = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")
RECORDED = re.compile(r"\b\w+:\w+:\w+\b")
VARIABLES = {"$__rate_interval": "5m", "$__range": "3h"}


def expressions_of(dashboard):
    """(panel's title, expression) of every target, annotation and variable."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]
    for annotation in dashboard["annotations"]["list"]:
        yield annotation["name"], annotation["expr"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], re.fullmatch(r"label_values\((.*), [a-z]+\)", variable["query"]["query"]).group(1)


def without_variables(expression):
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    return re.sub(r"\$[a-z]+", "x", expression)


def documented():
    """{metric: words in backticks of its row}: names of labels and their values."""
    known = {}
    for line in (lab.ROOT / "docs" / "metrics.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("| `"):
            words = set(re.findall(r"`([^`]+)`", line))
            for name in words:
                if name.startswith(("dbgate_", "process_")):
                    known[name] = known.get(name, set()) | words
    return known


def slug(heading):
    return re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")


def promtool(*arguments):
    done = subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, timeout=240, check=False)
    return done.returncode, done.stdout + done.stderr


class Rules(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.groups = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
        cls.alerts = {rule["alert"]: rule for group in cls.groups for rule in group["rules"] if "alert" in rule}
        cls.page = (lab.ROOT / "docs" / "operations.md").read_text(encoding="utf-8")

    @unittest.skipUnless(PROMTOOL.exists(), "no promtool; scripts/setup.sh test brings it")
    def test_rules_do_what_their_tests_say(self):
        status, said = promtool("check", "rules", str(ALERTS))
        self.assertEqual(status, 0, said)
        status, said = promtool("test", "rules", str(ALERTS.with_name("alerts_test.yaml")))
        self.assertEqual(status, 0, said)

    def test_every_alert_is_tested_firing_and_quiet(self):
        firing, quiet = set(), set()
        for case in yaml.safe_load(ALERTS.with_name("alerts_test.yaml").read_text(encoding="utf-8"))["tests"]:
            for check in case.get("promql_expr_test", []):
                for alert in re.findall(r'alertname="(\w+)"', check["expr"]):
                    (firing if check["exp_samples"] else quiet).add(alert)
        self.assertEqual(firing, set(self.alerts))
        self.assertEqual(quiet, set(self.alerts))

    def test_every_alert_says_what_to_do(self):
        headings = {slug(line.lstrip("# ")) for line in self.page.splitlines() if line.startswith("#")}
        for name, rule in self.alerts.items():
            with self.subTest(name):
                self.assertIn(rule["labels"]["severity"], ("critical", "warning"))
                self.assertEqual(set(rule["annotations"]), {"summary", "description", "runbook_url"})
                where, _, anchor = rule["annotations"]["runbook_url"].partition("#")
                self.assertTrue(where.endswith("/docs/operations.md"))
                self.assertIn(anchor, headings)
                self.assertEqual(anchor, name.lower())
                section = re.search(rf"^### {name}\n(.*?)(?=^##|\Z)", self.page, re.M | re.S).group(1)
                for part in ("**Means**", "**Look**", "**Do**"):
                    self.assertIn(part, section)


class Dashboards(unittest.TestCase):
    def test_they_are_what_grafana_loads(self):
        self.assertEqual([path.stem for path in DASHBOARDS], ["audit", "overview", "policy", "risk", "target"])
        uids = set()
        for path in DASHBOARDS:
            with self.subTest(path.name):
                dashboard = json.loads(path.read_text(encoding="utf-8"))
                uids.add(dashboard["uid"])
                variables = {variable["name"] for variable in dashboard["templating"]["list"]}
                self.assertLessEqual({"datasource", "job", "instance"}, variables)
                ids = [panel["id"] for panel in dashboard["panels"]]
                self.assertEqual(len(ids), len(set(ids)))
                places = set()
                for panel in dashboard["panels"]:
                    place = panel["gridPos"]
                    self.assertLessEqual(place["x"] + place["w"], 24)
                    cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
                    self.assertFalse(places & cells, f"{panel['title']} covers another panel")
                    places |= cells
                    if panel["type"] != "row":
                        self.assertEqual(panel["datasource"]["uid"], "${datasource}")
                        self.assertTrue(panel["fieldConfig"]["defaults"]["unit"])
                for _, expression in expressions_of(dashboard):
                    used = set(re.findall(r"\$([a-z]+)\b", expression))
                    self.assertLessEqual(used, variables)
        self.assertEqual(len(uids), len(DASHBOARDS))

    @unittest.skipUnless(PROMTOOL.exists(), "no promtool; scripts/setup.sh test brings it")
    def test_expressions_parse(self):
        rules = []
        for path in DASHBOARDS:
            for _, expression in expressions_of(json.loads(path.read_text(encoding="utf-8"))):
                rules.append({"record": f"{path.stem}:expression:{len(rules)}", "expr": without_variables(expression)})
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            json.dump({"groups": [{"name": "dashboards", "rules": rules}]}, file)
            file.flush()
            status, said = promtool("check", "rules", file.name)
        self.assertEqual(status, 0, said)


class Names(unittest.TestCase):
    """Against a gateway that runs."""

    @classmethod
    def setUpClass(cls):
        with lab.Lab() as it:
            scrape = metrics.Scrape(it.gateway(config(it)))
        cls.types, cls.values = scrape.types, {}
        for name, labels in scrape.series:
            for label, value in labels:
                cls.values.setdefault((cls.base(name), label), set()).add(value)
        cls.known = documented()

    @classmethod
    def base(cls, name):
        """The metric of a series: of histograms without what stands behind."""
        bare = re.sub(r"_(bucket|sum|count)$", "", name)
        return bare if cls.types.get(bare) == "histogram" else name

    def check(self, expression):
        recorded = set(RECORDED.findall(expression))
        expression = RECORDED.sub("0", expression)
        for name, matchers in SELECTOR.findall(expression):
            if name == "up":
                continue
            base = self.base(name)
            if name != base:
                self.assertEqual(self.types.get(base), "histogram")
            self.assertTrue(base in self.types or base.startswith("dbgate_tls_certificate_"), f"{name} is not exported")
            for label, operator, value in MATCHER.findall(matchers):
                self.assertTrue(label in OF_THE_SCRAPE or label in self.known[base], f"{name} has no label {label}")
                if label in OF_THE_SCRAPE or "$" in value:
                    continue
                for one in value.split("|") if "~" in operator else [value]:
                    self.assertIn(one, self.values.get((base, label), set()) | self.known[base], f"{name}, {label}")
        labels = {label.strip() for group in GROUPING.findall(expression) for label in group.split(",")} - OF_THE_SCRAPE - {"le"}
        of_all = set().union(*(self.known[self.base(name)] for name, _ in SELECTOR.findall(expression) if name != "up"), set())
        self.assertLessEqual(labels, of_all)
        return recorded

    def test_dashboards_use_what_is_exported(self):
        for path in DASHBOARDS:
            for title, expression in expressions_of(json.loads(path.read_text(encoding="utf-8"))):
                if not expression.startswith("ALERTS"):
                    with self.subTest(dashboard=path.stem, panel=title, expression=expression):
                        self.check(expression)

    def test_rules_use_what_is_exported(self):
        made, used = set(), set()
        for group in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]:
            for rule in group["rules"]:
                with self.subTest(rule.get("alert") or rule["record"]):
                    used |= self.check(rule["expr"])
                made.add(rule.get("record"))
        self.assertLessEqual(used, made)

    def test_a_name_that_is_not_there_is_found(self):
        for wrong in ("dbgate_statement_total", 'dbgate_statements_total{kind="selekt"}', 'dbgate_ready{target="x"}',
                      "sum by (sink) (dbgate_statements_total)"):
            with self.subTest(wrong), self.assertRaises((AssertionError, KeyError)):
                self.check(wrong)


if __name__ == "__main__":
    unittest.main()
