"""psycopg2: simple queries only, parameters put in by the client, named cursors."""
import datetime
import decimal
import io
import select
import threading
import uuid

import psycopg2
import psycopg2.extensions
import psycopg2.extras
from psycopg2.extras import Json

from checks import CANCEL_SECONDS, NOTIFY_SECONDS, ROWS, SLEEPING, equal, fails, poll, pooled, section, tls, within


def connect():
    return psycopg2.connect("")


def one(cursor, sql, *parameters):
    cursor.execute(sql, parameters or None)
    return cursor.fetchone()[0]


def types(connection):
    psycopg2.extras.register_uuid()
    values = (True, 7, 2**40, 1.5, decimal.Decimal("12345678901234567890.000100"), "žluťoučký 'kůň' \\ %",
              b"\x00\x01\xff'\\", datetime.date(2024, 2, 29), datetime.time(23, 59, 59, 999999),
              datetime.datetime(2024, 2, 29, 12, 30, 1, 5),
              datetime.datetime(1999, 12, 31, tzinfo=datetime.timezone.utc), datetime.timedelta(days=3, seconds=7),
              uuid.UUID(int=2**100), [1, None, 3], ["a", 'b"c', None, ""], None)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE e2e.types (a bool, b int, c bigint, d float8, e numeric, f text, g bytea,"
                       " h date, i time, j timestamp, k timestamptz, l interval, m uuid, n int[], o text[], p int)")
        cursor.execute("INSERT INTO e2e.types VALUES (" + ", ".join(["%s"] * len(values)) + ")", values)
        cursor.execute("SELECT * FROM e2e.types")
        row = tuple(bytes(value) if isinstance(value, memoryview) else value for value in cursor.fetchone())
        equal(row, values, "types")
        equal([column.type_code for column in cursor.description[:4]], [16, 23, 20, 701])
        equal(one(cursor, "SELECT %s::jsonb", Json({"a": [1, None, "x"]})), {"a": [1, None, "x"]})
        equal(one(cursor, "SELECT %s", "x" * 1_000_000), "x" * 1_000_000)
        equal(bytes(one(cursor, "SELECT %s::bytea", bytes(range(256)) * 4000)), bytes(range(256)) * 4000)
    connection.commit()


def transactions(connection):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE e2e.money (id int PRIMARY KEY, amount numeric CHECK (amount >= 0))")
        cursor.execute("INSERT INTO e2e.money VALUES (1, 100), (2, 0)")
        equal(cursor.rowcount, 2)
        connection.commit()
        cursor.execute("UPDATE e2e.money SET amount = amount - 50 WHERE id = 1")
        connection.rollback()
        equal(one(cursor, "SELECT amount FROM e2e.money WHERE id = 1"), 100)
        fails(cursor.execute, "23514", "UPDATE e2e.money SET amount = -1")
        equal(connection.info.transaction_status, psycopg2.extensions.TRANSACTION_STATUS_INERROR)
        fails(cursor.execute, "25P02", "SELECT 1")
        connection.rollback()
        equal(connection.info.transaction_status, psycopg2.extensions.TRANSACTION_STATUS_IDLE)
        cursor.execute("INSERT INTO e2e.money VALUES (3, 1); SAVEPOINT s")
        fails(cursor.execute, "23505", "INSERT INTO e2e.money VALUES (3, 1)")
        cursor.execute("ROLLBACK TO SAVEPOINT s")
        fails(cursor.execute, "42601", "SELEC 1")
        equal(connection.info.transaction_status, psycopg2.extensions.TRANSACTION_STATUS_INERROR)
        cursor.execute("ROLLBACK TO s; RELEASE s")
        connection.commit()
        equal(one(cursor, "SELECT count(*) FROM e2e.money"), 3)
        connection.commit()
    connection.set_session(isolation_level="SERIALIZABLE", readonly=True, deferrable=True)
    with connection.cursor() as cursor:
        fails(cursor.execute, "25006", "DELETE FROM e2e.money")
    connection.rollback()
    connection.set_session(isolation_level="DEFAULT", readonly=False, deferrable=False)
    connection.autocommit = True
    with connection.cursor() as cursor:
        fails(cursor.execute, "22012", "SELECT 1/0")
        fails(cursor.execute, "42601", "SELECT FROM WHERE")
        fails(cursor.execute, "42P01", "SELECT * FROM e2e.nothing")
        equal(one(cursor, "SELECT 1; SELECT 2; SELECT 3"), 3)
        fails(cursor.execute, "22012", "INSERT INTO e2e.money VALUES (9, 9); SELECT 1/0")
        equal(one(cursor, "SELECT count(*) FROM e2e.money WHERE id = 9"), 0, "an error undoes the whole Query")
        fails(cursor.execute, "42601", "INSERT INTO e2e.money VALUES (9, 9); SELEC 1")
        equal(one(cursor, "SELECT count(*) FROM e2e.money WHERE id = 9"), 0)
        cursor.execute("DO $$ BEGIN RAISE NOTICE 'heard %', 1; END $$")
        equal(connection.notices[-1], "NOTICE:  heard 1\n")
        for empty in ("", "/* nothing */ ;"):
            fails(cursor.execute, None, empty)
        equal(one(cursor, "SELECT 1"), 1)
    connection.autocommit = False


