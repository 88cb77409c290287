"""`dbgate-gateway healthcheck` and `wait`: what containers ask that have no shell and no curl."""
import http.server
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402


def run(*arguments, **more):
    return subprocess.run([str(lab.GATEWAY), *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60, **more)


class Probes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)

    def config(self, port=0, address="127.0.0.1"):
        config = self.lab.forward_everything()
        return config.replace("listen:\n", f"listen:\n  ops: {{ address: '{address}', port: {port} }}\n")

    def url(self, gateway):
        return f"http://127.0.0.1:{gateway.ports['ops']}"

    def test_the_configuration_names_the_listener(self):
        for address in ("127.0.0.1", "0.0.0.0", "::"):
            with self.subTest(address):
                port = lab.free_port()
                gateway = self.lab.gateway(self.config(port, address))
                for probe in ([], ["--live"], ["--startup"]):
                    done = gateway.command("healthcheck", *probe)
                    self.assertEqual((done.returncode, done.stdout), (0, '{"status":"ok"}\n'), done.stderr)
                gateway.stop()
                done = gateway.command("healthcheck")
                self.assertEqual(done.returncode, 1)
                self.assertIn("Connection refused", done.stderr)

    def test_a_file_that_is_broken_later_does_not_fail_the_probe(self):
        gateway = self.lab.gateway(self.config(lab.free_port()))
        gateway.write_config(gateway.config.read_text(encoding="utf-8") + "nonsense: 1\nusers: 7\n")
        self.assertEqual(gateway.command("healthcheck").returncode, 0)
        gateway.write_config("version: [")
        done = gateway.command("healthcheck")
        self.assertEqual(done.returncode, 1)
        self.assertIn("hint: give the address of the ops listener: --url", done.stderr)
        self.assertEqual(gateway.command("healthcheck", "--url", self.url(gateway)).returncode, 0)

    def test_what_is_not_configured_is_said(self):
        gateway = self.lab.gateway(self.lab.forward_everything())
        done = gateway.command("healthcheck")
        self.assertEqual(done.returncode, 1)
        self.assertIn("has no listen.ops", done.stderr)
        gateway = self.lab.gateway(self.config())
        done = gateway.command("healthcheck")
        self.assertEqual(done.returncode, 1)
        self.assertIn("takes any free port", done.stderr)
        self.assertEqual(gateway.command("healthcheck", "--url", self.url(gateway)).returncode, 0)
        for url in ("https://127.0.0.1:1", "127.0.0.1", "http://", "http://a:b@127.0.0.1:1"):
            self.assertIn("the URL must be", run("healthcheck", "--url", url).stderr)

    def test_draining_is_not_ready_and_alive(self):
        gateway = self.lab.gateway(self.config() + "drain: { min_delay: 30s }\n")
        gateway.process.send_signal(signal.SIGTERM)
        lab.wait_until(lambda: any('"draining"' in line for line in gateway.log), "it drains", 10)
        done = run("healthcheck", "--url", self.url(gateway))
        self.assertEqual(done.returncode, 1)
        self.assertIn("not draining", done.stderr)
        self.assertEqual(run("healthcheck", "--live", "--url", self.url(gateway)).returncode, 0)

    def test_who_never_answers_is_waited_for_no_longer_than_said(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            began = time.monotonic()
            done = run("healthcheck", "--timeout", "300ms", "--url", f"http://127.0.0.1:{silent.getsockname()[1]}")
            self.assertEqual(done.returncode, 1)
            self.assertIn("no answer in time", done.stderr)
            self.assertLess(time.monotonic() - began, 10)

    def test_what_is_no_http_is_no_answer(self):
        with socket.create_server(("127.0.0.1", 0)) as strange:
            def answer():
                connection, _ = strange.accept()
                with connection:
                    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
            threading.Thread(target=answer, daemon=True).start()
            done = run("healthcheck", "--url", f"http://127.0.0.1:{strange.getsockname()[1]}")
            self.assertEqual(done.returncode, 1)

    def test_wait_ends_when_the_gateway_is_ready(self):
        port = lab.free_port()
        waiting = subprocess.Popen([str(lab.GATEWAY), "wait", "--timeout", "60s", "--url", f"http://127.0.0.1:{port}"],
                                   stdout=subprocess.PIPE, text=True)
        self.addCleanup(waiting.stdout.close)
        self.assertIsNone(waiting.poll())
        self.lab.gateway(self.config(port))
        self.assertEqual(waiting.wait(60), 0)

    def test_wait_goes_on_while_the_answer_is_not_good(self):
        class Later(http.server.BaseHTTPRequestHandler):
            asked = 0

            def do_GET(self):
                Later.asked += 1
                self.send_response(503 if Later.asked < 3 else 200)
                self.end_headers()

            def log_message(self, *_):
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), Later) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            self.assertEqual(run("wait", "--timeout", "30s", "--url", f"http://127.0.0.1:{server.server_port}").returncode, 0)
            server.shutdown()
        self.assertEqual(Later.asked, 3)

    def test_wait_gives_up(self):
        done = run("wait", "--timeout", "400ms", "--url", f"http://127.0.0.1:{lab.free_port()}")
        self.assertEqual(done.returncode, 1)
        self.assertIn("not ready within 400 ms", done.stderr)
        self.assertIn("Connection refused", done.stderr)
        self.assertEqual(run("wait", "--timeout", "soon").returncode, 2)


if __name__ == "__main__":
    unittest.main()
