"""asyncpg: a protocol of its own, binary only, named statements, portals with a row limit."""
import asyncio
import datetime
import decimal
import io
import os
import ssl
import uuid

import asyncpg

from checks import CANCEL_SECONDS, NOTIFY_SECONDS, ROWS, SLEEPING, equal, pooled, section, tls, within


def security():
    return ssl.create_default_context(cafile=os.environ["PGSSLROOTCERT"]) if tls() else False


async def connect(**options):
    return await asyncpg.connect(ssl=security(), timeout=20, **options)


async def fails(awaitable, sqlstate):
    try:
        await awaitable
    except asyncpg.PostgresError as error:
        equal(error.sqlstate, sqlstate, str(error))
        return error
    raise AssertionError(f"no error {sqlstate}")


async def types(connection):
    await connection.execute("CREATE TYPE e2e.mood AS ENUM ('sad', 'happy'); CREATE TYPE e2e.pair AS (a int, b text[]);"
                             "CREATE DOMAIN e2e.positive AS int CHECK (VALUE > 0)")
    for sql_type, value in (
            ("bool", True), ("int2", -7), ("int4", 2**31 - 1), ("int8", -2**63), ("float4", 1.5), ("float8", 1e-300),
            ("numeric", decimal.Decimal("12345678901234567890.000100")), ("text", "žluť 'x' \\ %"),
            ("bytea", b"\x00\x01\xff"),
            ("date", datetime.date(2024, 2, 29)), ("time", datetime.time(23, 59, 59, 999999)),
            ("timestamp", datetime.datetime(2024, 2, 29, 1, 2, 3, 4)),
            ("timestamptz", datetime.datetime(1999, 12, 31, tzinfo=datetime.timezone.utc)),
            ("interval", datetime.timedelta(days=3, seconds=7)), ("uuid", uuid.UUID(int=2**100)), 
            ("jsonb", '{"a": [1, null]}'),
            ("int[]", [1, None, 3]), ("text[]", ["a", 'b"c', None, ""]), ("int[][]", [[1, 2], [3, 4]]),
            ("int4range", asyncpg.Range(1, 5)), ("point", asyncpg.Point(1, 2)), ("inet", None),
            ("varbit", asyncpg.BitString("101")),
            ("e2e.mood", "happy"), ("e2e.mood[]", ["happy", None]), ("e2e.pair", (1, ["x", None])), ("e2e.positive", 5),
            ("bytea", bytes(range(256)) * 10_000), ("text", "x" * 3_000_000)):
        equal(await connection.fetchval(f"SELECT $1::{sql_type}", value), value, sql_type)
        equal(await connection.fetchval(f"SELECT $1::{sql_type}", None), None, sql_type)
    await fails(connection.fetchval("SELECT $1::e2e.positive", -5), "23514")
    statement = await connection.prepare("SELECT $1::int AS a, $2::text AS b")
    equal([(a.name, a.type.name) for a in statement.get_attributes()], [("a", "int4"), ("b", "text")])


async def transactions(connection):
    await connection.execute("CREATE TABLE e2e.money (id int PRIMARY KEY, amount numeric CHECK (amount >= 0))")
    await fails(connection.fetch("SELECT 1 / $1::int", 0), "22012")
    await fails(connection.fetch("SELEC $1", 0), "42601")
    await fails(connection.fetch("SELECT * FROM e2e.nothing WHERE a = $1", 0), "42P01")
    await fails(connection.execute("INSERT INTO e2e.money VALUES (1, 1); SELEC 1"), "42601")
    for number in range(15):
        try:
            async with connection.transaction():
                equal(await connection.execute("INSERT INTO e2e.money VALUES ($1, $2)", number, number), "INSERT 0 1")
                try:
                    async with connection.transaction():
                        await connection.execute("INSERT INTO e2e.money VALUES ($1, -1)", number + 100)
                except asyncpg.CheckViolationError:
                    pass
                try:
                    async with connection.transaction():
                        await connection.execute("SELEC $1", number)
                except asyncpg.PostgresSyntaxError:
                    pass
                if number % 2:
                    await connection.execute("SELECT 1 / $1::int", 0)
        except asyncpg.DivisionByZeroError:
            pass
    equal([row["id"] for row in await connection.fetch("SELECT id FROM e2e.money ORDER BY id")], list(range(0, 15, 2)))
    transaction = connection.transaction(isolation="serializable", readonly=True, deferrable=True)
    await transaction.start()
    await fails(connection.execute("DELETE FROM e2e.money"), "25006")
    await fails(connection.fetch("SELECT $1::int", 1), "25P02")
    await transaction.rollback()
    equal(await connection.fetchval("SELECT $1::int", 1), 1)
    equal(await connection.fetch(""), [])
    heard = []
    connection.add_log_listener(lambda _connection, message: heard.append(message.message))
    await connection.execute("DO $$ BEGIN RAISE NOTICE 'heard'; END $$")
    await connection.fetchval("SELECT 1")
    await asyncio.sleep(0)  # the listener is called by the loop
    equal(heard, ["heard"])


