"""Sessions whose server connections are shared: speaking with them, disturbing them, and what is left on one."""
import struct
import threading

import lab
import wire


class Result:
    """What one query, or everything up to a Sync, was answered with."""

    def __init__(self, messages):
        self.messages = messages
        self.rows = [decode_row(body) for kind, body in messages if kind == "D"]
        self.tags = [body[:-1].decode() for kind, body in messages if kind == "C"]
        errors = [wire.error_fields(body) for kind, body in messages if kind == "E"]
        self.error = errors[0] if errors else None
        self.code = self.error["C"] if self.error else ""
        self.status = messages[-1][1].decode() if messages[-1][0] == "Z" else "closed"
        self.types = "".join(kind for kind, _ in messages if kind not in "SN")

    def value(self):
        if self.error or not self.rows:
            raise AssertionError(f"no value: {self.error or self.types}")
        return self.rows[0][0]

    def __repr__(self):
        return f"<{self.types} {self.rows[:3]} {self.error or ''}>"


def decode_row(body):
    count, at, fields = struct.unpack("!H", body[:2])[0], 2, []
    for _ in range(count):
        size = struct.unpack("!i", body[at:at + 4])[0]
        fields.append(None if size < 0 else body[at + 4:at + 4 + size].decode())
        at += 4 + max(size, 0)
    return tuple(fields)


class Session(wire.Connection):
    """A signed-in client that speaks the protocol by hand."""

    def __init__(self, port, user="postgres", database="postgres", seconds=30, version=wire.PROTOCOL_3_0, **parameters):
        super().__init__(port, seconds)
        try:
            self.login(user, database, lab.PASSWORD, version=version, **parameters)
        except BaseException:
            self.socket.close()
            raise

    def answer(self):
        """Everything up to ReadyForQuery, or to the end of the connection."""
        messages = []
        while not messages or messages[-1][0] != "Z":
            try:
                messages.append(self.receive())
            except (EOFError, ConnectionError):
                if not messages:
                    raise
                break
        return Result(messages)

    def run(self, sql):
        self.send(wire.query(sql))
        return self.answer()

    def run_extended(self, sql, values=(), name="", portal=""):
        values = [str(value).encode() if value is not None else None for value in values]
        self.send(wire.parse(name, sql) + wire.bind(portal, name, values) + wire.describe(b"P", portal) + wire.execute(portal) +
                  wire.SYNC)
        return self.answer()

    def run_prepared(self, name, values=()):
        values = [str(value).encode() if value is not None else None for value in values]
        self.send(wire.bind("", name, values) + wire.execute() + wire.SYNC)
        return self.answer()

    def prepare(self, name, sql, oids=()):
        self.send(wire.parse(name, sql, oids) + wire.SYNC)
        return self.answer()

    def value(self, sql):
        return self.run(sql).value()

    def must(self, sql):
        """Runs what has to succeed; returns its result."""
        result = self.run(sql)
        if result.error:
            raise AssertionError(f"{sql}: {result.error}")
        return result

    def server_pid(self):
        return int(self.value("SELECT pg_backend_pid()"))

    def leave(self, rudely=False):
        if not rudely:
            self.send(wire.TERMINATE)
        self.socket.close()


class Churner:
    """Clients that keep taking the server connections from others, and watch that their own state is kept meanwhile."""

    PAUSE_SECONDS = 0.002

    def __init__(self, connect, clients=4):
        self.problems, self.rounds = [], 0
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(connect, number), daemon=True) for number in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stopped.set()
        for thread in self._threads:
            thread.join(60)

    def _work(self, connect, number):
        try:
            with connect() as session:
                session.must(f"SET TimeZone = '+{number + 1}'; SET churn.number = '{number}'")
                session.prepare("mine", f"SELECT {number}, $1::int")
                while not self._stopped.wait(self.PAUSE_SECONDS):
                    self._round(session, number)
                    self.rounds += 1
                session.leave()
        except Exception as fault:  # whatever it is, whoever uses this has to hear of it
            self.problems.append(f"churner {number}, after {self.rounds} rounds: {fault!r}")

    @staticmethod
    def _round(session, number):
        sql = "SELECT current_setting('TimeZone'), current_setting('churn.number')"
        got = [session.must(sql).rows, session.run_prepared("mine", [7]).rows, session.must(f"BEGIN; {sql}; COMMIT").rows]
        state, prepared = [(f"<+{number + 1:02}>-{number + 1:02}", str(number))], [(str(number), "7")]
        if got != [state, prepared, state]:
            raise AssertionError(f"found {got}, expected {state} and {prepared}")


# What a session can leave on a server connection, as the next one sees it. Each query is one kind; its result must be
# that of a connection nobody has used. An error is a result as well. PL/pgSQL's own settings appear with its first use.
TRACES = {
    "settings": "SELECT name, setting, reset_val FROM pg_settings WHERE name <> 'application_name' AND name NOT LIKE 'plpgsql.%' "
                "ORDER BY name",
    "hidden settings": "SELECT current_setting('role'), current_setting('session_authorization'), session_user, current_user",
    "custom settings": "SELECT coalesce(current_setting('app.secret', true), '')",
    "search_path": "SELECT current_setting('search_path'), current_schemas(false)::text",
    "prepared statements": "SELECT name, statement FROM pg_prepared_statements ORDER BY name",
    "cursors": "SELECT name, statement FROM pg_cursors WHERE name <> '' ORDER BY name",
    "advisory locks": "SELECT locktype, classid, objid, mode FROM pg_locks WHERE locktype = 'advisory'",
    "locks of tables": "SELECT relation::regclass::text, mode FROM pg_locks WHERE relation = 'leak.kept'::regclass",
    "channels": "SELECT pg_listening_channels()",
    "temporary relations": "SELECT relname FROM pg_class WHERE relnamespace = pg_my_temp_schema() ORDER BY relname",
    "temporary functions": "SELECT proname FROM pg_proc WHERE pronamespace = pg_my_temp_schema()",
    "lastval": "SELECT lastval()",
    "currval": "SELECT currval('leak.numbers')",
    "large object": "SELECT loread(0, 10)",
    "transaction": "SELECT txid_current_if_assigned(), now() = statement_timestamp()",
    "rows of others": "SELECT count(*) FROM leak.kept WHERE number < 0",
}


def traces(session):
    """{kind: what is seen}, and the transaction status before anything was done."""
    found = {}
    for kind, sql in TRACES.items():
        result = session.run(sql)
        found[kind] = result.code or result.rows
        if result.status != "I":
            raise AssertionError(f"a transaction is open after {sql}: {result}")
    return found


def differences(found, fresh):
    """What the second does not have, kind by kind, as text for a person."""
    lines = []
    for kind, expected in fresh.items():
        if found[kind] == expected:
            continue
        if isinstance(found[kind], list) and isinstance(expected, list):
            lines.append(f"{kind}: leaked {[row for row in found[kind] if row not in expected]}, "
                         f"instead of {[row for row in expected if row not in found[kind]]}")
        else:
            lines.append(f"{kind}: {found[kind]} instead of {expected}")
    return lines
