"""deploy/docker/Dockerfile: that every builder can read it, and what its images promise. scripts/test-deploy.sh builds and runs them."""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILE = ROOT / "deploy" / "docker" / "Dockerfile"
# What docker's classic builder, podman and buildah have in common.
KNOWN = {"ARG", "FROM", "COPY", "RUN", "LABEL", "ENV", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"}


def instructions():
    """(name, rest) of each, lines joined, without comments."""
    text = re.sub(r"^#.*\n", "", FILE.read_text(encoding="utf-8"), flags=re.M)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [tuple(line.split(maxsplit=1)) for line in lines if line.strip()]


def stages():
    """name → what it is from and its instructions; what stands before the first is under ''."""
    found, current = {"": []}, ""
    for name, rest in instructions():
        if name == "FROM":
            source, _, current = rest.partition(" AS ")
            found[current] = [("FROM", source)]
        else:
            found[current].append((name, rest))
    return found


class Dockerfile(unittest.TestCase):
    def test_every_builder_can_read_it(self):
        self.assertNotRegex(FILE.read_text(encoding="utf-8"), r"(?i)^# *(syntax|escape) *=")
        for name, rest in instructions():
            self.assertIn(name, KNOWN)
            self.assertNotRegex(rest, r"--(mount|chmod|link|network|security|parents|exclude|checksum)\b|<<")

    def test_the_base_can_be_another(self):
        self.assertEqual(stages()[""], [("ARG", "BASE=docker.io/library/debian:bookworm-slim")])
        self.assertEqual([stage[0][1] for name, stage in stages().items() if name], ["${BASE}", "scratch", "scratch"])
        self.assertEqual(list(stages())[-1], "gateway")  # what is built when no target is named

    def test_what_images_promise(self):
        for name, program in (("gateway", "dbgate-gateway"), ("cli", "dbgate")):
            stage = stages()[name]
            said = dict(stage)
            self.assertEqual((said["USER"], said["ENTRYPOINT"], said["VOLUME"]),
                             ("65532:65532", f'["/usr/bin/{program}"]', '["/var/lib/dbgate", "/run/dbgate"]'))
            self.assertNotIn("RUN", said)  # there is nothing to run it with
            labels = set(re.findall(r"org\.opencontainers\.image\.(\w+)=", said["LABEL"]))
            self.assertEqual(labels, {"title", "description", "version", "revision", "created", "vendor", "documentation"})
            arguments = {rest.partition("=")[0] for kind, rest in stage if kind == "ARG"}
            self.assertEqual(arguments, {"VERSION", "REVISION", "CREATED"})
            owned = [rest.split()[-1] for kind, rest in stage if kind == "COPY" and "--chown=65532:65532" in rest]
            self.assertEqual(owned, ["/var/lib/", "/run/"])

    def test_ports_are_those_of_the_deployments(self):
        gateway = dict(stages()["gateway"])
        self.assertEqual((gateway["EXPOSE"].split(), gateway["STOPSIGNAL"]), (["6432", "8443", "9464"], "SIGTERM"))
        deployment = (ROOT / "deploy" / "kubernetes" / "base" / "deployment.yaml").read_text(encoding="utf-8")
        self.assertEqual(set(re.findall(r"containerPort: (\d+)", deployment)), set(gateway["EXPOSE"].split()))

    def test_names_and_versions_are_those_of_the_deployments(self):
        version = re.search(r"project\(dbgate VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text(encoding="utf-8"))[1]
        for file in ("compose/docker-compose.yml", "kubernetes/sidecar/deployment.yaml", "kubernetes/sidecar/job.yaml"):
            self.assertIn(f"dbgate-gateway:{version}", (ROOT / "deploy" / file).read_text(encoding="utf-8"), file)


if __name__ == "__main__":
    unittest.main()
