"""`dbgate audit export`: the records of a log for programs that analyse them."""
import csv
import json
import pathlib
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402

READERS = lab.ROOT / "build" / "parquet-readers"
# Members that are a column under their own name.
NUMBERS = ("seq", "client.port", "server.port", "db.response.returned_rows", "rows_affected", "bytes", "bytes_from_client", "bytes_to_client", "v")


class AuditExport(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.gateway = cls.lab.gateway(cls.lab.forward_everything())
        cls.lab.psql("SELECT 1;\nSELECT 'a \"quoted\", text\nof two lines – ü';\nSELECT 1/0;\nSELECT g FROM generate_series(1, 5) g;\n" * 3,
                     check=False)
        assert cls.gateway.stop() == 0
        cls.directory = cls.gateway.directory / "state" / "audit"
        cls.records = [json.loads(line) for path in sorted(cls.directory.glob("audit-*.jsonl"))
                       for line in path.read_text(encoding="utf-8").splitlines()]

    def export(self, name, *more, status=0):
        path = self.lab.directory / name
        done = subprocess.run([str(lab.CLI), "audit", "export", str(self.directory), str(path), *more], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return path, done.stderr

    def check_row(self, row, record):
        """A row of texts, None for what is not there, is that of the record."""
        known = {name.replace(".", "_") for name in record} & set(row)
        for name, value in record.items():
            column = name.replace(".", "_")
            if column not in known:
                self.assertEqual(json.loads(row["other"])[name], value)
            elif name == "ts":
                self.assertEqual(row[column].replace(" ", "T").replace("+00", "Z"), value)
            elif name in NUMBERS:
                self.assertEqual(int(row[column]), value, name)
            elif isinstance(value, (int, float)):
                self.assertEqual(float(row[column]), value, name)
            elif isinstance(value, str):
                self.assertEqual(row[column], value, name)
            else:
                self.assertEqual(json.loads(row[column]), value, name)
        self.assertEqual({column for column, value in row.items() if value is not None} - known - {"other"}, set())

    def test_lines_are_those_of_the_log(self):
        path, said = self.export("all.jsonl")
        lines = path.read_text(encoding="utf-8").splitlines()
        self.assertEqual(sorted(map(json.dumps, map(json.loads, lines))), sorted(map(json.dumps, self.records)))
        self.assertIn(f"{len(self.records)} records", said)
        log = {line for path in self.directory.glob("audit-*.jsonl") for line in path.read_text(encoding="utf-8").splitlines()}
        self.assertEqual(set(lines), log)

    def test_csv(self):
        path, _ = self.export("all.csv")
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(len(rows), len(self.records))
        by_id = {record["id"]: record for record in self.records}
        for row in rows:
            self.check_row({name: value if value != "" or by_id[row["id"]].get(name.replace("_", ".")) == "" else None for name, value in row.items()},
                           {name: value for name, value in by_id[row["id"]].items() if value != ""})

    @unittest.skipUnless((READERS / "installed").exists(), "scripts/setup.sh has not installed readers of Parquet")
    def test_parquet_is_read_by_others(self):
        path, _ = self.export("some.parquet", "--event", "statement.decided")
        expected = {record["id"]: record for record in self.records if record["event"] == "statement.decided"}
        done = subprocess.run(["node", str(pathlib.Path(__file__).parent / "parquet_rows.mjs"), str(READERS), str(path)],
                              capture_output=True, text=True, check=False, timeout=240)
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        for reader, rows in json.loads(done.stdout).items():
            with self.subTest(reader=reader):
                self.assertEqual(sorted(row["id"] for row in rows), sorted(expected))
                for row in rows:
                    self.check_row(row, expected[row["id"]])

    def test_filters_and_standard_output(self):
        done = subprocess.run([str(lab.CLI), "audit", "export", str(self.directory), "-", "--format", "jsonl", "--outcome", "error"],
                              capture_output=True, text=True, check=True)
        found = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([record["db.response.status_code"] for record in found], ["22012"] * 3)
        times = sorted(record["ts"] for record in self.records)
        path, _ = self.export("late.jsonl", "--since", times[3], "--until", times[-1])
        self.assertEqual(len(path.read_text(encoding="utf-8").splitlines()), sum(times[3] <= time < times[-1] for time in times))

    def test_a_file_is_there_whole_or_not_at_all(self):
        path, _ = self.export("once.jsonl")
        before = path.read_bytes()
        _, said = self.export("once.jsonl", "--event", "session.end", status=2)
        self.assertIn("is there already", said)
        self.assertEqual(path.read_bytes(), before)
        self.export("once.jsonl", "--event", "session.end", "--force")
        self.assertLess(len(path.read_bytes()), len(before))
        _, said = self.export("once.xlsx", status=2)
        self.assertIn("--format parquet, jsonl or csv", said)
        self.export("nowhere/once.csv", status=1)
        done = subprocess.run([str(lab.CLI), "audit", "export", "/nonexistent", "x.csv"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 3)
        self.assertEqual([found.name for found in self.lab.directory.glob("once*.part*")], [])


if __name__ == "__main__":
    unittest.main()
