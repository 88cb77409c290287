"""What the programs in Python share: sections with a name, comparisons that say what differed."""
import contextlib
import os
import sys
import time

ROWS = 100_000        # of a large result
CANCEL_SECONDS = 15   # a cancelled pg_sleep(30) ends long before
NOTIFY_SECONDS = 15


@contextlib.contextmanager
def section(name):
    started = time.monotonic()
    try:
        yield
    except BaseException:
        print(f"FAILED: {name}", file=sys.stderr, flush=True)
        raise
    print(f"ok {name} ({time.monotonic() - started:.2f} s)", flush=True)


def equal(got, expected, what=""):
    if got != expected:
        raise AssertionError(f"{what}: got {got!r}, expected {expected!r}")


def fails(function, sqlstate, *arguments):
    """Calls `function`, which must raise an error with this SQLSTATE; returns the error."""
    try:
        function(*arguments)
    except Exception as error:  # the drivers have no class in common
        for attribute in ("sqlstate", "pgcode"):
            if hasattr(error, attribute):
                equal(getattr(error, attribute), sqlstate, str(error))
                return error
        raise
    raise AssertionError(f"no error {sqlstate}")


@contextlib.contextmanager
def within(seconds, what):
    started = time.monotonic()
    yield
    took = time.monotonic() - started
    if took > seconds:
        raise AssertionError(f"{what} took {took:.1f} s")


def poll(condition, what, seconds=20):
    """For a fact that the server brings about: that a statement has begun to run."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


def tls():
    return os.environ["PGSSLMODE"] != "disable"


def pooled():
    """Transactions run on server connections that are shared: what the server says of its pids is not the session's."""
    return os.environ["DBGATE_POOLED"] == "1"


SLEEPING = ("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE '%pg_sleep(30)%' "
            "AND pid <> pg_backend_pid()")
