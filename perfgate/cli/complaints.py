"""Errors become messages on standard error, each with what to do, and an exit code."""

from __future__ import annotations

import traceback

import click

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
        line = "" if fault.line is None else f":{fault.line}"
        found = f", found {fault.found}" if fault.found else ""
        hint = f" ({fault.hint})" if fault.hint else ""
        text = f"{error.path}{line}: {fault.where}: {fault.problem}{found}{hint}"
        click.echo(escaped(text), err=True)


def _say(label: str, text: str) -> None:
    first, *rest = text.splitlines() or [""]
    mark = click.style(f"{label}:", fg="red" if label == "error" else "cyan", bold=True)
    click.echo(f"{mark} {escaped(first)}", err=True)
    for line in rest:
        click.echo(f"  {escaped(line)}", err=True)
