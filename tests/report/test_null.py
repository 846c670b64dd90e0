"""What a check could have seen, by the noise of its sessions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from builders import Build, case, config, incident, terms

from perfgate.report.formats import FORMATS
from perfgate.report.null import null_of, what_shows
from perfgate.verdict.finding import Outcome
from perfgate.verdict.judge import judge

if TYPE_CHECKING:
    from perfgate.verdict.case import Case

DECIDED = {
    Outcome.PASS: case(),
    Outcome.FAIL: case(Build(cost=math.log(1.3), capacity=math.log(1.3))),
    Outcome.INCONCLUSIVE: case(count=10, noise=0.06),
}


@pytest.mark.parametrize("outcome", DECIDED)
@pytest.mark.parametrize("format_", FORMATS)
def test_every_report_has_it(outcome: Outcome, format_: str) -> None:
    """Law: whatever the outcome and the format, a report tells the noise and what would show."""
    judged = DECIDED[outcome]
    verdict = judge(judged)
    assert verdict.outcome is outcome
    text = " ".join(FORMATS[format_](judged, verdict).split())
    if format_ == "json":
        assert '"session_sd_percent"' in text
        assert '"detectable_percent"' in text
    elif format_ == "prometheus":
        assert "perfgate_session_sd_ratio{" in text
        assert "perfgate_detectable_ratio{" in text
    else:
        assert what_shows(judged).split(".", maxsplit=1)[0] in text.replace("\\", "")
        assert "is found 80 times in 100" in text


def test_it_is_of_the_look_that_decided() -> None:
    """Sessions beyond the deciding look add nothing."""
    early, late = case(count=4), case(count=10)
    assert null_of(early) == null_of(late)


def test_less_noise_shows_smaller_losses() -> None:
    """Law: what is found grows in proportion to the noise, from the tolerance up."""
    tolerance = math.log(1.01)
    quiet, loud = (null_of(case(noise=noise)) for noise in (0.001, 0.002))
    assert quiet is not None
    assert loud is not None
    for name, own in quiet.metrics.items():
        beyond = [
            math.log1p(one.detectable_percent / 100) - tolerance
            for one in (own, loud.metrics[name])
        ]
        assert beyond[1] == pytest.approx(2 * beyond[0])
        assert own.at_last_look_percent < own.detectable_percent


def test_the_last_look_promises_no_more() -> None:
    """At the last look there are no sessions to come."""
    last = case(held_to=terms(config=config(profiles={"default": {"looks": [4]}})))
    assert "would be" in what_shows(case())
    assert "would be" not in what_shows(last)


@pytest.mark.parametrize(
    "blind", [case(base=None), case(count=3), case(count=0, incidents=(incident(),))]
)
def test_nothing_is_claimed_without_a_look(blind: Case) -> None:
    """Where no look was reached, it is said that nothing is known."""
    assert null_of(blind) is None
    assert "not known" in what_shows(blind)
