"""Pools whose server goes away and comes back."""
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
from pooled import Session  # noqa: E402


class Restart(unittest.TestCase):
    """The server restarts while clients are idle in the pool."""

    CLEAR = {"08006", "08001", "08003", "57P01", "57P02", "57P03"}

    def after(self, session):
        """SQLSTATEs until a statement works; the session may have been told to go as well."""
        codes = []
        for _ in range(5):
            try:
                result = session.run("SELECT 1")
            except (EOFError, ConnectionError):
                return [*codes, "closed"]
            if not result.error:
                return codes
            codes.append(result.code)
        raise AssertionError(f"it does not recover: {codes}")

    def test_the_next_statement_works_or_says_why_not(self):
        with lab.Lab() as it:
            gateway = it.gateway(it.forward_everything(extra="workers: 2\n", pool="mode: transaction, max: 4, wait: 5s"))
            for mode in ("fast", "immediate"):
                sessions = [Session(gateway.port) for _ in range(8)]
                for session in sessions:
                    session.must("SET work_mem = '5MB'")
                sessions[0].must("BEGIN")
                it.postgres.restart(mode)
                for number, session in enumerate(sessions):
                    codes = self.after(session)
                    self.assertTrue(set(codes) <= self.CLEAR | ({"closed"} if codes[:-1] or number == 0 else set()), codes)
                    self.assertLess(len(codes), 3)
                    if "closed" not in codes:
                        self.assertEqual(session.value("SHOW work_mem"), "5MB")
                    session.socket.close()
                with Session(gateway.port) as later:
                    self.assertEqual(later.value("SELECT 1"), "1")

    def test_nobody_hangs_while_the_server_is_away(self):
        with lab.Lab() as it:
            gateway = it.gateway(it.forward_everything(pool="mode: transaction, max: 2, wait: 2s"))
            sessions = [Session(gateway.port) for _ in range(4)]
            for session in sessions:
                session.must("SELECT 1")
            it.postgres.stop("fast")
            started = time.monotonic()
            for session in sessions:
                try:
                    self.assertIn(session.run("SELECT 1").code, self.CLEAR)
                except (EOFError, ConnectionError):
                    pass
                session.socket.close()
            self.assertLess(time.monotonic() - started, 20)
            it.postgres.start()
            with Session(gateway.port) as later:
                self.assertEqual(later.value("SELECT 1"), "1")


if __name__ == "__main__":
    unittest.main()
