"""Every mask on every type over every way that rows take: the same values everywhere, valid in the type, described as without
a mask, and no byte of what is behind it."""
import csv
import io
import pathlib
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import masking  # noqa: E402
import wire  # noqa: E402
from masking import COLUMNS, KINDS, ROWS, TYPES  # noqa: E402

KEY = "masking: { key: sixteen characters or more }\n"
# Of the canary, by mask. Where a type is not named: `redact` if the mask has no meaning for it, NULL if there is no constant.
TEXTS = ("text", "varchar", "code", "short_code", "citext", "name")
ZEROS = {"int2": "0", "int4": "0", "int8": "0", "price": "0.00", "numeric": "0", "float4": "0", "float8": "0"}
DAY = {"date": "1970-01-01", "timestamp": "1970-01-01 00:00:00", "timestamptz": "1970-01-01 00:00:00+00", "time": "00:00:00"}
REDACTED = {**dict.fromkeys(TEXTS, "***"), **ZEROS, **DAY, "char": "***         ", "one_char": "*",
            "uuid": "00000000-0000-0000-0000-000000000000", "json": '"***"', "jsonb": '"***"', "bytea": "\\x", "texts": "{}",
            "varchars": "{}"}
YEAR = {"date": "1987-01-01", "timestamp": "1987-01-01 00:00:00", "timestamptz": "1987-01-01 00:00:00+00"}
EXPECTED = {
    "null": {},
    "redact": REDACTED,
    "range": {**REDACTED, **YEAR, "int2": "-30000", "int4": "1000000000", "int8": "-6000000000000000", "price": "9000000000.00",
              "numeric": "700000000000", "float4": "7e+12", "float8": "-100000000000000", "time": "13:00:00"},
    "partial": {**REDACTED, **YEAR, "text": "*" * 24 + "tail", "varchar": "*" * 14 + ".org", "char": "********CDEF",
                "code": "*" * 9 + "MAIN", "short_code": "****RY-S", "citext": "*" * 14 + ".org", "name": "*" * 9 + "me-x",
                "int4": "4321", "int8": "6543", "price": "3210.00", "numeric": "8765", "float8": "3457",
                "uuid": "00000000-0000-0000-0000-00000000c0de"},
    "email": {**REDACTED, "varchar": "***@example.org", "citext": "***@Example.org"},
}
HASHED = {*TEXTS, *ZEROS, *DAY, "char", "one_char", "uuid", "json", "jsonb", "bytea"}


def copy_text(data):
    escapes = {"\\": "\\", "n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v"}
    def cell(text):
        if text == "\\N":
            return None
        out, at = [], 0
        while at < len(text):
            if text[at] == "\\":
                at += 1
                out.append(escapes[text[at]])
            else:
                out.append(text[at])
            at += 1
        return "".join(out).encode()
    return [[cell(text) for text in line.split("\t")] for line in data.decode().splitlines()]


def copy_csv(data):
    return [[None if text == "NULL" else text.encode() for text in row] for row in csv.reader(io.StringIO(data.decode()))]


def copy_binary(data):
    assert data.startswith(b"PGCOPY\n\xff\r\n\0")
    at, rows = 19, []
    while struct.unpack("!h", data[at:at + 2])[0] >= 0:
        row = masking.cells(data[at:])
        rows.append(row)
        at += 2 + sum(4 + len(cell or b"") for cell in row)
    return rows


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        tables = "".join(masking.table("m_" + kind) for kind in KINDS)
        views = "".join(f"CREATE VIEW v_{kind} AS SELECT * FROM m_{kind}; CREATE VIEW w_{kind} AS SELECT * FROM v_{kind};"
                        for kind in KINDS)
        cls.lab.postgres.psql(masking.SETUP + tables + views + masking.table("plain", 0))
        masks = "".join(masking.masks("public.m_" + kind, kind) for kind in KINDS)
        cls.gateway = cls.lab.gateway(
            "version: 1\nstate_dir: state\n" + KEY + cls.lab.listen() + cls.lab.users("reader", "keeper") + "targets:\n" +
            cls.lab.target() + "policies:\n  - name: reads\n    who: { users: [reader] }\n    on: [postgres]\n"
            "    allow: [ { select: ['public.*'], copy_out: ['public.*'] } ]\n"
            "  - name: keeps\n    who: { users: [keeper] }\n    on: [postgres]\n    allow: [ { everything: true } ]\n"
            "  - name: masks\n    who: { users: [reader, keeper] }\n    on: [postgres]\n    mask:\n" + masks)

    def session(self, user="reader"):
        client = (masking.Client(self.lab.postgres.port, "postgres") if user is None else
                  masking.Client(self.gateway.port, user))
        self.addCleanup(client.close)
        return client


