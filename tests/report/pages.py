"""Cases of every kind for the HTML page, and what a browser reads in it; nothing is asserted."""

from __future__ import annotations

import math
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from builders import (
    Build,
    case,
    config,
    demand_run,
    dependent,
    discarded,
    incident,
    ledger,
    record,
    search,
    terms,
)
from upsets import after, came_back, started_anew, stayed_down

from perfgate.report.html.page import render
from perfgate.verdict.judge import judge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perfgate.measurement.models import BuildFigures, Run
    from perfgate.verdict.case import Case

PROMISED = {"introspect": {"p95_ms": 100.0}, "*": {"p95_ms": 500.0}}
CHANGES = [
    {"from": "2026-12-15", "what": "delegate sign-in", "add_rps": 60.0},
    {"from": "2027-01-10", "what": "check every message", "scale": 1.5},
]
DEPENDENTS = [
    dependent(f"frontend-of-region-{n}", 40.0 / (n + 1), attempts=3, change=CHANGES)
    for n in range(8)
]
SLOWER = Build(cost=math.log(1.3), capacity=math.log(1.3), saturated=math.log(1.3), latency=0.2)
# Void elements have no end.
VOID = {"meta", "br", "hr", "img", "link", "input"}


def many_operations(made: Case, *names: str) -> Case:
    """Return the case with operations of these names, each like the first one."""
    measured = made.measurement
    runs: dict[str, object] = {"sessions": tuple(_wide(run, names) for run in measured.sessions)}
    if measured.demand_run is not None:
        run = _wide(measured.demand_run.run, names)
        runs["demand_run"] = measured.demand_run.model_copy(update={"run": run})
    return made.model_copy(update={"measurement": measured.model_copy(update=runs)})


def _wide(run: Run, names: Sequence[str]) -> Run:
    builds = {role: _wide_build(own, names) for role, own in run.builds.items()}
    return run.model_copy(update={"builds": builds})


def _wide_build(own: BuildFigures, names: Sequence[str]) -> BuildFigures:
    like = own.open.operations["introspect"]
    opened = own.open.model_copy(update={"operations": dict.fromkeys(names, like)})
    solo = dict.fromkeys(names, own.solo["introspect"]) if own.solo else {}
    failures = dict.fromkeys(names, own.failures["introspect"])
    changes = {"open": opened, "solo": solo, "failures": failures, "saturation_answered": {}}
    return own.model_copy(update=changes)


PAGES: dict[str, Case] = {
    "pass": case(
        discarded=discarded(1),
        held_to=terms(config=config(slo=PROMISED), baseline=record(), baseline_comparable=True),
    ),
    "warn": case(
        held_to=terms(ledger=ledger(dependent(attempts=9), dependent("mail", 20.0, attempts=4)))
    ),
    "fail": case(
        SLOWER,
        count=6,
        noise=0.02,
        held_to=terms(config=config(slo=PROMISED), ledger=ledger(*DEPENDENTS)),
    ),
    "inconclusive": case(count=10, noise=0.06),
    "invalid": case(discarded=discarded(5)),
    "died": case(count=0, incidents=(incident(),)),
    "alone": case(base=None, count=2),
    "nothing": case(count=0, demand_run=None),
    "stored": case(base=None, held_to=terms(baseline=record(), baseline_comparable=True)),
    "recovered": after(came_back(4), came_back(7, build="base")),
    "down": after(stayed_down(), came_back(7, build="base"), restart=started_anew()),
    "searched": case(
        demand_run=demand_run(Build(queue=30.0)),
        search=search((280.0, 0), (380.0, 200), (310.0, 4), (340.0, 40), (320.0, 12), (325.0, 14)),
        held_to=terms(config=config(slo=PROMISED)),
    ),
    "large": many_operations(
        case(
            SLOWER,
            count=10,
            held_to=terms(ledger=ledger(*DEPENDENTS)),
            recoveries=(stayed_down(), came_back(7, build="base")),
            restart=started_anew(),
        ),
        *(f"operation_{n}_of_the_administration" for n in range(30)),
    ),
}


def page_of(made: Case) -> str:
    """Return the page on a case."""
    return render(made, judge(made))


class Reader(HTMLParser):
    """Reads a page as a browser does: its elements in order, and the text outside its style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.unmatched: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element, and that it is open."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element of SVG that has no content."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Note the end of the element that is open."""
        if not self.open or self.open.pop() != tag:
            self.unmatched.append(tag)

    def handle_data(self, data: str) -> None:
        """Note text that is shown."""
        if "style" not in self.open:
            self.text += data

    def named(self, *tags: str) -> list[dict[str, str | None]]:
        """Return the attributes of all elements with these names."""
        return [attributes for tag, attributes in self.elements if tag in tags]
