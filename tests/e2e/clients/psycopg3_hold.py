"""One statement that is held, through psycopg 3; see ../approvals_test.py."""
import os
import sys
import threading

import psycopg


def cancel_when_told(cancelled):
    """For as long as there is something to be told by."""
    for line in sys.stdin:
        if line == "cancel\n":
            cancelled.cancel()


with psycopg.connect(user=os.environ["PGUSER"], dbname=os.environ["PGDATABASE"], autocommit=True) as connection:
    connection.add_notice_handler(lambda notice: print("NOTICE", notice.message_primary, flush=True))
    threading.Thread(target=cancel_when_told, args=(connection,), daemon=True).start()
    try:
        rows = connection.execute(sys.argv[1], (int(sys.argv[2]),)).fetchall()
        print("ROWS", ",".join(str(row[0]) for row in rows), flush=True)
    except psycopg.Error as error:
        print("ERROR", error.sqlstate, error.diag.message_primary, flush=True)
    # The connection goes on.
    try:
        print("THEN", connection.execute("SELECT count(*) FROM fruits").fetchone()[0], flush=True)
    except psycopg.Error as error:
        print("THEN", error.sqlstate, flush=True)
