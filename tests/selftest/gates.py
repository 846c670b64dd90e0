"""Trials and selftests made by hand: what gates of all kinds say to harms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from builders import Build, case, config, incident, terms

from perfgate.selftest.harm import Harm, Kind, Tally
from perfgate.selftest.outcome import Selftest, Trial
from perfgate.verdict.judge import judge

if TYPE_CHECKING:
    from collections.abc import Mapping

HARM = {
    Kind.NOTHING: Harm(Kind.NOTHING),
    Kind.LATENCY: Harm(Kind.LATENCY, wait_s=0.006),
    Kind.CPU: Harm(Kind.CPU, burn_s=0.0006),
    Kind.ERRORS: Harm(Kind.ERRORS, one_in=10),
}
# What the candidate then is like.
LIKE = {
    Kind.NOTHING: Build(),
    Kind.LATENCY: Build(latency=0.8, capacity=0.6),
    Kind.CPU: Build(cost=0.262, capacity=0.25, saturated=0.25),
    Kind.ERRORS: Build(failed={"introspect": 24, "login": 3}),
}
ALL = tuple(Kind)
MET = Tally(2510, 251)
WIDE = {"margins": {"slowdown": 0.9, "tolerance": 0.8, "latency": 4.0, "operation": 0.9}}


def trial(
    kind: Kind,
    candidate: Build | None = None,
    *,
    noise: float = 0.002,
    sections: Mapping[str, object] | None = None,
) -> Trial:
    """Return a trial in which the candidate is like one with that harm, or as it is said."""
    own = LIKE[kind] if candidate is None else candidate
    measured = case(own, noise=noise, held_to=terms(config=config(**sections or {})))
    return Trial(HARM[kind], 64.0, MET, measured, judge(measured))


def died() -> Trial:
    """Return the trial of a service that does not come through beside itself."""
    measured = case(count=0, incidents=(incident(build="base"),))
    return Trial(HARM[Kind.NOTHING], 30.0, Tally(20, 0), measured, judge(measured))


def unmet(kind: Kind) -> Trial:
    """Return a trial in which no request met the harm."""
    own = trial(kind, Build())
    return Trial(own.harm, own.seconds, Tally(2510, 0), own.case, own.verdict)


def troubled(kind: Kind) -> Trial:
    """Return a trial that came to no verdict."""
    return Trial(HARM[kind], 12.0, trouble="Locust did not end within 90 s")


def selftest(*trials: Trial) -> Selftest:
    """Return a selftest of these trials, and of the right one for each kind that has none."""
    own = {made.harm.kind: made for made in trials}
    return Selftest("auth", ALL, tuple(own.get(kind) or trial(kind) for kind in ALL))


AWAKE = selftest()
ASLEEP = selftest(trial(Kind.CPU, sections=WIDE), trial(Kind.ERRORS, Build()))
ALARMED = selftest(trial(Kind.NOTHING, Build(cost=0.2)))
NOISY = selftest(trial(Kind.NOTHING, noise=0.1), trial(Kind.CPU, noise=0.3))
TROUBLED = selftest(troubled(Kind.LATENCY), unmet(Kind.ERRORS))
UNTRIED = Selftest("auth", ALL, (died(),))
