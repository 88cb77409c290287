"""A conversation with the program that prints statement facts."""
import json
import subprocess


class FactsTool:
    def __init__(self, program):
        self._process = subprocess.Popen([str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._told = {}

    def __call__(self, text):
        """{"open": […], "exact": […]} or {"refused": …} of one text. A text with a NUL is none of PostgreSQL's either."""
        self._process.stdin.write(text.encode() + b"\0")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(f"the facts tool ended with {self._process.wait()} at: {text}")
        return json.loads(line)

    def tell(self, schema, name, columns):
        """Which columns a relation has that is written like this; none: forget it."""
        record = b"\x01" + "".join(f"\x1f{field}" for field in (schema, name, *columns)).encode() + b"\0"
        if self._told.get((schema, name)) != record:
            self._told[schema, name] = record
            self._process.stdin.write(record)

    def close(self):
        self._process.stdin.close()
        self._process.wait(10)
