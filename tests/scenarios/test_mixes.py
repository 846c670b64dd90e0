"""The bundled service at two mixes: the rate recomputed for the second against the measured one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from perfgate.analysis.compare import rate_interval
from perfgate.analysis.rates import lagging, undisturbed_rates
from perfgate.demand.mix import multiplied
from perfgate.demand.risk import UncertainRate
from perfgate.verdict.case import measured_rate, mix_of, read_case, work_of_case
from scenarios.auth_repository import ANCHOR, BASE

if TYPE_CHECKING:
    from perfgate.verdict.case import Case
    from scenarios.auth_repository import AuthRepository

pytestmark = [pytest.mark.slow, pytest.mark.nightly]

LEDGER = """\
format = "perfgate.demand/1"

[[dependent]]
name = "all"
peak_rps = 40.0
mix = {{ introspect = {introspect:.2f}, token = 0.1, login = {login:.2f} }}
timeout_s = 5.0
"""
LEVEL = 0.95
# A second of 24 in flight ends long before as many logins wait as would if it went on.
CROWDED = ("saturation_s = 3.0\nsaturation_concurrency = 4", "saturation_s = 1.0")
# So long, and so few in flight, that logins that are not done at the end are few of all that were:
# they take longest, and the quicker requests overtake them.
CUTS = (
    ("demand_s = 6.0", "demand_s = 2.0"),
    ("split_s = 3.0", "split_s = 1.0"),
    ("saturation_s = 1.2", "saturation_s = 3.0\nsaturation_concurrency = 4"),
    ("pairs = 80", "pairs = 4\nlooks = [3]"),
)


def measured(repository: AuthRepository, login: float, *words: str) -> Case:
    """Return what a measurement of the service found with so many logins."""
    mix = LEDGER.format(introspect=0.9 - login, login=login)
    (repository.root / "demand.toml").write_text(mix)
    file = repository.root.parent / f"{login:.0%} logins.json"
    done = repository.perfgate("measure", "--output", str(file), *words)
    assert done.code in (0, 1, 3), done.err
    return read_case(file)


def undisturbed(case: Case) -> UncertainRate:
    """Return the service rate, without what other work on the machine took of it."""
    rate = rate_interval(undisturbed_rates(case.measurement.runs, "candidate"), LEVEL)
    return UncertainRate(rate.estimate, rate.lower, rate.upper, LEVEL)


def test_a_recomputed_rate_is_the_measured_one(repository: AuthRepository) -> None:
    """Law: three times as many logins leave the rate that their cost alone foretold."""
    repository.replace("authsvc/app.py", BASE, ANCHOR)
    for cut in CUTS:
        repository.replace("perfgate.toml", *cut)
    head = repository.commit("Measure quickly")
    few = measured(repository, 0.02, "--base", head)
    many = measured(repository, 0.06)

    work = work_of_case(few, "candidate")
    factor = work.factor(mix_of(many.terms))
    foretold, found = multiplied(undisturbed(few), factor), undisturbed(many)
    assert factor.likely < 0.8, work
    assert foretold.lower_rps < found.upper_rps, (foretold, found)
    assert found.lower_rps < foretold.upper_rps, (foretold, found)
    assert np.log(foretold.estimate_rps / found.estimate_rps) == pytest.approx(0.0, abs=0.4)


def test_a_short_saturation_tells_no_more_than_a_long_one(repository: AuthRepository) -> None:
    """Law: where logins only pile up, the rate told is what was carried of them, and that is said.

    Counted by all answers it would be half as much again, as long as the queue still grows.
    """
    repository.replace("authsvc/app.py", BASE, ANCHOR)
    for cut in CUTS:
        repository.replace("perfgate.toml", *cut)
    settled = measured(repository, 0.06)
    repository.replace("perfgate.toml", *CROWDED)
    crowded = measured(repository, 0.06)

    long, short = (measured_rate(case, "candidate") for case in (settled, crowded))
    assert long is not None
    assert short is not None
    assert lagging(settled.measurement.runs, "candidate") is None
    late = lagging(crowded.measurement.runs, "candidate")
    assert late is not None
    assert late.operation == "login"
    assert 0.6 < short.estimate / long.estimate < 1.1
