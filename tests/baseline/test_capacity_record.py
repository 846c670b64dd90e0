"""What is exported holds all that admission needs, and says so where it was damaged."""

from __future__ import annotations

import json
import re

import pytest
from builders import config, dependent, ledger, past, record
from hypothesis import given
from hypothesis import strategies as st
from incident_records import WEIGHTS

from perfgate.baseline.capacity import (
    LATER_IN_2,
    CapacityRecord,
    capacity_record,
    parse_capacity,
)
from perfgate.baseline.record import PromisedRate, RateOfRecord
from perfgate.demand.standing import NOTHING
from perfgate.errors import StoreError

RATES = st.floats(1.0, 1e5)
OLD_COMMIT = "1" * 40


def made(rate_rps: float = 400.0, **production: object) -> CapacityRecord:
    """Return the capacity record of the standard build in this production."""
    plan = {"from": "2026-12-01", "what": "migrate", "scale": [1.0, 2.0, 3.0]}
    book = ledger(dependent(attempts=3, measured_on="2026-11-01", change=[plan]))
    return capacity_record(
        config(production=production), book, record(service_rate_rps=of(rate_rps))
    )


def of(rate_rps: float) -> RateOfRecord:
    """Return a rate that is known to two percent."""
    return RateOfRecord(estimate=rate_rps, lower=rate_rps * 0.98, upper=rate_rps * 1.02, runs=5)


def test_it_reads_back_exactly() -> None:
    """Law: what is read is what was written, the ledger as its file has it."""
    own = made(service_rate_rps=250.0)
    read = parse_capacity(own.to_text(), "x.json")
    assert read == own
    assert read.to_text() == own.to_text()
    assert "peak_cv" not in own.to_text()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"headroom": 1.25', '"headroom": 1.0', "does not match its checksum"),
        ('"peak_rps": 100.0', '"peak_rps": 10.0', "does not match its checksum"),
        ("perfgate.capacity/2", "perfgate.capacity/9", "none later than perfgate.capacity/2"),
    ],
)
def test_what_was_edited_is_refused(old: str, new: str, told: str) -> None:
    """No figure can be changed by hand: an export is made again instead."""
    text = made().to_text()
    assert old in text
    with pytest.raises(StoreError, match=told) as caught:
        parse_capacity(text.replace(old, new), "x.json")
    assert re.search("perfgate demand export|upgrade", caught.value.hint)


def test_rates_beside_the_service_rate_are_exported() -> None:
    """The rates within promises and under overload are in the file, and covered by its checksum."""
    promised = PromisedRate(estimate=300.0, lower=290.0, upper=310.0, runs=7, first_missed="a p95")
    own = capacity_record(config(), ledger(), record(mu_slo_rps=promised, mu_over_rps=320.0))
    assert parse_capacity(own.to_text(), "f") == own
    assert (own.mu_slo_rps, own.mu_over_rps) == (promised, 320.0)
    with pytest.raises(StoreError):
        parse_capacity(own.to_text().replace("320.0", "420.0"), "f")


def test_a_file_from_before_those_rates_is_read() -> None:
    """A file without them is whole, and says that nothing of them is known."""
    text = made().model_dump(mode="json", by_alias=True, exclude=set(LATER_IN_2))
    older = CapacityRecord.model_validate(text).sealed()
    assert not set(LATER_IN_2) & json.loads(older.to_text()).keys()
    assert parse_capacity(older.to_text(), "f") == older
    assert older.known == NOTHING


def test_what_operations_weigh_is_exported() -> None:
    """Weights go with the rate, or null where there are none."""
    weighed = capacity_record(config(), ledger(), record(weights=WEIGHTS))
    assert parse_capacity(weighed.to_text(), "x.json").mixed == weighed.mixed
    assert weighed.mixed.work.weights["login"].likely == WEIGHTS.operations["login"].estimate
    assert made().mixed.work.weights == {}
    assert not weighed.model_copy(update={"weights": None}).is_intact


@given(RATES, st.integers(1, 100))
def test_measured_rates_are_multiplied(rate_rps: float, instances: int) -> None:
    """Law: without a declared rate production is so many of the machine that was measured."""
    own = made(rate_rps, instances=instances)
    assert own.rate.lower_rps == pytest.approx(rate_rps * 0.98 * instances)
    assert own.rate_with(of(rate_rps / 2)).lower_rps == pytest.approx(own.rate.lower_rps / 2)


@given(RATES, RATES, st.floats(0.1, 10.0))
def test_a_declared_rate_is_that_of_the_build_of_record(
    rate_rps: float, declared_rps: float, faster: float
) -> None:
    """Law: of the build of record the declared rate counts, of others the ratio to it."""
    own = made(rate_rps, service_rate_rps=declared_rps, instances=3)
    assert own.rate.estimate_rps == pytest.approx(3 * declared_rps)
    other = own.rate_with(of(rate_rps * faster))
    assert other.estimate_rps == pytest.approx(3 * declared_rps * faster)
    assert other.lower_rps / other.estimate_rps < own.rate.lower_rps / own.rate.estimate_rps * (
        1 + 1e-6
    )


def test_what_was_lost_since_is_lost_in_production_too() -> None:
    """Law: a rate declared of an older build is less now by what the build of record lost."""
    production = {"service_rate_rps": 300.0, "service_rate_commit": OLD_COMMIT[:10]}
    older = record(history=(past(800.0, commit=OLD_COMMIT),))
    own = capacity_record(config(production=production), ledger(), older)
    assert own.rate.estimate_rps == pytest.approx(150.0, rel=1e-4)
    assert own.rate_with(of(200.0)).estimate_rps == pytest.approx(75.0, rel=1e-4)
    assert parse_capacity(own.to_text(), "f") == own


def test_a_file_from_before_commits_were_declared_is_read() -> None:
    """Its production does not name a build, and its checksum knows of no such key."""
    own = made(service_rate_rps=250.0)
    assert "service_rate_commit" not in own.to_text()
    assert own.since_declared is None
