"""Receipts of audit records through psycopg 3 and libpq's pipeline mode; see ../receipts_test.py."""
import psycopg

with psycopg.connect(options="-c dbgate.receipts=on", autocommit=True) as connection:
    connection.add_notice_handler(lambda notice: print("RECEIPT", notice.sqlstate, notice.message_detail))
    print("ROW", connection.execute("SELECT %s::int + 1", (41,)).fetchone()[0])
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE fruits (id int)")
        with cursor.copy("COPY fruits FROM STDIN") as copy:
            copy.write("1\n2\n")
        print("ROW", cursor.execute("SELECT count(*) FROM fruits").fetchone()[0])
    with connection.pipeline():
        cursors = [connection.execute("SELECT %s::int", (number,)) for number in (7, 8)]
        print("ROW", *[cursor.fetchone()[0] for cursor in cursors])
    try:
        connection.execute("SELECT 1 / %s::int", (0,))
    except psycopg.errors.DivisionByZero as error:
        print("ERROR", error.sqlstate)
