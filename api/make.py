#!/usr/bin/env python3
"""Makes what the gateway embeds: the OpenAPI file as JSON, the reference page, the table of problems.

Usage: make.py FOLDER OUT
       make.py FOLDER --table     the table of operations in docs/api.md
       make.py FOLDER --problems  the table of problems in docs/troubleshooting.md
"""
import json
import pathlib
import sys

import yaml

import bundle
import reference


def c_string(text):
    """C++ string literals with commas between them: a compiler need not take more than 65536 characters in one."""
    pieces = [text[at:at + 8000] for at in range(0, len(text), 8000)] or [""]
    return ",\n".join(f'R"dbgate~({piece})dbgate~"' for piece in pieces) + "\n"


def problem_line(problem):
    return ("{" + ", ".join(str(problem[key]) if key == "status" else json.dumps(problem[key], ensure_ascii=False)
                            for key in ("code", "status", "title", "meaning", "remedy")) + "},\n")


def main():
    source, out = map(pathlib.Path, sys.argv[1:])
    document = bundle.Bundle(source).document
    if sys.argv[2] == "--table":
        print(reference.markdown_table(document), end="")
        return 0
    problems = yaml.safe_load((source / "problems.yaml").read_text(encoding="utf-8"))
    if sys.argv[2] == "--problems":
        print(reference.markdown_problems(problems), end="")
        return 0
    documented = document["components"]["schemas"]["ProblemCode"]["enum"]
    if documented != [problem["code"] for problem in problems]:
        print("make.py: ProblemCode in openapi.yaml and problems.yaml differ", file=sys.stderr)
        return 1
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    made = {"openapi.json": text, "openapi_json.inc": c_string(text),
            "reference_html.inc": c_string(reference.page(document, problems)),
            "style_css.inc": c_string((source / "style.css").read_text(encoding="utf-8")),
            "problems.inc": "".join(map(problem_line, problems))}
    for name, content in made.items():
        (out / name).write_text(content, encoding="utf-8")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (bundle.Broken, KeyError, yaml.YAMLError) as error:
        print(f"make.py: {error!r}", file=sys.stderr)
        sys.exit(1)
