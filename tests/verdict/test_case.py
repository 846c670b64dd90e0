"""A case is one file that reads back as it was, and knows the rates it is about."""

from __future__ import annotations

import json
import math
from datetime import date
from typing import TYPE_CHECKING

import pytest
from builders import (
    Build,
    case,
    cases,
    config,
    demand_run,
    dependent,
    ledger,
    past,
    record,
    session,
    sessions,
    terms,
    windows,
)
from hypothesis import HealthCheck, given, settings
from pydantic import ValidationError

from perfgate.errors import UsageError
from perfgate.verdict.case import capacity_of, measured_rate, read_case, required_rps, steps_of
from perfgate.verdict.finding import Outcome
from perfgate.verdict.judge import judge

if TYPE_CHECKING:
    from pathlib import Path

    from perfgate.baseline.record import BaselineRecord
    from perfgate.measurement.models import Run
    from perfgate.verdict.case import Case, Terms

SOON = {"from": "2026-12-15", "what": "delegate sign-in", "add_rps": 60.0}
FAR = {"from": "2027-12-15", "what": "move to tokens", "add_rps": 500.0}


def without_answers(run: Run) -> Run:
    """Return the run with a candidate that answered nothing correctly while saturated."""
    own = run.builds["candidate"].model_copy(update={"saturation": windows(2, 1.0, 0.9, 0)})
    return run.model_copy(update={"builds": {**run.builds, "candidate": own}})


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=cases())
def test_a_case_reads_back_bit_for_bit(tmp_path: Path, made: Case) -> None:
    """What was written is read back as the same value and written as the same text."""
    file = tmp_path / "measurement.json"
    file.write_text(made.to_text())
    again = read_case(file)
    assert again == made
    assert again.to_text() == made.to_text()


def test_a_ledger_with_everything_reads_back(tmp_path: Path) -> None:
    """Budgets, backoffs, caches, planned changes and a stored record survive the file."""
    rows = (
        dependent(
            attempts=3,
            budget={"kind": "per_request", "ratio": 0.2},
            backoff={"kind": "exponential", "base_s": 0.1},
            cache={"ttl_s": 30.0, "active_tokens": 1000},
            change=[{"from": "2026-12-01", "what": "more", "scale": [1.0, 1.2, 1.5]}],
        ),
        dependent("mail", mix={"login": 1.0}),
    )
    made = case(held_to=terms(ledger=ledger(*rows), baseline=record()))
    file = tmp_path / "measurement.json"
    file.write_text(made.to_text())
    assert read_case(file) == made


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """A file that cannot be read is named, with the command that writes such files."""
    with pytest.raises(UsageError, match="cannot be read: No such file") as caught:
        read_case(tmp_path / "nothing.json")
    assert "perfgate measure" in caught.value.hint


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b"", "the file"),
        (b"\xff\xfe", "the file"),
        (b"[]", "the file"),
        (b"{}", "measurement"),
    ],
)
def test_a_file_of_something_else_is_told(tmp_path: Path, content: bytes, where: str) -> None:
    """What is no case is refused, and the message says where it goes wrong."""
    file = tmp_path / "other.json"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=f"not a measurement this version can read: {where}: "):
        read_case(file)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("measurement", "format"), "perfgate.measurement/2"),
        (("measurement", "surprise"), 1),
        (("measurement", "profile"), "nightly"),
        (("measurement", "sessions"), None),
        (("terms", "on"), "someday"),
        (("terms", "ledger"), {}),
    ],
)
def test_a_damaged_file_is_told(tmp_path: Path, path: tuple[str, str], value: object) -> None:
    """A later format, an unknown field, a wrong value or profile: each is refused by name."""
    document = json.loads(case().to_text())
    document[path[0]][path[1]] = value
    file = tmp_path / "damaged.json"
    file.write_text(json.dumps(document))
    with pytest.raises(UsageError, match=path[1]) as caught:
        read_case(file)
    assert caught.value.hint == "Measure again with this version."


def test_the_profile_measured_with_must_be_in_the_terms() -> None:
    """A case whose terms lack its profile cannot be made."""
    with pytest.raises(ValidationError, match="no profile 'nightly'"):
        case(profile="nightly")


def test_up_to_takes_the_first_sessions_of_both_builds() -> None:
    """The case as it was earlier has the first sessions of both builds, and all else as it is."""
    mixed = (session(base=None), *sessions(3))
    made = case(sessions=mixed)
    early = made.up_to(2)
    assert early.measurement.sessions == mixed[1:3]
    assert early.measurement.demand_run == made.measurement.demand_run
    assert made.measurement.sessions == mixed


def test_required_rate_is_the_highest_demand_with_headroom() -> None:
    """The required rate is the highest demand within the horizon, times the headroom."""
    rows = ledger(dependent(change=[SOON, FAR]))
    assert required_rps(terms(ledger=rows)) == pytest.approx(160 * 1.25)
    assert required_rps(terms(ledger=rows, on=date(2027, 12, 1))) == pytest.approx(660 * 1.25)
    own = config(margins={"headroom": 2.0}, demand={"horizon_days": 0})
    assert required_rps(terms(ledger=rows, config=own)) == pytest.approx(200)
    assert [step.on for step in steps_of(terms(ledger=rows))] == [
        date(2026, 11, 24),
        date(2026, 12, 15),
    ]


