"""Trials at many rates as points: up to which of them a promise was kept.

How the limit follows from them is worked out in :mod:`perfgate.verdict.limit`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.demand.demand import rate_words
from perfgate.report.html.plot import Chart, Level, Plot, Table, drawing, last_with
from perfgate.report.html.scales import around, decades
from perfgate.verdict.checks.slo import SHARES
from perfgate.verdict.finding import number
from perfgate.verdict.limit import broken_in, limit_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perfgate.measurement.models import Run
    from perfgate.verdict.case import Case
    from perfgate.verdict.limit import Limit, Promise

HEIGHT = 170.0
MS = 1000.0
Seen = tuple["Run", float]


def search_chart(case: Case) -> Chart | None:
    """Return the promise that is missed first at each rate tried; None where none was searched."""
    search, limit = case.measurement.search, limit_of(case)
    if search is None or limit is None:
        return None
    promise = limit.promise
    seen = [(run, own) for run in search.trials if (own := _latency_ms(run, promise)) is not None]
    if not seen:
        return None
    title = f"{promise.words} at each rate that was tried"
    plot = Plot(
        around([run.offered_rps for run, _ in seen] + [limit.rate_rps.estimate], 0.06),
        decades([promise.limit_ms, *(latency for _, latency in seen)], 1.3),
        HEIGHT,
    )
    told = f"Promised are {promise.limit_ms:g} ms. {'; '.join(map(_sentence, seen))}."
    picture = drawing("search", title, told, plot, _parts(plot, case, limit, seen))
    return Chart(title, picture, _table(case, promise, search.trials))


def _parts(plot: Plot, case: Case, limit: Limit, seen: Sequence[Seen]) -> list[str]:
    marks, rates, rate = plot.y.ticks(4), plot.x.ticks(5), limit.rate_rps
    promised = Level(limit.promise.limit_ms, f"promised {limit.promise.limit_ms:g} ms", "margin")
    found = [
        plot.span(rate.lower, rate.upper, "interval"),
        plot.upright(rate.estimate, "rate"),
        plot.note(rate.estimate, f"mu_SLO {rate_words(rate.estimate)}"),
    ]
    return [
        *(found if limit.found else []),
        *plot.grid(marks),
        *plot.lines([promised]),
        *plot.figures(marks, last_with(" ms", marks)),
        *plot.words([promised]),
        *(
            plot.dot(run.offered_rps, own, _kind(case, run), _sentence((run, own)))
            for run, own in seen
        ),
        *plot.axis(rates, last_with("/s", rates)),
    ]


def _latency_ms(run: Run, promise: Promise) -> float | None:
    own = run.builds["candidate"].open.operations.get(promise.operation)
    latency_s = None if own is None else own.latency_s.quantile(SHARES[promise.quantile])
    return None if latency_s is None else MS * latency_s


def _kind(case: Case, run: Run) -> str:
    return "dot missed" if broken_in(case.terms.config, run) else "dot"


def _sentence(seen: Seen) -> str:
    run, latency_ms = seen
    return f"{rate_words(run.offered_rps)}: {number(latency_ms)} ms"


def _table(case: Case, promise: Promise, trials: Sequence[Run]) -> Table:
    rows = [
        (
            rate_words(run.offered_rps),
            "-" if (own := _latency_ms(run, promise)) is None else f"{number(own)} ms",
            ", ".join(broken_in(case.terms.config, run)) or "none",
        )
        for run in trials
    ]
    return Table("Trials, in order", ("rate", promise.words, "promises missed"), rows)
