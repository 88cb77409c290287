"""Statements that wait until others agree, on real servers. Approvers vote in the store itself, as any gateway on it does."""
import pathlib
import signal
import struct
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import stored_users  # noqa: E402
import wire  # noqa: E402

SECONDS = 120  # of any wait: machines of tests are slow


def config(it, pool=None, of=1, within="10m", more="", ana="ana"):
    rule = f"from: {{ groups: [leads] }}, of: {of}, within: {within}"
    return f"""version: 1
state_dir: state
listen:
  postgres: {{ address: 127.0.0.1, port: 0 }}
  api: {{ address: 127.0.0.1, port: 0 }}
{it.users("ana", "bob", "dev", "late", "lead", "lead2")}groups:
  leads: [lead, lead2, ana]
targets:
{it.target(pool=pool)}policies:
  - name: held
    who: {{ users: [{ana}] }}
    on: [postgres]
    allow:
      - select: [public.orders]
        functions: [safe]
      - update: ["public.orders(status)"]
        require: {{ approval: {{ {rule} }} }}
      - delete: [public.orders]
        require: {{ approval: {{ {rule}, window: 1h }} }}
      - copy_in: [public.orders]
        require: {{ approval: {{ {rule} }} }}
  - name: rated
    who: {{ users: [bob] }}
    on: [postgres]
    allow: [ {{ select: ["*"], update: ["*"], functions: [safe] }} ]
    risk: {{ hold_at: high }}
    approval: {{ {rule} }}
  - name: hasty
    who: {{ users: [late] }}
    on: [postgres]
    hold: wait
    allow:
      - select: [public.orders]
        functions: [safe]
      - update: [public.orders]
        require: {{ approval: {{ from: {{ users: [lead] }}, within: 1s }} }}
  - name: builds
    who: {{ users: [dev] }}
    on: [postgres]
    allow:
      - {{ ddl: ["app.*"], select: ["app.*"], functions: [safe] }}
      - delete: ["app.*"]
        require: {{ approval: {{ {rule}, window: 1h }} }}
{more}"""


class Approvals:
    """The approvals in the store of a gateway on this machine."""

    def __init__(self, gateway):
        self.directory = gateway.directory

    def all(self, **where):
        with stored_users.opened(self.directory) as store:
            rows = store.execute("SELECT * FROM approvals ORDER BY id")
        return [row for row in rows if all(row[key] == value for key, value in where.items())]

    def next(self, known, **where):
        """The first one that is not among those known."""
        found = []

        def look():
            found[:] = [row for row in self.all(**where) if row["id"] not in known]
            return found
        lab.wait_until(look, f"an approval {where} is asked for", SECONDS)
        return found[0]

    def state_becomes(self, identifier, state):
        lab.wait_until(lambda: self.all(id=identifier)[0]["state"] == state, f"{identifier} is {state}", SECONDS)

    def vote(self, identifier, yes=True, by="lead", reason=""):
        now = time.time_ns() // 1000
        with stored_users.opened(self.directory) as store:
            # First the row that every vote changes: who votes at the same time comes after.
            [row] = store.execute("UPDATE approvals SET revision = revision + 1 WHERE id = ? RETURNING needed", (identifier,))
            store.execute("INSERT INTO approval_votes VALUES (?, ?, ?, ?, '', ?)", (identifier, by, int(yes), reason, now))
            [votes] = store.execute("SELECT count(*) AS count FROM approval_votes WHERE approval = ?", (identifier,))
            state = "denied" if not yes else "approved" if votes["count"] >= row["needed"] else "pending"
            store.execute("UPDATE approvals SET state = ?, good_until_us = ? + good_for_us WHERE id = ?", (state, now, identifier))


def read_notice(client):
    """The id in the notice that says that a statement waits."""
    kind, body = client.receive()
    assert kind == "N", (kind, body)
    fields = wire.error_fields(body)
    assert fields["S"] == "NOTICE" and fields["C"] == "00000", fields
    identifier = fields["M"].removeprefix("held for approval ")
    assert fields["H"] == f"dbgate approvals show {identifier}", fields
    return identifier


