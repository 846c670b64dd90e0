"""What is said of a machine, and what would help, by the figures found on it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from builders import (
    Build,
    config,
    discarded,
    environment,
    figures,
    incident,
    measurement,
    session,
    sessions,
    terms,
)
from examinations import examined, noisy, rehearsal

from perfgate.exitcodes import ExitCode
from perfgate.report.calibration import render
from perfgate.report.doctor import FORMATS
from perfgate.report.doctor import render as render_doctor
from perfgate.verdict.case import Case
from perfgate.verdict.fitness import advice, rehearsal_of
from perfgate.verdict.noise import calibrated

if TYPE_CHECKING:
    from perfgate.measurement.models import Run
    from perfgate.verdict.fitness import Rehearsal


def test_a_quiet_machine_is_fit() -> None:
    """Where the margin is found, nothing is advised, and the exit code is 0."""
    found = examined(noisy(0.002))
    assert found.fit
    assert found.exit_code is ExitCode.PASS
    assert advice(found) == []


def test_a_noisy_machine_is_not() -> None:
    """Where it is not, the exit code is 3, and settings are named with which it would be."""
    found = examined(noisy(0.014))
    assert not found.fit
    assert found.exit_code is ExitCode.UNDECIDED
    (told,) = advice(found)
    assert "looks = [4, 5, 6, 8, 10, " in told
    assert "would find 3 %" in told


def test_a_hopeless_machine() -> None:
    """Where no number of sessions would do, none is named."""
    (told,) = advice(examined(noisy(0.5)))
    assert "longer sessions" in told
    assert "looks = " not in told


def test_a_governor_is_named_where_the_noise_is_too_large() -> None:
    """A governor that changes the clock is a reason for noise, not a fault of its own."""
    changing = {"governors": ("powersave",)}
    assert "powersave" in advice(examined(noisy(0.02), **changing))[-1]
    assert advice(examined(noisy(0.002), **changing)) == []
    assert len(advice(examined(noisy(0.02), governors=("performance",)))) == 1


def test_a_build_that_differs_from_itself() -> None:
    """A bias makes a machine unfit, however small the noise."""
    found = examined(rehearsal(sessions=sessions(4, candidate=Build(cost=0.1))))
    assert found.exit_code is ExitCode.UNDECIDED
    assert advice(found)[0].startswith("Find out why")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"pressure_ratio": 0.35}, "35 % of the time"),
        ({"steal_ratio": 0.07}, "7 % of a CPU"),
        ({"loaded_steal_ratio": 0.08}, "8 % of a CPU"),
        (
            {"environment": environment(cpus=1, target_cpus=(0,), generator_cpus=(0,))},
            "A second CPU",
        ),
    ],
)
def test_advice_follows_a_figure(changes: dict[str, Any], told: str) -> None:
    """Each figure that is bad calls for one piece of advice, also where the margin is found."""
    for rehearsed in (None, noisy(0.002)):
        found = examined(rehearsed, **changes)
        assert len(advice(found)) == 1
        assert told in advice(found)[0]
        assert found.fit


def test_faults_make_a_machine_unfit() -> None:
    """What makes a run invalid makes the machine unfit, with or without a service."""
    for rehearsed in (None, noisy(0.002)):
        assert not examined(rehearsed, faults=("the load generator was late",)).fit


def test_a_service_that_does_not_come_through() -> None:
    """A build that dies leaves its noise unknown: the machine cannot be called fit."""
    died = rehearsal(sessions=sessions(2), incidents=(incident(),))
    assert died.resolution is None
    assert "exited with code 7" in died.trouble
    assert examined(died).exit_code is ExitCode.UNDECIDED
    assert advice(examined(died)) == []


@pytest.mark.parametrize("reached", [{"demand_run": None}, {}], ids=["no run", "no session"])
@pytest.mark.parametrize("looks", [None, (4,)])
def test_a_service_that_breaks_at_once(reached: dict[str, Any], looks: tuple[int, ...]) -> None:
    """Law: however early a service breaks, its noise is unknown, which is exit code 3."""
    profiles = {"default": config().profiles["default"].model_copy(update={"looks": looks})}
    broken = measurement(sessions=(), incidents=(incident(),), **reached)
    found = rehearsal_of(
        Case(measurement=broken, terms=terms()),
        config().model_copy(update={"profiles": profiles}),
        sessions=4,
        seconds=9.0,
    )
    assert (found.sessions, found.resolution) == (0, None)
    assert "exited with code 7" in found.trouble
    assert (examined(found).exit_code, calibrated(found)) == (ExitCode.UNDECIDED,) * 2
    assert "No noise is known after 0 sessions" in render(found, environment())
    assert all(format_(examined(found)) for format_ in FORMATS.values())


def test_sessions_without_pairs() -> None:
    """Sessions that give no slowdown leave the noise unknown."""
    bare = {role: figures(pairs=0) for role in session().builds}
    runs = (session().model_copy(update={"builds": bare}),) * 4
    assert rehearsal(sessions=runs).trouble.startswith("A session lacks")


def test_sessions_set_aside_are_counted() -> None:
    """Their time is part of what a check takes around its runs, and their number is told."""
    found = rehearsal(sessions=sessions(4), discarded=discarded(2))
    assert found.set_aside == 2
    assert found.resolution is not None


def test_the_pace_is_what_was_measured() -> None:
    """What is not load is shared evenly by the runs: starting builds, stopping them."""
    found = rehearsal(sessions=sessions(4), seconds=100.0).resolution
    assert found is not None
    # A run at the required rate and 4 sessions, 15 s of load each.
    assert found.pace.session_s == pytest.approx(15.0 + (100.0 - 5 * 15.0) / 5)
    assert found.pace.first_s == pytest.approx(20.0)
    assert found.pace.budget_s == 120.0


def test_headroom_that_leaves_less() -> None:
    """Where the demand leaves less to lose than can be found, it is said."""
    thin = replace(noisy(0.002), margin_in_force=math.log(1.0101))
    assert advice(examined(thin))[-1].startswith("More headroom")


@pytest.mark.parametrize(
    ("senders", "told"), [(1, "`workers = 3`"), (2, "`workers = 3`"), (3, "`expect_workers`")]
)
def test_a_busy_generator(senders: int, told: str) -> None:
    """A generator near its limit is told how to get more CPUs, of this machine if it has any."""
    busy = replace(noisy(0.002), generator_cpu_ratio=0.85, senders=senders)
    (line,) = advice(examined(busy, environment=environment(cpus=4, generator_cpus=(1, 2, 3))))
    assert told in line


def test_steal_is_that_of_all_load() -> None:
    """Law: what the hypervisor took is told of every run, set aside or not; or not at all."""
    made, aside = sessions(4), discarded(2)
    found = rehearsal(demand_run=None, sessions=made, discarded=stolen_from(aside, 0.9))
    assert found.steal_ratio == pytest.approx(2 * 0.9 / 6)
    assert examined(found, loaded_steal_ratio=0.1).loaded_steal_ratio == found.steal_ratio
    untold = rehearsal(demand_run=None, sessions=stolen_from(made, None))
    assert untold.steal_ratio is None
    assert examined(untold, loaded_steal_ratio=None).loaded_steal_ratio is None


def stolen_from(runs: tuple[Run, ...], steal_ratio: float | None) -> tuple[Run, ...]:
    """Return the runs of a machine whose hypervisor took so much of a CPU."""
    robbed = [run.validity.model_copy(update={"steal_ratio": steal_ratio}) for run in runs]
    return tuple(
        run.model_copy(update={"validity": own}) for run, own in zip(runs, robbed, strict=True)
    )


LATE = ("the load generator was late",)
NOTHING_LEFT = rehearsal(sessions=(), discarded=discarded(4))
SLOW = rehearsal(sessions=sessions(4), seconds=2000.0)
DIED = rehearsal(sessions=sessions(2), discarded=discarded(1), incidents=(incident(),))


@pytest.mark.parametrize(
    ("rehearsed", "steal_ratio", "faults", "named"),
    [
        (noisy(0.014), 0.3, (), True),
        (NOTHING_LEFT, 0.3, (), True),
        (None, 0.3, LATE, True),
        (noisy(0.002), 0.3, LATE, True),
        (None, 0.0, LATE, False),
        (noisy(0.002), 0.3, (), False),
        (noisy(0.014), 0.01, (), False),
        (noisy(0.5), 0.3, (), False),
        (SLOW, 0.3, (), False),
        (DIED, 0.3, (), False),
    ],
)
def test_the_hypervisor_is_named_where_it_is_the_likely_cause(
    rehearsed: Rehearsal | None, steal_ratio: float, faults: tuple[str, ...], *, named: bool
) -> None:
    """Law: it is where it took as much as the sessions differ by that are too noisy, or more.

    It is not where the noise is small or far larger, or something else is wrong.
    """
    robbed = rehearsed and replace(rehearsed, steal_ratio=steal_ratio)
    found = examined(robbed, loaded_steal_ratio=steal_ratio, faults=faults)
    assert found.robbed is named
    assert ("The likely cause is the hypervisor" in render_doctor(found)) is named
