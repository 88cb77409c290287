"""The Helm chart, rendered: typed, sensible, and strict about its values."""
import json
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import manifest_checks  # noqa: E402
import rendered  # noqa: E402
import typed  # noqa: E402
import yaml  # noqa: E402

CASES = sorted((rendered.CHART / "ci").glob("*-values.yaml"))
MINIMAL = yaml.safe_load((rendered.CHART / "ci" / "minimal-values.yaml").read_text(encoding="utf-8"))


@unittest.skipUnless(rendered.RENDERER, "no Go with sprig; scripts/setup.sh test brings it")
class Chart(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(rendered.remove_renderer)
        cls.cases = {path.stem.removesuffix("-values"): rendered.chart(path) for path in CASES}
        cls.schema = json.loads((rendered.CHART / "values.schema.json").read_text(encoding="utf-8"))
        cls.values = yaml.safe_load((rendered.CHART / "values.yaml").read_text(encoding="utf-8"))

    def find(self, case, kind, name="test-dbgate"):
        return next(one for one in self.cases[case][0] if (one["kind"], one["metadata"]["name"]) == (kind, name))

    @unittest.skipUnless(typed.TSC.exists(), "no types of Kubernetes; scripts/setup.sh test brings them")
    def test_manifests_have_their_types(self):
        manifests = {f"{case} {one['kind']} {one['metadata']['name']}": one for case, (found, _) in self.cases.items() for one in found}
        deployment = self.find("minimal", "Deployment")
        self.assertEqual(typed.check(manifests, {
            "an unknown key": {**deployment, "spec": {**deployment["spec"], "replicaz": 1}},
            "a text for a number": {**deployment, "spec": {**deployment["spec"], "replicas": "1"}}}), "")

    def test_manifests_are_sensible(self):
        for case, (manifests, notes) in self.cases.items():
            with self.subTest(case):
                manifest_checks.pods(self, manifests)
                manifest_checks.references(self, manifests)
                names = [(one["apiVersion"], one["kind"], one["metadata"]["name"]) for one in manifests]
                self.assertEqual(len(names), len(set(names)))
                self.assertIn("rollout status", notes)

    def test_configurations_are_good(self):
        config = manifest_checks.Config()
        self.addCleanup(config.close)
        for case, (manifests, _) in self.cases.items():
            for one in manifests:
                if one["kind"] == "ConfigMap" and "gateway.yaml" in one["data"]:
                    with self.subTest(case):
                        status, said = config.check(one["data"]["gateway.yaml"])
                        self.assertEqual(status, 0, said)

    def test_nothing_renders_unless_it_is_set(self):
        self.assertEqual([one["kind"] for one in self.cases["minimal"][0]], ["ConfigMap", "Service", "ServiceAccount", "Deployment"])
        self.assertFalse(any(one["kind"] == "ServiceAccount" for one in self.cases["no-service-account"][0]))

    def test_what_cases_are_about(self):
        self.assertEqual(self.find("probes", "Deployment")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"], 625)
        self.assertEqual(self.find("image", "Deployment")["spec"]["template"]["spec"]["containers"][0]["image"],
                         "registry.example.com/dbgate@sha256:" + "0" * 64)
        self.assertIn("# kept as it is", self.find("config-text", "ConfigMap")["data"]["gateway.yaml"])
        stateful = self.find("statefulset", "StatefulSet")["spec"]
        self.assertEqual(stateful["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"], "50Gi")
        self.assertEqual(self.find("autoscaling", "PodDisruptionBudget")["spec"]["minAvailable"], "50%")
        self.assertEqual(self.find("service", "Service")["spec"]["ports"][1]["port"], 443)
        self.assertEqual(self.find("extras", "ConfigMap", "test-dbgate-extra")["data"]["release"], "test")
        self.assertEqual(self.find("extras", "ConfigMap", "test-dbgate-text")["data"], {})
        rule = self.find("monitoring", "PrometheusRule")["spec"]
        alerts = yaml.safe_load((rendered.CHART / "files" / "alerts.yaml").read_text(encoding="utf-8"))
        self.assertEqual(len(rule["groups"]), len(alerts["groups"]))
        urls = [one["annotations"]["runbook_url"] for group in rule["groups"] for one in group["rules"] if "alert" in one]
        self.assertTrue(all(url.startswith("https://docs.example.com/dbgate/operations#") for url in urls))
        board = self.find("monitoring", "ConfigMap", "test-dbgate-overview")
        self.assertEqual(json.loads(board["data"]["dbgate-overview.json"])["uid"], "dbgate-overview")
        self.assertEqual(self.find("external-secret", "ExternalSecret")["spec"]["target"]["name"], "test-dbgate")

    def test_rollout_replaces_pods_and_hot_does_not(self):
        def template(**more):
            found, _ = rendered.chart_with({**MINIMAL, **more})
            return next(one for one in found if one["kind"] == "Deployment")["spec"]["template"]

        def annotations(**more):
            return template(**more)["metadata"].get("annotations", {})

        other = {**MINIMAL["config"], "workers": 2}
        self.assertNotEqual(annotations()["checksum/config"], annotations(config=other)["checksum/config"])
        self.assertEqual(annotations(configReload="hot"), {})
        arguments = ["--config", "/etc/dbgate/gateway.yaml"]
        self.assertEqual(template()["spec"]["containers"][0]["args"], arguments)
        self.assertEqual(template(configReload="hot")["spec"]["containers"][0]["args"], [*arguments, "--watch-files"])

    def test_what_it_refuses(self):
        config = MINIMAL["config"]
        for expected, values in {
                "replicaz": {"replicaz": 2},
                "Additional property paths is not allowed": {"ingress": {"paths": []}},
                "replicaCount": {"replicaCount": "2"},
                "config: the gateway needs a configuration": {"config": {}},
                "set one of them": {"existingConfigMap": "other"},
                "config.drain": {"config": {**config, "drain": {"timeout": "1m"}}},
                "set config.store.url": {"replicaCount": 2},
                "set mode: statefulset": {"persistence": {"enabled": True}},
                "enable one": {"ops": {"serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}}},
                "tls: set": {"tls": {"existingSecret": "a", "certManager": {"enabled": True, "issuerRef": {"name": "b"}}}},
                "issuerRef": {"tls": {"existingSecret": "", "certManager": {"enabled": True}}},
                "secretStoreRef": {"secrets": {"externalSecret": {"enabled": True, "data": [{}]}}},
                "ingress.host": {"ingress": {"enabled": True}},
                "parentRefs": {"gateway": {"enabled": True}},
                "image.digest": {"image": {"digest": "sha256:short"}}}.items():
            with self.subTest(expected), self.assertRaisesRegex(ValueError, re.escape(expected)):
                rendered.chart_with({**MINIMAL, **values})

    def test_every_value_is_in_the_schema_and_in_a_case(self):
        self.assertEqual(set(self.values) | {"global"}, set(self.schema["properties"]))
        used = set().union(*(yaml.safe_load(path.read_text(encoding="utf-8")) for path in CASES))
        # A name of the release, not a feature.
        self.assertEqual(set(self.values) - used, {"nameOverride"})

        def closed(schema, value, path):
            for key, inner in value.items() if isinstance(value, dict) else ():
                if schema.get("additionalProperties") is False:
                    self.assertIn(key, schema["properties"], path)
                    closed(schema["properties"][key], inner, f"{path}.{key}")
        closed(self.schema, self.values, "")

    def test_the_page_names_every_value_and_its_default(self):
        page = (rendered.CHART / "README.md").read_text(encoding="utf-8")
        rows = dict(re.findall(r"^\| `([^`]+)` \| (.*?) \|", page, re.M))

        def leaves(value, path=""):
            for key, inner in value.items():
                if isinstance(inner, dict) and inner and path.count(".") < 2:
                    yield from leaves(inner, f"{path}{key}.")
                else:
                    yield path + key, inner
        expected = {name: f"`{json.dumps(value)}`" for name, value in leaves(self.values)}
        self.assertEqual(rows, expected)


if __name__ == "__main__":
    unittest.main()
