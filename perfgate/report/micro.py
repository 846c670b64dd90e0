"""Benchmarks then and now, and what they explain, in every format there is.

What the verdict is, is said by :mod:`perfgate.verdict.micro`.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from perfgate.analysis.sequential import percent
from perfgate.report.lines import finding_lines, indented, wrapped
from perfgate.report.markup import MARKS, as_text, fenced, finding_row
from perfgate.tail import escaped, shortened
from perfgate.verdict.explanation import WORDLESS
from perfgate.verdict.finding import counted, number
from perfgate.verdict.micro import LEVEL, seconds_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from perfgate.analysis.interval import Interval
    from perfgate.baseline.micro import MicroRecord
    from perfgate.verdict.explanation import Explained, Explanation
    from perfgate.verdict.micro import Compared, MicroCase

FORMAT = "perfgate.micro-verdict/1"
NAME = 42


def render_terminal(micro: MicroCase, explanation: Explanation | None) -> str:
    """Return the verdict and its reason first, then every finding, then the times."""
    parts = [
        escaped(f"{micro.verdict.outcome}: {_title(micro)}"),
        wrapped(escaped(micro.verdict.reason), "  "),
        "",
        *(line for finding in micro.verdict.findings for line in finding_lines(finding)),
        "",
        *indented([*_table(micro), ""] if micro.compared else []),
        *indented([] if explanation is None else [*_explanation(explanation), ""]),
        *(wrapped(escaped(line), "  ") for line in how_timed(micro)),
    ]
    return "\n".join(parts) + "\n"


def render_markdown(micro: MicroCase, explanation: Explanation | None) -> str:
    """Return the report; whatever came from a file is escaped."""
    lines = [
        f"## {MARKS[micro.verdict.outcome]} perfgate micro: {micro.verdict.outcome}",
        "",
        f"**{as_text(micro.verdict.reason)}**",
        "",
        as_text(_title(micro)),
        "",
        "| | check | finding |",
        "|---|---|---|",
        *map(finding_row, micro.verdict.findings),
        "",
        *(fenced(_table(micro)) if micro.compared else []),
        *([] if explanation is None else fenced(_explanation(explanation))),
        *(f"- {as_text(line)}" for line in how_timed(micro)),
    ]
    return "\n".join(lines) + "\n"


def render_json(micro: MicroCase, explanation: Explanation | None) -> str:
    """Return the verdict, its findings in order and the figures behind them."""
    document = {
        "format": FORMAT,
        "verdict": str(micro.verdict.outcome),
        "reason": micro.verdict.reason,
        "commit": micro.now.commit,
        "against": micro.then.commit,
        "cpu_model": micro.now.cpu_model,
        "findings": [
            dataclasses.asdict(finding) | {"outcome": str(finding.outcome)}
            for finding in micro.verdict.findings
        ],
        "benchmarks": [_compared_document(own) for own in micro.compared],
        "between_runs": dataclasses.asdict(micro.between),
        "yardstick_differs": micro.doubt,
        "explained": None
        if explanation is None
        else [_explained_document(own) for own in explanation.operations],
        "doubts": [] if explanation is None else list(explanation.doubts),
    }
    return json.dumps(document, indent=2) + "\n"


FORMATS: dict[str, Callable[[MicroCase, Explanation | None], str]] = {
    "terminal": render_terminal,
    "json": render_json,
    "markdown": render_markdown,
}


def how_timed(micro: MicroCase) -> Iterator[str]:
    """Yield how sure the comparison is, and what it rests on."""
    runs = [max(own.runs for own in _times(side)) for side in (micro.now, micro.then)]
    between = (
        "how much runs of one build differ is not known, and taken to be "
        f"{number(100 * micro.between.sd)} %; name several files of each"
        if not micro.between.freedom
        else f"medians of one build differ by {number(100 * micro.between.sd)} % between runs"
    )
    yield f"{counted(runs[0], 'run')} against {runs[1]}: {between}."
    if micro.doubt is None:
        yield "No benchmark is of fixed work, so whether the machine got slower is not known."
    else:
        yield f"Fixed work differs by {number(100 * micro.doubt)} %, which is doubted of all."
    if micro.then.accepted_because:
        yield f"The times of record were accepted although slower: {micro.then.accepted_because}"


def _times(side: MicroRecord) -> list[Any]:
    return [*side.benchmarks.values(), *side.yardsticks.values()]


def _title(micro: MicroCase) -> str:
    commits = " against ".join(
        f"{side.commit[:12]}{' with changes' if side.dirty else ''}"
        for side in (micro.now, micro.then)
    )
    return f"benchmarks of {commits} ({micro.now.cpu_model}, {micro.now.python})"


def _table(micro: MicroCase) -> list[str]:
    """Return the times of all that were compared, the largest change first."""
    ordered = sorted(micro.compared, key=lambda own: -own.lag.estimate)
    head = f"{'':<{NAME}}{'then':>10}{'now':>10}{'change':>9}{f'{LEVEL:.0%} interval':>20}"
    return [head, *map(_row, ordered)]


def _row(own: Compared) -> str:
    name = shortened(escaped(own.short), NAME - 1)
    ends = " to ".join(f"{percent(end):+.1f}" for end in own.lag.ends(LEVEL))
    return (
        f"{name:<{NAME}}{seconds_words(own.then.seconds):>10}{seconds_words(own.now.seconds):>10}"
        f"{percent(own.lag.estimate):>+7.1f} %{ends:>18} %"
    )


def _explanation(explanation: Explanation) -> list[str]:
    """Return the operations whose cost surely changed, and by which calls."""
    sure = [own for own in explanation.operations if own.is_sure]
    others = ", ".join(escaped(own.operation) for own in explanation.operations if not own.is_sure)
    lines = [line for own in sure for line in _operation(own)]
    if others:
        lines.append(wrapped(f"Not surely changed: {others}.", ""))
    if any(not own.parts for own in sure):
        lines.append(wrapped(WORDLESS, ""))
    return [*lines, *(wrapped(escaped(doubt), "") for doubt in explanation.doubts)]


def _operation(own: Explained) -> list[str]:
    cost = [seconds_words(seconds) for seconds in (own.base_s, own.base_s + own.added_s.estimate)]
    head = f"{escaped(own.operation)}: from {cost[0]} to {cost[1]} CPU a request"
    lines = [f"{head:<{NAME + 20}}{_milliseconds(own.added_s)}"]
    for part in own.parts:
        name = f"{number(part.calls)} x {escaped(part.benchmark.short)}"
        lines.append(_share(name, part.added_s, own))
    lines.append(_share("not explained by these", own.rest_s, own))
    lines += [
        f"  maybe {number(guess.calls)} calls of {escaped(guess.benchmark.short)} a request"
        for guess in own.guesses
    ]
    return lines


def _share(name: str, added_s: Interval, own: Explained) -> str:
    share = added_s.estimate / own.added_s.estimate
    return f"  {shortened(name, NAME + 16):<{NAME + 18}}{_milliseconds(added_s)}{share:>8.0%}"


def _milliseconds(added_s: Interval) -> str:
    low, high = (f"{1000 * end:+.3f}" for end in (added_s.lower, added_s.upper))
    return f"{1000 * added_s.estimate:>+8.3f} ms ({low} to {high})"


def _compared_document(own: Compared) -> dict[str, Any]:
    lower, upper = own.lag.ends(LEVEL)
    return {
        "name": own.name,
        "then_s": own.then.seconds,
        "now_s": own.now.seconds,
        "change_percent": percent(own.lag.estimate),
        "interval_percent": [percent(lower), percent(upper)],
    }


def _explained_document(own: Explained) -> dict[str, Any]:
    return {
        "operation": own.operation,
        "base_s": own.base_s,
        "added_s": dataclasses.asdict(own.added_s),
        "parts": [
            {
                "benchmark": part.benchmark.name,
                "calls": part.calls,
                "added_s": dataclasses.asdict(part.added_s),
            }
            for part in own.parts
        ],
        "rest_s": dataclasses.asdict(own.rest_s),
        "guesses": [
            {"benchmark": guess.benchmark.name, "calls": guess.calls} for guess in own.guesses
        ],
    }
