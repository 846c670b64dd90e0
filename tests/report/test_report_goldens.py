"""Whole reports, as they are written to disk. PERFGATE_GOLDENS=write renews them."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest
from builders import (
    Build,
    case,
    config,
    demand_run,
    dependent,
    discarded,
    ledger,
    record,
    search,
    terms,
)

from perfgate.report.formats import FORMATS
from perfgate.verdict.judge import judge

GOLDENS = Path(__file__).parent / "goldens"
ENDINGS = {
    "terminal": "txt",
    "json": "json",
    "markdown": "md",
    "comment": "comment.md",
    "html": "html",
    "junit": "xml",
    "github": "github.txt",
    "prometheus": "prom",
}
CHANGE = {"from": "2026-12-15", "what": "delegate sign-in", "add_rps": 240.0}
PROMISED = {"introspect": {"p95_ms": 100.0}, "*": {"p95_ms": 500.0}}

CASES = {
    "pass": case(
        discarded=discarded(1),
        held_to=terms(config=config(slo=PROMISED), baseline=record(), baseline_comparable=True),
    ),
    "fail": case(
        Build(
            cost=math.log(1.3),
            capacity=math.log(1.3),
            saturated=math.log(1.3),
            failed={"login": 10},
        ),
        demand_run=demand_run(Build(latency=3.5)),
        held_to=terms(
            config=config(slo=PROMISED),
            ledger=ledger(dependent(attempts=3), dependent("mail", 20.0, change=[CHANGE])),
        ),
    ),
    "inconclusive": case(count=10, noise=0.06),
    "undecided": case(base=None, count=2),
    "searched": case(
        demand_run=demand_run(Build(queue=30.0)),
        search=search((280.0, 0), (380.0, 200), (310.0, 4), (340.0, 40), (320.0, 12), (325.0, 14)),
        held_to=terms(config=config(slo=PROMISED)),
    ),
}


def test_every_format_has_goldens() -> None:
    """A new format is held to goldens too."""
    assert set(ENDINGS) == set(FORMATS)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("format_", FORMATS)
def test_the_report_is_as_it_was(name: str, format_: str) -> None:
    """The report on this case is, to the letter, the golden one."""
    verdict = judge(CASES[name])
    text = FORMATS[format_](CASES[name], verdict)
    golden = GOLDENS / f"{name}.{ENDINGS[format_]}"
    if os.environ.get("PERFGATE_GOLDENS") == "write":
        golden.write_text(text)
    assert golden.read_text() == text, "intended? PERFGATE_GOLDENS=write renews it"
