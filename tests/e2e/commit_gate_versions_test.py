#!/usr/bin/env python3
"""The commit gate on one PostgreSQL version, in databases that are prepared and in others: what its approvers see is what an
audit trigger of the database's own has recorded.

Usage: commit_gate_versions_test.py MAJOR [unittest arguments]
"""
import os
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
sys.path.insert(0, str(HERE))
import commit_gate_test as prepared  # noqa: E402
import commit_gate_unprepared_test as unprepared  # noqa: E402
import servers  # noqa: E402


# Of the many that commit_gate_test.py and commit_gate_unprepared_test.py run on one version.
ESSENTIAL = ("test_insert", "test_update", "test_what_triggers_and_cascades_do", "test_a_transaction", "test_merge", "test_partitions",
             "test_ten_thousand_rows", "test_copy", "test_several_statements_in_one_message", "test_nobody_decides",
             "test_reading_and_changing_nothing_waits_for_nobody", "test_what_goes_past_the_triggers")
OF_COMPARISONS = ("test_what_a_transaction_comes_to", "test_rows_that_are_only_locked", "test_others_meanwhile",
                  "test_what_others_have_committed_since_it_began", "test_what_functions_catch", "test_what_is_denied_has_not_happened")


VIRTUAL_COLUMNS = 18
GROWN = "CREATE TABLE grown (id int PRIMARY KEY, word text, loud text GENERATED ALWAYS AS (upper(word)) VIRTUAL, size int);"


class VirtualColumns:
    """Columns that are computed when they are read."""

    def test_virtual_columns(self):
        if int(self.psql("SHOW server_version_num")) < 10000 * VIRTUAL_COLUMNS:
            self.skipTest("no virtual columns before PostgreSQL 18")
        self.prepare()
        program = self.start("INSERT INTO grown (id, word) VALUES (1, 'a')", "root")
        approval = self.asked(program)
        self.assertEqual([row["after"] for row in self.shown(approval)["rows"]], [{"id": 1, "word": "a", "size": None, **self.COMPUTED}])
        self.cli("bob", "approvals", "approve", approval, "--yes")
        self.assertIn("STATE 00000", program.end())


class Prepared(VirtualColumns, prepared.Rows):
    COMPUTED = {}  # what they are computed from is shown


class Unprepared(VirtualColumns, unprepared.Rows):
    COMPUTED = {"loud": "A"}


def essential():
    own = ("test_virtual_columns", *ESSENTIAL)
    return [*(f"Prepared.{name}" for name in own), *(f"Unprepared.{name}" for name in (*own, *OF_COMPARISONS))]


def main():
    major = int(sys.argv[1])
    with servers.programs(major) as programs:
        if programs is None:
            return servers.MISSING
        Prepared.LAB = Unprepared.LAB = {"programs": programs}
        for rows in (Prepared, Unprepared):
            rows.MORE += GROWN if major >= VIRTUAL_COLUMNS else ""
        result = unittest.main(argv=[sys.argv[0], *(sys.argv[2:] or essential())], exit=False).result
        return 0 if result.wasSuccessful() and result.testsRun else 1


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    sys.exit(main())
