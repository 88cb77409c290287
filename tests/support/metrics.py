"""What a gateway exports: a reader of Prometheus' text format, strict about what dbgate writes."""
import re
import urllib.error
import urllib.request

LINE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)')


def get(gateway, path, method="GET", seconds=60):
    """(status, headers, text) of the ops listener."""
    request = urllib.request.Request(f"http://127.0.0.1:{gateway.ports['ops']}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return answer.status, answer.headers, answer.read().decode("utf-8")
    except urllib.error.HTTPError as problem:
        return problem.code, problem.headers, problem.read().decode("utf-8")


class Scrape:
    """All series at one moment."""

    def __init__(self, gateway):
        status, self.headers, self.text = get(gateway, "/metrics")
        assert status == 200, (status, self.text)
        self.series, self.types = {}, {}
        for line in self.text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                self.types[name] = kind
            elif not line.startswith("#"):
                name, labels, value = LINE.fullmatch(line).groups()
                key = (name, frozenset(LABEL.findall(labels or "")))
                assert key not in self.series, f"twice: {line}"
                self.series[key] = float(value)

    def value(self, name, **labels):
        return self.series[(name, frozenset(labels.items()))]

    def since(self, before, name):
        """What has changed: {labels as a sorted tuple of values: by how much}."""
        changed = {}
        for (own, labels), value in self.series.items():
            more = value - before.series.get((own, labels), 0)
            if own == name and more:
                changed[tuple(value for _, value in sorted(labels))] = more
        return changed
