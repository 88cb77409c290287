"""Changes that are shown before they are committed, through psycopg 3; see ../commit_gate_drivers_test.py."""
import os
import sys

import psycopg

mode, *statements = sys.argv[1:]
with psycopg.connect(user=os.environ["PGUSER"], dbname=os.environ["PGDATABASE"], autocommit=True) as connection:
    try:
        if mode == "auto":
            for text in statements:
                connection.execute(text)
        elif mode == "batch":
            with connection.transaction(), connection.cursor() as cursor:
                cursor.executemany(statements[0].replace("?", "%s"), [(number,) for number in range(1, int(statements[1]) + 1)])
        else:
            with connection.transaction():
                for text in statements:
                    connection.execute(text)
        print("STATE 00000", flush=True)
    except psycopg.Error as error:
        print("STATE", error.sqlstate, error.diag.message_primary, flush=True)
    print("THEN", connection.execute("SELECT count(*) FROM shops").fetchone()[0], flush=True)