async def large(connection):
    async with connection.transaction():
        total = count = 0
        text = "SELECT g, repeat('x', 30) FROM generate_series(1, $1::int) g"
        async for row in connection.cursor(text, ROWS, prefetch=1777):
            total += row[0]
            count += 1
        equal((count, total), (ROWS, ROWS * (ROWS + 1) // 2))
        first = await connection.cursor("SELECT generate_series(1, 100)")
        second = await connection.cursor("SELECT generate_series(101, 200)")
        equal([row[0] for row in await first.fetch(3)], [1, 2, 3])
        equal(await second.forward(50), 50)
        equal((await second.fetchrow())[0], 151)
        equal((await first.fetchrow())[0], 4)
    equal(len(await connection.fetch("SELECT g, 'text' FROM generate_series(1, $1::int) g", ROWS)), ROWS)
    for number in range(20):  # asks for one row: the portal stays suspended
        equal((await connection.fetchrow("SELECT generate_series($1::int, 1000)", number))[0], number)


async def copying(connection):
    await connection.execute("CREATE TABLE e2e.copied (a int, b text)")
    records = [(number, None if number % 10 == 0 else f"text {number}") for number in range(ROWS)]
    equal(await connection.copy_records_to_table("copied", schema_name="e2e", records=records), f"COPY {ROWS}")
    out = io.BytesIO()
    equal(await connection.copy_from_query("SELECT * FROM e2e.copied WHERE a < $1 ORDER BY a", 3, output=out), "COPY 3")
    equal(out.getvalue(), b"0\t\\N\n1\ttext 1\n2\ttext 2\n")
    out = io.BytesIO()
    await connection.copy_from_table("copied", schema_name="e2e", output=out)
    out.seek(0)
    equal(await connection.copy_to_table("copied", schema_name="e2e", source=out), f"COPY {ROWS}")
    wrong = io.BytesIO(b"x\ty\n" + b"1\tx\n" * 500_000)
    await fails(connection.copy_to_table("copied", schema_name="e2e", source=wrong), "22P02")

    async def broken():
        yield b"1\tx\n"
        raise ZeroDivisionError
    try:
        await connection.copy_to_table("copied", schema_name="e2e", source=broken())
        raise AssertionError("a broken source is no error")
    except ZeroDivisionError:
        pass
    await fails(connection.copy_to_table("nothing", schema_name="e2e", source=io.BytesIO(b"1\n")), "42P01")

    async def full(_data):
        raise ZeroDivisionError
    try:
        # So much that a cancel cannot come too late and hit the next statement.
        await connection.copy_from_query("SELECT repeat('x', 1000) FROM generate_series(1, 1000000)", output=full)
        raise AssertionError("a broken sink is no error")
    except ZeroDivisionError:
        pass
    equal(await connection.fetchval("SELECT count(*) FROM e2e.copied"), 2 * ROWS)


async def cancelling(connection, other):
    async def runs():
        while await other.fetchval(SLEEPING) != 1:
            await asyncio.sleep(0.02)
    with within(CANCEL_SECONDS, "cancel"):
        task = asyncio.create_task(connection.fetch("SELECT pg_sleep(30)"))
        await asyncio.wait_for(runs(), CANCEL_SECONDS)
        task.cancel()
        try:
            await task
            raise AssertionError("not cancelled")
        except asyncio.CancelledError:
            pass
        equal(await connection.fetchval("SELECT 'next'"), "next")
        # The client's own time-out.
        async with connection.transaction():
            try:
                async with connection.transaction():
                    await connection.fetch("SELECT pg_sleep(30)", timeout=0.2)
                raise AssertionError("no time-out")
            except asyncio.TimeoutError:
                pass
            equal(await connection.fetchval("SELECT 'next'"), "next")


async def notifications(connection, other):
    queue = asyncio.Queue()
    await connection.add_listener("e2e", lambda _c, pid, channel, payload: queue.put_nowait((pid, channel, payload)))
    for payload in ("first", "", "x" * 7000):
        await other.execute("SELECT pg_notify('e2e', $1)", payload)
        heard = await asyncio.wait_for(queue.get(), NOTIFY_SECONDS)
        equal(heard, (heard[0] if pooled() else other.get_server_pid(), "e2e", payload))
    await connection.reset()


async def batches(connection):
    await connection.execute("CREATE TABLE e2e.many (a int PRIMARY KEY, b text)")
    insert = "INSERT INTO e2e.many VALUES ($1, $2)"
    await connection.executemany(insert, [(number, f"r{number}") for number in range(20_000)])
    equal(await connection.fetchval("SELECT count(*) FROM e2e.many"), 20_000)
    # One of many fails: none of them remains.
    numbers = (30_000, 30_001, 5, *range(30_002, 33_000))
    await fails(connection.executemany(insert, [(number, "x") for number in numbers]), "23505")
    equal(await connection.fetchval("SELECT count(*) FROM e2e.many"), 20_000)


async def prepared(connection):
    statement = await connection.prepare("SELECT $1::int * 2")
    for number in range(30):
        equal(await statement.fetchval(number), number * 2)
    for number in range(150):  # more than its cache holds, so that it closes the oldest
        equal(await connection.fetchval(f"SELECT $1::int + {number}", 1), number + 1)
    equal("Seq Scan" in str(await (await connection.prepare("SELECT * FROM e2e.many")).explain()), True)
    await connection.execute("CREATE TABLE e2e.changing (a int)")
    await connection.fetch("SELECT * FROM e2e.changing")
    await connection.execute("ALTER TABLE e2e.changing ADD b int; INSERT INTO e2e.changing VALUES (1, 2)")
    # "cached plan must not change result type": it drops its cache and prepares anew.
    equal(tuple(await connection.fetchrow("SELECT * FROM e2e.changing")), (1, 2))
    await connection.execute("DEALLOCATE ALL")
    await fails(statement.fetchval(1), "26000")
    await connection.reload_schema_state()


async def pool():
    async with asyncpg.create_pool(ssl=security(), min_size=2, max_size=4) as connections:
        async def work(number):
            async with connections.acquire() as connection:
                await connection.execute("SET work_mem = '1MB'")
                return await connection.fetchval("SELECT $1::int", number)
        equal(await asyncio.gather(*(work(number) for number in range(100))), list(range(100)))
        equal(await connections.fetchval("SHOW work_mem"), "4MB")


async def main():
    connection, other = await connect(), await connect(statement_cache_size=0)
    for name, work in (("types", types), ("transactions", transactions), ("large result", large), ("copy", copying),
                       ("batches", batches), ("prepared", prepared)):
        with section(name):
            await work(connection)
    with section("no statement cache"):
        for number in range(20):
            equal(await other.fetchval("SELECT $1::int", number), number)
    with section("cancel"):
        await cancelling(connection, other)
    with section("notify"):
        await notifications(connection, other)
    with section("pool"):
        await pool()
    await connection.close()
    await other.close()


if __name__ == "__main__":
    asyncio.run(main())
