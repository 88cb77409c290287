#!/usr/bin/env python3
"""Fails when a room includes another room, or a library, that the table of docs/architecture.md does not allow.

Usage: check_includes.py ROOT | --self-test
"""
import pathlib
import re
import sys

# room -> (rooms whose headers it may include, regular expressions of library headers it may include).
# The C and C++ standard libraries and POSIX are free for all; anything not named here is forbidden.
STD = r"[a-z_0-9]+|(sys|netinet|arpa|netdb)/[a-z_0-9]+\.h|[a-z_0-9]+\.h"
RESULT = r"boost/system/.*|boost/assert/.*"
ASIO = r"boost/asio/.*"
OPENSSL = r"openssl/.*"
ROOMS = {
    "protocol": ([], [RESULT]),
    "config": ([], [r"yaml-cpp/.*", RESULT]),
    "gateway/base": (["protocol"], [RESULT, r"boost/asio/awaitable\.hpp"]),
    "gateway/telemetry": (["gateway/base"], [RESULT]),
    "gateway/sql": (["gateway/base"], [RESULT, r"pg_query.*", r"nodes/.*", r"postgres\.h", r"utils/.*", r"parser/.*",
                                       r"catalog/.*", r"commands/.*", r"lib/.*", r"access/.*"]),
    "gateway/catalog": (["gateway/base", "gateway/sql"], [RESULT]),
    "gateway/policy": (["gateway/base", "gateway/sql", "gateway/catalog", "config"], [RESULT]),
    "gateway/rewrite": (["gateway/base", "gateway/sql", "gateway/catalog", "gateway/policy", "config"], [RESULT]),
    "gateway/risk": (["gateway/base", "gateway/sql", "gateway/catalog", "config"], [RESULT]),
    "gateway/audit": (["gateway/base"], [RESULT, OPENSSL, r"zstd\.h"]),
    "gateway/auth": (["gateway/base", "protocol"], [RESULT, OPENSSL]),
    "gateway/proof": (["gateway/base", "gateway/audit", "gateway/auth"], [RESULT, OPENSSL, r"boost/json.*"]),
    "gateway/ports": (["gateway/base", "gateway/telemetry", "gateway/sql", "gateway/catalog", "gateway/policy", "gateway/audit", "config"],
                      [RESULT]),
    "gateway/identity": (["gateway/base", "gateway/auth", "gateway/ports", "config"],
                         [RESULT, OPENSSL, r"boost/json.*", r"boost/url.*", r"boost/crc\.hpp", r"liboath/oath\.h"]),
    "gateway/models": (["gateway/base", "gateway/telemetry", "gateway/auth", "gateway/sql", "gateway/catalog", "gateway/risk", "gateway/ports", "config"],
                       [RESULT, r"boost/json.*"]),
    "gateway/net": (["gateway/base"], [RESULT, ASIO, OPENSSL]),
    "gateway/upstream": (["gateway/base", "gateway/telemetry", "protocol", "gateway/auth", "gateway/net"], [RESULT, ASIO]),
    "gateway/show": (["protocol", "gateway/base", "gateway/sql", "gateway/ports", "gateway/upstream"], [RESULT]),
    "gateway/session": (["protocol", "gateway/base", "gateway/telemetry", "gateway/sql", "gateway/catalog", "gateway/policy", "gateway/rewrite", "gateway/risk",
                         "gateway/models", "gateway/auth", "gateway/audit", "gateway/ports", "gateway/upstream", "gateway/show", "gateway/net"], [RESULT]),
    "gateway/queries": (["protocol", "gateway/base", "gateway/audit", "gateway/net", "gateway/ports"], [RESULT, ASIO]),
    "gateway/rehearsal": (["gateway/base", "config", "gateway/sql", "gateway/policy", "gateway/audit", "gateway/session"],
                          [RESULT, r"boost/json.*"]),
    "gateway/search": (["gateway/base", "gateway/audit", "gateway/ports"], [RESULT, r"boost/json.*"]),
    "gateway/sinks": (["gateway/base", "gateway/telemetry", "gateway/audit", "gateway/auth", "gateway/proof", "gateway/search", "gateway/ports", "config"],
                      [RESULT, r"boost/json.*"]),
    "gateway/webhooks": (["gateway/base", "gateway/auth", "gateway/ports", "config"], [RESULT, r"boost/json.*"]),
    "gateway/adapters": (["gateway/base", "gateway/telemetry", "gateway/ports", "gateway/policy", "gateway/audit", "gateway/proof",
                          "gateway/sql", "gateway/catalog", "config", "gateway/auth", "gateway/identity"],
                         [RESULT, r"spdlog/.*", r"prometheus/.*", r"curl/.*", r"sqlite3\.h", r"argon2\.h",
                          r"libpq-fe\.h", r"librdkafka/.*", r"cjose/.*", OPENSSL, r"boost/json.*"]),
    "gateway/api": (["gateway/base", "gateway/telemetry", "gateway/ports", "gateway/policy", "gateway/sql", "gateway/audit", "config",
                     "gateway/net", "gateway/queries"], [RESULT, ASIO, OPENSSL, r"boost/beast/.*", r"boost/json.*", r"boost/url.*",
                                      r"boost/optional.*"]),
    "gateway/app": (None, [r".*"]),
    "cli": (["protocol", "config", "gateway/base", "gateway/net", "gateway/audit", "gateway/proof", "gateway/auth", "gateway/rehearsal",
             "gateway/search", "gateway/queries"],
            [RESULT, ASIO, OPENSSL, r"boost/beast/.*", r"boost/json.*", r"boost/url.*", r"CLI/.*", r"yaml-cpp/.*", r"libpq-fe\.h"]),
}
# Of a room, only these headers are visible to the named other room.
ONLY = {("gateway/show", "gateway/sql"): {"gateway/sql/tokens.h"},
        ("gateway/show", "gateway/ports"): {"gateway/ports/gateway_service.h"},
        ("gateway/show", "gateway/upstream"): {"gateway/upstream/pool_view.h"},
        ("gateway/adapters", "gateway/identity"): {"gateway/identity/sealing.h"},
        ("gateway/models", "gateway/auth"): {"gateway/auth/digests.h"},
        ("gateway/session", "gateway/models"): {"gateway/models/brief.h", "gateway/models/combine.h", "gateway/models/record.h"},
        ("gateway/session", "gateway/net"): {"gateway/net/stream.h", "gateway/net/parked_stream.h", "gateway/net/race.h"},
        ("gateway/api", "gateway/queries"): {"gateway/queries/render.h"},
        ("gateway/proof", "gateway/auth"): {"gateway/auth/digests.h"},
        ("gateway/sinks", "gateway/auth"): {"gateway/auth/digests.h"},
        ("gateway/sinks", "gateway/proof"): {"gateway/proof/entries.h"},
        ("gateway/sinks", "gateway/search"): {"gateway/search/log_view.h", "gateway/search/record.h"},
        ("cli", "gateway/search"): {"gateway/search/matcher.h"},
        ("cli", "gateway/queries"): {"gateway/queries/format.h"},
        ("gateway/rehearsal", "gateway/session"): {"gateway/session/policy_judge.h"}}
