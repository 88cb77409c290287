"""psycopg 3 over masked tables; see ../masks_test.py."""
import datetime
import decimal
import ipaddress
import json
import sys
import uuid

import psycopg

KINDS = ("null", "redact", "hash", "range", "partial", "email")
TYPES = {"text": str, "varchar": str, "char": str, "int2": int, "int4": int, "int8": int, "price": decimal.Decimal,
         "numeric": decimal.Decimal, "float4": float, "float8": float, "date": datetime.date, "timestamp": datetime.datetime,
         "timestamptz": datetime.datetime, "time": datetime.time, "uuid": uuid.UUID, "bytea": bytes, "bool": bool, "texts": list,
         "varchars": list, "inet": (ipaddress.IPv4Interface, ipaddress.IPv6Interface), "mood": str, "code": str, "citext": (str, bytes),
         "interval": datetime.timedelta, "json": object, "jsonb": object}


def columns(connection):
    return [row[0] for row in connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'm_null'::regclass AND attnum > 1 ORDER BY attnum")]


def read(connection, kind, column, binary):
    """The cells that Python has room for: years beyond 9999 and infinities it has not."""
    limits = {"date": "id NOT IN (2, 3, 4, 5)", "timestamp": "id NOT IN (2, 3, 4, 5)", "timestamptz": "id NOT IN (2, 3, 4, 5)"}
    where = limits.get(column[2:], "true")
    rows = connection.cursor(binary=binary).execute(f"SELECT {column} FROM m_{kind} WHERE {where} ORDER BY id").fetchall()
    for (value,) in rows:
        wanted = TYPES.get(column[2:], object)
        if value is not None and not isinstance(value, wanted):
            raise AssertionError(f"{kind}.{column}: {value!r} is no {wanted}")
        text = value.hex() if isinstance(value, bytes) else str(value)
        print("CELL " + json.dumps({"table": "m_" + kind, "column": column, "value": text}))


def main():
    with psycopg.connect("", autocommit=True) as connection:
        for column in columns(connection):
            for kind in KINDS:
                for binary in (False, True):
                    read(connection, kind, column, binary)
        again = [lambda: connection.execute("SELECT c_text FROM later WHERE id = 0", prepare=True).fetchone()[0],
                 lambda: connection.cursor(binary=True).execute("SELECT c_text FROM later WHERE id = %s", (0,), prepare=True).fetchone()[0]]
        for once in again * 3:
            if not once().startswith("КАНАРКА"):
                raise AssertionError("no mask yet")
        print("READY", flush=True)
        sys.stdin.readline()
        refused = 0
        for once in again:
            try:
                with connection.transaction():  # when it is rolled back, psycopg forgets what it has prepared
                    value = once()
            except psycopg.errors.FeatureNotSupported as error:
                if "cached plan must not change result type" not in str(error):
                    raise
                refused += 1
                value = once()
            print("LATER " + json.dumps(value))
        if not refused:
            raise AssertionError("a prepared statement went on without the mask")


main()
