"""A case becomes a printed verdict, the files that keep it, and an exit code.

What the verdict is, is said by :mod:`perfgate.verdict`; how it reads, by :mod:`perfgate.report`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.cli.console import print_report, put, say
from perfgate.push import PushError, push
from perfgate.report.formats import FORMATS
from perfgate.tail import escaped
from perfgate.verdict.finding import Outcome
from perfgate.verdict.judge import judge

if TYPE_CHECKING:
    from pathlib import Path

    from perfgate.verdict.case import Case
    from perfgate.verdict.finding import Verdict

# What is kept beside the measurement, and in which format.
KEPT = {
    "verdict.json": "json",
    "report.html": "html",
    "report.txt": "terminal",
    "report.md": "markdown",
    "comment.md": "comment",
    "junit.xml": "junit",
    "annotations.txt": "github",
    "metrics.prom": "prometheus",
}


def tell(
    case: Case,
    format_: str,
    on_inconclusive: str | None,
    keep_in: Path | None = None,
    push_to: str | None = None,
) -> int:
    """Judge the case, keep it where a directory is given, print the verdict, return the exit code.

    ``on_inconclusive`` is "pass" or "fail" by the user's choice where nothing is decided;
    ``push_to`` is the address of a Pushgateway.
    """
    verdict = judge(case)
    if keep_in is not None:
        keep(case, verdict, keep_in)
    text = FORMATS[format_](case, verdict)
    if format_ == "github":
        put(text.removesuffix("\n"))  # the runner is to obey this one
    else:
        print_report(text)
    if push_to is not None:
        _pushed(case, verdict, push_to)
    choice = None if on_inconclusive is None else Outcome(on_inconclusive.upper())
    return int(verdict.exit_code(on_inconclusive=choice))


def keep(case: Case, verdict: Verdict, directory: Path) -> None:
    """Write the measurement and its verdict in every format."""
    (directory / "measurement.json").write_text(case.to_text(), encoding="utf-8")
    for name, kept_as in KEPT.items():
        (directory / name).write_text(FORMATS[kept_as](case, verdict), encoding="utf-8")


def _pushed(case: Case, verdict: Verdict, url: str) -> None:
    """Push the metrics; where that fails it is said, and the verdict stands all the same."""
    names = {"service": case.terms.config.service, "profile": case.measurement.profile}
    try:
        push(url, FORMATS["prometheus"](case, verdict), **names)
    except PushError as error:
        say(f"warning: the metrics were not pushed: {escaped(error.message)}")
        say(f"hint: {escaped(error.hint)}")
