"""Only what the hypervisor disturbed is made again, and that is said."""

from __future__ import annotations

from itertools import count

import pytest
from disturbance import MADE_AGAIN, Disturbance

from perfgate.procfs import Contention

pytest_plugins = ["pytester"]

FAILS_OFTEN = """
import pytest
seen = []

@pytest.mark.{marker}
def test_it():
    seen.append(1)
    assert len(seen) > {times}
"""


@pytest.mark.parametrize(
    ("marker", "steal_s", "times", "passes"),
    [
        ("slow", 100.0, MADE_AGAIN, True),
        ("slow", 100.0, MADE_AGAIN + 1, False),
        ("slow", 0.0, 1, False),
        ("slow", None, 1, False),
        ("other", 100.0, 1, False),
    ],
)
def test_what_is_made_again(
    pytester: pytest.Pytester, marker: str, steal_s: float | None, times: int, passes: bool
) -> None:
    """Law: a failure counts, but of a test under load that the hypervisor took the CPU from."""
    pytester.makeini("[pytest]\nmarkers =\n  slow: under load\n  other: not so\n")
    pytester.makepyfile(FAILS_OFTEN.format(marker=marker, times=times))
    looks = count()
    watch = Disturbance(lambda: Contention(steal_s and steal_s * next(looks), None))
    ended = pytester.inline_run("-p", "no:locust", "-p", "no:cacheprovider", plugins=[watch])

    assert ended.ret == (pytest.ExitCode.OK if passes else pytest.ExitCode.TESTS_FAILED)
