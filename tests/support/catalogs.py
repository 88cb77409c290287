"""Loads a catalog with the gateway's own loader, in a process of its own."""
import os
import subprocess
import tempfile

import lab

DUMP = lab.BUILD / "tests" / "support" / "catalog_dump" / "catalog_dump"


def dump(it, *options, milliseconds=60_000, environment=None, **upstream):
    """Runs catalog_dump for a target of the lab `it`; `upstream` changes the target's keys. Returns the finished process."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", dir=it.directory, encoding="utf-8") as config:
        config.write("version: 1\ntargets:\n" + it.target(**upstream))
        config.flush()
        return subprocess.run([str(DUMP), config.name, str(milliseconds), *options], capture_output=True, text=True,
                              timeout=300, check=False, env={**os.environ, **(environment or {})})
