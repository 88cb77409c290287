"""The short form of scripts/soak-pool.sh."""
import pathlib
import resource
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import soak_pool  # noqa: E402


class Soak(unittest.TestCase):
    def test_many_clients_on_few_connections(self):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.assertEqual(soak_pool.run(clients=min(1000, (hard - 500) // 4), most=20, seconds=15, workers=2), [])


if __name__ == "__main__":
    unittest.main()
