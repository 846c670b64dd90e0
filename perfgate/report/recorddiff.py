"""Two records of one place become a text of what has changed: figures of both, and side by side.

Whether a change is good is not judged. Finding the records is the store's work.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perfgate.analysis.change import CAPACITY, COST
from perfgate.analysis.sequential import percent
from perfgate.report.lines import wrapped
from perfgate.report.markup import as_text
from perfgate.tail import escaped, shortened
from perfgate.verdict.checks.drift import conceded
from perfgate.verdict.finding import counted, number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from perfgate.baseline.anchor import Slowdown
    from perfgate.baseline.record import BaselineRecord, RateOfRecord

NAME = 34
WHAT = {COST: "CPU time per request", CAPACITY: "time for equal work"}
# Two standard errors either way: a rough 95 %.
ERRORS = 2.0
LEAST_DRAWN = 2


@dataclass(frozen=True, slots=True)
class Difference:
    """What stands in a place of the store, before and after; None: nothing."""

    path: str
    old: BaselineRecord | None
    new: BaselineRecord | None


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    unit: str
    old: float | None
    new: float | None

    @property
    def change(self) -> str:
        if not self.old or self.new is None:
            return ""
        return f"{100 * (self.new / self.old - 1):+.1f} %"


def differences(
    old: Mapping[str, BaselineRecord], new: Mapping[str, BaselineRecord]
) -> list[Difference]:
    """Return what is not the same on both sides, by path."""
    paths = sorted(old.keys() | new.keys())
    found = [Difference(path, old.get(path), new.get(path)) for path in paths]
    return [own for own in found if own.old != own.new]


def render_terminal(found: Sequence[Difference]) -> str:
    """Return the differences as plain text."""
    return "\n\n".join(_plain(own) for own in found) or "No record differs."


def render_markdown(found: Sequence[Difference]) -> str:
    """Return the differences as Markdown, with what rate and cost have been of late."""
    return "\n\n".join(_marked(own) for own in found) or "No record differs."


def headline(difference: Difference) -> str:
    """Return in a line how the new record compares with what it was measured beside."""
    step = None if difference.new is None else difference.new.step
    if step is None:
        return "measured alone"
    # More of either is worse: the name of the second metric would say the contrary.
    called = {COST: "cost", CAPACITY: WHAT[CAPACITY]}
    told = (
        f"{called[name]} {percent(own.estimate):+.1f} %" for name, own in step.slowdowns.items()
    )
    return ", ".join(told)


def _plain(own: Difference) -> str:
    head = f"{own.path}: {_short(own.old)} -> {_short(own.new)}"
    rows = _rows(own)
    table = [f"  {'':<{NAME}}{'before':>10}{'after':>10}{'change':>10}"] if rows else []
    table += [
        f"  {shortened(escaped(row.name), NAME - 1):<{NAME}}{_figure(row.old):>10}"
        f"{_figure(row.new):>10}{row.change:>10}  {row.unit}"
        for row in rows
    ]
    lines = [wrapped(escaped(line), "  ") for line in _sentences(own)]
    return "\n".join([escaped(head), *table, *lines])


def _marked(own: Difference) -> str:
    lines = [
        f"### {as_text(own.path)}",
        "",
        f"{_short(own.old)} \N{RIGHTWARDS ARROW} {_short(own.new)}",
        "",
        "| | before | after | change |",
        "|---|---:|---:|---:|",
        *(
            f"| {as_text(row.name)} ({row.unit}) | {_figure(row.old)} | {_figure(row.new)} "
            f"| {row.change} |"
            for row in _rows(own)
        ),
        "",
        *(f"- {as_text(line)}" for line in _sentences(own)),
        *_drawn(own.new),
    ]
    return "\n".join(lines)


def _short(record: BaselineRecord | None) -> str:
    return "nothing" if record is None else record.commit[:12]


def _figure(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else number(value)


def _rows(own: Difference) -> list[_Row]:
    old, new = _figures(own.old), _figures(own.new)
    names = dict.fromkeys((*new, *old))
    return [_Row(name, unit, old.get((name, unit)), new.get((name, unit))) for name, unit in names]


def _figures(record: BaselineRecord | None) -> dict[tuple[str, str], float | None]:
    """Return the figures of a record by name and unit."""
    if record is None:
        return {}
    latencies = {
        (f"{name} {quantile}", "ms"): getattr(own, f"{quantile}_ms")
        for name, own in record.operations.items()
        for quantile in ("p50", "p95", "p99")
    }
    return {
        ("service rate", "/s"): record.service_rate_rps.estimate,
        ("undisturbed rate", "/s"): _estimate(record.undisturbed_rps),
        ("highest rate within the promises", "/s"): _estimate(record.mu_slo_rps),
        (f"CPU time {'in open loop' if record.alone else 'per request'}", "ms"): record.cost_ms,
        ("peak memory", "MiB"): record.peak_rss_mib,
        **latencies,
    }


def _estimate(rate: RateOfRecord | None) -> float | None:
    return None if rate is None else rate.estimate


def _sentences(own: Difference) -> list[str]:
    """Return what the figures do not say: how sure, since when, and who accepted what."""
    new = own.new
    if new is None:
        return ["There is no record any more."]
    told = []
    if own.old is not None:
        told.append(
            f"Measured {own.old.measured_at[:10]} and {new.measured_at[:10]}: the columns are of "
            "different hours, and tell large changes only."
        )
    if new.step is not None:
        beside = f"{counted(new.step.sessions, 'session')} beside {new.step.against[:12]}"
        told.append(f"Side by side, in {beside}: {_changes(new.step.slowdowns)}.")
    since = since_anchor(new)
    # One step says of the anchor what was said side by side.
    once = new.anchor is not None and new.step is not None and new.anchor.steps == 1
    return told + (since[1:] if once else since)


def since_anchor(record: BaselineRecord) -> list[str]:
    """Return in sentences what has come since the record's anchor, and what was accepted."""
    anchor = record.anchor
    if anchor is None:
        return []
    steps = counted(anchor.steps, "step")
    drift = [f"Since {anchor.called}, in {steps}: {_changes(anchor.slowdowns)}."]
    return [*(drift if anchor.steps else []), *map(conceded, anchor.concessions)]


def _changes(slowdowns: Mapping[str, Slowdown]) -> str:
    return ", ".join(f"{WHAT[name]} {_change(own)}" for name, own in slowdowns.items())


def _change(own: Slowdown) -> str:
    bounds = [percent(own.estimate + side * ERRORS * own.error) for side in (-1, 1)]
    return f"{percent(own.estimate):+.1f} % ({bounds[0]:+.1f} to {bounds[1]:+.1f} %)"


def _drawn(record: BaselineRecord | None) -> list[str]:
    """Return pictures of what figures have been over the records of the place, oldest first."""
    if record is None:
        return []
    past = (*record.history, record.as_past())
    series = {
        "Undisturbed rate of the last records, the oldest first (per second)": [
            own.undisturbed_rps for own in past if own.undisturbed_rps
        ],
        "CPU time per request of the last records, the oldest first (ms)": [
            own.cost_ms for own in past
        ],
    }
    return [
        line
        for title, figures in series.items()
        if len(figures) >= LEAST_DRAWN
        for line in _chart(title, figures)
    ]


def _chart(title: str, figures: Sequence[float]) -> list[str]:
    return [
        "",
        "```mermaid",
        "xychart-beta",
        f'  title "{title}"',
        f"  x-axis 1 --> {len(figures)}",
        f"  line [{', '.join(f'{own:g}' for own in figures)}]",
        "```",
    ]
