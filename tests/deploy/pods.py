"""The sidecar and the Job of deploy/kubernetes/sidecar with the image, by `podman play kube`. Run by scripts/test-deploy.sh, as root."""
import os
import pathlib
import subprocess
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "support"), str(pathlib.Path(__file__).resolve().parent)]
import containers  # noqa: E402
import images  # noqa: E402


def main():
    try:
        podman = containers.podman_command()
        images.setUpModule()
    except containers.Missing as missing:
        print(f"skipped: {missing}")
        return containers.SKIPPED
    return subprocess.run([containers.ROOT / "scripts" / "play_kube.py", "localhost/dbgate-gateway:tested"], check=False,
                          env={**os.environ, "PODMAN": " ".join(podman)}).returncode


if __name__ == "__main__":
    sys.exit(main())