# Headers that only these rooms may see: what serves must not judge by names alone.
RESERVED = {"gateway/policy/treat_by_names.h": {"gateway/policy", "gateway/rehearsal"}}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def room_of(path):
    parts = pathlib.PurePosixPath(path).parts
    if parts[0] == "gateway" and len(parts) > 1:
        return "/".join(parts[:2])
    return parts[0]


def check_line(room, line):
    """Returns what is wrong with one source line of a room, or None."""
    match = INCLUDE.match(line)
    if not match:
        return None
    allowed_rooms, libraries = ROOMS[room]
    bracket, header = match.groups()
    if bracket == '"':
        if header.endswith(".inc") and "/" not in header:
            return None  # generated beside the room's objects
        target = room_of(header)
        if target not in ROOMS:
            return f'"{header}" does not name a room: write the path from the repository root'
        if room not in RESERVED.get(header, {room}):
            return f'"{header}" is for {", ".join(sorted(RESERVED[header]))} alone'
        if target == room or allowed_rooms is None:
            return None
        if target not in allowed_rooms:
            return f'{room} may not include {target} ("{header}")'
        only = ONLY.get((room, target))
        if only is not None and header not in only:
            return f'{room} may include only {", ".join(sorted(only))} of {target}, not "{header}"'
        return None
    if header == "boost/asio.hpp":
        return "name the piece of Asio that is needed instead of <boost/asio.hpp>"
    if re.fullmatch(STD, header) or any(re.fullmatch(pattern, header) for pattern in libraries):
        return None
    return f"{room} may not include <{header}>"


def check_tree(root):
    problems = []
    for top in ("protocol", "config", "gateway", "cli"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in (".h", ".cpp", ".c"):
                continue
            relative = path.relative_to(root).as_posix()
            room = room_of(relative)
            if room not in ROOMS:
                problems.append(f"{relative}: {room} is not a room of docs/architecture.md")
                continue
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                problem = check_line(room, line)
                if problem:
                    problems.append(f"{relative}:{number}: {problem}")
    return problems


def self_test():
    cases = [
        ("protocol", '#include "gateway/base/error.h"', False),
        ("protocol", "#include <boost/asio/buffer.hpp>", False),
        ("protocol", "#include <boost/system/result.hpp>", True),
        ("gateway/policy", '#include "gateway/net/stream.h"', False),
        ("gateway/policy", "#include <chrono>", True),
        ("gateway/session", '#include "gateway/net/listener.h"', False),
        ("gateway/session", '#include "gateway/net/stream.h"', True),
        ("gateway/session", "#include <openssl/ssl.h>", False),
        ("gateway/app", '#include "gateway/adapters/log.h"', True),
        ("gateway/net", "#include <boost/asio.hpp>", False),
        ("cli", '#include "gateway/session/session.h"', False),
        ("gateway/session", '#include "gateway/policy/treat_by_names.h"', False),
        ("gateway/app", '#include "gateway/policy/treat_by_names.h"', False),
        ("gateway/rehearsal", '#include "gateway/policy/treat_by_names.h"', True),
    ]
    wrong = [(room, line) for room, line, fine in cases if (check_line(room, line) is None) != fine]
    for room, line in wrong:
        print(f"self-test: wrong answer for {room}: {line}")
    return 1 if wrong else 0


def main():
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    if sys.argv[1] == "--self-test":
        return self_test()
    problems = check_tree(pathlib.Path(sys.argv[1]))
    print("\n".join(problems) if problems else "includes: ok")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
