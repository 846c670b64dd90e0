"""Figures of rounds become Markdown tables; nothing is measured here."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.generators.rounds import Figures

NOTHING = "-"


@dataclass(frozen=True, slots=True)
class StallRow:
    """What one generator made of a server that stalls; quantiles are p90 and p99 in ms."""

    generator: str
    offered_rps: float
    achieved_rps: float
    true_ms: tuple[float, float]
    reported_ms: tuple[float, float]


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A service time, and a quantile before and after it changed, as each generator reports it."""

    service_ms: float
    share: float
    perfgate_ms: tuple[float, float]
    locust_ms: tuple[float, float]


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table with its first column to the left and figures to the right."""
    rule = ["---", *["--:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rule, *rows))


def cost_table(rounds: Mapping[str, Sequence[Figures]], yardstick: str) -> str:
    """Return rates, lag, latency and CPU time of each generator: medians over its rounds.

    CPU time is told as a multiple of the yardstick's too, at the same rate, which ends the name.
    """
    header = (
        *("generator", "offered /s", "achieved /s", "lag p50 / p99 ms"),
        *("reported p50 / p99 ms", "from intended p50 / p99 ms", "CPU us per request", "CPU ratio"),
    )
    rows = [
        (*_cost_cells(name, own), _cpu_ratio(own, _at_rate_of(name, yardstick, rounds)))
        for name, own in rounds.items()
    ]
    return markdown_table(header, rows)


def _at_rate_of(
    name: str, yardstick: str, rounds: Mapping[str, Sequence[Figures]]
) -> Sequence[Figures]:
    """Return the yardstick's rounds at the rate that ends the name, if there are any."""
    return rounds.get(f"{yardstick}, {name.rpartition(', ')[2]}", ())


def _cpu_ratio(rounds: Sequence[Figures], yardstick: Sequence[Figures]) -> str:
    """Return the median ratio of rounds that were made in the same turn."""
    if not yardstick:
        return NOTHING
    pairs = zip(rounds, yardstick, strict=True)
    return f"{statistics.median(own.cpu_us / its.cpu_us for own, its in pairs):.2f}"


def _cost_cells(name: str, rounds: Sequence[Figures]) -> tuple[str, ...]:
    offered = [figures.offered_rps for figures in rounds if figures.offered_rps is not None]
    pairs = (
        [figures.lag_ms for figures in rounds],
        [figures.reported_ms for figures in rounds],
        [figures.from_intended_ms for figures in rounds],
    )
    return (
        name,
        f"{statistics.median(offered):.0f}" if offered else "all it can",
        f"{statistics.median(figures.achieved_rps for figures in rounds):.0f}",
        *(
            " / ".join(_median([told[share] for told in told_ms if told]) for share in (0.5, 0.99))
            for told_ms in pairs
        ),
        f"{statistics.median(figures.cpu_us for figures in rounds):.0f}",
    )


def _median(values: Sequence[float]) -> str:
    return ms(statistics.median(values)) if values else NOTHING


def stall_table(rows: Sequence[StallRow]) -> str:
    """Return true and reported quantiles side by side."""
    header = (
        *("generator", "offered /s", "achieved /s", "true p90 ms", "reported p90 ms"),
        *("true p99 ms", "reported p99 ms"),
    )
    cells = [
        (
            row.generator,
            f"{row.offered_rps:.0f}",
            f"{row.achieved_rps:.0f}",
            *(
                ms(value)
                for pair in zip(row.true_ms, row.reported_ms, strict=True)
                for value in pair
            ),
        )
        for row in rows
    ]
    return markdown_table(header, cells)


def change_table(rows: Sequence[ChangeRow]) -> str:
    """Return the change that each generator reports."""
    header = (
        *("service time ms", "quantile", "perfgate ms", "perfgate change"),
        *("Locust ms", "Locust change"),
    )
    cells = [
        (
            f"{row.service_ms:g}",
            f"p{row.share * 100:g}",
            _pair(row.perfgate_ms, ms),
            change(*row.perfgate_ms),
            _pair(row.locust_ms, "{:g}".format),
            change(*row.locust_ms),
        )
        for row in rows
    ]
    return markdown_table(header, cells)


def change(before: float, after: float) -> str:
    """Return the change in percent with its sign; from zero there is none to tell."""
    return f"{after / before - 1:+.1%}".replace("%", " %") if before else NOTHING


def ms(value: float) -> str:
    """Return milliseconds with the digits that they are good for."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _pair(values: tuple[float, float], spell: Callable[[float], str]) -> str:
    return " -> ".join(map(spell, values))
