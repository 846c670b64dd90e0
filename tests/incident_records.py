"""The two builds of the incident as exported records; run, it writes them anew."""

from __future__ import annotations

from pathlib import Path

from builders import config, record

from perfgate.baseline.capacity import CapacityRecord, capacity_record
from perfgate.baseline.record import FigureOfRecord, RateOfRecord, WeightsOfRecord
from perfgate.demand.ledger import load_ledger

FOLDER = Path(__file__).parent / "incident"
# An earlier change "reduced the rate at which requests could be serviced", by as much as we guess.
RATES_RPS = {"old-build": 400.0, "slow-build": 308.0}
# A login hashes a password; by how much that outweighs the rest is a guess, too.
WEIGHTS = WeightsOfRecord(
    operations={
        "introspect": FigureOfRecord(estimate=0.67, lower=0.66, upper=0.68),
        "login": FigureOfRecord(estimate=4.0, lower=3.9, upper=4.1),
    },
    alone=FigureOfRecord(estimate=1.1, lower=1.05, upper=1.15),
)


def incident_record(build: str) -> CapacityRecord:
    """Return the capacity record of the service with that build."""
    rate = RATES_RPS[build]
    measured = RateOfRecord(estimate=rate, lower=rate * 0.98, upper=rate * 1.02, runs=5)
    stored = record(
        measured_at="2018-07-10T10:00:00+00:00", service_rate_rps=measured, weights=WEIGHTS
    )
    return capacity_record(config(), load_ledger(FOLDER / "demand.toml"), stored)


def incident_path(build: str) -> Path:
    """Return the file that has it."""
    return FOLDER / f"{build}.json"


if __name__ == "__main__":
    for name in RATES_RPS:
        incident_path(name).write_text(incident_record(name).to_text())
