"""What a client costs that is logged in and does nothing: memory of the proxy, in front of a server that does nothing."""
import contextlib
import functools
import hashlib
import ssl
import time

from contestants import DATABASE, EVERYTHING, Arena, Stub, lab
import wire

# All log in with one verifier: its derivation is the client's work, not the proxy's.
hashlib.pbkdf2_hmac = functools.lru_cache(maxsize=16)(hashlib.pbkdf2_hmac)


# Whoever puts idle clients away does so after a while.
IDLE_SECONDS = 6
SAMPLE_SECONDS = 0.5


def settled(contestant):
    """Its memory, once the clients have been idle for a while and it has stopped changing."""
    unchanged, before = 0, None
    for _ in range(60):
        now = contestant.memory()
        unchanged = unchanged + 1 if now == before else 0
        if unchanged * SAMPLE_SECONDS >= IDLE_SECONDS:
            break
        before = now
        time.sleep(SAMPLE_SECONDS)
    return before


def log_in(port, tls, context):
    connection = wire.Connection(port, 60)
    if tls:
        connection.send(wire.packet(wire.SSL_REQUEST))
        if connection.read_exactly(1) != b"S":
            raise AssertionError("no TLS")
        connection.socket = context.wrap_socket(connection.socket)
    connection.login("postgres", DATABASE, lab.PASSWORD)
    return connection


def measure(laboratory, clients, tls):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    results = {}
    with contextlib.ExitStack() as stack:
        arena = Arena(laboratory, stack, Stub(stack).port)
        label = f"pgbouncer-{clients}-{tls}"
        for contestant in (arena.pgbouncer("transaction", label), arena.dbgate(policies=EVERYTHING)):
            settled(contestant)  # what it gives back after starting is not to be taken for what clients cost
            with contextlib.ExitStack() as sockets:
                for _ in range(20):
                    sockets.callback(log_in(contestant.port, tls, context).socket.close)
                base, own = settled(contestant)
                for _ in range(clients):
                    sockets.callback(log_in(contestant.port, tls, context).socket.close)
                each = (settled(contestant)[1] - own) / clients / 1024
                name = contestant.name.replace(label, "pgbouncer-transaction")
                results[name] = {"kb_each": round(each, 2), "base_mb": round(base / 1048576, 1)}
    return results

