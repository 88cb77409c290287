#!/usr/bin/python3
"""Runs the sidecar and the Job of deploy/kubernetes/sidecar with `podman play kube`, in front of a PostgreSQL of its own.

Usage: scripts/play_kube.py [IMAGE]

Without IMAGE, one is made of the gateway that was built (DBGATE_BUILD) and the libraries of this machine. PODMAN is the command to
use, with its global options. Podman 4.3 knows no native sidecars: the gateway becomes an ordinary container, and the application
is started again until it can connect. Exit status 77: there is no podman.
"""
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "support"))
import lab  # noqa: E402
import yaml  # noqa: E402

PODMAN = shlex.split(os.environ.get("PODMAN", "podman"))
SOURCE = lab.ROOT / "deploy" / "kubernetes" / "sidecar"
GATEWAY_PASSWORD = "of the application"
UID = 65532
SECONDS = 90


def podman(*arguments, check=True):
    done = subprocess.run([*PODMAN, *arguments], capture_output=True, text=True, timeout=300, check=False)
    if check and done.returncode:
        raise SystemExit(f"play_kube: podman {' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout + done.stderr


def image_of(program, name, place):
    """A program and what it is linked with, and nothing else."""
    place.mkdir()
    linked = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    for path in re.findall(r"(/\S+) \(0x", linked):
        target = place / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    shutil.copy(program, place / "program")
    (place / "Containerfile").write_text("FROM scratch\nCOPY . /\nENTRYPOINT [\"/program\"]\n")
    podman("build", "--isolation", "chroot", "--tag", name, str(place))
    return f"localhost/{name}:latest"


def directories(it, port, ops):
    """What volumes hold, as directories of this machine."""
    made = {name: it.directory / f"pod-{name}" for name in ("config", "secrets", "state", "run")}
    for directory in made.values():
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()
    config = (SOURCE / "gateway.yaml").read_text(encoding="utf-8")
    for old, new in (("127.0.0.1, port: 6432", f"127.0.0.1, port: {port}"), ("0.0.0.0, port: 9464", f"127.0.0.1, port: {ops}"),
                     ("shop-db.databases:5432", f"127.0.0.1:{it.postgres.port}"), ("tls: verify-full", "tls: disable"),
                     ("      ca_file: /run/secrets/dbgate/shop-db-ca.crt\n", "")):
        assert old in config, old
        config = config.replace(old, new)
    (made["config"] / "gateway.yaml").write_text(config, encoding="utf-8")
    verifier = subprocess.run([lab.GATEWAY, "scram-verifier"], input=GATEWAY_PASSWORD, capture_output=True, text=True, check=True).stdout
    for name, text in (("shop-verifier", verifier), ("shop-password", lab.PASSWORD)):
        (made["secrets"] / name).write_text(text, encoding="utf-8")
        (made["secrets"] / name).chmod(0o440)
    it.directory.chmod(0o755)
    for directory in made.values():
        for path in (directory, *directory.iterdir()):
            os.chown(path, UID, UID)
    return made


def pod_of(file, gateway_image, client_image, places, port):
    """The Pod that a Deployment or Job would make, as podman can play it."""
    manifest = yaml.safe_load((SOURCE / file).read_text(encoding="utf-8"))
    spec = manifest["spec"]["template"]["spec"]
    sidecar, client = spec.pop("initContainers")[0], spec["containers"][0]
    for key in ("restartPolicy", "startupProbe", "livenessProbe", "ports"):
        del sidecar[key]
    sidecar["image"], client["image"] = gateway_image, client_image
    client["args"] = ["-X", "-A", "-t", "-c", "SELECT 'orders: ' || count(*) FROM public.orders"]
    client["env"] = [{"name": one["name"], "value": one.get("value", GATEWAY_PASSWORD)} for one in client["env"]]
    next(one for one in client["env"] if one["name"] == "PGPORT")["value"] = str(port)
    for container in (sidecar, client):
        container["imagePullPolicy"] = "Never"
        container["securityContext"].update(runAsUser=UID, runAsGroup=UID)
        del container["resources"]  # control groups are not everywhere podman's to set
    spec.update(restartPolicy="OnFailure", hostNetwork=True, containers=[sidecar, client],
                volumes=[{"name": f"gateway-{name}", "hostPath": {"path": str(place), "type": "Directory"}} for name, place in places.items()])
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"dbgate-{os.getpid()}-{manifest['kind'].lower()}"}, "spec": spec}


def play(it, file, gateway_image, client_image):
    port = lab.free_port()
    places = directories(it, port, lab.free_port())
    pod = pod_of(file, gateway_image, client_image, places, port)
    name, client = pod["metadata"]["name"], pod["spec"]["containers"][1]["name"]
    manifest = it.directory / "pod.yaml"
    manifest.write_text(yaml.safe_dump(pod), encoding="utf-8")
    try:
        podman("play", "kube", "--build=false", str(manifest))
        try:
            lab.wait_until(lambda: "orders: 3" in podman("logs", f"{name}-{client}", check=False), "the application has its answer", SECONDS)
        except AssertionError as late:
            raise SystemExit(f"play_kube: {file}: {late}\n" + podman("logs", f"{name}-gateway", check=False)[-3000:] +
                             podman("logs", f"{name}-{client}", check=False)[-1000:]) from late
        podman("stop", "--time", "60", f"{name}-gateway")
        status = podman("inspect", "--format", "{{.State.ExitCode}}", f"{name}-gateway").strip()
        said = podman("logs", f"{name}-gateway")
        events = {json.loads(line).get("event") for line in said.splitlines() if line.startswith("{")}
        if status != "0" or not {"statement.decided", "statement.done"} <= events:
            raise SystemExit(f"play_kube: {file}: the gateway ended with {status}; its records are {events}")
    finally:
        podman("pod", "rm", "--force", name, check=False)
    print(f"play_kube: {file}: ok")


def main():
    if not shutil.which(PODMAN[0]):
        print("play_kube: skipped: no podman")
        return 77
    with lab.Lab() as it:
        it.postgres.psql("CREATE DATABASE shop")
        it.postgres.psql(f"CREATE ROLE shop_app LOGIN PASSWORD '{lab.PASSWORD}'")
        it.postgres.psql("CREATE TABLE orders (id int); INSERT INTO orders VALUES (1), (2), (3); GRANT ALL ON orders TO shop_app", database="shop")
        gateway = sys.argv[1] if len(sys.argv) > 1 else image_of(lab.GATEWAY, "dbgate-play-gateway", it.directory / "image-gateway")
        client = image_of(lab.PG_BIN / "psql", "dbgate-play-psql", it.directory / "image-psql")
        for file in ("deployment.yaml", "job.yaml"):
            play(it, file, gateway, client)
    return 0


if __name__ == "__main__":
    sys.exit(main())
