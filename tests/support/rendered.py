"""Kubernetes manifests as a cluster would get them: of the Helm chart, of the Kustomize folders, of what stands as it is."""
import functools
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import lab
import yaml

CHART = lab.ROOT / "deploy" / "helm" / "dbgate"
KUSTOMIZE = lab.ROOT / "deploy" / "kubernetes"
FOLDERS = ("base", "overlays/production", "overlays/single", "sidecar")
GO = shutil.which("go")
GO_PACKAGES = pathlib.Path("/usr/share/gocode/src/github.com")
RENDERER = GO and (GO_PACKAGES / "Masterminds" / "sprig").exists() and (GO_PACKAGES / "xeipuuv" / "gojsonschema").exists()


@functools.lru_cache(maxsize=None)
def renderer():
    """The program that renders charts, built from Debian's packages of Go alone. Go's own cache makes a second time quick."""
    place = tempfile.mkdtemp(prefix="render-chart-")
    program = pathlib.Path(place) / "render_chart"
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOFLAGS": ""}
    environment.setdefault("GOCACHE", str(pathlib.Path(tempfile.gettempdir()) / f"dbgate-go-cache-{os.getuid()}"))
    subprocess.run([GO, "build", "-p", "1", "-o", program, "."], cwd=lab.ROOT / "tests" / "support" / "render_chart",
                   env=environment, check=True, timeout=500)
    return program


def remove_renderer():
    if renderer.cache_info().currsize:
        shutil.rmtree(renderer().parent)
        renderer.cache_clear()


def chart(*value_files):
    """([manifest], notes); ValueError says what the chart or its schema does not take."""
    done = subprocess.run([renderer(), CHART, *value_files], capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise ValueError(done.stderr)
    result = json.loads(done.stdout)
    return [yaml.safe_load(one["text"]) for one in result["manifests"]], result["notes"]


def chart_with(values):
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(values, file)
        file.flush()
        return chart(file.name)


@functools.lru_cache(maxsize=None)
def kustomize_there():
    """Whether a kubectl of our days is there; Debian's is of 1.20 and does not know components."""
    tool = shutil.which("kubectl")
    return bool(tool) and subprocess.run([tool, "kustomize", KUSTOMIZE / "base"], capture_output=True, timeout=120, check=False).returncode == 0


def kustomize(folder):
    done = subprocess.run(["kubectl", "kustomize", KUSTOMIZE / folder], capture_output=True, text=True, timeout=120, check=False)
    if done.returncode or done.stderr:
        raise ValueError(done.stderr)
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def pod_of(manifest):
    """(labels, spec) of the pods that a manifest makes, or None."""
    if manifest["kind"] in ("Deployment", "StatefulSet", "Job"):
        template = manifest["spec"]["template"]
        return template["metadata"].get("labels", {}), template["spec"]
    return None


def gateway_of(spec):
    """The container of the gateway."""
    return next(one for one in spec.get("initContainers", []) + spec["containers"] if one["name"] == "gateway")