def large(connection):
    with connection.cursor("e2e_cursor", scrollable=True) as cursor:
        cursor.itersize = 1777
        cursor.execute("SELECT g, repeat('x', g %% 50) FROM generate_series(1, %s) g", (ROWS,))
        count = total = 0
        for number, text in cursor:
            count += 1
            total += number
            assert len(text) == number % 50
        equal((count, total), (ROWS, ROWS * (ROWS + 1) // 2))
        cursor.scroll(0, mode="absolute")
        equal(cursor.fetchone()[0], 1)
    connection.commit()
    with connection.cursor("e2e_hold", withhold=True) as cursor:
        cursor.execute("SELECT generate_series(1, 10)")
        connection.commit()
        equal(len(cursor.fetchall()), 10)
    connection.commit()
    with connection.cursor() as cursor:
        cursor.execute("SELECT g FROM generate_series(1, %s) g", (2 * ROWS,))
        equal(cursor.rowcount, 2 * ROWS)
        equal(cursor.fetchmany(3), [(1,), (2,), (3,)])
    connection.commit()


def copying(connection):
    lines = "".join(f"{number}\ttext {number}\n" for number in range(ROWS))
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE e2e.copied (a int, b text)")
        cursor.copy_expert("COPY e2e.copied FROM STDIN", io.StringIO(lines))
        equal(cursor.rowcount, ROWS)
        out = io.StringIO()
        cursor.copy_expert("COPY (SELECT * FROM e2e.copied ORDER BY a) TO STDOUT", out)
        equal(out.getvalue() == lines, True, "copied text")
        out = io.BytesIO()
        cursor.copy_expert("COPY e2e.copied TO STDOUT (FORMAT binary)", out)
        out.seek(0)
        cursor.copy_expert("COPY e2e.copied FROM STDIN (FORMAT binary)", out)
        equal(one(cursor, "SELECT count(*) FROM e2e.copied"), 2 * ROWS)
        connection.commit()
        fails(cursor.copy_expert, "22P02", "COPY e2e.copied FROM STDIN", io.StringIO("1\tx\nnot a number\ty\n" + lines))
        connection.rollback()

        class Broken(io.StringIO):
            def read(self, size=-1):
                raise OSError("the file is broken")
        fails(cursor.copy_expert, "57014", "COPY e2e.copied FROM STDIN", Broken())
        connection.rollback()
        fails(cursor.copy_expert, "42P01", "COPY e2e.nothing FROM STDIN", io.StringIO(lines))
        connection.rollback()
        equal(one(cursor, "SELECT count(*) FROM e2e.copied"), 2 * ROWS)
    connection.commit()


def cancelling(connection, other):
    def cancel():
        with other.cursor() as cursor:
            poll(lambda: one(cursor, SLEEPING) == 1, "pg_sleep runs")
        connection.cancel()
    other.autocommit = True
    for autocommit in (True, False):
        connection.autocommit = autocommit
        thread = threading.Thread(target=cancel)
        thread.start()
        with connection.cursor() as cursor, within(CANCEL_SECONDS, "cancel"):
            fails(cursor.execute, "57014", "SELECT pg_sleep(30)")
            thread.join()
            if not autocommit:
                connection.rollback()
            equal(one(cursor, "SELECT 'next'"), "next")
        connection.rollback()


def notifications(connection, other):
    other.autocommit = connection.autocommit = True
    with connection.cursor() as cursor, other.cursor() as sender:
        cursor.execute("LISTEN e2e")
        for payload in ("first", "", "x" * 7000):
            sender.execute("SELECT pg_notify('e2e', %s)", (payload,))
            while not connection.notifies:  # a long payload may arrive in pieces
                equal(bool(select.select([connection], [], [], NOTIFY_SECONDS)[0]), True, "notified while idle")
                connection.poll()
            notify = connection.notifies.pop()
            equal((notify.channel, notify.payload, notify.pid),
                  ("e2e", payload, notify.pid if pooled() else other.info.backend_pid))
        cursor.execute("UNLISTEN *")


def prepared(connection):
    with connection.cursor() as cursor:
        cursor.execute("PREPARE e2e_add (int, int) AS SELECT $1 + $2")
        for number in range(15):
            cursor.execute("EXECUTE e2e_add (%s, 1)", (number,))
            equal(cursor.fetchone()[0], number + 1)
        cursor.execute("DEALLOCATE e2e_add")
        fails(cursor.execute, "26000", "EXECUTE e2e_add (1, 1)")
        cursor.execute("CREATE TABLE e2e.many (a int, b text)")
        psycopg2.extras.execute_values(cursor, "INSERT INTO e2e.many VALUES %s", [(n, f"r{n}") for n in range(1000)])
        psycopg2.extras.execute_batch(cursor, "UPDATE e2e.many SET b = %s WHERE a = %s", [("u", n) for n in range(300)])
        equal(one(cursor, "SELECT count(*) FROM e2e.many WHERE b = 'u'"), 300)
        cursor.execute("CREATE PROCEDURE e2e.add(INOUT a int, b int) LANGUAGE sql AS 'SELECT a + b'")
        equal(one(cursor, "CALL e2e.add(1, 2)"), 3)


def large_objects(connection):
    connection.autocommit = False
    stored = connection.lobject(0, "wb")
    stored.write(b"large " * 10_000)
    oid = stored.oid
    stored.close()
    connection.commit()
    again = connection.lobject(oid, "rb")
    equal(again.read(), b"large " * 10_000)
    again.unlink()
    connection.commit()


def asynchronous():
    """The connection that does not block: psycopg2 sends and polls."""
    def wait(connection):
        while True:
            state = connection.poll()
            if state == psycopg2.extensions.POLL_OK:
                return
            reading = state == psycopg2.extensions.POLL_READ
            ready = select.select([connection] if reading else [], [] if reading else [connection], [], 20)
            assert any(ready), "the connection hangs"
    connection = psycopg2.connect("", async_=True)
    wait(connection)
    cursor = connection.cursor()
    cursor.execute("SELECT g FROM generate_series(1, 1000) g")
    wait(connection)
    equal(len(cursor.fetchall()), 1000)
    connection.close()


def main():
    connection, other = connect(), connect()
    equal(connection.info.ssl_in_use, tls(), "TLS")
    for name, work in (("types", types), ("transactions", transactions), ("large result", large), ("copy", copying)):
        with section(name):
            work(connection)
    with section("cancel"):
        cancelling(connection, other)
    with section("notify"):
        notifications(connection, other)
    with section("prepared"):
        prepared(connection)
    with section("large objects"):
        large_objects(connection)
    with section("asynchronous"):
        asynchronous()
    connection.close()
    other.close()


if __name__ == "__main__":
    main()
