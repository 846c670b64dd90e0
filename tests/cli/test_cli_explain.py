"""``perfgate demand explain``: what each lever does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from builders import config, dependent, ledger, record
from incident_records import FOLDER, WEIGHTS, incident_path

from cli.command_line import Finished
from perfgate.baseline.capacity import capacity_record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from perfgate.baseline.record import WeightsOfRecord

GOLDEN = """\
auth on 2018-07-18: 291 requests/s from 3 dependents; 302/s of the service rate are certain

                                        headroom  retry-safe      regime stall borne  drained in
------------------------------------------------------------------------------------------------
as it is                                    1.04        0.38  metastable      5.09 s       134 s
attempts 2                                  1.04        0.56  metastable      5.09 s       134 s
budget per_success:0.1                      1.04        1.04      stable         any       134 s
timeout 2 s                                 1.04        0.38  metastable      2.04 s       never
instances +1                                2.07        0.76  metastable      7.91 s      4.65 s
all together                                2.07        2.07      stable         any      4.72 s

budget per_success:0.1: with that it recovers by itself, whatever upsets it.
As it is, allowing for what is uncertain about rate, peaks and plans, the demand of 2018-07-18
exceeds the service rate with a chance of 17.5 %; 5 % is the most. Most doubtful is what
smtp-inbound sends: 96/s, give or take 17 %.
A headroom of 1.25 is required. Stall borne: after a longer one the queue stays. Drained in: so long
after a stall of 5 s its queue is gone.

Service rate of record: 308/s (302 to 314/s with a chance of 95 %, 5 runs), auth 333333333333,
measured 2018-07-10 on x86-64-2cpu-intel-r-xeon-r-2-20ghz-kvm.
Production is taken to be 1 instance of that machine's speed, as no production rate is declared.
Under overload it is taken to serve as much; that rate has not been measured.
"""


def explain(perfgate: Callable[..., Finished], *words: object) -> Finished:
    """Ask about the slow build on the day of the migration."""
    return perfgate(
        "demand", "explain", "--of", incident_path("slow-build"), "--on", "2018-07-18", *words
    )


def test_golden(perfgate: Callable[..., Finished]) -> None:
    """Each lever has a row, and all together have one."""
    levers = ("--attempts", 2, "--budget", "per_success:0.1", "--timeout", 2, "--instances", "+1")
    assert explain(perfgate, *levers) == Finished(0, GOLDEN, "")


def test_one_lever_is_not_told_twice(perfgate: Callable[..., Finished]) -> None:
    """A single lever needs no row for all together."""
    run = explain(perfgate, "--attempts", 2, "--dependent", "api-gateway")
    assert "api-gateway: attempts 2" in run.out
    assert "all together" not in run.out
    assert "None of this makes it stable." in run.out


def test_suggestions(perfgate: Callable[..., Finished]) -> None:
    """Without levers, those that help most are shown."""
    rows = explain(perfgate).out.splitlines()[4:]
    assert rows[0].startswith("as it is")
    assert rows[1].startswith("instances +2")
    assert rows[2].startswith("budget per_success:0.1")


def test_stable_as_it_is(perfgate: Callable[..., Finished]) -> None:
    """Where nothing is to be done, that is said."""
    run = explain(perfgate, "--instances", "+9", "--on", "2018-07-01")
    assert "instances +9: with that it recovers by itself" in run.out


def test_it_says_where_an_admission_would_fail(perfgate: Callable[..., Finished]) -> None:
    """A demand that is too likely to be too much is told, however stable retries are."""
    told = "is the most. Most doubtful is what smtp-inbound sends"
    assert told in " ".join(explain(perfgate, "--attempts", 1).out.split())
    assert told not in " ".join(explain(perfgate, "--on", "2018-07-01").out.split())


def test_the_last_instance_stays(perfgate: Callable[..., Finished]) -> None:
    """A service without instances is not worked out."""
    run = explain(perfgate, "--instances", "-1")
    assert (run.code, run.out) == (2, "")
    assert "--instances -1 would leave none of 1 instance" in run.err


@pytest.mark.parametrize(
    ("weights", "certain", "told"),
    [(WEIGHTS, "261/s", False), (None, "196/s", True)],
)
def test_the_rate_is_that_of_the_mix_of_the_day(
    perfgate: Callable[..., Finished],
    project: Path,
    weights: WeightsOfRecord | None,
    certain: str,
    *,
    told: bool,
) -> None:
    """Where the ledger's mix is not the measured one, so is the rate; what is not known is told."""
    mixed = ledger(dependent(mix={"introspect": 0.8, "login": 0.2}))
    exported = capacity_record(config(), mixed, record(weights=weights))
    (project / "auth.json").write_text(exported.to_text())
    run = perfgate("demand", "explain", "--of", "auth.json", "--on", "2026-11-24")
    assert f"{certain} of the service rate are certain" in run.out
    assert ("is not known, as single operations were not measured" in run.out) == told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--budget", "per_sucess:0.1"), "'none', 'per_request', 'per_success' or 'concurrency'"),
        (("--budget", "per_success"), "needs a ratio"),
        (("--instances", "-1"), "Leave one at least"),
        (("--attempts", 0), "not in the range"),
        (("--timeout", "nan"), "is not a time like 60s"),
        (("--instances", 10**30), "not in the range"),
        (("--instances", "+1", "--imbalance", 2.5), "gets from 1 to 2 times the mean load"),
        (("--imbalance", "nan"), "--imbalance nan cannot be with 1 instance"),
        (("--dependent", "smtp-inbund"), 'did you mean "smtp-inbound"?'),
    ],
)
def test_wrong_levers(
    perfgate: Callable[..., Finished], words: tuple[object, ...], told: str
) -> None:
    """What is no lever exits with 2 and says what is one."""
    run = explain(perfgate, *words)
    assert (run.code, run.out) == (2, "")
    assert told in run.err


def test_picture(perfgate: Callable[..., Finished]) -> None:
    """The picture shows the least that ends the danger, or what is given, and is the same twice."""
    named = explain(perfgate, "--picture")
    assert named == explain(perfgate, "--picture")
    assert named.out.startswith(
        "Simulated: a stall of 6.37 s (more than the shortest that would do) at 291"
    )
    assert "with a retry budget of 10 % of successes for all who retry" in named.out
    assert "headroom" not in named.out
    given = explain(perfgate, "--picture", "--attempts", 2, "--instances", "+1")
    assert "with attempts 2, instances +1" in given.out
    assert given.out.startswith(
        "Simulated: a stall of 6.37 s (more than the shortest that would do) at 291"
    )


def test_the_page_shows_the_picture(perfgate: Callable[..., Finished]) -> None:
    """What docs/admission.md draws of the incident is what perfgate draws."""
    drawn = explain(perfgate, "--picture", "--attempts", 2, "--instances", "+1").out
    assert f"\n{drawn}```\n" in (FOLDER.parent.parent / "docs" / "admission.md").read_text()
