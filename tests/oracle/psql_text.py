"""Splits a psql script into statements, well enough for PostgreSQL's regression suite."""
import re

_TOKEN = re.compile(r"""
    --[^\n]* | /\*.*?\*/ | [eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*" | \$([A-Za-z_][\w]*)?\$ |
    \\[^\n]* | [A-Za-z_]\w* | :'\w+' | :"\w+" | ::? \w* | [;()] | .""", re.X | re.S)


_LEADING = re.compile(r"^(?:\s|--[^\n]*\n|/\*.*?\*/)+", re.S)


def statements(text, variables):
    """Yields the statements of a script. `variables` are psql's, and change with \\set."""
    parts, depth, atomic, at = [], 0, 0, 0
    previous = ""
    while at < len(text):
        match = _TOKEN.match(text, at)
        token, at = match[0], match.end()
        word = token.upper()
        if token.startswith("$") and len(token) > 1:
            end = text.find(token, at)
            end = len(text) if end < 0 else end + len(token)
            token, at = token + text[at:end], end
        elif token.startswith("\\"):
            if token.startswith("\\g") and not token.startswith("\\getenv") and parts:
                yield "".join(parts).strip()
                parts = []
            _command(token, variables)
            parts, depth = ([] if token.startswith("\\r") else parts), 0
            continue
        elif token == ";" and depth == 0 and atomic == 0:
            statement = _LEADING.sub("", "".join(parts)).strip()
            parts = []
            if statement:
                yield statement
            if re.match(r"COPY\b.*\bFROM\s+STD(?:IN|OUT)\b", statement, re.I | re.S):
                end = text.find("\n\\.", at)
                at = len(text) if end < 0 else end + 3
            continue
        elif token in "()":
            depth += 1 if token == "(" else -1
        elif word == "ATOMIC" and previous == "BEGIN" or word == "CASE" and atomic:
            atomic += 1
        elif word == "END" and atomic:
            atomic -= 1
        elif token.startswith(":") and not token.startswith("::"):
            token = _variable(token, variables)
        if not token.isspace():
            previous = word
        parts.append(token)
    if "".join(parts).strip():
        yield "".join(parts).strip()


def _command(line, variables):
    words = line.split()
    if words[0] == "\\set" and len(words) > 2:
        values = [variables.get(word[1:], word) if word.startswith(":") else word.strip("'") for word in words[2:]]
        variables[words[1]] = "".join(values)


def _variable(token, variables):
    name = token[1:].strip("'\"")
    if name not in variables:
        return token
    value = variables[name]
    if token[1] == "'":
        return "'" + value.replace("'", "''") + "'"
    return '"' + value + '"' if token[1] == '"' else value
