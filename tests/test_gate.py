"""The line's plans: which build starts first, and when it is decided; no check is run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from builders import conditions, config, environment, measurement, sessions, terms
from hypothesis import given
from hypothesis import strategies as st

from perfgate.build.provide import Build
from perfgate.config.models import Config
from perfgate.gate import Order, session_s, starters, with_looks

MADE = sessions(8)


def build(name: str) -> Build:
    """Return a build that is never started."""
    return Build(name, Path("/nowhere"), None, dirty=False, label=name)


def order(base: Build | None) -> Order:
    """Return the order of a check of two builds, or of the candidate alone."""
    return Order(terms(), "default", build("candidate"), base, environment(), conditions(), ())


def first_ones(seed: int, count: int) -> list[str]:
    """Return which build starts first in each of the first sessions of a check."""
    begun, builds = measurement(seed=seed), order(build("base"))
    return [
        next(iter(starters(begun.model_copy(update={"sessions": MADE[:made]}), builds)))
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


def budgeted(budget_s: float, **profiles: dict[str, object]) -> Order:
    """Return an order with this budget and these profiles."""
    configured = config(budget={"sessions_s": budget_s}, profiles={"default": {}, **profiles})
    return replace(order(build("base")), terms=terms(config=configured))


@given(st.floats(60, 3600), st.floats(1, 15))
def test_looks_are_part_of_the_terms(budget_s: float, expected_s: float) -> None:
    """Law: the looks stand in what is saved, and reading it back gives the same ones."""
    own = with_looks(budgeted(budget_s), expected_s)
    looks = own.shape.looks
    assert looks is not None
    assert looks[-1] * expected_s <= budget_s + 1e-6
    saved = Config.model_validate_json(own.terms.config.model_dump_json())
    assert saved.profiles["default"].looks == looks


def test_configured_looks_stay() -> None:
    """Who fixes the looks keeps them, and other profiles are left alone."""
    fixed = budgeted(60.0, default={"looks": [3, 30]}, other={"looks": [5]})
    assert with_looks(fixed, 12.0) == fixed
    chosen = with_looks(budgeted(60.0, other={"looks": [5]}), 12.0)
    assert chosen.terms.config.profiles["other"].looks == (5,)
    assert chosen.shape.looks == (4, 5)


def test_a_session_takes_what_its_parts_take() -> None:
    """Law: what starting and the pairs take is added to the parts whose length is configured."""
    shape = budgeted(60.0).shape
    parts_s = shape.split_s + 2 * shape.saturation_s + shape.solo_s
    assert session_s(shape, overhead_s=3.0, pairs_s=4.0) == parts_s + 7.0
