"""Examinations of machines made by hand, every default in one place; nothing is asserted here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from builders import config, environment, measurement, sessions, terms

from perfgate.baseline.hashes import profile_hash
from perfgate.baseline.noise import MetricNoise, NoiseRecord
from perfgate.measurement.models import BuildId
from perfgate.verdict.case import Case
from perfgate.verdict.fitness import (
    Examination,
    Footing,
    Lateness,
    Rehearsal,
    rehearsal_of,
)

FOOTING = Footing(
    timer=Lateness(0.03, 0.2),
    sleep=Lateness(0.6, 1.5),
    offered_rps=300.0,
    generator_cost_s=0.0005,
    lag_p99_ms=0.4,
    clock_step_ms=0.0,
    clock_s=3.0,
    steal_ratio=0.0,
    loaded_steal_ratio=0.0,
    pressure_ratio=None,
    governors=(),
    faults=(),
)


def rehearsal(wanted: int = 4, seconds: float = 90.0, **changes: Any) -> Rehearsal:
    """Return what four sessions of a build beside itself have shown."""
    case = Case(measurement=measurement(**changes), terms=terms())
    return rehearsal_of(case, config(), sessions=wanted, seconds=seconds)


def noise_record(**changes: Any) -> NoiseRecord:
    """Return a sealed record of twelve sessions of the standard service."""
    made = NoiseRecord(
        service="auth",
        profile="default",
        profile_hash=profile_hash(config().profiles["default"]),
        build=BuildId(name="working tree"),
        measured_at="2026-11-20T10:00:00+00:00",
        perfgate="0.1.0",
        environment=environment(),
        sessions=12,
        set_aside=0,
        offered_rps=54.0,
        cost_ms=2.0,
        generator_cpu_ratio=0.3,
        lag_p99_ms=1.5,
        first_s=20.0,
        session_s=14.0,
        metrics={
            "cost": MetricNoise(mean=0.0005, sd=0.006),
            "capacity": MetricNoise(mean=-0.001, sd=0.008),
        },
    )
    return made.model_copy(update=changes).sealed()


def noisy(noise: float) -> Rehearsal:
    """Return a rehearsal whose sessions go up and down by so much."""
    return rehearsal(sessions=sessions(4, noise=noise))


def examined(rehearsed: Rehearsal | None = None, **changes: Any) -> Examination:
    """Return an examination of a machine with two quiet CPUs, but for the changes."""
    machine = changes.pop("environment", environment())
    return Examination(machine, replace(FOOTING, **changes), rehearsed)
