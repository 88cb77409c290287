"""The short form of scripts/faults.sh."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import fault_cases  # noqa: E402


class Faults(unittest.TestCase):
    def test_spoilt_connections(self):
        self.assertEqual(fault_cases.run(cases=120, seed=1, lanes=6), [])


if __name__ == "__main__":
    unittest.main()
