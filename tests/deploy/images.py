"""The images: built twice, looked into, run with podman and used with psql from outside. Run by scripts/test-deploy.sh, as root."""
import json
import os
import pathlib
import re
import sys
import tarfile
import unittest

import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import bills  # noqa: E402
import containers  # noqa: E402
import lab  # noqa: E402

OUT = containers.PLACE / "images"
NAMES = ("dbgate-gateway", "dbgate")
MOST_BYTES = 60_000_000
UID = 65532
LOCKED = ("--read-only", "--read-only-tmpfs=false", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--network", "host")


def build(out, *arguments):
    return containers.run(containers.ROOT / "scripts" / "images.sh", "--packages", containers.PACKAGES, "--base", containers.base_image(), "--out", out,
                          *arguments, env={**os.environ, "BUILDAH": " ".join(containers.buildah_command())})


def setUpModule():
    build(OUT, "--tag", "tested")
    containers.run(*containers.buildah_command(), "rmi", "--prune", check=False)  # what had the name before


class Image:
    """What is in an archive of an image."""

    def __init__(self, path):
        with tarfile.open(path) as archive:
            def read(digest):
                return json.load(archive.extractfile(f"blobs/sha256/{digest.partition(':')[2]}"))
            self.digest = json.load(archive.extractfile("index.json"))["manifests"][0]["digest"]
            manifest = read(self.digest)
            self.config = read(manifest["config"]["digest"])
            self.files = {}
            for layer in manifest["layers"]:
                with tarfile.open(fileobj=archive.extractfile(f"blobs/sha256/{layer['digest'].partition(':')[2]}")) as files:
                    self.files.update({"/" + member.name.strip("/"): member for member in files})


class Content(unittest.TestCase):
    def test_it_is_small(self):
        cache = (lab.BUILD / "CMakeCache.txt").read_text(encoding="utf-8")
        if "CMAKE_BUILD_TYPE:STRING=RelWithDebInfo" not in cache:
            self.skipTest("the size is that of a release build")
        for name in NAMES:
            total = sum(member.size for member in Image(OUT / f"{name}.oci.tar").files.values())
            print(f"{name}: {total / 1e6:.1f} MB, {os.path.getsize(OUT / f'{name}.oci.tar') / 1e6:.1f} MB to transfer")
            self.assertLess(total, MOST_BYTES)

    def test_there_is_one_program_and_no_shell(self):
        for name in NAMES:
            files = Image(OUT / f"{name}.oci.tar").files
            programs = {path for path, member in files.items() if member.isfile() and member.mode & 0o111 and ".so" not in path}
            self.assertEqual(programs, {f"/usr/bin/{name}"})
            self.assertEqual([path for path, member in files.items() if member.mode & 0o6000], [])

    def test_the_user_owns_two_folders(self):
        for name in NAMES:
            files = Image(OUT / f"{name}.oci.tar").files
            own = {path: (member.uid, member.gid, member.mode & 0o7777) for path, member in files.items() if member.uid or member.gid}
            self.assertEqual(own, {path: (UID, UID, 0o700) for path in ("/var/lib/dbgate", "/run/dbgate")})
            self.assertEqual([path for path, member in files.items() if member.mode & 0o022 and not member.issym()], [])

    def test_settings(self):
        for name in NAMES:
            image = Image(OUT / f"{name}.oci.tar").config["config"]
            self.assertEqual((image["User"], image["Entrypoint"], set(image["Volumes"])),
                             (f"{UID}:{UID}", [f"/usr/bin/{name}"], {"/var/lib/dbgate", "/run/dbgate"}))
            labels = {key.rpartition(".")[2]: value for key, value in image["Labels"].items() if key.startswith("org.opencontainers.image.")}
            self.assertEqual((labels["title"], labels["version"]), (name, "0.1.0"))
            self.assertRegex(labels["revision"], "^([0-9a-f]{40}|unknown)$")
            self.assertRegex(labels["created"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")

    def test_the_same_again_is_the_same(self):
        again = containers.PLACE / "images-again"
        build(again, "--tag", "again")
        for name in NAMES:
            first, second = (Image(place / f"{name}.oci.tar") for place in (OUT, again))
            self.assertEqual(first.digest, second.digest)
            self.assertEqual((OUT / f"{name}.cdx.json").read_bytes(), (again / f"{name}.cdx.json").read_bytes())

    def test_bills_of_materials(self):
        for name in NAMES:
            bill = json.loads((OUT / f"{name}.cdx.json").read_text(encoding="utf-8"))
            bills.validate(bill)
            listed = {file["name"] for component in bill["components"] for file in component.get("components", [])}
            loaded = {path for path, member in Image(OUT / f"{name}.oci.tar").files.items() if member.isfile() and (".so" in path or "/bin/" in path)}
            self.assertLessEqual(loaded, listed)
            names = {component["name"] for component in bill["components"]}
            self.assertLessEqual({name, "libc6", "libssl3", "ca-certificates", "libpg-query"}, names)
            with tarfile.open(containers.base()) as archive:
                status = archive.extractfile("./var/lib/dpkg/status").read().decode()
            for component in bill["components"]:
                if component["name"] == "libssl3":
                    self.assertIn(f"Version: {component['version']}\n", status)


class Running(unittest.TestCase):
    def setUp(self):
        self.podman = containers.podman_command()
        self.lab = lab.Lab()
        self.addCleanup(self.lab.close)
        self.lab.postgres.psql("CREATE TABLE orders (id int); INSERT INTO orders VALUES (1), (2), (3)")
        self.name = f"dbgate-test-{os.getpid()}"

    def secrets(self, files):
        """A folder with files that only the user of the image can read."""
        folder = self.lab.directory / "secrets"
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text)
            os.chmod(folder / name, 0o400)
            os.chown(folder / name, UID, UID)
        return folder

    def run_gateway(self):
        """The gateway of the image, in front of the lab's PostgreSQL; its process id."""
        directory = self.lab.directory / "image"
        (directory / "state").mkdir(parents=True)
        os.chown(directory / "state", UID, UID)
        config = (self.lab.forward_everything(extra="drain: { min_delay: 0s }\n", tls=True)
                  .replace("state_dir: state", "state_dir: /var/lib/dbgate").replace(str(self.lab.directory / "tls"), "/run/secrets/dbgate"))
        (directory / "gateway.yaml").write_text(config)
        secrets = self.secrets({source.name: source.read_text() for source in (self.lab.certificates.cert, self.lab.certificates.key)})
        self.addCleanup(containers.run, *self.podman, "rm", "--force", self.name, check=False)
        containers.run(*self.podman, "run", "--detach", "--name", self.name, *LOCKED,
                       "--volume", f"{directory}/gateway.yaml:/etc/dbgate/gateway.yaml:ro", "--volume", f"{secrets}:/run/secrets/dbgate:ro",
                       "--volume", f"{directory}/state:/var/lib/dbgate", "localhost/dbgate-gateway:tested")
        self.ports = lab.wait_until(self.listening, "the gateway in the container is ready")
        return int(containers.run(*self.podman, "inspect", "--format", "{{.State.Pid}}", self.name).stdout)

    def listening(self):
        said = containers.run(*self.podman, "logs", self.name).stdout
        lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        ready = any(line["msg"] == "ready" for line in lines)
        return ready and {line["listener"]: int(line["port"]) for line in lines if line["msg"] == "listening"}

    def psql(self, sql):
        return lab.run_psql(sql, host="127.0.0.1", port=self.ports["postgres"], user="postgres", database="postgres",
                            sslmode="verify-full", environment={"PGSSLROOTCERT": str(self.lab.certificates.ca), "PGHOST": "localhost",
                                                                "PGHOSTADDR": "127.0.0.1"}).stdout

    def test_psql_from_outside(self):
        pid = self.run_gateway()
        self.assertEqual(self.psql("SELECT count(*) FROM orders"), "3\n")
        status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        self.assertEqual(set(re.search(r"^Uid:(.*)$", status, re.M)[1].split()), {str(UID)})
        self.assertEqual([re.search(rf"^{key}:\s+(\S+)", status, re.M)[1] for key in ("CapEff", "CapBnd", "NoNewPrivs")], ["0" * 16, "0" * 16, "1"])
        # Its own: what is writable and neither the system's nor podman's.
        mounts = [line.split() for line in pathlib.Path(f"/proc/{pid}/mountinfo").read_text(encoding="utf-8").splitlines()]
        writable = {mount[4] for mount in mounts if "rw" in mount[5].split(",")}
        self.assertEqual({path for path in writable if not re.match("/(proc|dev|sys)(/|$)", path)} -
                         {"/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/run/.containerenv"},
                         {"/var/lib/dbgate", "/run/dbgate"})

        containers.run(*self.podman, "stop", "--time", "30", self.name)
        self.assertEqual(containers.run(*self.podman, "inspect", "--format", "{{.State.ExitCode}}", self.name).stdout.strip(), "0")
        verified = containers.run(*self.podman, "run", "--rm", *LOCKED, "--volume", f"{self.lab.directory}/image/state:/var/lib/dbgate:ro",
                                  "localhost/dbgate:tested", "audit", "verify", "/var/lib/dbgate/audit")
        self.assertIn("; 0 statements without outcome", verified.stdout)

    def test_as_the_compose_file_has_it(self):
        """deploy/compose: its configuration and options, secrets as docs/monitoring.md makes them, and no network."""
        folder = containers.ROOT / "deploy" / "compose"
        service = yaml.safe_load((folder / "docker-compose.yml").read_text(encoding="utf-8"))["services"]["gateway"]
        secrets = self.secrets({"server.crt": self.lab.certificates.cert.read_text(), "tls.key": self.lab.certificates.key.read_text(),
                                "upstream-password": "any", "ana-verifier": lab.verifier()})
        volumes = [one.replace("./secrets", str(secrets)).replace("./", f"{folder}/") for one in service["volumes"] if not one.startswith("state:")]
        options = [f"--volume={one}" for one in volumes] + [f"--tmpfs={one}" for one in service["tmpfs"]]
        options += [f"--cap-drop={one}" for one in service["cap_drop"]] + [f"--security-opt={one.partition(':')[0]}" for one in service["security_opt"]]
        self.assertTrue(service["read_only"])
        self.addCleanup(containers.run, *self.podman, "rm", "--force", self.name, check=False)
        containers.run(*self.podman, "run", "--detach", "--name", self.name, "--read-only", "--read-only-tmpfs=false", "--network", "none", *options,
                       "localhost/dbgate-gateway:tested", *service["command"])
        ports = lab.wait_until(self.listening, "the gateway of the compose file is ready")
        published = {one.rpartition(":")[2] for one in service["ports"]}
        self.assertLessEqual(published, {str(port) for port in ports.values()})

    def test_the_command_line(self):
        said = containers.run(*self.podman, "run", "--rm", *LOCKED, "localhost/dbgate:tested", "version")
        self.assertEqual(said.stdout, "dbgate 0.1.0\n")

    def test_it_says_what_it_needs(self):
        """Without a configuration, and with a folder for its state that is not its own."""
        said = containers.run(*self.podman, "run", "--rm", *LOCKED, "localhost/dbgate-gateway:tested", check=False)
        self.assertEqual(said.returncode, 1)
        self.assertIn("/etc/dbgate/gateway.yaml", said.stdout)


if __name__ == "__main__":
    sys.exit(containers.main("__main__", "buildah", "podman", "runc"))
