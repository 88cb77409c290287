"""What functions leave in the server process behind dbgate's back: nobody else finds it, and nobody else pays for it."""
import pathlib
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402
from pooled import Session  # noqa: E402

SETUP = """
CREATE EXTENSION dblink; CREATE EXTENSION plperl; CREATE EXTENSION "uuid-ossp"; CREATE EXTENSION pgcrypto; CREATE EXTENSION pg_trgm;
CREATE SCHEMA elsewhere;
CREATE SERVER loopback FOREIGN DATA WRAPPER dblink_fdw OPTIONS (host '127.0.0.1', port '{port}', dbname 'postgres');
CREATE USER MAPPING FOR postgres SERVER loopback OPTIONS (user 'postgres', password '{password}');
CREATE TABLE public.notes (id int, word text); CREATE TABLE public.watched (id int); CREATE TABLE public.stamped (id int, at timestamptz);
CREATE FUNCTION public.connect() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN dblink_connect('secret', 'loopback'); END $$;
CREATE FUNCTION public.connect_in_sql() RETURNS text LANGUAGE sql AS $$ SELECT dblink_connect('secret', 'loopback') $$;
CREATE FUNCTION public.run(sql text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE sql; END $$;
CREATE FUNCTION public.remember(value text) RETURNS text LANGUAGE plperl AS $$ $_SHARED{{value}} = $_[0]; return 'kept' $$;
CREATE FUNCTION public.remember_soon(value text) RETURNS text LANGUAGE plperl IMMUTABLE PARALLEL SAFE
  AS $$ $_SHARED{{value}} = $_[0]; return 'kept' $$;
CREATE FUNCTION public.recall() RETURNS text LANGUAGE plperl AS $$ return $_SHARED{{value}} $$;
CREATE FUNCTION public.on_watched() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM remember('alices'); RETURN NEW; END $$;
CREATE TRIGGER watch BEFORE INSERT ON public.watched FOR EACH ROW EXECUTE FUNCTION public.on_watched();
CREATE VIEW public.remembering AS SELECT public.remember('alices') AS kept;
CREATE FUNCTION elsewhere.harmless() RETURNS text LANGUAGE sql AS $$ SELECT public.remember('alices') $$;
CREATE FUNCTION public.harmless() RETURNS text LANGUAGE sql AS $$ SELECT 'nothing' $$;
CREATE FUNCTION public.counted() RETURNS bigint LANGUAGE plpgsql AS $$ DECLARE n bigint; BEGIN SELECT count(*) INTO n FROM notes; RETURN n; END $$;
CREATE FUNCTION public.on_stamped() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.at := now(); RETURN NEW; END $$;
CREATE TRIGGER stamp BEFORE INSERT ON public.stamped FOR EACH ROW EXECUTE FUNCTION public.on_stamped();
CREATE FUNCTION public.lock_it() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_lock(4711); END $$;
CREATE FUNCTION public.make_it() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CREATE TEMP TABLE made_within (id int); END $$;
"""
# What lives in the process. Each is one message; all of them are done by one session.
DEEDS = {
    "a connection of dblink, in PL/pgSQL": ["SELECT connect()"],
    "a connection of dblink, in SQL": ["SELECT connect_in_sql()"],
    "a connection of dblink": ["SELECT dblink_connect('secret', 'loopback')"],
    "a connection of dblink, by dynamic SQL": ["SELECT run($$SELECT dblink_connect('secret', 'loopback')$$)"],
    "a connection of dblink, in DO": ["DO $$ BEGIN PERFORM dblink_connect('secret', 'loopback'); END $$"],
    "a connection of dblink, by XML": ["SELECT query_to_xml($$SELECT connect()$$, true, false, '')"],
    "a variable of PL/Perl": ["SELECT remember('alices')"],
    "a variable of PL/Perl, in a transaction": ["BEGIN", "SELECT remember('alices')", "COMMIT"],
    "a variable of PL/Perl, in what fails": ["SELECT remember('alices'), 1 / (SELECT 0)"],
    "a variable of PL/Perl, by a view": ["SELECT * FROM remembering"],
    "a variable of PL/Perl, by a view as XML": ["SELECT table_to_xml('remembering', true, false, '')"],
    "a variable of PL/Perl, by a trigger": ["INSERT INTO watched VALUES (1)"],
    "a variable of PL/Perl, by COPY": ["COPY (SELECT remember('alices')) TO STDOUT"],
    "a variable of PL/Perl, by a cursor": ["BEGIN", "DECLARE c CURSOR FOR SELECT remember('alices')", "FETCH c", "COMMIT"],
    "a variable of PL/Perl, by PREPARE": ["PREPARE p AS SELECT remember('alices')", "EXECUTE p"],
    "a variable of PL/Perl, in DO": ["DO LANGUAGE plperl $$ $_SHARED{value} = 'alices' $$"],
    "a variable of PL/Perl, by a function made just now": [
        "BEGIN", "CREATE FUNCTION pg_temp.mine() RETURNS text LANGUAGE plperl AS $$ $_SHARED{value} = 'alices' $$",
        "SELECT pg_temp.mine()", "ROLLBACK"],
    "a variable of PL/Perl, by another search_path": ["SET search_path = elsewhere, public", "SELECT harmless()"],
    "a variable of PL/Perl, by another search_path of one transaction": [
        "BEGIN", "SET LOCAL search_path = elsewhere, public", "SELECT harmless()", "COMMIT"],
}
# Of these, what binds the session to its server connection.
BINDING = ("a connection of dblink", "a variable of PL/Perl, by PREPARE", "a variable of PL/Perl, by a function made just now")
# What leaves nothing: connections go on from one principal to the next.
HARMLESS = ("SELECT 1", "SELECT count(*), lower(max(word)) FROM notes", "INSERT INTO notes VALUES (1, 'a') RETURNING id",
            "SELECT uuid_generate_v4()", "SELECT gen_random_uuid(), crypt('a', gen_salt('md5'))", "SELECT similarity('a', 'b')",
            "SELECT 'a' % 'b'", "SELECT harmless()", "SELECT counted()", "INSERT INTO stamped VALUES (1)",
            "BEGIN; SELECT counted(); COMMIT", "COPY notes TO STDOUT", "SET work_mem = '5MB'", "SELECT set_config('work_mem', '5MB', true)",
            "CREATE TEMP TABLE mine (id int)", "SELECT * FROM pg_stat_activity", "LISTEN news", "SELECT pg_advisory_xact_lock(1)")


