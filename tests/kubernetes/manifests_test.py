"""Manifests of deploy/kubernetes as kubectl builds them, and all YAML under deploy/."""
import pathlib
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import manifest_checks  # noqa: E402
import rendered  # noqa: E402
import typed  # noqa: E402
import yaml  # noqa: E402


@unittest.skipUnless(rendered.kustomize_there(), "no kubectl with `kustomize` of version 5")
class Built(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folders = {folder: rendered.kustomize(folder) for folder in rendered.FOLDERS}

    @unittest.skipUnless(typed.TSC.exists(), "no types of Kubernetes; scripts/setup.sh test brings them")
    def test_manifests_have_their_types(self):
        manifests = {f"{folder} {one['kind']} {one['metadata']['name']}": one for folder, found in self.folders.items() for one in found}
        job = next(one for one in self.folders["sidecar"] if one["kind"] == "Job")
        self.assertEqual(typed.check(manifests, {"an unknown key": {**job, "spec": {**job["spec"], "retries": 1}}}), "")

    def test_manifests_are_sensible(self):
        for folder, manifests in self.folders.items():
            with self.subTest(folder):
                manifest_checks.pods(self, manifests)
                manifest_checks.references(self, manifests)

    def test_what_is_where(self):
        kinds = {folder: {one["kind"] for one in manifests} for folder, manifests in self.folders.items()}
        self.assertLessEqual({"Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy"}, kinds["base"])
        self.assertEqual(kinds["overlays/production"] - kinds["base"], {"Namespace", "ServiceMonitor"})
        self.assertEqual(kinds["base"] - kinds["overlays/single"], {"HorizontalPodAutoscaler", "PodDisruptionBudget"})
        self.assertEqual(kinds["sidecar"], {"Deployment", "Job", "ConfigMap"})
        for one in self.folders["overlays/production"]:
            if one["kind"] != "Namespace":
                self.assertEqual(one["metadata"]["namespace"], "dbgate")


class Files(unittest.TestCase):
    def test_configurations_are_good(self):
        config = manifest_checks.Config()
        self.addCleanup(config.close)
        for file in sorted((lab.ROOT / "deploy").rglob("gateway.yaml")):
            with self.subTest(str(file.relative_to(lab.ROOT))):
                status, said = config.check(file.read_text(encoding="utf-8"))
                self.assertEqual(status, 0, said)

    @unittest.skipUnless(shutil.which("yamllint"), "no yamllint; scripts/setup.sh test brings it")
    def test_yaml_reads_well(self):
        files = [file for file in (lab.ROOT / "deploy").rglob("*.yaml") if "templates" not in file.parts]
        rules = lab.ROOT / "deploy" / ".yamllint"
        done = subprocess.run(["yamllint", "--strict", "-c", rules, *files], capture_output=True, text=True, timeout=240, check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_the_compose_file_stays_in_what_every_engine_reads(self):
        compose = yaml.safe_load((lab.ROOT / "deploy" / "compose" / "docker-compose.yml").read_text(encoding="utf-8"))
        self.assertEqual(set(compose), {"version", "services", "volumes"})
        known = {"image", "command", "depends_on", "environment", "ports", "volumes", "read_only", "cap_drop", "security_opt", "tmpfs",
                 "restart", "user", "healthcheck", "stop_grace_period"}
        for name, service in compose["services"].items():
            with self.subTest(name):
                self.assertLessEqual(set(service), known)
                self.assertIsInstance(service.get("depends_on", []), list)
                for volume in service.get("volumes", []):
                    source = volume.partition(":")[0]
                    if source.startswith("."):
                        made = {"./secrets"}  # by the page
                        self.assertTrue(source in made or (lab.ROOT / "deploy" / "compose" / source).exists(), source)
                    else:
                        self.assertIn(source, compose["volumes"])


if __name__ == "__main__":
    unittest.main()
