"""The short forms of scripts/kill9.sh."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import crash_rounds  # noqa: E402


class Crash(unittest.TestCase):
    def test_killed_under_load(self):
        self.assertEqual(crash_rounds.run(rounds=10, seed=1), [])

    def test_power_lost_under_load(self):
        self.assertEqual(crash_rounds.run(rounds=6, seed=1, sync=True), [])


if __name__ == "__main__":
    unittest.main()