class Residue(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        setup = SETUP.format(port=cls.lab.postgres.port, password=lab.PASSWORD)
        cls.lab.postgres.psql("SET client_min_messages = warning;" + setup)
        pools = {"one": "mode: transaction, max: 1, wait: 10s", "clean": "mode: transaction, max: 1, wait: 10s",
                 "kept": "mode: session, max: 1, idle: 10m, wait: 10s", "wide": "mode: transaction, max: 4, wait: 10s"}
        targets = [cls.lab.target(pool=pool).replace("  postgres:\n", f"  {name}:\n", 1) for name, pool in pools.items()]
        cls.gateway = cls.lab.gateway(
            "version: 1\nstate_dir: state\nworkers: 1\n" + cls.lab.listen() + cls.lab.users("alice", "bob") + "targets:\n" +
            "".join(targets) + "policies:\n  - name: everything\n    who: { users: [alice, bob] }\n    on: [one, clean, kept, wide]\n"
            "    allow: [ { everything: true } ]\n")
        # Until the catalog is there, nothing can be seen through, and every function counts.
        for database in ("one", "clean", "kept"):
            lab.wait_until(lambda at=database: cls.changes_hands(at), "server connections that change hands")

    @classmethod
    def changes_hands(cls, database):
        pids = []
        for user in ("alice", "bob"):
            with Session(cls.gateway.port, user, database) as session:
                session.must("SELECT counted()")
                pids.append(session.server_pid())
                session.leave()
        return pids[0] == pids[1]

    def session(self, user, database="one", **parameters):
        session = Session(self.gateway.port, user, database, **parameters)
        self.addCleanup(session.socket.close)
        return session

    @staticmethod
    def do(session, statements, extended=False):
        for sql in statements:
            (session.run_extended if extended else session.run)(sql)

    def finds_nothing(self, session):
        self.assertIsNone(session.value("SELECT dblink_get_connections()"))
        self.assertIsNone(session.value("SELECT recall()"))

    def test_what_is_done_here_leaves_traces(self):
        """On a connection that nobody closes every deed is seen, or looking for it would prove nothing."""
        for what, statements in DEEDS.items():
            with self.subTest(what), Session(self.lab.postgres.port) as direct:
                self.do(direct, statements)
                direct.run("DISCARD ALL")
                found = direct.run("SELECT dblink_get_connections()::text, recall()").rows
                self.assertIn(found, [[("{secret}", None)], [(None, "alices")]])

    def test_nobody_else_finds_it(self):
        for database in ("one", "kept"):
            for what, statements in DEEDS.items():
                for extended in (False, True):
                    with self.subTest(what, database=database, extended=extended):
                        alice = self.session("alice", database)
                        self.do(alice, statements, extended)
                        alice.leave(rudely=extended)
                        with self.session("bob", database) as bob:
                            self.finds_nothing(bob)
                            bob.leave()

    def test_nobody_else_finds_it_while_the_session_stays(self):
        for what, statements in DEEDS.items():
            if what in BINDING:
                continue
            with self.subTest(what):
                with self.session("alice") as alice, self.session("bob") as bob:
                    self.do(alice, statements)
                    self.finds_nothing(bob)
                    alice.leave()
                    bob.leave()

    def test_a_statement_that_is_never_executed(self):
        """The server computes what is IMMUTABLE when it plans, which Bind makes it do."""
        alice = self.session("alice")
        alice.send(wire.parse("", "SELECT remember_soon('alices')") + wire.bind() + wire.SYNC)
        alice.receive_until("Z")
        alice.leave()
        self.finds_nothing(self.session("bob"))

    def test_a_search_path_given_when_connecting(self):
        for database in ("one", "kept"):
            with self.subTest(database):
                alice = self.session("alice", database, search_path="elsewhere, public")
                alice.must("SELECT harmless()")
                alice.leave()
                with self.session("bob", database, search_path="elsewhere, public") as bob:
                    self.finds_nothing(bob)
                    bob.leave()

    def test_a_function_call_message(self):
        alice = self.session("alice")
        function = int(alice.value("SELECT 'remember'::regproc::oid::int8"))
        alice.send(wire.message(b"F", struct.pack("!IHHI", function, 0, 1, 6) + b"alices" + struct.pack("!H", 0)))
        self.assertEqual([kind for kind, _ in alice.receive_until("Z")], ["V", "Z"])
        alice.leave()
        self.finds_nothing(self.session("bob"))

    def test_the_same_principal_keeps_what_is_his(self):
        for database in ("one", "kept"):
            with self.subTest(database):
                alice = self.session("alice", database)
                alice.must("SELECT remember('alices')")
                pid = alice.server_pid()
                alice.leave()
                alice = self.session("alice", database)
                self.assertEqual((alice.server_pid(), alice.value("SELECT recall()")), (pid, "alices"))
                alice.leave()

    def test_what_leaves_nothing_goes_on_to_the_next(self):
        for sql in HARMLESS:
            for extended in (False, True) if ";" not in sql else (False,):
                with self.subTest(sql, extended=extended):
                    alice = self.session("alice", "clean")
                    alice.must("SELECT 1")
                    (alice.run_extended if extended else alice.run)(sql)
                    pid = alice.server_pid()
                    alice.leave()
                    bob = self.session("bob", "clean")
                    self.assertEqual(bob.server_pid(), pid)
                    bob.leave()

    def test_many_principals_and_few_connections(self):
        """Each finds a connection, however many are somebody's alone."""
        sessions = [self.session(user, "wide") for _ in range(5) for user in ("alice", "bob")]
        for _ in range(3):
            for number, session in enumerate(sessions):
                who = "alice" if number % 2 == 0 else "bob"
                self.assertIn(session.value("SELECT recall()"), (None, who))
                session.must(f"SELECT remember('{who}')")
        for session in sessions:
            session.leave()

    def test_locks_and_temporary_tables_end_with_their_session(self):
        left = ("SELECT (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory') + "
                "(SELECT count(*) FROM pg_class WHERE relname = 'made_within')")

        def gone():
            return self.lab.postgres.psql(left).stdout.strip() == "0"

        for sql in ("SELECT lock_it()", "SELECT make_it()", "SELECT run('SELECT pg_advisory_lock(4711)')",
                    "SELECT run('CREATE TEMP TABLE made_within (id int)')"):
            for database in ("one", "kept"):
                with self.subTest(sql, database=database):
                    alice = self.session("alice", database)
                    alice.must(sql)
                    self.assertFalse(gone())
                    alice.leave()
                    lab.wait_until(gone, "what the session has left to be gone")


if __name__ == "__main__":
    unittest.main()
