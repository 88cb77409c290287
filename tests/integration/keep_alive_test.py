"""Connections whose other side has gone without a word: the kernel is told to find out (tcp(7)), for clients and servers."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
from pooled import Session  # noqa: E402

TICKS = 100  # of /proc/net/tcp a second, on every architecture (USER_HZ)
KEEP_ALIVE = "02"  # the timer that is running (proc_net_tcp.txt)


def timers(local, remote):
    """Of each connection between these ports, seen from `local`: which timer runs, and the seconds that are left to it."""
    found = []
    for line in pathlib.Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        ports = [int(address.split(":")[1], 16) for address in fields[1:3]]
        if fields[3] == "01" and local in (None, ports[0]) and remote in (None, ports[1]):
            timer, left = fields[5].split(":")
            found.append((timer, int(left, 16) / TICKS))
    return found


class KeepAlive(unittest.TestCase):
    def test_both_sides_of_a_session(self):
        it = lab.Lab()
        self.addCleanup(it.close)
        for limits, seconds in (("", 60), ("limits: { tcp_keepalive: 7s }\n", 7)):
            with self.subTest(limits):
                gateway = it.gateway(it.forward_everything(extra=limits))
                session = Session(gateway.port)
                self.addCleanup(session.socket.close)
                session.must("SELECT 1")
                here = session.socket.getsockname()[1]
                server = int(session.must("SELECT inet_client_port()").rows[0][0])
                for local, remote in ((gateway.port, here), (server, it.postgres.port)):
                    lab.wait_until(lambda: [timer for timer, _ in timers(local, remote)] == [KEEP_ALIVE], "nothing else is under way", 20)
                    left = timers(local, remote)[0][1]
                    self.assertTrue(0 < left <= seconds, f"{left} of {seconds} s")
                gateway.stop()


if __name__ == "__main__":
    unittest.main()
