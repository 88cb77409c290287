#!/usr/bin/env python3
"""api/openapi.yaml as Redocly and Spectral see it, and whether Spectral's rules would see what they are for.

Usage: openapi_test.py; needs build/api-node (scripts/setup.sh), else it counts as skipped.
"""
import copy
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ROOT / "build" / "api-node" / "node_modules" / ".bin"
ENVIRONMENT = {**os.environ, "NO_COLOR": "1", "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}

sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "api"))
import bundle  # noqa: E402
import reference  # noqa: E402


def spectral(document):
    """What Spectral finds: (rule, path) pairs."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(document, file)
        file.flush()
        done = subprocess.run([TOOLS / "spectral", "lint", "--ruleset", ROOT / "api" / "spectral.yaml", "--format", "json", "--quiet",
                               "--fail-severity", "hint", file.name], capture_output=True, text=True, env=ENVIRONMENT, check=False)
    try:
        return [(found["code"], "/".join(map(str, found["path"]))) for found in json.loads(done.stdout or "[]")]
    except json.JSONDecodeError:
        raise AssertionError(done.stdout + done.stderr) from None


def redocly(file):
    done = subprocess.run([TOOLS / "redocly", "lint", "--config", ROOT / "api" / "redocly.yaml", "--format", "json", file],
                          capture_output=True, text=True, env=ENVIRONMENT, check=False)
    return [f"{problem['ruleId']}: {problem['message']}" for problem in json.loads(done.stdout)["problems"]]


LOGIN, ME, TARGETS = "/api/v1/login", "/api/v1/me", "/api/v1/targets"


def broken(good):
    """The document with one thing wrong for each rule of our own, and the names of these rules."""
    document = copy.deepcopy(good)
    paths, parts = document["paths"], document["components"]
    responses, me = parts["responses"], parts["schemas"]["Me"]
    paths[ME].update(delete={**copy.deepcopy(paths[ME]["get"]), "operationId": "drop-me"})  # also without 412 and 428
    for status in ("429", "401"):
        paths[ME]["get"]["responses"].pop(status)
    paths[ME]["get"].pop("x-dbgate-scope")
    paths[TARGETS]["get"]["x-dbgate-scope"] = "write"
    paths[LOGIN]["post"]["responses"].pop("413")
    responses["BadRequest"]["headers"].pop("X-Request-Id")
    responses["TooLarge"].pop("content")
    responses["NotFound"]["content"].update({"text/plain": {"example": "", "schema": {"type": "string"}}})
    paths[TARGETS]["get"]["responses"]["200"].pop("headers")
    paths[TARGETS]["get"]["responses"]["200"]["content"]["application/json"].pop("example")
    paths[TARGETS]["get"]["parameters"].append({"name": "sortBy", "in": "query", "description": "x", "schema": {"type": "string"}})
    me["properties"].update(userName={"type": "string"}, token_lifetime={"type": "integer"})
    me["properties"]["expires_at"].pop("format")
    me.pop("additionalProperties")
    rules = yaml.safe_load((ROOT / "api" / "spectral.yaml").read_text(encoding="utf-8"))["rules"]
    return document, [rule for rule in rules if rule.startswith("dbgate-")]


def documented(document):
    """Whether docs/api.md has the table of operations."""
    if reference.markdown_table(document) in (ROOT / "docs" / "api.md").read_text(encoding="utf-8"):
        return []
    return ["docs/api.md: the table of operations is old; api/make.py api --table prints it"]


def main():
    good = bundle.Bundle(ROOT / "api").document
    problems = documented(good)
    if problems:
        print(problems[0])
        return 1
    if not (TOOLS / "spectral").exists():
        print("openapi_test.py: build/api-node is not there (scripts/setup.sh test)")
        return 77
    problems = [f"Redocly: {problem}" for problem in redocly(ROOT / "api" / "openapi.yaml")]
    problems += [f"Spectral: {rule} at {path}" for rule, path in spectral(good)]
    document, rules = broken(good)
    seen = {rule for rule, _ in spectral(document)}
    problems += [f"Spectral does not see what {rule} is for" for rule in rules if rule not in seen]
    print("\n".join(problems) if problems else "openapi: ok")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
