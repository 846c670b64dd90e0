"""What is known ahead of a run: the noise that `perfgate calibrate` found here, and so the plan.

Nothing is measured, judged or printed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from perfgate.analysis.resolution import Pace
from perfgate.baseline.noise import noise_path, read_noise, still_holds
from perfgate.gate import alone_s, demand_run_s, session_s
from perfgate.machine import read_environment
from perfgate.report.blame import known_lines, plan_of_search, progress_line
from perfgate.report.calibration import about, foretold
from perfgate.search import SETTLED_TRIALS, least_s, most_s
from perfgate.selftest.harm import Kind
from perfgate.upheaval import longest_s, shortest_s
from perfgate.verdict.finding import counted
from perfgate.verdict.noise import remembered

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from perfgate.config.models import Profile
    from perfgate.measurement.models import Environment
    from perfgate.verdict.bisection import Bisection
    from perfgate.verdict.fitness import Rehearsal
    from perfgate.wish import Wish


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a check: what is told of it ahead, and how long it takes at least and at most."""

    told: str
    soon_s: float
    most_s: float


def store_of(wish: Wish) -> Path:
    """Return the directory of the store."""
    return wish.loaded.root / wish.loaded.config.baseline.directory


def known_noise(wish: Wish, environment: Environment) -> Rehearsal | None:
    """Return what is known of this service on this kind of machine, in sessions as they are now.

    None where nothing is. Raises StoreError for a record that cannot be read.
    """
    config = wish.loaded.config
    profile = config.profiles[wish.profile]
    record = read_noise(noise_path(store_of(wish), wish.profile, environment))
    if record is None or not still_holds(record, config.service, profile):
        return None
    return remembered(record, config)


def ahead(wish: Wish) -> list[str]:
    """Return in sentences what a check will do here, how long that takes and what it can find."""
    parts = [_alone_ahead(wish) if _is_alone(wish) else _compared_ahead(wish)]
    parts += [_recovery_ahead(wish)] if wish.recovery else []
    parts += [search_ahead(wish)] if wish.find_capacity else []
    told = [part.told for part in parts]
    if len(parts) == 1:
        return told
    whole = about(sum(part.soon_s for part in parts), sum(part.most_s for part in parts))
    return [*told, f"plan: in all {whole}"]


def _is_alone(wish: Wish) -> bool:
    """Tell whether no base is to be measured."""
    return wish.quick or wish.stored or wish.loaded.config.target.url is not None


def _alone_ahead(wish: Wish) -> Part:
    """Return a check of the candidate alone, which ends at its first look."""
    config = wish.loaded.config
    profile = config.profiles[wish.profile]
    pace = Pace(demand_run_s(profile), alone_s(profile), config.budget.sessions_s)
    sessions, _ = pace.span(_looks(profile, pace))
    seconds = pace.check_s(sessions)
    compared = "is told by the stored baseline" if wish.stored else "is not asked"
    told = (
        f"plan: the required rate, then {counted(sessions, 'session')} of the candidate alone, "
        f"{about(seconds, seconds)}; whether it got worse than its base {compared}"
    )
    return Part(told, seconds, seconds)


def _compared_ahead(wish: Wish) -> Part:
    """Return a check beside a base, and what it can find."""
    pace, looks, known = _pace(wish)
    soon_s, most_s = map(pace.check_s, pace.span(looks))
    return Part(foretold(pace, looks, known), soon_s, most_s)


def _pace(wish: Wish) -> tuple[Pace, tuple[int, ...], Rehearsal | None]:
    """Return pace and looks of a check, and what they are known from; None where they are guessed.

    Raises StoreError for a record that cannot be read.
    """
    config = wish.loaded.config
    profile = config.profiles[wish.profile]
    known = known_noise(wish, read_environment())
    if known and known.resolution:
        return known.resolution.pace, known.resolution.plan.looks, known
    guess = Pace(demand_run_s(profile), session_s(profile), config.budget.sessions_s)
    return guess, _looks(profile, guess), None


def _looks(profile: Profile, pace: Pace) -> tuple[int, ...]:
    """Return the looks that are configured, or else those that the budget affords."""
    return profile.looks or pace.looks()


def selftest_ahead(wish: Wish, wanted: Sequence[Kind]) -> str:
    """Return in a sentence what a selftest will do here and how long it will take."""
    pace, looks, _ = _pace(wish)
    fewest, last = pace.span(looks)
    # Errors are found by the first session, all else at a look.
    first = [1 if kind is Kind.ERRORS else fewest for kind in wanted]
    soon, most = sum(map(pace.check_s, first)), len(first) * pace.check_s(last)
    return (
        f"plan: {counted(len(wanted), 'check')} of the service beside itself, with "
        f"{', '.join(wanted)} in front of one; about {round(soon, -1):.0f} s, and up to "
        f"{round(most, -1):.0f} s where sessions differ much"
    )


def _recovery_ahead(wish: Wish) -> Part:
    """Return what will be tried of recovery: the base only where the candidate stays down."""
    test, alone = wish.loaded.config.recovery, _is_alone(wish)
    soon_s, most_s = shortest_s(test), longest_s(test, 1 if alone else 2)
    down = "the candidate stays" if alone else "candidate and base stay"
    told = (
        f"plan: then an overload; about {soon_s:.0f} s if callers are served again at once, up to "
        f"{most_s:.0f} s if {down} down"
    )
    return Part(told, soon_s, most_s)


def bisection_ahead(bisection: Bisection, wish: Wish) -> list[str]:
    """Return what a search for a commit knows already, and how long the rest of it will take."""
    if bisection.looks:
        return [*known_lines(bisection), progress_line(bisection)]
    config = wish.loaded.config
    profile = config.profiles[wish.profile]
    first_s, each_s = demand_run_s(profile), session_s(profile)
    pace = Pace(first_s, each_s, config.budget.sessions_s)
    return [plan_of_search(len(bisection.line), _looks(profile, pace), pace)]


def search_ahead(wish: Wish) -> Part:
    """Return the search for mu_SLO."""
    shape = wish.loaded.config.search
    most = counted(shape.trials, "trial")
    sooner = f", {SETTLED_TRIALS} if they agree" if shape.trials > SETTLED_TRIALS else ""
    shortest, longest = least_s(shape), most_s(shape)
    told = (
        f"plan: then up to {most} of {shape.trial_s:g} s to find the highest rate that keeps every "
        f"promise{sooner}; {about(shortest, longest)}"
    )
    return Part(told, shortest, longest)
