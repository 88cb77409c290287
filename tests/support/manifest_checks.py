"""What holds for all manifests, wherever they come from."""
import pathlib
import re
import subprocess
import tempfile

import lab
import rendered
import yaml


def seconds(duration):
    amount, unit = re.fullmatch(r"(\d+)(s|m|h)", duration).groups()
    return int(amount) * {"s": 1, "m": 60, "h": 3600}[unit]


def subset(small, large):
    return all(large.get(key) == value for key, value in small.items())


def pods(test, manifests):
    """Pod security and probes, as docs/deployment-kubernetes.md says; the grace period fits the configuration's drain."""
    configs = {one["metadata"]["name"]: one["data"]["gateway.yaml"] for one in manifests
               if one["kind"] == "ConfigMap" and "gateway.yaml" in one["data"]}
    for manifest in manifests:
        if not rendered.pod_of(manifest):
            continue
        labels, spec = rendered.pod_of(manifest)
        test.assertIs(spec["automountServiceAccountToken"], False)
        pod = spec["securityContext"]
        test.assertTrue(pod["runAsNonRoot"])
        test.assertEqual(pod["seccompProfile"], {"type": "RuntimeDefault"})
        gateway = rendered.gateway_of(spec)
        context = gateway["securityContext"]
        test.assertEqual((context["allowPrivilegeEscalation"], context["readOnlyRootFilesystem"], context["capabilities"]),
                         (False, True, {"drop": ["ALL"]}))
        test.assertNotIn("cpu", gateway["resources"]["limits"])
        test.assertIn("memory", gateway["resources"]["limits"])
        test.assertEqual(gateway["startupProbe"]["httpGet"], {"path": "/startupz", "port": "ops"})
        test.assertEqual(gateway["livenessProbe"]["httpGet"], {"path": "/livez", "port": "ops"})
        sidecar = gateway in spec.get("initContainers", [])
        test.assertEqual(gateway.get("restartPolicy"), "Always" if sidecar else None)
        if not sidecar:
            test.assertEqual(gateway["readinessProbe"]["httpGet"], {"path": "/readyz", "port": "ops"})
        volumes = {one["name"]: one for one in spec["volumes"]}
        volumes.update((one["metadata"]["name"], one) for one in manifest["spec"].get("volumeClaimTemplates", []))
        for container in spec.get("initContainers", []) + spec["containers"]:
            for mount in container.get("volumeMounts", []):
                test.assertIn(mount["name"], volumes)
        for volume in volumes.values():
            if "secret" in volume:
                test.assertEqual(volume["secret"]["defaultMode"], 0o440)
        config = next((configs[one["configMap"]["name"]] for one in volumes.values()
                       if one.get("configMap", {}).get("name") in configs), None)
        if config:
            drain = yaml.safe_load(config)["drain"]
            least = seconds(drain["min_delay"]) + seconds(drain["timeout"]) + 10
            (test.assertGreaterEqual if sidecar else test.assertEqual)(spec["terminationGracePeriodSeconds"], least)


def references(test, manifests):
    """Selectors select, names of ports exist, whoever scales or protects names what is there."""
    made = [rendered.pod_of(one) for one in manifests if rendered.pod_of(one)]
    names = {(one["kind"], one["metadata"]["name"]) for one in manifests}
    ports = {port["name"] for _, spec in made for port in rendered.gateway_of(spec)["ports"]}
    services = [one for one in manifests if one["kind"] == "Service"]
    for manifest in manifests:
        spec, kind = manifest.get("spec", {}), manifest["kind"]
        if kind == "Service":
            test.assertTrue(spec["selector"] and any(subset(spec["selector"], labels) for labels, _ in made))
            for port in spec["ports"]:
                test.assertIn(port["targetPort"], ports)
        elif kind in ("Deployment", "StatefulSet"):
            test.assertTrue(subset(spec["selector"]["matchLabels"], spec["template"]["metadata"]["labels"]))
            if "serviceName" in spec:
                test.assertIn(("Service", spec["serviceName"]), names)
        elif kind in ("PodDisruptionBudget", "PodMonitor", "NetworkPolicy"):
            selector = spec.get("selector") or spec["podSelector"]
            test.assertTrue(any(subset(selector["matchLabels"], labels) for labels, _ in made))
        elif kind == "ServiceMonitor":
            found = [one for one in services if subset(spec["selector"]["matchLabels"], one["metadata"]["labels"])]
            test.assertEqual(len(found), 1)
            test.assertLessEqual({one["port"] for one in spec["endpoints"]}, {one["name"] for one in found[0]["spec"]["ports"]})
        elif kind == "HorizontalPodAutoscaler":
            target = spec["scaleTargetRef"]
            test.assertIn((target["kind"], target["name"]), names)
            test.assertNotIn("replicas", next(one["spec"] for one in manifests if one["kind"] == target["kind"]))
    for _, spec in made:
        if "serviceAccountName" in spec and spec["serviceAccountName"] != "default":
            test.assertIn(("ServiceAccount", spec["serviceAccountName"]), names)


class Config:
    """Asks a gateway about configurations, with files of its own in place of a pod's."""

    def __init__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="kubernetes-config-")
        self.place = pathlib.Path(self.directory.name)
        self.certificates = lab.Certificates(self.place / "tls")

    def close(self):
        self.directory.cleanup()

    def stand_in(self, path):
        """A file that serves for what a Secret would hold there."""
        file = self.place / path.lstrip("/").replace("/", "_")
        if not file.exists():
            file.write_text(self.content(path), encoding="utf-8")
            file.chmod(0o600)
        return str(file)

    def content(self, path):
        name = pathlib.PurePath(path).name
        if name == "tls.key":
            return pathlib.Path(self.certificates.key).read_text(encoding="utf-8")
        if name.endswith(".crt"):
            return pathlib.Path(self.certificates.cert).read_text(encoding="utf-8")
        if name.endswith("verifier"):
            return subprocess.run([lab.GATEWAY, "scram-verifier"], input="secret", capture_output=True, text=True, check=True, timeout=60).stdout
        return "0123456789abcdef" * 4  # a password, or a key of 32 bytes

    def check(self, text):
        text = re.sub(r"/run/secrets/[\w./-]+", lambda found: self.stand_in(found.group()), text)
        text = text.replace("/var/lib/dbgate", str(self.place / "state"))
        file = self.place / "gateway.yaml"
        file.write_text(text, encoding="utf-8")
        done = subprocess.run([lab.GATEWAY, "--config", file, "--check-config", "--strict"], capture_output=True, text=True,
                              timeout=120, check=False)
        return done.returncode, done.stdout + done.stderr
