"""Errors carry their message, what to do, and the exit code of their kind."""

from __future__ import annotations

import pickle

import pytest

import perfgate.action.api
import perfgate.load.engine  # noqa: F401 - both have errors of their own
from perfgate.errors import (
    FileFaultsError,
    LoadError,
    PerfgateError,
    RefError,
    StoreError,
    TargetError,
    UsageError,
)
from perfgate.exitcodes import ExitCode
from perfgate.faults import Fault

CODES = {
    UsageError: ExitCode.USAGE,
    LoadError: ExitCode.UNDECIDED,
    StoreError: ExitCode.NO_BASELINE,
    TargetError: ExitCode.NO_TARGET,
    RefError: ExitCode.NO_REF,
}


def kinds(of: type[PerfgateError]) -> set[type[PerfgateError]]:
    """Return every kind of error below one."""
    return {kind for child in of.__subclasses__() for kind in (child, *kinds(child))}


@pytest.mark.parametrize("kind", CODES)
def test_message_and_hint(kind: type[PerfgateError]) -> None:
    """The message is what str() gives; the hint stands apart and may be left out."""
    error = kind("there is no baseline", hint="Make one.")
    assert str(error) == error.message == "there is no baseline"
    assert error.hint == "Make one."
    assert kind("no").hint == ""


@pytest.mark.parametrize(("kind", "code"), CODES.items())
def test_each_kind_has_its_code(kind: type[PerfgateError], code: ExitCode) -> None:
    """Scripts can tell from the exit code what was missing."""
    assert kind.exit_code is code


def test_no_error_reads_as_a_verdict() -> None:
    """No error exits as if a build had been judged, and none of them is a bug."""
    for kind in kinds(PerfgateError):
        assert kind.exit_code not in (ExitCode.PASS, ExitCode.FAIL, ExitCode.BUG), kind


def test_an_error_without_a_kind_is_a_bug() -> None:
    """Whoever forgets to give an error its code is found out."""
    assert PerfgateError("no").exit_code is ExitCode.BUG


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 faults"), (1, "1 fault"), (2, "2 faults"), (30, "30 faults")]
)
def test_faults_are_counted(count: int, words: str) -> None:
    """The message counts the faults, and the error holds them all in their order."""
    faults = [Fault(number, "service", "is missing") for number in range(count)]
    error = FileFaultsError("perfgate.toml", faults)
    assert str(error) == f"perfgate.toml: {words}"
    assert error.faults == tuple(faults)
    assert (error.path, error.hint, error.exit_code) == ("perfgate.toml", "", ExitCode.USAGE)


def test_faults_do_not_change() -> None:
    """A fault is a value, with nothing but a place and a problem by default."""
    fault = Fault(None, "", "is not TOML")
    assert (fault.found, fault.hint) == ("", "")
    assert pickle.loads(pickle.dumps(fault)) == fault  # noqa: S301 - made a moment ago
    with pytest.raises(AttributeError):
        fault.line = 3  # type: ignore[misc]
