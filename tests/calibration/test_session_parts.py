"""The parts of a session: their times add up, and their noise is told apart."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from builders import Build, figures, sessions
from hypothesis import given
from hypothesis import strategies as st
from load.runs import PLAIN, completed, open_plan, steady, tiny_server

from calibration.session_parts import (
    PARTS,
    Spread,
    best_units,
    capacity_units,
    cost_units,
    length_table,
    noise_table,
    parts_s,
    spread,
    time_table,
)
from perfgate.load.plan import Pairs, Saturation

if TYPE_CHECKING:
    from pathlib import Path

sds = st.floats(0.001, 1.0)


@given(units=st.integers(2, 50), unit=sds, process=sds)
def test_the_noise_of_processes_is_what_units_do_not_explain(
    units: int, unit: float, process: float
) -> None:
    """Law: the variances of a unit's mean and of processes add up to that of sessions."""
    session = math.hypot(process, unit / math.sqrt(units))
    assert Spread(units, unit, session).process == pytest.approx(process, rel=1e-3)
    assert Spread(units, unit, 0.5 * unit / math.sqrt(units)).process == 0.0


def test_both_kinds_of_noise_are_found() -> None:
    """Law: of many sessions the deviations come out that they were drawn with."""
    rng = np.random.default_rng(1)
    drawn = [0.005 * rng.standard_normal() + 0.02 * rng.standard_normal(12) for _ in range(2000)]
    found = spread(drawn)
    assert found.units == 12
    assert found.unit == pytest.approx(0.02, rel=0.05)
    assert found.process == pytest.approx(0.005, rel=0.15)


@given(restart_s=st.floats(0.5, 20), unit_s=st.floats(0.05, 2), unit=sds, process=sds)
def test_the_best_length_costs_least(
    restart_s: float, unit_s: float, unit: float, process: float
) -> None:
    """Law: variance per second of sessions is least at the best number of units."""

    def burden(units: float) -> float:
        return (restart_s + units * unit_s) * (process**2 + unit**2 / units)

    best = best_units(restart_s, unit_s, Spread(1, unit, math.hypot(unit, process)))
    assert burden(best) <= min(burden(0.9 * best), burden(1.1 * best)) * (1 + 1e-9)


def test_sessions_without_noise_of_processes_may_be_as_long_as_they_like() -> None:
    """Law: where only units differ, no number of them is too many."""
    assert best_units(10.0, 0.2, Spread(4, 0.02, 0.0)) == math.inf


def test_tables_of_handmade_sessions() -> None:
    """Every metric is told, and every length that the sessions have."""
    builds = {"base": figures(pairs=40), "candidate": figures(Build(capacity=0.1), pairs=40)}
    runs = [run.model_copy(update={"builds": builds}) for run in sessions(6)]
    assert capacity_units(runs[0]) == pytest.approx([0.1] * 10)
    assert cost_units(runs[0]) == pytest.approx([0.0] * 10)
    assert [line.split()[1] for line in length_table(runs).splitlines()[2:]] == [
        "8",
        "16",
        "24",
        "32",
        "40",
    ]
    assert "| cost, split only | 0.00 % |" in noise_table(runs, 10.0, 0.2)


@pytest.mark.slow
def test_the_parts_of_a_real_run(tmp_path: Path) -> None:
    """Law: all parts are there in their order, and together they are as long as the run."""
    with tiny_server() as base, tiny_server() as candidate:
        plan = open_plan(
            base.host("base"),
            candidate.host(),
            identities=8,
            warmup_requests=20,
            saturation=Saturation(2, 0.4, 0.1, 4),
            pairs=Pairs(20, 8, 4),
        )
        begun_s = time.monotonic()
        completed(tmp_path, PLAIN, plan, steady(40, 1.0, {"fetch": 1.0}))
        seconds = time.monotonic() - begun_s
    parts = parts_s(tmp_path / "run")

    assert list(parts) == [name for name in PARTS if name in parts]
    assert set(parts) == {"start", "sign-in", "warm-up", "saturation", "split", "pairs"}
    assert min(parts.values()) >= 0
    assert seconds - 3.0 <= sum(parts.values()) <= seconds
    assert parts["saturation"] >= 4 * 0.4
    assert 0.9 <= parts["split"] <= 2.0
    assert "| saturation |" in time_table([parts])
