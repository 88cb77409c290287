"""Rights for a time at real gateways: denied, asked for, agreed to, in force in sessions that are open, over; break-glass; two
gateways on one store."""
import pathlib
import secrets
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import events_test  # noqa: E402
import lab  # noqa: E402
import wire  # noqa: E402
from raw_http import Raw  # noqa: E402

SECONDS = 120  # of any wait: machines of tests are slow
UPDATE = "UPDATE orders SET status = 'sent' WHERE id = 1"


def rules(it, longest="4h"):
    """Ana and new are on call; ana may read, new has nothing; lead agrees, sec reviews, root administers, eve has no part in it."""
    return (it.users("ana", "new", "lead", "sec", "root", "eve") + "groups: { oncall: [ana, new, lead], leads: [lead, ana] }\n"
            "roles: { policy_admin: { users: [root] } }\ntargets:\n" + it.target() + f"""policies:
  - name: base
    who: {{ users: [ana] }}
    on: [postgres]
    allow: [ {{ select: [public.orders], functions: [safe] }} ]
    deny: [ {{ update: ["public.orders(price)"] }} ]
requests:
  - name: repair
    who: {{ groups: [oncall] }}
    on: [postgres]
    tables: [public.orders]
    verbs: [select, update]
    functions: [safe]
    longest: {longest}
    approval: {{ from: {{ groups: [leads] }} }}
    break_glass: {{ who: {{ users: [ana] }}, longest: 30m, review: {{ from: {{ users: [sec] }} }} }}
""")


LISTEN = "listen:\n  postgres: { address: 127.0.0.1, port: 0 }\n  api: { address: 127.0.0.1, port: 0 }\n"


class People:
    """Users at the API of a gateway."""

    def __init__(self, gateway):
        self.gateway, self.tokens = gateway, {}

    def send(self, user, method, path, body=None, headers=()):
        if user not in self.tokens:
            self.tokens[user] = self._send(None, "POST", "/login", {"username": user, "password": lab.PASSWORD}).json()["access_token"]
        return self._send(self.tokens[user], method, path, body, headers)

    def _send(self, token, method, path, body, headers=()):
        with Raw(self.gateway.ports["api"], timeout=SECONDS) as connection:
            return connection.request(method, "/api/v1" + path, token, body, headers)

    def ask(self, user="ana", status=201, **more):
        wish = {"target": "postgres", "tables": ["public.orders"], "verbs": ["update"], "duration_seconds": 3600, "reason": "stuck", **more}
        answer = self.send(user, "POST", "/access-requests", wish)
        assert answer.status == status, answer.body
        return answer.json()

    def approve(self, request, user="lead"):
        return self.send(user, "POST", f"/approvals/{request['approval_id']}/approve", {})

    def see(self, request, user="ana"):
        return self.send(user, "GET", f"/access-requests/{request['id']}")

    def end(self, request, user="ana", body=None):
        return self.send(user, "POST", f"/access-requests/{request['id']}/end", body or {})


class AccessTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.lab.postgres.psql("CREATE TABLE orders (id int PRIMARY KEY, status text, price int); INSERT INTO orders VALUES (1, 'new', 5)")
        cls.gateway = cls.lab.gateway("version: 1\nstate_dir: state\nlimits: { api_requests_per_minute: 1000000 }\n" + LISTEN + rules(cls.lab))
        cls.people = People(cls.gateway)

    def tearDown(self):
        for request in self.people.send("root", "GET", "/access-requests?state=active").json()["items"]:
            self.people.end(request, "root")

    def connect(self, user="ana", gateway=None):
        client = wire.Connection((gateway or self.gateway).port, SECONDS)
        self.addCleanup(client.socket.close)
        client.login(user, "postgres", lab.PASSWORD)
        return client

    @staticmethod
    def code(client, sql):
        """The SQLSTATE of the answer, or "ok"."""
        client.send(wire.query(sql))
        errors = [wire.error_fields(body)["C"] for kind, body in client.receive_until("Z") if kind == "E"]
        return errors[0] if errors else "ok"

    def records(self, request, event):
        return [record for record in self.gateway.audit(event) if record.get("access.id") == request["id"]]

    def given(self, user="ana", **more):
        request = self.people.ask(user, **more)
        answer = self.people.approve(request)
        self.assertEqual((answer.status, answer.json()["state"]), (200, "approved"), answer.body)
        return request

    def test_from_the_denial_to_the_end(self):
        client, psql = self.connect(), lambda: lab.run_psql(UPDATE, host="127.0.0.1", port=self.gateway.port, user="ana", database="postgres",
                                                            check=False).stderr
        self.assertEqual(self.code(client, UPDATE), "42501")
        self.assertIn("permission denied by dbgate policy", psql())
        request = self.people.ask(ticket="OPS-17")
        self.assertEqual((request["state"], request["may_end"], request["ends_at"]), ("pending", True, None))
        self.assertEqual(self.code(client, UPDATE), "42501")
        approval = self.people.send("lead", "GET", "/approvals/" + request["approval_id"]).json()
        self.assertEqual((approval["kind"], approval["rule"], approval["operation"], approval["ticket"], approval["may_decide"]),
                         ("access", "repair/approval", "UPDATE", "OPS-17", True))
        self.assertEqual(approval["details"]["tables"], ["public.orders"])
        self.assertEqual(self.people.approve(request, "ana").status, 403, "nobody agrees to what they ask for")
        self.assertEqual(self.people.approve(request, "sec").status, 404)
        self.assertEqual(self.people.approve(request).json()["state"], "approved")
        # The answer has come: it is in force, in this session and in new ones.
        self.assertEqual((self.code(client, UPDATE), psql()), ("ok", ""))
        self.assertEqual(self.code(client, "UPDATE orders SET price = 1"), "42501", "what policies deny stays denied")
        self.assertEqual(self.code(client, "DELETE FROM orders"), "42501", "it was not asked for")
        seen = self.people.see(request).json()
        self.assertEqual((seen["state"], seen["ended_at"]), ("active", None))
        mine = self.people.send("ana", "GET", "/me").json()["access"]
        self.assertEqual([(one["id"], one["verbs"], one["ends_at"]) for one in mine], [(request["id"], ["update"], seen["ends_at"])])
        target = self.people.send("ana", "GET", "/targets").json()["items"][0]
        self.assertEqual((target["access"], target["for_a_time"]), ("write", mine))
        self.assertEqual(self.people.end(request, body={"reason": "done"}).json()["state"], "ended")
        self.assertEqual(self.code(client, UPDATE), "42501")
        self.assertEqual(self.code(client, "SELECT count(*) FROM orders"), "ok")
        self.assertEqual(self.people.send("ana", "GET", "/me").json()["access"], [])
        self.assertEqual([(one["user.name"], one["access.tables"], one["access.reason"], one["access.ticket"])
                          for one in self.records(request, "access.requested")], [("ana", "public.orders", "stuck", "OPS-17")])
        self.assertEqual([(one["user.name"], one["object.user"]) for one in self.records(request, "access.granted")], [("lead", "ana")])
        self.assertEqual([(one["user.name"], one["access.reason"]) for one in self.records(request, "access.ended")], [("ana", "done")])
        allowed = [one for one in self.gateway.audit("statement.decided") if one["decision.rule_id"] == request["id"]]
        self.assertEqual({one["decision.effect"] for one in allowed}, {"allow"})
        self.assertIn("for a time by " + request["id"], allowed[0]["decision.reasons"])

    def test_it_ends_by_itself(self):
        client = self.connect()
        request = self.given(duration_seconds=4)
        lab.wait_until(lambda: self.code(client, UPDATE) == "42501", "its time is over", SECONDS)
        self.assertEqual(self.code(client, UPDATE), "42501")
        self.assertEqual(self.people.see(request).json()["state"], "ended")
        ended = lab.wait_until(lambda: self.records(request, "access.ended"), "its end is noted", SECONDS)
        self.assertEqual([(one["object.user"], one["access.reason"], one.get("user.name")) for one in ended], [("ana", "expired", None)])
        self.assertEqual(self.people.end(request).status, 409)

    def test_what_is_prepared_is_judged_again(self):
        client = self.connect()
        request = self.given()
        client.send(wire.parse("p", UPDATE) + wire.bind("", "p") + wire.execute() + wire.SYNC)
        self.assertIn("C", [kind for kind, _ in client.receive_until("Z")])
        self.assertEqual(self.people.end(request).status, 200)
        client.send(wire.bind("", "p") + wire.execute() + wire.SYNC)
        errors = [wire.error_fields(body)["C"] for kind, body in client.receive_until("Z") if kind == "E"]
        self.assertEqual(errors, ["42501"])

    def test_it_opens_a_target_and_closes_it_again(self):
        with self.assertRaises(PermissionError):
            self.connect("new")
        self.assertEqual(self.people.send("new", "GET", "/targets").json()["items"], [])
        request = self.given("new", verbs=["select"])
        client = self.connect("new")
        self.assertEqual(self.code(client, "SELECT count(*) FROM orders"), "ok")
        self.assertEqual(self.code(client, UPDATE), "42501")
        self.assertEqual(self.people.end(request, "root", {"reason": "no more"}).json()["ended_by"], "root")
        lab.wait_until(client.at_end, "who has no right left is let go", SECONDS)
        with self.assertRaises(PermissionError):
            self.connect("new")

    def test_nobody_gets_what_is_not_offered(self):
        for user, more, words in (("ana", {"tables": ["public.*"]}, "does not offer public.*"), ("ana", {"verbs": ["delete"]}, "does not offer delete"),
                                  ("ana", {"duration_seconds": 5 * 3600}, "for 4h at most"), ("eve", {}, "nothing on \"postgres\""),
                                  ("ana", {"target": "other"}, "nothing on \"other\""), ("new", {"break_glass": True}, "by break-glass"),
                                  ("ana", {"break_glass": True, "duration_seconds": 1801}, "for 30m at most")):
            with self.subTest(user=user, **more):
                refused = self.people.ask(user, 403, **more)
                self.assertEqual(refused["code"], "denied")
                self.assertIn(words, refused["detail"])
        for more in ({"tables": []}, {"verbs": []}, {"duration_seconds": 0}, {"reason": ""}, {"duration_seconds": 10**9}, {"whatever": 1}):
            self.assertEqual(self.people.ask("ana", 400, **more)["code"], "bad_request", more)
        self.assertEqual(self.people.ask("ana", 422, reason=" ")["code"], "unprocessable")

    def test_who_sees_and_ends_it(self):
        request = self.given()
        self.assertEqual([self.people.see(request, user).status for user in ("ana", "lead", "root", "eve", "new")], [200, 200, 200, 404, 404])
        self.assertEqual(self.people.end(request, "eve").status, 404)
        for user, ids in (("lead", [request["id"]]), ("eve", [])):
            listed = self.people.send(user, "GET", "/access-requests?state=active").json()["items"]
            self.assertEqual([one["id"] for one in listed], ids)
        self.assertEqual(self.people.end(request, "lead").json()["ended_by"], "lead")
        pending = self.people.ask()
        self.assertEqual(self.people.end(pending).json()["state"], "cancelled")
        self.assertEqual(self.people.approve(pending).status, 409)
        offers = self.people.send("new", "GET", "/access-offers?target=postgres").json()["items"]
        self.assertEqual([(one["name"], one["longest_seconds"], one["break_glass_longest_seconds"]) for one in offers], [("repair", 14400, None)])
        self.assertEqual(self.people.send("eve", "GET", "/access-offers").json()["items"], [])

    def test_break_glass(self):
        client = self.connect()
        warned = len([line for line in self.gateway.log if "break-glass" in line])
        request = self.people.ask(break_glass=True, duration_seconds=600, reason="outage")
        self.assertEqual((request["state"], request["in_review"]), ("active", True))
        self.assertEqual(self.code(client, UPDATE), "ok")
        self.assertEqual([one["access.kind"] for one in self.records(request, "access.granted")], ["break_glass"])
        lab.wait_until(lambda: [line for line in self.gateway.log if "break-glass" in line and '"warn"' in line][warned:], "it is loud", SECONDS)
        review = self.people.send("sec", "GET", "/approvals?state=pending").json()["items"][0]
        self.assertEqual((review["id"], review["kind"], review["rule"]), (request["approval_id"], "review", "repair/break_glass"))
        cancel = self.people.send("ana", "POST", f"/approvals/{review['id']}/cancel")
        self.assertEqual(cancel.status, 403, "nobody gets out of a review")
        self.assertEqual(self.people.approve(request).status, 404, "lead has no part in reviews")
        self.assertEqual(self.people.end(request).json()["in_review"], True, "that it is over does not close the review")
        self.assertEqual(self.code(client, UPDATE), "42501")
        self.assertEqual(self.people.approve(request, "sec").json()["state"], "approved")
        self.assertEqual(self.people.see(request).json()["in_review"], False)

    def test_a_review_that_says_no_ends_it(self):
        client = self.connect()
        request = self.people.ask(break_glass=True, duration_seconds=600)
        self.assertEqual(self.code(client, UPDATE), "ok")
        said = self.people.send("sec", "POST", f"/approvals/{request['approval_id']}/deny", {"reason": "not for this"})
        self.assertEqual(said.json()["state"], "denied", said.body)
        self.assertEqual(self.code(client, UPDATE), "42501")
        self.assertEqual(self.people.see(request).json()["ended_by"], "sec")

    def test_those_who_watch_are_told(self):
        self.people.send("ana", "GET", "/me")
        stream = events_test.Stream(self.gateway.ports["api"], self.people.tokens["ana"], "?topics=approvals")
        self.addCleanup(stream.close)
        request = self.given()
        self.people.end(request, "lead")
        _, given = stream.event("access.granted", access_id=request["id"])
        self.assertEqual((given["user"], given["target"], given["offer"], given["kind"]), ("ana", "postgres", "repair", "approved"))
        self.assertEqual(stream.event("access.ended", access_id=request["id"])[1]["by"], "lead")


