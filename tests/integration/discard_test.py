"""DISCARD ALL and what else drivers reset their sessions with: the client sees what PostgreSQL answers, and what dbgate has set
on the server connection itself holds for whatever comes next, also in the same write."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402
from pooled import Session  # noqa: E402

# Whoever logs in as "app" may do anything, but has the role "limited" as long as nobody resets that.
SETUP = f"""
CREATE ROLE limited; CREATE ROLE app SUPERUSER LOGIN PASSWORD '{lab.PASSWORD}'; ALTER ROLE app SET role = limited;
ALTER ROLE app SET statement_timeout = '40s';
CREATE TABLE public.items (id int, tenant text, card text); CREATE TABLE public.hidden (id int); CREATE SCHEMA empty;
INSERT INTO public.items VALUES (1, 'red', '4111-1'), (2, 'blue', '4111-2');
GRANT SELECT, UPDATE ON public.items TO limited; GRANT CREATE ON SCHEMA public TO limited;
GRANT TEMPORARY ON DATABASE postgres TO limited;
"""
POLICIES = """policies:
  - name: red
    who: { users: [ana, bob] }
    on: [postgres]
    allow: [ { select: [public.items], functions: [safe] } ]
    filter: { public.items: "tenant = 'red'" }
    mask: { public.items.card: redact }
  - { name: all, who: { users: [eve] }, on: [postgres], allow: [ { everything: true } ] }
  - name: no
    who: { users: [nora] }
    on: [postgres]
    allow: [ { select: [public.items], functions: [safe] } ]
    deny: [ { set: [all] } ]
