#!/usr/bin/env python3
"""Plays transcripts of messages and compares what comes back.

Usage: run.py [TRANSCRIPT…]

A transcript is a list of lines. `> Message arguments` sends (several in a row go out in one write), `< Message arguments` must come
back, exactly and in this order. `#` is a comment. `user NAME` says who signs in (default: postgres). Transcripts in neutral/ are played
against plain PostgreSQL first and then through dbgate, and must pass in both; those in policy/ only through dbgate, whose policy is
policy.yaml. Both databases hold what setup.sql makes.
"""
import ast
import pathlib
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import lab  # noqa: E402
import wire  # noqa: E402


def encode(name, arguments):
    """The bytes of one frontend message written as text."""
    simple = {"Sync": wire.SYNC, "Flush": wire.FLUSH, "Terminate": wire.TERMINATE, "CopyDone": wire.message(b"c")}
    if name in simple:
        return simple[name]
    if name == "Query":
        return wire.query(*arguments)
    if name == "Parse":
        return wire.parse(arguments[0], arguments[1], arguments[2:])
    if name == "Bind":
        values = [None if value is None else str(value).encode() for value in arguments[2:]]
        return wire.bind(arguments[0], arguments[1], values)
    if name == "Execute":
        return wire.execute(*arguments)
    if name in ("Describe", "Close"):
        kind = {"statement": b"S", "portal": b"P"}[arguments[0]]
        return (wire.describe if name == "Describe" else wire.close)(kind, arguments[1])
    if name == "CopyData":
        return wire.message(b"d", arguments[0].encode())
    if name == "CopyFail":
        return wire.message(b"f", wire.cstring(arguments[0]))
    if name == "FunctionCall":
        body = struct.pack("!IHH", arguments[0], 0, len(arguments) - 1)
        for value in arguments[1:]:
            body += struct.pack("!I", len(str(value))) + str(value).encode()
        return wire.message(b"F", body + struct.pack("!H", 0))
    raise ValueError(f"unknown frontend message {name}")


def strings(body):
    return [part.decode() for part in body.split(b"\0")[:-1]]


def row(body):
    values, at = [], 2
    for _ in range(struct.unpack("!H", body[:2])[0]):
        length = struct.unpack("!i", body[at:at + 4])[0]
        at += 4
        values.append(None if length < 0 else body[at:at + length].decode())
        at += max(length, 0)
    return values


def columns(body):
    found, at = [], 2
    for _ in range(struct.unpack("!H", body[:2])[0]):
        end = body.index(b"\0", at)
        found.append(f"{body[at:end].decode()}:{struct.unpack('!I', body[end + 7:end + 11])[0]}")
        at = end + 19
    return found


def decode(kind, body):
    """One backend message as its line in a transcript, without what differs between runs."""
    named = {"1": "ParseComplete", "2": "BindComplete", "3": "CloseComplete", "n": "NoData", "I": "EmptyQueryResponse",
             "s": "PortalSuspended", "c": "CopyDone", "G": "CopyInResponse", "H": "CopyOutResponse"}
    if kind in named:
        return named[kind]
    if kind == "Z":
        return f"ReadyForQuery {body.decode()}"
    if kind == "C":
        return f"CommandComplete {strings(body)[0]!r}"
    if kind == "D":
        return "DataRow " + " ".join(map(repr, row(body)))
    if kind == "T":
        return "RowDescription " + " ".join(columns(body))
    if kind == "t":
        count = struct.unpack("!H", body[:2])[0]
        return " ".join(["ParameterDescription", *map(str, struct.unpack(f"!{count}I", body[2:]))])
    if kind in ("E", "N"):
        fields = wire.error_fields(body)
        name = "ErrorResponse" if kind == "E" else "NoticeResponse"
        return f"{name} {fields['S']} {fields['C']}" + (f" at {fields['P']}" if "P" in fields else "")
    if kind == "d":
        return f"CopyData {body.decode()!r}"
    if kind == "S":
        return "ParameterStatus " + " ".join(strings(body))
    if kind == "A":
        return "NotificationResponse " + " ".join(map(repr, strings(body[4:])))
    if kind == "V":
        length = struct.unpack("!i", body[:4])[0]
        return f"FunctionCallResponse {None if length < 0 else body[4:].decode()!r}"
    return f"{kind} {body!r}"


def arguments_of(text):
    return list(ast.literal_eval(f"({text},)")) if text else []


def play(path, port, problems, where):
    user, sent, line_number = "postgres", b"", 0
    connection = None
    try:
        for line_number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            mark, _, rest = line.partition(" ")
            if mark == "user":
                user = rest
                continue
            if connection is None:
                connection = wire.Connection(port)
                connection.login(user, "postgres", lab.PASSWORD)
            name, _, arguments = rest.partition(" ")
            if mark == ">":
                sent += encode(name, arguments_of(arguments))
                continue
            if sent:
                connection.send(sent)
                sent = b""
            if mark != "<":
                raise ValueError(f"not a line of a transcript: {line}")
            got = "End" if rest == "End" and connection.at_end() else decode(*connection.receive())
            if got != rest:
                problems.append(f"{where}: {path.name}:{line_number}: expected {rest}, got {got}")
                return
        if sent:
            connection.send(sent)
        # Nothing may come that the transcript does not expect.
        connection.send(wire.query("/* the end */"))
        got = decode(*connection.receive())
        if got != "EmptyQueryResponse" and not path.read_text().rstrip().endswith("End"):
            problems.append(f"{where}: {path.name}: unexpected {got} at the end")
    except (OSError, EOFError, PermissionError, ValueError) as error:
        if not (line_number and path.read_text().rstrip().endswith("End")):
            problems.append(f"{where}: {path.name}:{line_number}: {error!r}")
    finally:
        if connection is not None:
            connection.socket.close()


def main():
    chosen = [pathlib.Path(name).resolve() for name in sys.argv[1:]]
    problems, played = [], 0
    with lab.Lab() as it:
        setup = (HERE / "setup.sql").read_text()
        policies = (HERE / "policy.yaml").read_text()
        gateway = it.gateway("version: 1\nstate_dir: state\n" + it.listen() + it.users("postgres", "reader") + "targets:\n" +
                             it.target() + policies)
        for path in sorted([*HERE.glob("neutral/*.txt"), *HERE.glob("policy/*.txt")]):
            if chosen and path not in chosen:
                continue
            ports = [("PostgreSQL", it.postgres.port)] if path.parent.name == "neutral" else []
            for where, port in [*ports, ("dbgate", gateway.port)]:
                it.postgres.psql(setup)
                play(path, port, problems, where)
                played += 1
    print("\n".join(problems))
    print(f"{played} transcripts played, {len(problems)} failed")
    return 1 if problems or not played else 0


if __name__ == "__main__":
    sys.exit(main())