def test_the_rate_here_is_that_of_all_runs() -> None:
    """Every run of a build counts; the base has no run at the required rate."""
    made = case(count=2, noise=0.0, demand_run=demand_run(Build(saturated=-math.log(2))))
    own, base = measured_rate(made, "candidate"), measured_rate(made, "base")
    assert own is not None
    assert base is not None
    assert own.estimate == pytest.approx(400 * 2 ** (1 / 3))
    assert (base.estimate, base.lower, base.upper) == pytest.approx((400, 400, 400))


def test_one_run_is_no_rate() -> None:
    """A single run says nothing of how much the rate varies, so there is no rate."""
    assert measured_rate(case(count=0), "candidate") is None
    assert measured_rate(case(count=1), "base") is None
    assert capacity_of(case(count=0), "candidate") is None


def test_a_run_without_answers_leaves_nothing_certain() -> None:
    """Where a run had no correct answer, none of the rate is certain."""
    made = case(sessions=(*sessions(3, noise=0.0), without_answers(session())))
    rate = measured_rate(made, "candidate")
    assert rate is not None
    assert (rate.estimate, rate.lower, rate.upper) == pytest.approx((320, 0, 400))


def test_undeclared_production_is_so_many_of_this_machine() -> None:
    """Without a declared rate, production is as many of this machine as there are instances."""
    own = terms(config=config(production={"instances": 3}))
    rate = capacity_of(case(noise=0.0, held_to=own), "candidate")
    assert rate is not None
    assert (rate.estimate, rate.lower) == pytest.approx((1200, 1200))


DECLARED = terms(
    config=config(production={"instances": 2, "service_rate_rps": 150, "service_rate_cv": 0.0})
)


def test_declared_production_takes_the_ratio_measured_here() -> None:
    """With a declared rate only the ratio of the builds counts, not this machine's speed."""
    made = case(Build(saturated=math.log(2)), noise=0.0, held_to=DECLARED)
    candidate, base = capacity_of(made, "candidate"), capacity_of(made, "base")
    assert candidate is not None
    assert base is not None
    assert (candidate.estimate, candidate.lower) == pytest.approx((150, 150))
    assert (base.estimate, base.lower) == pytest.approx((300, 300))


def declared_of(commit: str, baseline: BaselineRecord) -> Terms:
    """Return the same production, whose rate is declared of that build."""
    production = DECLARED.config.production.model_copy(update={"service_rate_commit": commit})
    own = DECLARED.config.model_copy(update={"production": production})
    return terms(config=own, baseline=baseline)


def test_declared_production_has_lost_what_its_builds_have() -> None:
    """Law: from the build that is declared to the base, and from there to the candidate."""
    held_to = declared_of("1111111", record(history=(past(800.0),)))
    made = case(Build(saturated=math.log(2)), noise=0.0, held_to=held_to)
    candidate, base = capacity_of(made, "candidate"), capacity_of(made, "base")
    assert candidate is not None
    assert base is not None
    assert (candidate.estimate, base.estimate) == pytest.approx((75, 150))
    assert candidate.lower < 75
    assert [own.check for own in judge(made).findings if own.check == "production"] == []


@pytest.mark.parametrize(
    ("commit", "told"),
    [
        (None, "which build has production's 150/s, so that the base is taken to have them"),
        ("abcdef0", "are those of build abcdef0, which the stored baseline does not know"),
    ],
)
def test_a_declared_rate_of_an_unknown_build_is_doubted(commit: str | None, told: str) -> None:
    """Where nothing says what was lost since, the base is taken to have it, with a warning."""
    held_to = DECLARED if commit is None else declared_of(commit, record())
    made = case(noise=0.0, held_to=held_to)
    base = capacity_of(made, "base")
    assert base is not None
    assert base.estimate == pytest.approx(300)
    (own,) = (own for own in judge(made).findings if own.check == "production")
    assert (own.outcome, told in own.reason) == (Outcome.WARN, True)


def test_declared_production_needs_two_sessions_of_both_builds() -> None:
    """Without a ratio there is nothing to carry the declared rate over by."""
    assert capacity_of(case(count=1, held_to=DECLARED), "candidate") is None
    assert capacity_of(case(base=None, held_to=DECLARED), "candidate") is None
    silent = tuple(
        run.model_copy(update={"builds": dict.fromkeys(run.builds, own)})
        for run in sessions()
        for own in [without_answers(run).builds["candidate"]]
    )
    assert capacity_of(case(sessions=silent, held_to=DECLARED), "candidate") is None


def test_declared_production_without_answers_in_a_session() -> None:
    """A session without correct answers leaves nothing of the declared rate certain."""
    made = case(sessions=(*sessions(3, noise=0.0), without_answers(session())), held_to=DECLARED)
    rate = capacity_of(made, "candidate")
    assert rate is not None
    assert (rate.estimate, rate.lower, rate.upper) == pytest.approx((225, 0, 300))
