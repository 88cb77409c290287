"""The store of a gateway, looked into and changed behind the back of dbgate: people who are put there."""
import base64
import contextlib
import ctypes
import os
import sqlite3
import subprocess

import lab

ARGON2ID, MEMORY_KIB, PASSES, LANES, HASH_BYTES = 2, 19 * 1024, 2, 1, 32


def argon2id(password):
    """PHC string format, by the library that the gateway uses."""
    salt = os.urandom(16)
    encoded = ctypes.create_string_buffer(200)
    failed = ctypes.CDLL("libargon2.so.1").argon2id_hash_encoded(
        PASSES, MEMORY_KIB, LANES, password.encode(), ctypes.c_size_t(len(password.encode())), salt, ctypes.c_size_t(len(salt)),
        ctypes.c_size_t(HASH_BYTES), encoded, ctypes.c_size_t(len(encoded)))
    assert failed == 0, failed
    return encoded.value.decode()


def make_store(directory, config):
    """The store of a gateway that will be started in `directory`."""
    directory.mkdir()
    file = directory / "gateway.yaml"
    file.write_text(lab.with_store(config, directory), encoding="utf-8")
    file.chmod(0o600)
    subprocess.run([str(lab.GATEWAY), "rotate-keys", "--config", str(file)], check=True, capture_output=True, timeout=60)


class Rows:
    """A connection to a store, whichever database it is in: one transaction, committed when it is left without an error."""

    def __init__(self, connection, mark):
        self._connection, self._mark = connection, mark

    def execute(self, sql, values=()):
        """Parameters are ?. Returns rows as dictionaries by column, or nothing."""
        cursor = self._connection.cursor()
        cursor.execute(sql.replace("?", self._mark), values)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row)) for row in cursor.fetchall()] if names else []


@contextlib.contextmanager
def opened(directory):
    """The store of the gateway in that directory, which may run."""
    stores = lab.Stores.current
    if stores is None:
        connection, mark = sqlite3.connect(directory / "state" / "dbgate.db", timeout=60, isolation_level="IMMEDIATE"), "?"
    else:
        import psycopg2  # pylint: disable=import-outside-toplevel  # not needed where there is no such store
        connection = psycopg2.connect(host="127.0.0.1", port=stores.server.port, user="postgres", password=lab.PASSWORD,
                                      dbname=stores.database, options=f"-c search_path={stores.schema(directory)}")
        mark = "%s"
    with contextlib.closing(connection), connection:
        yield Rows(connection, mark)


def add_person(directory, name, password, must_change=False):
    """To the store of a gateway, which may run."""
    with opened(directory) as store:
        identifier = "usr_" + base64.b32encode(os.urandom(17)).decode()[:26]
        store.execute("INSERT INTO users VALUES (?, ?, 'person', 'active', '', '', 'password', '{}', 'local', '', '', 1, 1, 1)",
                      (identifier, name))
        store.execute("INSERT INTO sign_ins (user_name, password_hash, must_change_password) VALUES (?, ?, ?)",
                      (name, argon2id(password), int(must_change)))
        store.execute("UPDATE directory SET generation = generation + 1")
