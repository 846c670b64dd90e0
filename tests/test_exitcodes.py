"""Exit codes and their meanings."""

from __future__ import annotations

import signal

import pytest

from perfgate.exitcodes import ExitCode


@pytest.mark.parametrize("code", ExitCode)
def test_every_code_has_a_meaning(code: ExitCode) -> None:
    """A code's meaning is a phrase without a full stop, so that tables can print it."""
    assert code.meaning
    assert not code.meaning.endswith(".")


def test_meanings_tell_codes_apart() -> None:
    """No two codes mean the same."""
    assert len({code.meaning for code in ExitCode}) == len(ExitCode)


def test_codes_that_others_rely_on() -> None:
    """The numbers are a promise to scripts: they never change."""
    assert {code.name: int(code) for code in ExitCode} == {
        "PASS": 0,
        "FAIL": 1,
        "USAGE": 2,
        "UNDECIDED": 3,
        "NO_BASELINE": 4,
        "NO_TARGET": 5,
        "NO_REF": 6,
        "NO_SOURCE": 7,
        "BUG": 70,
        "INTERRUPTED": 130,
    }


def test_interruption_reads_as_a_shell_writes_it() -> None:
    """130 is what a shell says of a command that Ctrl-C ended."""
    assert int(ExitCode.INTERRUPTED) == 128 + signal.SIGINT


def test_codes_fit_an_exit_status() -> None:
    """The system keeps eight bits, and shells use those from 126 on for their own."""
    assert all(0 <= code < 126 or code is ExitCode.INTERRUPTED for code in ExitCode)
