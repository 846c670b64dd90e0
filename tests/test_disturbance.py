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
    ("marker", "steal_s", "times", "again"),
    [
        ("slow", 100.0, 0, 0),
        ("slow", 100.0, MADE_AGAIN, MADE_AGAIN),
        ("slow", 100.0, MADE_AGAIN + 1, MADE_AGAIN),
        ("slow", 0.0, 1, 0),
        ("slow", None, 1, 0),
        ("other", 100.0, 1, 0),
    ],
)
def test_what_is_made_again(
    pytester: pytest.Pytester,
    capsys: pytest.CaptureFixture[str],
    marker: str,
    steal_s: float | None,
    times: int,
    again: int,
) -> None:
    """Law: a failure counts, but of a test under load that the hypervisor took the CPU from.

    Each that is made again is told, and nothing else.
    """
    pytester.makeini("[pytest]\nmarkers =\n  slow: under load\n  other: not so\n")
    pytester.makepyfile(FAILS_OFTEN.format(marker=marker, times=times))
    looks = count()
    watch = Disturbance(lambda: Contention(steal_s and steal_s * next(looks), None))
    ended = pytester.inline_run("-p", "no:locust", "-p", "no:cacheprovider", plugins=[watch])

    assert capsys.readouterr().out.count("made again: ") == again
    assert ended.ret == (pytest.ExitCode.OK if times <= again else pytest.ExitCode.TESTS_FAILED)
