"""Records become a table, and changes of their figures are told with what else changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from builders import conditions, environment, record

from perfgate.baseline.anchor import Slowdown, Step
from perfgate.baseline.chronicle import METRICS, Chronicle, chronicle_of, table_of
from perfgate.baseline.lineage import Entry, Lineage
from perfgate.baseline.record import BaselineRecord, RateOfRecord

COUNT = 30
CHANGED = 18
STANDARD = record()
START = datetime(2026, 1, 1, 10, tzinfo=UTC)


def rate(estimate: float) -> RateOfRecord:
    """Return a rate of record."""
    return RateOfRecord(estimate=estimate, lower=0.97 * estimate, upper=1.03 * estimate, runs=5)


def entry(place: int, *, new: bool = False, **changes: object) -> Entry:
    """Return the record of a day, a little different from the others.

    From a ``new`` one the figures among the changes are factors.
    """
    noise = 1 + 0.01 * np.random.default_rng(place).normal()
    figures = {"rate": 400 * noise, "cost_ms": 2 / noise, "peak_rss_mib": 100 * noise}
    figures["yardstick_per_s"] = 4000 + place % 3
    for name in figures.keys() & changes.keys():
        factor = changes.pop(name)
        assert isinstance(factor, float)
        figures[name] *= factor if new else 1.0
    own = record(
        commit=f"{place:040x}",
        measured_at=(START + timedelta(days=place)).isoformat(),
        **{"undisturbed_rps": rate(figures.pop("rate")), **figures, **(changes if new else {})},
    )
    return Entry(own.as_past(), own, own.commit)


def entries(**changes: object) -> list[Entry]:
    """Return records of which those from the 18th on are changed so."""
    return [entry(place, new=place >= CHANGED, **changes) for place in range(COUNT)]


def chronicle(*entries: Entry) -> Chronicle:
    """Return what became of these records."""
    return chronicle_of(Lineage("auth", "baselines/default/x.json", entries, (), cut_off=False))


def test_a_row_for_each_record() -> None:
    """Law: the table has every figure of every record, in order; what one lacks is not a number."""
    older: BaselineRecord = record(
        format="perfgate.baseline/1", undisturbed_rps=None, yardstick_per_s=None, conditions=None
    )
    table = table_of(
        [Entry(older.as_past()), entry(1, new=True, accepted_because="the fix costs this")]
    )
    assert table["measured_at"].is_monotonic_increasing is False
    assert table["cost_ms"].iloc[0] == 2.0
    assert table[["undisturbed_rps", "peak_rss_mib", "yardstick_per_s"]].iloc[0].isna().all()
    assert table[[metric.column for metric in METRICS]].iloc[1].notna().all()
    assert table["accepted_because"].tolist() == ["", "the fix costs this"]


def test_records_alike_have_no_turns() -> None:
    """Where nothing changed nothing is told, and every metric has its course."""
    told = chronicle(*entries())
    assert told.turns == ()
    assert [course.metric for course in told.courses] == list(METRICS)


@pytest.mark.parametrize(
    ("changes", "column", "worse"),
    [
        ({"cost_ms": 1.2}, "cost_ms", True),
        ({"cost_ms": 0.8}, "cost_ms", False),
        ({"rate": 0.8}, "undisturbed_rps", True),
        ({"peak_rss_mib": 0.8}, "peak_rss_mib", False),
    ],
)
def test_a_change_is_told_of_its_own_metric(
    changes: dict[str, object],
    column: str,
    worse: bool,
) -> None:
    """Law: what changed is named, where it did, whether for the worse, and by its levels."""
    told = chronicle(*entries(**changes))
    (turn,) = told.turns
    assert (turn.metric.column, turn.row, turn.came_with) == (column, CHANGED, ())
    assert turn.is_worse is worse
    assert turn.levels is not None
    before, after = turn.levels
    assert (after > before) is (worse is turn.metric.more_is_worse)


def test_rows_are_those_of_the_table() -> None:
    """Law: where the first records lack a figure its changes are told of the right records."""
    made = entries(rate=0.8)
    without = [record(measured_at=own.past.measured_at, undisturbed_rps=None) for own in made[:5]]
    told = chronicle(*(Entry(own.as_past(), own) for own in without), *made[5:])
    (turn,) = told.turns
    assert turn.row == CHANGED
    assert len(told.courses[0].rows) == COUNT - 5


def test_what_came_with_a_change_is_told() -> None:
    """Law: load, machine and versions that are others from there on are named with the change."""
    new: dict[str, object] = {
        "cost_ms": 1.3,
        "yardstick_per_s": 0.8,
        "conditions": conditions(locustfile_hash="another"),
        "environment": environment(python="3.12.1"),
        "perfgate": "9.9.9",
    }
    told = chronicle(*entries(**new))
    cost, yardstick = told.turns
    known = (
        "another Locust file",
        "another Python (3.11.9 then, 3.12.1 now)",
        "perfgate 9.9.9 after 0.1.0",
    )
    assert cost.came_with == (*known, "another yardstick")
    assert yardstick.came_with == known


def test_of_a_record_that_is_only_remembered_nothing_else_is_known() -> None:
    """Where a record is not here any more no difference is made up."""
    made = entries(cost_ms=1.3, perfgate="9.9.9")
    told = chronicle(*(Entry(own.past) for own in made[:CHANGED]), *made[CHANGED:])
    assert [turn.came_with for turn in told.turns] == [()]


def stepped(made: list[Entry], slowdowns: dict[int, float], error: float = 0.003) -> list[Entry]:
    """Return the records as measured beside the one before, slower by so much (log) at places."""
    rng = np.random.default_rng(8)
    found = [made[0]]
    for place, own in enumerate(made[1:], start=1):
        slowdown = Slowdown(
            estimate=slowdowns.get(place, 0.0) + error * rng.normal(), error=error, freedom=5
        )
        before = made[place - 1].past.commit
        step = Step(against=before, sessions=6, slowdowns={"cost": slowdown, "capacity": slowdown})
        assert own.record is not None
        found.append(Entry(own.past, own.record.model_copy(update={"step": step}), own.accepted_in))
    return found


def test_sessions_side_by_side_say_whether_it_was_the_build() -> None:
    """Law: a change that sessions beside the record before show is the build's, another is not."""
    size = float(np.log(1.25))
    made = entries(cost_ms=1.25)
    build, machine = (
        chronicle(*stepped(made, slowdowns)).turns[0] for slowdowns in ({CHANGED: size}, {})
    )
    assert build.beside is not None
    assert build.beside.lower < size < build.beside.upper
    assert not build.not_the_build
    assert machine.ratio == build.ratio
    assert machine.not_the_build


