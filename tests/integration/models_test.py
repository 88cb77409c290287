"""Every dialect against every way to answer and to fail, by `dbgate-gateway model-check`: real requests over HTTP and TLS."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import model_provider as fake  # noqa: E402

# What has to come of each case, and how many requests it may take.
OUTCOMES = {
    "ok": ("ok", 1), "low": ("ok", 1), "truncated": ("truncated", 1), "refused": ("refused", 1), "filtered": ("filtered", 1),
    "no_json": ("invalid", 1), "wrong_word": ("invalid", 1), "missing": ("invalid", 1), "extra": ("invalid", 1),
    "unauthorized": ("unauthorized", 1), "no_credit": ("exhausted", 1), "limited": ("limited", 2), "limited_once": ("ok", 2),
    "limited_for_long": ("limited", 1), "failing": ("failing", 2), "failing_once": ("ok", 2), "overloaded": ("failing", 2),
    "no_temperature": ("ok", 2), "silent": ("timeout", 2), "dripping": ("timeout", 2), "oversize": ("invalid", 1),
    "reset": ("unreachable", 2), "cut": ("unreachable", 2), "redirect": ("rejected", 1), "html": ("invalid", 1),
    "html_error": ("failing", 2), "late_error": ("failing", 2),
}
# These have no words for it.
UNKNOWN = {("ollama", "refused"): "invalid", ("ollama", "filtered"): "invalid", ("anthropic", "filtered"): "refused",
           ("gemini", "refused"): "filtered"}
SLOW = {"silent", "dripping"}


class Models(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="dbgate-models-")
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        (self.directory / "key").write_text(fake.KEY + "\n")
        (self.directory / "key").chmod(0o600)

    def check(self, providers, *options, deadline="60s"):
        """What model-check says of them: lines by name, and what it has put out as it is."""
        config = self.directory / "gateway.yaml"
        config.write_text(f"version: 1\nmodels:\n  deadline: {{ person: {deadline} }}\n  providers:\n" + "".join(
            f"    - {{ name: {name}, {settings}, model: MODEL, key_file: key, temperature: 0 }}\n" for name, settings in providers))
        done = subprocess.run([str(lab.GATEWAY), "model-check", "-c", str(config), "--json", *options], capture_output=True, text=True,
                              timeout=120, check=False)
        self.assertNotIn(fake.KEY, done.stdout + done.stderr)
        return {line["provider"]: line for line in map(json.loads, done.stdout.splitlines())}, done

    def test_every_dialect_and_every_failure(self):
        self.assertEqual(sorted(OUTCOMES), fake.Provider.cases())
        with fake.Provider() as server:
            # Time is short only where time is what fails.
            said, _ = self.check([(f"{case}.{dialect}", f"dialect: {dialect}, url: '{server.url}/{case}/{dialect}', "
                                   f"timeout: {'300ms' if case in SLOW else '30s'}")
                                  for case in OUTCOMES for dialect in fake.DIALECTS])
            self.assertEqual(server.complaints, [])
            for case, (outcome, requests) in OUTCOMES.items():
                for dialect in fake.DIALECTS:
                    with self.subTest(case=case, dialect=dialect):
                        line = said[f"{case}.{dialect}"]
                        self.assertEqual(line["outcome"], UNKNOWN.get((dialect, case), outcome), line)
                        # Who gives up waiting may do so before anything was read. Where a kept connection turns out to be
                        # closed, libcurl takes another of its own accord, five times at most.
                        least, most = (0 if case in SLOW else requests), (6 * requests if case == "reset" else requests)
                        self.assertIn(len(server.asked(case, dialect)), range(least, most + 1))
                        if line["outcome"] == "ok":
                            self.assertEqual((line["input_tokens"], line["output_tokens"]), (410, 60))
                            self.assertEqual(line["level"], "low" if case == "low" else "high")
                        else:
                            self.assertNotIn("level", line)

    def test_what_is_sent_is_the_brief(self):
        with fake.Provider() as server:
            self.check([(dialect, f"dialect: {dialect}, url: '{server.url}/ok/{dialect}'") for dialect in fake.DIALECTS])
            shown = subprocess.run([str(lab.GATEWAY), "model-check", "--brief"], capture_output=True, text=True, timeout=60, check=True).stdout
            for dialect in fake.DIALECTS:
                (_, _, _, headers, body), = server.asked("ok", dialect)
                text = body.decode()
                self.assertIn(json.dumps(shown.strip(), ensure_ascii=False)[1:-1], text)
                for word in ("accounts", "balance", "closed_accounts"):
                    self.assertNotIn(word, text)
                self.assertNotIn(fake.KEY, text)
                self.assertNotIn("Expect", headers)

    def test_certificates_are_verified(self):
        certificates = lab.Certificates(self.directory / "tls")
        other = certificates.issue("other", "elsewhere", "subjectAltName=DNS:elsewhere.example")
        with fake.Provider((certificates.cert, certificates.key)) as good, fake.Provider(other) as wrong_name:
            said, _ = self.check([
                ("trusted", f"dialect: openai, url: '{good.url}/ok/openai', ca_file: tls/ca.crt"),
                ("unknown", f"dialect: openai, url: '{good.url}/ok/openai'"),
                ("wrong_name", f"dialect: openai, url: '{wrong_name.url}/ok/openai', ca_file: tls/ca.crt"),
                ("plain", f"dialect: openai, url: '{good.url.replace('https', 'http')}/ok/openai'")])
            self.assertEqual({name: line["outcome"] for name, line in said.items()},
                             {"trusted": "ok", "unknown": "untrusted", "wrong_name": "untrusted", "plain": "unreachable"})
            self.assertEqual(len(good.asked("ok", "openai")), 1)
            self.assertEqual(wrong_name.requests, [])

    def test_the_deadline_holds_whatever_the_provider_does(self):
        with fake.Provider() as server:
            said, _ = self.check([(case, f"dialect: openai, url: '{server.url}/{case}/openai', timeout: 10s") for case in SLOW],
                                 deadline="400ms")
            for line in said.values():
                self.assertEqual(line["outcome"], "timeout")
                self.assertGreaterEqual(line["ms"], 390)
                self.assertLess(line["ms"], 20_000)

    def test_nobody_there(self):
        said, done = self.check([("gone", f"dialect: openai, url: 'http://127.0.0.1:{lab.free_port()}'")])
        self.assertEqual(said["gone"]["outcome"], "unreachable")
        self.assertEqual(done.returncode, 1)

    def test_for_people(self):
        with fake.Provider() as server:
            config = self.directory / "gateway.yaml"
            config.write_text("version: 1\nmodels: { providers: [ { name: main, dialect: anthropic, model: MODEL, key_file: key, "
                              f"url: '{server.url}/ok/anthropic', price: {{ input: 1, output: 5 }} }} ] }}\n")
            command = [str(lab.GATEWAY), "model-check", "-c", str(config)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(done.stdout, r"^main \(MODEL\): ok, level high, confidence medium, \d+ ms, HTTP 200, 410 \+ 60 tokens, cost 0.000710\n"
                                          r"  it says: Rows of a table change\.\n$")
            done = subprocess.run([*command, "--provider", "other"], capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn('no model provider called "other"', done.stderr)

    def test_decisions_are_replayed_from_their_records(self):
        final = {"level": "high", "approval": True, "alert": False, "answered": True}
        asked = {"rules": "medium", "caller": "agent", "outcome": "ok", "level": "high", "needs_approval": True, "final": final}
        lines = [{"event": "statement"}, {"risk.model": asked}, {"risk.model": {**asked, "level": "low"}}, {"risk.model": {"rules": "medium"}},
                 {"risk.model": {**asked, "outcome": "timeout", "final": {**final, "answered": False}}},
                 {"risk.model": {**asked, "prompt_version": 1, "brief": "{}", "prompt_hash": "00"}}]
        text = "".join(json.dumps(line) + "\n" for line in lines) + "no record\n"
        done = subprocess.run([str(lab.GATEWAY), "replay-risk"], input=text, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 1)
        said = done.stdout.splitlines()
        self.assertEqual([line.split(":")[0] for line in said], ["line 3", "line 4", "line 6", "line 7", "5 decisions with a model, 4 problems"])
        self.assertIn('it comes to {"level":"medium"', said[0])
        path = self.directory / "good"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines[:2]))
        done = subprocess.run([str(lab.GATEWAY), "replay-risk", str(path)], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, "1 decision with a model, 0 problems\n"))


if __name__ == "__main__":
    unittest.main()
