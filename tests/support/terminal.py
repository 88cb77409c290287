"""A program under a terminal of its own: what it shows, and what somebody types.

    with terminal.Terminal([CLI, "login"], environment) as term:
        term.expect("Password")
        term.type("secret\\n")
        status = term.wait()
"""
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import fcntl

LIMIT_SECONDS = 30


class Terminal:
    def __init__(self, command, environment=None, rows=24, columns=120):
        self.screen = ""
        self._seen = 0
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen([str(part) for part in command], stdin=slave, stdout=slave, stderr=slave,
                                        env={"TERM": "xterm", **(environment or os.environ)}, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self._slave = slave  # kept open, so that the last words are not lost; echo() looks at it
        self.status = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._slave)
        os.close(self._master)

    def _read(self, seconds):
        ready, _, _ = select.select([self._master], [], [], seconds)
        if not ready:
            return False
        self.screen += os.read(self._master, 65536).decode("utf-8", "replace").replace("\r\n", "\n")
        return True

    def expect(self, pattern, seconds=LIMIT_SECONDS):
        """Waits until something matches behind what was expected before; returns the match."""
        deadline = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.screen[self._seen:])
            if found:
                self._seen += found.end()
                return found
            if time.monotonic() > deadline:
                raise AssertionError(f"no {pattern!r} within {seconds} s in:\n{self.screen}")
            if not self._read(0.2) and self.process.poll() is not None and not self._read(0):
                raise AssertionError(f"ended without {pattern!r}:\n{self.screen}")

    def type(self, text):
        os.write(self._master, text.encode())

    def echo(self):
        """Whether the terminal shows what is typed."""
        return bool(termios.tcgetattr(self._slave)[3] & termios.ECHO)

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def wait(self, seconds=LIMIT_SECONDS):
        """Reads to the end; returns the exit status."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            self._read(0.05)
            if time.monotonic() > deadline:
                raise AssertionError(f"does not end:\n{self.screen}")
        while self._read(0):
            pass
        self.status = self.process.returncode
        return self.status
