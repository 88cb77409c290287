"""psycopg 3: extended queries, statements prepared from the sixth run, pipelines, COPY, server-side cursors."""
import asyncio
import datetime
import decimal
import logging
import threading
import uuid

import psycopg
from psycopg.types.json import Jsonb

from checks import CANCEL_SECONDS, NOTIFY_SECONDS, ROWS, SLEEPING, equal, fails, poll, pooled, section, tls, within

VALUES = (True, 7, 2**40, 1.5, decimal.Decimal("12345678901234567890.000100"), "žluťoučký 'kůň' \\ %",
          b"\x00\x01\xff'\\", datetime.date(2024, 2, 29), datetime.time(23, 59, 59, 999999),
          datetime.datetime(2024, 2, 29, 12, 30, 1, 5),
          datetime.datetime(1999, 12, 31, tzinfo=datetime.timezone.utc), datetime.timedelta(days=3, seconds=7),
          uuid.UUID(int=2**100), [1, None, 3], ["a", 'b"c', None, ""], None)


def one(connection, sql, *parameters, **options):
    return connection.execute(sql, parameters or None, **options).fetchone()[0]


def types(connection):
    connection.execute("CREATE TABLE e2e.types (a bool, b int, c bigint, d float8, e numeric, f text, g bytea, h date,"
                       " i time, j timestamp, k timestamptz, l interval, m uuid, n int[], o text[], p int)")
    places = ", ".join(["%s"] * len(VALUES))
    for binary in (False, True):
        with connection.cursor(binary=binary) as cursor:
            cursor.execute(f"INSERT INTO e2e.types VALUES ({places})", VALUES)
            equal(cursor.execute("SELECT * FROM e2e.types").fetchone(), VALUES, "types")
        connection.execute(f"INSERT INTO e2e.types VALUES ({places.replace('%s', '%b')})", VALUES)
    equal(one(connection, "SELECT count(*) FROM e2e.types"), 4)
    equal(one(connection, "SELECT %s", Jsonb({"a": [1, None, "x"]})), {"a": [1, None, "x"]})
    equal(one(connection, "SELECT %b", b"\x00" * 1_000_000), b"\x00" * 1_000_000)
    equal(one(connection, "SELECT %s::text", "x" * 3_000_000), "x" * 3_000_000)
    equal(one(connection, "SELECT %s::int4range", psycopg.types.range.Range(1, 5)), psycopg.types.range.Range(1, 5))
    description = connection.execute("SELECT a, f FROM e2e.types").description
    equal([(column.name, column.type_code) for column in description], [("a", 16), ("f", 25)])


def transactions(connection):
    connection.execute("CREATE TABLE e2e.money (id int PRIMARY KEY, amount numeric CHECK (amount >= 0))")
    for number in range(12):  # from the sixth on prepared
        try:
            with connection.transaction():
                connection.execute("INSERT INTO e2e.money VALUES (%s, %s)", (number, number))
                if number % 3 == 0:
                    raise psycopg.Rollback
                try:
                    with connection.transaction():  # a savepoint
                        connection.execute("INSERT INTO e2e.money VALUES (%s, %s)", (number, -1 if number % 2 else 0))
                except psycopg.errors.UniqueViolation:
                    pass
                except psycopg.errors.CheckViolation:
                    pass
                if number % 3 == 1:
                    connection.execute("SELECT 1 / %s", (number - number,))
        except psycopg.errors.DivisionByZero:
            pass
    equal([row[0] for row in connection.execute("SELECT id FROM e2e.money ORDER BY id")], [2, 5, 8, 11])
    fails(connection.execute, "42601", "SELEC %s", (1,))
    fails(connection.execute, "22012", "SELECT 1 / %s", (0,))
    with connection.transaction(force_rollback=True):
        fails(connection.execute, "42601", "SELEC %s", (1,))
        fails(connection.execute, "25P02", "SELECT %s", (1,))
        fails(connection.execute, "25P02", "SELECT 1")
    equal(one(connection, "SELECT %s::int", 5), 5)
    cursor = connection.execute("SELECT 1; SELECT 2")
    equal((cursor.fetchone(), cursor.nextset(), cursor.fetchone()), ((1,), True, (2,)))
    equal(connection.execute("").statusmessage or "", "")
    heard = []
    connection.add_notice_handler(lambda notice: heard.append(notice.message_primary))
    connection.execute("DO $$ BEGIN RAISE NOTICE 'heard'; END $$")
    equal(heard, ["heard"])


def large(connection):
    with connection.transaction(), connection.cursor("e2e_cursor", scrollable=True) as cursor:
        cursor.itersize = 1777
        cursor.execute("SELECT g, repeat('x', g %% 50) FROM generate_series(1, %s) g", (ROWS,))
        equal(sum(number for number, _ in cursor), ROWS * (ROWS + 1) // 2)
        cursor.scroll(0, mode="absolute")
        equal(cursor.fetchone()[0], 1)
    with connection.cursor() as cursor:  # single-row mode
        equal(sum(row[0] for row in cursor.stream("SELECT g FROM generate_series(1, %s::int) g", (ROWS,))),
              ROWS * (ROWS + 1) // 2)
    with connection.cursor(binary=True) as cursor:
        cursor.execute("SELECT g, repeat('x', 30) FROM generate_series(1, %s::int) g", (ROWS,))
        equal(len(cursor.fetchall()), ROWS)


def copying(connection):
    connection.execute("CREATE TABLE e2e.copied (a int, b text)")
    with connection.cursor() as cursor:
        with cursor.copy("COPY e2e.copied FROM STDIN") as copy:
            for number in range(ROWS):
                copy.write_row((number, f"text {number}"))
        with cursor.copy("COPY e2e.copied FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["int4", "text"])
            for number in range(1000):
                copy.write_row((number, None if number % 2 else "binary"))
        total = 0
        with cursor.copy("COPY e2e.copied TO STDOUT") as copy:
            for row in copy.rows():
                total += int(row[0])
        equal(total, ROWS * (ROWS - 1) // 2 + 1000 * 999 // 2)
        with cursor.copy("COPY (SELECT %s::int AS a) TO STDOUT", (7,)) as copy:
            equal(list(copy.rows()), [("7",)])
    with connection.cursor() as cursor:
        def broken():
            with cursor.copy("COPY e2e.copied FROM STDIN") as copy:
                copy.write("1\tx\nnot a number\tx\n" + "2\tx\n" * 50_000)
        fails(broken, "22P02")

        def given_up():
            with cursor.copy("COPY e2e.copied FROM STDIN") as copy:
                copy.write_row((1, "x"))
                raise ZeroDivisionError
        fails(given_up, "57014")
        try:
            # So much that the cancel cannot come too late and hit the next statement.
            with cursor.copy("COPY (SELECT repeat('x', 1000) FROM generate_series(1, 1000000)) TO STDOUT") as copy:
                copy.read()
                raise ZeroDivisionError
        except ZeroDivisionError:
            pass
        fails(lambda: cursor.copy("COPY e2e.nothing FROM STDIN").__enter__(), "42P01")
    equal(one(connection, "SELECT count(*) FROM e2e.copied"), ROWS + 1000)


def cancelling(connection, other):
    def cancel():
        poll(lambda: one(other, SLEEPING) == 1, "pg_sleep runs")
        connection.cancel()
    for transaction in (False, True):
        thread = threading.Thread(target=cancel)
        thread.start()
        with within(CANCEL_SECONDS, "cancel"):
            if transaction:
                connection.execute("BEGIN")
            fails(connection.execute, "57014", "SELECT pg_sleep(30)" if transaction else "SELECT pg_sleep(30), %s::int",
                  None if transaction else (1,))
            thread.join()
            if transaction:
                connection.execute("ROLLBACK")
            equal(one(connection, "SELECT %s::text", "next"), "next")


def notifications(connection, other):
    async def listen():
        listener = await psycopg.AsyncConnection.connect("", autocommit=True)
        await listener.execute("LISTEN e2e")
        for payload in ("first", "", "x" * 7000):
            other.execute("SELECT pg_notify('e2e', %s)", (payload,))
            notify = await asyncio.wait_for(listener.notifies().__anext__(), NOTIFY_SECONDS)
            equal((notify.channel, notify.payload, notify.pid),
                  ("e2e", payload, notify.pid if pooled() else other.info.backend_pid))
        await listener.close()
    asyncio.run(listen())


def pipelines(connection):
    connection.execute("CREATE TABLE e2e.many (a int PRIMARY KEY, b text)")
    with connection.pipeline():
        cursors = [connection.execute("SELECT %s::int * 2", (number,)) for number in range(500)]
        equal([cursor.fetchone()[0] for cursor in cursors], [number * 2 for number in range(500)])
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO e2e.many VALUES (%s, %s)", [(number, f"r{number}") for number in range(5000)])
        cursor.executemany("UPDATE e2e.many SET b = 'u' WHERE a = %s RETURNING a", [(1,), (2,), (3,)], returning=True)
        got = [cursor.fetchone()[0]]
        while cursor.nextset():
            got.append(cursor.fetchone()[0])
        equal(got, [1, 2, 3])

    def failing():
        with connection.pipeline() as pipeline:
            connection.execute("INSERT INTO e2e.many VALUES (9001, 'before')")
            pipeline.sync()
            connection.execute("INSERT INTO e2e.many VALUES (9002, 'same segment')")
            connection.execute("INSERT INTO e2e.many VALUES (1, 'twice')")
            connection.execute("INSERT INTO e2e.many VALUES (9003, 'skipped')")
            pipeline.sync()
            connection.execute("INSERT INTO e2e.many VALUES (9004, 'after')")
    fails(failing, "23505")
    syntax = "SELEC %s"

    def refused():
        with connection.pipeline() as pipeline:
            connection.execute("INSERT INTO e2e.many VALUES (9005, 'undone')")
            connection.execute(syntax, (1,))
            connection.execute("INSERT INTO e2e.many VALUES (9006, 'skipped')")
            pipeline.sync()
            connection.execute("INSERT INTO e2e.many VALUES (9007, 'after')")
    fails(refused, "42601")
    left = {row[0] for row in connection.execute("SELECT a FROM e2e.many WHERE a > 9000")}
    equal(left & {9001, 9002, 9003, 9005, 9006}, {9001}, "what a pipeline with errors leaves")
    equal(one(connection, "SELECT 'next'"), "next")


def prepared(connection):
    for number in range(30):
        equal(one(connection, "SELECT %s::int + 1", number, prepare=True), number + 1)
    named = "SELECT count(*) FROM pg_prepared_statements WHERE name LIKE '_pg3_%%'"
    equal(pooled() or one(connection, named) > 0, True)
    # More statements than its cache holds: it deallocates the oldest.
    for number in range(150):
        equal(one(connection, f"SELECT %s::int + {number}", 1, prepare=True), number + 1)
    connection.execute("CREATE TABLE e2e.changing (a int)")
    connection.execute("SELECT * FROM e2e.changing", prepare=True)
    connection.execute("ALTER TABLE e2e.changing ADD b int")
    fails(lambda: connection.execute("SELECT * FROM e2e.changing", prepare=True), "0A000")
    connection.execute("DEALLOCATE ALL")
    connection._prepared.clear()
    equal(one(connection, "SELECT %s::int + 1", 1, prepare=True), 2)


def main():
    # Whether an error of a pipeline is read inside the block or at its end depends on timing, and is told there.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    connection = psycopg.connect("", autocommit=True)
    other = psycopg.connect("", autocommit=True)
    equal(bool(connection.pgconn.ssl_in_use), tls(), "TLS")
    for name, work in (("types", types), ("transactions", transactions), ("large result", large), ("copy", copying),
                       ("pipelines", pipelines), ("prepared", prepared)):
        with section(name):
            work(connection)
    with section("cancel"):
        cancelling(connection, other)
    with section("notify"):
        notifications(connection, other)
    connection.close()
    other.close()


if __name__ == "__main__":
    main()
