"""Debian as a folder, and containers with a storage of their own, for tests that need root.

Everything is below build/deploy. What cannot be had here raises Missing with the reason, which scripts/test-deploy.sh repeats.
"""
import contextlib
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import unittest

import lab

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLACE = ROOT / "build" / "deploy"
PACKAGES = pathlib.Path(os.environ.get("DBGATE_PACKAGES", PLACE / "packages"))
SUITE = "bookworm"
STORAGE = ["--storage-driver", "vfs", "--root", str(PLACE / "containers"), "--runroot", str(PLACE / "containers-run")]
SKIPPED = 77


class Missing(Exception):
    """This machine has not what the test needs."""


def need(*programs):
    if os.getuid() != 0:
        raise Missing("needs root")
    for program in programs:
        if not shutil.which(program):
            raise Missing(f"no {program} here (scripts/setup.sh deploy)")


def run(*command, check=True, **more):
    """Runs it and returns what it said, errors too."""
    more.setdefault("timeout", 900)
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **more)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout[-6000:]}")
    return done


def packages():
    """name → file of what is tested."""
    found = {path.name.partition("_")[0]: path for path in PACKAGES.glob("*.deb")}
    if set(found) != {"dbgate", "dbgate-gateway"}:
        raise Missing(f"no packages in {PACKAGES} (scripts/test-deploy.sh package)")
    return found


def base():
    """A tar archive of a Debian that has what the packages depend on, and systemd. Made once."""
    need("mmdebstrap")
    depends = ",".join(run("dpkg-deb", "--field", file, "Depends").stdout.strip() for file in packages().values())
    wanted = sorted({re.sub(r"\s*[(|].*", "", one).strip() for one in depends.split(",")} | {"systemd", "systemd-sysv", "dbus"})
    PLACE.mkdir(parents=True, exist_ok=True)
    archive = PLACE / f"base-{hashlib.sha256(' '.join(wanted).encode()).hexdigest()[:16]}.tar"
    with open(PLACE / "base.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not archive.exists():
            unfinished = archive.with_name("unfinished.tar")
            # Mirrors that stand still for reproducibility have lists that have expired.
            made = run("mmdebstrap", "--variant=apt", f"--include={','.join(wanted)}", "--aptopt=Acquire::Check-Valid-Until \"false\"",
                       "--aptopt=Acquire::Check-Date \"false\"", SUITE, unfinished, check=False)
            if made.returncode:
                raise Missing(f"Debian's packages cannot be had here: {made.stdout.strip().splitlines()[-1]}")
            unfinished.rename(archive)
    return archive


@contextlib.contextmanager
def machine(name):
    """That Debian as a folder, gone at the end."""
    archive, folder = base(), PLACE / f"{name}-{os.getpid()}"
    folder.mkdir()
    try:
        run("tar", "-C", folder, "-xf", archive)
        yield folder
    finally:
        shutil.rmtree(folder)


def buildah_command():
    need("buildah")
    os.environ.setdefault("BUILDAH_ISOLATION", "chroot")
    return ["buildah", *STORAGE]


def podman_command():
    """Without what only a system that has booted offers: journald, systemd's control groups, all capabilities."""
    need("podman", "runc")
    return ["podman", *STORAGE, "--cgroup-manager", "cgroupfs", "--events-backend", "file",
            "--runtime", str(ROOT / "tests" / "support" / "oci_runtime.py")]


def base_image():
    """The Debian as an image, for deploy/docker/Dockerfile."""
    archive, buildah = base(), buildah_command()
    name = f"localhost/{archive.stem}:latest"
    if run(*buildah, "inspect", "--type", "image", name, check=False).returncode:
        container = run(*buildah, "from", "scratch").stdout.strip()
        run(*buildah, "add", "--quiet", container, archive, "/")
        run(*buildah, "commit", "--quiet", "--rm", container, name)
    return name


class System:
    """Debian in a folder, booted: its service manager is process 1 of its own. It shares the network of this machine."""

    def __init__(self, root, log):
        need("systemd-nspawn", "nsenter")
        self._log = log
        with open(log, "wb") as said:
            self._nspawn = subprocess.Popen(
                ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--resolv-conf=off", "--timezone=off", f"--machine=dbgate-{os.getpid()}",
                 f"--directory={root}", "--boot"], stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT)
        try:
            lab.wait_until(self._booted, "it has booted", 90)
        except AssertionError as late:
            self.close()
            lines = pathlib.Path(log).read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["nothing was said"]
            raise Missing(f"systemd does not boot in a container here: {lines[-1]}") from late

    def _booted(self):
        if self._nspawn.poll() is not None:
            raise AssertionError("it has ended")
        return self._first() and self.run("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded")

    def _first(self):
        return pathlib.Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text(encoding="ascii").strip()

    def run(self, *command, **more):
        return run("nsenter", f"--target={self._first()}", "--mount", "--uts", "--ipc", "--pid", "--cgroup", "--root", "--wd", "env", "-i",
                   "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", *command, **more)

    def close(self):
        if self._nspawn.poll() is None:
            self._nspawn.terminate()  # has it shut down
            try:
                self._nspawn.wait(60)
            except subprocess.TimeoutExpired:
                self._nspawn.kill()
                self._nspawn.wait()


def main(program, *needed, prepare=None):
    """Runs a module's tests; exit status 77 and the reason if this machine has not what they need. `prepare` is given an
    ExitStack and may find that out."""
    with contextlib.ExitStack() as stack:
        try:
            need(*needed)
            base()
            if prepare:
                prepare(stack)
        except Missing as missing:
            print(f"skipped: {missing}")
            return SKIPPED
        return 0 if unittest.main(module=program, verbosity=2, exit=False).result.wasSuccessful() else 1
