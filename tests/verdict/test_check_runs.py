"""Incidents, and runs that cannot be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from builders import Build, case, discarded, incident, session, sessions
from upsets import after, came_back

from perfgate.verdict.checks import incidents, validity
from perfgate.verdict.finding import Outcome
from perfgate.verdict.judge import decided, judge

if TYPE_CHECKING:
    from perfgate.verdict.case import Case


def test_nobody_died_is_no_finding() -> None:
    """Without incidents survival has nothing to say."""
    assert incidents.check(case()) == []


def test_a_candidate_that_died_fails() -> None:
    """The candidate's death fails the build, with its stage and its last words."""
    (own,) = incidents.check(case(incidents=(incident(),)))
    assert own.outcome is Outcome.FAIL
    assert own.reason == (
        "The candidate exited with code 7 under load (session 1). Its log ends: "
        '"out of file descriptors"'
    )
    assert own.hint == ""


def test_a_base_that_died_is_invalid() -> None:
    """The base's death leaves nothing to compare with: INVALID, and what to do."""
    (own,) = incidents.check(case(incidents=(incident("base", log=()),)))
    assert own.outcome is Outcome.INVALID
    assert own.reason == "The base exited with code 7 under load (session 1)."
    assert "--base" in own.hint


def test_every_incident_is_told() -> None:
    """Two builds that died are two findings."""
    found = incidents.check(case(incidents=(incident("base"), incident())))
    assert [own.outcome for own in found] == [Outcome.INVALID, Outcome.FAIL]


LOSES = Build(lost=1)


@pytest.mark.parametrize(
    ("made", "outcome", "words"),
    [
        (case(LOSES, LOSES), Outcome.PASS, "both seem to replace them by design"),
        (case(LOSES), Outcome.FAIL, "in 4 of 4 runs, processes of the base in 0."),
        (case(base=LOSES), Outcome.WARN, "in 0 of 4 runs, processes of the base in 4: meanwhile"),
        (case(LOSES, count=3), Outcome.WARN, "in 3 of 3 runs"),
        (case(sessions=(session(LOSES), *sessions(3))), Outcome.WARN, "in 1 of 4 runs"),
        (case(LOSES, None), Outcome.WARN, "in 5 of 5 runs: it may replace them by design"),
    ],
    ids=["both", "candidate", "base", "before a look", "seldom", "alone"],
)
def test_processes_that_end_are_told_apart_by_the_base(
    made: Case, outcome: Outcome, words: str
) -> None:
    """Law: processes that end are a fault only where a base is seen whose own live on."""
    (own,) = incidents.check(made)
    assert (own.check, own.outcome) == ("survival", outcome)
    assert words in own.reason


@pytest.mark.parametrize(("lost", "words"), [(1, "1 process of"), (2, "2 processes of")])
def test_processes_that_end_in_an_overload_are_told(lost: int, words: str) -> None:
    """Law: a part that dies of an overload is named, though the build was served again."""
    (own,) = incidents.check(after(came_back(lost=lost)))
    assert (own.check, own.outcome) == ("survival:overload", Outcome.WARN)
    assert own.reason.startswith(f"{words} the candidate ended in an overload")
    assert incidents.check(after(came_back(), came_back(build="base", lost=lost))) == []


def test_processes_that_end_decide_at_a_look() -> None:
    """Lost processes end a measurement once the base has been heard, those of both never."""
    assert decided(case(LOSES, noise=0.05))
    assert not decided(case(LOSES, count=3))
    assert not decided(case(LOSES, LOSES, noise=0.05))


def test_a_candidate_that_alone_does_not_get_ready_fails() -> None:
    """A candidate that did not get ready while the base did fails, with the end of its log."""
    text = "did not get ready, though the base did: not ready within 20 s"
    made = case(count=0, incidents=(incident(kind="unready", text=text, stage="required rate"),))
    verdict = judge(made)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.reason == (
        "The candidate did not get ready, though the base did: not ready within 20 s (required "
        'rate). Its log ends: "out of file descriptors"'
    )


def test_users_that_cannot_sign_in_may_be_the_locust_files_fault() -> None:
    """A candidate that lets nobody in fails, and the hint says how to tell whose fault it is."""
    (own,) = incidents.check(case(incidents=(incident(kind="locked out"),)))
    assert own.outcome is Outcome.FAIL
    assert "on_start" in own.hint


def test_all_runs_trusted_is_no_finding() -> None:
    """Where no run had to be set aside, validity has nothing to say."""
    assert validity.check(case()) == []


@pytest.mark.parametrize(("count", "words"), [(1, "1 run could"), (3, "3 runs could")])
def test_a_few_runs_set_aside_pass(count: int, words: str) -> None:
    """A few runs that could not be trusted are told with their faults, each fault once."""
    (own,) = validity.check(case(discarded=discarded(count)))
    assert own.outcome is Outcome.PASS
    assert own.reason.startswith(words)
    assert own.reason.endswith("set aside: the load generator was late.")
    assert (own.observed, own.limit, own.hint) == (count, 3, "")


def test_too_many_runs_set_aside_are_invalid() -> None:
    """More than the limit are INVALID: such a machine decides nothing."""
    faults = (*discarded(3), *discarded(1, "the hypervisor took 30% of a CPU away"))
    (own,) = validity.check(case(discarded=faults))
    assert own.outcome is Outcome.INVALID
    assert own.reason == (
        "4 runs could not be trusted and were set aside (more than 3 end the check): "
        "the hypervisor took 30% of a CPU away; the load generator was late."
    )
    assert own.hint == "Give the machine less else to do."


def test_a_robbed_machine_is_told_what_helps() -> None:
    """Where it was mostly the hypervisor, less work on this machine would not help."""
    robbed = [
        run.model_copy(update={"validity": run.validity.model_copy(update={"steal_ratio": 0.3})})
        for run in discarded(3, "the hypervisor took 30% of a CPU away")
    ]
    (own,) = validity.check(case(discarded=(*robbed, *discarded(1))))
    assert own.outcome is Outcome.INVALID
    assert own.hint.startswith("Its hypervisor gives CPU time to other machines")
