"""`dbgate-gateway rotate-keys`: what an operator sees."""
import os
import pathlib
import secrets
import sqlite3
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402


class RotateKeys(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="dbgate-rotate-")
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.state = self.directory / "state"

    def rotate(self, *keys):
        lines = ["version: 1", "encryption:", "  keys:"] if keys else ["version: 1"]
        for key in keys:
            path = self.directory / key
            if not path.exists():
                path.touch(0o600)
                path.write_text(secrets.token_hex(32) + "\n", encoding="ascii")
            lines.append(f"    - {{ id: {key}, key_file: {key} }}")
        config = self.directory / "gateway.yaml"
        config.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return subprocess.run([str(lab.GATEWAY), "rotate-keys", "--config", str(config)], capture_output=True, text=True,
                              check=False, timeout=60)

    def test_an_empty_store_is_made_and_nothing_is_wrapped(self):
        done = self.rotate("k1")
        self.assertEqual((done.returncode, done.stdout), (0, '0 secrets wrapped with key "k1"\n'))
        self.assertEqual(os.stat(self.state / "dbgate.db").st_mode & 0o777, 0o600)
        self.assertFalse((self.state / "store.key").exists())

    def test_without_keys_there_is_one_of_its_own(self):
        done = self.rotate()
        self.assertEqual((done.returncode, done.stdout), (0, "0 secrets wrapped with its own key\n"))
        self.assertEqual(os.stat(self.state / "store.key").st_mode & 0o777, 0o600)

    def test_a_value_that_no_key_opens_stops_it(self):
        self.assertEqual(self.rotate("k1").returncode, 0)
        with sqlite3.connect(self.state / "dbgate.db") as store:
            store.execute("INSERT INTO targets VALUES ('tgt_1', 'shop', '{}', 'dbg1.gone.AAAA.AAAA.AAAA', 1, 1, 1)")
        done = self.rotate("k1")
        self.assertEqual(done.returncode, 1)
        self.assertIn('the encryption key "gone" is not configured\n  hint: Add it to encryption.keys', done.stderr)

    def test_mistakes_of_the_configuration_are_named(self):
        (self.directory / "short").touch(0o600)
        (self.directory / "short").write_text("abc\n", encoding="ascii")
        done = self.rotate("short")
        self.assertEqual(done.returncode, 1)
        self.assertIn("gateway.yaml:4:7: error: encryption.keys[0]: the key must be 64 hexadecimal digits", done.stderr)
        self.assertNotIn("abc", done.stderr)

    def test_a_url_that_cannot_be_meant_is_found_by_check_config(self):
        config = self.directory / "gateway.yaml"
        config.write_text("version: 1\nstore: { url: 'postgresql://h/d' }\nencryption: { keys: [ { id: k1, key: "
                          + 64 * "a" + " } ] }\n", encoding="utf-8")
        done = subprocess.run([str(lab.GATEWAY), "--check-config", "--config", str(config)], capture_output=True, text=True,
                              check=False, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn("store.url: needs a user", done.stderr)


if __name__ == "__main__":
    unittest.main()
