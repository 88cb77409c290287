"""Signing in by every way, and what is kept of it. The gateway is a fake."""
import base64
import hashlib
import json
import os
import pathlib
import stat
import subprocess
import sys
import threading
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import cli_fixture  # noqa: E402
import fake_gateway  # noqa: E402
import lab  # noqa: E402
import wire  # noqa: E402


class SignIn(cli_fixture.CliTest):
    # Signing in.

    def test_a_password_is_asked_for_without_echo(self):
        term = self.term("login")
        term.expect("Password for ana at https://localhost:.*: ")
        self.assertFalse(term.echo())
        term.type("right\n")
        term.expect("signed in to .* as ana")
        self.assertEqual(term.wait(), 0)
        self.assertNotIn("right", term.screen)
        self.assertTrue(term.echo())

    def test_ctrl_c_at_the_password_leaves_the_terminal_as_it_was(self):
        term = self.term("login")
        term.expect("Password")
        term.interrupt()
        self.assertEqual(term.wait(), 130)
        self.assertTrue(term.echo())
        self.assertFalse(self.credentials().exists())

    def test_the_second_factor_is_asked_for(self):
        self.gateway.second_factor = True
        term = self.term("login", "--username", "ana")
        term.expect("Password")
        term.type("right\n")
        term.expect("Code of your second factor")
        term.type("123456\n")
        self.assertEqual(term.wait(), 0)
        self.cli("login", "--username", "ana", "--password-stdin", text="right\n123456\n")
        self.cli("login", "--username", "ana", "--password-stdin", text="right\n", status=4)
        self.assertEqual(self.gateway.requests[-2]["body"]["username"], "ana")

    def test_nobody_is_asked_without_a_terminal(self):
        self.assertIn("--password-stdin", self.cli("login", "--username", "ana", status=2).stderr)
        term = self.term("login", "--username", "ana", DBGATE_NO_INPUT="1")
        self.assertEqual(term.wait(), 2)

    def browser(self, script):
        path = self.home / "browser"
        path.write_text(f"#!/usr/bin/python3\n{script}")
        path.chmod(0o755)
        return str(path)

    def test_the_browser_comes_back_to_loopback(self):
        self.gateway.providers = [{"name": "idp", "device": True}]
        term = self.term("login", BROWSER=self.browser("import sys; open(sys.argv[0] + '.seen', 'w').write(sys.argv[1])"))
        term.expect("Sign in on this page")
        lab.wait_until((self.home / "browser.seen").exists, "the browser is started", 10)
        asked = self.gateway.oidc
        self.assertTrue(asked["redirect_uri"].startswith("http://127.0.0.1:"))
        with self.assertRaises(urllib.error.HTTPError) as refused:  # somebody else's state changes nothing
            urllib.request.urlopen(asked["redirect_uri"] + "?code=evil&state=guess", timeout=5)
        refused.exception.close()
        with urllib.request.urlopen(asked["redirect_uri"] + f"?code=c0de&state={asked['state']}", timeout=5) as page:
            self.assertIn("You are signed in", page.read().decode())
            self.assertNotIn("http", page.headers.get("Content-Security-Policy"))
        self.assertEqual(term.wait(), 0)
        redeemed = self.gateway.asked("POST", "/token")[0]["body"]
        digest = hashlib.sha256(redeemed["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        self.assertEqual((redeemed["code"], challenge), ("c0de", asked["code_challenge"]))
        self.assertEqual(redeemed["redirect_uri"], asked["redirect_uri"])

    def test_a_refusal_of_the_provider_is_told(self):
        self.gateway.providers = [{"name": "idp"}]
        term = self.term("login", "--no-browser")
        term.expect("Sign in on this page")
        asked = self.gateway.oidc
        self.visit(asked["redirect_uri"] + f"?error=access_denied&state={asked['state']}")
        self.assertEqual(term.wait(), 4)
        self.assertIn("access_denied", term.screen)

    @staticmethod
    def visit(url):
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError as refused:
            refused.close()

    def test_without_a_display_a_device_code_is_shown(self):
        self.gateway.providers = [{"name": "idp", "device": True}]
        self.gateway.device_answers = ["authorization_pending"]
        term = self.term("login", SSH_CONNECTION="x", DISPLAY=":0")
        term.expect("https://idp/device")
        term.expect("WDJB-MJHT")
        self.assertEqual(term.wait(), 0)
        self.gateway.device_answers = ["access_denied"]
        self.cli("login", "--device", status=4)

    def test_a_token_is_read_from_standard_input(self):
        self.cli("login", "--with-token", text="access-0\n")
        self.cli("login", "--with-token", text="wrong\n", status=4)
        self.cli("login", "--with-token", status=2)
        self.assertEqual(self.stored()["access_token"], "access-0")

    def test_logout_and_token(self):
        self.login()
        token = self.cli("token").stdout.strip()
        self.assertEqual(token, self.stored()["access_token"])
        self.cli("logout", "--all")
        self.assertNotIn("access_token", self.stored())
        self.assertIn("dbgate login", self.cli("token", status=4).stderr)

    # What is kept.

    def test_a_token_is_renewed_before_it_ends_and_when_it_is_refused(self):
        self.gateway.lifetime = 10  # less than what commands want to have left
        self.login()
        self.cli("whoami")
        self.assertEqual(self.gateway.refreshes, 1)
        self.gateway.lifetime = 900
        self.cli("whoami")
        self.assertEqual(self.gateway.refreshes, 2)
        self.gateway.access.discard(self.stored()["access_token"])
        self.cli("whoami")
        self.assertEqual(self.gateway.refreshes, 3)
        self.cli("token", "--ttl", "2h")
        self.assertEqual(self.gateway.refreshes, 4)

    def test_parallel_commands_use_one_renewal(self):
        self.gateway.lifetime = 10
        self.login()
        self.gateway.lifetime, self.gateway.delay = 900, 0.1
        running = [subprocess.Popen([str(lab.CLI), "whoami"], env=self.environment, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.PIPE) for _ in range(8)]
        for process in running:
            said = process.communicate(timeout=60)[1]
            self.assertEqual(process.returncode, 0, said)
        self.assertEqual(self.gateway.refreshes, 1)

    def test_an_ended_sign_in_is_said_once_and_not_tried_again(self):
        self.gateway.lifetime = 10
        self.login()
        self.gateway.refresh.clear()
        self.assertIn("has ended", self.cli("whoami", status=4).stderr)
        self.cli("whoami", status=4)
        self.assertEqual(self.gateway.refreshes, 1)

    def test_a_token_of_the_environment_touches_no_file(self):
        self.login()
        before = (self.credentials().read_bytes(), self.credentials().stat().st_mtime_ns)
        self.credentials().chmod(0o644)  # would be refused, if it were read
        self.cli("whoami", DBGATE_TOKEN="access-0")
        self.cli("whoami", DBGATE_TOKEN="wrong", status=4)
        self.cli("logout", DBGATE_TOKEN="access-0")
        self.cli("login", "--with-token", text="access-0", DBGATE_TOKEN="access-0", status=2)
        self.assertEqual((self.credentials().read_bytes(), self.credentials().stat().st_mtime_ns), before)
        path = self.home / "token"
        path.write_text("access-0\n")
        path.chmod(0o600)
        self.cli("whoami", DBGATE_TOKEN_FILE=str(path))
        path.chmod(0o640)
        self.cli("whoami", DBGATE_TOKEN_FILE=str(path), status=1)

    def test_a_token_goes_to_its_own_gateway_only(self):
        self.login()
        other = fake_gateway.FakeGateway(self.certificates)
        self.addCleanup(other.close)
        self.cli("whoami", DBGATE_URL=other.url, status=4)
        self.assertEqual(other.requests, [])

    def test_attacks_on_the_credentials_file(self):
        self.login()
        path = self.credentials()
        self.assertEqual((stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)), (0o600, 0o700))
        real = path.with_name("elsewhere")
        path.rename(real)
        path.symlink_to(real)
        self.assertIn("symbolic link", self.cli("whoami", status=1).stderr)
        path.unlink()
        os.mkfifo(path, 0o600)
        self.cli("whoami", status=1)  # and does not wait for a writer
        path.unlink()
        real.rename(path)
        victim = self.home / "victim"
        victim.write_text("precious")
        path.with_name("credentials.lock").unlink()
        path.with_name("credentials.lock").symlink_to(victim)
        self.cli("login", "--username", "ana", "--password-stdin", text="right\n", status=1)
        self.assertEqual(victim.read_text(), "precious")
        path.with_name("credentials.lock").unlink()
        path.write_text("{")
        self.assertIn("damaged", self.cli("whoami", status=1).stderr)
        if os.getuid() == 0:
            path.write_text("{}")
            os.chown(path, lab.server_user().pw_uid, -1)
            self.assertIn("not a file of yours", self.cli("whoami", status=1).stderr)

    def tunnel(self):
        """A tunnel to the fake gateway: its process, its events, and the password of its local clients."""
        self.gateway.store["/targets"] = {"shop": {"name": "shop", "engine": "postgresql", "databases": [], "access": "read"}}
        process = subprocess.Popen([str(lab.CLI), "connect", "shop", "--port", "0", "-o", "json"], stdout=subprocess.PIPE, text=True,
                                   env=self.environment)
        for last in (process.stdout.close, process.wait, process.kill):
            self.addCleanup(last)
        events = map(json.loads, process.stdout)
        limit = threading.Timer(30, process.kill)  # an event that never comes is an error and no hang
        limit.start()
        self.addCleanup(limit.cancel)
        ready = next(event for event in events if event["event"] == "ready")
        return process, events, ready

    def knock(self, ready):
        """A local client whose connection the gateway does not take."""
        password = pathlib.Path(ready["passfile"]).read_text().strip().split(":")[-1]
        with wire.Connection(ready["port"]) as client, self.assertRaises(PermissionError):
            client.login("ana", "shop", password)

    def test_a_tunnel_renews_the_token_beneath_it(self):
        self.gateway.lifetime = 91  # more than a command wants to have left; a renewal is due a minute before the end
        self.login()
        self.gateway.lifetime = 900
        process, events, ready = self.tunnel()
        self.assertIn("expires_at", ready)
        before = self.gateway.refreshes
        self.gateway.access.discard(self.stored()["access_token"])  # as if its time were over at the gateway
        self.knock(ready)
        self.assertEqual(next(events)["event"], "renewed")
        self.assertEqual(self.gateway.refreshes, before + 1)
        self.gateway.access.clear()
        self.gateway.refresh.clear()  # the administrator ends the sign-in
        self.knock(ready)
        ended = next(events)
        self.assertEqual((ended["event"], ended["resume"]), ("ended", "dbgate connect shop --port 0"))
        self.assertEqual(process.wait(20), 4)

    def test_a_tunnel_renews_by_itself_and_bears_a_gateway_that_is_away(self):
        self.gateway.lifetime = 62
        self.login()
        _, events, _ = self.tunnel()
        self.assertEqual(next(events)["event"], "renewed")
        self.gateway.close()
        self.assertEqual(next(events)["event"], "reconnecting")

    def test_credentials_may_be_kept_by_a_command(self):
        keeper = self.home / "keeper"
        keeper.write_text(f"#!/bin/sh\ncase $1 in get) cat {self.home}/kept 2>/dev/null || true;; store) cat > {self.home}/kept;; esac\n")
        keeper.chmod(0o755)
        self.cli("config", "set", "credential_store", "command")
        self.cli("whoami", status=2)
        self.cli("config", "set", "credential_command", keeper)
        self.login()
        self.cli("whoami")
        self.assertFalse(self.credentials().exists())
        self.assertIn("access_token", (self.home / "kept").read_text())
        self.assertIn("not available", self.cli("config", "set", "credential_store", "keyring", status=2).stderr)


if __name__ == "__main__":
    unittest.main()
