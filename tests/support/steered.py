"""A gateway that takes commands: what an API and a directory of users would tell it."""
import json
import subprocess
import threading

import lab

PROGRAM = lab.BUILD / "tests" / "support" / "steered_gateway" / "steered_gateway"


class Gateway(lab.Gateway):
    """Commands: tests/support/steered_gateway/main.cpp."""

    _count = 0

    def __init__(self, it, config):
        Gateway._count += 1
        self._lock = threading.Lock()
        super().__init__(it.directory / f"steered{Gateway._count}", config, program=PROGRAM, stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE)

    def command(self, *words):
        with self._lock:
            self.process.stdin.write(" ".join(map(str, words)) + "\n")
            self.process.stdin.flush()
            answer = json.loads(self.process.stdout.readline())
        if isinstance(answer, dict) and "code" in answer:
            raise AssertionError(f"{words}: {answer}")
        return answer

    def fails(self, *words):
        """The SQLSTATE with which a command fails."""
        try:
            self.command(*words)
        except AssertionError as refused:
            return str(refused).rpartition("'")[0].rpartition("'")[2]
        return "00000"

    def sessions(self):
        return self.command("sessions")

    def close(self):
        self.stop()
        self.process.stdin.close()
        self.process.stdout.close()
        self.check()
