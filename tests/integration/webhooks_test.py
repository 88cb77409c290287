"""Webhooks of a real gateway at real servers: what they are sent, its signature, and servers that hang, fail and break off."""
import base64
import hashlib
import hmac
import http.server
import json
import pathlib
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402
from raw_http import Raw  # noqa: E402

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
STATEMENT = "DELETE FROM cards WHERE number = '4111111111111111'"


class Receiver:
    """A server that keeps what it is sent and answers as `answers` say, one after the other, the last one for good: a status, "hang"
    or "reset"."""

    def __init__(self, *answers):
        self.answers, self.got, self.over = list(answers), [], threading.Event()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = receiver.answers.pop(0) if len(receiver.answers) > 1 else receiver.answers[0]
                receiver.got.append({"path": self.path, "headers": {name.lower(): value for name, value in self.headers.items()}, "body": body})
                if answer == "hang":
                    receiver.over.wait(60)
                elif answer != "reset":
                    self.send_response(answer)
                    self.send_header("Location", "/elsewhere")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                self.close_connection = True

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook/KEY-OF-THE-CHAT"

    def close(self):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)

    def wait_for(self, count, what="it is told"):
        return lab.wait_until(lambda: len(self.got) >= count and list(self.got), what)


class Webhooks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.lab.postgres.psql("CREATE TABLE cards (number text)")

    def receiver(self, *answers):
        receiver = Receiver(*answers)
        self.addCleanup(receiver.close)
        return receiver

    def gateway_with(self, hooks):
        gateway = self.lab.gateway(
            "version: 1\nstate_dir: state\nlimits: { api_requests_per_minute: 1000000 }\nlisten:\n"
            "  postgres: { address: 127.0.0.1, port: 0 }\n  api: { address: 127.0.0.1, port: 0 }\n" + hooks + self.lab.users("ana", "bob") +
            "targets:\n" + self.lab.target() + "policies:\n  - name: cards\n    who: { users: [ana] }\n    on: [postgres]\n    allow:\n"
            "      - { select: [public.cards], functions: [safe] }\n"
            "      - { delete: [public.cards], require: { approval: { from: { users: [bob] } } } }\n")
        self.token = {name: self.send(gateway, "POST", "/login", body={"username": name, "password": lab.PASSWORD}).json()["access_token"]
                      for name in ("ana", "bob")}
        return gateway

    @staticmethod
    def send(gateway, method, path, token=None, body=None):
        with Raw(gateway.ports["api"], timeout=lab.START_SECONDS) as connection:
            return connection.request(method, "/api/v1" + path, token, body)

    def hold(self, gateway):
        """Ana's statement waits; the id of its approval."""
        connection = self.enterContext(wire.Connection(gateway.port))
        connection.login("ana", "postgres", lab.PASSWORD)
        connection.send(wire.query(STATEMENT))
        pending = lab.wait_until(lambda: self.send(gateway, "GET", "/approvals?state=pending", self.token["bob"]).json()["items"], "it is held")
        return connection, pending[0]["id"]

    def decide(self, gateway, approval, word, body):
        answer = self.send(gateway, "POST", f"/approvals/{approval}/{word}", self.token["bob"], body)
        self.assertEqual(answer.status, 200, answer.body)

    def test_what_is_sent(self):
        programs, people = self.receiver(204), self.receiver(200)
        gateway = self.gateway_with(f"webhooks:\n  - {{ name: programs, url: '{programs.url}', secret: {SECRET}, include: [sql] }}\n"
                                    f"  - {{ name: people, url: '{people.url}', format: slack }}\n")
        connection, approval = self.hold(gateway)
        asked = programs.wait_for(1)[0]
        headers, body = asked["headers"], json.loads(asked["body"])
        self.assertEqual((body["type"], body["data"]["id"], body["data"]["requester"], body["data"]["operation"], body["data"]["sql"]),
                         ("approval.requested", approval, "ana", "DELETE", STATEMENT))
        self.assertLess(abs(time.time() - int(headers["webhook-timestamp"])), 300)
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + asked["body"]
        digest = hmac.new(base64.b64decode(SECRET.removeprefix("whsec_")), signed, hashlib.sha256).digest()
        self.assertEqual(headers["webhook-signature"], "v1," + base64.b64encode(digest).decode())
        shown = people.wait_for(1)[0]
        self.assertEqual(json.loads(shown["body"])["text"], "ana asks for approval: DELETE on postgres")
        self.assertNotIn(b"4111", shown["body"], "the text is for those who asked for it")
        self.assertNotIn("webhook-signature", shown["headers"])
        self.decide(gateway, approval, "deny", {"reason": "no"})
        connection.receive_until("Z")
        decided = json.loads(programs.wait_for(2)[1]["body"])
        self.assertEqual((decided["type"], decided["data"]["state"], decided["data"]["votes"][0]["by"]), ("approval.decided", "denied", "bob"))
        self.assertNotIn("KEY-OF-THE-CHAT", "\n".join(gateway.log))

    def test_servers_that_fail_hold_nothing_up(self):
        hangs, fails, resets, moved = self.receiver("hang"), self.receiver(500, 204), self.receiver("reset", 204), self.receiver(302, 204)
        gateway = self.gateway_with("webhooks:\n" + "".join(f"  - {{ name: {name}, url: '{one.url}', format: slack }}\n" for name, one in
                                    (("hangs", hangs), ("fails", fails), ("resets", resets), ("moved", moved))) +
                                    f"  - {{ name: nowhere, url: 'http://127.0.0.1:{lab.free_port()}/', format: slack }}\n")
        connection, approval = self.hold(gateway)
        hangs.wait_for(1)
        self.decide(gateway, approval, "approve", {})
        connection.receive_until("Z")
        # The one that failed is tried again, under its id, and the next follows.
        for receiver in (fails, resets):
            first, again, decided = receiver.wait_for(3, "it is tried again")[:3]
            self.assertEqual(first["headers"]["webhook-id"], again["headers"]["webhook-id"])
            self.assertNotEqual(first["headers"]["webhook-id"], decided["headers"]["webhook-id"])
        # A redirect is not followed, and final.
        self.assertEqual({one["path"] for one in moved.wait_for(2)}, {"/hook/KEY-OF-THE-CHAT"})
        self.assertIn("the server answered 302", "\n".join(gateway.log))
        self.assertNotIn("KEY-OF-THE-CHAT", "\n".join(gateway.log))
        self.assertEqual(gateway.stop(), 0, "nor does the one that hangs hold up the end")


if __name__ == "__main__":
    unittest.main()
