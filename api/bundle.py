"""One OpenAPI document from api/openapi.yaml and the files it refers to.

Files beside openapi.yaml hold path items by name, and `schemas`, which become components. References between files are
`other.yaml#/schemas/Name` and `openapi.yaml#/components/…`.
"""
import pathlib

import yaml


class Broken(Exception):
    """A reference that leads nowhere, or two schemas of one name."""


class Bundle:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.files = {}
        self.document = self._load("openapi.yaml")
        schemas = self.document["components"].setdefault("schemas", {})
        paths = {}
        for path, item in self.document["paths"].items():
            name, _, pointer = item["$ref"].partition("#/")
            paths[path] = self._local(self._load(name)[pointer], name)
        for name in [name for name in self.files if name != "openapi.yaml"]:
            for schema, body in self._load(name).get("schemas", {}).items():
                if schema in schemas:
                    raise Broken(f"{name}: there are two schemas {schema}")
                schemas[schema] = self._local(body, name)
        self.document["paths"] = paths
        self._check(self.document)

    def _load(self, name):
        if name not in self.files:
            self.files[name] = yaml.safe_load((self.directory / name).read_text(encoding="utf-8"))
        return self.files[name]

    def _local(self, node, name):
        """The node with references as they are in one document."""
        if isinstance(node, list):
            return [self._local(item, name) for item in node]
        if not isinstance(node, dict):
            return node
        return {key: self._reference(value, name) if key == "$ref" else self._local(value, name)
                for key, value in node.items()}

    def _reference(self, target, name):
        file, _, pointer = target.partition("#/")
        file = file or name
        if file == "openapi.yaml":
            return "#/" + pointer
        if not pointer.startswith("schemas/"):
            raise Broken(f"{name}: a reference to {target}")
        self._load(file)
        return "#/components/" + pointer

    def _check(self, node):
        if isinstance(node, list):
            for item in node:
                self._check(item)
        elif isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                self.resolve(node)
            for value in node.values():
                self._check(value)

    def resolve(self, node):
        """What a reference stands for; the node itself if it is none."""
        while isinstance(node, dict) and isinstance(node.get("$ref"), str):
            found = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                if part not in found:
                    raise Broken(f"{node['$ref']} is not there")
                found = found[part]
            node = found
        return node


METHODS = ("get", "put", "post", "delete", "patch")


def operations(document):
    """(path, method, operation) of every operation, in the file's order."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]
