"""A gateway whose processes follow each other (SIGUSR2)."""
import json
import os
import pathlib
import signal
import subprocess

import lab

SECONDS = 60  # a new process reads catalogs, on a machine that has other work


class Generations:
    """One gateway: `pids` are its processes, the newest last."""

    def __init__(self, it, config):
        self.gateway = it.gateway(config)
        self.pids = [self.gateway.process.pid]
        self.log = self.gateway.log

    def said(self, message):
        return [record for record in map(json.loads, (line for line in list(self.log) if line.startswith("{"))) if record["msg"] == message]

    def hand_over(self):
        before = len(self.said("another process serves; this one goes on with the clients that it has"))
        os.kill(self.pids[-1], signal.SIGUSR2)
        lab.wait_until(lambda: len(self.said("another process serves; this one goes on with the clients that it has")) > before,
                       "another process serves", SECONDS)
        self.pids.append(int(self.said("another process is starting")[-1]["pid"]))

    def is_there(self, place):
        """Whether that process still runs. The first one is the test's own child, the others are init's."""
        if place == 0:
            return self.gateway.process.poll() is None
        try:
            state = pathlib.Path(f"/proc/{self.pids[place]}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return False
        return state != "Z"

    def wait_for_end(self, place):
        lab.wait_until(lambda: not self.is_there(place), f"process {place} ends", SECONDS)

    def stop(self):
        for place in reversed(range(len(self.pids))):
            if self.is_there(place):
                os.kill(self.pids[place], signal.SIGINT)
            self.wait_for_end(place)

    def verify(self):
        done = subprocess.run([str(lab.CLI), "audit", "verify", str(self.gateway.directory / "state" / "audit"), "--key",
                               str(self.gateway.directory / "state" / "audit-signing-key.pub")], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr
