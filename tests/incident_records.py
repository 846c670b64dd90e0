"""The two builds of the incident as exported records; run, it writes them anew."""

from __future__ import annotations

from pathlib import Path

from builders import config, record

from perfgate.baseline.capacity import CapacityRecord, capacity_record
from perfgate.baseline.record import RateOfRecord
from perfgate.demand.ledger import load_ledger

FOLDER = Path(__file__).parent / "incident"
# An earlier change "reduced the rate at which requests could be serviced", by as much as we guess.
RATES_RPS = {"old-build": 400.0, "slow-build": 308.0}


def incident_record(build: str) -> CapacityRecord:
    """Return the capacity record of the service with that build."""
    rate = RATES_RPS[build]
    measured = RateOfRecord(estimate=rate, lower=rate * 0.98, upper=rate * 1.02, runs=5)
    stored = record(measured_at="2018-07-10T10:00:00+00:00", service_rate_rps=measured)
    return capacity_record(config(), load_ledger(FOLDER / "demand.toml"), stored)


def incident_path(build: str) -> Path:
    """Return the file that has it."""
    return FOLDER / f"{build}.json"


if __name__ == "__main__":
    for name in RATES_RPS:
        incident_path(name).write_text(incident_record(name).to_text())
