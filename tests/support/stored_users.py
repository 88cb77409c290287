"""People in a SQLite store, put there behind the back of dbgate."""
import base64
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
    file.write_text(config, encoding="utf-8")
    file.chmod(0o600)
    subprocess.run([str(lab.GATEWAY), "rotate-keys", "--config", str(file)], check=True, capture_output=True, timeout=60)


def add_person(directory, name, password, must_change=False):
    """To the store of a gateway, which may run."""
    database = sqlite3.connect(directory / "state" / "dbgate.db", timeout=20)
    with database:
        identifier = "usr_" + base64.b32encode(os.urandom(17)).decode()[:26]
        database.execute("INSERT INTO users VALUES (?, ?, 'person', 'active', '', '', 'password', '{}', 'local', '', '', 1, 1, 1)",
                         (identifier, name))
        database.execute("INSERT INTO sign_ins (user_name, password_hash, must_change_password) VALUES (?, ?, ?)",
                         (name, argon2id(password), int(must_change)))
        database.execute("UPDATE directory SET generation = generation + 1")
    database.close()
