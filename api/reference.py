"""The reference page: HTML made from the OpenAPI document, without scripts and outside parts."""
import html
import json
import re

import bundle


def escape(text):
    return html.escape(str(text))


def prose(text):
    """Paragraphs of plain text with `code`."""
    paragraphs = re.split(r"\n\s*\n", str(text).strip())
    return "".join("<p>" + re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(" ".join(part.split()))) + "</p>\n"
                   for part in paragraphs if part)


def inline(text):
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(" ".join(str(text).split())))


def table(head, rows):
    if not rows:
        return ""
    cells = "".join(f"<th>{escape(name)}</th>" for name in head)
    lines = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f"<table>\n<tr>{cells}</tr>\n{lines}</table>\n"


class Page:
    def __init__(self, document, problems):
        self.document = document
        self.problems = problems
        self.out = []

    def resolve(self, node):
        while isinstance(node, dict) and isinstance(node.get("$ref"), str):
            found = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            node = found
        return node

    def kind(self, schema):
        """A schema in a few words; links to those that have a name."""
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return f'<a href="#schema-{escape(name)}">{escape(name)}</a>'
        for word in ("oneOf", "anyOf"):
            if word in schema and "type" not in schema:
                return " or ".join(map(self.kind, schema[word]))
        if "const" in schema:
            return f"<code>{escape(json.dumps(schema['const']))}</code>"
        if "enum" in schema:
            return " | ".join(f"<code>{escape(value)}</code>" for value in schema["enum"])
        kind = schema.get("type", "any")
        kind = " or ".join(kind) if isinstance(kind, list) else kind
        if kind == "array":
            return "list of " + self.kind(schema.get("items", {}))
        facts = [schema[key] for key in ("format",) if key in schema]
        if "minimum" in schema or "maximum" in schema:
            facts.append(f"{schema.get('minimum', '…')} to {schema.get('maximum', '…')}")
        if "maxLength" in schema:
            facts.append(f"{schema.get('minLength', 0)} to {schema['maxLength']} characters")
        if "default" in schema:
            facts.append(f"default {schema['default']}")
        return escape(kind + (f" ({', '.join(map(str, facts))})" if facts else ""))

    def contents(self):
        for tag in self.document["tags"]:
            links = "".join(f'<li><a href="#{escape(operation["operationId"])}"><span class="method">{method.upper()}</span>'
                            f"{escape(path)}</a></li>\n" for path, method, operation in bundle.operations(self.document)
                            if tag["name"] in operation["tags"])
            self.out.append(f"<h4>{escape(tag['name'])}</h4>\n<ul>\n{links}</ul>\n")

    def parameters(self, operation):
        found = [self.resolve(parameter) for parameter in operation.get("parameters", [])]
        rows = [(f"<code>{escape(one['name'])}</code>", escape(one["in"]), "yes" if one.get("required") else "",
                 self.kind(one["schema"]), inline(one.get("description", ""))) for one in found]
        self.out.append(table(("parameter", "in", "required", "type", ""), rows))

    def example(self, content):
        text = content.get("example")
        if text is None:
            return
        text = text if isinstance(text, str) else json.dumps(text, indent=2, ensure_ascii=False)
        self.out.append(f"<pre>{escape(text)}</pre>\n")

    def curl(self, path, method, operation):
        given = {self.resolve(parameter)["name"]: str(self.resolve(parameter).get("example", self.resolve(parameter)["name"].upper()))
                 for parameter in operation.get("parameters", []) if self.resolve(parameter)["in"] == "path"}
        url = "$DBGATE_URL" + re.sub(r"\{(\w+)\}", lambda match: given[match[1]], path)
        words = ["curl", "-sS"] + (["-X", method.upper()] if method not in ("get", "post") or "requestBody" not in operation and method == "post" else [])
        if operation.get("security") != []:
            words += ["-H", '"Authorization: Bearer $DBGATE_TOKEN"']
        body = operation.get("requestBody")
        if body:
            kind, content = next(iter(body["content"].items()))
            words += ["-H", f'"Content-Type: {kind}"', "-d",
                      "'" + json.dumps(content.get("example", {}), ensure_ascii=False).replace("'", "'\\''") + "'"]
        self.out.append(f"<pre>{escape(' '.join([*words, url]))}</pre>\n")

    def operation(self, path, method, operation):
        name = escape(operation["operationId"])
        self.out.append(f'<section id="{name}">\n<h3><a href="#{name}">{inline(operation["summary"])}</a></h3>\n'
                        f'<p class="facts"><span class="method">{method.upper()}</span><code>{escape(path)}</code> · {name}'
                        + (" · no credential needed" if operation.get("security") == [] else f" · scope {escape(operation['x-dbgate-scope'])}")
                        + (f" · role {escape(operation['x-dbgate-role'])}" if "x-dbgate-role" in operation else "")
                        + (" · <strong>deprecated</strong>" if operation.get("deprecated") else "") + "</p>\n")
        self.out.append(prose(operation.get("description", "")))
        self.parameters(operation)
        self.curl(path, method, operation)
        for kind, content in operation.get("requestBody", {}).get("content", {}).items():
            self.out.append(f"<h4>Body: {escape(kind)} · {self.kind(content['schema'])}</h4>\n")
            self.example(content)
        rows = []
        for status, response in operation["responses"].items():
            response = self.resolve(response)
            kinds = "; ".join(f"{escape(kind)} · {self.kind(content['schema'])}" for kind, content in response.get("content", {}).items())
            rows.append((escape(status), inline(response["description"]), kinds))
        self.out.append(table(("status", "", "body"), rows))
        for status, response in operation["responses"].items():
            if status.startswith("2"):
                for content in self.resolve(response).get("content", {}).values():
                    self.out.append("<h4>Example</h4>\n")
                    self.example(content)
        self.out.append("</section>\n")

    def schema(self, name, schema):
        self.out.append(f'<section id="schema-{escape(name)}">\n<h3><a href="#schema-{escape(name)}">{escape(name)}</a></h3>\n')
        self.out.append(prose(schema.get("description", "")))
        required = schema.get("required", [])
        rows = [(f"<code>{escape(member)}</code>", "yes" if member in required else "", self.kind(body),
                 inline(self.resolve(body).get("description", "") if "$ref" not in body else ""))
                for member, body in schema.get("properties", {}).items()]
        self.out.append(table(("member", "required", "type", ""), rows) or f"<p>{self.kind(schema)}</p>\n")
        self.out.append("</section>\n")

    def render(self):
        info = self.document["info"]
        self.out.append(f"<h1>{escape(info['title'])}</h1>\n<p class=\"facts\">{escape(info['version'])} · "
                        '<a href="/api/v1/openapi.json">openapi.json</a></p>\n' + prose(info["description"]) + "<nav>\n")
        self.contents()
        self.out.append('<p><a href="#schemas">Schemas</a> · <a href="#problems">Problems</a></p>\n</nav>\n')
        for tag in self.document["tags"]:
            self.out.append(f"<h2>{escape(tag['name'])}</h2>\n" + prose(tag["description"]))
            for path, method, operation in bundle.operations(self.document):
                if tag["name"] in operation["tags"]:
                    self.operation(path, method, operation)
        self.out.append('<h2 id="schemas">Schemas</h2>\n')
        for name, schema in sorted(self.document["components"]["schemas"].items()):
            self.schema(name, schema)
        rows = [(f'<a href="/problems/{escape(one["code"])}"><code>{escape(one["code"])}</code></a>', escape(one["status"]),
                 escape(one["title"])) for one in self.problems]
        self.out.append('<h2 id="problems">Problems</h2>\n' + table(("code", "status", ""), rows))
        return "".join(self.out)


def markdown_table(document):
    """One line for each operation, for docs/api.md."""
    lines = ["| operation | what | who | scope |\n", "| --- | --- | --- | --- |\n"]
    for path, method, operation in bundle.operations(document):
        who = "anybody" if operation.get("security") == [] else "signed in"
        lines.append(f"| `{method.upper()} {path}` | {operation['summary']} | {operation.get('x-dbgate-role', who)} | "
                     f"{operation.get('x-dbgate-scope', '')} |\n")
    return "".join(lines)


def markdown_problems(problems):
    """One line for each code, for docs/troubleshooting.md."""
    lines = ["| code | status | what it means | what to do |\n", "| --- | --- | --- | --- |\n"]
    lines += [f"| `{one['code']}` | {one['status']} | {one['meaning']} | {one['remedy']} |\n" for one in problems]
    return "".join(lines)


def page(document, problems):
    return Page(document, problems).render()
