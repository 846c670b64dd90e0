"""Errors become messages on standard error, each with what to do, and an exit code."""

from __future__ import annotations

import traceback

import click

from perfgate.cli.console import say
from perfgate.errors import FileFaultsError, PerfgateError
from perfgate.exitcodes import ExitCode
from perfgate.tail import escaped


def complain(error: Exception) -> ExitCode:
    """Print the error and return its exit code."""
    if isinstance(error, FileFaultsError):
        _faults(error)
    if isinstance(error, PerfgateError):
        _say("error", error.message)
        if error.hint:
            _say("hint", error.hint)
        return error.exit_code
    trace = "".join(traceback.format_exception(error))
    _say("error", f"this is a bug in perfgate, please report it:\n{trace}")
    return ExitCode.BUG


def _faults(error: FileFaultsError) -> None:
    for fault in error.faults:
        place = error.path if fault.line is None else f"{error.path}:{fault.line}"
        found = f", found {fault.found}" if fault.found else ""
        hint = f" ({fault.hint})" if fault.hint else ""
        # A fault of the file as a whole stands nowhere in it.
        parts = (place, fault.where, f"{fault.problem}{found}{hint}")
        say(escaped(": ".join(filter(None, parts))))


def _say(label: str, text: str) -> None:
    first, *rest = text.splitlines() or [""]
    mark = click.style(f"{label}:", fg="red" if label == "error" else "cyan", bold=True)
    say(f"{mark} {escaped(first)}")
    for line in rest:
        say(f"  {escaped(line)}")