def rest_of(client):
    """(types, error fields, rows) up to ReadyForQuery; its status stands behind the types."""
    types, error, rows = "", None, []
    for kind, body in client.receive_until("Z"):
        types += kind
        if kind == "E":
            error = wire.error_fields(body)
        if kind == "D":
            at, values = 2, []
            for _ in range(struct.unpack_from("!H", body)[0]):
                size, = struct.unpack_from("!i", body, at)
                values.append(body[at + 4:at + 4 + size].decode())
                at += 4 + size
            rows.append(values)
        if kind == "Z":
            types += body.decode()
    return types, error, rows


class HoldsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.lab.postgres.psql("CREATE TABLE orders (id int PRIMARY KEY, status text)")
        cls.gateway = cls.lab.gateway(config(cls.lab))
        cls.approvals = Approvals(cls.gateway)

    def setUp(self):
        self.lab.postgres.psql("TRUNCATE orders; INSERT INTO orders SELECT n, 'new' FROM generate_series(1, 20) n")

    def connect(self, user="ana", gateway=None, **parameters):
        client = wire.Connection((gateway or self.gateway).port, SECONDS)
        self.addCleanup(client.socket.close)
        client.login(user, "postgres", lab.PASSWORD, **parameters)
        return client

    def statuses(self):
        return self.lab.postgres.psql("SELECT string_agg(DISTINCT status, ',' ORDER BY status) FROM orders").stdout.strip()

    def test_approved_it_runs_and_everything_is_recorded_before(self):
        client = self.connect(options="-c dbgate.reason=ticket\\ 17")
        client.send(wire.query("UPDATE orders SET status = 'sent' WHERE id = 1 RETURNING id, status"))
        identifier = read_notice(client)
        row = self.approvals.all(id=identifier)[0]
        self.assertEqual((row["requester"], row["policy_rule"], row["state"], row["reason"]),
                         ("ana", "held/allow[1]", "pending", "ticket 17"))
        self.assertNotIn("UPDATE", row["sealed_body"])
        requested = [record for record in self.gateway.audit("approval.requested") if record["approval.id"] == identifier]
        self.assertEqual(len(requested), 1)
        self.assertEqual(requested[0]["db.query.text"], "UPDATE orders SET status = 'sent' WHERE id = 1 RETURNING id, status")
        self.assertEqual(self.statuses(), "new")
        self.approvals.vote(identifier)
        self.assertEqual(rest_of(client), ("TDCZI", None, [["1", "sent"]]))
        self.assertEqual(self.approvals.all(id=identifier)[0]["state"], "used")
        decided = [record for record in self.gateway.audit("statement.decided") if record.get("approval.id") == identifier]
        self.assertEqual([(record["decision.effect"], record["decision.rule_id"], record["approval.by"]) for record in decided],
                         [("allow", "held/allow[1]", "lead")])

    def test_psql_waits_and_shows_how_to_follow_it(self):
        known = {row["id"] for row in self.approvals.all()}
        done = []

        def run():
            done.append(lab.run_psql("UPDATE orders SET status = 'sent' WHERE id = 2; SELECT 'behind';", host="127.0.0.1",
                                     port=self.gateway.port, user="ana", database="postgres"))
        thread = threading.Thread(target=run)
        thread.start()
        row = self.approvals.next(known, requester="ana")
        self.approvals.vote(row["id"])
        thread.join()
        self.assertIn(f"NOTICE:  held for approval {row['id']}", done[0].stderr)
        self.assertIn(f"HINT:  dbgate approvals show {row['id']}", done[0].stderr)
        self.assertEqual(done[0].stdout, "behind\n")
        self.assertEqual(self.statuses(), "new,sent")

    def test_denied_it_does_not_run_and_the_client_hears_why(self):
        client = self.connect()
        client.send(wire.query("BEGIN"))
        self.assertEqual(client.types_until_ready(), "CZ")
        client.send(wire.query("UPDATE orders SET status = 'sent'"))
        identifier = read_notice(client)
        self.approvals.vote(identifier, yes=False, reason="not\x1b[31m now")
        types, error, _ = rest_of(client)
        self.assertEqual((types, error["C"], error["D"]), ("EZE", "42501", "not [31m now"))
        self.assertIn(identifier, error["M"])
        # The end of a transaction never waits.
        client.send(wire.query("ROLLBACK"))
        self.assertEqual(rest_of(client)[0], "CZI")
        self.assertEqual(self.statuses(), "new")

    def test_a_cancel_ends_the_wait_and_the_approval(self):
        client = self.connect()
        client.send(wire.query("UPDATE orders SET status = 'sent'"))
        identifier = read_notice(client)
        with wire.Connection(self.gateway.port, SECONDS) as canceller:
            canceller.send(wire.packet(wire.CANCEL_REQUEST, struct.pack("!I", client.pid) + client.key))
        types, error, _ = rest_of(client)
        self.assertEqual((types, error["C"]), ("EZI", "57014"))
        self.approvals.state_becomes(identifier, "cancelled")
        client.send(wire.query("SELECT count(*) FROM orders WHERE status = 'new'"))
        self.assertEqual(rest_of(client)[2], [["20"]])

    def test_a_client_that_goes_takes_its_approval_along(self):
        client = self.connect()
        client.send(wire.query("UPDATE orders SET status = 'sent'") + wire.query("SELECT 1") + wire.TERMINATE)
        identifier = read_notice(client)
        client.socket.close()
        self.approvals.state_becomes(identifier, "cancelled")
        self.assertEqual(self.statuses(), "new")

    def test_nobody_decides_in_time(self):
        client = self.connect("late")
        client.send(wire.query("UPDATE orders SET status = 'sent'"))
        identifier = read_notice(client)
        types, error, _ = rest_of(client)
        self.assertEqual((types, error["C"]), ("EZI", "42501"))
        self.assertIn(f"nobody decided on approval {identifier} in time", error["M"])

    def test_what_comes_behind_keeps_its_place(self):
        client = self.connect()
        client.send(wire.query("SELECT 'before'") + wire.query("UPDATE orders SET status = 'sent' RETURNING 'held' LIMIT") +
                    wire.query("SELECT 'between'") + wire.query("UPDATE orders SET status = 'sent' WHERE id = 3 RETURNING status") +
                    wire.query("SELECT status FROM orders WHERE id = 3"))
        self.assertEqual(rest_of(client)[2], [["before"]])
        self.assertEqual(rest_of(client)[1]["C"], "42601")
        self.assertEqual(rest_of(client)[2], [["between"]])
        identifier = read_notice(client)
        self.approvals.vote(identifier)
        self.assertEqual(rest_of(client)[2], [["sent"]])
        self.assertEqual(rest_of(client)[2], [["sent"]])

    def extended(self, client, values, parse=True, name=""):
        text = "UPDATE orders SET status = $1 WHERE id = $2 RETURNING id, status"
        client.send((wire.parse(name, text, (25, 23)) if parse else b"") + wire.bind("", name, values) + wire.describe(b"P") +
                    wire.execute() + wire.SYNC)

    def test_each_execution_with_its_values(self):
        client = self.connect()
        self.extended(client, (b"sent", b"4"), name="s")
        before = client.receive_until("N")
        self.assertEqual("".join(kind for kind, _ in before), "12TN")
        first = wire.error_fields(before[-1][1])["M"].split()[-1]
        self.approvals.vote(first)
        self.assertEqual(rest_of(client), ("DCZI", None, [["4", "sent"]]))
        digests = [self.approvals.all(id=first)[0]["digest"]]
        for values in ((b"sent", b"4"), (b"sent", b"5")):
            self.extended(client, values, parse=False, name="s")
            self.assertEqual("".join(kind for kind, _ in client.receive_until("T")), "2T")
            identifier = read_notice(client)
            digests.append(self.approvals.all(id=identifier)[0]["digest"])
            self.approvals.vote(identifier)
            self.assertEqual(rest_of(client)[0], "DCZI")
        self.assertEqual(digests[0], digests[1])
        self.assertNotEqual(digests[0], digests[2])
        # One that is denied fails the rest of its pipeline, up to Sync.
        self.extended(client, (b"sent", b"6"), parse=False, name="s")
        client.receive_until("T")
        self.approvals.vote(read_notice(client), yes=False, reason="no")
        types, error, _ = rest_of(client)
        self.assertEqual((types, error["C"]), ("EZI", "42501"))

    def test_those_who_decide_see_the_values_of_the_portal_that_runs(self):
        client = self.connect()
        name, same = "p" * 63 + "x", "p" * 63 + "y"  # one name to the server
        client.send(wire.query("BEGIN"))
        client.types_until_ready()
        client.send(wire.parse("s", "UPDATE orders SET status = $1 WHERE id = $2") +
                    wire.bind(same, "s", [b"harmless", b"1"]) + wire.close(b"P", same) + wire.bind(name, "s", [b"other", b"2"]) + wire.SYNC)
        self.assertEqual(client.types_until_ready(), "1232Z")
        client.send(wire.execute(same) + wire.SYNC)
        identifier = read_notice(client)
        requested = [record for record in self.gateway.audit("approval.requested") if record["approval.id"] == identifier]
        self.assertEqual(requested[0]["db.query.parameters"], ["other", "2"])
        self.approvals.vote(identifier)
        self.assertEqual(rest_of(client)[0], "CZT")
        client.send(wire.query("COMMIT"))
        client.types_until_ready()
        self.assertEqual(self.statuses(), "new,other")

    # The server runs the whole portal for it, changes too.
    def test_a_portal_that_waits_is_not_run_by_fetch(self):
        client = self.connect()
        known = {row["id"] for row in self.approvals.all()}
        for fetch in ("FETCH ALL FROM p", "MOVE 1 IN p"):
            client.send(wire.query("BEGIN"))
            client.types_until_ready()
            client.send(wire.parse("", "UPDATE orders SET status = 'sent' RETURNING id") + wire.bind("p") + wire.SYNC)
            self.assertEqual(client.types_until_ready(), "12Z")
            client.send(wire.query(fetch))
            types, error, _ = rest_of(client)
            self.assertEqual((types, error["C"]), ("EZE", "0A000"))
            client.send(wire.query("COMMIT"))
            client.types_until_ready()
        self.assertEqual(self.statuses(), "new")
        self.assertEqual({row["id"] for row in self.approvals.all()}, known)

    def test_what_fails_before_it_takes_it_along_unasked(self):
        client = self.connect()
        known = {row["id"] for row in self.approvals.all()}
        client.send(wire.parse("", "SELECT 1 / (id - 1) FROM orders") + wire.bind() + wire.execute() +
                    wire.parse("", "UPDATE orders SET status = 'sent'") + wire.bind() + wire.execute() + wire.SYNC)
        types, error, _ = rest_of(client)
        self.assertEqual((types, error["C"]), ("12EZI", "22012"))
        self.assertEqual({row["id"] for row in self.approvals.all(requester="ana")} - known, set())

    def test_copy(self):
        client = self.connect()
        client.send(wire.query("COPY orders FROM STDIN"))
        self.approvals.vote(read_notice(client))
        self.assertEqual(client.receive()[0], "G")
        client.send(wire.message(b"d", b"100\tcopied\n") + wire.message(b"c"))
        self.assertEqual(rest_of(client)[0], "CZI")
        self.assertEqual(self.statuses(), "copied,new")

    def test_by_risk(self):
        client = self.connect("bob")
        client.send(wire.query("UPDATE orders SET status = 'sent' WHERE id = 1"))
        self.assertEqual(rest_of(client)[0], "CZI")
        client.send(wire.query("UPDATE orders SET status = 'sent'"))
        identifier = read_notice(client)
        self.assertEqual(self.approvals.all(id=identifier)[0]["policy_rule"], "rated/risk.hold_at")
        self.approvals.vote(identifier)
        self.assertEqual(rest_of(client)[0], "CZI")
        self.assertEqual(self.statuses(), "sent")

    def test_refused_at_once_the_same_bytes_run_once_when_approved(self):
        client = self.connect(options="-c dbgate.hold=refuse")

        def update():
            client.send(wire.query("UPDATE orders SET status = 'sent' WHERE id = 7"))
            return rest_of(client)
        types, error, _ = update()
        self.assertEqual((types, error["C"]), ("EZI", "42501"))
        identifier = error["M"].split()[-1]
        self.assertIn(f"dbgate approvals show {identifier}", error["H"])
        self.assertEqual(update()[1]["M"].split()[-1], identifier)
        self.approvals.vote(identifier)
        other = self.connect(options="-c dbgate.hold=refuse")
        other.send(wire.query("UPDATE orders SET status = 'sent' WHERE id = 8"))
        self.assertNotEqual(rest_of(other)[1]["M"].split()[-1], identifier)
        self.assertEqual(update()[0], "CZI")
        self.assertNotEqual(update()[1]["M"].split()[-1], identifier)

    def test_a_session_says_whether_it_waits(self):
        for pool in (None, "mode: transaction, max: 2"):
            with self.subTest(pool=pool):
                gateway = self.lab.gateway(config(self.lab, pool=pool)) if pool else self.gateway
                approvals = Approvals(gateway)
                client = self.connect(gateway=gateway)

                def run(text, client=client):
                    client.send(wire.query(text))
                    return rest_of(client)
                update = "UPDATE orders SET status = 'sent' WHERE id = 17"
                self.assertEqual(run("SET dbgate.hold = refuse")[0], "CZI")
                self.assertEqual(run("SHOW dbgate.hold")[2], [["refuse"]])
                error = run(update)[1]
                self.assertEqual((error["C"], "Send the same statement again" in error["H"]), ("42501", True))
                approvals.vote(error["M"].split()[-1])
                self.assertEqual(run(update)[0], "CZI")
                self.assertEqual(run("SET dbgate.hold = perhaps")[1]["C"], "42501")
                self.assertEqual(run("SET dbgate.secret = wait")[1]["C"], "42501")
                # With its transaction, as any setting.
                self.assertEqual(run("BEGIN")[0] + run("SET LOCAL dbgate.hold = wait")[0], "CZTCZT")
                client.send(wire.query(update))
                approvals.vote(read_notice(client), yes=False, reason="no")
                self.assertEqual(rest_of(client)[0], "EZE")
                self.assertEqual(run("ROLLBACK")[0], "CZI")
                self.assertIn("needs approval", run(update)[1]["M"])
                for back in ("RESET dbgate.hold", "SET dbgate.hold TO wait"):
                    self.assertEqual(run(back)[0], "CZI")
                    client.send(wire.query(f"{update} AND '{back}' <> ''"))
                    approvals.vote(read_notice(client), yes=False, reason="no")
                    self.assertEqual(rest_of(client)[1]["C"], "42501")
        # Where the policy says so, nobody waits.
        gateway = self.lab.gateway(config(self.lab).replace("  - name: held\n", "  - name: held\n    hold: refuse\n"))
        client = self.connect(gateway=gateway)
        client.send(wire.query("SET dbgate.hold = wait") + wire.query("UPDATE orders SET status = 'sent' WHERE id = 18"))
        self.assertEqual(rest_of(client)[0], "CZI")
        self.assertIn("needs approval", rest_of(client)[1]["M"])

    def test_a_window_is_for_the_same_text_as_often_as_one_likes(self):
        client = self.connect()
        client.send(wire.query("DELETE FROM orders WHERE id = 9"))
        self.approvals.vote(read_notice(client))
        self.assertEqual(rest_of(client)[0], "CZI")
        for _ in range(3):
            client.send(wire.query("DELETE FROM orders WHERE id = 9"))
            self.assertEqual(rest_of(client)[0], "CZI")
        client.send(wire.query("DELETE FROM orders WHERE id = 10"))
        self.approvals.vote(read_notice(client), yes=False, reason="another")
        self.assertEqual(rest_of(client)[1]["C"], "42501")

    def test_what_a_name_stands_for_is_part_of_what_is_agreed_to(self):
        client = self.connect()
        client.send(wire.query("PREPARE p AS DELETE FROM orders WHERE id = $1"))
        self.assertEqual(rest_of(client)[0], "CZI")
        client.send(wire.query("EXECUTE p(11)"))
        self.approvals.vote(read_notice(client))
        self.assertEqual(rest_of(client)[0], "CZI")
        client.send(wire.query("EXECUTE p(11)"))
        self.assertEqual(rest_of(client)[0], "CZI")
        client.send(wire.query("DEALLOCATE p") + wire.query("PREPARE p AS DELETE FROM orders WHERE id <> $1"))
        self.assertEqual(rest_of(client)[0] + rest_of(client)[0], "CZICZI")
        client.send(wire.query("EXECUTE p(11)"))
        self.approvals.vote(read_notice(client), yes=False, reason="another")
        self.assertEqual(rest_of(client)[1]["C"], "42501")
        client.send(wire.query("PREPARE q AS DELETE FROM orders; EXECUTE q"))
        self.approvals.vote(read_notice(client), yes=False, reason="all")
        self.assertEqual(rest_of(client)[1]["C"], "42501")

    # '"char"' makes "n" of 'new'.
    def test_the_types_that_parse_has_declared_are_part_of_it(self):
        client = self.connect()
        for oid, waits in ((25, True), (25, False), (18, True)):
            client.send(wire.close(b"S", "typed") + wire.parse("typed", "DELETE FROM orders WHERE status = $1 AND id = 12", [oid]) + wire.SYNC)
            self.assertEqual(client.types_until_ready(), "31Z")
            client.send(wire.query("EXECUTE typed('new')"))
            if waits:
                self.approvals.vote(read_notice(client), yes=oid == 25, reason="other types")
            self.assertEqual(rest_of(client)[0], "CZI" if oid == 25 else "EZI")

    def test_another_object_under_the_name_is_another_statement(self):
        self.lab.postgres.psql("CREATE SCHEMA app; CREATE TABLE app.mine AS SELECT generate_series(1, 20) AS id;"
                               "CREATE TABLE app.other AS TABLE app.mine; CREATE VIEW app.seen AS SELECT id FROM app.mine")
        self.addCleanup(self.lab.postgres.psql, "DROP SCHEMA app CASCADE")
        client = self.connect("dev", options="-c dbgate.hold=refuse")

        def run(text):
            client.send(wire.query(text))
            return rest_of(client)

        def approved(text):
            identifier = run(text)[1]["M"].split()[-1]
            self.approvals.vote(identifier)
            self.assertEqual([run(text)[0], run(text)[0]], ["CZI", "CZI"])
            return identifier
        view, table = ("DELETE FROM app.seen WHERE id = 3", "DELETE FROM app.mine WHERE id = 4")
        agreed = {approved(view), approved(table)}
        for change in ("CREATE OR REPLACE VIEW app.seen AS SELECT id FROM app.other",
                       "ALTER TABLE app.mine RENAME TO was", "ALTER TABLE app.other RENAME TO mine"):
            self.assertEqual(run(change)[0], "CZI", change)
        for text in (view, table):
            error = run(text)[1]
            self.assertEqual(error["C"], "42501", text)
            self.assertNotIn(error["M"].split()[-1], agreed)
        run("BEGIN")
        run("CREATE OR REPLACE VIEW app.seen AS SELECT id FROM app.was")
        self.assertEqual(run(view)[1]["C"], "42501", "what the transaction has done counts")
        run("ROLLBACK")
        self.assertEqual(self.lab.postgres.psql("SELECT count(*) FROM app.mine").stdout.strip(), "20")

    def test_what_the_server_does_by_itself_is_part_of_what_is_agreed_to(self):
        self.lab.postgres.psql("CREATE SCHEMA app; CREATE TABLE app.whole (id int PRIMARY KEY, note text DEFAULT 'old' CHECK (note <> ''));"
                               "INSERT INTO app.whole SELECT generate_series(1, 20);"
                               "CREATE TABLE app.part (id int, whole int CONSTRAINT of REFERENCES app.whole); INSERT INTO app.part VALUES (1, 9);"
                               "CREATE FUNCTION app.noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
                               "CREATE TRIGGER noted AFTER DELETE ON app.whole FOR EACH STATEMENT EXECUTE FUNCTION app.noted()")
        self.addCleanup(self.lab.postgres.psql, "DROP SCHEMA app CASCADE")
        client = self.connect("dev", options="-c dbgate.hold=refuse")

        def run(text):
            client.send(wire.query(text))
            return rest_of(client)
        delete = "DELETE FROM app.whole WHERE id = 3"
        for change in ("ALTER TABLE app.part DROP CONSTRAINT of, ADD CONSTRAINT of FOREIGN KEY (whole) REFERENCES app.whole ON DELETE CASCADE",
                       "ALTER TABLE app.whole ALTER note SET DEFAULT 'new'", "ALTER TABLE app.whole ADD CHECK (note <> 'x')",
                       "ALTER TABLE app.whole DISABLE TRIGGER noted"):
            self.approvals.vote(run(delete)[1]["M"].split()[-1])
            self.assertEqual([run(delete)[0], run(delete)[0]], ["CZI", "CZI"])
            self.assertEqual(run(change)[0], "CZI", change)
            self.assertEqual(run(delete)[1]["C"], "42501", change)

    def test_nobody_can_agree_to_the_row_of_a_cursor(self):
        client = self.connect()
        for text in ("BEGIN", "DECLARE c CURSOR FOR SELECT * FROM orders WHERE id = 7", "FETCH c", "SAVEPOINT a"):
            client.send(wire.query(text))
            self.assertIsNone(rest_of(client)[1], text)
        current = "DELETE FROM orders WHERE CURRENT OF c"
        for text in (current, f"WITH gone AS ({current} RETURNING id) SELECT id FROM gone", f"EXPLAIN ANALYZE {current}",
                     f"PREPARE p AS {current}; EXECUTE p"):
            client.send(wire.query(text))
            error = rest_of(client)[1]
            self.assertEqual((error["C"], "key" in error["H"]), ("42501", True), text)
            client.send(wire.query("ROLLBACK TO a"))
            self.assertEqual(rest_of(client)[0], "CZT")
        client.send(wire.query(f"PREPARE q AS {current}"))
        self.assertEqual(rest_of(client)[0], "CZT")
        client.send(wire.query("EXECUTE q"))
        self.assertIn("key", rest_of(client)[1]["H"])
        client.send(wire.query("ROLLBACK TO a"))
        self.assertEqual(rest_of(client)[0], "CZT")
        client.send(wire.parse("", current) + wire.bind() + wire.execute() + wire.SYNC)
        self.assertIn("key", rest_of(client)[1]["H"])

    def test_what_policies_say_when_it_runs_counts(self):
        gateway = self.lab.gateway(config(self.lab))
        approvals = Approvals(gateway)
        client = self.connect(gateway=gateway)
        client.send(wire.query("UPDATE orders SET status = 'sent'"))
        identifier = read_notice(client)
        gateway.reload(config(self.lab).replace('update: ["public.orders(status)"]', "update: [public.other]"))
        approvals.vote(identifier)
        types, error, _ = rest_of(client)
        self.assertEqual((types, error["C"]), ("EZI", "42501"))
        self.assertIn("no rule allows UPDATE", error["M"])
        # Where others are to be asked now, the old answer is none.
        gateway.reload(config(self.lab))
        client.send(wire.query("UPDATE orders SET status = 'sent'"))
        identifier = read_notice(client)
        gateway.reload(config(self.lab, of=2))
        approvals.vote(identifier)
        identifier = read_notice(client)
        approvals.vote(identifier)
        approvals.vote(identifier, by="lead2")
        self.assertEqual(rest_of(client)[0], "CZI")
        # Who may not be here any more does not stay for an answer.
        client.send(wire.query("UPDATE orders SET status = 'late'"))
        identifier = read_notice(client)
        gateway.reload(config(self.lab, ana="bob"))
        self.assertTrue(client.at_end())
        approvals.state_becomes(identifier, "cancelled")
        self.assertEqual(self.statuses(), "sent")

    def test_who_waits_outside_a_transaction_has_no_server_connection(self):
        gateway = self.lab.gateway(config(self.lab, pool="mode: transaction, max: 1"))
        approvals = Approvals(gateway)
        client, other = self.connect(gateway=gateway), self.connect("bob", gateway)
        client.send(wire.query("UPDATE orders SET status = 'sent' WHERE id = 12"))
        identifier = read_notice(client)
        other.send(wire.query("SELECT count(*) FROM orders"))
        self.assertEqual(rest_of(other)[2], [["20"]])
        approvals.vote(identifier)
        self.assertEqual(rest_of(client)[0], "CZI")
        client.send(wire.query("BEGIN") + wire.query("UPDATE orders SET status = 'sent' WHERE id = 13"))
        self.assertEqual(rest_of(client)[0], "CZT")
        approvals.vote(read_notice(client))
        self.assertEqual(rest_of(client)[0], "CZT")
        client.send(wire.query("COMMIT"))
        self.assertEqual(rest_of(client)[0], "CZI")
        self.extended(client, (b"sent", b"14"))
        client.receive_until("T")
        approvals.vote(read_notice(client))
        self.assertEqual(rest_of(client), ("DCZI", None, [["14", "sent"]]))

    def test_what_a_gateway_leaves_behind_is_cancelled(self):
        gateway = lab.Gateway(self.lab.directory / "stopped", config(self.lab))
        self.addCleanup(gateway.stop)
        approvals = Approvals(gateway)
        client = self.connect(gateway=gateway)
        client.send(wire.query("UPDATE orders SET status = 'sent'"))
        first = read_notice(client)
        refused = self.connect(gateway=gateway, options="-c dbgate.hold=refuse")
        refused.send(wire.query("UPDATE orders SET status = 'sent' WHERE id = 15"))
        lasting = rest_of(refused)[1]["M"].split()[-1]
        gateway.stop()
        self.assertEqual(approvals.all(id=first)[0]["state"], "cancelled")
        gateway = lab.Gateway(self.lab.directory / "stopped", config(self.lab))
        self.addCleanup(gateway.stop)
        client = self.connect(gateway=gateway)
        client.send(wire.query("UPDATE orders SET status = 'sent'"))
        second = read_notice(client)
        gateway.process.send_signal(signal.SIGKILL)
        gateway.process.wait(SECONDS)
        self.assertEqual(approvals.all(id=second)[0]["state"], "pending")
        gateway = lab.Gateway(self.lab.directory / "stopped", config(self.lab))
        self.addCleanup(gateway.stop)
        self.assertEqual(approvals.all(id=second)[0]["state"], "cancelled")
        # What nobody waits for outlives all that.
        self.assertEqual(approvals.all(id=lasting)[0]["state"], "pending")
        approvals.vote(lasting)
        refused = self.connect(gateway=gateway, options="-c dbgate.hold=refuse")
        refused.send(wire.query("UPDATE orders SET status = 'sent' WHERE id = 15"))
        self.assertEqual(rest_of(refused)[0], "CZI")

    def test_several_have_to_agree(self):
        gateway = self.lab.gateway(config(self.lab, of=2))
        approvals = Approvals(gateway)
        client = self.connect(gateway=gateway)
        client.send(wire.query("UPDATE orders SET status = 'sent' WHERE id = 16"))
        identifier = read_notice(client)
        approvals.vote(identifier)
        self.assertEqual((approvals.all(id=identifier)[0]["state"], self.statuses()), ("pending", "new"))
        approvals.vote(identifier, by="lead2")
        self.assertEqual(rest_of(client)[0], "CZI")
        decided = [record for record in gateway.audit("statement.decided") if record.get("approval.id") == identifier]
        self.assertEqual([record["approval.by"] for record in decided], ["lead,lead2"])

    def test_nobody_buries_those_who_decide(self):
        client = self.connect("bob", options="-c dbgate.hold=refuse")
        codes = []
        for number in range(101):
            client.send(wire.query(f"UPDATE orders SET status = 'n{number}'"))
            codes.append(rest_of(client)[1]["C"])
        self.assertEqual(codes, ["42501"] * 100 + ["53400"])
        for row in self.approvals.all(requester="bob", state="pending"):
            self.approvals.vote(row["id"], yes=False, reason="too many")


if __name__ == "__main__":
    unittest.main()
