"""Runs the tests of the official Python client and prints TAP; `run.py` starts the servers and tells where they are."""

import asyncio
import signal
import sys
import traceback

import python_replies  # noqa: F401  puts its tests on the list
import python_failures  # noqa: F401
from python_context import TESTS, Context

TEST_S = 30


def out_of_time(*_):
    raise TimeoutError(f"longer than {TEST_S} s")


def main():
    signal.signal(signal.SIGALRM, out_of_time)
    failed = 0
    for number, function in enumerate(TESTS, 1):
        context = Context()
        name = function.__name__.replace("_", " ")
        signal.alarm(TEST_S)
        try:
            outcome = function(context)
            if asyncio.iscoroutine(outcome):
                asyncio.run(outcome)
            print(f"ok {number} - {name}", flush=True)
        except Exception:
            failed += 1
            print(f"not ok {number} - {name}")
            for line in traceback.format_exc().splitlines():
                print(f"    {line[:2000]}", flush=True)
        finally:
            signal.alarm(0)
            context.close()
    print(f"1..{len(TESTS)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
