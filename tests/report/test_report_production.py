"""Readers are told which rates were measured, which declared, and what follows from them."""

from __future__ import annotations

import pytest
from builders import config, ledger, record

from perfgate.baseline.capacity import capacity_record
from perfgate.baseline.record import PromisedRate
from perfgate.config.models import Production
from perfgate.report.production import declared, derived, origin_of

UNEVEN = {"instances": 4, "imbalance": 1.25}


@pytest.mark.parametrize(
    ("production", "told"),
    [
        (
            Production(),
            "Production is taken to be 1 instance of this machine's speed, as no production rate "
            "is declared.",
        ),
        (
            Production(**UNEVEN),
            "Production is taken to be 4 instances of this machine's speed, as no production rate "
            "is declared; the busiest gets 1.25 times the mean load, as declared.",
        ),
        (
            Production(**UNEVEN, service_rate_rps=150.0),
            "Production is 4 instances of 150/s each, as declared; the busiest gets 1.25 times the "
            "mean load, as declared.",
        ),
    ],
)
def test_what_is_declared_and_what_is_taken(production: Production, told: str) -> None:
    """What stands in the configuration is declared, and what does not is assumed."""
    assert declared(production, "this machine") == told


@pytest.mark.parametrize(
    ("production", "told"),
    [
        (Production(), []),
        (Production(instances=2, imbalance=2.0), []),
        (Production(**UNEVEN), ["(the rate measured times 4 / 1.25)."]),
        (Production(instances=4), ["(the rate measured times 4)."]),
        (Production(service_rate_rps=150.0), ["(the declared rate and the ratio)."]),
        (
            Production(**UNEVEN, service_rate_rps=150.0),
            ["(the declared rate times 4 / 1.25 and the ratio)."],
        ),
    ],
)
def test_what_follows(production: Production, told: list[str]) -> None:
    """A derived rate says from what and by what; nothing follows where it is the measured one."""
    lines = derived(production, 480.0, 470.4, " and the ratio")
    words = "Derived from that: 480/s in production, 470/s of it certain "
    assert lines == [f"{words}{end}" for end in told]


def test_the_rate_of_record_is_the_busiest_instances_share() -> None:
    """Law: a record derives the rate at which its busiest instance is full: 400 times 4 / 1.25."""
    own = capacity_record(config(production=UNEVEN), ledger(), record())
    assert own.rate.estimate_rps == pytest.approx(1280)
    assert "1280/s in production, 1254/s of it certain" in origin_of(own)[2]


def test_what_else_was_measured_is_told_as_it_is_in_production() -> None:
    """The rates within promises and under overload stand beside what follows from them."""
    promised = PromisedRate(estimate=300.0, lower=290.0, upper=310.0, runs=7, first_missed="a p95")
    stored = record(mu_slo_rps=promised, mu_over_rps=320.0)
    lines = origin_of(capacity_record(config(production={"instances": 2}), ledger(), stored))
    assert lines[-2:] == [
        "Every promise was kept there up to 300/s (290 to 310/s with a chance of 95 %, 7 trials), "
        "then a p95 was missed; that is 600/s in production, 580/s of it certain.",
        "Under overload 320/s were completed there; that is 640/s in production, 627/s of it "
        "certain.",
    ]
    plain = origin_of(capacity_record(config(), ledger(), record()))
    assert plain[-1].endswith("that rate has not been measured.")
    assert not any("promise" in line for line in plain)
