"""Stored baselines and the demand as plain tables."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from builders import TODAY, dependent, environment, ledger, record
from hostile import TEXTS

from perfgate.baseline.record import OperationOfRecord, PromisedRate
from perfgate.demand.demand import demand_steps
from perfgate.report.baseline import render_records
from perfgate.report.demand import render_steps

CHANGE = {"from": "2026-12-15", "what": "delegate sign-in", "add_rps": 60.0}


def steps(*rows: dict[str, Any]) -> str:
    """Return the table of the demand until next spring."""
    return render_steps(demand_steps(ledger(*rows), TODAY, date(2027, 3, 1)))


def test_a_record_is_told_with_its_provenance() -> None:
    """A record shows what was measured when on which machine, its capacity and its operations."""
    assert render_records([record()]).splitlines() == [
        "auth, profile default: 333333333333, measured 2026-11-01T10:00:00+00:00 (PASS)",
        "  2 x Intel(R) Xeon(R) @ 2.20GHz (kvm)",
        "  service rate 400/s (392 to 408, 5 runs), 2 ms CPU a request, 100 MiB",
        "             answers p50_ms p95_ms p99_ms",
        "  introspect     720    5.2    7.5    7.7",
        "  login            0      -      -      -",
    ]


def test_the_rate_within_the_promises_is_told() -> None:
    """A record whose mu_SLO was searched shows it, with what is missed beyond it."""
    promised = PromisedRate(estimate=350.0, lower=340.0, upper=361.0, runs=7, first_missed="a p95")
    assert render_records([record(mu_slo_rps=promised)]).splitlines()[3] == (
        "  every promise kept up to 350/s (340 to 361, 7 trials), then a p95 is missed first"
    )


def test_a_bar_lowered_on_purpose_says_why() -> None:
    """A record accepted although worse shows the verdict and the reason given."""
    text = render_records([record(verdict="FAIL", accepted_because="needed for the audit")])
    assert "\n  accepted although FAIL: needed for the audit\n" in text


def test_records_are_apart() -> None:
    """An empty line separates records; none at all are no text."""
    assert render_records([record(), record(profile="nightly")]).count("\n\n") == 1
    assert render_records([]) == ""


def test_a_record_without_operations_has_no_table() -> None:
    """Where no operation was measured no empty table is shown."""
    assert len(render_records([record(operations={})]).splitlines()) == 3


@pytest.mark.parametrize("text", TEXTS)
def test_hostile_records_are_escaped(text: str) -> None:
    """A record of somebody else's repository cannot colour, end or turn a line."""
    own = OperationOfRecord(answers=1, p50_ms=1.0, p95_ms=1.0, p99_ms=1.0)
    shown = render_records(
        [
            record(
                service=text,
                profile=text,
                commit=text,
                accepted_because=text,
                environment=environment(cpu_model=text),
                operations={text: own},
            )
        ]
    )
    assert all(line.isprintable() for line in shown.split("\n"))
    assert len(shown.splitlines()) == 6


def test_the_demand_has_a_column_for_each_step() -> None:
    """Each dependent has a row, each day of changes a column, and totals stand below."""
    text = steps(dependent(attempts=2), dependent("mail", 20.0, change=[CHANGE]))
    assert [line.split() for line in text.splitlines()] == [
        ["requests/s", "2026-11-24", "2026-12-15"],
        ["-" * 52],
        ["gateway", "100.0", "100.0"],
        ["mail", "20.0", "80.0"],
        ["-" * 52],
        ["first", "tries", "120.0", "180.0"],
        ["if", "all", "were", "retried", "220.0", "280.0"],
        [],
        ["mix", "at", "the", "end:", "introspect", "90.0%,", "login", "10.0%"],
        ["2026-12-15", "mail:", "delegate", "sign-in"],
    ]


def test_changes_already_in_force_are_not_announced() -> None:
    """A change from before the first day is in the figures and not in the list."""
    text = steps(dependent(change=[{**CHANGE, "from": "2026-11-01"}]))
    assert "160.0" in text
    assert "delegate" not in text


@pytest.mark.parametrize("text", TEXTS)
def test_hostile_names_are_escaped(text: str) -> None:
    """Names and words of the ledger cannot colour, end or turn a line."""
    shown = steps(dependent(text, mix={text: 1.0}, change=[{**CHANGE, "what": text}]))
    assert all(line.isprintable() for line in shown.split("\n"))
    assert len(shown.splitlines()) == 9


def test_no_demand_has_no_mix() -> None:
    """Where nobody sends anything the mix says so."""
    assert "mix at the end: nothing is sent" in steps(dependent(peak_rps=0.0))
