"""psql: scripts with several statements in one message, its own commands, inline COPY data, Ctrl-C on a terminal."""
import os
import pty
import select
import signal
import subprocess
import time

from checks import CANCEL_SECONDS, NOTIFY_SECONDS, ROWS, SLEEPING, equal, poll, section, tls, within

CODES = ("-v", "VERBOSITY=sqlstate")
QUIET = ("psql", "-X", "-A", "-t", "-q")


def psql(script=None, *options, status=0, stdin=""):
    """Runs a script, or only the options; returns what psql printed, errors included."""
    inputs = stdin if script is None else script
    command = [*QUIET, *options, *([] if script is None else ["-f", "-"])]
    done = subprocess.run(command, input=inputs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=60, check=False)
    equal(done.returncode, status, done.stdout)
    return done.stdout


def lines(*expected):
    return "".join(f"{line}\n" for line in expected)


def types():
    equal(psql("SELECT true, 1::int2, 2::int8, 1.5::float8, 12345678901234567890.000100::numeric, 'žluť''x'::text,"
               " '\\x00ff'::bytea, date '2024-02-29', timestamptz '2024-02-29 12:00:00.000005+00',"
               " interval '3 days 7s', ARRAY[1,NULL,3], ARRAY['a','b\"c',''], '{\"a\": [1, null]}'::jsonb, NULL,"
               " int4range(1,5), point(1,2);", "-P", "null=NULL"),
          "t|1|2|1.5|12345678901234567890.000100|žluť'x|\\x00ff|2024-02-29|2024-02-29 12:00:00.000005+00|"
          "3 days 00:00:07|{1,NULL,3}|{a,\"b\\\"c\",\"\"}|{\"a\": [1, null]}|NULL|[1,5)|(1,2)\n")
    # \gdesc is the only command of psql 15 that parses and describes without running.
    equal(psql("SELECT 1 AS a, 'x'::text AS b, now() AS c \\gdesc\n"),
          lines("a|integer", "b|text", "c|timestamp with time zone"))
    equal(psql("CREATE TABLE e2e.none () \\gdesc\n"), "The command has no result, or the result has no columns.\n")
    equal(psql("SELEC 1 \\gdesc\nSELECT 'next';\n").splitlines()[-1], "next")


def statements():
    equal(psql("SELECT 1\\; SELECT 2\\; SELECT 3;\n"), lines("1", "2", "3"))
    equal(psql(None, "-c", "SELECT 1; SELECT 2", "-c", "SELECT 3"), lines("1", "2", "3"))
    equal(psql("\\set name 'it''s'\nSELECT :'name', :{?name};\n"), "it's|t\n")
    equal(psql("SELECT 7 AS seven \\gset\n\\echo :seven :ROW_COUNT :SQLSTATE\n"), "7 1 00000\n")
    equal(psql("SELECT format('SELECT %s', g) FROM generate_series(1, 3) g \\gexec\n"), lines("1", "2", "3"))
    equal(psql(";;;\n;\nSELECT 1;\n/* nothing */;\n"), "1\n")
    equal(psql("DO $$ BEGIN RAISE NOTICE 'heard'; END $$;\n").strip().splitlines()[-1].split(": ")[-1].strip(), "heard")
    equal(psql("\\c\nSELECT 'again';\n").splitlines()[-1], "again")
    equal(psql("\\c restored\nSELECT current_database();\n").splitlines()[-1], "restored")
    equal(psql("\\encoding\n"), "UTF8\n")
    equal("SSL connection" in psql("\\conninfo\n"), tls(), "TLS")