class OneStore(unittest.TestCase):
    """Two gateways, and their restarts."""

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.lab.postgres.psql("CREATE DATABASE store; CREATE TABLE orders (id int PRIMARY KEY, status text, price int); "
                              "INSERT INTO orders VALUES (1, 'new', 5)")
        for name, text in (("key", secrets.token_hex(32)), ("password", lab.PASSWORD)):
            file = cls.lab.directory / name
            file.touch(0o600)
            file.write_text(text + "\n")
        cls.config = ("version: 1\nstate_dir: state\nlimits: { api_requests_per_minute: 1000000 }\n"
                      f"store: {{ url: 'postgresql://postgres@127.0.0.1:{cls.lab.postgres.port}/store?sslmode=disable', "
                      f"password_file: {cls.lab.directory / 'password'} }}\n"
                      f"encryption: {{ keys: [ {{ id: one, key_file: {cls.lab.directory / 'key'} }} ] }}\n" + LISTEN)
        cls.gateways = [cls.lab.gateway(cls.config + rules(cls.lab)) for _ in range(2)]

    connect, code = AccessTest.connect, staticmethod(AccessTest.code)

    def tearDown(self):
        people = People(self.gateways[0])
        for request in people.send("root", "GET", "/access-requests?state=active").json()["items"]:
            people.end(request, "root")

    def test_what_one_gives_counts_at_the_other(self):
        one, two = self.gateways
        here, there = People(one), People(two)
        client = self.connect(gateway=two)
        self.assertEqual(self.code(client, UPDATE), "42501")
        request = here.ask()
        self.assertEqual(there.approve(request).status, 200)
        self.assertEqual(self.code(client, UPDATE), "ok", "the gateway that has answered has it in force")
        other = self.connect(gateway=one)
        lab.wait_until(lambda: self.code(other, UPDATE) == "ok", "the other has heard of it", SECONDS)
        third = lab.Gateway(self.lab.directory / "third", self.config + rules(self.lab))
        self.addCleanup(third.stop)
        self.assertEqual(self.code(self.connect(gateway=third), UPDATE), "ok", "it outlasts restarts")
        self.assertEqual(here.end(request).status, 200)
        self.assertEqual(self.code(other, UPDATE), "42501")
        lab.wait_until(lambda: self.code(client, UPDATE) == "42501", "the other has heard of its end", SECONDS)

    def test_the_end_is_recorded_once(self):
        here, clients = People(self.gateways[0]), [self.connect(gateway=gateway) for gateway in self.gateways]
        request = here.ask(duration_seconds=3)
        self.assertEqual(here.approve(request).status, 200)
        for client in clients:
            lab.wait_until(lambda it=client: self.code(it, UPDATE) == "42501", "its time is over", SECONDS)

        def ended():
            return [record for gateway in self.gateways for record in gateway.audit("access.ended") if record["access.id"] == request["id"]]
        lab.wait_until(ended, "its end is noted", SECONDS)
        self.assertEqual(len(ended()), 1)

    def test_a_smaller_offer_makes_what_was_granted_smaller(self):
        gateway = lab.Gateway(self.lab.directory / "smaller", self.config + rules(self.lab))
        self.addCleanup(gateway.stop)  # else it might note ends of others
        people, client = People(gateway), self.connect(gateway=gateway)
        request = people.ask()
        self.assertEqual(people.approve(request).status, 200)
        self.assertEqual(self.code(client, UPDATE), "ok")
        gateway.reload((self.config + rules(self.lab)).replace("verbs: [select, update]", "verbs: [select]"))
        lab.wait_until(lambda: self.code(client, UPDATE) == "42501", "the offer has no updates any more", SECONDS)
        self.assertEqual(people.send("ana", "GET", "/me").json()["access"], [])


if __name__ == "__main__":
    unittest.main()