"""
WHERE = "SELECT current_user, current_setting('statement_timeout'), current_setting('search_path')"
THERE = [("limited", "40s", '"public"')]
SEEN = [("1", "red", "***")]
ITEMS = "SELECT * FROM items"
ASYNCPG_RESETS = "SELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;"
MODES = {"session": "mode: session", "kept": "mode: session, max: 1, idle: 1m, wait: 10s",
         "transaction": "mode: transaction, max: 1, wait: 10s", "statement": "mode: statement, max: 1, wait: 10s"}


def pipelined(sql):
    return wire.parse("", sql) + wire.bind() + wire.describe(b"P") + wire.execute() + wire.SYNC


class Discarding(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        done = cls.lab.postgres.psql(SETUP)
        assert done.returncode == 0, done.stderr
        cls.gateways = {mode: cls.gateway(pool) for mode, pool in MODES.items()}

    @classmethod
    def gateway(cls, pool, policies=POLICIES, names=("ana", "bob", "eve", "nora")):
        head = "version: 1\nstate_dir: state\nworkers: 1\n" + cls.lab.listen() + cls.lab.users(*names)
        return cls.lab.gateway(head + "targets:\n" + cls.lab.target(pool=pool, user="app") + policies)

    def session(self, mode, user="bob", **parameters):
        session = Session(self.gateways[mode].port, user, **parameters)
        self.addCleanup(session.socket.close)
        return session

    def direct(self):
        session = Session(self.lab.postgres.port, "app")
        self.addCleanup(session.socket.close)
        return session

    def each(self, users=("bob", "eve"), modes=tuple(MODES)):
        for mode in modes:
            for user in users:
                with self.subTest(mode=mode, user=user):
                    session = self.session(mode, user)
                    yield mode, user, session
                    session.leave()

    def in_one_write(self, session, *messages):
        session.send(b"".join(messages))
        return [session.answer() for _ in messages]

    def test_the_answers_are_the_servers(self):
        changes = "SET DateStyle = 'German'; SET TimeZone = 'Asia/Tokyo'"
        direct = self.direct()
        texts = ("DISCARD ALL", "discard all;", "SELECT 1; DISCARD ALL", "DISCARD ALL; SELECT 1", "BEGIN; DISCARD ALL",
                 "DISCARD PLANS", "DISCARD SEQUENCES", "DISCARD TEMP", "RESET ALL", "DEALLOCATE ALL", "CLOSE ALL", "UNLISTEN *",
                 "SELECT pg_advisory_unlock_all()", ASYNCPG_RESETS)

        def answer(session, text, run):
            session.must(changes)
            result = getattr(session, run)(text)
            status = sorted(body for kind, body in result.messages
                            if kind == "S" and not body.startswith((b"application_name", b"is_superuser")))
            if result.status == "E":
                session.must("ROLLBACK")
            return result.types, result.tags, result.code, (result.error or {}).get("M"), result.status, status

        for mode, user, session in self.each():
            for run in ("run", "run_extended"):
                for text in texts:
                    if (";" in text and run == "run_extended") or (mode == "statement" and "BEGIN" in text):
                        continue
                    with self.subTest(text, run=run):
                        self.assertEqual(answer(session, text, run), answer(direct, text, run))

    def test_in_a_transaction_block(self):
        for mode, _, session in self.each():
            if mode == "statement":
                continue
            session.must("BEGIN; SET LOCAL DateStyle = 'German'")
            for run in (session.run, session.run_extended):
                failed = run("DISCARD ALL")
                self.assertEqual((failed.code, failed.status), ("25001", "E"))
                self.assertEqual(failed.error["M"], "DISCARD ALL cannot run inside a transaction block")
                self.assertEqual(session.run(ITEMS).code, "25P02")
                session.must("ROLLBACK; BEGIN")
            session.must("ROLLBACK")
            self.assertEqual(session.must("SELECT current_user").rows, [("limited",)])

    def test_what_dbgate_has_set_holds_in_the_same_write(self):
        for _, user, session in self.each():
            limited = [("limited",)]
            rows = SEEN if user == "bob" else [("1", "red", "4111-1"), ("2", "blue", "4111-2")]
            for discard in (wire.query("DISCARD ALL"), pipelined("DISCARD ALL")):
                answers = self.in_one_write(session, discard, pipelined("SELECT current_user"), wire.query(ITEMS), discard,
                                            wire.query("SELECT current_user"), pipelined(ITEMS))
                self.assertEqual([answer.code for answer in answers], [""] * 6)
                self.assertEqual([answers[i].rows for i in (1, 2, 4, 5)], [limited, rows, limited, rows])
                answers = self.in_one_write(session, discard, pipelined("SELECT * FROM public.hidden"))
                self.assertEqual(answers[1].code, "42501")
            if user == "eve":
                answers = self.in_one_write(session, wire.query("SET statement_timeout = 0; SET search_path = empty"),
                                            wire.query("DISCARD ALL"), pipelined(WHERE))
                self.assertEqual(answers[2].rows, THERE)
            self.assertEqual(session.must("SELECT current_user").rows, limited)

    def test_in_one_stretch_of_extended_queries(self):
        """Without a Sync between: PostgreSQL commits DISCARD ALL at once where it is the first, and refuses it elsewhere."""
        step = pipelined("DISCARD ALL")[:-len(wire.SYNC)]
        other = pipelined("SELECT current_user")[:-len(wire.SYNC)]
        for _, _, session in self.each():
            session.send(step + other + wire.SYNC)
            answer = session.answer()
            self.assertEqual((answer.code, answer.tags, answer.rows), ("", ["DISCARD ALL", "SELECT 1"], [("limited",)]))
            session.send(other + step + other + wire.SYNC)
            answer = session.answer()
            self.assertIn(answer.code, ("25001", ""))
            self.assertEqual(set(answer.rows), {("limited",)})
            session.send(step + wire.FLUSH)
            types = [kind for kind, _ in session.receive_until("C")]
            self.assertEqual([kind for kind in types if kind != "S"], ["1", "2", "n", "C"])
            session.send(pipelined("SELECT current_user"))
            self.assertEqual(session.answer().rows, [("limited",)])

    def test_what_the_session_had_is_gone(self):
        for mode, user, session in self.each():
            session.prepare("mine", "SELECT 7")
            for discard in (wire.query("DISCARD ALL"), pipelined("DISCARD ALL")):
                answers = self.in_one_write(session, discard, wire.bind("", "mine") + wire.execute() + wire.SYNC)
                self.assertEqual(answers[1].code, "26000")
                self.assertEqual(self.in_one_write(session, wire.parse("mine", "SELECT 8") + wire.SYNC)[0].code, "")
                self.assertEqual(session.run_prepared("mine").rows, [("8",)])
            if user != "eve" or mode == "statement":
                continue
            session.must("SET work_mem = '7MB'; SET app.mine = 'x'; CREATE TEMP TABLE mine (a int); SELECT pg_advisory_lock(1)")
            session.must("DECLARE held CURSOR WITH HOLD FOR SELECT 1; PREPARE said AS SELECT 1")
            session.must("DISCARD ALL")
            for sql, code in (("FETCH held", "34000"), ("EXECUTE said", "26000"), ("TABLE mine", "42P01")):
                self.assertEqual(session.run(sql).code, code, sql)
            self.assertEqual(session.must("SELECT current_setting('work_mem'), current_setting('app.mine', true)").rows,
                             [("4MB", "")])
            self.assertEqual(self.lab.postgres.psql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").stdout, "0\n")

    def test_the_session_is_bound_no_longer(self):
        one, other = self.session("transaction", "eve"), self.session("transaction", "eve")
        one.must("CREATE TEMP TABLE mine (a int)")
        one.must("DISCARD ALL")
        self.assertEqual(other.must("SELECT 1").rows, [("1",)], "there is one connection only")

    def test_what_comes_behind_binds_it_again(self):
        gateway = self.gateway("mode: transaction, max: 1, wait: 200ms")
        self.addCleanup(gateway.stop)
        makes = {"CREATE TEMP TABLE mine (a int)": ("DISCARD ALL", "TABLE mine"),
                 "PREPARE mine AS SELECT 1": ("DEALLOCATE ALL", "EXECUTE mine"),
                 "DECLARE mine CURSOR WITH HOLD FOR SELECT 1": ("CLOSE ALL", "FETCH mine")}
        for make, (reset, uses) in makes.items():
            texts = [(reset, make)] + ([(f"{reset}; {make}",)] if reset != "DISCARD ALL" else [])
            for messages in texts:
                with self.subTest(messages):
                    one, other = Session(gateway.port, "eve"), Session(gateway.port, "eve")
                    answers = self.in_one_write(one, *map(wire.query, messages))
                    self.assertEqual([answer.code for answer in answers], [""] * len(messages))
                    self.assertEqual(other.run("SELECT 1").code, "53300")
                    self.assertEqual(one.run(uses).code, "")
                    one.must("DISCARD ALL")
                    other.must("SELECT 1")
                    one.leave()
                    other.leave()

    def test_the_server_shows_who_is_at_work(self):
        name = "SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        self.session("transaction", "ana").must("SELECT 1")  # hers is the connection now
        gateway = self.gateway("mode: transaction, max: 1, wait: 10s")
        self.addCleanup(gateway.stop)
        ana, eve = Session(gateway.port, "ana"), Session(gateway.port, "eve")
        ana.must("SELECT 1")
        for reset in ("DISCARD ALL", "RESET ALL", "RESET application_name", "BEGIN; RESET ALL; COMMIT", ASYNCPG_RESETS):
            for run in (eve.run, eve.run_extended):
                if ";" in reset and run == eve.run_extended:
                    continue
                with self.subTest(reset, run=run.__name__):
                    eve.must("SET application_name = 'mine'")
                    result = run(reset)
                    self.assertEqual(result.code, "")
                    self.assertFalse([body for kind, body in result.messages if kind == "S" and b"dbgate:ana" in body])
                    self.assertEqual(eve.must(name).rows, [("dbgate:eve",)])
        eve.must("SET application_name = 'mine'")
        ana.must("SELECT 1")
        self.assertEqual(eve.must(name).rows, [("mine",)])
        for session in (ana, eve):
            session.leave()

    def test_between_principals_the_role_is_that_of_the_login(self):
        one, other = self.session("transaction", "ana"), self.session("transaction", "eve")
        for session in (one, other, one, other):
            self.assertEqual(session.must("SELECT current_user").rows, [("limited",)])
        for _ in range(2):
            session = self.session("kept", "eve")
            session.must("RESET ALL; SET work_mem = '3MB'")
            self.assertEqual(session.must("SELECT current_user").rows, [("limited",)])
            session.leave()

    def test_it_can_be_denied(self):
        for mode, _, session in self.each(("nora",)):
            for run in (session.run, session.run_extended):
                self.assertEqual(run("DISCARD ALL").code, "42501")
            self.assertEqual(self.in_one_write(session, wire.query("DISCARD ALL"), wire.query("SELECT 1"))[1].rows, [("1",)])
            self.assertEqual(session.run("RESET ALL").code, "42501")
            session.must("DISCARD PLANS")

    def test_every_one_is_recorded(self):
        gateway = self.gateways["transaction"]
        session = self.session("transaction", "bob")
        before = len(gateway.audit("statement.decided"))
        session.must("DISCARD ALL")
        session.run_extended("DISCARD ALL")
        session.leave()
        new = gateway.audit("statement.decided")[before:]
        self.assertEqual([record["db.query.text"] for record in new], ["DISCARD ALL"] * 2)


if __name__ == "__main__":
    unittest.main()
