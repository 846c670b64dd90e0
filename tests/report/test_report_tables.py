"""Stored baselines and the demand as plain tables."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from builders import TODAY, anchor, concession, dependent, environment, ledger, provenance, record
from hostile import TEXTS

from perfgate.baseline.anchor import Slowdown
from perfgate.baseline.record import OperationOfRecord, PromisedRate
from perfgate.demand.demand import demand_steps
from perfgate.report.baseline import render_records
from perfgate.report.demand import render_steps
from perfgate.report.recorddiff import Difference, render_terminal

FULL = "\N{FULL BLOCK}"
CHANGE = {"from": "2026-12-15", "what": "delegate sign-in", "add_rps": 60.0}


def steps(*rows: dict[str, Any]) -> str:
    """Return the demand until next spring."""
    end = date(2027, 3, 1)
    return render_steps(demand_steps(ledger(*rows), TODAY, end), end)


def test_a_record_is_told_with_its_provenance() -> None:
    """A record shows what was measured when on which machine, its capacity and its operations."""
    assert render_records([record()]).splitlines() == [
        "auth, profile default: 333333333333, measured 2026-11-01T10:00:00+00:00 (PASS)",
        "  2 x Intel(R) Xeon(R) @ 2.20GHz (kvm)",
        "  service rate 400/s (392 to 408/s with a chance of 95 %, 5 runs)",
        "  2 ms CPU a request, 100 MiB",
        "  accepted by Ann <ann@example.org> on 2026-11-01; seed 1, configuration "
        "cccccccccccccccc, ledger",
        "    eeeeeeeeeeeeeeee, locust 2.37.0",
        "             answers p50_ms p95_ms p99_ms",
        "  introspect     720    5.2    7.5    7.7",
        "  login            0      -      -      -",
    ]


def test_the_cost_of_a_record_says_of_what_load_it_is() -> None:
    """Law: the cost of a build that ran alone is told as another figure than one with pairs."""
    alone, beside = record(session_sd={}), record(cost_ms=1.5)
    assert "2 ms CPU a request in open loop, 100 MiB" in render_records([alone])
    rows = render_terminal([Difference("auth.json", alone, beside)]).splitlines()
    told = [row.split() for row in rows if "CPU time" in row]
    assert told == [
        ["CPU", "time", "per", "request", "-", "1.5", "ms"],
        ["CPU", "time", "in", "open", "loop", "2", "-", "ms"],
    ]


def test_the_rate_within_the_promises_is_told() -> None:
    """A record whose mu_SLO was searched shows it, with what is missed beyond it."""
    promised = PromisedRate(estimate=350.0, lower=340.0, upper=361.0, runs=7, first_missed="a p95")
    told = " ".join(render_records([record(mu_slo_rps=promised)]).split())
    assert (
        "every promise kept up to 350/s (340 to 361/s with a chance of 95 %, 7 trials), then a p95 "
        "is missed first 2 ms CPU"
    ) in told


def test_the_rate_under_overload_is_told() -> None:
    """A record of a build that went through an overload shows what it completed then."""
    assert render_records([record(mu_over_rps=333.0)]).splitlines()[3] == (
        "  333/s completed under overload, with callers that give up"
    )


def test_plans_are_told_with_figures_and_reasons() -> None:
    """A plan says by how much it changes what, and what it is for."""
    plans = [
        {"from": "2026-12-01", "what": "a", "scale": [1.0, 2.0, 3.0], "why": "growth"},
        {"from": "2026-12-02", "what": "b", "add_rps": 5.0, "mix": {"login": 1.0}},
        {"from": "2026-12-03", "what": "c", "scale": 1.0},
        {"from": "2026-12-04", "what": "d"},
    ]
    told = [line for line in steps(dependent(change=plans)).splitlines() if "    - " in line]
    assert told == [
        "    - a (times 2, from 1 to 3): growth",
        "    - b (+5/s, another mix)",
        "    - c (as much as before)",
        "    - d (without figures)",
    ]


def test_a_bar_lowered_on_purpose_says_why() -> None:
    """A record accepted although worse shows who did, why, and what it lost."""
    own = record(verdict="FAIL").conceding(concession())
    words = (
        "111111111111 was accepted all the same by Ann <ann@example.org> on 2026-11-24: "
        '"audit" (cost +8.0 %).'
    )
    told = render_records([own])
    assert f"  {words} " in " ".join(told.split("\n    ")).replace("\n", " ")
    assert max(map(len, told.splitlines())) <= 100
    older = {"format": "perfgate.baseline/2", "provenance": None, "anchor": None}
    text = render_records([record(verdict="FAIL", accepted_because="audit", **older)])
    assert "\n  accepted although FAIL: audit\n" in text


def test_what_has_come_since_the_anchor_is_shown() -> None:
    """A record shows its drift, with two standard errors either way."""
    sums = {"cost": Slowdown(estimate=0.02, error=0.005, freedom=9)}
    text = render_records([record(anchor=anchor(steps=3, slowdowns=sums))])
    assert (
        "\n  Since v1.0 (333333333333), in 3 steps: CPU time per request +2.0 % (+1.0 to +3.0 %).\n"
    ) in text


def test_records_are_apart() -> None:
    """An empty line separates records; none at all are no text."""
    assert render_records([record(), record(profile="nightly")]).count("\n\n") == 1
    assert render_records([]) == ""


def test_a_record_without_operations_has_no_table() -> None:
    """Where no operation was measured no empty table is shown."""
    assert "answers" in render_records([record()])
    assert "answers" not in render_records([record(operations={})])


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
                provenance=provenance(accepted_by=text, tools={text: text}),
                anchor=anchor(
                    name=text,
                    steps=1,
                    concessions=(concession(because=text, by=text, found=text, worse_percent={}),),
                ),
                environment=environment(cpu_model=text),
                operations={text: own},
            )
        ]
    )
    assert all(line.isprintable() for line in shown.split("\n"))
    # Of the rest of a line that is too long, four spaces tell.
    whole = [line for line in shown.splitlines() if not line.startswith("    ")]
    assert 9 - len(whole) in {0, 1}, "the head of the table is no text of theirs"


def test_who_sends_what_and_what_each_change_makes_of_it() -> None:
    """Whoever sends most is first, then each day of changes with who changes and why."""
    text = steps(dependent(attempts=2), dependent("mail", 200.0, change=[CHANGE]))
    assert [line.replace(FULL, "").split() for line in text.splitlines()] == [
        ["requests/s", "on", "2026-11-24", "sends", "share", "if", "retried"],
        ["-" * 80],
        ["mail", "200.0", "67%", "\u258f", "200.0"],
        ["gateway", "100.0", "33%", "\u258c", "200.0"],
        ["-" * 80],
        ["all", "2", "dependents", "300.0", "\u258b", "400.0"],
        [],
        ["from", "2026-12-15", "on", "360.0", "+60.0", "460.0"],
        ["mail", "260.0", "+60.0", "\u258c", "260.0"],
        ["-", "delegate", "sign-in", "(+60/s)"],
        [],
        ["mix:", "introspect", "90.0%,", "login", "10.0%"],
    ]


def test_bars_are_of_one_scale() -> None:
    """Law: the largest sum fills its bar, all others are as long as their share of it."""
    text = steps(dependent(), dependent("mail", 20.0, change=[CHANGE]))
    filled = {line.split()[0]: line.count(FULL) for line in text.splitlines() if FULL in line}
    assert filled == {"gateway": 11, "mail": 8, "all": 13, "from": 20}


@pytest.mark.parametrize("count", [1, 10])
def test_eighty_columns_are_enough(count: int) -> None:
    """However many dependents and changes there are, and however they are called."""
    plans = [
        {**CHANGE, "from": f"2026-12-{1 + day:02}", "what": "moves its tokens " * 9}
        for day in range(count)
    ]
    rows = [dependent(f"frontend-of-{n}" * 4, 9e5 / (1 + n), change=plans) for n in range(count)]
    assert max(map(len, steps(*rows).splitlines())) <= 80


def test_days_without_changes() -> None:
    """Where nothing is planned that is said, with the day up to which."""
    text = steps(dependent())
    assert "No change is planned up to 2027-03-01." in text
    assert len(text.splitlines()) == 9


def test_the_mix_is_told_where_it_changes() -> None:
    """Two mixes that differ are both told, and a rare operation is not told to be none."""
    rare = {"login": 0.0004, "introspect": 0.9996}
    text = steps(dependent(mix=rare), dependent("mail", 0.0, mix={"token": 1.0}, change=[CHANGE]))
    assert "mix now:        introspect 100.0%, login <0.1%" in text
    assert "mix at the end: introspect 62.5%, login <0.1%, token 37.5%" in text


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
    assert len(shown.splitlines()) == 11


def test_no_demand_has_no_mix() -> None:
    """Where nobody sends anything the mix says so."""
    assert "mix: nothing is sent" in steps(dependent(peak_rps=0.0))