def test_small_steps_are_told_by_sessions_alone() -> None:
    """Law: 3 %, which figures of different hours cannot tell, sessions side by side do."""
    told = chronicle(*stepped(entries(), {CHANGED: 0.03}))
    assert [(turn.metric.column, turn.row) for turn in told.turns] == [
        ("undisturbed_rps", CHANGED),
        ("cost_ms", CHANGED),
    ]
    assert [turn.ratio.estimate > 0 for turn in told.turns] == [False, True]
    assert all(turn.is_worse and turn.levels is None for turn in told.turns)
    assert chronicle(*stepped(entries(), {})).turns == ()


def test_steps_from_another_build_are_none() -> None:
    """A record that was measured beside something else than the one before it tells no step."""
    made = stepped(entries(), {CHANGED: 0.5})
    without = [own for place, own in enumerate(made) if place != CHANGED - 1]
    assert chronicle(*without).turns == ()


def drawn(seed: int, count: int) -> list[Entry]:
    """Return records of one build: figures of noisy hours, and steps as sessions tell them."""
    rng = np.random.default_rng(seed)
    found: list[Entry] = []
    for place in range(count):
        figures = {
            "undisturbed_rps": rate(400 * float(np.exp(0.05 * rng.standard_t(3)))),
            "cost_ms": 2 * float(np.exp(0.1 * rng.normal())),
            "peak_rss_mib": 100 * float(np.exp(0.01 * rng.normal())),
            "yardstick_per_s": 4000 * float(np.exp(0.015 * rng.normal())),
            "commit": f"{place:040x}",
            "measured_at": (START + timedelta(days=place)).isoformat(),
        }
        own = STANDARD.model_copy(update=figures)
        found.append(Entry(own.as_past(), own, own.commit))
    return stepped(found, {}, error=0.002)


@pytest.mark.long
def test_a_history_of_one_build_has_no_turns() -> None:
    """Law: of 20 histories of 500 records of one build 19 tell nothing, by figures or steps."""
    assert sum(bool(chronicle(*drawn(seed, 500)).turns) for seed in range(20)) <= 1
