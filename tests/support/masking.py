"""One table with a column of every type, masked in six ways, and what must never be seen of it."""
import struct

import lab
import wire

KINDS = ("null", "redact", "hash", "range", "partial", "email")


class Type:
    """A column type: its values, the canary first, and pieces of the canary that no mask shows, as bytes."""

    def __init__(self, name, sql, canary, pieces, *others):
        self.name, self.sql, self.canary, self.pieces, self.others = name, sql, canary, pieces, others

    @property
    def column(self):
        return "c_" + self.name

    def value(self, row):
        """The literal of row 0 (the canary), 1 (NULL), 2, … ; the last one again behind the end."""
        if row == 0:
            return f"'{self.canary}'"
        return "NULL" if row == 1 else f"'{(self.others or (self.canary,))[min(row - 2, len(self.others) - 1)]}'"


def days(count):
    return struct.pack("!i", count)


TYPES = [
    Type("text", "text", "КАНАРКА-CANARY-text-日本語-tail", [b"CANARY-t", "КАНАРКА".encode(), "日本語".encode()], "", "é", "short",
         "12345678", "a@b@example.org", "@", "x" * 3000),
    Type("varchar", "varchar(20)", "CANARY@example.org", [b"CANARY"], "", "日本", "1234567", "12345678901234567890"),
    Type("char", "char(12)", "CANARYaBCDEF", [b"CANARY"], "", "a", "日本人日本人日本人日本人"),
    Type("int2", "int2", "-31337", [b"31337", b"1337"], "0", "32767", "-32768", "-1"),
    Type("int4", "int4", "1987654321", [b"98765", struct.pack("!i", 1987654321)], "0", "2147483647", "-2147483648", "-5"),
    Type("int8", "int8", "-6765432109876543", [b"76543210", struct.pack("!q", -6765432109876543)], "0",
         "9223372036854775807", "-9223372036854775808", "7"),
    Type("price", "numeric(12,2)", "9876543210.98", [b"8765432", struct.pack("!HH", 7654, 3210)], "0", "-9999999999.99",
         "0.01", "NaN"),
    Type("numeric", "numeric", "765432198765.4321", [b"6543219", struct.pack("!HHH", 7654, 3219, 8765)], "0", "NaN", "1e-1000",
         "-1e1000", "-0.00000000000000000001", "123"),
    Type("float4", "float4", "7.65432e+12", [b"65432", struct.pack("!f", 7.65432e12)], "0", "NaN", "Infinity", "-Infinity",
         "1e-45", "3.4028235e38", "-0"),
    Type("float8", "float8", "-123456789123456.78", [b"2345678912", struct.pack("!d", -123456789123456.78)], "0", "NaN",
         "Infinity", "-Infinity", "5e-324", "1.7976931348623157e308", "-0"),
    Type("date", "date", "1987-06-15", [b"87-06", days(-4583)], "infinity", "-infinity", "5874897-12-31", "4714-11-24 BC",
         "2000-02-29"),
    Type("timestamp", "timestamp(3)", "1987-06-15 13:14:15.678", [b"06-15", b"13:14", struct.pack("!q", -395923544322000)],
         "infinity", "-infinity", "294276-12-31 23:59:59.999", "4714-11-24 00:00:00 BC", "2000-02-29 00:00:00"),
    Type("timestamptz", "timestamptz", "1987-06-15 13:14:15.678+00", [b"06-15", b"13:14", struct.pack("!q", -395923544322000)],
         "infinity", "-infinity", "294276-12-31 00:00:00+00", "4714-11-24 00:00:00+00 BC", "2000-01-01 00:30:00+00"),
    Type("time", "time", "13:14:15.678901", [b":14:15", struct.pack("!q", 47655678901)], "00:00", "24:00:00", "23:59:59.999999"),
    Type("uuid", "uuid", "deadbeef-cafe-4bad-8f00-d15ea5e0c0de", [b"deadbeef", bytes.fromhex("deadbeefcafe")],
         "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
    Type("json", "json", '{"CANARY": "json", "n": 1}', [b"CANARY"], "null", "[]", "1e400", '"text"'),
    Type("jsonb", "jsonb", '{"CANARY": "jsonb", "n": 1}', [b"CANARY"], "null", "[]", "1e400", '"text"'),
    Type("bytea", "bytea", "CANARY-bytes", [b"CANARY", b"43414e415259"], "", "\\x00ff"),
    Type("bool", "bool", "true", [], "false"),
    Type("texts", "text[]", "{CANARY,CANARY-2}", [b"CANARY"], "{}", "{NULL}", "{{a,b},{c,d}}"),
    Type("varchars", "varchar(20)[]", "{CANARY,CANARY-2}", [b"CANARY"], "{}"),
    Type("inet", "inet", "203.0.113.77/24", [b"203.0", bytes([203, 0, 113, 77])], "::1", "0.0.0.0/0"),
    Type("mood", "mood", "CANARY glad", [b"CANARY"], "sad"),
    Type("code", "code", "CANARY-DOMAIN", [b"CANARY"], "AB", "CD-EFGH-IJKL-MNOP"),
    Type("short_code", "short_code", "CANARY-S", [b"CANARY"], "AB"),
    Type("citext", "citext", "CANARY@Example.org", [b"CANARY"], "", "Abc"),
    Type("name", "name", "CANARY-name-x", [b"CANARY"], "", "n"),
    Type("one_char", '"char"', "C", [], "d"),
    Type("interval", "interval(3)", "1987 days 13:14:15.678", [b"1987 days", b"13:14"], "0", "-1 mon"),
    Type("minutes", "interval minute to second", "13:14:15", [b"14:15"], "0"),
    Type("bits", "bit(12)", "101010101010", [b"101010101010"], "000000000000"),
    Type("varbits", "varbit(20)", "1010101010101", [b"1010101010101"], ""),
    Type("money", "money", "98765.43", [b"98,765"], "0"),
    Type("timetz", "timetz(2)", "13:14:15.67+00", [b"13:14"], "00:00+00"),
    Type("point", "point", "(13.14,15.16)", [b"13.14"], "(0,0)"),
    Type("range_of", "int4range", "[31337,41414)", [b"31337"], "empty"),
]
ROWS = 2 + max(len(kind.others) for kind in TYPES)
COLUMNS = [kind.column for kind in TYPES]
PIECES = sorted({piece for kind in TYPES for piece in kind.pieces})

SETUP = """
CREATE EXTENSION IF NOT EXISTS citext;
CREATE TYPE mood AS ENUM ('CANARY glad', 'sad');
CREATE DOMAIN code AS text CHECK (VALUE ~ '^[A-Z-]*$');
CREATE DOMAIN short_code AS varchar(10) NOT NULL DEFAULT 'X' CHECK (length(VALUE) < 9);
"""


def table(name, rows=ROWS):
    """SQL that makes the table and fills it. The domain that takes no NULL has its last value there."""
    columns = ", ".join(f"{kind.column} {kind.sql}" for kind in TYPES)
    def value(kind, row):
        return kind.value(2 if row == 1 and kind.name == "short_code" else row)
    values = ", ".join("(" + ", ".join([str(row), *(value(kind, row) for kind in TYPES)]) + ")" for row in range(rows))
    return f"CREATE TABLE {name} (id int PRIMARY KEY, {columns});" + (f"INSERT INTO {name} VALUES {values};" if rows else "")


def masks(name, kind, indent="      "):
    """YAML: every column but id masked in one way."""
    return "".join(f'{indent}"{name}.{column}": "{kind}"\n' for column in COLUMNS)


class Reply:
    """All that came back up to ReadyForQuery."""

    def __init__(self, messages):
        self.messages = messages
        self.bytes = b"".join(body for _, body in messages)
        self.errors = [wire.error_fields(body) for kind, body in messages if kind == "E"]
        self.code = self.errors[0]["C"] if self.errors else None
        self.rows = [cells(body) for kind, body in messages if kind == "D"]
        self.copied = b"".join(body for kind, body in messages if kind == "d")
        described = [body for kind, body in messages if kind == "T"]
        self.columns = description(described[-1]) if described else None
        self.tags = [body[:-1].decode() for kind, body in messages if kind == "C"]

    def canaries(self, pieces=None):
        return [piece for piece in (PIECES if pieces is None else pieces) if piece in self.bytes]


def cells(body):
    (count,), at, found = struct.unpack("!H", body[:2]), 2, []
    for _ in range(count):
        (length,) = struct.unpack("!i", body[at:at + 4])
        at += 4
        found.append(None if length < 0 else body[at:at + length])
        at += max(length, 0)
    return found


def description(body):
    """[(name, type OID, length, type modifier, format)]: without table and number, of which this is not about."""
    (count,), at, found = struct.unpack("!H", body[:2]), 2, []
    for _ in range(count):
        end = body.index(b"\0", at)
        _table, _number, oid, size, modifier, form = struct.unpack("!IhIhih", body[end + 1:end + 19])
        found.append((body[at:end].decode(), oid, size, modifier, form))
        at = end + 19
    return found


class Client:
    """A session that keeps every byte it was sent."""

    def __init__(self, port, user, database="postgres"):
        self.connection = wire.Connection(port, seconds=60)
        self.connection.login(user, database, lab.PASSWORD)
        self.watch = None  # is given every Reply

    def close(self):
        self.connection.socket.close()

    def send(self, data, replies=1):
        """One Reply for each ReadyForQuery that is expected."""
        self.connection.send(data)
        found = [Reply(self.connection.receive_until("Z")) for _ in range(replies)]
        for reply in found if self.watch else ():
            self.watch(reply)
        return found[0] if replies == 1 else found

    def query(self, sql):
        return self.send(wire.query(sql))

    def extended(self, sql, binary=False, described=True, values=(), rows=0, oids=()):
        return self.send(wire.parse("", sql, oids) + (wire.describe(b"S") if described else b"") +
                         wire.bind(values=values, result_formats=[1] if binary else []) + wire.execute(rows=rows) + wire.SYNC)

    def binary(self, sql):
        return self.extended(sql, binary=True)
