"""The line's plans: which build starts first in which session."""

from __future__ import annotations

from pathlib import Path

from builders import environment, measurement, sessions, terms
from hypothesis import given
from hypothesis import strategies as st

from perfgate.build.provide import Build
from perfgate.gate import Order, starters


def build(name: str) -> Build:
    """Return a build that is never started."""
    return Build(name, Path("/nowhere"), None, dirty=False, label=name)


def order(base: Build | None) -> Order:
    """Return the order of a check of two builds, or of the candidate alone."""
    return Order(terms(), "default", build("candidate"), base, environment(), ())


def first_ones(seed: int, count: int) -> list[str]:
    """Return which build starts first in each of the first sessions of a check."""
    return [
        next(iter(starters(measurement(seed=seed, sessions=sessions(made)), order(build("base")))))
        for made in range(count)
    ]


@given(seed=st.integers(0, 2**40))
def test_each_build_starts_first_equally_often(seed: int) -> None:
    """Law: of every four sessions that count, each build starts first in two."""
    firsts = first_ones(seed, 8)
    assert firsts[:4].count("base") == firsts[4:].count("base") == 2
    assert set(firsts) == {"base", "candidate"}


def test_another_seed_gives_another_order() -> None:
    """Law: the order is the seed's; repeated checks with other seeds start builds otherwise."""
    orders = {tuple(first_ones(seed, 4)) for seed in range(40)}
    assert len(orders) == 6


def test_alone_the_candidate_starts() -> None:
    """Law: without a base there is one build to start."""
    assert list(starters(measurement(base=None), order(None))) == ["candidate"]
