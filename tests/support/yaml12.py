"""YAML as dbgate reads it: 1.2, in which `on` is a word, 08:00 no number, and no text a date."""
import re

import yaml


class Loader(yaml.SafeLoader):
    """PyYAML speaks 1.1."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))


def load(text):
    return yaml.load(text, Loader=Loader)
