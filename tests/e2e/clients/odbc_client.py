"""psqlODBC by pyodbc: what Access, Excel and BI tools speak. It prepares on the server, with savepoints around statements."""
import datetime
import decimal
import os
import threading

import pyodbc

from checks import CANCEL_SECONDS, ROWS, SLEEPING, equal, poll, section, within

DRIVER = "PostgreSQL Unicode"
# The ways in which the driver sends statements: prepared on the server or not, cursors, what an error undoes.
WAYS = {"as it is": "", "cursors": "UseDeclareFetch=1;Fetch=100", "texts": "UseServerSidePrepare=0",
        "errors undo statements": "Protocol=7.4-2", "errors undo transactions": "Protocol=7.4-1", "errors undo nothing": "Protocol=7.4-0",
        "settings": "ConnSettings=SET+DateStyle+TO+ISO%3BSET+work_mem+TO+%2764MB%27"}


def connect(options):
    server = {name: os.environ[variable] for name, variable in (
        ("Server", "PGHOST"), ("Port", "PGPORT"), ("Database", "PGDATABASE"), ("Uid", "PGUSER"), ("Pwd", "PGPASSWORD"), ("SSLmode", "PGSSLMODE"))}
    return pyodbc.connect(f"Driver={{{DRIVER}}};" + ";".join(f"{name}={value}" for name, value in server.items()) + f";{options}",
                          autocommit=False, timeout=20)


def value(connection, sql, *parameters):
    return connection.cursor().execute(sql, *parameters).fetchval()


def state(connection, sql, *parameters):
    """The SQLSTATE that it fails with."""
    try:
        connection.cursor().execute(sql, *parameters)
    except pyodbc.Error as error:
        return error.args[0]
    return ""


def create(connection):
    cursor = connection.cursor()
    cursor.execute("DROP TABLE IF EXISTS e2e.line, e2e.item")
    cursor.execute("CREATE TABLE e2e.item (id serial PRIMARY KEY, name varchar(50) NOT NULL, price numeric(10,2), made timestamp, ok boolean,"
                   " data bytea, doc text)")
    cursor.execute("CREATE TABLE e2e.line (id int PRIMARY KEY, item int REFERENCES e2e.item (id))")
    connection.commit()


def values(connection):
    cursor = connection.cursor()
    row = ("O'x\\ žlutý", decimal.Decimal("1.25"), datetime.datetime(2024, 1, 2, 3, 4, 5), b"\x00\xff", "ü" * 3000)
    cursor.execute("INSERT INTO e2e.item (name, price, made, data, doc) VALUES (?, ?, ?, ?, ?)", *row)
    cursor.executemany("INSERT INTO e2e.item (name, price) VALUES (?, ?)", [(f"n{i}", i) for i in range(60)])
    connection.commit()
    equal(tuple(cursor.execute("SELECT name, price, made, data, doc FROM e2e.item WHERE name = ?", row[0]).fetchone()), row)
    equal(tuple(cursor.execute("SELECT ?::int, ?::text, ?::date", None, "x", datetime.date(2024, 2, 29)).fetchone()),
          (None, "x", datetime.date(2024, 2, 29)))
    equal(value(connection, "INSERT INTO e2e.item (name) VALUES (?) RETURNING name", "r"), "r")
    connection.rollback()
    equal(value(connection, "SELECT count(*) FROM e2e.item"), 61)
    connection.commit()


def statements(connection):
    """Several at once, the same ones again, in transactions and between them."""
    first, second = connection.cursor(), connection.cursor()
    for _ in range(3):
        for price in (1, 2, 3):
            equal(first.execute("SELECT name FROM e2e.item WHERE price = ?", price).fetchval(), f"n{price}")
            second.execute("UPDATE e2e.item SET ok = true WHERE price = ?", price)
            equal(second.rowcount, 1)
        connection.commit()
    first.execute("SELECT id FROM e2e.item ORDER BY id")
    begun = first.fetchmany(7)
    equal((len(begun), second.execute("SELECT count(*) FROM e2e.item").fetchval()), (7, 61))
    equal(len(begun) + len(first.fetchall()), 61)
    first.execute("SELECT 1; SELECT 'two'")
    equal((first.fetchval(), first.nextset(), first.fetchval()), (1, True, "two"))
    connection.commit()


def errors(connection, keeps):
    connection.cursor().execute("INSERT INTO e2e.item (name) VALUES (?)", "kept")
    equal(state(connection, "SELECT 1 / ?::int", 0), "22012")
    if keeps:
        equal(value(connection, "SELECT count(*) FROM e2e.item WHERE name = ?", "kept"), 1)
    connection.rollback()
    equal(value(connection, "SELECT count(*) FROM e2e.item WHERE name = ?", "kept"), 0)
    equal(state(connection, "SELECT nothing FROM e2e.item"), "42703")
    connection.rollback()
    equal(state(connection, "INSERT INTO e2e.line VALUES (?, ?)", 1, -1), "23503")
    connection.rollback()


def catalog(connection):
    cursor = connection.cursor()
    equal(sorted(row.table_name for row in cursor.tables(schema="e2e", tableType="TABLE")), ["item", "line"])
    equal([row.type_name for row in cursor.columns(table="line", schema="e2e")], ["int4", "int4"])
    equal([row.column_name for row in cursor.primaryKeys("item", schema="e2e")], ["id"])
    equal([(row.pktable_name, row.fktable_name) for row in cursor.foreignKeys(table="item", schema="e2e")], [("item", "line")])
    connection.commit()


def autocommit(connection):
    connection.autocommit = True
    cursor = connection.cursor()
    for _ in range(3):
        cursor.execute("UPDATE e2e.item SET price = price + 1 WHERE name = ?", "n1")
        equal(cursor.rowcount, 1)
    equal(state(connection, "SELECT 1 / ?::int", 0), "22012")
    equal(value(connection, "SELECT price FROM e2e.item WHERE name = ?", "n1"), decimal.Decimal(4))
    connection.autocommit = False


def cancels(connection):
    cursor, watching, said = connection.cursor(), connect(""), []
    watching.autocommit = True

    def sleep():
        try:
            cursor.execute("SELECT pg_sleep(30)")
        except pyodbc.Error as error:
            said.append(error.args[0])

    with within(CANCEL_SECONDS, "cancelling"):
        sleeper = threading.Thread(target=sleep)
        sleeper.start()
        poll(lambda: value(watching, SLEEPING) == 1, "pg_sleep runs")
        cursor.cancel()
        sleeper.join()
    equal(said, ["57014"])
    watching.close()
    connection.rollback()
    equal(value(connection, "SELECT 5"), 5)
    connection.commit()


def main():
    for way, options in WAYS.items():
        with section(way):
            connection = connect(options)
            create(connection)
            values(connection)
            statements(connection)
            errors(connection, keeps=options in ("", "Protocol=7.4-2"))
            catalog(connection)
            autocommit(connection)
            if not options:
                equal(len(connection.cursor().execute(f"SELECT i, i::text FROM generate_series(1, {ROWS}) i").fetchall()), ROWS)
                cancels(connection)
            connection.close()


main()
