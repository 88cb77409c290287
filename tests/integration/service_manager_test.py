"""What the gateway tells whoever supervises it, as systemd wants to hear it (sd_notify(3))."""
import os
import pathlib
import signal
import socket
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402

SECONDS = 60


class ServiceManager(unittest.TestCase):
    def setUp(self):
        self.lab = lab.Lab()
        self.addCleanup(self.lab.close)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.socket.close)
        self.socket.bind(str(self.lab.directory / "notify"))
        self.socket.settimeout(SECONDS)

    def start(self, **environment):
        return self.lab.gateway(self.lab.forward_everything(), env={
            **os.environ, "NOTIFY_SOCKET": str(self.lab.directory / "notify"), **environment})

    def heard(self):
        return self.socket.recv(1000).decode()

    def hear(self, wanted):
        """What comes until a message begins so, and that."""
        messages = [self.heard()]
        while not messages[-1].startswith(wanted):
            messages.append(self.heard())
        return messages

    def test_ready_reloading_stopping(self):
        gateway = self.start()
        self.assertEqual(self.heard(), "READY=1\nSTATUS=serving")
        for config, status in ((self.lab.forward_everything(extra="log: { level: warn }\n"), "serving"),
                               ("version: 2\n", "serving by the configuration before: see the log")):
            (gateway.directory / "gateway.yaml").write_text(config)
            gateway.process.send_signal(signal.SIGHUP)
            self.assertRegex(self.heard(), r"^RELOADING=1\nMONOTONIC_USEC=\d+$")
            self.assertEqual(self.heard(), f"READY=1\nSTATUS={status}")
        gateway.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.heard(), "STOPPING=1\nSTATUS=draining")

    def test_it_lives_as_long_as_its_workers_turn(self):
        self.start(WATCHDOG_USEC="300000")
        self.hear("READY=1")
        self.assertEqual([self.heard() for _ in range(5)], ["WATCHDOG=1"] * 5)

    def test_nobody_who_has_not_asked_hears_of_it(self):
        self.start(WATCHDOG_USEC="nonsense")
        self.hear("READY=1")
        self.socket.settimeout(1)
        with self.assertRaises(TimeoutError):
            self.heard()


if __name__ == "__main__":
    unittest.main()
