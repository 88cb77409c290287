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


class Prepared(prepared.Rows):
    pass


class Unprepared(unprepared.Rows):
    pass


def essential():
    return [*(f"Prepared.{name}" for name in ESSENTIAL), *(f"Unprepared.{name}" for name in (*ESSENTIAL, *OF_COMPARISONS))]


def main():
    with servers.programs(int(sys.argv[1])) as programs:
        if programs is None:
            return servers.MISSING
        Prepared.LAB = Unprepared.LAB = {"programs": programs}
        result = unittest.main(argv=[sys.argv[0], *(sys.argv[2:] or essential())], exit=False).result
        return 0 if result.wasSuccessful() and result.testsRun else 1


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    sys.exit(main())