def errors():
    equal(psql("SELECT 1/0;\n\\echo :SQLSTATE\nSELEC 1;\n\\echo :SQLSTATE\nSELECT 'next';\n", *CODES),
          lines("psql:<stdin>:1: ERROR:  22012", "22012", "psql:<stdin>:3: ERROR:  42601", "42601", "next"))
    equal(psql("BEGIN;\nCREATE TABLE e2e.gone ();\nSELECT 1/0;\nSELECT 1;\nSELEC 1;\nCOMMIT;\n"
               "SELECT to_regclass('e2e.gone') IS NULL;\n",
               *CODES),
          lines("psql:<stdin>:3: ERROR:  22012", "psql:<stdin>:4: ERROR:  25P02", "psql:<stdin>:5: ERROR:  42601", "t"))
    equal(psql("BEGIN;\nSELECT 1;\nSAVEPOINT s;\nSELEC 1;\nROLLBACK TO s;\nSELECT 2;\nSELECT * FROM e2e.nothing;\n"
               "ROLLBACK TO s;\nCREATE TABLE e2e.kept ();\nCOMMIT;\nSELECT to_regclass('e2e.kept');\n", *CODES),
          lines("1", "psql:<stdin>:4: ERROR:  42601", "2", "psql:<stdin>:7: ERROR:  42P01", "e2e.kept"))
    # psql puts a savepoint around each statement.
    equal(psql("\\set ON_ERROR_ROLLBACK on\nBEGIN;\nSELECT 1/0;\nSELECT 'goes on';\nSELEC 1;\n"
               "SELECT 'still';\nCOMMIT;\n",
               *CODES),
          lines("psql:<stdin>:3: ERROR:  22012", "goes on", "psql:<stdin>:5: ERROR:  42601", "still"))
    equal(psql("CREATE TABLE e2e.one (a int)\\; INSERT INTO e2e.one VALUES (1/0);\n"
               "SELECT to_regclass('e2e.one') IS NULL;\n",
               *CODES), lines("psql:<stdin>:1: ERROR:  22012", "t"))
    # -1 is one transaction around the whole script.
    equal("22012" in psql("CREATE TABLE e2e.two ();\nSELECT 1/0;\n", "-1", "-v", "ON_ERROR_STOP=1",
                          *CODES, status=3), True)
    equal(psql("SELECT to_regclass('e2e.two') IS NULL;\n"), "t\n")
    psql("SELECT 1;\n", "-d", "no_such_database", status=2)
    psql("SELECT pg_terminate_backend(pg_backend_pid());\n", status=2)


def prepared():
    executed = "".join(f"EXECUTE p({n});\n" for n in range(15))
    equal(psql(f"PREPARE p (int) AS SELECT $1 * 2;\n{executed}DEALLOCATE p;\n"), lines(*range(0, 30, 2)))


def large():
    counted = psql(f"\\set FETCH_COUNT 3000\nSELECT g FROM generate_series(1, {ROWS}) g;\n").splitlines()
    equal((len(counted), counted[0], counted[-1]), (ROWS, "1", str(ROWS)))
    whole = psql(f"SELECT g, repeat('x', 20) FROM generate_series(1, {ROWS}) g;\n")
    equal(whole.count("\n"), ROWS)
    equal(psql(f"BEGIN;\nDECLARE c SCROLL CURSOR FOR SELECT g FROM generate_series(1, {ROWS}) g;\n"
               "MOVE FORWARD ALL IN c;\nFETCH LAST FROM c;\nFETCH ABSOLUTE 7 FROM c;\nCLOSE c;\nCOMMIT;\n"),
          lines(ROWS, 7))


def copying():
    data = "".join(f"{number}\ttext {number}\n" for number in range(ROWS))
    with open("data.txt", "w", encoding="utf-8") as file:
        file.write(data)
    psql("CREATE TABLE e2e.copied (a int, b text);\n\\copy e2e.copied FROM 'data.txt'\n"
         "\\copy (SELECT * FROM e2e.copied ORDER BY a) TO 'back.txt'\n"
         "\\copy e2e.copied TO 'data.bin' (FORMAT binary)\n\\copy e2e.copied FROM 'data.bin' (FORMAT binary)\n")
    with open("back.txt", encoding="utf-8") as file:
        equal(file.read() == data, True, "copied text")
    equal(psql("SELECT count(*) FROM e2e.copied;\n"), f"{2 * ROWS}\n")
    # The data stand in the script, behind the statement.
    equal(psql("TRUNCATE e2e.copied;\nCOPY e2e.copied FROM STDIN;\n1\ta\n2\t\\N\n\\.\nCOPY e2e.copied TO STDOUT;\n"),
          lines("1\ta", "2\t\\N"))
    equal(psql("COPY e2e.copied FROM STDIN;\nnot a number\ta\n\\.\nSELECT 'next';\n", *CODES),
          lines("psql:<stdin>:3: ERROR:  22P02", "next"))
    # A COPY that does not begin still has its data in the script, and psql reads them over.
    equal(psql("COPY e2e.nothing FROM STDIN;\n1\ta\n\\.\nSELECT 'next';\n", *CODES).splitlines()[0],
          "psql:<stdin>:1: ERROR:  42P01")
    equal(psql("SELECT 1\\; COPY e2e.copied FROM STDIN\\; SELECT 2;\n3\tc\n\\.\nSELECT count(*) FROM e2e.copied;\n"),
          lines("1", "2", "3"))
    output = psql("COPY e2e.copied TO STDOUT\\; COPY e2e.copied FROM STDIN\\; COPY e2e.copied TO STDOUT;\n4\td\n\\.\n")
    equal(output.splitlines()[-1], "4\td")