class Values(Case):
    def test_the_canary_is_masked_as_the_manual_says(self):
        reader = self.session()
        for kind, expected in EXPECTED.items():
            row = reader.query(f"SELECT * FROM m_{kind} ORDER BY id").rows[0][1:]
            shown = {column.name: cell and cell.decode() for column, cell in zip(TYPES, row) if cell is not None}
            self.assertEqual(shown, expected, kind)

    def test_null_stays_null_but_for_redact(self):
        reader = self.session()
        for kind in KINDS:
            row = dict(zip([column.name for column in TYPES], reader.query(f"SELECT * FROM m_{kind} WHERE id = 1").rows[0][1:]))
            del row["short_code"]  # takes no NULL
            if kind in ("null", "hash"):
                self.assertEqual(set(row.values()), {None}, kind)
            elif kind == "redact":
                self.assertEqual({name for name, cell in row.items() if cell is not None}, set(REDACTED) - {"short_code"})
            elif kind == "email":
                self.assertIsNone(row["text"])

    def test_hashes_are_valid_differ_and_hide(self):
        reader, direct = self.session(), self.session(None)
        masked, true = (client.query("SELECT * FROM m_hash ORDER BY id").rows for client in (reader, direct))
        for at, column in enumerate(TYPES, 1):
            with self.subTest(column.name):
                if column.name not in HASHED:
                    self.assertEqual({row[at] for row in masked}, {None})
                    continue
                self.assertNotEqual(masked[0][at], true[0][at])
                base = {"code": "text", "short_code": "varchar(10)"}.get(column.name, column.sql)  # no mask passes a domain's check
                again = direct.extended(f"SELECT $1::{base}", values=[masked[0][at]])
                self.assertEqual(again.rows, [[masked[0][at]]], again.errors)
                if column.name == "one_char":
                    continue  # one of sixteen
                for one in range(ROWS):
                    for other in range(ROWS):
                        self.assertEqual(masked[one][at] == masked[other][at], self.equal(column, true[one][at], true[other][at]))

    @staticmethod
    def equal(column, one, other):
        zeros = (b"0", b"-0")
        if column.name == "citext" and one and other:
            return one.lower() == other.lower()
        return one == other or (column.name in ("float4", "float8") and one in zeros and other in zeros)

    def test_settings_of_the_client_change_no_mask(self):
        """A hash would not join any more, and a year that begins when the client says tells the day and the hour."""
        reader, other = self.session(), self.session()
        for setting in ("timezone = 'America/New_York'", "datestyle = 'SQL, DMY'", "extra_float_digits = -10",
                        "bytea_output = escape", "intervalstyle = iso_8601"):
            self.assertIsNone(other.query("SET " + setting).code, setting)
        for kind in ("hash", "range", "partial"):
            for column in TYPES:
                sql = f"SELECT {column.column} FROM m_{kind} ORDER BY id"
                with self.subTest(sql):
                    self.assertEqual(other.binary(sql).rows, reader.binary(sql).rows)

    def test_equal_texts_of_citext_hash_alike(self):
        self.lab.postgres.psql("UPDATE m_hash SET c_citext = 'aBC' WHERE id IN (5); UPDATE m_hash SET c_citext = 'Abc' WHERE id = 6")
        rows = self.session().query("SELECT c_citext FROM m_hash WHERE id IN (5, 6)").rows
        self.assertEqual(rows[0], rows[1])


