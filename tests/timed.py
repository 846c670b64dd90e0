"""Files as pytest-benchmark writes them, made by hand, and their verdict; it asserts nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from perfgate.baseline.micro import times_of
from perfgate.config.models import Margins
from perfgate.measurement.benchmarks import BenchmarkRun
from perfgate.verdict.micro import judge_micro

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from perfgate.baseline.micro import MicroRecord
    from perfgate.verdict.micro import MicroCase

CPU = "Intel(R) Xeon(R) @ 2.20GHz"
COMMIT = "3" * 40
SECONDS = {"test_hash": 0.03, "test_sign": 1e-4, "test_look_up": 5e-6}
FIXED = {"test_yardstick": 1e-3}
# What calls them, how often in a request; of the third it is not said.
CALLS = {"test_hash": {"login": 1}, "test_sign": {"login": 1, "token": 1}}
ROUNDS = 60
# Spread between runs (log).
APART = 0.005


def benchmark(name: str, seconds: float, rng: np.random.Generator, **parts: Any) -> dict[str, Any]:
    """Return one benchmark, each of its rounds a little off."""
    rounds = seconds * np.exp(rng.normal(0, 0.01, ROUNDS))
    return {
        "fullname": f"tests/test_bench.py::{name}",
        "name": name,
        "group": None,
        "params": None,
        "extra_info": {},
        "options": {"timer": "process_time", "min_rounds": 5},
        "stats": {"median": seconds, "rounds": ROUNDS, "data": rounds.tolist()},
        **parts,
    }


def timed(
    slower: Mapping[str, float] | None = None,
    *,
    seed: int = 1,
    cpu: str = CPU,
    python: str = "3.11.9",
    commit: str = COMMIT,
) -> dict[str, Any]:
    """Return the document of a run in which some benchmarks take so many times as long."""
    rng = np.random.default_rng(seed)
    made = []
    for name, seconds in {**SECONDS, **FIXED}.items():
        own = seconds * (slower or {}).get(name, 1.0) * float(np.exp(rng.normal(0, APART)))
        told = {"calls": CALLS[name]} if name in CALLS else {}
        group = "yardstick" if name in FIXED else None
        made.append(benchmark(name, own, rng, extra_info=told, group=group))
    return {
        "machine_info": {
            "cpu": {"brand_raw": cpu, "count": 2},
            "python_implementation": "CPython",
            "python_version": python,
        },
        "commit_info": {"id": commit, "dirty": False, "branch": "main"},
        "benchmarks": made,
        "datetime": f"2026-11-{10 + seed % 10}T10:00:00+00:00",
        "version": "5.3.1",
    }


def save(document: Mapping[str, Any], path: Path) -> Path:
    """Write a document and return its path."""
    path.write_text(json.dumps(document))
    return path


def record(documents: Iterable[dict[str, Any]]) -> MicroRecord:
    """Return the times in documents."""
    runs = [BenchmarkRun.model_validate(document) for document in documents]
    return times_of(runs, "auth", "default")


def runs(slower: dict[str, float] | None = None, first: int = 1, count: int = 3) -> MicroRecord:
    """Return the times of runs that differ by noise."""
    return record(timed(slower, seed=seed) for seed in range(first, first + count))


def judged(now: MicroRecord, then: MicroRecord | None = None) -> MicroCase:
    """Return the verdict against the standard times."""
    return judge_micro(now, then or runs(), Margins())