def own_commands():
    psql("CREATE TABLE e2e.parent (id int PRIMARY KEY, b text DEFAULT 'x' CHECK (b <> ''));\n"
         "CREATE TABLE e2e.child (id int REFERENCES e2e.parent, at timestamptz);\nCREATE INDEX ON e2e.child (at);\n"
         "CREATE VIEW e2e.seen AS SELECT id FROM e2e.parent;\nCREATE SEQUENCE e2e.counter;\n"
         "CREATE FUNCTION e2e.twice(a int) RETURNS int LANGUAGE sql AS 'SELECT a * 2';\n")
    for command, expected in (("\\d e2e.*", "timestamp with time zone"), ("\\d+ e2e.parent", "extended"),
                              ("\\dt e2e.*", "child"), ("\\dv e2e.*", "seen"), ("\\ds e2e.*", "counter"),
                              ("\\df+ e2e.*", "twice"), ("\\dn", "e2e"), ("\\di e2e.*", "child_at_idx"),
                              ("\\l", "restored"), ("\\du", "postgres"), ("\\dp e2e.*", "seen"),
                              ("\\dT", ""), ("\\dx", "plpgsql"), ("\\sf e2e.twice", "RETURNS integer"),
                              ("\\sv e2e.seen", "FROM e2e.parent"), ("\\dC", "bigint"), ("\\dconfig *", "work_mem"),
                              ("\\z e2e.*", "parent"), ("\\do", ""), ("\\dRp", ""), ("\\dOS", "C"), ("\\drds", "")):
        output = psql(f"{command}\n")
        equal("ERROR" in output or expected not in output, False, f"{command}: {output}")


def large_objects():
    with open("object.bin", "wb") as file:
        file.write(os.urandom(100_000))
    # Large objects go by FunctionCall messages.
    psql("\\lo_import 'object.bin' 'e2e object'\n\\set oid :LASTOID\n\\lo_export :oid 'object.out'\n\\lo_list\n"
         "\\lo_unlink :oid\n")
    with open("object.bin", "rb") as given, open("object.out", "rb") as got:
        equal(given.read() == got.read(), True, "large object")


class Terminal:
    """psql on a terminal, where Ctrl-C cancels a statement and the session goes on."""

    def __init__(self):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(["psql", "-X", "-n", "-A", "-t", "-P", "pager=off", "-v", "PROMPT1=ready> ",
                                         "-v", "PROMPT2="], stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)
        self.expect("ready> ")

    def expect(self, text, seconds=CANCEL_SECONDS):
        """Reads until `text` stands at the end."""
        seen, deadline = "", time.monotonic() + seconds
        while not seen.endswith(text):
            readable = select.select([self.master], [], [], max(0, deadline - time.monotonic()))[0]
            if not readable:
                raise AssertionError(f"psql did not print {text!r} within {seconds} s but {seen!r}")
            seen += os.read(self.master, 4096).decode()
        return seen

    def send(self, text):
        os.write(self.master, text.encode())

    def ask(self, text):
        self.send(text)
        return self.expect("ready> ")

    def close(self):
        self.send("\\q\n")
        self.process.wait(10)
        os.close(self.master)


def on_terminal():
    terminal = Terminal()
    for before, after in (("", ""), ("BEGIN;\n", "ROLLBACK;\n")):
        if before:
            terminal.ask(before)
        terminal.send("SELECT pg_sleep(30);\n")
        poll(lambda: psql(f"{SLEEPING};\n") == "1\n", "pg_sleep runs")
        terminal.process.send_signal(signal.SIGINT)
        with within(CANCEL_SECONDS, "cancel"):
            equal("canceling statement due to user request" in terminal.expect("ready> "), True)
        if after:
            terminal.ask(after)
        equal("next" in terminal.ask("SELECT 'ne' || 'xt';\n"), True)
    terminal.ask("LISTEN e2e;\n")
    psql("NOTIFY e2e, 'payload';\n")
    # psql reads what arrived while it was idle after its next command. Nobody promises that it has arrived by then.
    with within(NOTIFY_SECONDS, "notification"):
        poll(lambda: "with payload \"payload\"" in terminal.ask("SELECT 1;\n"), "psql shows it")
    terminal.close()


def main():
    for work in (types, statements, errors, prepared, large, copying, own_commands, large_objects, on_terminal):
        with section(work.__name__):
            work()


if __name__ == "__main__":
    main()