class Paths(Case):
    """Each path gives all rows, in text (as a simple query does) or in binary."""

    def paths(self, table):
        select = f"SELECT * FROM {table} ORDER BY id"
        names = ", ".join(["id", *COLUMNS])
        view, above = table.replace("m_", "v_"), table.replace("m_", "w_")
        many = wire.SYNC
        for form in (0, 1):
            bound = wire.bind("", "n", result_formats=[form])
            send = wire.parse("n", select) + wire.describe(b"S", "n") + bound + wire.execute() + bound + wire.execute() + many
            yield f"named statement {form}", form, lambda c, s=send: self.half(c.send(s + wire.close(b"S", "n") + wire.SYNC, 2)[0])
            yield f"described {form}", form, lambda c, f=form: c.extended(select, binary=f).rows
            yield f"not described {form}", form, lambda c, f=form: c.extended(select, binary=f, described=False).rows
            portal = wire.parse("", select) + wire.bind("p", "", result_formats=[form]) + b"".join(
                wire.execute("p", 2) for _ in range(ROWS)) + wire.SYNC
            yield f"portal {form}", form, lambda c, s=portal: c.send(s).rows
            cursor = f"DECLARE c {'BINARY' if form else ''} SCROLL CURSOR WITH HOLD FOR {select}"
            yield f"cursor {form}", form, lambda c, s=cursor: c.query(f"{s}; FETCH ALL FROM c; CLOSE c").rows
        for name, sql in {
                "simple": select, "TABLE": f"TABLE {table}", "ONLY": f"SELECT {names} FROM ONLY public.{table}",
                "CTE": f"WITH x AS (TABLE {table}) SELECT * FROM x", "sub-query": f"SELECT {names} FROM (SELECT * FROM {table}) s",
                "UNION ALL": f"SELECT * FROM {table} UNION ALL SELECT * FROM plain", "view": f"SELECT * FROM {view} ORDER BY id",
                "view over view": f"SELECT w.* FROM {above} w ORDER BY w.id",
                "join": f"SELECT t.* FROM {table} t JOIN (VALUES (1)) x(one) ON true ORDER BY t.id",
                "lateral": f"SELECT l.* FROM (VALUES (1)) x(one), LATERAL (SELECT * FROM {table}) l ORDER BY l.id",
                "PREPARE": f"PREPARE q AS {select}; EXECUTE q; DEALLOCATE q",
                "aliased columns": f"SELECT * FROM {table} AS x(a, b) ORDER BY a"}.items():
            yield name, 0, lambda c, s=sql: c.query(s).rows
        yield "COPY", 0, lambda c: copy_text(c.query(f"COPY {table} TO STDOUT").copied)
        yield "COPY columns", 0, lambda c: copy_text(c.query(f"COPY {table} ({names}) TO STDOUT").copied)
        yield "COPY query", 0, lambda c: copy_text(c.query(f"COPY ({select}) TO STDOUT").copied)
        yield "COPY csv", 0, lambda c: copy_csv(c.query(f"COPY {table} TO STDOUT (FORMAT csv, NULL 'NULL')").copied)
        yield "COPY view", 0, lambda c: copy_text(c.query(f"COPY (TABLE {view}) TO STDOUT").copied)
        yield "COPY binary", 1, lambda c: copy_binary(c.query(f"COPY {table} TO STDOUT (FORMAT binary)").copied)
        yield "COPY query binary", 1, lambda c: copy_binary(c.query(f"COPY ({select}) TO STDOUT (FORMAT binary)").copied)

    def half(self, reply):
        """Of a statement that ran twice."""
        self.assertEqual(reply.rows[:ROWS], reply.rows[ROWS:])
        return reply.rows[:ROWS]

    def test_every_path_gives_the_same_masked_rows(self):
        for user in ("reader", "keeper"):
            client = self.session(user)
            seen = []
            client.watch = seen.append
            for kind in KINDS:
                table = f"m_{kind}"
                reference = [client.query(f"SELECT * FROM {table} ORDER BY id").rows, client.binary(f"SELECT * FROM {table} ORDER BY id").rows]
                self.assertEqual([len(rows) for rows in reference], [ROWS, ROWS])
                for name, form, rows in self.paths(table):
                    with self.subTest(name, mask=kind, user=user):
                        del seen[:]
                        self.assertEqual(rows(client), reference[form], [reply.errors for reply in seen])
                        self.assertEqual([reply.canaries() for reply in seen if reply.canaries()], [])

    def test_what_a_table_made_of_masked_rows_holds_is_masked(self):
        keeper = self.session("keeper")
        for kind in KINDS:
            keeper.query("BEGIN")
            made = keeper.query(f"CREATE TABLE made AS TABLE m_{kind}; SELECT * FROM made ORDER BY id")
            self.assertEqual(made.rows, keeper.query(f"SELECT * FROM m_{kind} ORDER BY id").rows, made.errors)
            self.assertEqual(made.canaries(), [])
            keeper.query("ROLLBACK")

    def test_without_masks_every_canary_is_found(self):
        direct = self.session(None)
        seen = direct.query("SELECT * FROM m_null").bytes + direct.binary("SELECT * FROM m_null").bytes
        self.assertEqual([piece for piece in masking.PIECES if piece not in seen], [])

    def test_columns_are_described_as_without_a_mask(self):
        reader, direct = self.session(), self.session(None)
        for kind in KINDS:
            for sql in (f"SELECT * FROM m_{kind}", f"SELECT c_code, id, c_price FROM v_{kind}", f"SELECT * FROM w_{kind} w"):
                for form in ("extended", "binary"):
                    with self.subTest(sql, form=form):
                        self.assertEqual(getattr(reader, form)(sql).columns, getattr(direct, form)(sql).columns)


if __name__ == "__main__":
    unittest.main()
